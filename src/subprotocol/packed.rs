//! Common parts of MessagePack and CBOR: sequences of tokens, and their conversion to JSON.

use super::token::Token;
use super::{cbor, msgpack};

/// Bounds the depth of a converted value.
const MAX_DEPTH: usize = 64;

/// A format that consists of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    MessagePack,
    Cbor,
}

/// A position in MessagePack or CBOR.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    packing: Packing,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(packing: Packing, bytes: &'a [u8]) -> Self {
        Cursor { rest: bytes, packing }
    }

    /// Returns the next token; `None` if it is incomplete or invalid.
    pub(super) fn token(&mut self) -> Option<Token<'a>> {
        let (token, rest) = match self.packing {
            Packing::MessagePack => msgpack::token(self.rest)?,
            Packing::Cbor => cbor::token(self.rest)?,
        };
        self.rest = rest;
        Some(token)
    }

    /// Skips one value and returns its bytes; `None` if it is incomplete.
    pub(super) fn skip(&mut self) -> Option<&'a [u8]> {
        let start = self.rest;
        // The number of values still to come, one level per enclosing value; `None` if they end with a break.
        let mut open: Vec<Option<u64>> = Vec::new();
        loop {
            let values = match self.token()? {
                Token::Array(length) => length,
                Token::Map(length) => length.map(|n| n.saturating_mul(2)),
                Token::Pieces => None,
                Token::Tag(_) => continue,
                Token::Break => {
                    open.pop().filter(Option::is_none)?;
                    Some(0)
                }
                _ => Some(0),
            };
            let deep = open.len() >= MAX_DEPTH;
            match (values, open.last_mut()) {
                (Some(0), _) => {}
                // The container's own place is released below.
                (Some(more), Some(Some(left))) => *left = left.saturating_add(more),
                (values, _) if !deep => {
                    open.push(values);
                    continue;
                }
                _ => return None,
            }
            // A value has ended, and possibly those around it.
            while let Some(Some(left)) = open.last_mut() {
                *left = left.saturating_sub(1);
                if *left > 0 {
                    break;
                }
                open.pop();
            }
            if open.is_empty() {
                return start.get(..start.len().checked_sub(self.rest.len())?);
            }
        }
    }

    /// Reads the head of an array.
    pub(super) fn array(&mut self) -> Option<Option<u64>> {
        match self.untagged()? {
            Token::Array(length) => Some(length),
            _ => None,
        }
    }

    /// Reads a non-negative integer.
    pub(super) fn number(&mut self) -> Option<u64> {
        match self.untagged()? {
            Token::Number(number) => Some(number),
            // JavaScript encoders write numbers beyond 32 bits as floats.
            Token::Float(float) if float >= 0.0 && float.fract() == 0.0 && float < 9.1e15 => {
                Some(float as u64)
            }
            _ => None,
        }
    }

    /// Reads a text.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        match self.untagged()? {
            Token::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn untagged(&mut self) -> Option<Token<'a>> {
        loop {
            match self.token()? {
                Token::Tag(_) => {}
                token => return Some(token),
            }
        }
    }

    /// Looks up a map's value by key, starting at the map's head, without advancing the cursor.
    pub(super) fn get(&self, name: &str) -> Option<Cursor<'a>> {
        let mut cursor = *self;
        let Token::Map(length) = cursor.untagged()? else { return None };
        let mut left = length.unwrap_or(u64::MAX);
        while left > 0 {
            left = left.saturating_sub(1);
            let mut key = cursor;
            match key.token()? {
                Token::Break => return None,
                Token::Text(text) if text == name.as_bytes() => return Some(key),
                _ => {}
            }
            cursor.skip()?;
            cursor.skip()?;
        }
        None
    }
}

/// Writes a value as JSON for display, at most `most` bytes, with bytes in hexadecimal; returns `false` if it is
/// incomplete.
pub(super) fn write_json(packing: Packing, bytes: &[u8], most: usize, out: &mut String) -> bool {
    let limit = out.len().saturating_add(most);
    let mut cursor = Cursor::new(packing, bytes);
    write_value(&mut cursor, limit, 0, out).is_some()
}

fn write_value(cursor: &mut Cursor<'_>, limit: usize, depth: usize, out: &mut String) -> Option<bool> {
    use std::fmt::Write as _;
    if out.len() > limit || depth > MAX_DEPTH {
        out.push('…');
        return None;
    }
    let deeper = depth.saturating_add(1);
    match cursor.untagged()? {
        Token::Nil => out.push_str("null"),
        Token::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
        Token::Number(number) => write!(out, "{number}").ok()?,
        Token::Negative(number) => write!(out, "{number}").ok()?,
        Token::Float(float) if float.is_finite() => write!(out, "{float}").ok()?,
        Token::Float(float) => write!(out, "\"{float}\"").ok()?,
        Token::Text(text) => write_text(text, out),
        Token::Bytes(bytes) | Token::Extension(_, bytes) => write_bytes(bytes, limit, out),
        Token::Break => return Some(true),
        Token::Tag(_) => {}
        Token::Pieces => {
            out.push('[');
            write_items(cursor, None, 1, limit, deeper, out)?;
            out.push(']');
        }
        Token::Array(length) => {
            out.push('[');
            write_items(cursor, length, 1, limit, deeper, out)?;
            out.push(']');
        }
        Token::Map(length) => {
            out.push('{');
            write_items(cursor, length, 2, limit, deeper, out)?;
            out.push('}');
        }
    }
    Some(false)
}

/// Writes the values of an array (`each` is 1), or the keys and values of a map (`each` is 2).
fn write_items(
    cursor: &mut Cursor<'_>,
    length: Option<u64>,
    each: u8,
    limit: usize,
    depth: usize,
    out: &mut String,
) -> Option<()> {
    let mut left = length.unwrap_or(u64::MAX);
    let mut first = true;
    while left > 0 {
        left = left.saturating_sub(1);
        let mark = out.len();
        if !first {
            out.push(',');
        }
        let start = out.len();
        if write_value(cursor, limit, depth, out)? {
            out.truncate(mark);
            return Some(());
        }
        if each == 2 {
            // A JSON key must be a string.
            if out.as_bytes().get(start) != Some(&b'"') {
                let key = out.split_off(start);
                write_text(key.as_bytes(), out);
            }
            out.push(':');
            write_value(cursor, limit, depth, out)?;
        }
        first = false;
    }
    Some(())
}

fn write_text(text: &[u8], out: &mut String) {
    let text = String::from_utf8_lossy(text);
    out.push_str(&serde_json::Value::from(text.as_ref()).to_string());
}

fn write_bytes(bytes: &[u8], limit: usize, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for byte in bytes {
        if out.len() > limit {
            out.push('…');
            break;
        }
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(packing: Packing, bytes: &[u8]) -> String {
        let mut out = String::new();
        assert!(write_json(packing, bytes, 1000, &mut out), "{out}");
        out
    }

    #[test]
    fn the_same_value_in_both() {
        // {"a":[1,-2,true,nil,"é"],"b":h'0102'}
        let msgpack = b"\x82\xa1a\x95\x01\xfe\xc3\xc0\xa2\xc3\xa9\xa1b\xc4\x02\x01\x02";
        let cbor = b"\xa2\x61a\x85\x01\x21\xf5\xf6\x62\xc3\xa9\x61b\x42\x01\x02";
        let said = r#"{"a":[1,-2,true,null,"é"],"b":"0102"}"#;
        assert_eq!(
            (json(Packing::MessagePack, msgpack), json(Packing::Cbor, cbor)),
            (said.into(), said.into())
        );
        for (packing, bytes) in [(Packing::MessagePack, &msgpack[..]), (Packing::Cbor, &cbor[..])] {
            let mut cursor = Cursor::new(packing, bytes);
            assert_eq!(cursor.get("b").unwrap().token(), Some(Token::Bytes(&[1, 2])));
            assert!(cursor.get("c").is_none());
            assert_eq!(cursor.skip(), Some(bytes));
            for end in 0..bytes.len() {
                assert!(Cursor::new(packing, &bytes[..end]).skip().is_none(), "cut at {end}");
            }
        }
    }

    #[test]
    fn cbor_of_no_stated_length() {
        let bytes = b"\x9f\x01\xbf\x61a\x02\xff\xff";
        assert_eq!(json(Packing::Cbor, bytes), r#"[1,{"a":2}]"#);
        assert_eq!(Cursor::new(Packing::Cbor, bytes).skip(), Some(&bytes[..]));
        let pieces = b"\x5f\x41\x01\x42\x02\x03\xff";
        assert_eq!(Cursor::new(Packing::Cbor, pieces).skip(), Some(&pieces[..]));
    }

    #[test]
    fn depth_is_bounded() {
        let mut out = String::new();
        assert!(!write_json(Packing::MessagePack, &[0x91; 100_000], 1 << 20, &mut out));
        assert!(Cursor::new(Packing::MessagePack, &[0x91; 100_000]).skip().is_none());
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for packing in [Packing::MessagePack, Packing::Cbor] {
                let mut out = String::new();
                write_json(packing, &bytes, 500, &mut out);
                prop_assert!(out.len() < 4000);
                let skipped = Cursor::new(packing, &bytes).skip();
                prop_assert!(skipped.is_none_or(|it| bytes.starts_with(it)));
                let _ = Cursor::new(packing, &bytes).get("a");
            }
        }
    }
}
