use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use super::conversation::Attempt;
use super::entry::Facts;
use super::record;
use crate::event::{
    Closed, ConnId, Event, Frame, Framing, Kind, Meaning, Missing, Opcode, Sink, Unshown, Wire,
};
use crate::model::{Anomaly, At, Side};

/// A buffer of owned events on their way into a [`super::Store`].
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) bytes: Vec<u8>,
    /// The number of items counted by [`Batch::mark`]; they may not change any more.
    marked: Cell<usize>,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) conn: Option<ConnId>,
    pub(super) at: At,
    pub(super) known: u64,
    pub(super) what: Owned,
}

#[derive(Debug)]
pub(super) enum Owned {
    Attempt(Box<Attempt>),
    Frame(Frame),
    Message(Draft),
    Anomaly(Option<Side>, Box<Anomaly>),
    Closed(Box<Closed>),
    Unshown(Box<Unshown>),
}

/// A message whose payload is in the batch.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) from: Side,
    pub(super) opcode: Opcode,
    pub(super) number: u64,
    pub(super) delta: Duration,
    pub(super) framing: Framing,
    pub(super) verified: bool,
    pub(super) text: bool,
    pub(super) truncated: bool,
    pub(super) close: Option<u16>,
    pub(super) length: u64,
    pub(super) start: usize,
    pub(super) kept: u32,
    pub(super) rtt: Option<Duration>,
    pub(super) missing: Option<Box<[Missing]>>,
    /// The length of the encoded transport fields, which follow the meaning.
    pub(super) fields: usize,
    pub(super) wire: Wire,
    /// The digest of its meaning, whose encoding follows the payload.
    pub(super) meaning: Digest,
    /// The frame of a single-frame message.
    pub(super) frame: Option<Frame>,
}

impl Draft {
    /// Returns the boolean facts about the message.
    pub(super) fn facts(&self) -> Facts {
        Facts::default()
            .with(Facts::TEXT, self.text)
            .with(Facts::COMPRESSED, self.wire.compressed)
            .with(Facts::INFLATED, self.wire.inflated)
            .with(Facts::MASKED, self.wire.masked)
            .with(Facts::MISSING, self.missing.is_some())
            .with(Facts::TRUNCATED, self.truncated)
            .with(Facts::SEARCHED, self.framing == Framing::Searched)
            .with(Facts::UNVERIFIED, !self.verified)
    }
}

/// The most frequently needed facts about a message's meaning, and its encoded length.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digest {
    pub(super) length: u32,
    pub(super) facts: Facts,
}

impl Digest {
    fn of(meaning: Meaning<'_>, length: usize) -> Self {
        let (mut facts, mut beats) = (Facts::default(), false);
        for unit in meaning.units() {
            beats |= unit.heartbeat();
            facts = facts
                .with(Facts::AT_FAULT, unit.error().is_some())
                .with(Facts::ANSWER, unit.latency().is_some());
        }
        beats &= meaning.units().all(|unit| unit.heartbeat());
        let facts = facts.with(Facts::HEARTBEAT, beats).with(Facts::PART, meaning.is_only_part());
        Digest { length: u32::try_from(length).unwrap_or(0), facts }
    }
}

impl Batch {
    /// Returns the number of events in the batch, and protects them from later changes.
    pub fn mark(&self) -> usize {
        self.marked.set(self.items.len());
        self.items.len()
    }

    /// Returns the approximate size of the events in bytes.
    pub fn size(&self) -> usize {
        self.items.len().saturating_mul(size_of::<Item>()).saturating_add(self.bytes.len())
    }

    /// Removes the events, keeping allocated memory up to a bound.
    pub fn clear(&mut self) {
        self.items.clear();
        self.items.shrink_to(64 << 10);
        self.bytes.clear();
        self.bytes.shrink_to(8 << 20);
        self.marked.set(0);
    }

    pub(super) fn items(&self, range: Range<usize>) -> &[Item] {
        self.items.get(range).unwrap_or_default()
    }

    /// Returns the payload, the encoded meaning and the encoded transport fields of a message.
    pub(super) fn parts(&self, draft: &Draft) -> [&[u8]; 3] {
        let mut end = draft.start;
        [draft.kept as usize, draft.meaning.length as usize, draft.fields].map(|length| {
            let start = end;
            end = start.saturating_add(length);
            self.bytes.get(start..end).unwrap_or_default()
        })
    }

    /// Removes and returns the last event if it is the only frame of a message of `from`.
    fn take_frame(&mut self, conn: Option<ConnId>, from: Side, wire: &Wire) -> Option<Frame> {
        if wire.frames != 1 || self.items.len() <= self.marked.get() {
            return None;
        }
        match self.items.last() {
            Some(Item { conn: other, what: Owned::Frame(frame), .. })
                if *other == conn && frame.from == from =>
            {
                let frame = *frame;
                self.items.pop();
                Some(frame)
            }
            _ => None,
        }
    }
}

impl Sink for Batch {
    fn event(&mut self, event: &Event<'_>) {
        let what = match event.kind {
            Kind::Opened(opening) => Owned::Attempt(Box::new(Attempt::Opened(opening.clone()))),
            Kind::Rejected(rejected) => Owned::Attempt(Box::new(Attempt::Rejected(rejected.clone()))),
            Kind::Unshown(unshown) => Owned::Unshown(Box::new(unshown.clone())),
            Kind::Frame(frame) => Owned::Frame(frame),
            Kind::Anomaly { from, anomaly } => Owned::Anomaly(from, Box::new(anomaly.clone())),
            Kind::Closed(closed) => Owned::Closed(Box::new(closed.clone())),
            Kind::Message(message) => {
                let start = self.bytes.len();
                let kept = message.payload.get(..u32::MAX as usize).unwrap_or(message.payload);
                self.bytes.extend_from_slice(kept);
                let end = self.bytes.len();
                let meaning = message.meaning.filter(|meaning| !meaning.is_empty());
                let meaning = meaning.map_or_else(Digest::default, |meaning| {
                    meaning.write(&mut self.bytes);
                    Digest::of(meaning, self.bytes.len().saturating_sub(end))
                });
                let behind = self.bytes.len();
                record::put_fields(message.fields, &mut self.bytes);
                Owned::Message(Draft {
                    from: message.from,
                    opcode: message.opcode,
                    number: message.number,
                    delta: message.delta,
                    framing: message.framing,
                    verified: message.verified,
                    text: message.text,
                    truncated: message.truncated_to.is_some(),
                    close: message.close.map(|close| close.code),
                    length: message.length,
                    start,
                    kept: u32::try_from(kept.len()).unwrap_or(u32::MAX),
                    rtt: message.rtt,
                    missing: (!message.missing.is_empty()).then(|| message.missing.into()),
                    fields: self.bytes.len().saturating_sub(behind),
                    wire: message.wire,
                    meaning,
                    frame: self.take_frame(event.conn, message.from, &message.wire),
                })
            }
        };
        self.items.push(Item { conn: event.conn, at: event.at, known: event.known, what });
    }

    fn wants_frames(&self) -> bool {
        true
    }
}
