use std::time::Instant;

use super::matcher::Matcher;
use crate::model::Timestamp;
use crate::store::Store;

/// Ends a slice of work in time, without asking the clock for every small message.
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

/// Says which entries the timeline shows, and finds them bit by bit.
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
    /// The part of the scope that the range leaves, and how much of it was there.
    low: usize,
    high: usize,
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

    fn begin(&mut self, store: &Store) {
        self.hits.clear();
        self.refresh(store);
        self.looked = self.low;
    }

    /// Takes note of what has come.
    pub(super) fn refresh(&mut self, store: &Store) {
        let length = self.scope_length(store);
        (self.low, self.high) = match self.range {
            None => (0, length),
            Some((from, to)) => {
                let (first, last) = (
                    store.before(from),
                    store.before(Timestamp::from_nanos(to.as_nanos().saturating_add(1))),
                );
                (self.place(store, first), self.place(store, last))
            }
        };
    }

    fn scope_length(&self, store: &Store) -> usize {
        match self.scope {
            None => store.len(),
            Some(slot) => {
                store.conversations().get(slot as usize).map_or(0, crate::store::Conversation::entries)
            }
        }
    }

    /// Returns how many entries of the scope stand before entry `number`.
    fn place(&self, store: &Store, number: u32) -> usize {
        match self.scope {
            None => number as usize,
            Some(slot) => store.conversations().get(slot as usize).map_or(0, |c| c.place_of(number)),
        }
    }

    fn scoped(&self, store: &Store, at: usize) -> Option<u32> {
        match self.scope {
            None => u32::try_from(at).ok().filter(|_| at < store.len()),
            Some(slot) => store.conversations().get(slot as usize)?.entry(at),
        }
    }

    /// Returns how many rows there are, as far as is known.
    pub(super) fn len(&self) -> usize {
        if self.filter.is_some() { self.hits.len() } else { self.high.saturating_sub(self.low) }
    }

    /// Returns the entry in a row.
    pub(super) fn get(&self, store: &Store, row: usize) -> Option<u32> {
        if self.filter.is_some() {
            return self.hits.get(row).copied();
        }
        if row >= self.len() {
            return None;
        }
        self.scoped(store, self.low.saturating_add(row))
    }

    /// Returns the row of the entry `number`, or that of the first behind it.
    pub(super) fn row_of(&self, store: &Store, number: u32) -> usize {
        if self.filter.is_some() {
            return self.hits.partition_point(|hit| *hit < number);
        }
        self.place(store, number).saturating_sub(self.low).min(self.len())
    }

    /// Tells whether the filter has not looked at everything yet.
    pub(super) fn is_behind(&self) -> bool {
        self.filter.is_some() && self.looked < self.high
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
            if let Some(filter) = &mut self.filter
                && filter.matches(store, number)
            {
                self.hits.push(number);
            }
            if slice.is_over(store, number) {
                return;
            }
        }
    }
}
