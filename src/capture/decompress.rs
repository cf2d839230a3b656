use std::error::Error as _;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const BUFFER: usize = 64 * 1024;

/// Names how a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstandard,
}

impl Compression {
    /// Tells it by a file's first bytes.
    pub(super) fn of(start: &[u8]) -> Option<Compression> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstandard),
            _ => None,
        }
    }

    /// Wraps `raw`, which is read from its first byte.
    pub(super) fn reader(self, raw: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        let raw = BufReader::with_capacity(BUFFER, raw);
        match self {
            Compression::Gzip => Box::new(MultiGzDecoder::new(raw)),
            Compression::Zstandard => {
                Box::new(Zstandard { frames: FrameDecoder::new(), source: raw, cut: None })
            }
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstandard => "zstd",
        }
    }
}

/// Reads one frame after the other: the decoder itself knows only one.
struct Zstandard<R> {
    frames: FrameDecoder,
    source: BufReader<R>,
    /// The error to give once what came before it is handed out.
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
                self.end_frame(error)?;
            }
        }
        self.frames.read(into)
    }
}

impl<R: Read> Zstandard<R> {
    fn begin_frame(&mut self) -> io::Result<()> {
        match self.frames.reset(&mut self.source) {
            Ok(()) => Ok(()),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink()).map(drop)
            }
            Err(error) => Err(ours(&error)),
        }
    }

    /// Ends a frame that could not be read on.
    ///
    /// The decoder holds back a window of good bytes until the frame ends. Where the file was cut off, an empty
    /// last block (and a checksum, which nobody looks at) ends the frame, so that they are handed out.
    fn end_frame(&mut self, error: FrameDecoderError) -> io::Result<()> {
        const EMPTY_LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        let error = ours(&error);
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

/// Keeps an error of the file below as it is; what the decoder says is bad data.
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
