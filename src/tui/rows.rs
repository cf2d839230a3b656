use std::ops::Range;
use std::time::Instant;

use super::matcher::Matcher;
use crate::model::Timestamp;
use crate::store::Store;

/// A slice of work that ends in time, without asking the clock for every small message.
pub(super) struct Slice {
    until: Instant,
    done: u32,
}

impl Slice {
    pub(super) const fn until(until: Instant) -> Slice {
        Slice { until, done: 0 }
    }

    /// Tells whether the time is over, now that an entry was looked at.
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

/// Which entries the timeline shows, and finds them bit by bit.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The conversation shown; `None` for all.
    scope: Option<u32>,
    /// The stretch of time shown; `None` for all.
    range: Option<(Timestamp, Timestamp)>,
    filter: Option<Matcher>,
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
    pub(super) const fn scope(&self) -> Option<u32> {
        self.scope
    }

    pub(super) const fn range(&self) -> Option<(Timestamp, Timestamp)> {
        self.range
    }

    pub(super) const fn is_filtered(&self) -> bool {
        self.filter.is_some()
    }

    pub(super) fn set_scope(&mut self, scope: Option<u32>, store: &Store) {
        self.scope = scope;
        self.begin(store);
    }

    pub(super) fn set_range(&mut self, range: Option<(Timestamp, Timestamp)>, store: &Store) {
        self.range = range;
        self.begin(store);
    }

    pub(super) fn set_filter(&mut self, filter: Option<Matcher>, store: &Store) {
        self.filter = filter;
        self.begin(store);
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
        self.late = self.range.is_some() && !store.lateness().is_zero();
        self.bound(store);
        self.looked = self.low;
    }

    /// Takes note of what has come.
    pub(super) fn refresh(&mut self, store: &Store) {
        if self.range.is_some() && !self.late && !store.lateness().is_zero() {
            return self.begin(store);
        }
        self.bound(store);
    }

    /// Tells whether rows are chosen one by one.
    const fn sifts(&self) -> bool {
        self.filter.is_some() || self.late
    }

    fn bound(&mut self, store: &Store) {
        let length = self.scope_length(store);
        (self.low, self.high) = match self.range {
            None => (0, length),
            Some((from, to)) => {
                let Range { start, end } = store.around(from, to);
                (self.place(store, start), self.place(store, end))
            }
        };
    }

    /// Returns how many entries there are without filter and range.
    pub(super) fn scope_length(&self, store: &Store) -> usize {
        match self.scope {
            None => store.len(),
            Some(slot) => {
                store.conversations().get(slot as usize).map_or(0, crate::store::Conversation::entries)
            }
        }
    }

    /// Returns how many entries of the scope stand before entry `number`.
    pub(super) fn place(&self, store: &Store, number: u32) -> usize {
        match self.scope {
            None => number as usize,
            Some(slot) => store.conversations().get(slot as usize).map_or(0, |c| c.place_of(number)),
        }
    }

    /// Returns one of the entries that there are without filter and range.
    pub(super) fn scoped(&self, store: &Store, at: usize) -> Option<u32> {
        match self.scope {
            None => u32::try_from(at).ok().filter(|_| at < store.len()),
            Some(slot) => store.conversations().get(slot as usize)?.entry(at),
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
        if self.sifts() {
            return self.hits.partition_point(|hit| *hit < number);
        }
        self.place(store, number).saturating_sub(self.low).min(self.len())
    }

    /// Tells whether not everything was looked at yet.
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
            let time = store.entry(number).map(crate::store::Entry::time);
            if self.range.zip(time).is_some_and(|((from, to), time)| time < from || time > to) {
                continue;
            }
            if self.filter.is_none() {
                self.hits.push(number);
            }
            if let Some(filter) = &mut self.filter {
                if filter.matches(store, number) {
                    self.hits.push(number);
                }
                self.unseen = self.unseen.saturating_add(u64::from(filter.misses(store, number)));
            }
            if slice.is_over(store, number) {
                return;
            }
        }
    }
}
