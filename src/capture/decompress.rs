use std::error::Error as _;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const BUFFER: usize = 64 * 1024;

/// The compression format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstandard,
    /// LZ4 frames, any number of them.
    Lz4,
}

impl Compression {
    /// Determines the format from the first bytes of a file.
    pub(super) fn of(start: &[u8]) -> Option<Compression> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Compression::Zstandard)
            }
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
            _ => None,
        }
    }

    /// Wraps `raw`, which is read from its first byte.
    pub(super) fn reader(self, raw: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let raw = BufReader::with_capacity(BUFFER, raw);
        match self {
            Compression::Gzip => Box::new(Gzip(Some(GzDecoder::new(raw)))),
            Compression::Zstandard => {
                Box::new(Zstandard { frames: FrameDecoder::new(), source: raw, cut: None })
            }
            Compression::Lz4 => Box::new(Lz4(Some(lz4_flex::frame::FrameDecoder::new(raw)))),
        }
    }

    /// Describes what is wrong with the compressed data, with a message of its own for data that ends too soon.
    pub(super) fn problem(self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {} data ends early", self.name()),
            _ => format!("the {} data is damaged: {error}", self.name()),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstandard => "zstd",
            Compression::Lz4 => "lz4",
        }
    }
}

/// A reader of concatenated members; zeros after the last one, as left by tapes and block devices, are padding.
struct Gzip<R: Read>(Option<GzDecoder<BufReader<R>>>);

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            let source = member.get_mut();
            let is_over = loop {
                let bytes = source.fill_buf()?;
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                let (is_over, is_all) = (bytes.is_empty(), zeros == bytes.len());
                source.consume(zeros);
                if is_over || !is_all {
                    break is_over;
                }
            };
            let source = self.0.take().filter(|_| !is_over).map(GzDecoder::into_inner);
            self.0 = source.map(GzDecoder::new);
        }
        Ok(0)
    }
}

/// A reader of concatenated frames: the decoder stops at the end of each.
struct Lz4<R: Read>(Option<lz4_flex::frame::FrameDecoder<BufReader<R>>>);

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.0 {
            let count = frame.read(into)?;
            if count > 0 || into.is_empty() || frame.get_mut().fill_buf()?.is_empty() {
                return Ok(count);
            }
            let source = self.0.take().map(lz4_flex::frame::FrameDecoder::into_inner);
            self.0 = source.map(lz4_flex::frame::FrameDecoder::new);
        }
        Ok(0)
    }
}

/// A reader of concatenated frames: the decoder itself handles only one.
struct Zstandard<R> {
    frames: FrameDecoder,
    source: BufReader<R>,
    /// The error to return after the data that precedes it has been read.
    cut: Option<io::Error>,
}

impl<R: Read> Read for Zstandard<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.frames.can_collect() == 0 {
            if let Some(error) = self.cut.take() {
                return Err(error);
            }
            if self.frames.is_finished() {
                if self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin_frame()?;
            } else if let Err(error) =
                self.frames.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
            {
                self.end_frame(&error)?;
            }
        }
        self.frames.read(into)
    }
}

impl<R: Read> Zstandard<R> {
    fn begin_frame(&mut self) -> io::Result<()> {
        match self.frames.reset(&mut self.source) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink()).map(drop),
            Err(error) => Err(ours(&error)),
        }
    }

    /// Ends a frame that could not be read to its end.
    ///
    /// The decoder withholds a window of good bytes until the frame ends. If the file is truncated, an empty last block
    /// (and a checksum, which is not verified) ends the frame, so that those bytes are delivered.
    fn end_frame(&mut self, error: &FrameDecoderError) -> io::Result<()> {
        const EMPTY_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        let error = ours(error);
        if error.kind() != io::ErrorKind::UnexpectedEof {
            return Err(error);
        }
        match self.frames.decode_blocks(&EMPTY_LAST_BLOCK[..], BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => {
                self.cut = Some(error);
                Ok(())
            }
            Err(_) => Err(error),
        }
    }
}

/// Returns I/O errors of the underlying file unchanged; any other decoder error is invalid data.
fn ours(error: &FrameDecoderError) -> io::Error {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            if let Some(code) = inner.raw_os_error() {
                return io::Error::from_raw_os_error(code);
            }
            if inner.kind() == io::ErrorKind::UnexpectedEof {
                return io::Error::new(io::ErrorKind::UnexpectedEof, "the data ends early");
            }
        }
        cause = inner.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::super::fixture::{Bytes, Everything, Pieces};
    use super::super::{Error, Files, order::Order};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
        let blocks = FrameInfo::new().block_size(BlockSize::Max64KB);
        let mut encoder = FrameEncoder::with_frame_info(blocks, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// About 700 KiB of incompressible data.
    fn capture() -> Vec<u8> {
        let file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 65535, 1);
        let mut noise = 1_u32;
        let mut byte = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        (0..500)
            .fold(file, |file, second| file.record(second, 0, &(0..1400).map(|_| byte()).collect::<Vec<_>>()))
            .bytes
    }

    #[expect(clippy::type_complexity, reason = "a table of functions")]
    const CODECS: [fn(&[u8]) -> Vec<u8>; 3] = [gzip, zstandard, lz4];

    #[test]
    fn same_packets_as_without() {
        let plain = capture();
        let expected = Everything::of_bytes(&plain).unwrap();
        assert_eq!(expected.packets.len(), 500);
        for compress in CODECS {
            let all = Everything::of_bytes(&compress(&plain)).unwrap();
            assert_eq!((all.packets, all.problems), (expected.packets.clone(), vec![]));
        }
    }

    /// Tapes and block devices pad with zeros, which `gzip -d` skips.
    #[test]
    fn zeros_behind_gzip_are_padding_and_other_bytes_are_damage() {
        let plain = capture();
        let expected = Everything::of_bytes(&plain).unwrap();
        let zeros = vec![0; 100_000];
        let padded = [&gzip(&plain[..70_000])[..], &zeros, &gzip(&plain[70_000..]), &zeros].concat();
        let all = Everything::of_bytes(&padded).unwrap();
        assert_eq!((all.packets, all.problems), (expected.packets.clone(), vec![]));
        let all = Everything::of_bytes(&[&gzip(&plain)[..], &zeros, b"junk"].concat()).unwrap();
        assert_eq!((all.packets.len(), all.problems.len()), (500, 1));
    }

    #[test]
    fn several_members_and_skippable_frames() {
        let plain = capture();
        let expected = Everything::of_bytes(&plain).unwrap();
        for compress in CODECS {
            let mut parts = Vec::new();
            for part in plain.chunks(100_001) {
                parts.extend(compress(part));
            }
            assert_eq!(Everything::of_bytes(&parts).unwrap().packets, expected.packets);
        }
        let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstandard(&plain)].concat();
        assert_eq!(Everything::of_bytes(&skippable).unwrap().packets, expected.packets);
    }

    #[test]
    fn through_a_pipe_byte_by_byte() {
        let plain = Bytes::stamps(&[1, 2, 3], b"data");
        for compress in CODECS {
            let pieces = compress(&plain).into_iter().map(|byte| vec![byte]).collect::<Vec<_>>();
            let all = Everything::of(Files::from_reader("-", Pieces::boxed(pieces))).unwrap();
            assert_eq!((all.seconds(), &all.problems[..]), (vec![1, 2, 3], &[][..]));
        }
    }

    #[test]
    fn gzip_that_grows_is_read_as_it_grows() {
        let plain = Bytes::stamps(&[1, 2, 3], b"data");
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut pieces = Vec::new();
        for part in [&plain[..44], &plain[44..64], &plain[64..]] {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
            pieces.push(std::mem::take(encoder.get_mut()));
        }
        pieces.push(encoder.finish().unwrap());
        let all = Everything::of(Files::from_reader("-", Pieces::boxed(pieces))).unwrap();
        assert_eq!(all.batches, [1, 1, 1]);
    }

    #[test]
    fn cut_gives_what_came_before_and_one_diagnostic() {
        let plain = capture();
        for (compress, name) in CODECS.into_iter().zip(["gzip", "zstd", "lz4"]) {
            let whole = compress(&plain);
            let all = Everything::of_bytes(&whole[..whole.len() * 3 / 4]).unwrap();
            assert!((200..500).contains(&all.packets.len()), "{name}: {} packets", all.packets.len());
            let (offset, problem) = all.only_problem();
            let reported =
                format!("the {name} data ends early (the offset counts bytes after decompression)");
            assert_eq!(problem, reported);
            assert!(offset >= 24 + all.packets.len() as u64 * 1416, "{offset}");
        }
    }

    #[test]
    fn damage_gives_one_diagnostic() {
        let plain = capture();
        for compress in CODECS {
            let mut whole = compress(&plain[..50_000]);
            whole.extend([0x1f; 100]);
            let all = Everything::of_bytes(&whole).unwrap();
            assert_eq!(all.packets.len(), 35);
            let (_, problem) = all.only_problem();
            assert!(problem.contains(" data is damaged: "), "{problem}");
            assert!(problem.ends_with(" (the offset counts bytes after decompression)"), "{problem}");
        }
    }

    #[test]
    fn damage_at_the_start_is_an_error() {
        for bad in [
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff][..],
            &[0x28, 0xb5, 0x2f, 0xfd, 0xff][..],
        ] {
            let error = Everything::of_bytes(bad).unwrap_err();
            assert!(matches!(error, Error::Compression { .. }), "{error}");
        }
    }

    #[test]
    fn an_end_before_the_first_byte_is_an_error_that_says_so() {
        for (compress, name) in CODECS.into_iter().zip(["gzip", "zstd", "lz4"]) {
            let error = Everything::of_bytes(&compress(&capture())[..6]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("test: cannot be decompressed: the {name} data ends early")
            );
        }
    }

    #[test]
    fn nothing_inside_is_empty() {
        for compress in CODECS {
            let error = Everything::of_bytes(&compress(b"")).unwrap_err();
            assert_eq!(error.to_string(), "test: empty file");
        }
    }

    #[test]
    fn flipped_bits_never_panic() {
        let plain = Bytes::stamps(&(0..50).collect::<Vec<_>>(), b"the same data over and over again");
        for compress in CODECS {
            let whole = compress(&plain);
            for at in (0..whole.len() * 8).step_by(7) {
                let mut bad = whole.clone();
                bad[at / 8] ^= 1 << (at % 8);
                let _ = Everything::of_bytes(&bad);
            }
        }
    }
}
