use crate::filter::{Facts, Filter};
use crate::model::At;
use crate::store::{Entry, PayloadLocation, Store, What};

/// Decides which entries the timeline shows.
#[derive(Debug)]
pub(super) struct Matcher {
    filter: Filter,
    /// Whether payloads must be looked at.
    reads: bool,
}

/// Where a filter cannot be understood, and what was expected there.
#[derive(Clone, Debug)]
pub(super) struct ParseError {
    /// The column, from 0.
    pub(super) column: usize,
    pub(super) expected: String,
}

impl Matcher {
    /// Reads what was typed.
    pub(super) fn parse(text: &str) -> Result<Matcher, ParseError> {
        let filter = Filter::parse(text).map_err(|e| ParseError {
            column: e.column().saturating_sub(1),
            expected: format!("expected {}", e.expected()),
        })?;
        Ok(Matcher { reads: filter.needs_body(), filter })
    }

    /// Tells whether an entry is shown.
    pub(super) fn matches(&mut self, store: &mut Store, number: u32) -> bool {
        let (began, filter) = (store.began(), &self.filter);
        let dropped = self.misses(store, number);
        let shown = store.glimpse(number, self.reads, |event| {
            let facts = Facts::of(event, began);
            filter.matches(&if dropped { Facts { body: None, ..facts } } else { facts })
        });
        shown.unwrap_or_else(|_| {
            // Of an anomaly whose evidence is beyond the bound, enough is known for a filter.
            store.entry(number).is_some_and(|entry| {
                let at = At { packet: entry.packet(), time: entry.time() };
                let (from, anomaly) = (entry.from(), entry.anomaly());
                filter.matches(&Facts { at, began, from, anomaly, ..Facts::default() })
            })
        })
    }

    /// Tells whether it asks about a payload that was dropped.
    pub(super) fn misses(&self, store: &Store, number: u32) -> bool {
        let is_dropped =
            |entry: &Entry| entry.what() == What::Message && store.kept(entry) == PayloadLocation::Dropped;
        self.reads && store.entry(number).is_some_and(is_dropped)
    }
}
