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
    /// When its frames were last lost or found again: later ones are all there.
    pub(super) whole_since: Timestamp,
    pub(super) frames: Frames,
    pub(super) rules: Rules,
    /// The header of the frame whose payload is being read.
    pub(super) header: Option<Header>,
    /// The packet that carried the first byte of the frame at hand.
    pub(super) begun: At,
    pub(super) data: Option<Box<Open>>,
    pub(super) control: Option<Box<Open>>,
    pub(super) inflater: Option<Box<Inflater>>,
    pub(super) pings: Option<Box<Pings>>,
    /// When the last message came.
    pub(super) last: Timestamp,
    pub(super) totals: DirectionTotals,
    /// What searches for frames have cost beyond their share.
    pub(super) search_debt: u64,
    /// An HTTP response stands where a frame should be, or may.
    pub(super) http: Option<InStream>,
}

/// The way in which it is known where a side's frames begin.
#[derive(Debug, Default)]
pub(super) enum Reading {
    /// By counting from the handshake on.
    #[default]
    Counted,
    /// By counting from where frames were found, which a payload that itself holds frames may look like.
    Found(Proof),
    /// By counting from where frames were found, and what the other side said proves that they are frames.
    Proven,
    /// It is not known: frames are looked for, and until then the other side waits for them.
    Searching { search: Box<FrameSearch>, until: Timestamp, frame: Option<CurrentFrame> },
    /// The side ended.
    Over,
}

/// The losses of a side's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Losses {
    #[default]
    None,
    /// And no data frame was seen since: a continuation may continue what was lost.
    Recent,
    Past,
}

/// The frame at hand at a gap that is too short to hold the rest of it: up to the next frame, all that is captured behind
/// the gap is its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentFrame {
    /// How many bytes of its payload are still to come.
    pub(super) remaining: u64,
    /// How many are missing at the most.
    pub(super) most: u64,
    /// The packet at which the gap was.
    pub(super) at: At,
}

impl CurrentFrame {
    /// Returns how many bytes are missing where the next frame begins behind so many; `None` where it cannot.
    pub(super) fn gap(self, captured: u64) -> Option<u64> {
        self.remaining.checked_sub(captured).filter(|gap| *gap <= self.most)
    }
}

/// The bytes of one side where an HTTP response, or a client's request, may stand between frames.
#[derive(Debug)]
pub(super) enum InStream {
    /// Too few bytes to tell, and where they begin.
    Maybe { bytes: Vec<u8>, offset: u64 },
    /// It is one: nothing that follows is a frame.
    Message,
    /// It was none, once: it is not looked for again.
    Never,
}

impl SideState {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.reading, Reading::Over)
    }

    /// Returns how it is known where its frames begin.
    pub(super) const fn framing(&self) -> Framing {
        if matches!(self.reading, Reading::Found(_)) { Framing::Searched } else { Framing::Counted }
    }

    /// Returns the search for frames, where one is under way.
    pub(super) fn search(&mut self) -> Option<&mut FrameSearch> {
        match &mut self.reading {
            Reading::Searching { search, .. } => Some(search),
            _ => None,
        }
    }

    /// Returns the packet at which the first of the bytes were readable in which frames are looked for.
    pub(super) fn behind_gap(&self) -> Option<At> {
        match &self.reading {
            Reading::Searching { search, .. } => search.first_readable(),
            _ => None,
        }
    }
}
