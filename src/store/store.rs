use std::ops::Range;
use std::time::Duration;

use ahash::AHashMap;

use super::Bounds;
use super::batch::{Batch, Draft, Item, Owned};
use super::conversation::{Attempt, Conversation, State};
use super::entry::{Entry, EntryKind, Facts, NOBODY, SERVER};
use super::list::List;
use super::payloads::{Done, Job, PayloadLocation, Payloads};
use super::rates::{Column, Rates};
use super::record::{self, Record, Tail};
use crate::event::{self, ConnId, Frame, Opcode, Severity, StoredMeaning, Unshown};
use crate::model::{Anomaly, At, Pair, Side, Timestamp};

/// A bounded in-memory store of events.
#[derive(Debug, Default)]
pub struct Store {
    bounds: Bounds,
    entries: List<Entry>,
    pub(super) conversations: Vec<Conversation>,
    slots: AHashMap<ConnId, u32>,
    /// The connection of the last event, and the index of its conversation.
    last: Option<(ConnId, u32)>,
    anomalies: List<StoredAnomaly>,
    /// The numbers of the entries that are anomalies.
    anomaly_entries: List<u32>,
    counts: [u64; 3],
    totals: Pair<crate::event::DirectionTotals>,
    rates: Rates,
    pub(super) payloads: Payloads,
    /// The memory use of conversations and anomalies, in bytes.
    weight: u64,
    packets: u64,
    /// Connections without a WebSocket.
    unshown: Vec<(ConnId, Unshown)>,
    began: Option<Timestamp>,
    /// The earliest time of an entry, and the maximum delay of one reported late.
    earliest: Option<Timestamp>,
    max_delay: Duration,
    tail: Vec<u8>,
    frame: Vec<u8>,
    trouble: Option<String>,
}

/// The maximum number of entries examined individually.
const LOOKED_AT: usize = 400_000;

/// An anomaly with its evidence.
#[derive(Clone, Debug)]
pub struct StoredAnomaly {
    /// The side whose bytes it concerns.
    pub from: Option<Side>,
    /// The anomaly.
    pub anomaly: Box<Anomaly>,
}

impl Store {
    /// Creates an empty store.
    pub fn new(bounds: Bounds) -> Self {
        Store { bounds, ..Store::default() }
    }

    /// Adds a range of a batch.
    pub fn add(&mut self, batch: &Batch, range: Range<usize>) {
        for item in batch.items(range) {
            self.take(batch, item);
        }
    }

    /// Returns the number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the store has no entries.
    pub const fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Returns an entry.
    pub fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
    }

    /// Returns the conversations in the order in which they became known; entries refer to them by index.
    pub fn conversations(&self) -> &[Conversation] {
        &self.conversations
    }

    /// Returns the conversation at an index.
    pub fn conversation(&self, slot: u32) -> Option<&Conversation> {
        self.conversations.get(slot as usize)
    }

    /// Returns the conversation of an entry, if it belongs to one.
    pub fn conversation_with(&self, entry: &Entry) -> Option<&Conversation> {
        self.conversation(entry.conversation()?)
    }

    /// Returns the conversation of a connection.
    pub fn conversation_of(&self, id: ConnId) -> Option<&Conversation> {
        self.conversation(*self.slots.get(&id)?)
    }

    /// Returns the numbers of anomalies of severity note, warning and error.
    pub const fn anomalies(&self) -> [u64; 3] {
        self.counts
    }

    /// Returns an anomaly with its evidence, or `None` beyond the bound.
    pub fn anomaly_of(&self, entry: &Entry) -> Option<&StoredAnomaly> {
        if entry.what != EntryKind::Anomaly {
            return None;
        }
        self.anomalies.get(usize::try_from(entry.length).ok()?)
    }

    /// Returns the upgrade of an [`EntryKind::Opened`] entry.
    pub fn opened(&self, entry: &Entry) -> Option<&Attempt> {
        if entry.what != EntryKind::Opened {
            return None;
        }
        let conversation = self.conversation_with(entry)?;
        let earlier = usize::try_from(entry.length).ok().and_then(|at| conversation.earlier.get(at));
        earlier.or(conversation.opened.as_deref())
    }

    /// Returns the numbers of the anomaly entries from entry `from` on.
    pub fn anomalies_from(&self, from: u32) -> impl Iterator<Item = u32> {
        let first = self.anomaly_entries.partition_point(|entry| *entry < from);
        (first..self.anomaly_entries.len()).filter_map(|at| self.anomaly_entries.get(at).copied())
    }

    /// Returns the connections without a WebSocket, up to the bound.
    pub fn unshown(&self) -> &[(ConnId, Unshown)] {
        &self.unshown
    }

    /// Returns the totals of each side over all conversations.
    pub const fn totals(&self) -> Pair<crate::event::DirectionTotals> {
        self.totals
    }

    /// Returns the earliest and the latest time of an entry.
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        let last = self.entries.get(self.entries.len().checked_sub(1)?)?;
        Some((self.earliest?, last.order))
    }

    /// Returns the maximum time by which an entry is earlier than one before it.
    pub const fn max_delay(&self) -> Duration {
        self.max_delay
    }

    /// Returns a range of entries that contains all from `from` to `to`, and possibly others if some were reported
    /// late.
    pub fn range_containing(&self, from: Timestamp, to: Timestamp) -> Range<u32> {
        self.before(from)..self.before(to.plus(self.max_delay).plus(Duration::from_nanos(1)))
    }

    /// Returns the first entry from `from` to `to`.
    pub fn first_in(&self, from: Timestamp, to: Timestamp) -> Option<u32> {
        let is_in = |number: &u32| self.entry(*number).is_some_and(|entry| (from..=to).contains(&entry.time));
        self.range_containing(from, to).take(LOOKED_AT).find(is_in)
    }

    /// Sets the start of the capture: the time of its first packet.
    pub const fn begin(&mut self, first: Timestamp) {
        self.began = Some(first);
    }

    /// Returns the start of the capture; by default, the time of the first entry.
    pub fn began(&self) -> Timestamp {
        self.began.or_else(|| Some(self.entries.get(0)?.time)).unwrap_or_default()
    }

    /// Returns the number of entries ordered before `time`.
    pub fn before(&self, time: Timestamp) -> u32 {
        u32::try_from(self.entries.partition_point(|entry| entry.order < time)).unwrap_or(u32::MAX)
    }

    /// Sums the events from `from` to `to` into equal columns.
    ///
    /// A small number of entries is counted individually; otherwise, buckets as fine as a 4096th of the capture are
    /// used.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // fractions of a time span
    pub fn columns(&self, from: Timestamp, to: Timestamp, columns: usize) -> Vec<Column> {
        let Range { start: first, end: last } = self.range_containing(from, to);
        let step = to.since(from).as_nanos().checked_div(columns.max(1) as u128).unwrap_or(0);
        if last.saturating_sub(first) > 20_000 && step >= u128::from(self.rates.width()) {
            return self.rates.columns(from, to, columns);
        }
        let mut sums = vec![Column::default(); columns];
        let span = to.since(from).as_secs_f64();
        let entries = (first..last).take(LOOKED_AT).filter_map(|n| self.entry(n));
        for entry in entries.filter(|entry| (from..=to).contains(&entry.time)) {
            let part = if span > 0.0 { entry.time.since(from).as_secs_f64() / span } else { 0.0 };
            let at = ((part * columns as f64) as usize).min(columns.saturating_sub(1));
            if let Some(sum) = sums.get_mut(at) {
                sum.count(entry);
            }
        }
        sums
    }

    /// Returns the location of a message's payload.
    pub fn kept(&self, entry: &Entry) -> PayloadLocation {
        if entry.kept == 0 || entry.what != EntryKind::Message {
            PayloadLocation::Memory
        } else {
            self.payloads.kept(entry.place)
        }
    }

    /// Returns the first bytes of a message's payload, at most `most`, or `None` if they were dropped.
    pub fn payload(&mut self, number: u32, most: usize) -> Option<&[u8]> {
        let entry = *self.entries.get(number as usize)?;
        if entry.what != EntryKind::Message {
            return None;
        }
        self.payloads.read(entry.place, (entry.kept as usize).min(most))
    }

    /// Returns everything kept about a message, with at most `most` bytes of its payload.
    pub fn record(&mut self, number: u32, most: usize) -> Option<Record> {
        let entry = *self.entries.get(number as usize)?;
        let from = entry.from()?;
        if entry.what != EntryKind::Message {
            return None;
        }
        let at = At { packet: entry.packet, time: entry.time };
        let mut record = Record { first: at, known: at.packet, ..Record::default() };
        match self.payloads.read(entry.place.saturating_add(u64::from(entry.kept)), usize::from(entry.tail)) {
            Some(tail) => drop(record::take_tail(at, from, tail, &mut record)),
            None => record.dropped = true,
        }
        match self.payloads.read(entry.place, (entry.kept as usize).min(most)) {
            Some(payload) => record.payload.extend_from_slice(payload),
            None => record.dropped = true,
        }
        Some(record)
    }

    /// Returns the meaning of a message in its sub-protocol; bodies within the payload have to be supplied separately.
    pub fn meaning(&mut self, number: u32) -> Option<StoredMeaning> {
        let entry = *self.entries.get(number as usize)?;
        let length = Some(entry.meaning()).filter(|length| *length > 0)?;
        let place = entry.place.saturating_add(u64::from(entry.kept)).saturating_add(u64::from(entry.tail));
        self.payloads.read(place, length).and_then(StoredMeaning::read)
    }

    /// Returns the memory use in bytes.
    pub fn allocated(&self) -> u64 {
        self.overhead().saturating_add(self.payloads.allocated())
    }

    /// Returns the number of payload bytes in the temporary file and the number dropped.
    pub fn spooled(&self) -> (u64, u64) {
        self.payloads.spooled()
    }

    /// Returns the highest packet number seen.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Returns the error of the temporary file, if any.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn overhead(&self) -> u64 {
        let lists = self.entries.allocated().saturating_add(self.anomalies.allocated());
        // Each entry has a number in its conversation's list, and each anomaly one in that of the anomalies.
        let numbers = self.entries.len().saturating_mul(4).saturating_add(self.anomaly_entries.allocated());
        (lists.saturating_add(numbers) as u64).saturating_add(self.weight)
    }

    /// Returns a chunk that must leave memory. Write it without holding the store, then call [`Store::wrote`].
    pub(super) fn job(&mut self) -> Option<Job> {
        let memory = self.bounds.memory.saturating_sub(self.overhead());
        let job = self.payloads.job(memory, self.bounds.spool);
        self.hear();
        job
    }

    pub(super) fn wrote(&mut self, done: Done) {
        self.payloads.done(done);
        self.hear();
    }

    fn hear(&mut self) {
        if let Some(e) = self.payloads.failure() {
            self.trouble =
                Some(format!("old payloads are dropped: the temporary file cannot be written: {e}"));
        }
    }

    fn take(&mut self, batch: &Batch, item: &Item) {
        self.packets = self.packets.max(item.at.packet);
        if let (Owned::Unshown(unshown), Some(conn)) = (&item.what, item.conn) {
            // A connection without a WebSocket is neither a row nor a conversation.
            if self.unshown.len() < self.bounds.unshown {
                self.unshown.push((conn, (**unshown).clone()));
            }
            return;
        }
        let slot = item.conn.map(|id| self.slot(id, item.at));
        match &item.what {
            Owned::Frame(frame) => self.frame(slot, frame),
            Owned::Message(draft) => self.message(slot, item, draft, batch),
            Owned::Attempt(attempt) => {
                let mut entry = Entry::new(EntryKind::Opened, item.at, item.known);
                let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
                if let Some(conversation) = self.conversation_mut(slot) {
                    conversation.state = if attempt.is_granted() { State::Open } else { State::Failed };
                    conversation.names.push((number, event::Conversation::of(attempt.opening())));
                    let before = conversation.opened.replace(attempt.clone());
                    conversation.earlier.extend(before.map(|before| *before));
                    entry.length = conversation.earlier.len() as u64;
                    let weight = conversation.weight() as u64;
                    self.weight = self.weight.saturating_add(weight);
                }
                self.push(slot, entry);
            }
            Owned::Closed(closed) => {
                if let Some(conversation) = self.conversation_mut(slot) {
                    if conversation.state == State::Open {
                        // The capture ended before the conversation was closed.
                        conversation.state = if closed.is_seen() { State::Closed } else { State::Open };
                    }
                    conversation.closed = Some(closed.clone());
                    conversation.pending = Pair::default();
                }
                self.push(slot, Entry::new(EntryKind::Closed, item.at, item.known));
            }
            Owned::Unshown(_) => {}
            Owned::Anomaly(from, anomaly) => self.anomaly(slot, item, *from, anomaly),
        }
    }

    fn slot(&mut self, id: ConnId, at: At) -> u32 {
        if let Some((last, slot)) = self.last
            && last == id
        {
            return slot;
        }
        let next = u32::try_from(self.conversations.len()).unwrap_or(u32::MAX);
        let slot = *self.slots.entry(id).or_insert(next);
        if slot == next {
            self.conversations.push(Conversation::new(id, at));
        }
        self.last = Some((id, slot));
        slot
    }

    fn conversation_mut(&mut self, slot: Option<u32>) -> Option<&mut Conversation> {
        self.conversations.get_mut(slot? as usize)
    }

    fn frame(&mut self, slot: Option<u32>, frame: &Frame) {
        let most = self.bounds.frames;
        let Some(conversation) = self.conversation_mut(slot) else { return };
        let opcode = frame.header.opcode;
        let pending = conversation.pending(frame.from, opcode);
        if !opcode.is_control() && opcode != Opcode::CONTINUATION {
            pending.count = 0;
            pending.bytes.clear();
        }
        if pending.count < most {
            pending.count = pending.count.saturating_add(1);
            record::put_frame(frame, &mut pending.bytes);
        }
    }

    fn message(&mut self, slot: Option<u32>, item: &Item, draft: &Draft, batch: &Batch) {
        let [payload, meaning, fields] = batch.parts(draft);
        let (mut tail, mut written) = (std::mem::take(&mut self.tail), std::mem::take(&mut self.frame));
        tail.clear();
        written.clear();
        let mut frames = 0;
        if let Some(frame) = &draft.frame {
            frames = 1;
            record::put_frame(frame, &mut written);
        } else if let Some(conversation) = self.conversation_mut(slot) {
            let pending = conversation.pending(draft.from, draft.opcode);
            frames = std::mem::take(&mut pending.count);
            written.extend_from_slice(&pending.bytes);
            pending.bytes.clear();
            pending.bytes.shrink_to(1024);
        }
        let missing = draft.missing.as_deref().unwrap_or_default();
        let &Draft { number, delta, .. } = draft;
        let facts = Tail { first: draft.wire.first, known: item.known, number, delta, missing, fields };
        record::put_tail(item.at, &facts, (frames, &written), &mut tail);
        let place = self.payloads.push([payload, &tail, meaning]);
        let rtt = draft.rtt.map(Entry::split_rtt);
        let extra = rtt.map(|(_, low)| low).or(draft.close.map(u32::from));
        let frames = u16::try_from(draft.wire.frames).unwrap_or(u16::MAX);
        // A control frame has no meaning in a sub-protocol.
        let means = !meaning.is_empty() && extra.is_none();
        let entry = Entry {
            length: draft.length,
            place,
            kept: draft.kept,
            wire: u32::try_from(draft.wire.bytes).unwrap_or(u32::MAX),
            extra: extra.unwrap_or(if means { draft.meaning.length } else { 0 }),
            frames: rtt.map_or(frames, |(high, _)| high),
            facts: draft
                .facts()
                .with(Facts::EXTRA, extra.is_some())
                .with(Facts::MEANING, means)
                .with(draft.meaning.facts, means),
            opcode: draft.opcode.0 & 0x0f | if draft.from == Side::Server { SERVER } else { 0 },
            tail: u16::try_from(tail.len()).unwrap_or(u16::MAX),
            ..Entry::new(EntryKind::Message, item.at, item.known)
        };
        (self.tail, self.frame) = (tail, written);
        self.count(slot, draft);
        self.push(slot, entry);
    }

    /// Adds a message to the totals.
    fn count(&mut self, slot: Option<u32>, draft: &Draft) {
        let mut all = self.totals;
        if let Some(conversation) = self.conversation_mut(slot) {
            for totals in [&mut conversation.totals[draft.from], &mut all[draft.from]] {
                totals.messages = totals.messages.saturating_add(1);
                totals.frames = totals.frames.saturating_add(draft.wire.frames);
                totals.bytes = totals.bytes.saturating_add(draft.length);
                totals.wire_bytes = totals.wire_bytes.saturating_add(draft.wire.bytes);
            }
        }
        self.totals = all;
    }

    fn anomaly(&mut self, slot: Option<u32>, item: &Item, from: Option<Side>, anomaly: &Anomaly) {
        let code = anomaly.code();
        let grade = match anomaly.severity() {
            Severity::Note => 0,
            Severity::Warning => 1,
            Severity::Error => 2,
        };
        let extra = Anomaly::RULES.iter().position(|rule| rule.code == code).unwrap_or(usize::MAX);
        let kept = self.anomalies.len() < self.bounds.anomalies;
        let entry = Entry {
            length: if kept { self.anomalies.len() as u64 } else { u64::MAX },
            extra: u32::try_from(extra).unwrap_or(u32::MAX),
            opcode: match from {
                Some(Side::Client) => 0,
                Some(Side::Server) => SERVER,
                None => NOBODY,
            },
            ..Entry::new(EntryKind::Anomaly, item.at, item.known)
        };
        if kept {
            self.anomalies.push(StoredAnomaly { from, anomaly: Box::new(anomaly.clone()) });
            self.weight = self.weight.saturating_add(160);
        }
        let one = |counts: &mut [u64; 3]| {
            if let Some(count) = counts.get_mut(grade) {
                *count = count.saturating_add(1);
            }
        };
        one(&mut self.counts);
        if let Some(conversation) = self.conversation_mut(slot) {
            one(&mut conversation.anomalies);
        }
        self.anomaly_entries.push(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.push(slot, entry);
    }

    fn push(&mut self, slot: Option<u32>, entry: Entry) {
        let Ok(number) = u32::try_from(self.entries.len()) else { return };
        let latest = number.checked_sub(1).and_then(|last| self.entry(last));
        let order = latest.map_or(entry.time, |latest| latest.order.max(entry.time));
        let entry = Entry { conversation: slot.unwrap_or(u32::MAX), order, ..entry };
        self.earliest = Some(self.earliest.map_or(entry.time, |earliest| earliest.min(entry.time)));
        self.max_delay = self.max_delay.max(order.since(entry.time));
        if let Some(column) = self.rates.at(entry.time) {
            column.count(&entry);
        }
        self.entries.push(entry);
        if let Some(conversation) = self.conversation_mut(slot) {
            conversation.times.1 = conversation.times.1.max(entry.time);
            conversation.entries.push(number);
        }
    }
}
