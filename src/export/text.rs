//! JSON values written straight into a buffer.
//!
//! Strings are escaped as `serde_json` does and, because a line may be printed on a terminal, so are the
//! characters that a terminal obeys or that reorder what it shows: DEL, the C1 controls and the bidirectional
//! controls. A JSON parser gives back the same string.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;

use crate::view::eight_digits;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a number.
pub(super) fn number(out: &mut Vec<u8>, value: impl Into<u64>) {
    let value = value.into();
    match u32::try_from(value) {
        Ok(small @ 0..100_000_000) => {
            let digits = u64::from_le_bytes(eight_digits(small));
            // The zeros before the first other digit, in bits; the last digit always stands.
            let zeros = ((digits & 0x000f_0f0f_0f0f_0f0f).trailing_zeros() & 0x78).min(56);
            let end = out.len().wrapping_add(8).wrapping_sub((zeros / 8) as usize);
            out.extend_from_slice(&(digits >> zeros).to_le_bytes());
            out.truncate(end);
        }
        _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
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

/// Encodes by the widest instructions there are.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// Appends bytes as a base64 string, quotes included.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    let room = bytes.len().div_ceil(3).saturating_mul(4);
    out.resize(start.saturating_add(room), 0);
    // The room is what padded base64 needs, so this cannot fail.
    let written = out.get_mut(start..).map_or(0, |room| BASE64.encode_slice(bytes, room).unwrap_or(0));
    out.truncate(start.saturating_add(written));
    out.push(b'"');
}

/// Appends a string, quotes included.
///
/// 64 bytes are looked at at a time. Mostly there is nothing to escape in them, or nothing but quotes and backslashes,
/// as in JSON within JSON: both go without a branch a byte.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(block) = rest.first_chunk::<BLOCK>() {
        let used = match suspects(block) {
            Suspects::None => {
                out.extend_from_slice(block);
                BLOCK
            }
            Suspects::Quotes(quotes) => {
                with_backslashes(out, block, &quotes);
                BLOCK
            }
            Suspects::Others => one_by_one(out, rest),
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    if !rest.is_empty() {
        let mut block = [b' '; BLOCK];
        block.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        match suspects(&block) {
            Suspects::None => out.extend_from_slice(rest),
            Suspects::Quotes(quotes) => {
                with_backslashes(out, &block, &quotes);
                // No blank that fills the block grows, so as many stand at the end.
                out.truncate(out.len().saturating_sub(BLOCK.saturating_sub(rest.len())));
            }
            Suspects::Others => _ = one_by_one(out, rest),
        }
    }
    out.push(b'"');
}

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// Tells what in a block may have to be escaped.
enum Suspects {
    None,
    /// Nothing but what a backslash comes before: a one for each such byte, a zero for each other.
    Quotes([u8; BLOCK]),
    Others,
}

fn suspects(block: &[u8; BLOCK]) -> Suspects {
    // These loops become vector instructions.
    let quotes = block.map(|byte| u8::from(is_quote(byte)));
    let others = block.iter().fold(0, |any, &byte| any | u8::from(is_other(byte)));
    match (quotes.iter().fold(0, |any, quote| any | quote), others) {
        (0, 0) => Suspects::None,
        (_, 0) => Suspects::Quotes(quotes),
        _ => Suspects::Others,
    }
}

/// Appends a block with a backslash before each byte that `quotes` has a one for.
fn with_backslashes(out: &mut Vec<u8>, block: &[u8; BLOCK], quotes: &[u8; BLOCK]) {
    let start = out.len();
    // Every eight bytes become sixteen at most.
    out.resize(start.saturating_add(2 * BLOCK), b'\\');
    let mut filled = start;
    for (eight, quotes) in block.as_chunks::<8>().0.iter().zip(quotes.as_chunks().0) {
        // Byte by byte, how many quotes there are up to it: so far each moves.
        let moves = u64::from_le_bytes(*quotes).wrapping_mul(0x0101_0101_0101_0101);
        if let Some(to) = out.get_mut(filled..).and_then(<[u8]>::first_chunk_mut::<16>) {
            for (n, (byte, by)) in eight.iter().zip(moves.to_le_bytes()).enumerate() {
                if let Some(slot) = to.get_mut(n.wrapping_add(by.into()) & 15) {
                    *slot = *byte;
                }
            }
        }
        filled = filled.wrapping_add(8).wrapping_add((moves >> 56) as usize);
    }
    out.truncate(filled);
}

/// Appends a block's worth of characters, or what there is, each escaped if it must be; returns how many bytes they take.
fn one_by_one(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let (mut at, mut done) = (0_usize, 0_usize);
    while at < BLOCK
        && let Some(&byte) = bytes.get(at)
    {
        if !is_quote(byte) && !is_other(byte) {
            at = at.wrapping_add(1);
            continue;
        }
        out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
        let (escaped, used) = one(bytes.get(at..).unwrap_or_default());
        out.extend_from_slice(escaped.as_slice());
        at = at.wrapping_add(used);
        done = at;
    }
    out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
    at
}

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

/// Tells whether a backslash before `byte` escapes it.
#[allow(clippy::needless_bitwise_bool, reason = "`matches!` and `||` branch, and a block takes five times as long")]
const fn is_quote(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\')
}

/// Tells whether a character that begins with `byte` may have to be escaped in another way.
#[allow(clippy::needless_bitwise_bool, reason = "as above")]
const fn is_other(byte: u8) -> bool {
    (byte < b' ') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xd8) | (byte == 0xe2)
}

/// Is the escape of one character, or its first byte as it is.
struct Escape([u8; 6], u8);

impl Escape {
    fn as_slice(&self) -> &[u8] {
        self.0.get(..usize::from(self.1)).unwrap_or_default()
    }
}

/// Escapes the character that `rest` begins with, where it must be, and tells how many bytes of it that takes.
fn one(rest: &[u8]) -> (Escape, usize) {
    let byte = rest.first().copied().unwrap_or_default();
    let letter = short_escape(byte);
    if letter != 0 {
        return (Escape([b'\\', letter, 0, 0, 0, 0], 2), 1);
    }
    let (escaped, used) = match *rest {
        [0..=0x1f | 0x7f, ..] => (u16::from(byte), 1),
        [0xc2, low @ 0x80..=0x9f, ..] => (u16::from(low), 2),
        [0xd8, 0x9c, ..] => (0x061c, 2),
        [0xe2, 0x80, low @ (0x8e | 0x8f | 0xaa..=0xae), ..] => (0x2000 | u16::from(low & 0x3f), 3),
        [0xe2, 0x81, low @ 0xa6..=0xa9, ..] => (0x2040 | u16::from(low & 0x3f), 3),
        _ => return (Escape([byte, 0, 0, 0, 0, 0], 1), 1),
    };
    let digit = |shift: u32| HEX.get(usize::from(escaped >> shift & 15)).copied().unwrap_or(b'0');
    (Escape([b'\\', b'u', digit(12), digit(8), digit(4), digit(0)], 6), used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::record;
    use base64::engine::general_purpose::STANDARD;
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
        let before = format!("é{}", "-".repeat(70));
        for c in '\0'..='\u{2fff}' {
            for (length, _) in before.char_indices().filter(|(n, _)| !(9..58).contains(n)) {
                let text = format!("{}{c}xyz\"", before.get(..length).unwrap_or_default());
                let line = written(&text);
                assert_eq!(line.as_bytes(), record::to_vec(&text), "{c:?} after {length}");
                assert!(!line.chars().any(|c| c < ' ' || is_obeyed(c)), "{c:?}");
                assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            }
        }
    }

    #[test]
    fn numbers_of_every_length() {
        for power in 0..20 {
            for value in [10_u64.pow(power), 10_u64.pow(power) - 1, 10_u64.pow(power) / 8 * 9, 7] {
                let mut out = Vec::new();
                number(&mut out, value);
                assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
            }
        }
        let mut out = Vec::new();
        number(&mut out, u64::MAX);
        assert_eq!(out, b"18446744073709551615");
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
