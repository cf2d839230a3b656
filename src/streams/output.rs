use crate::model::At;

/// A message that a body carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyMessage {
    /// It is text, not bytes.
    pub text: bool,
    /// The bytes that are known and kept.
    pub bytes: Vec<u8>,
    /// How many bytes came: more than are kept where the limit cut it.
    pub length: u64,
    /// It ended as it should; else what follows `bytes` is missing.
    pub is_whole: bool,
    /// What is said beside it.
    pub facts: EventFacts,
    /// The packet that carried its first byte.
    pub first: At,
    /// How many bytes of the body it took, decoded.
    pub size: u64,
}

/// The fields of a server-sent event beside its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The event's type; `None` stands for `message`.
    pub event: Option<Box<str>>,
    /// The last event ID, where it was set since the event before.
    pub id: Option<Box<str>>,
    /// The reconnection time in milliseconds, where it was set since the event before.
    pub retry: Option<u64>,
}

/// The output of a [`BodyReader`](super::BodyReader).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A message is whole, or as much of it as there will be.
    Message(BodyMessage),
    /// The body ended inside of a message, which stands before this.
    Unfinished,
    /// Behind a gap the next message begins here, or none did before the end; so many captured bytes were skipped.
    Skipped {
        /// How many.
        bytes: u64,
    },
    /// Nothing more of the body can be read.
    Unreadable {
        /// Why.
        cause: &'static str,
    },
    /// A field of an event is longer than the limit and left out.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
}
