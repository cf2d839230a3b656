//! Lines about a handshake.

use super::super::VERSION;
use super::super::community_id;
use super::super::string::string;
use super::super::text::{boolean, number, put, text};
use super::Lines;
use super::objects::{ends, tls};
use crate::event::{Conversation, Event, LowerLayers, Opening, Proxy, Reason, Rejected, Unshown};
use crate::http::{Accept, Field, Request, Response};
use crate::model::{DeflateSide, Pair};

impl Lines {
    pub(super) fn opened(&mut self, event: &Event<'_>, opening: &Opening, out: &mut Vec<u8>) {
        self.begin(r#"{"type":"open","v":"#, event, opening, out);
        if opening.handshake.is_none() {
            put(out, r#","handshake":null"#);
        }
        self.asked(opening, out);
        if let Some(handshake) = opening.handshake.as_deref() {
            self.response(handshake.response.as_ref(), out);
            if let Some(it) = &handshake.accept {
                accept(it, handshake.response.is_some(), out);
            }
            text(r#","subprotocol":"#, handshake.subprotocol.as_deref(), out);
            if let Some(it) = handshake.deflate {
                deflate(it, out);
            }
        }
        text(r#","transport":"#, Some(opening.transport.name()), out);
        if let Some(it) = opening.over.as_deref() {
            over(it, out);
        }
        put(out, "}");
    }

    pub(super) fn rejected(&mut self, event: &Event<'_>, rejected: &Rejected, out: &mut Vec<u8>) {
        let opening = &rejected.opening;
        self.begin(r#"{"type":"rejected","v":"#, event, opening, out);
        self.asked(opening, out);
        put(out, r#","answered":"#);
        boolean(out, rejected.status().is_some());
        self.response(opening.handshake.as_deref().and_then(|it| it.response.as_ref()), out);
        text(r#","why":"#, Some(&rejected.why()), out);
        if let Some(it) = opening.over.as_deref() {
            over(it, out);
        }
        put(out, "}");
    }

    /// Appends the line of a TLS connection, if that was requested.
    pub(super) fn unshown(&mut self, event: &Event<'_>, unshown: &Unshown, out: &mut Vec<u8>) {
        let Unshown { client, server, reason: Reason::Tls(it) | Reason::Decrypted(it), .. } = unshown else {
            return;
        };
        if !self.tls {
            return;
        }
        put(out, r#"{"type":"tls","time":"#);
        self.place(event, out);
        ends(*client, *server, out);
        put(out, r#","tls":"#);
        tls(it, out);
        put(out, "}");
    }

    fn begin(&mut self, head: &str, event: &Event<'_>, opening: &Opening, out: &mut Vec<u8>) {
        put(out, head);
        number(out, VERSION);
        put(out, r#","time":"#);
        self.place(event, out);
        ends(opening.client, opening.server, out);
        put(out, r#","community_id":"#);
        string(out, &community_id(opening.client, opening.server));
    }

    /// Appends the request of a conversation.
    fn asked(&self, opening: &Opening, out: &mut Vec<u8>) {
        text(r#","http":"#, opening.http(), out);
        let Some(handshake) = opening.handshake.as_deref() else { return };
        text(r#","url":"#, handshake.url.as_deref(), out);
        if self.wide {
            text(r#","host":"#, Conversation::of(opening).host(), out);
        }
        if let Some(Request { method, target, version, headers }) = &handshake.request {
            text(r#","request":{"method":"#, Some(method), out);
            text(r#","target":"#, Some(target), out);
            text(r#","version":"#, Some(version), out);
            self.headers(headers, out);
            put(out, "}");
        }
    }

    fn response(&self, response: Option<&Response>, out: &mut Vec<u8>) {
        let Some(Response { version: _, status, reason, headers }) = response else { return };
        put(out, r#","response":{"status":"#);
        number(out, *status);
        text(r#","reason":"#, Some(reason), out);
        self.headers(headers, out);
        put(out, "}");
    }

    fn headers(&self, headers: &[Field], out: &mut Vec<u8>) {
        put(out, r#","headers":"#);
        if self.wide {
            return by_name(headers, out);
        }
        put(out, "[");
        let mut comma = "[";
        for field in headers {
            put(out, comma);
            comma = ",[";
            string(out, &field.name);
            put(out, ",");
            string(out, &field.value);
            put(out, "]");
        }
        put(out, "]");
    }
}

/// Appends an object of arrays: the values of each name, in lower case, ordered by first occurrence.
fn by_name(headers: &[Field], out: &mut Vec<u8>) {
    put(out, "{");
    let mut comma = "";
    for (n, field) in headers.iter().enumerate() {
        let same = |other: &&Field| other.name.eq_ignore_ascii_case(&field.name);
        if headers.iter().take(n).any(|other| same(&other)) {
            continue;
        }
        put(out, comma);
        comma = ",";
        string(out, &field.name.to_ascii_lowercase());
        let mut before = ":[";
        for value in headers.iter().skip(n).filter(same) {
            put(out, before);
            before = ",";
            string(out, &value.value);
        }
        put(out, "]");
    }
    put(out, "}");
}

fn accept(accept: &Accept, answered: bool, out: &mut Vec<u8>) {
    let Accept { key, found, expected, valid } = accept;
    put(out, r#","accept":{"#);
    let start = out.len();
    text(r#","key":"#, key.as_deref(), out);
    text(r#","found":"#, found.as_deref(), out);
    text(r#","expected":"#, expected.as_deref(), out);
    // Without the request or the response, this is not known.
    if answered && (key.is_some() || expected.is_some()) {
        put(out, r#","valid":"#);
        boolean(out, *valid);
    }
    if out.len() > start {
        // The comma before the first member.
        out.remove(start);
    }
    put(out, "}");
}

fn deflate(deflate: Pair<DeflateSide>, out: &mut Vec<u8>) {
    put(out, r#","deflate":{"client_no_context_takeover":"#);
    boolean(out, deflate.client.no_context_takeover);
    put(out, r#","server_no_context_takeover":"#);
    boolean(out, deflate.server.no_context_takeover);
    put(out, r#","client_max_window_bits":"#);
    number(out, deflate.client.max_window_bits);
    put(out, r#","server_max_window_bits":"#);
    number(out, deflate.server.max_window_bits);
    put(out, "}");
}

fn over(over: &LowerLayers, out: &mut Vec<u8>) {
    if let Some(it) = &over.tls {
        put(out, r#","tls":"#);
        tls(it, out);
    }
    if let Some(Proxy { protocol, client, server }) = &over.proxy {
        text(r#","proxy":{"protocol":"#, Some(protocol), out);
        text(r#","client":"#, client.as_deref(), out);
        text(r#","server":"#, server.as_deref(), out);
        put(out, "}");
    }
}
