//! JSON values written straight into a buffer.
//!
//! Strings are escaped as `serde_json` does and, because a line may be printed on a terminal, so are the
//! characters that a terminal obeys or that reorder what it shows: DEL, the C1 controls and the bidirectional
//! controls. A JSON parser gives back the same string.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Tells whether a character that JSON lets stand must not reach a terminal.
pub(super) const fn is_obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

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
/// Eight bytes are looked at and copied at a time; the copy is cut back to the first byte that needs a closer look.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(chunk);
        let suspects = suspects(u64::from_le_bytes(*chunk));
        if suspects == 0 {
            rest = after;
            continue;
        }
        let plain = (suspects.trailing_zeros() / 8) as usize;
        out.truncate(out.len().saturating_sub(8_usize.saturating_sub(plain)));
        rest = suspect(out, rest.get(plain..).unwrap_or_default());
    }
    while let Some(&byte) = rest.first() {
        rest = if is_suspect(byte) {
            suspect(out, rest)
        } else {
            out.push(byte);
            rest.get(1..).unwrap_or_default()
        };
    }
    out.push(b'"');
}

const fn is_suspect(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'"' | b'\\' | 0x7f | 0xc2 | 0xd8 | 0xe2)
}

/// Sets the top bit of the first byte (the lowest one) that [`is_suspect`], and of no byte before it.
///
/// Bits above the first one set mean nothing: a borrow may have put them there.
const fn suspects(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(ONES.wrapping_mul(bound as u64)) & !word & TOPS
    }
    const fn equal(word: u64, byte: u8) -> u64 {
        below(word ^ ONES.wrapping_mul(byte as u64), 1)
    }
    let ascii = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\') | equal(word, 0x7f);
    if word & TOPS == 0 {
        return ascii;
    }
    // The lead bytes of U+0080–BF, U+0600–063F and U+2000–2FFF.
    ascii | equal(word, 0xc2) | equal(word, 0xd8) | equal(word, 0xe2)
}

/// Appends the character that `rest` begins with, escaped where it must be, and returns what follows it.
fn suspect<'a>(out: &mut Vec<u8>, rest: &'a [u8]) -> &'a [u8] {
    let (escaped, length) = match *rest {
        [b'"', ..] => return short(out, *b"\\\"", rest),
        [b'\\', ..] => return short(out, *b"\\\\", rest),
        [b'\n', ..] => return short(out, *b"\\n", rest),
        [b'\r', ..] => return short(out, *b"\\r", rest),
        [b'\t', ..] => return short(out, *b"\\t", rest),
        [0x08, ..] => return short(out, *b"\\b", rest),
        [0x0c, ..] => return short(out, *b"\\f", rest),
        [byte @ (0..=0x1f | 0x7f), ..] => (u16::from(byte), 1),
        [0xc2, low @ 0x80..=0x9f, ..] => (u16::from(low), 2),
        [0xd8, 0x9c, ..] => (0x061c, 2),
        [0xe2, 0x80, low @ (0x8e | 0x8f | 0xaa..=0xae), ..] => (0x2000 | u16::from(low & 0x3f), 3),
        [0xe2, 0x81, low @ 0xa6..=0xa9, ..] => (0x2040 | u16::from(low & 0x3f), 3),
        [byte, ..] => {
            out.push(byte);
            return rest.get(1..).unwrap_or_default();
        }
        [] => return rest,
    };
    let digit = |shift: u32| HEX.get(usize::from(escaped >> shift & 15)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    rest.get(length..).unwrap_or_default()
}

fn short<'a>(out: &mut Vec<u8>, escape: [u8; 2], rest: &'a [u8]) -> &'a [u8] {
    out.extend_from_slice(&escape);
    rest.get(1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::record;
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
        for (nanos, want) in
            [(0, "0.0"), (1, "0.000000001"), (412_000, "0.000412"), (1_204_000_000, "1.204"), (u64::MAX, "18446744073.709551615")]
        {
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
