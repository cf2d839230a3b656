//! JSON values written straight into a buffer.
//!
//! Strings are escaped as `serde_json` does and, because a line may be printed on a terminal, so are the
//! characters that a terminal obeys or that reorder what it shows: DEL, the C1 controls and the bidirectional
//! controls. A JSON parser gives back the same string.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `true` or `false`.
pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a time span in seconds, with one to nine decimals.
pub(super) fn seconds(out: &mut Vec<u8>, value: Duration) {
    number(out, value.as_secs());
    let mut digits = [b'0'; 9];
    let mut rest = value.subsec_nanos();
    for digit in digits.iter_mut().rev() {
        *digit |= u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let used = digits.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
    out.push(b'.');
    out.extend_from_slice(digits.get(..=used).unwrap_or_default());
}

/// Appends bytes as a base64 string, quotes included.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    let room = bytes.len().div_ceil(3).saturating_mul(4);
    out.resize(start.saturating_add(room), 0);
    // The room is what padded base64 needs, so this cannot fail.
    let written = out.get_mut(start..).map_or(0, |room| STANDARD.encode_slice(bytes, room).unwrap_or(0));
    out.truncate(start.saturating_add(written));
    out.push(b'"');
}

/// Appends a string, quotes included.
///
/// Sixteen bytes are looked at at a time: most hold nothing to escape and are copied as they are; of the others eight
/// are escaped at a time, for most hold only characters that become two.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len().saturating_add(64));
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        if has_suspects(chunk) {
            rest = eights(out, rest, after.len());
        } else {
            out.extend_from_slice(chunk);
            rest = after;
        }
    }
    rest = eights(out, rest, 0);
    while !rest.is_empty() {
        rest = one(out, rest);
    }
    out.push(b'"');
}

/// Appends what `rest` begins with, escaped, until `stop` bytes of it or a few less are left, or fewer than eight, and returns
/// those.
fn eights<'a>(out: &mut Vec<u8>, mut rest: &'a [u8], stop: usize) -> &'a [u8] {
    while rest.len() > stop
        && let Some((&chunk, after)) = rest.split_first_chunk::<8>()
    {
        if let Some((text, length)) = eight(chunk) {
            let end = out.len().wrapping_add(length);
            out.extend_from_slice(&text.to_le_bytes());
            out.truncate(end);
            rest = after;
        } else {
            while rest.len() > after.len() {
                rest = one(out, rest);
            }
        }
    }
    rest
}

/// Escapes eight bytes at once, without a branch: returns up to sixteen, the first one lowest, and how many they are;
/// `None` where one of them needs more than a backslash and a letter.
fn eight(bytes: [u8; 8]) -> Option<(u128, usize)> {
    let ([low, high], _) = bytes.as_chunks() else { return None };
    let ((low, low_bits), (high, high_bits)) = (four(*low), four(*high));
    let text = u128::from(low) | u128::from(high) << (low_bits & 127);
    let bits = low_bits.wrapping_add(high_bits);
    (bits < CAREFUL).then_some((text, usize::from(bits / 8)))
}

/// Escapes four bytes: returns up to eight and their bits, [`CAREFUL`] or more where one of them needs a closer look.
fn four(bytes: [u8; 4]) -> (u64, u16) {
    let (mut text, mut bits) = (0_u64, 0_u16);
    for byte in bytes {
        let (pair, size) = PAIRS.get(usize::from(byte)).copied().unwrap_or_default();
        text |= u64::from(pair) << (bits & 63);
        bits = bits.wrapping_add(size);
    }
    (text, bits)
}

/// Counts as the bits of a byte in [`PAIRS`] that needs a closer look; more than eight bytes escaped have.
const CAREFUL: u16 = 256;

/// Holds for each byte what it becomes, the first character lowest, and how many bits that has.
const PAIRS: [(u16, u16); 256] = {
    let mut pairs = [(0, 0); 256];
    let (mut rest, mut byte): (&mut [_], u8) = (&mut pairs, 0);
    while let Some((pair, more)) = rest.split_first_mut() {
        let letter = short_escape(byte);
        *pair = if letter != 0 {
            (u16::from_le_bytes([b'\\', letter]), 16)
        } else if is_suspect(byte) {
            (0, CAREFUL)
        } else {
            (byte as u16, 8)
        };
        (rest, byte) = (more, byte.wrapping_add(1));
    }
    pairs
};

/// Returns the letter that stands for `byte` behind a backslash; zero where there is none.
const fn short_escape(byte: u8) -> u8 {
    match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => 0,
    }
}

#[allow(
    clippy::needless_bitwise_bool,
    reason = "`matches!` and `||` branch, and sixteen bytes take five times as long"
)]
const fn is_suspect(byte: u8) -> bool {
    let ascii = (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte == 0x7f);
    ascii | (byte == 0xc2) | (byte == 0xd8) | (byte == 0xe2)
}

/// Tells whether one of the bytes [`is_suspect`]; without a branch, so that it becomes a few vector instructions.
fn has_suspects(bytes: &[u8; 16]) -> bool {
    bytes.iter().fold(false, |found, &byte| found | is_suspect(byte))
}

/// Appends the character that `rest` begins with, escaped where it must be, and returns what follows it.
fn one<'a>(out: &mut Vec<u8>, rest: &'a [u8]) -> &'a [u8] {
    let Some((&byte, rest)) = rest.split_first() else { return rest };
    let letter = short_escape(byte);
    if letter != 0 {
        out.extend_from_slice(&[b'\\', letter]);
        return rest;
    }
    let (escaped, rest) = match (byte, rest) {
        (0..=0x1f | 0x7f, rest) => (u16::from(byte), rest),
        (0xc2, [low @ 0x80..=0x9f, rest @ ..]) => (u16::from(*low), rest),
        (0xd8, [0x9c, rest @ ..]) => (0x061c, rest),
        (0xe2, [0x80, low @ (0x8e | 0x8f | 0xaa..=0xae), rest @ ..]) => {
            (0x2000 | u16::from(low & 0x3f), rest)
        }
        (0xe2, [0x81, low @ 0xa6..=0xa9, rest @ ..]) => (0x2040 | u16::from(low & 0x3f), rest),
        _ => {
            out.push(byte);
            return rest;
        }
    };
    let digit = |shift: u32| HEX.get(usize::from(escaped >> shift & 15)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::record;
    use crate::view::is_obeyed;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_what_a_terminal_obeys() {
        assert_eq!(
            written("a\"\\\n\u{1b}[31m\u{7f}\u{9b}31m\u{202e}\u{2066}\u{61c}\u{200f}é“€ظ\u{2028}"),
            "\"a\\\"\\\\\\n\\u001b[31m\\u007f\\u009b31m\\u202e\\u2066\\u061c\\u200fé“€ظ\u{2028}\""
        );
    }

    #[test]
    fn escapes_every_character_alone_and_at_every_place_as_the_slow_way_does() {
        for c in '\0'..='\u{2fff}' {
            for before in 0..9 {
                let text = format!("{}{c}xyz", "é-------".get(..before).unwrap_or("é--------"));
                let line = written(&text);
                assert_eq!(line.as_bytes(), record::to_vec(&text), "{c:?} after {before}");
                assert!(!line.chars().any(|c| c < ' ' || is_obeyed(c)), "{c:?}");
                assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            }
        }
    }

    #[test]
    fn seconds_lose_no_nanosecond() {
        for (nanos, want) in [
            (0, "0.0"),
            (1, "0.000000001"),
            (412_000, "0.000412"),
            (1_204_000_000, "1.204"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            let mut out = Vec::new();
            seconds(&mut out, Duration::from_nanos(nanos));
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }

    proptest! {
        #[test]
        fn strings_equal_the_slow_way(text: String, ascii in "[ -~\\n\\x00\"\\\\]{0,100}") {
            for text in [text, ascii] {
                prop_assert_eq!(written(&text).into_bytes(), record::to_vec(&text));
            }
        }

        #[test]
        fn base64_equals_the_library(bytes: Vec<u8>) {
            let mut out = b"x".to_vec();
            base64(&mut out, &bytes);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x\"{}\"", STANDARD.encode(&bytes)));
        }
    }
}
