//! Everything the analyzer can say: the waist between the stops that take traffic apart and those that show it.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

pub use crate::model::{Anomaly, Evidence, Severity};
use crate::model::{At, Endpoint, Pair, Side};

/// Name of a conversation: its connection and, where that carries several, its stream. It is written `4` or `4.3`.
///
/// The name is the same however many threads looked, and the user finds the packet in Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// The number of the connection's first packet in the capture.
    pub packet: NonZeroU64,
    /// The HTTP/2 stream (RFC 9113 §5.1.1); `None` where the conversation has the connection to itself.
    pub stream: Option<NonZeroU64>,
}

impl ConnId {
    /// Returns the name of a connection as a whole.
    pub const fn new(packet: NonZeroU64) -> Self {
        ConnId { packet, stream: None }
    }

    /// Returns the name of a stream of this connection.
    #[must_use]
    pub const fn with_stream(self, stream: NonZeroU64) -> Self {
        ConnId { stream: Some(stream), ..self }
    }

    /// Returns the number of the stream; `None` where the conversation has the connection to itself.
    pub fn stream(self) -> Option<u64> {
        self.stream.map(NonZeroU64::get)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream {
            Some(stream) => write!(f, "{}.{stream}", self.packet),
            None => write!(f, "{}", self.packet),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The connection; `None` where it concerns the capture as a whole.
    pub conn: Option<ConnId>,
    /// The packet that made it known, and when.
    pub at: At,
    /// What happened.
    pub kind: Kind<'a>,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// A conversation began, or its upgrade was refused.
    Opened(&'a Opened),
    /// A frame's header was read.
    Frame(Frame),
    /// A message or a control frame is complete, or all of it that there will be.
    Message(Message<'a>),
    /// Something was wrong.
    Anomaly {
        /// Whose bytes it was about, where one side is meant.
        from: Option<Side>,
        /// What was wrong.
        anomaly: &'a Anomaly,
    },
    /// A conversation ended.
    Closed(&'a Closed),
}

/// How a conversation began.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The request and its answer; `None` where they were not captured.
    pub handshake: Option<Box<Handshake>>,
    /// Whether messages may follow: `false` where the upgrade was refused or never answered.
    pub established: bool,
}

/// One frame's header and place (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Who sent it.
    pub from: Side,
    /// The header.
    pub header: Header,
    /// Its place in the sender's WebSocket bytes.
    pub offset: u64,
}

/// One message or control frame (RFC 6455 §5.4–5.6).
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub opcode: Opcode,
    /// The payload bytes that are known, unmasked and inflated; missing ones are absent.
    pub payload: &'a [u8],
    /// The payload's true length, counting missing and dropped bytes.
    pub length: u64,
    /// Whether `payload` is to be read as text: a text or control frame whose known bytes are UTF-8.
    pub text: bool,
    /// Ranges of the payload that are not known, as offset and length; the last length is `None` where it cannot be
    /// told.
    pub missing: &'a [Missing],
    /// How many leading bytes a limit let us keep, where it cut the rest.
    pub truncated_to: Option<u64>,
    /// A close frame's body (RFC 6455 §5.5.1).
    pub close: Option<CloseBody<'a>>,
    /// For a pong, the time since the ping it answers (RFC 6455 §5.5.3).
    pub rtt: Option<Duration>,
    /// What it took on the wire.
    pub wire: Wire,
}

impl Message<'_> {
    /// Tells whether every byte of the payload is known and kept.
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

pub use crate::http::{Field, Handshake};
pub use crate::websocket::{CloseBody, Header, Missing, Opcode};

/// What a message took on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// How many frames carried it.
    pub frames: u64,
    /// How many bytes those frames had, headers included.
    pub bytes: u64,
    /// Whether it was sent compressed (RSV1).
    pub compressed: bool,
    /// Whether the payload shown is inflated; `false` for a compressed message that is shown as sent.
    pub inflated: bool,
    /// Whether its first frame was masked.
    pub masked: bool,
    /// The packet that carried its first byte, and when.
    pub first: At,
}

/// Adds up what one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionTotals {
    /// Messages and control frames.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// WebSocket bytes on the wire, headers included.
    pub wire_bytes: u64,
}

/// How a conversation ended (RFC 6455 §7.1).
#[derive(Clone, Debug)]
pub struct Closed {
    /// The close code; 1005 for a close frame without one, 1006 for no close frame; `None` where the capture ended first.
    pub code: Option<u16>,
    /// The reason given.
    pub reason: Box<str>,
    /// Who sent the first close frame, or ended TCP without one.
    pub by: Option<Side>,
    /// Both sides sent a close frame.
    pub clean: bool,
    /// From the opening to the end.
    pub duration: Duration,
    /// What each side sent.
    pub totals: Pair<DirectionTotals>,
}

/// Takes events, one after the other.
pub trait Sink {
    /// Takes one event; what it lends is gone when this returns.
    fn event(&mut self, event: &Event<'_>);

    /// Tells whether [`Kind::Frame`] events are wanted; they cost time.
    fn wants_frames(&self) -> bool {
        false
    }
}

/// A sink that adds up: several see some of the connections each, and in the end one takes in the others.
pub trait Gather: Sink + Send {
    /// Makes one with the same settings that has seen nothing; it takes next to no memory.
    #[must_use]
    fn fresh(&self) -> Self;

    /// Adds what another saw. The order in which several are absorbed makes no difference to what is told in the end.
    fn absorb(&mut self, other: Self);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn event(&mut self, event: &Event<'_>) {
        (**self).event(event);
    }

    fn wants_frames(&self) -> bool {
        (**self).wants_frames()
    }
}
