//! Finding what was searched for: the next message that has it, and how many do.

use std::fmt::Write as _;
use std::time::Instant;

use super::clock::grouped;
use super::needle::Needle;
use super::patched;
use super::rows::{Rows, Slice};
use super::state::App;
use crate::store::{Facts, PayloadLocation, Phase, Store, What};
use crate::view;

/// Looks for the next hit, bit by bit.
#[derive(Debug)]
pub(super) struct Hunt {
    pub(super) forward: bool,
    /// The row that is next; behind the last one it waits for more.
    pub(super) next: usize,
    pub(super) looked: usize,
    /// How many of them could not be looked at.
    unseen: u64,
    wrapped: bool,
}

/// Counts the messages that have what was searched for, bit by bit.
#[derive(Debug, Default)]
pub(super) struct SearchHits {
    /// The entries that have it, in order, and how many rows were looked at.
    hits: Vec<u32>,
    looked: usize,
    /// How many messages could not be looked at, for their payloads were dropped.
    unseen: u64,
    /// Which rows were looked at.
    of: u64,
    /// The entry that was come to beyond the end.
    wrapped: Option<u32>,
}

/// What a look at a message showed.
enum Look {
    Hit,
    Nothing,
    /// The payload is not there any more.
    Dropped,
}

fn look(store: &mut Store, number: u32, needle: &Needle) -> Look {
    let Some(entry) = store.entry(number).copied() else { return Look::Nothing };
    if entry.what() != What::Message {
        return Look::Nothing;
    }
    if store.kept(&entry) == PayloadLocation::Dropped {
        return Look::Dropped;
    }
    let found = if entry.facts().has(Facts::MISSING) {
        let record = store.record(number, usize::MAX);
        record.map(|record| patched::is_in(needle, &record.payload, &record.missing))
    } else {
        store.payload(number, usize::MAX).map(|payload| needle.is_in(payload))
    };
    match found {
        Some(true) => Look::Hit,
        Some(false) => Look::Nothing,
        None => Look::Dropped,
    }
}

impl SearchHits {
    /// Tells whether an entry is known to be a hit.
    pub(super) fn has(&self, number: u32) -> bool {
        self.hits.binary_search(&number).is_ok()
    }

    fn is_behind(&self, rows: &Rows) -> bool {
        self.looked < rows.len() || self.of != rows.version()
    }

    fn work(&mut self, rows: &Rows, store: &mut Store, needle: &Needle, until: Instant) {
        if self.of != rows.version() {
            *self = SearchHits { of: rows.version(), ..SearchHits::default() };
        }
        let mut slice = Slice::until(until);
        while let Some(number) = rows.get(store, self.looked) {
            self.looked = self.looked.saturating_add(1);
            match look(store, number, needle) {
                Look::Hit => self.hits.push(number),
                Look::Nothing => {}
                Look::Dropped => self.unseen = self.unseen.saturating_add(1),
            }
            if slice.is_over(store, number) {
                return;
            }
        }
    }
}

impl App {
    /// Searches for something else, or for nothing.
    pub(super) fn search_for(&mut self, needle: Option<Needle>) {
        self.needle = needle;
        self.hunt = None;
        self.tally = SearchHits::default();
    }

    /// Tells whether a search has something to look at.
    pub(super) fn is_searching(&self) -> bool {
        let rows = &self.timeline.rows;
        self.hunt.as_ref().is_some_and(|hunt| hunt.next < rows.len())
            || self.needle.is_some() && self.tally.is_behind(rows)
    }

    /// Begins to look for the needle.
    pub(super) fn seek(&mut self, forward: bool) {
        let length = self.timeline.rows.len();
        if self.needle.is_none() || length == 0 {
            return;
        }
        let (last, at) = (length.saturating_sub(1), self.timeline.selected);
        let (next, wrapped) = match forward {
            true if at >= last => (0, true),
            true => (at.saturating_add(1), false),
            false => at.checked_sub(1).map_or((last, true), |next| (next, false)),
        };
        self.hunt = Some(Hunt { forward, next, looked: 0, unseen: 0, wrapped });
    }

    /// Goes on looking for the next hit, then for how many there are.
    pub(super) fn search(&mut self, store: &mut Store, until: Instant) {
        let Some(needle) = self.needle.clone() else {
            self.hunt = None;
            return;
        };
        if self.hunt.as_ref().is_none_or(|hunt| hunt.next >= self.timeline.rows.len()) {
            return self.tally.work(&self.timeline.rows, store, &needle, until);
        }
        let mut slice = Slice::until(until);
        let rows = &self.timeline.rows;
        while let Some(hunt) = &mut self.hunt {
            let Some(number) = rows.get(store, hunt.next) else { return };
            match look(store, number, &needle) {
                Look::Hit => {
                    let (row, wrapped) = (hunt.next, hunt.wrapped);
                    self.hunt = None;
                    self.select(store, row);
                    self.tally.wrapped = wrapped.then_some(number);
                    return;
                }
                Look::Nothing => {}
                Look::Dropped => hunt.unseen = hunt.unseen.saturating_add(1),
            }
            hunt.looked = hunt.looked.saturating_add(1);
            if hunt.looked >= rows.len() {
                break;
            }
            // Beyond the end it begins again at the other one.
            let last = rows.len().saturating_sub(1);
            let (next, wrapped) = match hunt.forward {
                true if hunt.next >= last => (0, true),
                true => (hunt.next.saturating_add(1), false),
                false => hunt.next.checked_sub(1).map_or((last, true), |next| (next, false)),
            };
            (hunt.next, hunt.wrapped) = (next, hunt.wrapped || wrapped);
            if slice.is_over(store, number) {
                return;
            }
        }
        self.found_nothing();
    }

    /// Says that all there is was looked at in vain, or waits for more of a file that is being read.
    fn found_nothing(&mut self) {
        let length = self.timeline.rows.len();
        let unseen = self.hunt.take().map_or(0, |hunt| hunt.unseen);
        let is_more = self.phase == Phase::Filling;
        if is_more && !self.feed.is_live() {
            self.hunt = Some(Hunt { forward: true, next: length, looked: length, unseen, wrapped: false });
            return;
        }
        let mut words = "not found".to_owned();
        if is_more {
            let _ = write!(words, " among the {} so far", view::counted(length as u64, "row"));
        }
        if unseen > 0 {
            let messages = view::counted(unseen, "message");
            let _ = write!(words, "; {messages} could not be looked at: payloads dropped");
        }
        self.say(words);
    }

    /// Ends a search that waited for more, where no more comes.
    pub(super) fn end_wait(&mut self) {
        let rows = &self.timeline.rows;
        let waits = self.hunt.as_ref().is_some_and(|hunt| hunt.next >= rows.len());
        if waits && self.phase != Phase::Filling && !rows.is_behind() {
            self.found_nothing();
        }
    }

    /// Tells whether it waits for more to come.
    pub(super) fn waits_for_hit(&self) -> bool {
        self.hunt.as_ref().is_some_and(|hunt| hunt.next >= self.timeline.rows.len())
    }

    /// Says how the search stands: `match 3 of 17`.
    pub(super) fn search_words(&self) -> String {
        if let Some(hunt) = self.hunt.as_ref().filter(|_| !self.waits_for_hit()) {
            let part = hunt.looked as f64 * 100.0 / (self.timeline.rows.len().max(1) as f64);
            return format!("searching {part:.0} %");
        }
        let tally = &self.tally;
        let more =
            if tally.is_behind(&self.timeline.rows) || self.phase == Phase::Filling { "+" } else { "" };
        let count = tally.hits.len() as u64;
        let selected = self.timeline.entry.and_then(|number| tally.hits.binary_search(&number).ok());
        let mut words = match selected {
            _ if self.waits_for_hit() => "not found so far, more is being loaded".to_owned(),
            Some(at) => {
                format!("match {} of {}{more}", grouped((at as u64).saturating_add(1)), grouped(count))
            }
            None => format!("{}{more} match{}", grouped(count), if count == 1 { "" } else { "es" }),
        };
        if tally.wrapped.is_some() && tally.wrapped == self.timeline.entry {
            words.push_str(", wrapped");
        }
        if tally.unseen > 0 {
            let _ = write!(words, ", {} dropped", view::counted(tally.unseen, "payload"));
        }
        words
    }
}
