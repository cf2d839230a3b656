use std::cmp::Reverse;
use std::ops::Range;
use std::time::Instant;

use super::keys::next_of;
use super::matcher::Matcher;
use crate::model::Timestamp;
use crate::store::{EntryKind, Facts, Store};

/// A slice of work that ends in time, without asking the clock for every small message.
pub(super) struct Slice {
    until: Instant,
    done: u32,
}

impl Slice {
    pub(super) const fn until(until: Instant) -> Slice {
        Slice { until, done: 0 }
    }

    /// Returns whether the time is over, now that an entry was looked at.
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

/// The key that the timeline is sorted by.
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

    /// Returns what an entry is sorted by; `None` where it has nothing of the kind.
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

/// The choice of rows that are shown.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The conversation shown; `None` for all.
    pub(super) scope: Option<u32>,
    /// The stretch of time shown; `None` for all.
    pub(super) range: Option<(Timestamp, Timestamp)>,
    pub(super) filter: Option<Matcher>,
    /// What only keeps a connection alive is left out, and parts of what a later message completes.
    pub(super) no_heartbeats: bool,
    /// What rows are sorted by, the most first; those that have nothing of it are left out.
    pub(super) order: RowOrder,
}

/// The entries that the timeline shows, found bit by bit.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) chosen: Chosen,
    /// What the entries that were let through are sorted by.
    keys: Vec<(Reverse<u64>, u32)>,
    /// How many entries of each conversation the filter let through, where it looked at all of them.
    passed: Vec<u32>,
    /// What the filter let through, and how far it looked.
    hits: Vec<u32>,
    looked: usize,
    /// How many payloads the filter asks about were dropped before it looked.
    unseen: u64,
    /// Counts how often something else was to be shown.
    version: u64,
    /// The part of the scope that the range leaves, and how much of it was there.
    low: usize,
    high: usize,
    /// Some of that part happened outside of the range, for it was told late.
    late: bool,
}

impl Rows {
    /// Changes the choice, and begins to look for the rows.
    pub(super) fn choose(&mut self, store: &Store, change: impl FnOnce(&mut Chosen)) {
        change(&mut self.chosen);
        self.begin(store);
    }

    pub(super) fn set_filter(&mut self, filter: Option<Matcher>, store: &Store) {
        self.choose(store, |it| it.filter = filter);
        self.passed.clear();
    }

    /// Returns whether rows stand in the order of time.
    pub(super) fn is_in_time(&self) -> bool {
        self.chosen.order == RowOrder::Time
    }

    /// Returns how many entries of a conversation the filter lets through; `None` without a filter, or where it did not
    /// look at all conversations.
    pub(super) fn passed_of(&self, slot: u32) -> Option<u64> {
        let is_known = self.chosen.filter.is_some() && !self.passed.is_empty();
        is_known.then(|| self.passed.get(slot as usize).copied().unwrap_or(0).into())
    }

    /// Returns how many entries of all conversations the filter lets through, as [`Rows::passed_of`] does of one.
    pub(super) fn passed(&self) -> Option<u64> {
        let is_known = self.chosen.filter.is_some() && !self.passed.is_empty();
        is_known.then(|| self.passed.iter().fold(0, |sum: u64, count| sum.saturating_add((*count).into())))
    }

    /// Returns a number that changes when other rows are to be shown, but not when some come behind them.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Returns how many messages the filter could not look at, for their payloads were dropped.
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
        self.late = self.chosen.range.is_some() && !store.lateness().is_zero();
        self.bound(store);
        self.looked = self.low;
    }

    /// Takes note of what has come.
    pub(super) fn refresh(&mut self, store: &Store) {
        if self.chosen.range.is_some() && !self.late && !store.lateness().is_zero() {
            return self.begin(store);
        }
        self.bound(store);
    }

    /// Returns whether rows are chosen one by one.
    const fn sifts(&self) -> bool {
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
                let Range { start, end } = store.around(from, to);
                (self.place(store, start), self.place(store, end))
            }
        };
    }

    /// Returns how many entries there are without filter and range.
    pub(super) fn scope_length(&self, store: &Store) -> usize {
        match self.chosen.scope {
            None => store.len(),
            Some(slot) => store.conversation(slot).map_or(0, crate::store::Conversation::entries),
        }
    }

    /// Returns how many entries of the scope stand before entry `number`.
    pub(super) fn place(&self, store: &Store, number: u32) -> usize {
        match self.chosen.scope {
            None => number as usize,
            Some(slot) => store.conversation(slot).map_or(0, |c| c.place_of(number)),
        }
    }

    /// Returns one of the entries that there are without filter and range.
    pub(super) fn scoped(&self, store: &Store, at: usize) -> Option<u32> {
        match self.chosen.scope {
            None => u32::try_from(at).ok().filter(|_| at < store.len()),
            Some(slot) => store.conversation(slot)?.entry(at),
        }
    }

    /// Returns how many rows there are, as far as is known.
    pub(super) fn len(&self) -> usize {
        if self.sifts() { self.hits.len() } else { self.high.saturating_sub(self.low) }
    }

    /// Returns the entry in a row.
    pub(super) fn get(&self, store: &Store, row: usize) -> Option<u32> {
        if self.sifts() {
            return self.hits.get(row).copied();
        }
        if row >= self.len() {
            return None;
        }
        self.scoped(store, self.low.saturating_add(row))
    }

    /// Returns the row of the entry `number`, or that of the first behind it.
    pub(super) fn row_of(&self, store: &Store, number: u32) -> usize {
        if !self.is_in_time() {
            let at = self.hits.iter().position(|hit| *hit == number);
            return at.unwrap_or(0);
        }
        if self.sifts() {
            return self.hits.partition_point(|hit| *hit < number);
        }
        self.place(store, number).saturating_sub(self.low).min(self.len())
    }

    /// Returns whether not everything was looked at yet.
    pub(super) const fn is_behind(&self) -> bool {
        self.sifts() && self.looked < self.high
    }

    /// Returns how far the filter looked, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        let all = self.high.saturating_sub(self.low).max(1) as f64;
        self.looked.saturating_sub(self.low) as f64 / all
    }

    /// Lets the filter look at more, until `until`.
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
                self.let_through(store, number, slot);
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

    fn let_through(&mut self, store: &mut Store, number: u32, slot: Option<u32>) {
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
