use crate::event::{Framing, Wire};
use crate::model::At;
use crate::websocket::{Header, Opcode, Payload};

/// A message or control frame that spans several segments.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) opcode: Opcode,
    pub(super) payload: Payload,
    pub(super) wire: Wire,
    /// Whether the current frame is to be inflated.
    pub(super) inflating: bool,
    /// Whether a reserved bit without a negotiated meaning is set.
    pub(super) unknown: bool,
    /// Whether its bytes cannot be interpreted, because it is unknown whether they are compressed.
    pub(super) unreadable: bool,
    /// Whether all of its bytes were authentic, as far as that can be checked.
    pub(super) verified: bool,
    /// Whether any of its frames was found by a search without proof.
    pub(super) framing: Framing,
}

impl Open {
    pub(super) fn new(limit: usize) -> Self {
        Open {
            opcode: Opcode::TEXT,
            payload: Payload::new(limit),
            wire: new_wire(At::default()),
            inflating: false,
            unknown: false,
            unreadable: false,
            verified: true,
            framing: Framing::Counted,
        }
    }

    /// Resets it to the first frame of a message.
    pub(super) fn begin(&mut self, header: &Header, inflating: bool, at: At) {
        self.opcode = header.opcode;
        self.payload.clear(header.opcode == Opcode::TEXT);
        self.wire = new_wire(at);
        self.wire.masked = header.mask.is_some();
        self.inflating = inflating;
        self.unknown = header.rsv != 0 && !inflating;
        self.unreadable = false;
        self.verified = true;
        self.framing = Framing::Counted;
        self.add_frame(header);
    }

    /// Notes missing bytes.
    pub(super) fn skip(&mut self, length: Option<u64>) {
        self.payload.skip(length);
    }

    /// Counts one more frame.
    pub(super) fn add_frame(&mut self, header: &Header) {
        self.wire.frames = self.wire.frames.saturating_add(1);
        self.wire.bytes = self.wire.bytes.saturating_add(u64::from(header.header_length));
    }
}

/// Creates the wire statistics of a message that begins here.
pub(super) fn new_wire(first: At) -> Wire {
    Wire { frames: 0, bytes: 0, compressed: false, inflated: false, masked: false, first }
}
