//! Finding what was searched for: the next message that has it, and how many do.

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

/// A search for the next hit, in slices of time.
#[derive(Debug)]
struct SearchCursor {
    forward: bool,
    /// The row that is next; behind the last one it waits for more.
    next: usize,
    looked: usize,
    /// How many of them could not be looked at.
    unseen: u64,
    wrapped: bool,
}

/// A count of the rows that have what was searched for, made in slices of time.
#[derive(Debug, Default)]
pub(super) struct SearchHits {
    /// The entries that have it, in the order of the rows, and how many hits there are up to the end of each.
    hits: Vec<(u32, u64)>,
    /// Where an entry stands among them.
    places: HashMap<u32, usize, RandomState>,
    looked: usize,
    /// How many messages could not be looked at, for their payloads were dropped.
    unseen: u64,
    /// Which rows were looked at.
    of: u64,
    /// The entry that was come to beyond the end.
    wrapped: Option<u32>,
}

/// The result of a look at a message.
enum Look {
    Hits(usize),
    Nothing,
    /// The payload is not there any more.
    Dropped,
}

/// Looks for `pattern` in an entry, for `most` hits at most.
fn look(store: &mut Store, number: u32, pattern: &Pattern, most: usize) -> Look {
    let Some(entry) = store.entry(number).copied() else { return Look::Nothing };
    if entry.what() != EntryKind::Message {
        return Look::of(pattern.count(&Words::of(store, &entry).bytes(), most));
    }
    if store.kept(&entry) == PayloadLocation::Dropped {
        return Look::Dropped;
    }
    let found = if entry.facts().has(Facts::MISSING) {
        let record = store.record(number, usize::MAX);
        record.map(|record| patched::count(pattern, &record.payload, &record.missing, most))
    } else {
        store.payload(number, usize::MAX).map(|payload| pattern.count(payload, most))
    };
    // What a row says of a message need not stand so in its payload.
    let found = found.map(|hits| match hits {
        0 => Words::of_meaning(store, number).map_or(0, |(kind, words)| {
            pattern.count(&[kind.bytes, b" ".to_vec(), words.bytes()].concat(), most)
        }),
        hits => hits,
    });
    found.map_or(Look::Dropped, Look::of)
}

impl Look {
    const fn of(hits: usize) -> Look {
        if hits == 0 { Look::Nothing } else { Look::Hits(hits) }
    }
}

impl SearchHits {
    /// Returns whether an entry is known to be a hit.
    pub(super) fn has(&self, number: u32) -> bool {
        self.place(number).is_some()
    }

    /// Returns where an entry stands among those that have it.
    fn place(&self, number: u32) -> Option<usize> {
        self.places.get(&number).copied()
    }

    /// Returns how many hits there are before the entry at a place.
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
                Look::Hits(hits) => {
                    let before = self.hits.last().map_or(0, |(_, hits)| *hits);
                    self.places.insert(number, self.hits.len());
                    self.hits.push((number, before.saturating_add(hits as u64)));
                }
                Look::Nothing => {}
                Look::Dropped => self.unseen = self.unseen.saturating_add(1),
            }
            if slice.is_over(store, number) {
                return;
            }
        }
    }
}

/// The rows that come after those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coming {
    Nothing,
    /// The rest of a file.
    File,
    /// What is captured.
    Live,
}

/// The search: what is looked for, and how far that went.
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

    /// Returns whether there is something to look at.
    pub(super) fn is_busy(&self, rows: &Rows) -> bool {
        self.hunt.as_ref().is_some_and(|hunt| hunt.next < rows.len())
            || self.pattern.is_some() && self.tally.is_behind(rows)
    }

    /// Begins to look for the next row that has the pattern.
    pub(super) fn seek(&mut self, rows: &Rows, at: usize, forward: bool) {
        if self.pattern.is_some() && rows.len() > 0 {
            let (next, wrapped) = beside(rows, at, forward);
            self.hunt = Some(SearchCursor { forward, next, looked: 0, unseen: 0, wrapped });
        }
    }

    /// Goes on looking for the next hit, then for how many there are.
    pub(super) fn work(&mut self, rows: &Rows, store: &mut Store, until: Instant, coming: Coming) -> Effect {
        let Some(pattern) = self.pattern.clone() else {
            self.hunt = None;
            return Effect::None;
        };
        let mut slice = Slice::until(until);
        while let Some(hunt) = self.hunt.as_mut().filter(|hunt| hunt.next < rows.len()) {
            let Some(number) = rows.get(store, hunt.next) else { return Effect::None };
            match look(store, number, &pattern, 1) {
                Look::Hits(_) => {
                    let arrival = if hunt.forward { Arrival::FirstHit } else { Arrival::LastHit };
                    let (row, wrapped) = (hunt.next, hunt.wrapped);
                    self.tally.wrapped = wrapped.then_some(number);
                    self.hunt = None;
                    return Effect::Hit(row, arrival);
                }
                Look::Nothing => {}
                Look::Dropped => hunt.unseen = hunt.unseen.saturating_add(1),
            }
            hunt.looked = hunt.looked.saturating_add(1);
            if hunt.looked >= rows.len() {
                return self.found_nothing(rows, coming);
            }
            // Beyond the end it begins again at the other one.
            let (next, wrapped) = beside(rows, hunt.next, hunt.forward);
            (hunt.next, hunt.wrapped) = (next, hunt.wrapped || wrapped);
            if slice.is_over(store, number) {
                return Effect::None;
            }
        }
        self.tally.work(rows, store, &pattern, until);
        Effect::None
    }

    /// Says that all there is was looked at in vain, or waits for more of a file that is being read.
    fn found_nothing(&mut self, rows: &Rows, coming: Coming) -> Effect {
        let (length, unseen) = (rows.len(), self.hunt.take().map_or(0, |hunt| hunt.unseen));
        let mut words = "not found".to_owned();
        match coming {
            Coming::Nothing => {}
            Coming::File => {
                let hunt =
                    SearchCursor { forward: true, next: length, looked: length, unseen, wrapped: false };
                self.hunt = Some(hunt);
                return Effect::None;
            }
            Coming::Live => {
                let _ = write!(words, " among the {} so far", text::counted(length as u64, "row"));
            }
        }
        if unseen > 0 {
            let messages = text::counted(unseen, "message");
            let _ = write!(words, "; {messages} could not be looked at: payloads dropped");
        }
        Effect::Say(words)
    }

    /// Ends a search that waited for more, where no more comes.
    pub(super) fn end_wait(&mut self, rows: &Rows, coming: Coming) -> Effect {
        if self.waits(rows) && coming == Coming::Nothing && !rows.is_behind() {
            return self.found_nothing(rows, coming);
        }
        Effect::None
    }

    /// Returns whether it waits for more to come.
    pub(super) fn waits(&self, rows: &Rows) -> bool {
        self.hunt.as_ref().is_some_and(|hunt| hunt.next >= rows.len())
    }

    /// Stops looking for the next hit; returns whether it was looked for.
    pub(super) fn stop(&mut self) -> bool {
        self.hunt.take().is_some()
    }

    /// Says how the search stands, where the row of `entry` is selected and its hit `hit` was gone to: `hit 3 of 17`.
    pub(super) fn words(
        &self,
        rows: &Rows,
        entry: Option<u32>,
        hit: Option<usize>,
        coming: Coming,
    ) -> String {
        if let Some(hunt) = self.hunt.as_ref().filter(|_| !self.waits(rows)) {
            let part = hunt.looked as f64 * 100.0 / (rows.len().max(1) as f64);
            return format!("searching {part:.0} %");
        }
        let tally = &self.tally;
        let more = if tally.is_behind(rows) || coming != Coming::Nothing { "+" } else { "" };
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

/// Returns the row behind one, or before it, and whether that is at the other end.
fn beside(rows: &Rows, at: usize, forward: bool) -> (usize, bool) {
    let last = rows.len().saturating_sub(1);
    match forward {
        true if at >= last => (0, true),
        true => (at.saturating_add(1), false),
        false => at.checked_sub(1).map_or((last, true), |next| (next, false)),
    }
}
