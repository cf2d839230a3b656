//! A brotli stream (RFC 7932), decoded as it is flushed.

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

/// The number of bytes decoded at once.
const PIECE: usize = 16 << 10;

/// The approximate size of a stream's tables, in bytes.
const TABLES: usize = 256 << 10;

/// Bounds the window that a stream requires, as a power of two: the largest that encoders choose by default.
const MAX_WINDOW_BITS: u32 = 22;

/// A decoder for a brotli stream.
pub(super) struct BrotliStream {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    /// The size of the window, once the first byte is known.
    window: Option<usize>,
    /// Whether the last block was read.
    ended: bool,
}

impl fmt::Debug for BrotliStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrotliStream").field("window", &self.window).finish_non_exhaustive()
    }
}

impl Default for BrotliStream {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        BrotliStream { state: BrotliState::new(alloc(), alloc(), alloc()), window: None, ended: false }
    }
}

/// Returns the base-two logarithm of the window size from the first byte (RFC 7932 §9.1); `None` if invalid.
fn window_bits(first: u8) -> Option<u32> {
    match (first & 1, first >> 1 & 7, first >> 4 & 7) {
        (0, ..) => Some(16),
        (_, 0, 0) => Some(17),
        (_, 0, 1) => None,
        (_, 0, n) => Some(u32::from(n).saturating_add(8)),
        (_, n, _) => Some(u32::from(n).saturating_add(17)),
    }
}

impl BrotliStream {
    /// Decodes the next bytes and passes the output to `each`, piece by piece.
    ///
    /// # Errors
    ///
    /// Fails if nothing more can be decoded; the error is the reason.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), &'static str> {
        let Some(first) = bytes.first() else { return Ok(()) };
        if self.window.is_none() {
            let bits = window_bits(*first).ok_or("compressed data is damaged")?;
            if bits > MAX_WINDOW_BITS {
                return Err("the brotli stream asks for a larger window than is kept");
            }
            self.window = Some(1 << bits);
        }
        let mut out = vec![0; PIECE];
        loop {
            if self.ended {
                // Nothing may follow the last block.
                return if bytes.is_empty() { Ok(()) } else { Err("compressed data is damaged") };
            }
            let (mut left, mut taken, mut room, mut made) = (bytes.len(), 0, out.len(), 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut taken,
                bytes,
                &mut room,
                &mut made,
                &mut out,
                &mut 0,
                &mut self.state,
            );
            if made > 0 {
                each(out.get(..made).unwrap_or_default());
            }
            bytes = bytes.get(taken..).unwrap_or_default();
            match result {
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::ResultFailure => return Err("compressed data is damaged"),
            }
        }
    }

    /// Returns the approximate amount of allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.window.map_or(0, |window| window.saturating_add(TABLES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Three events, as compressed by Node.js 20 (`zlib.createBrotliCompress`) with a flush after each.
    const EVENTS: &[u8] =
        b"\x0b\x17\x80\x69\x64\x3a\x20\x30\x0a\x64\x61\x74\x61\x3a\x20\x7b\x22\x6e\x22\x3a\x30\x2c\x22\x74\
        \x65\x78\x74\x22\x3a\x22\x61\x68\x6f\x79\x2c\x20\x61\x68\x6f\x79\x2c\x20\x61\x68\x6f\x79\x22\x7d\
        \x0a\x0a\x70\x01\x80\xdf\x48\xa9\x3a\xbc\xcb\x18\x90\xb4\xd2\x21\x2b\x26\xd2\x09\x1f\xba\x38\x03\
        \x70\x01\x80\x5f\x42\x26\x05\x48\x82\x89\x00\x40\xbe\x01\x03";

    /// Where each flush ends.
    const FLUSHED: [usize; 3] = [50, 72, 86];

    fn event(n: usize) -> String {
        format!("id: {n}\ndata: {{\"n\":{n},\"text\":\"ahoy, ahoy, ahoy\"}}\n\n")
    }

    fn decoded(bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), &'static str>) {
        let (mut stream, mut out) = (BrotliStream::default(), Vec::new());
        for piece in bytes.chunks(size) {
            if let Err(fault) = stream.push(piece, |piece| out.extend_from_slice(piece)) {
                return (out, Err(fault));
            }
        }
        (out, Ok(()))
    }

    #[test]
    fn an_event_is_there_when_it_is_flushed() {
        let (mut stream, mut out, mut at) = (BrotliStream::default(), Vec::new(), 0);
        for (n, end) in FLUSHED.into_iter().enumerate() {
            stream.push(&EVENTS[at..end], |piece| out.extend_from_slice(piece)).unwrap();
            at = end;
            assert_eq!(String::from_utf8(out.clone()).unwrap(), (0..=n).map(event).collect::<String>());
        }
        assert_eq!(stream.push(&EVENTS[at..], |_| panic!("nothing more was sent")), Ok(()));
        assert_eq!(stream.push(b"x", |_| {}), Err("compressed data is damaged"), "after its end");
        assert_eq!(stream.allocated(), (1 << 22) + TABLES);
        for size in [1, 2, 3, 7, 60] {
            assert_eq!(decoded(EVENTS, size), (out.clone(), Ok(())), "{size}");
        }
    }

    #[test]
    fn a_bomb_is_handed_on_in_small_pieces() {
        let bomb = b"\x9b\xff\xff\x7f\xf8\x25\xf0\xe2\xb1\x40\x20\xf7\xfe\x0f";
        let (mut sum, mut stream) = (0, BrotliStream::default());
        let made = stream.push(bomb, |piece| {
            assert!(piece.len() <= PIECE && piece.iter().all(|byte| *byte == b'x'));
            sum += piece.len();
        });
        assert_eq!((sum, made), (8 << 20, Ok(())));
    }

    #[test]
    fn a_window_beyond_the_bound_and_damage_are_named() {
        let large = decoded(b"\x0f\x02\x80hello\x03", 3);
        assert_eq!(large.1, Err("the brotli stream asks for a larger window than is kept"));
        assert_eq!(decoded(b"\x11hello", 3).1, Err("compressed data is damaged"));
        assert!((0..=255).filter_map(window_bits).all(|bits| (10..=24).contains(&bits)));
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50) {
            let (out, fault) = decoded(&bytes, size);
            prop_assert_eq!((out, fault), decoded(&bytes, 300));
        }
    }
}
