use std::borrow::Cow;
use std::time::Duration;

use crate::event::{CloseBody, ConnId, Conversation, Event, Framing, Kind, Meaning, Severity};
use crate::model::{At, Side, Timestamp};
use crate::websocket::Opcode;

/// The facts about one row that a filter can test: a message, frame, anomaly, opening or closing.
///
/// Facts that a row does not have are `None`, and comparisons with them are false. [`Facts::of`] extracts the facts of
/// an event; code that keeps messages in another form fills them in.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The place in the capture.
    pub at: At,
    /// When the capture began.
    pub began: Timestamp,
    /// The connection.
    pub conn: Option<ConnId>,
    /// Its conversation.
    pub conversation: Option<&'a Conversation>,
    /// The sender, or the side whose bytes are concerned.
    pub from: Option<Side>,
    /// The opcode of the message or frame.
    pub opcode: Option<Opcode>,
    /// The payload's true length.
    pub len: Option<u64>,
    /// The payload's known bytes, fetched only if a test needs them.
    pub body: Option<&'a dyn Body>,
    /// Whether the payload is text.
    pub is_text: bool,
    /// Whether every byte is known.
    pub complete: Option<bool>,
    /// How its frames were found.
    pub framing: Option<Framing>,
    /// Whether it was sent compressed.
    pub compressed: Option<bool>,
    /// Whether it was masked.
    pub masked: Option<bool>,
    /// The number of its frames.
    pub frames: Option<u64>,
    /// A close frame's body, or how the conversation ended.
    pub close: Option<CloseBody<'a>>,
    /// A pong's round-trip time.
    pub rtt: Option<Duration>,
    /// The time since the message before.
    pub gap_before: Option<Duration>,
    /// The meaning of the message in its sub-protocol.
    pub meaning: Option<Meaning<'a>>,
    /// An anomaly's code and severity.
    pub anomaly: Option<(&'static str, Severity)>,
}

/// A payload whose bytes are present or can be fetched.
pub trait Body {
    /// Returns the bytes; `None` if they are no longer available.
    fn bytes(&self) -> Option<Cow<'_, [u8]>>;
}

impl Body for &[u8] {
    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(self))
    }
}

impl<'a> Facts<'a> {
    /// Extracts an event's facts; `began` is the start of the capture.
    pub fn of(event: &'a Event<'_>, began: Timestamp) -> Self {
        let Event { conn, at, conversation, .. } = *event;
        let facts = Facts { at, began, conn, conversation, ..Facts::default() };
        match &event.kind {
            Kind::Opened(_) | Kind::Rejected(_) | Kind::Unshown(_) => facts,
            Kind::Frame(frame) => Facts {
                from: Some(frame.from),
                opcode: Some(frame.header.opcode),
                len: Some(frame.header.length),
                masked: Some(frame.header.mask.is_some()),
                ..facts
            },
            Kind::Message(message) => Facts {
                from: Some(message.from),
                opcode: Some(message.opcode),
                len: Some(message.length),
                body: Some(&message.payload),
                is_text: message.text,
                complete: Some(message.is_complete()),
                framing: Some(message.framing),
                compressed: Some(message.wire.compressed),
                masked: Some(message.wire.masked),
                frames: Some(message.wire.frames),
                close: message.close,
                rtt: message.rtt,
                gap_before: Some(message.delta),
                meaning: message.meaning,
                ..facts
            },
            Kind::Anomaly { from, anomaly } => {
                Facts { from: *from, anomaly: Some((anomaly.code(), anomaly.severity())), ..facts }
            }
            Kind::Closed(closed) => Facts {
                from: closed.by,
                close: closed.code.map(|code| CloseBody { code, reason: &closed.reason }),
                ..facts
            },
        }
    }
}
