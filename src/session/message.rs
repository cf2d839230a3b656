use crate::event::{Framing, Wire};
use crate::model::At;
use crate::websocket::{Header, Opcode, Payload};

/// A message or control frame that did not come whole in one segment.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) opcode: Opcode,
    pub(super) payload: Payload,
    pub(super) wire: Wire,
    /// The frame at hand is to be inflated.
    pub(super) inflating: bool,
    /// A bit that nobody gave a meaning says something of its payload.
    pub(super) unknown: bool,
    /// Its bytes say nothing, for it is not known whether they are compressed.
    pub(super) unreadable: bool,
    /// All of its bytes were authentic, as far as anything tells.
    pub(super) verified: bool,
    /// Whether any of its frames was found by a search that nothing has proven.
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

    /// Begins anew with a message's first frame.
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

/// Makes the account of a message that begins here.
pub(super) fn new_wire(first: At) -> Wire {
    Wire { frames: 0, bytes: 0, compressed: false, inflated: false, masked: false, first }
}
