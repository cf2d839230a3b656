//! A zstd stream (RFC 8878) whose content is required as it is flushed, not at its end.
//!
//! The library retains the last window of a frame until the frame ends. Therefore, whenever a block is complete, the
//! frame so far is decoded again with an end appended, which is bounded in bytes and in work.

use std::io::Read;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bounds the size of a frame, in bytes.
const MAX_FRAME: usize = 256 << 10;

/// Bounds the decoded size of a frame, in bytes.
const MAX_CONTENT: usize = 4 << 20;

/// Bounds the total input and output of decoding a stream, including repeated decoding.
const MAX_WORK: u64 = 512 << 20;

/// The weight of an input byte relative to an output byte: a block without content is only three input bytes.
const TAKEN: u64 = 8;

/// The number of bytes decoded at once; a block yields at most 128 KiB (RFC 8878 §3.1.1.2.4).
const PIECE: usize = 256 << 10;

/// The first bytes of a frame (RFC 8878 §3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// An empty last block, and room for the checksum after it.
const END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// The error at which a stream becomes unreadable: it is damaged, or exceeds the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableZstd;

/// A decoder that outputs a zstd stream as it is flushed.
#[derive(Debug, Default)]
pub struct ZstdStream {
    /// The bytes of the current frame.
    frame: Vec<u8>,
    /// The length of its header and complete blocks.
    whole: usize,
    /// The length of its content that was already output.
    given: usize,
    work: u64,
}

/// The required parts of a frame header.
struct Header {
    length: usize,
    has_checksum: bool,
}

impl ZstdStream {
    /// Pushes bytes and appends the content of the blocks that they complete.
    ///
    /// # Errors
    ///
    /// Fails if nothing more can be decoded; the content up to there is appended.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), UnreadableZstd> {
        self.frame.extend_from_slice(bytes);
        // Block by block, so that the output does not depend on how the stream is split.
        while let Some(is_last) = self.step()? {
            self.decode(is_last, out)?;
            if is_last {
                self.frame.drain(..self.whole.min(self.frame.len()));
                (self.whole, self.given) = (0, 0);
            }
        }
        if self.frame.len() > MAX_FRAME { Err(UnreadableZstd) } else { Ok(()) }
    }

    /// Returns whether there is no incomplete block.
    pub fn is_flushed(&self) -> bool {
        self.whole == self.frame.len()
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        self.frame.capacity()
    }

    /// Advances past the next block if it is complete; returns whether it ends the frame (RFC 8878 §3.1.1.2).
    fn step(&mut self) -> Result<Option<bool>, UnreadableZstd> {
        let Some(header) = self.header()? else { return Ok(None) };
        let start = self.whole.max(header.length);
        let Some([a, b, c, rest @ ..]) = self.frame.get(start..) else { return Ok(None) };
        let word = u32::from_le_bytes([*a, *b, *c, 0]);
        let is_last = word & 1 == 1;
        let content = match word >> 1 & 3 {
            1 => 1,
            3 => return Err(UnreadableZstd),
            _ => (word >> 3) as usize,
        };
        let checksum = if is_last && header.has_checksum { 4 } else { 0 };
        let length = content.saturating_add(checksum);
        if rest.len() < length {
            return Ok(None);
        }
        self.whole = start.saturating_add(3).saturating_add(length);
        if self.whole > MAX_FRAME { Err(UnreadableZstd) } else { Ok(Some(is_last)) }
    }

    /// Parses the header of the frame (RFC 8878 §3.1.1.1); returns `None` if it is incomplete.
    fn header(&self) -> Result<Option<Header>, UnreadableZstd> {
        let known = self.frame.get(..MAGIC.len().min(self.frame.len())).unwrap_or_default();
        if !MAGIC.starts_with(known) {
            return Err(UnreadableZstd);
        }
        let Some(descriptor) = self.frame.get(MAGIC.len()) else { return Ok(None) };
        let is_single = descriptor >> 5 & 1;
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
        let size = match descriptor >> 6 {
            0 => usize::from(is_single),
            exponent => 1 << exponent,
        };
        let length =
            6_usize.saturating_sub(usize::from(is_single)).saturating_add(dictionary).saturating_add(size);
        let has_checksum = descriptor >> 2 & 1 == 1;
        Ok((self.frame.len() >= length).then_some(Header { length, has_checksum }))
    }

    /// Decodes the complete blocks and appends content that has not been output yet.
    fn decode(&mut self, is_over: bool, out: &mut Vec<u8>) -> Result<(), UnreadableZstd> {
        let blocks = self.frame.get(..self.whole).unwrap_or_default();
        let mut source = blocks.chain(if is_over { &[][..] } else { &END });
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(8 << 20);
        decoder.reset(&mut source).map_err(|_| UnreadableZstd)?;
        let mut content = Vec::new();
        while !decoder.is_finished() {
            decoder
                .decode_blocks(&mut source, BlockDecodingStrategy::UptoBytes(PIECE))
                .map_err(|_| UnreadableZstd)?;
            content.extend(decoder.collect().unwrap_or_default());
            // The window is only output at the end: its contents are at most what was read so far.
            if content.len() > MAX_CONTENT {
                return Err(UnreadableZstd);
            }
        }
        let taken = (self.whole as u64).saturating_mul(TAKEN);
        self.work = self.work.saturating_add(taken).saturating_add(content.len() as u64);
        out.extend_from_slice(content.get(self.given..).unwrap_or_default());
        self.given = content.len();
        if self.work > MAX_WORK { Err(UnreadableZstd) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "ahoy " and then "harbour" as raw blocks, the first flushed, the second the last; the content size is unknown.
    const FRAME: &[u8] = b"\x28\xb5\x2f\xfd\x00\x58\x28\0\0ahoy \x39\0\0harbour";

    fn read(pieces: impl Iterator<Item = Vec<u8>>) -> (Vec<u8>, bool) {
        let (mut stream, mut out) = (ZstdStream::default(), Vec::new());
        for piece in pieces {
            if stream.push(&piece, &mut out).is_err() {
                return (out, false);
            }
        }
        (out, true)
    }

    #[test]
    fn blocks_are_given_as_they_come_however_they_are_cut() {
        for size in 1..FRAME.len() {
            let pieces = [FRAME, FRAME].concat();
            let pieces = pieces.chunks(size).map(<[u8]>::to_vec);
            assert_eq!(read(pieces), (b"ahoy harbourahoy harbour".to_vec(), true), "{size}");
        }
        let (mut stream, mut out) = (ZstdStream::default(), Vec::new());
        stream.push(&FRAME[..14], &mut out).unwrap();
        assert_eq!((&out[..], stream.is_flushed()), (&b"ahoy "[..], true));
        stream.push(&FRAME[14..16], &mut out).unwrap();
        assert_eq!((&out[..], stream.is_flushed()), (&b"ahoy "[..], false));
    }

    #[test]
    fn what_the_encoder_makes_is_read_back() {
        let text = b"data: the same words again\n\n".repeat(9000);
        let frame = ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest);
        for size in [1000, 7919, 1 << 20] {
            assert_eq!(read(frame.chunks(size).map(<[u8]>::to_vec)), (text.clone(), true), "{size}");
        }
    }

    #[test]
    fn damage_and_bombs_end_it() {
        assert_eq!(read([b"{}".to_vec()].into_iter()), (Vec::new(), false));
        // Blocks of one byte repeated 128 Ki times, as many as there is room for.
        let block = ((128_u32 << 10) << 3 | 1 << 1).to_le_bytes();
        let blocks = std::iter::repeat_with(|| [block[0], block[1], block[2], b'x'].to_vec());
        let pieces = std::iter::once(b"\x28\xb5\x2f\xfd\x00\x58".to_vec()).chain(blocks.take(10_000));
        let (out, whole) = read(pieces);
        assert!(!whole && out.len() <= MAX_CONTENT, "{}", out.len());
        // Flushes without content, one by one.
        let empty = std::iter::repeat_with(|| vec![0, 0, 0]);
        let pieces = std::iter::once(b"\x28\xb5\x2f\xfd\x00\x58".to_vec()).chain(empty.take(100_000));
        assert!(!read(pieces).1);
    }
}
