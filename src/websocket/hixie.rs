use super::Opcode;

/// A splitter of one side's bytes into frames of the drafts before RFC 6455 (draft-hixie-thewebsocketprotocol-76 §5.3).
///
/// Text is enclosed in `00` and `ff`; a type with its top bit set is followed by a length in groups of seven bits
/// instead, and `ff 00` closes. In draft 76, a challenge of 8 bytes precedes the client's first frame, and its response
/// of 16 bytes the server's.
#[derive(Debug)]
pub struct Hixie {
    /// The number of challenge bytes left.
    challenge: u8,
    state: State,
    payload: Vec<u8>,
    /// The payload's actual length.
    length: u64,
    /// The maximum number of payload bytes kept.
    limit: usize,
}

#[derive(Debug)]
enum State {
    Type,
    Text,
    Length { kind: u8, length: u64 },
    Data { kind: u8, left: u64 },
}

/// A frame; its payload is available from [`Hixie::payload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HixieFrame {
    /// Its type: text, binary, or close.
    pub opcode: Opcode,
    /// The length of its payload.
    pub length: u64,
    /// The number of bytes of its type, length and terminator.
    pub overhead: u64,
}

impl Hixie {
    /// Creates a splitter that expects frames after `challenge` bytes of a challenge or response.
    pub const fn new(challenge: u8, limit: usize) -> Self {
        Hixie { challenge, state: State::Type, payload: Vec::new(), length: 0, limit }
    }

    /// Removes the next frame from the front of `input`; returns `None` if no frame is complete.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<HixieFrame> {
        while let [byte, rest @ ..] = *input {
            if let State::Data { kind, left } = &mut self.state {
                let cut = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                let (bytes, rest) = input.split_at_checked(cut)?;
                *left = left.saturating_sub(cut as u64);
                let (kind, done) = (*kind, *left == 0);
                *input = rest;
                self.keep(bytes);
                if done {
                    return Some(self.end(kind, 2));
                }
                continue;
            }
            *input = rest;
            if let Some(left) = self.challenge.checked_sub(1) {
                self.challenge = left;
                continue;
            }
            match &mut self.state {
                State::Type => {
                    self.payload.clear();
                    self.length = 0;
                    self.state = match byte & 0x80 {
                        0 => State::Text,
                        _ => State::Length { kind: *byte, length: 0 },
                    };
                }
                State::Text if *byte == 0xff => return Some(self.end(0, 2)),
                State::Text => {
                    let text = std::slice::from_ref(byte);
                    self.keep(text);
                }
                State::Length { kind, length } => {
                    *length = length.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
                    if byte & 0x80 == 0 {
                        let (kind, left) = (*kind, *length);
                        if left == 0 {
                            return Some(self.end(kind, 2));
                        }
                        self.state = State::Data { kind, left };
                    }
                }
                State::Data { .. } => {}
            }
        }
        None
    }

    /// Returns the kept payload bytes of the last frame.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns whether a frame has begun but is not complete.
    pub const fn inside(&self) -> bool {
        !matches!(self.state, State::Type)
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        let room = self.limit.saturating_sub(self.payload.len()).min(bytes.len());
        self.payload.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    fn end(&mut self, kind: u8, overhead: u64) -> HixieFrame {
        self.state = State::Type;
        let opcode = match kind {
            0xff if self.length == 0 => Opcode::CLOSE,
            kind if kind & 0x80 == 0 => Opcode::TEXT,
            _ => Opcode::BINARY,
        };
        HixieFrame { opcode, length: self.length, overhead }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(challenge: u8, bytes: &[u8], size: usize) -> Vec<(Opcode, Vec<u8>)> {
        let mut hixie = Hixie::new(challenge, 100);
        let mut all = Vec::new();
        for mut piece in bytes.chunks(size) {
            while let Some(frame) = hixie.next(&mut piece) {
                all.push((frame.opcode, hixie.payload().to_vec()));
            }
        }
        assert!(!hixie.inside());
        all
    }

    #[test]
    fn texts_data_and_a_close_in_any_cutting() {
        let bytes = b"8jKS'y:G*Co,Wxa-\x00hello\xff\x00\xff\x80\x03abc\xff\x00";
        for size in 1..20 {
            assert_eq!(
                frames(16, bytes, size),
                [
                    (Opcode::TEXT, b"hello".to_vec()),
                    (Opcode::TEXT, Vec::new()),
                    (Opcode::BINARY, b"abc".to_vec()),
                    (Opcode::CLOSE, Vec::new())
                ]
            );
        }
    }

    #[test]
    fn a_long_payload_is_kept_in_part() {
        let bytes = [&[0][..], &[b'x'; 300], &[0xff]].concat();
        let mut hixie = Hixie::new(0, 100);
        let frame = hixie.next(&mut &bytes[..]).unwrap();
        assert_eq!((frame.length, hixie.payload().len()), (300, 100));
    }
}
