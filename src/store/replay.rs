use std::time::Duration;

use super::{Conversation, Entry, EntryKind, Facts, Store};
use crate::event::{CloseBody, Event, Framing, Kind, Message, Missing, Opcode, Sink, Wire};
use crate::model::{At, Side};

/// The reason why an entry cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The entry does not exist, or too little is known about it.
    Unknown,
    /// The payload was dropped to stay within the bounds.
    Dropped,
    /// The evidence of the anomaly is beyond the bound.
    NoEvidence,
}

/// The parts of a message to be fetched in addition to its entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The payload.
    pub payload: bool,
    /// The meaning in its sub-protocol.
    pub meaning: bool,
}

/// A placeholder for missing ranges that were not looked up.
const SOMEWHERE: &[Missing] = &[Missing { offset: 0, length: None }];

impl Store {
    /// Replays an entry into `sink` as the analyzer reported it, preceded by its frames if `sink` wants them.
    ///
    /// # Errors
    ///
    /// If the entry cannot be replayed in full.
    pub fn replay(&mut self, number: u32, sink: &mut dyn Sink) -> Result<(), ReplayError> {
        let entry = self.entry(number).copied().ok_or(ReplayError::Unknown)?;
        if entry.what() != EntryKind::Message {
            sink.event(&self.non_message_event(&entry, number)?);
            return Ok(());
        }
        let from = entry.from().ok_or(ReplayError::Unknown)?;
        let record = self.record(number, usize::MAX).ok_or(ReplayError::Unknown)?;
        if record.dropped {
            return Err(ReplayError::Dropped);
        }
        let meaning = self.meaning(number);
        let event = |kind| named(&self.conversations, &entry, number, kind);
        if sink.wants_frames() {
            for frame in &record.frames {
                sink.event(&event(Kind::Frame(*frame)));
            }
        }
        let fields: Vec<_> = record.fields.iter().map(|field| (field.name, field.value())).collect();
        let message = Message {
            fields: &fields,
            missing: &record.missing,
            number: record.number,
            delta: record.delta,
            wire: Wire { first: record.first, ..wire_of(&entry) },
            meaning: meaning.as_ref().map(|it| it.of(&record.payload)),
            ..message_of(&entry, from, &record.payload)
        };
        sink.event(&Event { known: record.known, ..event(Kind::Message(message)) });
        Ok(())
    }

    /// Calls `then` with the event of an entry, as far as a filter can examine it.
    ///
    /// A message has its payload and meaning only if they are `wanted` and still kept; its number, the exact missing
    /// ranges, the transport's fields and the bodies of its meaning are left out.
    ///
    /// # Errors
    ///
    /// If too little is known about the entry.
    pub fn with_event<R>(
        &mut self,
        number: u32,
        wanted: Wanted,
        then: impl FnOnce(&Event<'_>) -> R,
    ) -> Result<R, ReplayError> {
        let entry = self.entry(number).copied().ok_or(ReplayError::Unknown)?;
        if entry.what() != EntryKind::Message {
            return self.non_message_event(&entry, number).map(|event| then(&event));
        }
        let from = entry.from().ok_or(ReplayError::Unknown)?;
        let delta = self.delta(number).unwrap_or_default();
        let meaning = if wanted.meaning { self.meaning(number) } else { None };
        let reads = wanted.payload || entry.close_code().is_some();
        let kept = if reads { entry.kept as usize } else { 0 };
        let payload = self.payloads.read(entry.place, kept).unwrap_or_default();
        let meaning = meaning.as_ref().map(|it| it.of(&[]));
        let message = Message { delta, meaning, ..message_of(&entry, from, payload) };
        Ok(then(&named(&self.conversations, &entry, number, Kind::Message(message))))
    }

    /// Returns the event of an entry that is not a message.
    fn non_message_event(&self, entry: &Entry, number: u32) -> Result<Event<'_>, ReplayError> {
        let kind = match entry.what() {
            EntryKind::Opened => self.opened(entry).ok_or(ReplayError::Unknown)?.kind(),
            EntryKind::Closed => {
                let conversation = conversation_of(&self.conversations, entry);
                let closed = conversation.and_then(|conversation| conversation.closed.as_deref());
                Kind::Closed(closed.ok_or(ReplayError::Unknown)?)
            }
            EntryKind::Anomaly => {
                let stored = self.anomaly_of(entry).ok_or(ReplayError::NoEvidence)?;
                Kind::Anomaly { from: stored.from, anomaly: &stored.anomaly }
            }
            EntryKind::Message => return Err(ReplayError::Unknown),
        };
        let known = entry.packet().saturating_add(entry.place);
        Ok(Event { known, ..named(&self.conversations, entry, number, kind) })
    }

    /// Returns the time since the previous message of the conversation, or since its opening.
    pub fn delta(&self, number: u32) -> Option<Duration> {
        let entry = self.entry(number)?;
        let conversation = conversation_of(&self.conversations, entry)?;
        let mut at = conversation.place_of(number);
        while let Some(before) = at.checked_sub(1) {
            let other = self.entry(conversation.entry(before)?)?;
            if matches!(other.what(), EntryKind::Message | EntryKind::Opened) {
                return Some(entry.time().since(other.time()));
            }
            at = before;
        }
        None
    }
}

fn conversation_of<'a>(all: &'a [Conversation], entry: &Entry) -> Option<&'a Conversation> {
    all.get(entry.conversation()? as usize)
}

/// Creates an event with the position and conversation of an entry.
fn named<'a>(all: &'a [Conversation], entry: &Entry, number: u32, kind: Kind<'a>) -> Event<'a> {
    let conversation = conversation_of(all, entry);
    let at = At { packet: entry.packet(), time: entry.time() };
    let names = conversation.and_then(|conversation| conversation.named_at(number));
    Event { conversation: names, ..Event::new(conversation.map(|conversation| conversation.id), at, kind) }
}

/// Returns the message of an entry, as far as the entry itself describes it.
fn message_of<'a>(entry: &Entry, from: Side, payload: &'a [u8]) -> Message<'a> {
    let facts = entry.facts();
    let reason = payload.get(2..).unwrap_or_default().utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let close = (entry.opcode() == Opcode::CLOSE).then_some(entry.close_code()).flatten();
    Message {
        from,
        opcode: entry.opcode(),
        number: 0,
        delta: Duration::ZERO,
        payload,
        length: entry.length(),
        text: facts.has(Facts::TEXT),
        missing: if facts.has(Facts::MISSING) { SOMEWHERE } else { &[] },
        truncated_to: facts.has(Facts::TRUNCATED).then_some(u64::from(entry.kept())),
        close: close.map(|code| CloseBody { code, reason }),
        rtt: entry.rtt(),
        framing: if facts.has(Facts::SEARCHED) { Framing::Searched } else { Framing::Counted },
        verified: !facts.has(Facts::UNVERIFIED),
        wire: wire_of(entry),
        meaning: None,
        fields: &[],
    }
}

fn wire_of(entry: &Entry) -> Wire {
    let facts = entry.facts();
    Wire {
        frames: u64::from(entry.frames()),
        bytes: u64::from(entry.wire()),
        compressed: facts.has(Facts::COMPRESSED),
        inflated: facts.has(Facts::INFLATED),
        masked: facts.has(Facts::MASKED),
        first: At { packet: entry.packet(), time: entry.time() },
    }
}
