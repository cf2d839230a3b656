/// A decoder for chunks (RFC 9112 §7.1) that a server sends after a 101 announced them, which no 101 may do.
///
/// Bytes that do not begin like a chunk are passed through unchanged.
#[derive(Debug, Default)]
pub struct Chunks {
    state: State,
    /// An incomplete chunk size line; after a loss, what may be one and the line end before it.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first size line has not been read yet.
    #[default]
    First,
    Size,
    Data(u64),
    /// The line end after a chunk.
    End,
    /// Bytes were lost and the start of the next chunk is unknown; `fresh` until bytes after the loss were passed on.
    Lost {
        fresh: bool,
    },
    /// The bytes are not chunked.
    Plain,
}

/// The longest chunk size line that is read, in bytes.
const LINE: usize = 64;

impl Chunks {
    /// Pushes bytes and returns the decoded ones.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let [byte, rest @ ..] = bytes {
            match self.state {
                State::Plain => {
                    out.extend_from_slice(bytes);
                    break;
                }
                State::Lost { fresh } => {
                    let mut all = std::mem::take(&mut self.line);
                    all.extend_from_slice(bytes);
                    let (passed, is_chunk) = next_chunk(&all, fresh);
                    let (before, after) = all.split_at_checked(passed).unwrap_or((&all, &[]));
                    out.extend_from_slice(before);
                    if is_chunk {
                        self.state = State::Size;
                        out.extend(self.push(after));
                    } else {
                        self.state = State::Lost { fresh: fresh && before.is_empty() };
                        self.line = after.to_vec();
                    }
                    break;
                }
                State::Data(left) => {
                    let cut = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, after) = bytes.split_at_checked(cut).unwrap_or((bytes, &[]));
                    out.extend_from_slice(data);
                    bytes = after;
                    let left = left.saturating_sub(cut as u64);
                    self.state = if left == 0 { State::End } else { State::Data(left) };
                    continue;
                }
                State::End if *byte == b'\n' => self.state = State::Size,
                State::End => {}
                State::First | State::Size => self.size(*byte, &mut out),
            }
            bytes = rest;
        }
        out
    }

    /// Notes that bytes were lost, `length` if known; returns `false` if the position in the chunks is lost.
    pub fn lose(&mut self, length: Option<u64>) -> bool {
        match (self.state, length) {
            (State::Data(left), Some(length)) if length < left => {
                self.state = State::Data(left.saturating_sub(length));
                true
            }
            (State::Plain, _) => true,
            _ => {
                self.state = State::Lost { fresh: true };
                self.line.clear();
                false
            }
        }
    }

    /// Returns whether a chunk was found.
    pub const fn found(&self) -> bool {
        !matches!(self.state, State::First | State::Plain)
    }

    /// Adds a byte to a chunk size line.
    fn size(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.line.push(byte);
        let line = std::mem::take(&mut self.line);
        match parse(&line) {
            Some(Some(0)) => self.state = State::End,
            Some(Some(size)) => self.state = State::Data(size),
            Some(None) => self.line = line,
            None => {
                self.state = State::Plain;
                out.extend_from_slice(&line);
            }
        }
    }
}

/// Returns the offset of the next chunk after a loss, and `true`; or that of what may be a chunk once more bytes have
/// come, and `false`.
///
/// A chunk is recognised if it begins with a frame, at the very start if the bytes are `fresh`, or after a line end.
/// The decision depends on so few bytes that the result is the same however the bytes are split.
fn next_chunk(bytes: &[u8], fresh: bool) -> (usize, bool) {
    for start in 0..=bytes.len() {
        let (before, rest) = bytes.split_at_checked(start).unwrap_or_default();
        let is_place = if before.is_empty() { fresh } else { before.ends_with(b"\r\n") };
        match is_place.then(|| begins_chunk(rest)) {
            Some(Some(true)) => return (start, true),
            Some(None) => return (start.saturating_sub(2), false),
            Some(Some(false)) | None => {}
        }
    }
    let end = usize::from(bytes.ends_with(b"\r"));
    (bytes.len().saturating_sub(end), false)
}

/// Returns whether a chunk begins here and starts with a frame; `None` if the bytes are too few to decide.
fn begins_chunk(bytes: &[u8]) -> Option<bool> {
    let Some(end) = bytes.iter().take(LINE).position(|byte| *byte == b'\n') else {
        let may_be = bytes.is_empty() || bytes.len() < LINE && parse(bytes).is_some();
        return if may_be { None } else { Some(false) };
    };
    let (line, rest) = bytes.split_at_checked(end.saturating_add(1))?;
    let is_size = matches!(parse(line), Some(Some(1..))) && line.ends_with(b"\r\n");
    if is_size { rest.first().map(|first| begins_frame(*first)) } else { Some(false) }
}

/// Returns whether a byte may begin a server's frame; bytes of text are excluded.
const fn begins_frame(first: u8) -> bool {
    matches!(first, 0..=2 | 0x80..=0x82 | 0x88..=0x8a | 0xc1 | 0xc2)
}

/// Parses a chunk size and any extension after it; returns `None` if invalid, `Some(None)` if incomplete.
fn parse(line: &[u8]) -> Option<Option<u64>> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, rest) = line.split_at_checked(digits)?;
    let is_end = match rest {
        [] => false,
        [b'\r'] => false,
        [b'\r', b'\n'] | [b'\n'] => true,
        [b';' | b' ', .., b'\n'] => true,
        [b';' | b' ', more @ ..] if more.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\r') => {
            false
        }
        _ => return None,
    };
    if digits == 0 || digits > 8 || line.len() > LINE {
        return None;
    }
    if !is_end {
        return Some(None);
    }
    u64::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], size: usize) -> (Vec<u8>, bool) {
        let mut chunks = Chunks::default();
        let out = bytes.chunks(size).flat_map(|piece| chunks.push(piece)).collect();
        (out, chunks.found())
    }

    #[test]
    fn frames_in_chunks_in_any_cutting() {
        let bytes = b"5\r\n\x81\x03abc\r\n0B;x=1\r\n\x81\x09hello\r\n\xff\xff\r\n2\r\n\x89\0\r\n";
        for size in 1..bytes.len() {
            let (out, found) = all(bytes, size);
            assert_eq!(out, b"\x81\x03abc\x81\x09hello\r\n\xff\xff\x89\0", "{size}");
            assert!(found);
        }
    }

    #[test]
    fn what_is_not_in_chunks_is_left_alone() {
        for bytes in [&b"\x81\x05hello"[..], b"A\x05hello", b"41\x05x", b"123456789\r\nx", b"\r\n\x81\0"] {
            for size in 1..4 {
                assert_eq!(all(bytes, size), (bytes.to_vec(), false), "{bytes:?}");
            }
        }
    }

    #[test]
    fn a_loss_within_a_chunk_is_counted() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.push(b"a\r\n0123"), b"0123");
        assert!(chunks.lose(Some(4)));
        assert_eq!(chunks.push(b"89\r\n1\r\nx"), b"89x");
        assert!(!chunks.lose(Some(4)));
        assert_eq!(chunks.push(b"1\r\n\x81"), b"\x81");
    }

    #[test]
    fn the_next_chunk_is_found_behind_a_loss() {
        let lost = || {
            let mut chunks = Chunks::default();
            assert_eq!(chunks.push(b"5\r\n\x81\x03abc\r\n"), b"\x81\x03abc");
            assert!(!chunks.lose(Some(9)));
            chunks
        };
        // The rest of the previous chunk is passed on as is: it may contain frames.
        let bytes = b"def\r\n4\r\nnone\r\n5\r\n\x81\x03ghi\r\n2\r\n\x89\0\r\n";
        for size in 1..bytes.len() {
            let mut chunks = lost();
            let out: Vec<u8> = bytes.chunks(size).flat_map(|piece| chunks.push(piece)).collect();
            assert_eq!(out, b"def\r\n4\r\nnone\r\n\x81\x03ghi\x89\0", "{size}");
        }
        // The loss ends at the start of a chunk.
        let mut chunks = lost();
        assert_eq!(chunks.push(b"4\r\n\x81\x02hi\r\n"), b"\x81\x02hi");
        assert!(chunks.found());
    }
}
