use super::oddities::Oddities;
use super::side_state::SideState;
use crate::model::{At, Pair, Side, Timestamp};
use crate::session::compression::Deflate;
use crate::session::meaning::Understood;
use crate::session::order::WireOrder;

/// One WebSocket: both sides' frames, messages, inflating and closing (RFC 6455 §5–7).
///
/// Of each side:
///
/// ```text
///              gap over a header               frames found         answered
///   Counted ──────────────────────► Searching ─────────────► Found ──────────► Proven
///      │                              │   ▲                    │                 │
///      │                              │   └────────────────────┴─────────────────┤ gap over a header, or what
///      └────────── TCP ends ──────────┴─► Over ◄──── TCP ends ───────────────────┘ cannot be one
/// ```
///
/// What is unfinished is reported as such when a side is over. While frames are looked for on one side, what the other
/// one sent after the first byte of what is searched waits, so that events come in the order of the wire: until frames
/// are found, [`Limits::search_grace`](crate::session::Limits::search_grace) has passed, or a bound is reached.
#[derive(Debug)]
pub(in crate::session) struct Conversation {
    pub(super) sides: Pair<SideState>,
    pub(super) order: WireOrder,
    pub(super) opened: Timestamp,
    /// The last message, or the opening.
    pub(super) last: Timestamp,
    pub(super) deflate: Deflate,
    /// What its handshake says that is out of the ordinary.
    pub(super) odd: Option<Box<Oddities>>,
    /// Its handshake was not captured: who is the client shows by the mask.
    pub(super) is_mid_stream: bool,
    pub(super) first_close: Option<Box<FirstClose>>,
    /// Who ended TCP first.
    pub(super) ended_by: Option<Side>,
    pub(super) inflaters: Inflaters,
    /// What reads the messages' meaning; `None` where they have none.
    pub(super) meaning: Option<Box<Understood>>,
}

/// The state of inflaters: whether they hold memory that they can give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflaters {
    /// They hold their windows alone.
    Resting,
    /// They have not been used since they were last asked to rest.
    Idle,
    /// They have been used since then.
    InUse,
}

/// The reason why a conversation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    /// TCP ended: `fin` or `reset`.
    Tcp(&'static str),
    /// The HTTP/2 stream ended: by which frame, and its error code.
    Stream { by: &'static str, code: Option<&'static str> },
    /// The capture ended, or a limit made us forget the connection.
    Unseen,
}

/// The first close of a conversation.
#[derive(Debug)]
pub(super) struct FirstClose {
    pub(super) by: Side,
    /// `None` where it was not captured.
    pub(super) code: Option<u16>,
    pub(super) reason: Box<str>,
    /// Up to where the other side's bytes had come before, as far as that is known.
    pub(super) other_until: u64,
}

impl Conversation {
    /// Makes the one that was opened by the packet `opened`.
    pub(in crate::session) fn new(opened: At, deflate: Deflate) -> Self {
        Conversation {
            sides: Pair::default(),
            order: WireOrder::after(opened),
            opened: opened.time,
            last: opened.time,
            deflate,
            odd: None,
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
