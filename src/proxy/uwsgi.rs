//! A web server's request to an application in the binary uwsgi protocol: a header of four bytes, then variables.

use super::{Invalid, Parsed, Sniff};

/// A request, converted to the head of an HTTP/1.1 request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The head, assembled from the variables.
    pub(super) head: Vec<u8>,
    /// The client, if its address and port are given.
    pub(super) client: Option<Box<str>>,
    /// The server that received it.
    pub(super) server: Option<Box<str>>,
}

/// Returns whether the bytes may begin with a request: a size, then a name in capital letters that fits into it.
pub(super) fn begins(bytes: &[u8]) -> Sniff {
    // The first modifier is 0 for an application in Python, 5 for Perl, 7 for Ruby; the last one is rarely set.
    match *bytes {
        [] => Sniff::NeedMore,
        [0 | 5 | 7] | [0 | 5 | 7, _] | [0 | 5 | 7, _, _] => Sniff::NeedMore,
        [0 | 5 | 7, s0, s1, _, ref vars @ ..] => {
            let size = usize::from(u16::from_le_bytes([s0, s1]));
            match *vars {
                [k0, k1, ref name @ ..] => {
                    let length = usize::from(u16::from_le_bytes([k0, k1]));
                    let fits = (2..64).contains(&length) && length.saturating_add(4) <= size;
                    let name = name.get(..length).unwrap_or(name);
                    match fits && name.iter().all(|byte| is_capital(*byte)) {
                        true if name.len() == length => Sniff::Yes,
                        true => Sniff::NeedMore,
                        false => Sniff::No,
                    }
                }
                _ if size < 6 => Sniff::No,
                _ => Sniff::NeedMore,
            }
        }
        _ => Sniff::No,
    }
}

const fn is_capital(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_')
}

/// Parses a complete request.
pub(super) fn request(bytes: &[u8]) -> Parsed<Request> {
    let (&[_, s0, s1, _], rest) = bytes.split_first_chunk::<4>()?;
    let vars = rest.get(..usize::from(u16::from_le_bytes([s0, s1])))?;
    let length = vars.len().checked_add(4)?;
    Some(variables(vars).map(|vars| (build(&vars), length)).ok_or(Invalid))
}

/// Parses variables, which must fill their space exactly.
fn variables(mut bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (name, rest) = text(bytes)?;
        let (value, rest) = text(rest)?;
        all.push((name, value));
        bytes = rest;
    }
    Some(all)
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// Reconstructs the original head. A variable's name has lost the case and the hyphens of the field name.
fn build(vars: &[(&[u8], &[u8])]) -> Request {
    let named = |wanted: &[u8]| vars.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let method = named(b"REQUEST_METHOD").unwrap_or(b"GET");
    let target = named(b"REQUEST_URI").or_else(|| named(b"PATH_INFO")).unwrap_or(b"/");
    let version = named(b"SERVER_PROTOCOL").unwrap_or(b"HTTP/1.1");
    let mut head = [method, b" ", target, b" ", version, b"\r\n"].concat();
    for (name, value) in vars {
        let field = match *name {
            b"CONTENT_LENGTH" | b"CONTENT_TYPE" if !value.is_empty() => name,
            name => match name.strip_prefix(b"HTTP_") {
                Some(field) => field,
                None => continue,
            },
        };
        head.extend(field_name(field));
        head.extend_from_slice(b": ");
        head.extend(value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let end = |address: &[u8], port: &[u8]| {
        let text = |name| named(name).and_then(|value| std::str::from_utf8(value).ok());
        Some(format!("{}:{}", text(address)?, text(port)?).into())
    };
    Request { head, client: end(b"REMOTE_ADDR", b"REMOTE_PORT"), server: end(b"SERVER_NAME", b"SERVER_PORT") }
}

/// Converts a variable's name to a field name, capitalising each word.
fn field_name(name: &[u8]) -> Vec<u8> {
    /// Names with a different spelling.
    const OWN: [(&[u8], &[u8]); 3] =
        [(b"SEC_WEBSOCKET_", b"Sec-WebSocket-"), (b"DNT", b"DNT"), (b"TE", b"TE")];
    let own =
        OWN.iter().find(|(known, _)| name.starts_with(known) && (known.ends_with(b"_") || name == *known));
    let (mut out, rest) = match own {
        Some((known, written)) => (written.to_vec(), name.get(known.len()..).unwrap_or_default()),
        None => (Vec::new(), name),
    };
    let mut begins = true;
    for byte in rest {
        out.push(match byte {
            b'_' => b'-',
            byte if begins => *byte,
            byte => byte.to_ascii_lowercase(),
        });
        begins = *byte == b'_';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in super::super) fn packet(vars: &[(&str, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for text in vars.iter().flat_map(|(name, value)| [name, value]) {
            body.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            body.extend_from_slice(text.as_bytes());
        }
        let size = u16::try_from(body.len()).unwrap().to_le_bytes();
        [&[0, size[0], size[1], 0][..], &body].concat()
    }

    const VARS: [(&str, &str); 7] = [
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", "/chat?x=1"),
        ("HTTP_HOST", "h"),
        ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("HTTP_UPGRADE", "websocket"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "56324"),
    ];

    #[test]
    fn a_request_becomes_the_head_it_was_made_from() {
        let bytes = packet(&VARS);
        let (request, length) = request(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        let head = "GET /chat?x=1 HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                    Upgrade: websocket\r\n\r\n";
        assert_eq!(String::from_utf8(request.head).unwrap(), head);
        assert_eq!(request.client.as_deref(), Some("192.0.2.7:56324"));
    }

    #[test]
    fn what_is_not_whole_and_what_is_no_request() {
        let bytes = packet(&VARS);
        for end in 0..bytes.len() {
            assert_ne!(begins(&bytes[..end]), Sniff::No, "{end}");
            assert_eq!(request(&bytes[..end]), None, "{end}");
        }
        assert_eq!(begins(&bytes), Sniff::Yes);
        for other in [&b"\0\x10\0\0\x04\0name"[..], b"GET / ", b"\x16\x03\x01", b"\0\x10\0\0\xff\xffAB"] {
            assert_eq!(begins(other), Sniff::No, "{other:?}");
        }
        let mut longer = bytes;
        longer[4] += 1;
        assert_eq!(request(&longer), Some(Err(Invalid)));
    }
}
