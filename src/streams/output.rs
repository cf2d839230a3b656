use crate::model::At;

/// A message in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyMessage {
    /// Whether it is text rather than bytes.
    pub text: bool,
    /// The bytes that are known and kept.
    pub bytes: Vec<u8>,
    /// The number of bytes received, which is greater than the number kept if the limit truncated it.
    pub length: u64,
    /// Whether it ended properly; otherwise, what follows `bytes` is missing.
    pub is_whole: bool,
    /// The fields sent with it.
    pub facts: EventFacts,
    /// The packet that contained its first byte.
    pub first: At,
    /// The number of decoded bytes of the body that it took.
    pub size: u64,
}

/// The fields of a server-sent event other than its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFacts {
    /// The type of the event; `None` means `message`.
    pub event: Option<Box<str>>,
    /// The last event ID, if it was set since the previous event.
    pub id: Option<Box<str>>,
    /// The reconnection time in milliseconds, if it was set since the previous event.
    pub retry: Option<u64>,
}

/// The output of a [`BodyReader`](super::BodyReader).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A message that is complete, or as complete as it will be.
    Message(BodyMessage),
    /// The body ended inside the preceding message.
    Unfinished,
    /// The next message after a gap begins here, or the body ended before one did; captured bytes were skipped.
    Skipped {
        /// The number of skipped bytes.
        bytes: u64,
    },
    /// The rest of the body cannot be read.
    Unreadable {
        /// The reason.
        cause: &'static str,
    },
    /// A field of an event exceeds the limit and was omitted.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
}
