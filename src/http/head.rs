//! The grammar of HTTP/1.x heads (RFC 9112 §2–5), parsed leniently and without state.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while_m_n, take_while1};
use nom::character::complete::one_of;
use nom::combinator::{eof, recognize, verify};
use nom::{IResult, Parser};

/// The first line of a request (RFC 9112 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) version: &'a [u8],
}

/// The first line of a response (RFC 9112 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusLine<'a> {
    pub(super) version: &'a [u8],
    pub(super) status: u16,
    pub(super) reason: &'a [u8],
}

/// The content of a line of a head after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A field, with its folded lines joined and the blanks around its value removed.
    Field { name: &'a [u8], value: &'a [u8] },
    /// A line begins with a blank; the name is that of the field to which it belongs, or empty.
    Folded(&'a [u8]),
    /// White space precedes the colon of the named field.
    SpaceBeforeColon(&'a [u8]),
    /// A line is not a field.
    Malformed(&'a [u8]),
    /// A line ends in LF without CR.
    BareLineFeed,
}

/// Returns whether a byte is allowed in a token (RFC 9110 §5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Trims blanks and carriage returns at both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Splits off the first line: its text, whether it ended in LF without CR, and what follows it.
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    let (_, rest) = rest.split_first()?;
    match text {
        [text @ .., b'\r'] => Some((text, false, rest)),
        text => Some((text, true, rest)),
    }
}

/// Parses `HTTP/1.1` or any other 1.x version; returns only the number.
fn version(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let (input, _) = tag_no_case("HTTP/").parse(input)?;
    recognize((tag("1."), take_while_m_n(1, 1, |b: u8| b.is_ascii_digit()))).parse(input)
}

/// Parses a method: letters, with `-` and `_` as used by some extensions. Other tokens are not used as methods, and
/// many other protocols begin with one.
pub(super) fn method(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while_m_n(3, 24, |b: u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_')).parse(input)
}

fn request(input: &[u8]) -> IResult<&[u8], RequestLine<'_>> {
    let (input, method) = method(input)?;
    let (input, _) = take_while1(is_blank).parse(input)?;
    // The target ends at the last blank, not the first, because some clients forget to escape blanks in it.
    let input = trim(input);
    let split = input.iter().rposition(|&b| is_blank(b)).unwrap_or(0);
    let (target, input) = input.split_at_checked(split).unwrap_or((input, &[]));
    let (input, version) = (take_while1(is_blank), version, eof).map(|(_, v, _)| v).parse(input)?;
    Ok((input, RequestLine { method, target: trim(target), version }))
}

/// Parses the first line of a request, given without its line end.
pub(super) fn request_line(text: &[u8]) -> Option<RequestLine<'_>> {
    let (_, found) = verify(request, |r: &RequestLine<'_>| !r.target.is_empty()).parse(text).ok()?;
    Some(found)
}

fn status(input: &[u8]) -> IResult<&[u8], StatusLine<'_>> {
    let (input, version) = version(input)?;
    let (input, _) = take_while1(is_blank).parse(input)?;
    let (input, digits) = take_while_m_n(3, 3, |b: u8| b.is_ascii_digit()).parse(input)?;
    let (reason, _) = alt((eof, recognize(one_of(" \t\r")))).parse(input)?;
    let status =
        digits.iter().fold(0_u16, |n, &b| n.wrapping_mul(10).wrapping_add(u16::from(b.wrapping_sub(b'0'))));
    Ok((&[], StatusLine { version, status, reason: trim(reason) }))
}

/// Parses the first line of a response, given without its line end.
pub(super) fn status_line(text: &[u8]) -> Option<StatusLine<'_>> {
    verify(status, |s: &StatusLine<'_>| s.status >= 100).parse(text).ok().map(|(_, found)| found)
}

struct RawField<'a> {
    name: &'a [u8],
    spaced: bool,
    value: &'a [u8],
}

fn field(input: &[u8]) -> IResult<&[u8], RawField<'_>> {
    let (input, name) = take_while1(is_token).parse(input)?;
    let (input, blanks) = take_while(is_blank).parse(input)?;
    let (value, _) = tag(":").parse(input)?;
    Ok((&[], RawField { name, spaced: !blanks.is_empty(), value: trim(value) }))
}

/// Returns whether the handshake depends on the field with this name.
fn of_handshake(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"upgrade")
        || name.eq_ignore_ascii_case(b"connection")
        || name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"sec-websocket-"))
}

/// Passes the contents of the lines after the first one, up to the empty line or the end, to `each`.
///
/// A line that begins with a blank continues the previous field (RFC 9112 §5.2), with two exceptions seen in real
/// servers whose authors indented the head in the source code: it is a field of its own if no unindented field has come
/// before, or if it is a field on which the handshake depends.
pub(super) fn walk(mut lines: &[u8], mut each: impl FnMut(Item<'_>)) {
    let mut open: Option<(&[u8], Cow<'_, [u8]>)> = None;
    let mut leading = true;
    while let Some((text, bare, rest)) = line(lines) {
        lines = rest;
        if bare {
            each(Item::BareLineFeed);
        }
        if text.is_empty() {
            break;
        }
        let indented = text.first().is_some_and(|&b| is_blank(b));
        let text = if indented { trim(text) } else { text };
        let found = field(text).ok().map(|(_, found)| found);
        match found {
            Some(found) if !indented || leading || of_handshake(found.name) => {
                leading &= indented;
                if indented {
                    each(Item::Folded(found.name));
                }
                if found.spaced {
                    each(Item::SpaceBeforeColon(found.name));
                }
                close(open.replace((found.name, Cow::Borrowed(found.value))), &mut each);
            }
            _ if indented => match &mut open {
                Some((name, value)) => {
                    each(Item::Folded(name));
                    if !text.is_empty() {
                        let value = value.to_mut();
                        value.push(b' ');
                        value.extend_from_slice(text);
                    }
                }
                None => each(Item::Folded(b"")),
            },
            _ => {
                leading = false;
                close(open.take(), &mut each);
                each(Item::Malformed(text));
            }
        }
    }
    close(open, &mut each);
}

fn close(open: Option<(&[u8], Cow<'_, [u8]>)>, each: &mut impl FnMut(Item<'_>)) {
    if let Some((name, value)) = open {
        each(Item::Field { name, value: trim(&value) });
    }
}

/// Returns whether a list of comma-separated elements contains `token`, ignoring case (RFC 9110 §5.6.1).
pub(super) fn contains_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&b| b == b',').any(|element| trim(element).eq_ignore_ascii_case(token))
}

/// A search for the empty line that ends a head arriving in pieces; it inspects each byte once (RFC 9112 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlankLine {
    line: Line,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Empty,
    Return,
    Text,
}

impl BlankLine {
    /// Continues the search in the next bytes; returns how many of them belong to the head if it ends in them.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (text, after) = rest.split_at_checked(end.saturating_add(1))?;
            let blank = match self.line {
                Line::Empty => matches!(text, [b'\n'] | [b'\r', b'\n']),
                Line::Return => matches!(text, [b'\n']),
                Line::Text => false,
            };
            self.line = Line::Empty;
            if blank {
                return Some(bytes.len().saturating_sub(after.len()));
            }
            rest = after;
        }
        self.line = match (self.line, rest) {
            (line, []) => line,
            (Line::Empty, [b'\r']) => Line::Return,
            _ => Line::Text,
        };
        None
    }
}

/// Decodes bytes as UTF-8, or else as ISO-8859-1.
pub(super) fn text_of(bytes: &[u8]) -> Box<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(lines: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        walk(lines.as_bytes(), |item| {
            if let Item::Field { name, value } = item {
                let text = |b| String::from_utf8_lossy(b).into_owned();
                all.push((text(name), text(value)));
            }
        });
        all
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn a_request_line() {
        let found = request_line(b"GET /chat?x=1 HTTP/1.1").unwrap();
        assert_eq!(
            (found.method, found.target, found.version),
            (&b"GET"[..], &b"/chat?x=1"[..], &b"1.1"[..])
        );
    }

    #[test]
    fn a_target_with_a_blank_in_it() {
        assert_eq!(request_line(b"GET /a b  HTTP/1.0 ").unwrap().target, b"/a b");
    }

    #[test]
    fn lines_that_are_no_requests() {
        for text in [
            "",
            "GET",
            "GET /",
            "GET  HTTP/1.1",
            "GET / HTTP/2.0",
            "PRI * HTTP/2.0",
            "INVITE sip:a SIP/2.0",
            "EHLO x",
        ] {
            assert_eq!(request_line(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_status_line_with_and_without_a_reason() {
        let found = status_line(b"HTTP/1.1 101 Web Socket Protocol Handshake").unwrap();
        assert_eq!((found.status, found.reason), (101, &b"Web Socket Protocol Handshake"[..]));
        for text in ["HTTP/1.1 101", "HTTP/1.1 101 ", "http/1.1 101"] {
            let found = status_line(text.as_bytes()).unwrap();
            assert_eq!((found.status, found.reason), (101, &b""[..]), "{text}");
        }
    }

    #[test]
    fn lines_that_are_no_responses() {
        for text in ["HTTP/1.1 1010", "HTTP/1.1 10", "HTTP/1.1", "HTTP/2.0 200", "ICY 200 OK", "HTTP/1.1 099"]
        {
            assert_eq!(status_line(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_field_without_a_blank_after_the_colon() {
        assert_eq!(
            fields("a:b\r\nc: \t d \r\ne:\r\n\r\nf: g\r\n"),
            pairs(&[("a", "b"), ("c", "d"), ("e", "")])
        );
    }

    #[test]
    fn a_folded_value_is_joined() {
        assert_eq!(fields("a: b\r\n  c\r\n\td\r\ne: f\r\n"), pairs(&[("a", "b c d"), ("e", "f")]));
    }

    #[test]
    fn indented_fields_after_the_first_line_are_fields() {
        let lines = " Upgrade: WebSocket\r\n Connection: Upgrade\r\nsec-websocket-accept:KEY\r\n\r\n";
        let expected =
            pairs(&[("Upgrade", "WebSocket"), ("Connection", "Upgrade"), ("sec-websocket-accept", "KEY")]);
        assert_eq!(fields(lines), expected);
    }

    #[test]
    fn an_indented_field_of_the_handshake_is_a_field_anywhere() {
        let lines = "Server: x\r\n Upgrade: websocket\r\n y: z\r\n";
        assert_eq!(fields(lines), pairs(&[("Server", "x"), ("Upgrade", "websocket y: z")]));
    }

    #[test]
    fn faults_are_reported() {
        let mut faults = Vec::new();
        walk(b"a : b\nno field\r\n c\r\n\r\n", |item| {
            if !matches!(item, Item::Field { .. }) {
                faults.push(format!("{item:?}"));
            }
        });
        let expected = [
            Item::BareLineFeed,
            Item::SpaceBeforeColon(b"a"),
            Item::Malformed(b"no field"),
            Item::Folded(b""),
        ];
        assert_eq!(faults, expected.map(|item| format!("{item:?}")));
    }

    proptest! {
        #[test]
        fn the_blank_line_is_found_however_the_head_is_cut(
            head in "([a\r\n]{0,12})", cuts in proptest::collection::vec(1_usize..4, 0..12)
        ) {
            let bytes = head.as_bytes();
            let whole = BlankLine::default().find(bytes);
            let (mut finder, mut at, mut found) = (BlankLine::default(), 0_usize, None);
            for step in cuts.into_iter().chain([usize::MAX]) {
                let piece = &bytes[at..at.saturating_add(step).min(bytes.len())];
                if let Some(end) = finder.find(piece) {
                    found = Some(at + end);
                    break;
                }
                at += piece.len();
            }
            prop_assert_eq!(found, whole);
        }

        #[test]
        fn random_lines_never_panic(bytes: Vec<u8>) {
            walk(&bytes, |_| ());
            request_line(&bytes);
            status_line(&bytes);
        }
    }
}
