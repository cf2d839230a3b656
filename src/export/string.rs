//! JSON strings written directly into a buffer.
//!
//! Strings are escaped as by `serde_json` and, because a line may be printed on a terminal, so are the characters that
//! control a terminal or reorder what it shows: DEL, the C1 controls and the bidirectional controls; and Unicode's line
//! separators, at which some readers break lines. A JSON parser recovers the same string.
//!
//! Strings are processed in blocks of 64 bytes. Most contain nothing to escape, or only quotes and backslashes, as in
//! JSON within JSON: both cases are handled without a branch per byte.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The block size in bytes.
const BLOCK: usize = 64;

/// Appends a string, quotes included.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        rest = rest.get(simple_blocks(out, rest)..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        rest = rest.get(one_by_one(out, rest)..).unwrap_or_default();
    }
    out.push(b'"');
}

/// Appends bytes, escaped, block by block up to the first that needs more than backslashes; returns how many bytes were
/// processed.
pub fn simple_blocks(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("popcnt") {
        #[expect(
            unsafe_code,
            reason = "twice as fast as the portable way, see the bench `stages`, group `escape`"
        )]
        // SAFETY: the function only requires a processor with these instructions, which was just checked.
        return unsafe { shuffle::blocks(out, bytes) };
    }
    portable_blocks(out, bytes)
}

/// The portable implementation of [`simple_blocks`].
pub fn portable_blocks(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
    let mut done = 0_usize;
    for block in bytes.chunks(BLOCK) {
        // The compiler vectorises this loop; an early exit would prevent that.
        if block.iter().fold(false, |any, &byte| any | is_other(byte)) {
            break;
        }
        // A `u8` cannot index beyond it, and it has room for twice a block.
        let mut room = [0; 256];
        let mut filled = 0_u8;
        for &byte in block {
            // The backslash is overwritten by the byte itself, unless the position advances.
            if let Some(slot) = room.get_mut(usize::from(filled)) {
                *slot = b'\\';
            }
            filled = filled.wrapping_add(u8::from(is_quote(byte)));
            if let Some(slot) = room.get_mut(usize::from(filled)) {
                *slot = byte;
            }
            filled = filled.wrapping_add(1);
        }
        out.extend_from_slice(room.get(..filled.into()).unwrap_or_default());
        done = done.wrapping_add(block.len());
    }
    done
}

#[cfg(target_arch = "x86_64")]
mod shuffle {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_cvtsi128_si64, _mm_min_epu8,
        _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128, _mm_shuffle_epi8,
        _mm_unpackhi_epi64,
    };

    use super::BLOCK;

    /// For each set of quotes among eight bytes: the index of the byte that moves to each of sixteen places, with the
    /// high bit set for backslashes.
    ///
    /// The high bit of an entry makes the shuffle write a zero.
    const PLACES: [[u8; 16]; 256] = places();

    /// The vectorised implementation of [`super::simple_blocks`].
    #[target_feature(enable = "ssse3,popcnt")]
    pub(super) fn blocks(out: &mut Vec<u8>, bytes: &[u8]) -> usize {
        let (whole, tail) = bytes.as_chunks::<BLOCK>();
        for (n, block) in whole.iter().enumerate() {
            if !append(out, block) {
                return n.wrapping_mul(BLOCK);
            }
        }
        // The rest becomes a block padded with spaces, which are not escaped.
        let mut block = [b' '; BLOCK];
        block.iter_mut().zip(tail).for_each(|(slot, byte)| *slot = *byte);
        if tail.is_empty() || !append(out, &block) {
            return bytes.len().wrapping_sub(tail.len());
        }
        out.truncate(out.len().saturating_sub(BLOCK.saturating_sub(tail.len())));
        bytes.len()
    }

    /// Appends a block with its quotes and backslashes escaped; returns `false` if other characters have to be escaped.
    #[target_feature(enable = "ssse3,popcnt")]
    fn append(out: &mut Vec<u8>, block: &[u8; BLOCK]) -> bool {
        let (sixteens, _) = block.as_chunks();
        let mut others = _mm_setzero_si128();
        for sixteen in sixteens {
            let bytes = load(sixteen);
            let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, each(0x1f)), bytes);
            others = _mm_or_si128(others, controls);
            for lead in [0x7f, 0xc2, 0xd8, 0xe2] {
                others = _mm_or_si128(others, _mm_cmpeq_epi8(bytes, each(lead)));
            }
        }
        if _mm_movemask_epi8(others) != 0 {
            return false;
        }
        let start = out.len();
        out.resize(start.saturating_add(2 * BLOCK), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let mut filled = 0_usize;
        for sixteen in sixteens {
            let bytes = load(sixteen);
            let quotes = _mm_or_si128(_mm_cmpeq_epi8(bytes, each(b'"')), _mm_cmpeq_epi8(bytes, each(b'\\')));
            let [low, high, ..] = _mm_movemask_epi8(quotes).to_le_bytes();
            for (eight, quotes) in [(bytes, low), (_mm_unpackhi_epi64(bytes, bytes), high)] {
                if let Some(to) = room.get_mut(filled..).and_then(<[u8]>::first_chunk_mut) {
                    store(to, spread(eight, quotes));
                }
                filled = filled.wrapping_add(8).wrapping_add(quotes.count_ones() as usize);
            }
        }
        out.truncate(start.wrapping_add(filled));
        true
    }

    /// Inserts a backslash before each of the low eight bytes that `quotes` selects, the lowest bit being the first.
    #[target_feature(enable = "ssse3,popcnt")]
    fn spread(eight: __m128i, quotes: u8) -> __m128i {
        let places =
            PLACES.get(usize::from(quotes)).map_or_else(|| _mm_setzero_si128(), |places| load(places));
        let backslashes = _mm_and_si128(_mm_cmpgt_epi8(_mm_setzero_si128(), places), each(b'\\'));
        _mm_or_si128(_mm_shuffle_epi8(eight, places), backslashes)
    }

    #[target_feature(enable = "ssse3,popcnt")]
    fn each(byte: u8) -> __m128i {
        _mm_set1_epi8(byte.cast_signed())
    }

    #[target_feature(enable = "ssse3,popcnt")]
    fn load(bytes: &[u8; 16]) -> __m128i {
        let [low, high] = halves(u128::from_le_bytes(*bytes));
        _mm_set_epi64x(high.cast_signed(), low.cast_signed())
    }

    #[target_feature(enable = "ssse3,popcnt")]
    fn store(to: &mut [u8; 16], bytes: __m128i) {
        let low = _mm_cvtsi128_si64(bytes).cast_unsigned();
        let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(bytes, bytes)).cast_unsigned();
        *to = (u128::from(high) << 64 | u128::from(low)).to_le_bytes();
    }

    const fn halves(value: u128) -> [u64; 2] {
        [value as u64, (value >> 64) as u64]
    }

    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "the compiler does it")]
    const fn places() -> [[u8; 16]; 256] {
        let mut all = [[0x80; 16]; 256];
        let mut quotes = 0;
        while quotes < 256 {
            let (mut byte, mut to) = (0, 0);
            while byte < 8 {
                to += quotes >> byte & 1;
                all[quotes][to] = byte as u8;
                to += 1;
                byte += 1;
            }
            quotes += 1;
        }
        all
    }
}

/// Appends characters one by one, up to a block in total, each escaped if necessary; returns how many bytes were
/// processed.
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

/// Returns the letter that follows the backslash in the short escape of `byte`; zero if there is none.
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

/// Returns whether a backslash before `byte` escapes it.
#[allow(
    clippy::needless_bitwise_bool,
    reason = "`matches!` and `||` branch, and a block takes five times as long"
)]
const fn is_quote(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\')
}

/// Returns whether a character that begins with `byte` may require another kind of escape.
#[allow(clippy::needless_bitwise_bool, reason = "as above")]
const fn is_other(byte: u8) -> bool {
    (byte < b' ') | (byte == 0x7f) | (byte == 0xc2) | (byte == 0xd8) | (byte == 0xe2)
}

/// The escape of one character, or its first byte unchanged.
struct Escape([u8; 6], u8);

impl Escape {
    fn as_slice(&self) -> &[u8] {
        self.0.get(..usize::from(self.1)).unwrap_or_default()
    }
}

/// Escapes the character at the start of `rest` if necessary; also returns its length in bytes.
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
        [0xe2, 0x80, low @ (0x8e | 0x8f | 0xa8..=0xae), ..] => (0x2000 | u16::from(low & 0x3f), 3),
        [0xe2, 0x81, low @ 0xa6..=0xa9, ..] => (0x2040 | u16::from(low & 0x3f), 3),
        _ => return (Escape([byte, 0, 0, 0, 0, 0], 1), 1),
    };
    let digit = |shift: u32| HEX.get(usize::from(escaped >> shift & 15)).copied().unwrap_or(b'0');
    (Escape([b'\\', b'u', digit(12), digit(8), digit(4), digit(0)], 6), used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{is_obeyed, write_json};
    use proptest::prelude::*;

    fn slow(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        write_json(text, &mut out).unwrap();
        out
    }

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_what_a_terminal_obeys() {
        assert_eq!(
            written("a\"\\\n\u{1b}[31m\u{7f}\u{9b}31m\u{202e}\u{2066}\u{61c}\u{200f}é“€ظ\u{2028}"),
            "\"a\\\"\\\\\\n\\u001b[31m\\u007f\\u009b31m\\u202e\\u2066\\u061c\\u200fé“€ظ\\u2028\""
        );
    }

    #[test]
    fn escapes_every_character_alone_and_at_every_place_as_the_slow_way_does() {
        let before = format!("é{}", "-".repeat(70));
        for c in '\0'..='\u{2fff}' {
            for (length, _) in before.char_indices().filter(|(n, _)| !(9..58).contains(n)) {
                let text = format!("{}{c}xyz\"", before.get(..length).unwrap_or_default());
                let line = written(&text);
                assert_eq!(line.as_bytes(), slow(&text), "{c:?} after {length}");
                assert!(!line.chars().any(|c| c < ' ' || is_obeyed(c)), "{c:?}");
                assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            }
        }
    }

    #[test]
    fn both_ways_do_the_same_blocks() {
        let text = "{\"a\":\"b\\\\\",\"c\":1234567890123456}".repeat(9);
        for end in 0..=text.len() {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            let bytes = &text.as_bytes()[..end];
            assert_eq!(simple_blocks(&mut ours, bytes), portable_blocks(&mut theirs, bytes));
            assert_eq!(ours, theirs);
        }
        let text = format!("{text}\n");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let done = simple_blocks(&mut ours, text.as_bytes());
        assert_eq!((done, done), (portable_blocks(&mut theirs, text.as_bytes()), text.len() / BLOCK * BLOCK));
        assert_eq!(ours, theirs);
    }

    proptest! {
        #[test]
        fn strings_equal_the_slow_way(text: String, ascii in "[ -~\\n\\x00\"\\\\]{0,100}") {
            for text in [text, ascii] {
                prop_assert_eq!(written(&text).into_bytes(), slow(&text));
            }
        }
    }
}
