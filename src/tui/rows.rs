use std::cmp::Reverse;
use std::ops::Range;
use std::time::Instant;

use super::keys::next_of;
use super::matcher::Matcher;
use crate::model::Timestamp;
use crate::store::{EntryKind, Facts, Store};

/// A time slice for work on entries, which checks the clock only now and then for small messages.
pub(super) struct Slice {
    until: Instant,
    done: u32,
}

impl Slice {
    pub(super) const fn until(until: Instant) -> Slice {
        Slice { until, done: 0 }
    }

    /// Returns whether the time is over, after an entry was examined.
    pub(super) fn is_over(&mut self, store: &Store, number: u32) -> bool {
        let bytes = store.entry(number).map_or(0, crate::store::Entry::kept);
        self.done = self.done.saturating_add(256).saturating_add(bytes);
        if self.done < 64 << 10 {
            return false;
        }
        self.done = 0;
        Instant::now() >= self.until
    }
}

/// The sort order of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowOrder {
    #[default]
    Time,
    Size,
    RoundTrip,
    Gap,
    Latency,
}

impl RowOrder {
    const ALL: [(RowOrder, &'static str); 5] = [
        (RowOrder::Time, "time"),
        (RowOrder::Size, "size"),
        (RowOrder::RoundTrip, "round trip"),
        (RowOrder::Gap, "gap before"),
        (RowOrder::Latency, "latency"),
    ];

    pub(super) fn next(self) -> RowOrder {
        next_of(&RowOrder::ALL.map(|(order, _)| order), self)
    }

    pub(super) fn name(self) -> &'static str {
        RowOrder::ALL.iter().find(|(order, _)| *order == self).map_or("", |(_, name)| name)
    }

    /// Returns the sort key of an entry, or `None` if it has none.
    fn key(self, store: &mut Store, number: u32) -> Option<u64> {
        let entry = store.entry(number).copied().filter(|entry| entry.what() == EntryKind::Message)?;
        let span = match self {
            RowOrder::Time => return Some(0),
            RowOrder::Size => return Some(entry.length()),
            RowOrder::RoundTrip => entry.rtt()?,
            RowOrder::Gap => store.delta(number)?,
            RowOrder::Latency => {
                let meaning = store.meaning(number).filter(|_| entry.facts().has(Facts::ANSWER))?;
                meaning.of(&[]).units().filter_map(|unit| unit.latency()).max()?
            }
        };
        u64::try_from(span.as_nanos()).ok()
    }
}

/// The selection criteria for the rows.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The conversation shown; `None` for all.
    pub(super) scope: Option<u32>,
    /// The time range shown; `None` for all.
    pub(super) range: Option<(Timestamp, Timestamp)>,
    pub(super) filter: Option<Matcher>,
    /// Whether heartbeats and parts of later messages are omitted.
    pub(super) no_heartbeats: bool,
    /// The sort order, highest first; entries without a key are omitted.
    pub(super) order: RowOrder,
}

/// The entries shown in the timeline, determined incrementally.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) chosen: Chosen,
    /// The sort keys of the entries that passed the filter.
    keys: Vec<(Reverse<u64>, u32)>,
    /// The number of entries that passed the filter in each conversation, if all conversations were examined.
    passed: Vec<u32>,
    /// The entries that passed the filter, and the number examined.
    hits: Vec<u32>,
    looked: usize,
    /// The number of dropped payloads that the filter depends on.
    unseen: u64,
    /// The number of changes of the criteria.
    version: u64,
    /// The part of the scope selected by the range.
    low: usize,
    high: usize,
    /// Whether some entries of that part may be outside of the range because they were reported late.
    late: bool,
}

impl Rows {
    /// Changes the criteria, and begins to determine the rows.
    pub(super) fn choose(&mut self, store: &Store, change: impl FnOnce(&mut Chosen)) {
        change(&mut self.chosen);
        self.begin(store);
    }

    pub(super) fn set_filter(&mut self, filter: Option<Matcher>, store: &Store) {
        self.choose(store, |it| it.filter = filter);
        self.passed.clear();
    }

    /// Returns whether rows are ordered by time.
    pub(super) fn is_in_time(&self) -> bool {
        self.chosen.order == RowOrder::Time
    }

    /// Returns the number of entries of a conversation that pass the filter, or `None` without a filter or if not all
    /// conversations were examined.
    pub(super) fn passed_of(&self, slot: u32) -> Option<u64> {
        let is_known = self.chosen.filter.is_some() && !self.passed.is_empty();
        is_known.then(|| self.passed.get(slot as usize).copied().unwrap_or(0).into())
    }

    /// Returns the number of entries of all conversations that pass the filter, like [`Rows::passed_of`].
    pub(super) fn passed(&self) -> Option<u64> {
        let is_known = self.chosen.filter.is_some() && !self.passed.is_empty();
        is_known.then(|| self.passed.iter().fold(0, |sum: u64, count| sum.saturating_add((*count).into())))
    }

    /// Returns a number that changes when different rows are to be shown, but not when rows are appended.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns the number of messages that the filter could not examine because their payloads were dropped.
    pub(super) const fn unseen(&self) -> u64 {
        self.unseen
    }

    fn begin(&mut self, store: &Store) {
        self.version = self.version.wrapping_add(1);
        self.unseen = 0;
        self.hits.clear();
        self.keys.clear();
        if self.chosen.scope.is_none() && self.chosen.range.is_none() {
            self.passed.clear();
        }
        self.late = self.chosen.range.is_some() && !store.max_delay().is_zero();
        self.bound(store);
        self.looked = self.low;
    }

    /// Updates the rows after the store has grown.
    pub(super) fn refresh(&mut self, store: &Store) {
        if self.chosen.range.is_some() && !self.late && !store.max_delay().is_zero() {
            return self.begin(store);
        }
        self.bound(store);
    }

    /// Returns whether entries are examined individually.
    const fn is_selective(&self) -> bool {
        self.chosen.filter.is_some()
            || self.late
            || self.chosen.no_heartbeats
            || !matches!(self.chosen.order, RowOrder::Time)
    }

    fn bound(&mut self, store: &Store) {
        let length = self.scope_length(store);
        (self.low, self.high) = match self.chosen.range {
            None => (0, length),
            Some((from, to)) => {
                let Range { start, end } = store.range_containing(from, to);
                (self.place(store, start), self.place(store, end))
            }
        };
    }

    /// Returns the number of entries in the scope, ignoring filter and range.
    pub(super) fn scope_length(&self, store: &Store) -> usize {
        match self.chosen.scope {
            None => store.len(),
            Some(slot) => store.conversation(slot).map_or(0, crate::store::Conversation::entries),
        }
    }

    /// Returns the number of entries of the scope before entry `number`.
    pub(super) fn place(&self, store: &Store, number: u32) -> usize {
        match self.chosen.scope {
            None => number as usize,
            Some(slot) => store.conversation(slot).map_or(0, |c| c.place_of(number)),
        }
    }

    /// Returns the entry at index `at` of the scope, ignoring filter and range.
    pub(super) fn scoped(&self, store: &Store, at: usize) -> Option<u32> {
        match self.chosen.scope {
            None => u32::try_from(at).ok().filter(|_| at < store.len()),
            Some(slot) => store.conversation(slot)?.entry(at),
        }
    }

    /// Returns the number of rows known so far.
    pub(super) fn len(&self) -> usize {
        if self.is_selective() { self.hits.len() } else { self.high.saturating_sub(self.low) }
    }

    /// Returns the entry of a row.
    pub(super) fn get(&self, store: &Store, row: usize) -> Option<u32> {
        if self.is_selective() {
            return self.hits.get(row).copied();
        }
        if row >= self.len() {
            return None;
        }
        self.scoped(store, self.low.saturating_add(row))
    }

    /// Returns the row of entry `number`, or of the first entry after it.
    pub(super) fn row_of(&self, store: &Store, number: u32) -> usize {
        if !self.is_in_time() {
            let at = self.hits.iter().position(|hit| *hit == number);
            return at.unwrap_or(0);
        }
        if self.is_selective() {
            return self.hits.partition_point(|hit| *hit < number);
        }
        self.place(store, number).saturating_sub(self.low).min(self.len())
    }

    /// Returns whether there are entries left to examine.
    pub(super) const fn is_behind(&self) -> bool {
        self.is_selective() && self.looked < self.high
    }

    /// Returns the progress of the filter, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        let all = self.high.saturating_sub(self.low).max(1) as f64;
        self.looked.saturating_sub(self.low) as f64 / all
    }

    /// Examines more entries, until `until`.
    pub(super) fn work(&mut self, store: &mut Store, until: Instant) {
        let mut slice = Slice::until(until);
        while self.looked < self.high {
            let at = self.looked;
            self.looked = self.looked.saturating_add(1);
            let Some(number) = self.scoped(store, at) else { continue };
            let Some(entry) = store.entry(number) else { continue };
            let is_outside =
                self.chosen.range.is_some_and(|(from, to)| entry.time() < from || entry.time() > to);
            let facts = entry.facts();
            let says_little = facts.has(Facts::HEARTBEAT) || facts.has(Facts::PART);
            if is_outside || self.chosen.no_heartbeats && says_little {
                continue;
            }
            let slot = entry.conversation();
            let passes = self.chosen.filter.as_ref().is_none_or(|filter| filter.matches(store, number));
            if let Some(filter) = &self.chosen.filter {
                self.unseen = self.unseen.saturating_add(u64::from(filter.misses(store, number)));
            }
            if passes {
                self.accept(store, number, slot);
            }
            if slice.is_over(store, number) {
                break;
            }
        }
        if !self.is_in_time() && !self.is_behind() {
            self.keys.sort_unstable();
            self.hits = self.keys.iter().map(|(_, number)| *number).collect();
        }
    }

    fn accept(&mut self, store: &mut Store, number: u32, slot: Option<u32>) {
        if let (None, None, Some(slot)) =
            (self.chosen.scope, self.chosen.range, slot.map(|slot| slot as usize))
        {
            self.passed.resize(self.passed.len().max(slot.saturating_add(1)), 0);
            if let Some(count) = self.passed.get_mut(slot) {
                *count = count.saturating_add(1);
            }
        }
        if self.is_in_time() {
            self.hits.push(number);
        } else if let Some(key) = self.chosen.order.key(store, number) {
            self.keys.push((Reverse(key), number));
        }
    }
}
