use std::time::Duration;

use crate::event::{Opcode, Severity};
use crate::model::{Anomaly, At, Side, Timestamp};

/// The kind of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A message or control frame.
    Message,
    /// A conversation began, or its upgrade was refused.
    Opened,
    /// Something was wrong.
    Anomaly,
    /// A conversation ended.
    Closed,
}

/// Yes-or-no facts about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts(u16);

impl Facts {
    /// The payload is to be read as text.
    pub const TEXT: Facts = Facts(1);
    /// It was sent compressed.
    pub const COMPRESSED: Facts = Facts(2);
    /// It was compressed and is shown inflated.
    pub const INFLATED: Facts = Facts(4);
    /// Its first frame was masked.
    pub const MASKED: Facts = Facts(8);
    /// Some of its bytes are not known.
    pub const MISSING: Facts = Facts(16);
    /// A limit cut it.
    pub const TRUNCATED: Facts = Facts(32);
    /// It has a round trip (a pong) or a code (a close frame).
    pub const EXTRA: Facts = Facts(64);
    /// Its sub-protocol gives it a meaning.
    pub const MEANING: Facts = Facts(128);
    /// Its frames were found by searching for them.
    pub const SEARCHED: Facts = Facts(256);
    /// Nothing vouches for its bytes.
    pub const UNVERIFIED: Facts = Facts(512);
    /// It is there only to keep the connection alive, as its sub-protocol says.
    pub const HEARTBEAT: Facts = Facts(1024);
    /// Its sub-protocol says that something went wrong.
    pub const AT_FAULT: Facts = Facts(2048);
    /// It answers a question of its sub-protocol's.
    pub const ANSWER: Facts = Facts(4096);
    /// It holds only a part of what a later message completes.
    pub const PART: Facts = Facts(8192);

    /// Returns whether all of `facts` hold.
    pub const fn has(self, facts: Facts) -> bool {
        self.0 & facts.0 == facts.0
    }

    /// Adds `facts` where `holds`.
    #[must_use]
    pub const fn with(self, facts: Facts, holds: bool) -> Facts {
        if holds { self.and(facts) } else { self }
    }

    /// Adds `facts`.
    #[must_use]
    pub const fn and(self, facts: Facts) -> Facts {
        Facts(self.0 | facts.0)
    }
}

/// One line of the timeline: what is always in memory about one event.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(super) time: Timestamp,
    /// The latest time of this entry and all before it: what is told late has that of the one before.
    pub(super) order: Timestamp,
    pub(super) packet: u64,
    /// The true length of a message's payload; of an anomaly, where it stands among those kept; of an opening, how many
    /// its connection had before.
    pub(super) length: u64,
    /// Where a message's payload lies; of the others, how many packets later they became known.
    pub(super) place: u64,
    /// How many payload bytes are kept.
    pub(super) kept: u32,
    /// The number of the conversation; `u32::MAX` for the capture as a whole.
    pub(super) conversation: u32,
    /// Bytes on the wire, saturating.
    pub(super) wire: u32,
    /// The lower half of a pong's round trip; a close code; how many bytes a data message's meaning takes behind
    /// the facts; an anomaly's place in the list of codes.
    pub(super) extra: u32,
    /// Frames, saturating; of a pong that answers, which is one frame, the upper part of its round trip.
    pub(super) frames: u16,
    pub(super) facts: Facts,
    pub(super) what: EntryKind,
    /// The opcode; the top bit is set for what the server sent.
    pub(super) opcode: u8,
    /// How many bytes of facts stand behind the payload.
    pub(super) tail: u16,
}

/// Marks an entry of the server's; [`NOBODY`] marks one of neither side.
pub(super) const SERVER: u8 = 0x80;
pub(super) const NOBODY: u8 = 0x40;

const _: () = assert!(size_of::<Entry>() <= 64, "a million entries are 64 MB at most");

impl Entry {
    /// Makes an entry that says nothing but what and when, and at which packet it became known.
    pub(super) const fn new(what: EntryKind, at: At, known: u64) -> Entry {
        Entry {
            time: at.time,
            order: at.time,
            packet: at.packet,
            length: 0,
            place: known.saturating_sub(at.packet),
            kept: 0,
            conversation: u32::MAX,
            wire: 0,
            extra: 0,
            frames: 0,
            facts: Facts(0),
            what,
            opcode: NOBODY,
            tail: 0,
        }
    }

    /// Returns when it happened, by its own packet.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns the moment at which it stands among the others; never earlier than that of an entry before it.
    ///
    /// Shards report in packet order, but some of it late: a message found only after a gap was decided upon, or one
    /// that shows what was joined. Its own time then lies before that of entries that stand before it.
    pub const fn order(&self) -> Timestamp {
        self.order
    }

    /// Returns the number of the packet that made it known.
    pub const fn packet(&self) -> u64 {
        self.packet
    }

    /// Returns what it is.
    pub const fn what(&self) -> EntryKind {
        self.what
    }

    /// Returns the number of its conversation in the store, where it belongs to one.
    pub const fn conversation(&self) -> Option<u32> {
        if self.conversation == u32::MAX { None } else { Some(self.conversation) }
    }

    /// Returns who sent it, where one side did.
    pub const fn from(&self) -> Option<Side> {
        if self.opcode & NOBODY != 0 {
            None
        } else if self.opcode & SERVER != 0 {
            Some(Side::Server)
        } else {
            Some(Side::Client)
        }
    }

    /// Returns a message's opcode.
    pub const fn opcode(&self) -> Opcode {
        Opcode(self.opcode & 0x0f)
    }

    /// Returns the true length of a message's payload, in bytes.
    pub const fn length(&self) -> u64 {
        if matches!(self.what, EntryKind::Message) { self.length } else { 0 }
    }

    /// Returns how many bytes of the payload were kept.
    pub const fn kept(&self) -> u32 {
        self.kept
    }

    /// Returns what holds of it.
    pub const fn facts(&self) -> Facts {
        self.facts
    }

    /// Returns how many frames a message had, saturating.
    pub fn frames(&self) -> u16 {
        if self.rtt().is_some() { 1 } else { self.frames }
    }

    /// Returns how many bytes a message took on the wire, headers included, saturating.
    pub const fn wire(&self) -> u32 {
        self.wire
    }

    /// Returns a pong's round trip, 78 hours at most.
    pub fn rtt(&self) -> Option<Duration> {
        let low = self.extra_of(Opcode::PONG)?;
        Some(Duration::from_nanos(u64::from(self.frames) << 32 | u64::from(low)))
    }

    /// Splits a round trip into what [`Entry::frames`] and [`Entry::extra`] have of it.
    pub(super) fn split_rtt(rtt: Duration) -> (u16, u32) {
        let nanos = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX).min((1 << 48) - 1);
        (
            u16::try_from(nanos >> 32).unwrap_or(u16::MAX),
            u32::try_from(nanos & 0xffff_ffff).unwrap_or(u32::MAX),
        )
    }

    /// Returns a close frame's code.
    pub fn close_code(&self) -> Option<u16> {
        self.extra_of(Opcode::CLOSE).map(|code| u16::try_from(code).unwrap_or(0))
    }

    /// Returns how many bytes the meaning of a message takes, written down.
    pub(super) fn meaning(&self) -> usize {
        let has = self.what == EntryKind::Message && self.facts.has(Facts::MEANING);
        if has { self.extra as usize } else { 0 }
    }

    /// Returns an anomaly's code and severity.
    pub fn anomaly(&self) -> Option<(&'static str, Severity)> {
        if self.what != EntryKind::Anomaly {
            return None;
        }
        Anomaly::RULES.get(self.extra as usize).map(|rule| (rule.code, rule.severity))
    }

    /// Returns whether it stands for bytes that the capture lacks.
    pub fn is_gap(&self) -> bool {
        matches!(self.anomaly(), Some(("gap", _)))
    }

    /// Returns what is kept of messages of one kind alone, where this is one that has it.
    fn extra_of(&self, opcode: Opcode) -> Option<u32> {
        let has = self.what == EntryKind::Message && self.opcode() == opcode && self.facts.has(Facts::EXTRA);
        has.then_some(self.extra)
    }
}
