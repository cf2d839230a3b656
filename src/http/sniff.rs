use super::head;
use crate::model::Side;

/// The verdict on the bytes at the start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sniff {
    /// The head of a request begins here.
    Request,
    /// The head of a response begins here.
    Response,
    /// Neither.
    Neither,
    /// The bytes are too few to decide.
    NeedMore,
}

const METHODS: [&[u8]; 9] =
    [b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"PUT", b"DELETE", b"PATCH", b"TRACE"];

/// Determines whether `bytes` begin with the head of an HTTP/1.x request or response.
///
/// A request is recognised if its first line is complete and ends in the version; or, if the line continues beyond
/// these bytes, if its method is a common one and is followed by a target of a valid form. Anything else is rejected at
/// the first byte that rules HTTP out.
pub fn looks_like(bytes: &[u8]) -> Sniff {
    match (begins(Side::Server, bytes), begins(Side::Client, bytes)) {
        (Some(true), _) => response(bytes),
        (_, Some(true)) => request(bytes),
        (Some(false), Some(false)) => Sniff::Neither,
        _ => Sniff::NeedMore,
    }
}

fn response(bytes: &[u8]) -> Sniff {
    let Some(start) = bytes.get(..13) else {
        // Without a reason phrase, the line may end after the status.
        return match head::line(bytes) {
            Some((text, ..)) if head::status_line(text).is_none() => Sniff::Neither,
            Some(_) => Sniff::Response,
            None => Sniff::NeedMore,
        };
    };
    let start = head::line(start).map_or(start, |(text, ..)| text);
    if head::status_line(start).is_some() { Sniff::Response } else { Sniff::Neither }
}

fn request(bytes: &[u8]) -> Sniff {
    if let Some((text, ..)) = head::line(bytes) {
        return if head::request_line(text).is_some() { Sniff::Request } else { Sniff::Neither };
    }
    let Ok((rest, method)) = head::method(bytes) else { return Sniff::Neither };
    let target = head::trim(rest);
    let form = match target.first() {
        None => return Sniff::NeedMore,
        Some(b'/' | b'*') => true,
        Some(first) => first.is_ascii_alphanumeric() || *first == b'[',
    };
    if !form || target.iter().any(|&b| b < b' ' && b != b'\t') {
        Sniff::Neither
    } else if METHODS.contains(&method) {
        Sniff::Request
    } else {
        Sniff::NeedMore
    }
}

/// Determines from the first few bytes whether a head of `side` may begin here; `None` if they are too few.
///
/// The result never changes when more bytes arrive.
pub(super) fn begins(side: Side, bytes: &[u8]) -> Option<bool> {
    const VERSION: &[u8] = b"HTTP/1.";
    if side == Side::Server {
        let same = bytes.iter().zip(VERSION).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        return match bytes.get(same) {
            _ if same == VERSION.len() => Some(true),
            Some(_) => Some(false),
            None => None,
        };
    }
    let method =
        bytes.iter().take(25).take_while(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_')).count();
    match bytes.get(method) {
        _ if method > 24 => Some(false),
        Some(&b) => Some(method >= 3 && head::is_blank(b) && bytes.get(..method) != Some(b"PRI")),
        None => None,
    }
}

/// Returns whether a frame of `side` may begin here (RFC 6455 §5.2); strict, because the alternative is text.
pub fn is_frame(side: Side, bytes: &[u8]) -> bool {
    let [first, second, ..] = *bytes else { return false };
    let (control, length) = (first & 8 != 0, second & 0x7f);
    let known = matches!(first & 15, 0 | 1 | 2 | 8 | 9 | 10) && first & 0x30 == 0;
    let begins = first & 0x80 != 0 || matches!(first, 1 | 2);
    known && begins && (second & 0x80 != 0) == (side == Side::Client) && (!control || length <= 125)
}

/// Returns the end of a head whose beginning is missing: lines of text, then an empty one.
pub(super) fn tail_of_head(bytes: &[u8]) -> usize {
    let text = |b: &u8| matches!(b, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let end = head::BlankLine::default().find(bytes).unwrap_or(0);
    if bytes.get(..end).is_some_and(|head| head.iter().all(text)) { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests() {
        for text in [
            "GET / HTTP/1.1\r\n",
            "GET /a",
            "GET http://h/ HTTP/1.0\r\n",
            "CONNECT h:443 HTTP/1.1\r\n",
            "OPTIONS *",
        ] {
            assert_eq!(looks_like(text.as_bytes()), Sniff::Request, "{text}");
        }
    }

    #[test]
    fn responses() {
        for text in ["HTTP/1.1 101 x", "HTTP/1.0 200\r\n", "HTTP/1.1 200\nA"] {
            assert_eq!(looks_like(text.as_bytes()), Sniff::Response, "{text}");
        }
    }

    #[test]
    fn other_protocols() {
        let others: [&[u8]; 9] = [
            b"\x16\x03\x01",
            b"SSH-2",
            b"PRI * HTTP/2.0\r\n",
            b"220 mail",
            b"EHLO x\r\n",
            b"\x81\x05hello",
            b"HTTP/2 200",
            b"INVITE sip:a@b SIP/2.0\r\n",
            b"HTTP/1.1 1010 x",
        ];
        for bytes in others {
            assert_eq!(looks_like(bytes), Sniff::Neither, "{bytes:?}");
        }
    }

    #[test]
    fn too_few_bytes() {
        for text in ["", "G", "GET", "GET ", "HTTP/1.1 10", "H", "EHLO x"] {
            assert_eq!(looks_like(text.as_bytes()), Sniff::NeedMore, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_never_changes(text in "(GET|HTTP/1\\.|PRI|[A-Za-z-]{1,26}) ?[ -~]{0,3}", cut in 0_usize..30) {
            let bytes = text.as_bytes();
            for side in Side::BOTH {
                if let early @ Some(_) = begins(side, &bytes[..cut.min(bytes.len())]) {
                    prop_assert_eq!(begins(side, bytes), early);
                }
            }
        }
    }
}
