//! Members that occur in several kinds of lines.

use std::io::Write;

use super::super::text::{boolean, number, put, text};
use crate::event::Tls;
use crate::model::Endpoint;

/// Appends both endpoints.
pub(super) fn ends(client: Endpoint, server: Endpoint, out: &mut Vec<u8>) {
    for (key, end) in [(r#","client":{"ip":""#, client), (r#","server":{"ip":""#, server)] {
        put(out, key);
        // Writing to memory cannot fail.
        let _ = write!(out, "{}", end.ip);
        put(out, r#"","port":"#);
        number(out, end.port);
        put(out, "}");
    }
}

/// Appends the negotiated TLS parameters.
pub(super) fn tls(tls: &Tls, out: &mut Vec<u8>) {
    let Tls { version, cipher, sni, alpn, resumed, early_data, ja4, keys, .. } = tls;
    put(out, "{");
    let texts = [
        (r#""version":"#, version),
        (r#""cipher":"#, cipher),
        (r#""sni":"#, sni),
        (r#""alpn":"#, alpn),
        (r#""ja4":"#, ja4),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            text(key, Some(value), out);
            put(out, ",");
        }
    }
    for (key, value) in [(r#""resumed":"#, resumed), (r#""early_data":"#, early_data)] {
        if let Some(value) = value {
            put(out, key);
            boolean(out, *value);
            put(out, ",");
        }
    }
    match keys {
        Some(keys) => text(r#""keys":"#, Some(keys), out),
        None => put(out, r#""keys":null"#),
    }
    put(out, "}");
}
