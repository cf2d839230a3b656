//! Recognition of TLS by the first bytes of both sides, as far as they are available (RFC 8446 §4.1).

use crate::event::Tls;
use crate::hello::{ClientHello, ServerHello, suite, version_name};
use crate::model::{Pair, Side};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Reads the first bytes of both sides; returns `None` if neither begins with a TLS record.
pub(super) fn tls(client: &[u8], server: &[u8]) -> Option<Tls> {
    let asked = body(client, CLIENT_HELLO);
    let answered = body(server, SERVER_HELLO);
    if asked.is_none() && answered.is_none() {
        // A later record is TLS too, but carries no details.
        return (is_record(client) || is_record(server)).then(Tls::default);
    }
    let asked = asked.and_then(ClientHello::parse);
    let answered = answered.and_then(ServerHello::parse);
    let offered = asked.as_ref().map(|hello| hello.extensions.alpn()).unwrap_or_default();
    let chosen = answered.as_ref().and_then(|hello| hello.extensions.alpn().into_iter().next());
    let text = |name: &Vec<u8>| String::from_utf8_lossy(name).into_owned();
    let names: Vec<_> = offered.iter().map(text).collect();
    // TLS 1.3 encrypts the server's choice; a client's offer counts only if it is the only one.
    let alpn = chosen.or_else(|| <[_; 1]>::try_from(offered).ok().map(|[only]| only));
    let version = answered.as_ref().map(ServerHello::version);
    Some(Tls {
        version: version.map(|it| version_name(it).map_or_else(|| format!("0x{it:04x}").into(), Into::into)),
        cipher: answered.map(|hello| suite::name(hello.suite)),
        sni: asked.and_then(|hello| hello.server_name()),
        offered: (alpn.is_none() && !names.is_empty()).then(|| names.join(", ").into()),
        alpn: alpn.map(|name| text(&name).into()),
        ..Tls::default()
    })
}

/// Returns which side is TLS's client, according to a hello.
pub(super) fn client_of(heads: Pair<&[u8]>) -> Option<Side> {
    let is_client =
        |side: Side| body(heads[side], CLIENT_HELLO).is_some() || body(heads[!side], SERVER_HELLO).is_some();
    Side::BOTH.into_iter().find(|side| is_client(*side))
}

/// Returns whether a side's first bytes are complete: those of a TLS handshake record, up to a limit of `most` bytes.
pub(super) fn is_whole(head: &[u8], most: usize) -> bool {
    match head {
        [HANDSHAKE, 3, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            head.len() >= length.saturating_add(5).min(most)
        }
        [HANDSHAKE] | [HANDSHAKE, 3, ..] => false,
        _ => !head.is_empty(),
    }
}

/// Returns whether bytes begin with a TLS record.
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23, 3, 0..=4, high, _, ..] if *high <= 0x48)
}

/// Returns the body of a hello of the given kind, as far as it is available.
fn body(bytes: &[u8], kind: u8) -> Option<&[u8]> {
    let message = bytes.get(5..).filter(|_| is_record(bytes) && bytes.first() == Some(&HANDSHAKE))?;
    message.get(4..).filter(|_| message.first() == Some(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
        let inner = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[22, 3, 1, length[0], length[1], kind, 0, inner[0], inner[1]], body].concat()
    }

    fn client() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        let sni = [0, 0, 0, 9, 0, 7, 0, 0, 4, b'h', b'o', b's', b't'];
        let alpn = [0, 16, 0, 14, 0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1'];
        body.extend(u16::try_from(sni.len() + alpn.len()).unwrap().to_be_bytes());
        body.extend(sni);
        body.extend(alpn);
        record(1, &body)
    }

    fn server() -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0x13, 0x02, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
        record(2, &body)
    }

    #[test]
    fn both_hellos_say_what_was_agreed() {
        let it = tls(&client(), &server()).unwrap();
        assert_eq!((it.version.as_deref(), it.sni.as_deref()), (Some("1.3"), Some("host")));
        assert_eq!((it.cipher.as_deref(), it.alpn), (Some("TLS_AES_256_GCM_SHA384"), None));
        assert_eq!(it.offered.as_deref(), Some("h2, http/1.1"));
    }

    #[test]
    fn a_hello_is_waited_for_until_it_is_whole() {
        let hello = client();
        let whole: Vec<_> = (0..=hello.len()).filter(|end| is_whole(&hello[..*end], 2048)).collect();
        assert_eq!(whole, [hello.len()]);
        assert!(is_whole(b"G", 2048) && is_whole(&[&hello[..3], b"\xff\xff", &[0; 2048]].concat(), 2048));
    }

    #[test]
    fn a_hello_that_is_cut_says_what_is_there() {
        let whole = client();
        let names: Vec<_> = (0..=whole.len())
            .map(|end| tls(&whole[..end], b"").and_then(|it| it.sni))
            .filter(Option::is_some)
            .collect();
        assert!(!names.is_empty() && names.iter().all(|name| name.as_deref() == Some("host")));
        assert!(tls(b"\x17\x03\x03\x00\x20abc", b"").is_some());
        assert!(tls(b"GET / HTTP/1.1", b"\x16").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(client: Vec<u8>, server: Vec<u8>, kind in 1_u8..3) {
            tls(&record(kind, &client[..client.len().min(9000)]), &server);
            tls(&client, &server);
        }
    }
}
