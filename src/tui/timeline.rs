//! The timeline: its rows, the selected row, and the visible lines around it.

mod lanes;
mod list;

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::clock::TimeForm;
use super::columns::ChosenColumns;
use super::effect::{Effect, Panel};
use super::keys::{self, Action};
use super::matcher::Matcher;
use super::partner::partner;
use super::rows::{RowOrder, Rows};
use super::search::Search;
use super::theme::{RowColour, Theme};
use crate::event::Severity;
use crate::model::Timestamp;
use crate::store::{Entry, EntryKind, Phase, Store};
use crate::text;

/// The duration from which a silence has its own line.
const SILENCE: Duration = Duration::from_secs(1);

/// The maximum number of lines of a silence drawn to scale.
const LONGEST: usize = 8;

/// The timeline.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) rows: Rows,
    /// The selected row and its entry; the entry stays selected when rows are inserted before it.
    pub(super) selected: usize,
    pub(super) entry: Option<u32>,
    pub(super) top: usize,
    pub(super) form: Form,
    /// The visible lines, and the time represented by a blank one, if any.
    lines: Vec<ListLine>,
    unit: Option<Duration>,
    /// Whether packets are captured live.
    pub(super) is_live: bool,
    /// Whether new rows are selected as they arrive.
    pub(super) follow: bool,
    /// The time of the last event shown; more may arrive while the screen is paused.
    pub(super) until: Option<Timestamp>,
    /// The number of rows when following stopped.
    left_at: Option<usize>,
    pub(super) bookmarks: BTreeSet<u32>,
    pub(super) mark: Option<u32>,
    /// Whether the filter being typed is invalid, so that the rows are those of its last valid text.
    pub(super) has_invalid_filter: bool,
    /// The configured filters and the colours of the rows that match them.
    pub(super) colours: Vec<(Matcher, RowColour)>,
    pub(super) columns: ChosenColumns,
}

/// The content of a line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListLine {
    /// The headings of the lanes.
    Heads,
    /// A blank line that represents time before a row, and the number of such lines above it.
    Before(usize, usize),
    Row(usize),
}

/// The form in which the list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) time: TimeForm,
    pub(super) lanes: bool,
    pub(super) to_scale: bool,
}

/// The context for drawing the timeline.
pub(super) struct Look<'a> {
    pub(super) theme: &'a Theme,
    pub(super) store: &'a mut Store,
    pub(super) search: &'a Search,
    pub(super) phase: &'a Phase,
    pub(super) focus: bool,
}

impl Timeline {
    pub(super) fn new(is_live: bool, time: TimeForm) -> Timeline {
        let form = Form { time, ..Form::default() };
        Timeline { form, is_live, follow: is_live, ..Timeline::default() }
    }

    /// Handles an action.
    pub(super) fn handle(&mut self, action: Action, store: &mut Store) -> Effect {
        if let Some(by) = action.lines(self.drawn()) {
            self.step(store, by);
            if action == Action::Last && self.is_live {
                if self.rows.chosen.range.is_some() {
                    // New rows are after any time range.
                    self.show_range(store, None);
                }
                self.set_follow(true);
            }
            return Effect::None;
        }
        match action {
            Action::Enter => return Effect::Focus(Panel::Detail),
            Action::Sort => return self.sort(store),
            Action::Lanes => self.form.lanes = !self.form.lanes,
            Action::Scale => self.form.to_scale = !self.form.to_scale,
            Action::TimeForm => self.form.time = self.form.time.next(),
            Action::Follow => self.set_follow(!self.follow),
            Action::NextFault => return self.next_anomaly(store, Severity::Warning),
            Action::NextAnomaly => return self.next_anomaly(store, Severity::Note),
            Action::Bookmark => {
                let entry = self.entry.filter(|entry| !self.bookmarks.remove(entry));
                self.bookmarks.extend(entry);
            }
            Action::NextBookmark => return self.next_bookmark(store),
            Action::Mark => self.mark = if self.mark == self.entry { None } else { self.entry },
            Action::Partner => {
                let found = self.entry.and_then(|number| partner(store, number));
                return found.map_or_else(
                    || Effect::say("no question or answer of this row is known"),
                    |number| self.go_to(store, number),
                );
            }
            Action::Heartbeats => {
                self.top = 0;
                self.rows.choose(store, |it| it.no_heartbeats = !it.no_heartbeats);
                return Effect::say(if self.rows.chosen.no_heartbeats {
                    "heartbeats of sub-protocols are hidden, and parts of what a later message completes"
                } else {
                    "heartbeats and parts are shown"
                });
            }
            _ => {}
        }
        Effect::None
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, store: &Store, by: isize) {
        self.select(store, self.selected.saturating_add_signed(by));
    }

    /// Selects the row in a visible line.
    pub(super) fn click(&mut self, store: &Store, line: usize) {
        if let Some(ListLine::Row(row)) = self.lines.get(line) {
            self.select(store, *row);
        }
    }

    /// Selects a row.
    pub(super) fn select(&mut self, store: &Store, row: usize) {
        let last = self.rows.len().saturating_sub(1);
        if self.follow && row < last {
            self.left_at = Some(self.rows.len());
        }
        self.follow = self.follow && row >= last;
        self.selected = row.min(last);
        self.entry = self.rows.get(store, self.selected);
    }

    /// Selects an entry if it is among the rows.
    pub(super) fn go_to(&mut self, store: &Store, number: u32) -> Effect {
        if !self.shows(store, number) {
            return Effect::say("it is not among the messages shown");
        }
        self.select(store, self.rows.row_of(store, number));
        Effect::None
    }

    /// Returns whether an entry is among the rows.
    pub(super) fn shows(&self, store: &Store, number: u32) -> bool {
        self.rows.get(store, self.rows.row_of(store, number)) == Some(number)
    }

    fn set_follow(&mut self, follow: bool) {
        self.follow = follow;
        self.left_at = None;
    }

    /// Returns the number of rows that arrived since following stopped.
    pub(super) fn new_rows(&self) -> usize {
        self.left_at.map_or(0, |before| self.rows.len().saturating_sub(before))
    }

    /// Changes to the next sort order.
    fn sort(&mut self, store: &Store) -> Effect {
        let order = self.rows.chosen.order.next();
        self.sort_by(store, order);
        Effect::Say(format!("rows sorted by {}: {} goes on", order.name(), keys::key_for(Action::Sort)))
    }

    /// Sorts the rows by a heading's order, or by time if they are already sorted by it.
    pub(super) fn sort_at(&mut self, store: &Store, order: RowOrder) {
        self.sort_by(store, if order == self.rows.chosen.order { RowOrder::Time } else { order });
    }

    fn sort_by(&mut self, store: &Store, order: RowOrder) {
        self.rows.choose(store, |it| it.order = order);
        self.top = 0;
        self.follow = false;
        if order != RowOrder::Time {
            // The highest value is of interest.
            (self.selected, self.entry) = (0, None);
        }
    }

    /// Moves to the next anomaly of at least severity `least`, wrapping at the end.
    fn next_anomaly(&mut self, store: &Store, least: Severity) -> Effect {
        let is_one = |number: &u32| {
            let severity = store.entry(*number).and_then(Entry::anomaly).map(|(_, severity)| severity);
            severity.is_some_and(|it| it >= least) && self.shows(store, *number)
        };
        let at = self.entry.map_or(0, |entry| entry.saturating_add(1));
        if let Some(number) = store.anomalies_from(at).find(is_one) {
            return self.go_to(store, number);
        }
        match store.anomalies_from(0).take_while(|number| *number < at).find(is_one) {
            Some(number) => {
                self.go_to(store, number);
                Effect::say("wrapped: on from the first one")
            }
            None if least > Severity::Note => Effect::Say(format!(
                "no error or warning is shown; {} finds notes too",
                keys::key_for(Action::NextAnomaly)
            )),
            None => Effect::say("no anomaly is shown"),
        }
    }

    fn next_bookmark(&mut self, store: &Store) -> Effect {
        let at = self.entry.unwrap_or(0).saturating_add(1);
        match self.bookmarks.range(at..).next().or_else(|| self.bookmarks.first()).copied() {
            Some(number) => self.go_to(store, number),
            None => Effect::say("no bookmark: b sets one"),
        }
    }

    /// Shows one conversation, or all.
    pub(super) fn show_scope(&mut self, store: &Store, scope: Option<u32>) {
        if self.rows.chosen.scope == scope {
            return;
        }
        self.rows.choose(store, |it| it.scope = scope);
        self.top = 0;
        if let Some(entry) = self.entry {
            self.selected = self.rows.row_of(store, entry).min(self.rows.len().saturating_sub(1));
            if self.rows.chosen.filter.is_none() {
                self.entry = self.rows.get(store, self.selected);
            }
        }
    }

    /// Shows the rows that pass a filter, or all.
    pub(super) fn show_filter(&mut self, store: &Store, filter: Option<Matcher>) {
        self.rows.set_filter(filter, store);
        self.top = 0;
    }

    /// Shows a time range, or all.
    pub(super) fn show_range(&mut self, store: &Store, range: Option<(Timestamp, Timestamp)>) {
        let range = range.zip(store.times()).and_then(|((from, to), (first, last))| {
            let (from, to) = (from.max(first), to.min(last));
            ((from, to) != (first, last)).then_some((from, to.max(from)))
        });
        self.rows.choose(store, |it| it.range = range);
        self.top = 0;
        let selected = self.entry.and_then(|entry| store.entry(entry)).map(Entry::time);
        if range.zip(selected).is_some_and(|((from, to), at)| at < from || at > to) {
            self.selected = 0;
            self.entry = self.rows.get(store, 0);
            self.follow = false;
        }
    }

    /// Returns the times of the first and the last event, as of the moment the screen was paused.
    pub(super) fn whole(&self, store: &Store) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = store.times()?;
        Some((first, self.until.map_or(last, |until| until.min(last))))
    }

    /// Returns the time between the mark and the selected entry.
    pub(super) fn measured(&self, store: &Store) -> Option<String> {
        let (mark, entry) = (store.entry(self.mark?)?, store.entry(self.entry?)?);
        let (from, to) = (mark.time().min(entry.time()), mark.time().max(entry.time()));
        let sign = if entry.time() < mark.time() { "−" } else { "+" };
        let words = if mark.what() == EntryKind::Message { "from the mark" } else { "from the marked event" };
        Some(format!("{sign}{} {words}", text::span(to.since(from))))
    }

    /// Updates the selected row and the visible lines.
    pub(super) fn refresh(&mut self, store: &Store, height: usize) {
        let last = self.rows.len().saturating_sub(1);
        if self.follow {
            (self.selected, self.left_at) = (last, None);
        } else if let Some(entry) = self.entry {
            self.selected = self.rows.row_of(store, entry);
        }
        self.selected = self.selected.min(last);
        if self.follow || self.entry.is_none() {
            self.entry = self.rows.get(store, self.selected);
        }
        self.lay_out(store, height);
    }

    /// Determines the visible lines, at most `height`, including the selected row.
    fn lay_out(&mut self, store: &Store, height: usize) {
        self.lines.clear();
        if self.rows.len() == 0 {
            return;
        }
        self.lines.extend(self.form.lanes.then_some(ListLine::Heads));
        let body = height.saturating_sub(self.lines.len());
        self.unit = (self.form.lanes && self.form.to_scale).then(|| self.unit(store, body)).flatten();
        self.top = self.first(store, body);
        for row in self.top..self.rows.len() {
            let gap = if row > self.top { self.gap(store, row) } else { 0 };
            self.lines.extend((0..gap).map(|n| ListLine::Before(row, n)));
            if self.lines.len() >= height {
                break;
            }
            self.lines.push(ListLine::Row(row));
        }
        self.lines.truncate(height);
    }

    /// Returns the number of visible rows.
    pub(super) fn drawn(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, ListLine::Row(_))).count()
    }

    /// Returns the entry of a row, with its number.
    fn at(&self, store: &Store, row: usize) -> Option<(u32, Entry)> {
        let number = self.rows.get(store, row)?;
        Some((number, *store.entry(number)?))
    }

    /// Returns the first visible row, changed only as far as needed to show the selected one.
    fn first(&self, store: &Store, height: usize) -> usize {
        let (mut lines, mut row) = (1_usize, self.selected);
        while row > 0 {
            lines = lines.saturating_add(self.gap(store, row)).saturating_add(1);
            if lines > height {
                break;
            }
            row = row.saturating_sub(1);
        }
        self.top.min(self.selected).min(self.rows.len().saturating_sub(1)).max(row)
    }

    /// Returns the time represented by a blank line, chosen so that the visible rows have as many blank lines as rows.
    fn unit(&self, store: &Store, height: usize) -> Option<Duration> {
        let last = self.top.saturating_add(height / 2).min(self.rows.len().saturating_sub(1));
        let time = |row: usize| self.at(store, row).map(|(_, entry)| entry.order());
        let span = time(last)?.since(time(self.top.min(last))?);
        span.checked_div(u32::try_from(height / 2).unwrap_or(1).max(1)).filter(|unit| !unit.is_zero())
    }

    /// Returns the number of lines for the time before a row.
    fn gap(&self, store: &Store, row: usize) -> usize {
        let above = row.checked_sub(1).and_then(|above| self.at(store, above));
        let (Some((_, above)), Some((_, entry))) = (above, self.at(store, row)) else { return 0 };
        match self.unit {
            None => usize::from(self.pause(store, row).is_some()),
            Some(unit) => {
                let lines = entry.order().since(above.order()).as_secs_f64() / unit.as_secs_f64();
                (lines as usize).min(LONGEST)
            }
        }
    }

    /// Returns the pause before a row: a silence long enough to be shown, or a change of date.
    fn pause(&self, store: &Store, row: usize) -> Option<Pause> {
        let (_, entry) = self.at(store, row)?;
        let (_, before) = self.at(store, row.checked_sub(1)?).filter(|_| self.rows.is_in_time())?;
        let silence = entry.order().since(before.order());
        // Only times of day need a date.
        let form = self.form.time;
        let tells = matches!(form, TimeForm::Absolute | TimeForm::Local);
        let date = tells.then(|| form.date(entry.time())).filter(|date| *date != form.date(before.time()));
        (silence >= SILENCE || date.is_some()).then_some(Pause { silence, date })
    }

    /// Returns the number of entries that a filter hides between a row and the previous one.
    fn hidden(&self, store: &Store, row: usize) -> u64 {
        let place = |row: usize| self.rows.get(store, row).map(|number| self.rows.place(store, number));
        let between = row.checked_sub(1).and_then(place).zip(place(row));
        between.map_or(0, |(before, at)| at.saturating_sub(before).saturating_sub(1) as u64)
    }

    /// Draws the visible part of the list.
    pub(super) fn draw(&self, look: &mut Look<'_>, area: Rect, buffer: &mut Buffer) {
        if self.lines.is_empty() {
            self.draw_nothing(look, area, buffer);
        } else if self.form.lanes {
            self.draw_lanes(look, area, buffer);
        } else {
            self.draw_list(look, area, buffer);
        }
    }
}

/// A pause between two rows that has its own line.
struct Pause {
    silence: Duration,
    /// The date of the second row, if it differs from that of the first.
    date: Option<String>,
}
