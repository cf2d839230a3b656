use super::Header;

/// A splitter of one side's bytes into frames (RFC 6455 §5.2).
///
/// ```text
///            header not whole            payload not whole
///              ┌─────┐                      ┌─────┐
///              ▼     │   Piece::Header      ▼     │
///           ┌──────────┐ ──────────────► ┌───────────┐
///           │  header  │                 │  payload  │
///           └──────────┘ ◄────────────── └───────────┘
///                          Piece::End
/// ```
///
/// Payload is passed on as it arrives, so a frame of 2⁶³−1 bytes costs nothing. Only an incomplete header at the end of
/// a segment is kept, at most 14 bytes.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The number of the side's WebSocket bytes before the next one.
    offset: u64,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Header { head: [u8; Header::MAX_LENGTH], length: u8 },
    Payload { header: Header, position: u64 },
}

impl Default for State {
    fn default() -> Self {
        State::Header { head: [0; Header::MAX_LENGTH], length: 0 }
    }
}

/// A piece found by [`Frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The beginning of a frame.
    Header {
        /// Its header.
        header: Header,
        /// Its offset in the side's WebSocket bytes.
        offset: u64,
    },
    /// A part of the payload, still masked.
    Payload {
        /// The bytes.
        bytes: &'a [u8],
        /// The offset of the first one in the frame's payload.
        position: u64,
    },
    /// The end of a frame.
    End,
}

/// The bytes lost in a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Payload bytes of the current frame.
    pub payload: u64,
    /// Whether the current frame ended within the gap or right at its end.
    pub ended: bool,
    /// Bytes beyond the current frame; if there are any, a header is among them and the start of the next frame is
    /// unknown.
    pub beyond: u64,
}

impl Frames {
    /// Creates a splitter that expects a header after `offset` bytes.
    pub fn starting_at(offset: u64) -> Self {
        Frames { offset, state: State::default() }
    }

    /// Returns the offset of the next byte in the side's WebSocket bytes.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns whether a frame has begun but is not complete.
    pub const fn inside(&self) -> bool {
        match self.state {
            State::Header { length, .. } => length > 0,
            State::Payload { .. } => true,
        }
    }

    /// Returns the number of payload bytes left in the current frame; `None` while its header is incomplete.
    pub fn remaining(&self) -> Option<u64> {
        match &self.state {
            State::Header { .. } => None,
            State::Payload { header, position } => Some(header.length.saturating_sub(*position)),
        }
    }

    /// Removes the next piece from the front of `input`; returns `None` if it holds none.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        match &mut self.state {
            State::Header { head, length } => {
                let header = if *length == 0 {
                    let header = Header::parse(input);
                    if header.is_none() {
                        keep(head, length, input, &mut self.offset);
                    }
                    header?
                } else {
                    complete(head, length, input, &mut self.offset)?
                };
                let taken = u64::from(header.header_length.saturating_sub(*length));
                *input = input.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
                self.offset = self.offset.saturating_add(taken);
                let offset = self.offset.saturating_sub(u64::from(header.header_length));
                self.state = State::Payload { header, position: 0 };
                Some(Piece::Header { header, offset })
            }
            State::Payload { header, position } => {
                let remaining = header.length.saturating_sub(*position);
                if remaining == 0 {
                    self.state = State::default();
                    return Some(Piece::End);
                }
                if input.is_empty() {
                    return None;
                }
                let cut = usize::try_from(remaining).unwrap_or(usize::MAX).min(input.len());
                let (bytes, rest) = input.split_at_checked(cut)?;
                *input = rest;
                let piece = Piece::Payload { bytes, position: *position };
                *position = position.saturating_add(cut as u64);
                self.offset = self.offset.saturating_add(cut as u64);
                Some(piece)
            }
        }
    }

    /// Removes the entire payload of the frame that has just begun, if `input` holds all of it; [`Piece::End`] comes
    /// next.
    pub fn whole<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        let State::Payload { header, position: position @ 0 } = &mut self.state else { return None };
        let (payload, rest) = input.split_at_checked(usize::try_from(header.length).ok()?)?;
        *input = rest;
        *position = header.length;
        self.offset = self.offset.saturating_add(header.length);
        Some(payload)
    }

    /// Skips `length` lost bytes.
    pub fn gap(&mut self, length: u64) -> Taken {
        self.offset = self.offset.saturating_add(length);
        match &mut self.state {
            State::Header { .. } => Taken { payload: 0, ended: false, beyond: length },
            State::Payload { header, position } => {
                let remaining = header.length.saturating_sub(*position);
                let payload = remaining.min(length);
                *position = position.saturating_add(payload);
                let ended = payload == remaining;
                if ended {
                    self.state = State::default();
                }
                Taken { payload, ended, beyond: length.saturating_sub(payload) }
            }
        }
    }

    /// Returns the bytes of an incomplete header.
    pub fn partial(&self) -> &[u8] {
        match &self.state {
            State::Header { head, length } => head.get(..usize::from(*length)).unwrap_or_default(),
            State::Payload { .. } => &[],
        }
    }
}

/// Stores the first bytes of a header until the rest arrives: `input` holds less than a complete header.
fn keep(head: &mut [u8; Header::MAX_LENGTH], length: &mut u8, input: &mut &[u8], offset: &mut u64) {
    for (slot, byte) in head.iter_mut().zip(input.iter()) {
        *slot = *byte;
        *length = length.saturating_add(1);
    }
    *offset = offset.saturating_add(input.len() as u64);
    *input = &[];
}

/// Completes a header whose first bytes were stored; stores these too if it is still incomplete.
fn complete(
    head: &mut [u8; Header::MAX_LENGTH],
    length: &mut u8,
    input: &mut &[u8],
    offset: &mut u64,
) -> Option<Header> {
    let mut whole = *head;
    let mut filled = usize::from(*length);
    for (slot, byte) in whole.iter_mut().skip(filled).zip(input.iter()) {
        *slot = *byte;
        filled = filled.saturating_add(1);
    }
    let header = Header::parse(whole.get(..filled)?);
    if header.is_none() {
        *head = whole;
        *length = u8::try_from(filled).unwrap_or(u8::MAX);
        *offset = offset.saturating_add(input.len() as u64);
        *input = &[];
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::Opcode;
    use proptest::prelude::*;

    /// Returns the frames found in pieces of any size, as (opcode, offset, payload).
    fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(u8, u64, Vec<u8>)> {
        let (mut machine, mut found, mut payload) = (Frames::default(), Vec::new(), Vec::new());
        let mut open = None;
        for mut input in pieces {
            while let Some(piece) = machine.next(&mut input) {
                match piece {
                    Piece::Header { header, offset } => open = Some((header.opcode.0, offset)),
                    Piece::Payload { bytes, position } => {
                        assert_eq!(position, payload.len() as u64);
                        payload.extend_from_slice(bytes);
                    }
                    Piece::End => {
                        let (opcode, offset) = open.take().unwrap();
                        found.push((opcode, offset, std::mem::take(&mut payload)));
                    }
                }
            }
            assert!(input.is_empty());
        }
        found
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_frames(
            payloads in prop::collection::vec((0_u8..16, prop::collection::vec(any::<u8>(), 0..300)), 1..8),
            cuts in prop::collection::vec(1_usize..40, 1..100),
        ) {
            let (mut stream, mut want) = (Vec::new(), Vec::new());
            for (opcode, payload) in payloads {
                want.push((opcode, stream.len() as u64, payload.clone()));
                stream.push(0x80 | opcode);
                if payload.len() > 125 {
                    stream.push(126);
                    stream.extend((payload.len() as u16).to_be_bytes());
                } else {
                    stream.push(payload.len() as u8);
                }
                stream.extend(payload);
            }
            let (mut rest, mut pieces) = (&stream[..], Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            prop_assert_eq!(frames(pieces), want);
        }
    }

    #[test]
    fn a_gap_inside_a_payload_leaves_the_next_frame_in_its_place() {
        let mut machine = Frames::default();
        let mut input = &[0x82, 10, 1, 2, 3][..];
        while machine.next(&mut input).is_some() {}
        assert_eq!(machine.remaining(), Some(7));
        assert_eq!(machine.gap(5), Taken { payload: 5, ended: false, beyond: 0 });
        assert_eq!(machine.gap(2), Taken { payload: 2, ended: true, beyond: 0 });
        let next = machine.next(&mut &[0x81, 0][..]);
        assert!(
            matches!(next, Some(Piece::Header { header, offset: 12 }) if header.opcode == Opcode::TEXT),
            "{next:?}"
        );
    }

    #[test]
    fn a_gap_over_a_header_says_so() {
        let mut machine = Frames::default();
        let mut input = &[0x82, 10, 1][..];
        while machine.next(&mut input).is_some() {}
        assert_eq!(machine.gap(20), Taken { payload: 9, ended: true, beyond: 11 });
    }
}
