//! Bodies, which are skipped and never buffered (RFC 9112 §6–7).

use super::head::BlankLine;
use crate::model::Lost;

/// The remainder of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Everything up to the end of the stream.
    UntilClose,
}

/// A position in a chunked body (RFC 9112 §7.1).
///
/// ```text
///   Size ─► Extension ─► Data ─► DataEnd ─► Size …        Size of 0 ─► Extension ─► Trailer ─► done
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the size: its digits so far.
    Size { size: u64, digits: u8 },
    /// After the size, up to the end of the line.
    Extension { size: u64 },
    /// In the data: the number of bytes left.
    Data(u64),
    /// Before the line end that follows the data.
    DataEnd,
    /// In the trailer fields.
    Trailer(BlankLine),
}

/// The state of a body after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The body may continue.
    More,
    /// The body has ended.
    Done,
    /// The chunks are malformed: where the body ends is unknown.
    Broken,
}

impl Body {
    /// The state of a chunked body before its first byte.
    pub(super) const CHUNKED: Body = Body::Chunked(Chunked::Size { size: 0, digits: 0 });

    /// Skips bytes of the body; returns how many.
    pub(super) fn skip(&mut self, bytes: &[u8]) -> (usize, Next) {
        self.read(bytes, |_| ())
    }

    /// Reads bytes of the body and passes its data to `data`; returns how many bytes were read.
    pub(super) fn read(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> (usize, Next) {
        match self {
            Body::UntilClose => {
                data(bytes);
                (bytes.len(), Next::More)
            }
            Body::Length(left) => {
                let used = take(left, bytes.len());
                data(bytes.get(..used).unwrap_or_default());
                (used, if *left == 0 { Next::Done } else { Next::More })
            }
            Body::Chunked(chunked) => {
                let mut rest = bytes;
                loop {
                    if rest.is_empty() {
                        return (bytes.len(), Next::More);
                    }
                    let is_data = matches!(chunked, Chunked::Data(_));
                    let (used, next) = chunked.step(rest);
                    if is_data {
                        data(rest.get(..used).unwrap_or_default());
                    }
                    rest = rest.get(used..).unwrap_or_default();
                    if next != Next::More {
                        return (bytes.len().saturating_sub(rest.len()), next);
                    }
                }
            }
        }
    }

    /// Skips lost bytes; returns `None` if they may have contained more than data, so that the position is unknown.
    pub(super) fn lose(&mut self, lost: Lost) -> Option<Next> {
        let Lost::Exact(length) = lost else {
            return (*self == Body::UntilClose).then_some(Next::More);
        };
        match self {
            Body::UntilClose => Some(Next::More),
            Body::Length(left) => {
                *left = left.checked_sub(length)?;
                Some(if *left == 0 { Next::Done } else { Next::More })
            }
            Body::Chunked(chunked) => {
                let Chunked::Data(left) = chunked else { return None };
                *left = left.checked_sub(length)?;
                if *left == 0 {
                    *chunked = Chunked::DataEnd;
                }
                Some(Next::More)
            }
        }
    }
}

/// Subtracts up to `most` from `left`; returns how much.
fn take(left: &mut u64, most: usize) -> usize {
    let used = usize::try_from(*left).unwrap_or(usize::MAX).min(most);
    *left = left.saturating_sub(used as u64);
    used
}

impl Chunked {
    /// Advances by one step; `bytes` must not be empty.
    fn step(&mut self, bytes: &[u8]) -> (usize, Next) {
        match self {
            Chunked::Size { size, digits } => {
                let Some(&byte) = bytes.first() else { return (0, Next::More) };
                match char::from(byte).to_digit(16) {
                    // Sixteen digits fill 64 bits; a longer size with leading zeros is not supported.
                    Some(_) if *digits == 16 => return (0, Next::Broken),
                    Some(digit) => {
                        *size = *size << 4 | u64::from(digit);
                        *digits = digits.saturating_add(1);
                    }
                    None if *digits == 0 || !matches!(byte, b' ' | b'\t' | b';' | b'\r' | b'\n') => {
                        return (0, Next::Broken);
                    }
                    None => {
                        *self = Chunked::Extension { size: *size };
                        return (0, Next::More);
                    }
                }
                (1, Next::More)
            }
            Chunked::Extension { size } => {
                let Some(end) = memchr::memchr(b'\n', bytes) else { return (bytes.len(), Next::More) };
                *self = match size {
                    0 => Chunked::Trailer(BlankLine::default()),
                    _ => Chunked::Data(*size),
                };
                (end.saturating_add(1), Next::More)
            }
            Chunked::Data(left) => {
                let used = take(left, bytes.len());
                if *left == 0 {
                    *self = Chunked::DataEnd;
                }
                (used, Next::More)
            }
            Chunked::DataEnd => match bytes.first() {
                Some(b'\n') => {
                    *self = Chunked::Size { size: 0, digits: 0 };
                    (1, Next::More)
                }
                Some(b'\r') => (1, Next::More),
                _ => (0, Next::Broken),
            },
            Chunked::Trailer(finder) => match finder.find(bytes) {
                Some(end) => (end, Next::Done),
                None => (bytes.len(), Next::More),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(text: &str) -> (usize, Next) {
        let mut body = Body::CHUNKED;
        body.skip(text.as_bytes())
    }

    #[test]
    fn a_length_is_counted_down() {
        let mut body = Body::Length(5);
        assert_eq!(body.skip(b"abc"), (3, Next::More));
        assert_eq!(body.skip(b"defg"), (2, Next::Done));
    }

    #[test]
    fn chunks_with_extensions_and_trailers() {
        let text = "4;a=\"b\"\r\nWiki\r\nA \r\n0123456789\r\n000;x\r\nTrailer: x\r\n\r\n";
        assert_eq!(chunked(&format!("{text}NEXT")), (text.len(), Next::Done));
    }

    #[test]
    fn chunks_without_a_trailer_and_with_bare_line_feeds() {
        assert_eq!(chunked("3\nabc\n0\n\nGET"), (9, Next::Done));
    }

    #[test]
    fn chunk_sizes_that_are_none() {
        for text in ["\r\n", "x", "-1\r\n", "1x\r\n", "00000000000000001\r\n"] {
            assert_eq!(chunked(text).1, Next::Broken, "{text}");
        }
        assert_eq!(chunked("1\r\nab").1, Next::Broken);
    }

    #[test]
    fn a_gap_in_data_is_counted_and_one_in_framing_is_not() {
        let mut body = Body::CHUNKED;
        body.skip(b"8\r\nab");
        assert_eq!(body.lose(Lost::Exact(6)), Some(Next::More));
        assert_eq!(body.skip(b"\r\n0\r\n\r\n"), (7, Next::Done));

        let mut body = Body::CHUNKED;
        body.skip(b"8\r\nab");
        assert_eq!(body.lose(Lost::Exact(7)), None);
        let mut body = Body::CHUNKED;
        assert_eq!(body.lose(Lost::Exact(1)), None);
    }

    #[test]
    fn a_gap_longer_than_the_length_is_not_counted() {
        assert_eq!(Body::Length(3).lose(Lost::Exact(3)), Some(Next::Done));
        assert_eq!(Body::Length(3).lose(Lost::Exact(4)), None);
        assert_eq!(Body::UntilClose.lose(Lost::Exact(u64::MAX)), Some(Next::More));
    }

    #[test]
    fn data_is_lent_without_what_frames_it() {
        let text = b"4;a=b\r\nWiki\r\n2\r\nok\r\n0\r\nT: x\r\n\r\nNEXT";
        let (mut body, mut data) = (Body::CHUNKED, Vec::new());
        assert_eq!(body.read(text, |piece| data.extend_from_slice(piece)), (text.len() - 4, Next::Done));
        assert_eq!(data, b"Wikiok");
        let (mut body, mut data) = (Body::Length(3), Vec::new());
        assert_eq!(body.read(text, |piece| data.extend_from_slice(piece)), (3, Next::Done));
        assert_eq!(data, b"4;a");
    }

    #[test]
    fn chunks_cut_anywhere_end_at_the_same_place() {
        let text = b"4;a=b\r\nWiki\r\n0\r\nT: x\r\n\r\n";
        for cut in 0..text.len() {
            let (a, b) = text.split_at(cut);
            let mut body = Body::CHUNKED;
            assert_eq!(body.skip(a), (a.len(), Next::More), "{cut}");
            assert_eq!(body.skip(b), (b.len(), Next::Done), "{cut}");
        }
    }
}
