use std::fmt;

/// Says what a frame is (RFC 6455 §5.2): four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// Continues the message begun before.
    pub const CONTINUATION: Opcode = Opcode(0);
    /// Text, in UTF-8.
    pub const TEXT: Opcode = Opcode(1);
    /// Bytes.
    pub const BINARY: Opcode = Opcode(2);
    /// Ends the conversation.
    pub const CLOSE: Opcode = Opcode(8);
    /// Asks for a pong.
    pub const PING: Opcode = Opcode(9);
    /// Answers a ping.
    pub const PONG: Opcode = Opcode(10);

    /// Tells whether it is a control frame: the top bit is set.
    pub const fn is_control(self) -> bool {
        self.0 & 8 != 0
    }

    /// Tells whether RFC 6455 leaves it without a meaning.
    pub const fn is_reserved(self) -> bool {
        !matches!(self.0, 0 | 1 | 2 | 8 | 9 | 10)
    }

    /// Returns the name used in every output: `continuation text binary close ping pong reserved-N`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "continuation",
            1 => "text",
            2 => "binary",
            3 => "reserved-3",
            4 => "reserved-4",
            5 => "reserved-5",
            6 => "reserved-6",
            7 => "reserved-7",
            8 => "close",
            9 => "ping",
            10 => "pong",
            11 => "reserved-11",
            12 => "reserved-12",
            13 => "reserved-13",
            14 => "reserved-14",
            _ => "reserved-15",
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Is a frame's header (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// This frame ends its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as one number; RSV1 is 4.
    pub rsv: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, where the mask bit is set.
    pub mask: Option<[u8; 4]>,
    /// The payload length that the header declares, top bit included.
    pub length: u64,
    /// How many bytes the header itself has: 2 to 14.
    pub header_length: u8,
}
