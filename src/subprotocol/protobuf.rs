//! Protocol Buffers: their base-128 integers, which other protocols use too, and messages decoded without a schema.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bounds the length of an integer, in bytes.
const MAX_VARINT: usize = 10;

/// Bounds the depth of nested messages.
const MAX_DEPTH: usize = 16;

/// Bounds the number of fields written out for a message, including those of nested messages.
const MAX_FIELDS: usize = 512;

/// Splits off a base-128 integer, least significant group first; returns `None` if it is incomplete or too long.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_VARINT).enumerate() {
        let shift = (index as u32).saturating_mul(7);
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index.saturating_add(1)..)?));
        }
    }
    None
}

/// The value of a field according to its wire type (encoding documentation, "Message Structure").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Splits off the first field of a message: its number and its value; returns `None` if it is invalid or incomplete.
fn field(bytes: &[u8]) -> Option<(u64, Wire<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = tag >> 3;
    if number == 0 || number >= 1 << 29 {
        return None;
    }
    let little = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    match tag & 7 {
        0 => varint(rest).map(|(value, rest)| (number, Wire::Number(value), rest)),
        1 => rest.split_at_checked(8).map(|(value, rest)| (number, Wire::Number(little(value)), rest)),
        5 => rest.split_at_checked(4).map(|(value, rest)| (number, Wire::Number(little(value)), rest)),
        2 => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((number, Wire::Bytes(value), rest))
        }
        _ => None,
    }
}

/// Returns whether the bytes consist entirely of fields.
fn is_message(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((_, _, behind)) = field(rest) {
        rest = behind;
    }
    rest.is_empty() && !bytes.is_empty()
}

/// Writes a possible message as JSON, with field numbers as names. Which bytes are text, a nested message or neither is
/// a guess, and so is the sign of an integer; returns `false` if the bytes cannot be a message.
pub(super) fn write_guess(bytes: &[u8], most: usize, out: &mut String) -> bool {
    if !is_message(bytes) {
        return false;
    }
    let limit = out.len().saturating_add(most);
    write_fields(bytes, limit, 0, &mut { MAX_FIELDS }, out);
    true
}

fn write_fields(bytes: &[u8], limit: usize, depth: usize, left: &mut usize, out: &mut String) {
    let (mut fields, mut rest) = (BTreeMap::<u64, Vec<Wire<'_>>>::new(), bytes);
    while *left > 0
        && let Some((number, value, behind)) = field(rest)
    {
        fields.entry(number).or_default().push(value);
        (*left, rest) = (left.saturating_sub(1), behind);
    }
    let mut opening = "{";
    for (number, values) in &fields {
        let _ = write!(out, "{opening}\"{number}\":");
        opening = ",";
        let (begin, end) = if values.len() > 1 { ("[", "]") } else { ("", "") };
        let mut comma = begin;
        for value in values {
            if out.len() > limit {
                *left = 0;
                out.push_str(comma);
                out.push_str("\"…\"");
                break;
            }
            out.push_str(comma);
            comma = ",";
            match value {
                Wire::Number(number) => {
                    let _ = write!(out, "{number}");
                }
                Wire::Bytes(bytes) => write_bytes(bytes, limit, depth, left, out),
            }
        }
        out.push_str(end);
    }
    if !rest.is_empty() {
        // The fields that the bounds left out.
        let _ = write!(out, "{opening}\"…\":{}", rest.len());
    }
    out.push('}');
}

/// Writes bytes as text if they are readable, else as a message if they are one, else in hexadecimal.
fn write_bytes(bytes: &[u8], limit: usize, depth: usize, left: &mut usize, out: &mut String) {
    let room = limit.saturating_sub(out.len());
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            let mut kept: String = text.chars().take(room).collect();
            if kept.len() < text.len() {
                kept.push('…');
            }
            out.push_str(&serde_json::Value::from(kept).to_string());
        }
        _ if depth < MAX_DEPTH && is_message(bytes) => {
            write_fields(bytes, limit, depth.saturating_add(1), left, out);
        }
        _ => {
            out.push('"');
            bytes.iter().take(room / 2).for_each(|byte| {
                let _ = write!(out, "{byte:02x}");
            });
            out.push_str(if bytes.len() > room / 2 { "…\"" } else { "\"" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn guess(bytes: &[u8]) -> String {
        let mut out = String::new();
        assert!(write_guess(bytes, 1000, &mut out), "{bytes:?}");
        out
    }

    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(varint(b"\x96\x01"), Some((150, &[][..])));
        assert_eq!(varint(b"\x01rest"), Some((1, &b"rest"[..])));
        assert_eq!(varint(b"\x96"), None, "not whole");
        assert_eq!(varint(&[0xff; 11]), None, "too long");
        assert_eq!(guess(b"\x08\x96\x01"), r#"{"1":150}"#);
        assert_eq!(guess(b"\x12\x07testing"), r#"{"2":"testing"}"#);
        assert_eq!(guess(b"\x1a\x03\x08\x96\x01"), r#"{"3":{"1":150}}"#);
        assert_eq!(guess(b"\x32\x06\x03\x8e\x02\x9e\xa7\x05"), r#"{"6":"038e029ea705"}"#, "packed numbers");
        assert_eq!(guess(b"\x0d\x01\0\0\0\x11\x02\0\0\0\0\0\0\0"), r#"{"1":1,"2":2}"#, "of fixed lengths");
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&b""[..], b"\x08", b"\x12\x07test", b"\x00\x01", b"hello there"] {
            assert!(!write_guess(bytes, 1000, &mut String::new()), "{bytes:?}");
        }
    }

    #[test]
    fn depth_fields_and_length_are_bounded() {
        let mut nested = vec![8, 1];
        for _ in 0..40 {
            nested.splice(0..0, [10, nested.len() as u8]);
        }
        let said = guess(&nested);
        assert_eq!(said.matches('{').count(), MAX_DEPTH + 1, "{said}");
        let mut out = String::new();
        assert!(write_guess(&[8, 1].repeat(100_000), 1 << 20, &mut out));
        assert_eq!(out.matches(",1").count(), MAX_FIELDS - 1);
        assert!(out.ends_with(",1],\"…\":198976}"), "{out}");
    }

    proptest! {
        /// A guess is bounded JSON, and contains nothing that is not in the bytes.
        #[test]
        fn any_bytes_give_json_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), most in 0_usize..400) {
            let mut out = String::new();
            if write_guess(&bytes, most, &mut out) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{}", out);
                prop_assert!(out.len() < most * 7 + 600, "{}", out.len());
            } else {
                prop_assert!(out.is_empty());
            }
        }
    }
}
