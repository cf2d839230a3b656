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
    /// An anomaly.
    Anomaly,
    /// A conversation ended.
    Closed,
}

/// Boolean facts about a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts(u16);

impl Facts {
    /// The payload is text.
    pub const TEXT: Facts = Facts(1);
    /// The message was sent compressed.
    pub const COMPRESSED: Facts = Facts(2);
    /// The message was compressed and is shown inflated.
    pub const INFLATED: Facts = Facts(4);
    /// The first frame was masked.
    pub const MASKED: Facts = Facts(8);
    /// Some bytes are missing.
    pub const MISSING: Facts = Facts(16);
    /// The payload was truncated to a limit.
    pub const TRUNCATED: Facts = Facts(32);
    /// The message has a round-trip time (a pong) or a code (a close frame).
    pub const EXTRA: Facts = Facts(64);
    /// The message has a meaning in its sub-protocol.
    pub const MEANING: Facts = Facts(128);
    /// The frames were found by searching for headers.
    pub const SEARCHED: Facts = Facts(256);
    /// The bytes are not verified.
    pub const UNVERIFIED: Facts = Facts(512);
    /// The sub-protocol uses the message only to keep the connection alive.
    pub const HEARTBEAT: Facts = Facts(1024);
    /// The sub-protocol reports an error.
    pub const AT_FAULT: Facts = Facts(2048);
    /// The message answers a request of its sub-protocol.
    pub const ANSWER: Facts = Facts(4096);
    /// The message is only a part that a later message completes.
    pub const PART: Facts = Facts(8192);

    /// Returns whether all of `facts` are set.
    pub const fn has(self, facts: Facts) -> bool {
        self.0 & facts.0 == facts.0
    }

    /// Adds `facts` if `holds`.
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

/// One line of the timeline: the data about an event that always stays in memory.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub(super) time: Timestamp,
    /// The latest time of this entry and all before it.
    pub(super) order: Timestamp,
    pub(super) packet: u64,
    /// A message's true payload length; an anomaly's index among those kept; for an opening, the number of earlier ones
    /// on its connection.
    pub(super) length: u64,
    /// The location of a message's payload; for other entries, the number of packets after which they became known.
    pub(super) place: u64,
    /// The number of payload bytes kept.
    pub(super) kept: u32,
    /// The index of the conversation; `u32::MAX` for the capture as a whole.
    pub(super) conversation: u32,
    /// Bytes on the wire, saturating.
    pub(super) wire: u32,
    /// The lower half of a pong's round-trip time; a close code; the encoded length of a data message's meaning, stored
    /// after the tail; an anomaly's index in the list of codes.
    pub(super) extra: u32,
    /// The number of frames, saturating; for a pong with a round-trip time, which has one frame, the upper part of that
    /// time.
    pub(super) frames: u16,
    pub(super) facts: Facts,
    pub(super) what: EntryKind,
    /// The opcode, with [`SERVER`] set for the server's entries.
    pub(super) opcode: u8,
    /// The length of the encoded facts that follow the payload.
    pub(super) tail: u16,
}

/// The bit of an entry sent by the server; [`NOBODY`] is that of an entry of neither side.
pub(super) const SERVER: u8 = 0x80;
pub(super) const NOBODY: u8 = 0x40;

const _: () = assert!(size_of::<Entry>() <= 64, "a million entries must take at most 64 MB");

impl Entry {
    /// Creates an entry of a kind, with its place and the packet at which it became known.
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

    /// Returns the time of its own packet.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Returns the time that determines its position among the entries; never earlier than that of a preceding entry.
    ///
    /// Shards report in packet order, but some events become known later: a message found after a gap was given up, or
    /// one that reveals a stream joined mid-stream. Their own time is then earlier than that of entries before them.
    pub const fn order(&self) -> Timestamp {
        self.order
    }

    /// Returns the number of its packet.
    pub const fn packet(&self) -> u64 {
        self.packet
    }

    /// Returns the kind of the entry.
    pub const fn what(&self) -> EntryKind {
        self.what
    }

    /// Returns the index of its conversation in the store, if it belongs to one.
    pub const fn conversation(&self) -> Option<u32> {
        if self.conversation == u32::MAX { None } else { Some(self.conversation) }
    }

    /// Returns the side that sent it, if any.
    pub const fn from(&self) -> Option<Side> {
        if self.opcode & NOBODY != 0 {
            None
        } else if self.opcode & SERVER != 0 {
            Some(Side::Server)
        } else {
            Some(Side::Client)
        }
    }

    /// Returns the opcode of a message.
    pub const fn opcode(&self) -> Opcode {
        Opcode(self.opcode & 0x0f)
    }

    /// Returns the true length of a message's payload in bytes.
    pub const fn length(&self) -> u64 {
        if matches!(self.what, EntryKind::Message) { self.length } else { 0 }
    }

    /// Returns the number of payload bytes kept.
    pub const fn kept(&self) -> u32 {
        self.kept
    }

    /// Returns the facts about it.
    pub const fn facts(&self) -> Facts {
        self.facts
    }

    /// Returns the number of frames of a message, saturating.
    pub fn frames(&self) -> u16 {
        if self.rtt().is_some() { 1 } else { self.frames }
    }

    /// Returns the number of bytes of a message on the wire, including headers, saturating.
    pub const fn wire(&self) -> u32 {
        self.wire
    }

    /// Returns the round-trip time of a pong, at most 78 hours.
    pub fn rtt(&self) -> Option<Duration> {
        let low = self.extra_of(Opcode::PONG)?;
        Some(Duration::from_nanos(u64::from(self.frames) << 32 | u64::from(low)))
    }

    /// Splits a round-trip time into the values of [`Entry::frames`] and [`Entry::extra`].
    pub(super) fn split_rtt(rtt: Duration) -> (u16, u32) {
        let nanos = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX).min((1 << 48) - 1);
        (
            u16::try_from(nanos >> 32).unwrap_or(u16::MAX),
            u32::try_from(nanos & 0xffff_ffff).unwrap_or(u32::MAX),
        )
    }

    /// Returns the code of a close frame.
    pub fn close_code(&self) -> Option<u16> {
        self.extra_of(Opcode::CLOSE).map(|code| u16::try_from(code).unwrap_or(0))
    }

    /// Returns the encoded length of a message's meaning.
    pub(super) fn meaning(&self) -> usize {
        let has = self.what == EntryKind::Message && self.facts.has(Facts::MEANING);
        if has { self.extra as usize } else { 0 }
    }

    /// Returns the code and severity of an anomaly.
    pub fn anomaly(&self) -> Option<(&'static str, Severity)> {
        if self.what != EntryKind::Anomaly {
            return None;
        }
        Anomaly::RULES.get(self.extra as usize).map(|rule| (rule.code, rule.severity))
    }

    /// Returns whether it represents bytes missing from the capture.
    pub fn is_gap(&self) -> bool {
        matches!(self.anomaly(), Some(("gap", _)))
    }

    /// Returns the extra value of a message with this opcode, if it has one.
    fn extra_of(&self, opcode: Opcode) -> Option<u32> {
        let has = self.what == EntryKind::Message && self.opcode() == opcode && self.facts.has(Facts::EXTRA);
        has.then_some(self.extra)
    }
}
