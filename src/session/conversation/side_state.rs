use super::proof::Proof;
use crate::event::{DirectionTotals, Framing};
use crate::model::{At, Timestamp};
use crate::session::message::Open;
use crate::session::resync::FrameSearch;
use crate::websocket::deflate::Inflater;
use crate::websocket::{Frames, Header, Pings, Rules};

/// One side of a conversation.
#[derive(Debug, Default)]
pub(super) struct SideState {
    pub(super) reading: Reading,
    pub(super) losses: Losses,
    /// The last time its frames were lost or found again: all later ones are complete.
    pub(super) whole_since: Timestamp,
    /// Whether any of its bytes were received, or known to be lost.
    pub(super) has_begun: bool,
    pub(super) frames: Frames,
    pub(super) rules: Rules,
    /// The header of the frame whose payload is being read.
    pub(super) header: Option<Header>,
    /// The packet that carried the first byte of the current frame.
    pub(super) begun: At,
    pub(super) data: Option<Box<Open>>,
    pub(super) control: Option<Box<Open>>,
    pub(super) inflater: Option<Box<Inflater>>,
    pub(super) pings: Option<Box<Pings>>,
    /// The time of the last message.
    pub(super) last: Timestamp,
    pub(super) totals: DirectionTotals,
    /// The cost of searches for frames beyond their allowance.
    pub(super) search_debt: u64,
    /// Possible or confirmed bytes in place of a frame.
    pub(super) in_stream: Option<InStream>,
}

/// The way in which the boundaries of a side's frames are known.
#[derive(Debug, Default)]
pub(super) enum Reading {
    /// By counting from the handshake.
    #[default]
    Counted,
    /// By counting from frames found in a search, which may have been inside a payload.
    Found(Proof),
    /// By counting from frames found in a search, confirmed by what the other side sent.
    Proven,
    /// Unknown: frames are being searched for, and the other side waits until then.
    Searching { search: Box<FrameSearch>, until: Timestamp, frame: Option<CurrentFrame> },
    /// The side has ended.
    Ended,
}

/// The losses in a side's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Losses {
    #[default]
    None,
    /// Bytes were lost, and no data frame was seen since: a continuation may continue a lost message.
    Recent,
    Past,
}

/// The current frame at a gap that is too short to contain the rest of it: everything captured after the gap, up to the
/// next frame, is its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentFrame {
    /// The number of payload bytes left.
    pub(super) remaining: u64,
    /// The maximum number of missing bytes.
    pub(super) most: u64,
    /// The packet at which the gap was found.
    pub(super) at: At,
}

impl CurrentFrame {
    /// Returns the number of missing bytes if the next frame begins after `captured` bytes; `None` if it cannot.
    pub(super) fn gap(self, captured: u64) -> Option<u64> {
        self.remaining.checked_sub(captured).filter(|gap| *gap <= self.most)
    }
}

/// Possible or confirmed bytes of one side in place of a frame.
#[derive(Debug)]
pub(super) enum InStream {
    /// Too few bytes to decide, and the offset of the first one.
    Undecided { bytes: Vec<u8>, offset: u64 },
    /// An HTTP message; no frames follow.
    Message,
    /// Text that ends at an offset, as far as it was seen; frames may follow.
    Text { end: u64 },
    /// Frames; the check is not repeated.
    Never,
}

impl SideState {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.reading, Reading::Ended)
    }

    /// Returns how the boundaries of its frames are known.
    pub(super) const fn framing(&self) -> Framing {
        if matches!(self.reading, Reading::Found(_)) { Framing::Searched } else { Framing::Counted }
    }

    /// Returns the current search for frames, if any.
    pub(super) fn search(&mut self) -> Option<&mut FrameSearch> {
        match &mut self.reading {
            Reading::Searching { search, .. } => Some(search),
            _ => None,
        }
    }

    /// Returns the packet at which the first byte of the current search was readable.
    pub(super) fn behind_gap(&self) -> Option<At> {
        match &self.reading {
            Reading::Searching { search, .. } => search.first_readable(),
            _ => None,
        }
    }
}
