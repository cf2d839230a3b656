//! Searching: the next message that matches, and the number of matches.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use ahash::RandomState;

use super::clock::grouped;
use super::document::HITS;
use super::effect::{Arrival, Effect};
use super::patched;
use super::pattern::Pattern;
use super::rows::{Rows, Slice};
use super::words::Words;
use crate::store::{EntryKind, Facts, PayloadLocation, Store};
use crate::text;

/// An incremental search for the next hit.
#[derive(Debug)]
struct SearchCursor {
    forward: bool,
    /// The next row to examine; past the last row, the search waits for more.
    next: usize,
    looked: usize,
    /// The number of messages that could not be examined.
    unseen: u64,
    wrapped: bool,
}

/// The hits of a search in all rows, counted incrementally.
#[derive(Debug, Default)]
pub(super) struct SearchHits {
    /// The matching entries in row order, each with the cumulative number of hits.
    hits: Vec<(u32, u64)>,
    /// The indices of entries in `hits`.
    places: HashMap<u32, usize, RandomState>,
    looked: usize,
    /// The number of messages that could not be examined because their payloads were dropped.
    unseen: u64,
    /// The version of the rows that were examined.
    of: u64,
    /// The entry found after wrapping.
    wrapped: Option<u32>,
}

/// The result of examining a message.
enum Examination {
    Hits(usize),
    Nothing,
    /// The payload was dropped.
    Dropped,
}

/// Counts the hits of `pattern` in an entry, up to `most`.
fn look(store: &mut Store, number: u32, pattern: &Pattern, most: usize) -> Examination {
    let Some(entry) = store.entry(number).copied() else { return Examination::Nothing };
    if entry.what() != EntryKind::Message {
        return Examination::of(pattern.count(&Words::of(store, &entry).bytes(), most));
    }
    if store.kept(&entry) == PayloadLocation::Dropped {
        return Examination::Dropped;
    }
    let found = if entry.facts().has(Facts::MISSING) {
        let record = store.record(number, usize::MAX);
        record.map(|record| patched::count(pattern, &record.payload, &record.missing, most))
    } else {
        store.payload(number, usize::MAX).map(|payload| pattern.count(payload, most))
    };
    // The text of a row may not occur in the payload.
    let found = found.map(|hits| match hits {
        0 => Words::of_meaning(store, number).map_or(0, |(kind, words)| {
            pattern.count(&[kind.bytes, b" ".to_vec(), words.bytes()].concat(), most)
        }),
        hits => hits,
    });
    found.map_or(Examination::Dropped, Examination::of)
}

impl Examination {
    const fn of(hits: usize) -> Examination {
        if hits == 0 { Examination::Nothing } else { Examination::Hits(hits) }
    }
}

impl SearchHits {
    /// Returns whether an entry is a known hit.
    pub(super) fn has(&self, number: u32) -> bool {
        self.place(number).is_some()
    }

    /// Returns the index of an entry in `hits`.
    fn place(&self, number: u32) -> Option<usize> {
        self.places.get(&number).copied()
    }

    /// Returns the number of hits before the entry at index `place`.
    fn before(&self, place: usize) -> u64 {
        place.checked_sub(1).and_then(|at| self.hits.get(at)).map_or(0, |(_, hits)| *hits)
    }

    fn is_behind(&self, rows: &Rows) -> bool {
        self.looked < rows.len() || self.of != rows.version()
    }

    fn work(&mut self, rows: &Rows, store: &mut Store, pattern: &Pattern, until: Instant) {
        if self.of != rows.version() {
            *self = SearchHits { of: rows.version(), ..SearchHits::default() };
        }
        let mut slice = Slice::until(until);
        while let Some(number) = rows.get(store, self.looked) {
            self.looked = self.looked.saturating_add(1);
            match look(store, number, pattern, HITS) {
                Examination::Hits(hits) => {
                    let before = self.hits.last().map_or(0, |(_, hits)| *hits);
                    self.places.insert(number, self.hits.len());
                    self.hits.push((number, before.saturating_add(hits as u64)));
                }
                Examination::Nothing => {}
                Examination::Dropped => self.unseen = self.unseen.saturating_add(1),
            }
            if slice.is_over(store, number) {
                return;
            }
        }
    }
}

/// The source of further rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowSource {
    Nothing,
    /// The rest of a file.
    File,
    /// A live capture.
    Live,
}

/// The search: its pattern and its progress.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) pattern: Option<Pattern>,
    pub(super) tally: SearchHits,
    hunt: Option<SearchCursor>,
}

impl Search {
    pub(super) fn new(pattern: Pattern) -> Search {
        Search { pattern: Some(pattern), ..Search::default() }
    }

    /// Returns whether there are rows to examine.
    pub(super) fn is_busy(&self, rows: &Rows) -> bool {
        self.hunt.as_ref().is_some_and(|hunt| hunt.next < rows.len())
            || self.pattern.is_some() && self.tally.is_behind(rows)
    }

    /// Starts to search for the next row that matches.
    pub(super) fn seek(&mut self, rows: &Rows, at: usize, forward: bool) {
        if self.pattern.is_some() && rows.len() > 0 {
            let (next, wrapped) = beside(rows, at, forward);
            self.hunt = Some(SearchCursor { forward, next, looked: 0, unseen: 0, wrapped });
        }
    }

    /// Continues the search for the next hit, then the count of all hits.
    pub(super) fn work(
        &mut self,
        rows: &Rows,
        store: &mut Store,
        until: Instant,
        row_source: RowSource,
    ) -> Effect {
        let Some(pattern) = self.pattern.clone() else {
            self.hunt = None;
            return Effect::None;
        };
        let mut slice = Slice::until(until);
        while let Some(hunt) = self.hunt.as_mut().filter(|hunt| hunt.next < rows.len()) {
            let Some(number) = rows.get(store, hunt.next) else { return Effect::None };
            match look(store, number, &pattern, 1) {
                Examination::Hits(_) => {
                    let arrival = if hunt.forward { Arrival::FirstHit } else { Arrival::LastHit };
                    let (row, wrapped) = (hunt.next, hunt.wrapped);
                    self.tally.wrapped = wrapped.then_some(number);
                    self.hunt = None;
                    return Effect::Hit(row, arrival);
                }
                Examination::Nothing => {}
                Examination::Dropped => hunt.unseen = hunt.unseen.saturating_add(1),
            }
            hunt.looked = hunt.looked.saturating_add(1);
            if hunt.looked >= rows.len() {
                return self.found_nothing(rows, row_source);
            }
            // Wraps at the end of the rows.
            let (next, wrapped) = beside(rows, hunt.next, hunt.forward);
            (hunt.next, hunt.wrapped) = (next, hunt.wrapped || wrapped);
            if slice.is_over(store, number) {
                return Effect::None;
            }
        }
        self.tally.work(rows, store, &pattern, until);
        Effect::None
    }

    /// Reports that no row matches, or waits for more rows of a file being read.
    fn found_nothing(&mut self, rows: &Rows, row_source: RowSource) -> Effect {
        let (length, unseen) = (rows.len(), self.hunt.take().map_or(0, |hunt| hunt.unseen));
        let mut words = "not found".to_owned();
        match row_source {
            RowSource::Nothing => {}
            RowSource::File => {
                let hunt =
                    SearchCursor { forward: true, next: length, looked: length, unseen, wrapped: false };
                self.hunt = Some(hunt);
                return Effect::None;
            }
            RowSource::Live => {
                let _ = write!(words, " among the {} so far", text::counted(length as u64, "row"));
            }
        }
        if unseen > 0 {
            let messages = text::counted(unseen, "message");
            let _ = write!(words, "; {messages} could not be looked at: payloads dropped");
        }
        Effect::Say(words)
    }

    /// Ends a waiting search if no more rows can follow.
    pub(super) fn end_wait(&mut self, rows: &Rows, row_source: RowSource) -> Effect {
        if self.waits(rows) && row_source == RowSource::Nothing && !rows.is_behind() {
            return self.found_nothing(rows, row_source);
        }
        Effect::None
    }

    /// Returns whether the search waits for more rows.
    pub(super) fn waits(&self, rows: &Rows) -> bool {
        self.hunt.as_ref().is_some_and(|hunt| hunt.next >= rows.len())
    }

    /// Stops the search for the next hit; returns whether there was one.
    pub(super) fn stop(&mut self) -> bool {
        self.hunt.take().is_some()
    }

    /// Describes the state of the search, with `entry` selected and its hit `hit` current: `hit 3 of 17`.
    pub(super) fn words(
        &self,
        rows: &Rows,
        entry: Option<u32>,
        hit: Option<usize>,
        row_source: RowSource,
    ) -> String {
        if let Some(hunt) = self.hunt.as_ref().filter(|_| !self.waits(rows)) {
            let part = hunt.looked as f64 * 100.0 / (rows.len().max(1) as f64);
            return format!("searching {part:.0} %");
        }
        let tally = &self.tally;
        let more = if tally.is_behind(rows) || row_source != RowSource::Nothing { "+" } else { "" };
        let messages = tally.hits.len() as u64;
        let hits = tally.hits.last().map_or(0, |(_, hits)| *hits);
        let mut words = match entry.and_then(|number| tally.place(number)) {
            _ if self.waits(rows) => "not found so far, more is being loaded".to_owned(),
            Some(at) => {
                let hit = tally.before(at).saturating_add(hit.unwrap_or(0) as u64);
                let [hit, row] = [hit, at as u64].map(|n| grouped(n.saturating_add(1)));
                format!("hit {hit} of {}{more}, row {row} of {}{more}", grouped(hits), grouped(messages))
            }
            None => {
                format!("{}{more} in {}{more}", text::counted(hits, "hit"), text::counted(messages, "row"))
            }
        };
        if tally.wrapped.is_some() && tally.wrapped == entry {
            words.push_str(", wrapped");
        }
        if tally.unseen > 0 {
            let _ = write!(words, ", {} dropped", text::counted(tally.unseen, "payload"));
        }
        words
    }
}

/// Returns the next or previous row, and whether it was reached by wrapping.
fn beside(rows: &Rows, at: usize, forward: bool) -> (usize, bool) {
    let last = rows.len().saturating_sub(1);
    match forward {
        true if at >= last => (0, true),
        true => (at.saturating_add(1), false),
        false => at.checked_sub(1).map_or((last, true), |next| (next, false)),
    }
}
