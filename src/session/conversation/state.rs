use super::irregularities::Irregularities;
use super::side_state::SideState;
use crate::model::{At, Pair, Side, Timestamp};
use crate::session::compression::Deflate;
use crate::session::meaning::MeaningReader;
use crate::session::order::WireOrder;

/// A WebSocket conversation: both sides' frames, messages, inflating and closing (RFC 6455 §5–7).
///
/// The states of each side:
///
/// ```text
///              gap over a header               frames found         answered
///   Counted ──────────────────────► Searching ─────────────► Found ──────────► Proven
///      │                              │   ▲                    │                 │
///      │                              │   └────────────────────┴─────────────────┤ gap over a header, or what
///      └────────── TCP ends ──────────┴─► Ended ◄─── TCP ends ───────────────────┘ cannot be one
/// ```
///
/// Unfinished items are reported when a side is over. During a search for frames on one side, everything that the other
/// side sent after the first byte of the search waits, so that events are in wire order: until frames are found,
/// [`Limits::search_grace`](crate::session::Limits::search_grace) has passed, or a bound is reached.
#[derive(Debug)]
pub(in crate::session) struct Conversation {
    pub(super) sides: Pair<SideState>,
    pub(super) order: WireOrder,
    pub(super) opened: Timestamp,
    /// The time of the last message, or of the opening.
    pub(super) last: Timestamp,
    pub(super) deflate: Deflate,
    /// The peculiarities of the stream.
    pub(super) irregularities: Option<Box<Irregularities>>,
    /// Whether the handshake was not captured, so that the mask identifies the client.
    pub(super) is_mid_stream: bool,
    pub(super) first_close: Option<Box<FirstClose>>,
    /// The side that ended TCP first.
    pub(super) ended_by: Option<Side>,
    pub(super) inflaters: Inflaters,
    /// The reader of the messages' meaning; `None` if they have none.
    pub(super) meaning: Option<Box<MeaningReader>>,
}

/// The state of the inflaters: whether they hold memory that can be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflaters {
    /// They hold only their windows.
    Resting,
    /// They have not been used since the last call of `release_idle`.
    Idle,
    /// They have been used since then.
    InUse,
}

/// The end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    /// TCP ended, by `fin` or `reset`.
    Tcp(&'static str),
    /// The HTTP/2 stream ended, by which frame and with which error code.
    Stream { by: &'static str, code: Option<&'static str> },
    /// The capture ended, or the connection was dropped because of a limit.
    Unseen,
}

/// The first close of a conversation.
#[derive(Debug)]
pub(super) struct FirstClose {
    pub(super) by: Side,
    /// The code; `None` if it was not captured.
    pub(super) code: Option<u16>,
    pub(super) reason: Box<str>,
    /// The offset that the other side's bytes had reached before it, as far as that is known.
    pub(super) other_until: u64,
}

impl Conversation {
    /// Creates the conversation opened by the packet `opened`.
    pub(in crate::session) fn new(opened: At, deflate: Deflate) -> Self {
        Conversation {
            sides: Pair::default(),
            order: WireOrder::after(opened),
            opened: opened.time,
            last: opened.time,
            deflate,
            irregularities: None,
            is_mid_stream: false,
            first_close: None,
            ended_by: None,
            inflaters: Inflaters::Resting,
            meaning: None,
        }
    }
}

impl Ending {
    /// Returns whether one side ended a stream for both.
    pub(super) fn is_reset(self) -> bool {
        matches!(self, Ending::Stream { by: "RST_STREAM" | "GOAWAY", .. })
    }
}
