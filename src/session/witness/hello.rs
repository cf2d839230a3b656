//! TLS hellos, read as far as they are there (RFC 8446 §4.1).

use crate::event::Tls;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// Reads what both sides begin with; `None` where neither begins with a TLS record.
pub(super) fn tls(client: &[u8], server: &[u8]) -> Option<Tls> {
    let asked = hello(client, CLIENT_HELLO);
    let answered = hello(server, SERVER_HELLO);
    if asked.is_none() && answered.is_none() {
        // A later record is TLS too, though it says nothing.
        return is_record(client).then(Tls::default).or_else(|| is_record(server).then(Tls::default));
    }
    let asked = asked.unwrap_or_default();
    let answered = answered.unwrap_or_default();
    Some(Tls {
        version: answered.version.map(|version| version_name(version).into()),
        cipher: answered.cipher.map(|cipher| cipher_name(cipher).into()),
        sni: asked.sni.map(Into::into),
        // TLS 1.3 encrypts what the server chose; what the client alone offers is no choice.
        alpn: answered.alpn.or(asked.only_alpn).map(Into::into),
        ..Tls::default()
    })
}

#[derive(Default)]
struct Hello {
    version: Option<u16>,
    cipher: Option<u16>,
    sni: Option<String>,
    /// The first protocol in the list.
    alpn: Option<String>,
    /// The same, where it is the only one.
    only_alpn: Option<String>,
}

/// Tells whether bytes begin with a TLS record.
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23, 3, 0..=4, high, _, ..] if *high <= 0x48)
}

/// Reads a hello of one kind, as far as it goes.
fn hello(bytes: &[u8], kind: u8) -> Option<Hello> {
    if !is_record(bytes) || bytes.first() != Some(&HANDSHAKE) {
        return None;
    }
    let body = bytes.get(5..)?;
    if body.first() != Some(&kind) {
        return None;
    }
    let mut found = Hello::default();
    // What is cut off is not told; the rest is.
    let _: Option<()> = read(&mut Reader(body.get(4..)?), kind, &mut found);
    Some(found)
}

fn read(from: &mut Reader<'_>, kind: u8, found: &mut Hello) -> Option<()> {
    let version = from.number(2)?;
    from.take(32)?;
    from.list(1)?;
    if kind == CLIENT_HELLO {
        from.list(2)?;
        from.list(1)?;
    } else {
        found.version = Some(version);
        found.cipher = Some(from.number(2)?);
        from.take(1)?;
    }
    let length = from.number(2)?;
    let mut extensions = Reader(from.0.get(..usize::from(length)).unwrap_or(from.0));
    loop {
        let name = extensions.number(2)?;
        let mut body = Reader(extensions.list(2)?);
        match name {
            SERVER_NAME if kind == CLIENT_HELLO => {
                let mut names = Reader(body.list(2)?);
                names.take(1)?;
                found.sni = Some(String::from_utf8_lossy(names.list(2)?).into_owned());
            }
            ALPN => {
                let mut names = Reader(body.list(2)?);
                let first = String::from_utf8_lossy(names.list(1)?).into_owned();
                if names.0.is_empty() {
                    found.only_alpn = Some(first.clone());
                }
                if kind == SERVER_HELLO {
                    found.alpn = Some(first);
                }
            }
            SUPPORTED_VERSIONS if kind == SERVER_HELLO => found.version = Some(body.number(2)?),
            _ => {}
        }
    }
}

/// Bytes that are read from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads a number of one or two bytes.
    fn number(&mut self, bytes: usize) -> Option<u16> {
        Some(self.take(bytes)?.iter().fold(0, |number: u16, byte| number << 8 | u16::from(*byte)))
    }

    /// Reads what stands behind a length of one or two bytes.
    fn list(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length.into())
    }
}

fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "1.0".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0304 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

fn cipher_name(cipher: u16) -> String {
    let known = match cipher {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        other => return format!("0x{other:04x}"),
    };
    known.to_owned()
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
