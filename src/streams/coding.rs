//! Incremental decoding of content codings (RFC 9110 §8.4.1).

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::brotli::BrotliStream;
use super::zstd::ZstdStream;

/// The content coding of a body.
#[derive(Debug)]
pub(super) enum Coding {
    /// None.
    Identity,
    /// gzip (RFC 1952).
    Gzip(Box<GzDecoder<Vec<u8>>>),
    /// zlib (RFC 1950), the definition of `deflate`.
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    /// Raw DEFLATE (RFC 1951), which some send as `deflate`.
    Deflate(Box<DeflateDecoder<Vec<u8>>>),
    /// zstd (RFC 8878).
    Zstd(Box<ZstdStream>),
    /// brotli (RFC 7932).
    Brotli(Box<BrotliStream>),
    /// `deflate`, until its first two bytes show which of the two it is; holds the first of them.
    Undecided(Option<u8>),
    /// A coding that cannot be decoded.
    Unknown(&'static str),
}

/// The number of bytes inflated at once: the output is at most about a thousand times as long.
const PIECE: usize = 256;

/// The approximate size of an inflater, in bytes.
const INFLATER: usize = 80 << 10;

impl Coding {
    /// Creates the decoder of a coding by name.
    pub(super) fn named(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        match &*name {
            "" | "identity" => Coding::Identity,
            "gzip" | "x-gzip" => Coding::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            "deflate" => Coding::Undecided(None),
            "br" => Coding::Brotli(Box::default()),
            "zstd" => Coding::Zstd(Box::default()),
            _ => Coding::Unknown("the content coding is not supported"),
        }
    }

    /// Returns the reason why nothing can be decoded, if so.
    pub(super) const fn fault(&self) -> Option<&'static str> {
        match self {
            Coding::Unknown(cause) => Some(cause),
            _ => None,
        }
    }

    /// Decodes bytes piece by piece; returns the reason if no more can be decoded.
    pub(super) fn decode(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> Option<&'static str> {
        let bytes = match self {
            Coding::Identity => {
                each(bytes);
                return None;
            }
            Coding::Zstd(it) => {
                let mut out = Vec::new();
                let read = it.push(bytes, &mut out);
                each(&out);
                return read
                    .err()
                    .map(|_| "the zstd stream is damaged or too long to be read before its end");
            }
            Coding::Brotli(it) => return it.push(bytes, each).err(),
            Coding::Undecided(_) => self.decide(bytes),
            _ => bytes.to_vec(),
        };
        for piece in bytes.chunks(PIECE) {
            let whole = match self {
                Coding::Gzip(it) => inflate(&mut **it, |it| std::mem::take(it.get_mut()), piece, &mut each),
                Coding::Zlib(it) => inflate(&mut **it, |it| std::mem::take(it.get_mut()), piece, &mut each),
                Coding::Deflate(it) => {
                    inflate(&mut **it, |it| std::mem::take(it.get_mut()), piece, &mut each)
                }
                Coding::Identity
                | Coding::Zstd(_)
                | Coding::Brotli(_)
                | Coding::Undecided(_)
                | Coding::Unknown(_) => return self.fault(),
            };
            if whole.is_err() {
                return Some("compressed data is damaged");
            }
        }
        None
    }

    /// Distinguishes zlib from DEFLATE by the first two bytes; returns the bytes to be decoded.
    fn decide(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Coding::Undecided(first) = self else { return bytes.to_vec() };
        let all: Vec<u8> = first.take().into_iter().chain(bytes.iter().copied()).collect();
        match *all.as_slice() {
            [] => {}
            [one] => {
                *first = Some(one);
                return Vec::new();
            }
            [one, two, ..] => {
                let is_zlib = one & 15 == 8 && u16::from_be_bytes([one, two]) % 31 == 0;
                *self = if is_zlib {
                    Coding::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
                } else {
                    Coding::Deflate(Box::new(DeflateDecoder::new(Vec::new())))
                };
            }
        }
        all
    }

    /// Returns the approximate amount of allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        match self {
            Coding::Zstd(it) => it.allocated(),
            Coding::Brotli(it) => it.allocated(),
            Coding::Gzip(_) | Coding::Zlib(_) | Coding::Deflate(_) => INFLATER,
            Coding::Identity | Coding::Undecided(_) | Coding::Unknown(_) => 0,
        }
    }
}

/// Inflates a piece and passes the output to `each`.
fn inflate<D: Write>(
    decoder: &mut D,
    take: impl Fn(&mut D) -> Vec<u8>,
    piece: &[u8],
    each: &mut impl FnMut(&[u8]),
) -> io::Result<()> {
    let written = decoder.write_all(piece).and_then(|()| decoder.flush());
    each(&take(decoder));
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn decoded(name: &str, bytes: &[u8], size: usize) -> (Vec<u8>, Option<&'static str>) {
        let (mut coding, mut out) = (Coding::named(name), Vec::new());
        for piece in bytes.chunks(size) {
            if let Some(fault) = coding.decode(piece, |piece| out.extend_from_slice(piece)) {
                return (out, Some(fault));
            }
        }
        (out, None)
    }

    macro_rules! encoded {
        ($encoder:ident, $text:expr) => {{
            let mut it = $encoder::new(Vec::new(), Compression::default());
            it.write_all($text).unwrap();
            it.flush().unwrap();
            it.get_ref().clone()
        }};
    }

    #[test]
    fn what_was_flushed_comes_out_however_it_is_cut() {
        let text = b"data: the same words\n\ndata: the same words\n\n".repeat(50);
        let all = [
            ("gzip", encoded!(GzEncoder, &text)),
            ("X-GZIP", encoded!(GzEncoder, &text)),
            ("deflate", encoded!(ZlibEncoder, &text)),
            ("deflate", encoded!(DeflateEncoder, &text)),
            (
                "zstd",
                ruzstd::encoding::compress_to_vec(&text[..], ruzstd::encoding::CompressionLevel::Fastest),
            ),
            (" identity ", text.clone()),
        ];
        for (name, bytes) in &all {
            for size in [1, 2, 3, 7, 300, 5000] {
                assert_eq!(decoded(name, bytes, size), (text.clone(), None), "{name} {size}");
            }
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        assert_eq!(decoded("gzip", b"data: nothing of gzip\n\n", 3).1, Some("compressed data is damaged"));
        assert_eq!(Coding::named("compress").fault(), Some("the content coding is not supported"));
        assert_eq!(Coding::named("gzip, br").fault(), Some("the content coding is not supported"));
    }

    #[test]
    fn a_bomb_is_handed_on_in_small_pieces() {
        let bytes = encoded!(GzEncoder, &vec![b'x'; 64 << 20]);
        let (mut coding, mut most, mut sum) = (Coding::named("gzip"), 0, 0);
        coding.decode(&bytes, |piece| {
            most = most.max(piece.len());
            sum += piece.len();
        });
        assert_eq!(sum, 64 << 20);
        assert!(most < 1 << 20, "{most}");
    }
}
