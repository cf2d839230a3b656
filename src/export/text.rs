//! JSON values written straight into a buffer.
//!
//! Strings are escaped as `serde_json` does and, because a line may be printed on a terminal, so are the
//! characters that a terminal obeys or that reorder what it shows: DEL, the C1 controls and the bidirectional
//! controls. A JSON parser gives back the same string.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::view::eight_digits;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Tells whether a character that JSON lets stand must not reach a terminal.
pub(super) const fn is_obeyed(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

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
/// 64 bytes are looked at at a time; what lies between those to escape is copied in runs.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut at, mut done) = (0_usize, 0);
    while let Some(ahead) = bytes.get(at..).and_then(<[u8]>::first_chunk::<AHEAD>)
        && let Some(block) = ahead.first_chunk()
    {
        let (found, end) = (suspects(block), at.wrapping_add(64));
        if found == 0 {
            out.extend_from_slice(bytes.get(done..end).unwrap_or_default());
            done = end;
        } else {
            done = escape(out, bytes, at, done, found);
        }
        at = end;
    }
    // What is left is copied, so that there is something behind its end.
    let rest = bytes.get(done..).unwrap_or_default();
    let mut tail = [b' '; 256];
    tail.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
    (at, done) = (at.saturating_sub(done), 0);
    while at < rest.len()
        && let Some(block) = tail.get(at..).and_then(<[u8]>::first_chunk)
    {
        done = escape(out, &tail, at, done, suspects(block));
        at = at.wrapping_add(64);
    }
    out.extend_from_slice(rest.get(done..).unwrap_or_default());
    out.push(b'"');
}

/// How many bytes there are to be from a block's start on: behind it sixteen more can be copied.
const AHEAD: usize = 64 + 16;

/// Appends what stands from `done` up to and with the last of the suspects `found` in the 64 bytes from `at` on, escaped;
/// returns where that ends. Sixteen more bytes are to stand behind those.
fn escape(out: &mut Vec<u8>, bytes: &[u8], at: usize, mut done: usize, mut found: u64) -> usize {
    // What 64 bytes become at most, what was left of those before, and room for the last sixteen to be copied.
    const ROOM: usize = 6 * 64 + 64 + 16;
    let start = out.len();
    out.resize(start.saturating_add(ROOM), 0);
    let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<ROOM>) else { return done };
    let mut filled = 0_usize;
    while found != 0 {
        let place = at.wrapping_add(found.trailing_zeros() as usize);
        found &= found.wrapping_sub(1);
        let run = place.wrapping_sub(done);
        // Copying a few times sixteen bytes is faster than copying a number that is not known before.
        for step in (0..run).step_by(16) {
            if let Some(from) = bytes.get(done.wrapping_add(step)..).and_then(<[u8]>::first_chunk::<16>)
                && let Some(to) = room.get_mut(filled.wrapping_add(step)..).and_then(<[u8]>::first_chunk_mut::<16>)
            {
                *to = *from;
            }
        }
        filled = filled.wrapping_add(run);
        match bytes.get(place) {
            // It stands before itself: the character comes with the next run.
            Some(b'"' | b'\\') => {
                if let Some(slot) = room.get_mut(filled) {
                    *slot = b'\\';
                }
                filled = filled.wrapping_add(1);
                done = place;
            }
            _ => {
                let (escaped, used) = one(bytes.get(place..).unwrap_or_default());
                let escaped = escaped.as_slice();
                if let Some(to) = room.get_mut(filled..filled.wrapping_add(escaped.len())) {
                    to.copy_from_slice(escaped);
                }
                filled = filled.wrapping_add(escaped.len());
                done = place.wrapping_add(used);
            }
        }
    }
    out.truncate(start.wrapping_add(filled));
    done
}

/// Returns a bit for each byte that [`is_suspect`], the lowest for the first one.
fn suspects(block: &[u8; 64]) -> u64 {
    // Both loops become vector instructions; a multiplication gathers the lowest bits of eight bytes.
    let marks = block.map(|byte| u8::from(is_suspect(byte)));
    let (eights, _) = marks.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, eight| {
        bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
    })
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

/// Tells whether a character that begins with `byte` may have to be escaped.
#[allow(clippy::needless_bitwise_bool, reason = "`matches!` and `||` branch, and a block takes five times as long")]
const fn is_suspect(byte: u8) -> bool {
    let ascii = (byte < b' ') | (byte == b'"') | (byte == b'\\') | (byte == 0x7f);
    ascii | (byte == 0xc2) | (byte == 0xd8) | (byte == 0xe2)
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
    fn numbers_of_every_length() {
        for power in 0..20 {
            for value in [10_u64.pow(power), 10_u64.pow(power) - 1, 10_u64.pow(power) * 9 / 8, 7] {
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
