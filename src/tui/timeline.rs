//! The list of messages: which row is selected, and which lines show the rows around it.

use std::time::Duration;

use super::clock::TimeForm;
use super::rows::Rows;
use crate::store::{Entry, Store};

/// From how long a silence on it has a line of its own.
const SILENCE: Duration = Duration::from_secs(1);

/// How many lines a silence may take where it is drawn to scale.
const LONGEST: usize = 8;

/// The list of messages.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) rows: Rows,
    /// The selected row, and its entry, which stays selected when rows come before it.
    pub(super) selected: usize,
    pub(super) entry: Option<u32>,
    pub(super) top: usize,
    /// The lines that are seen, and how much time a blank one stands for, if any.
    pub(super) lines: Vec<Line>,
    pub(super) unit: Option<Duration>,
    /// New rows are gone to as they come.
    pub(super) follow: bool,
    /// How many rows there were when it stopped.
    pub(super) left_at: Option<usize>,
}

/// What a line of the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Whose the lanes are.
    Heads,
    /// The time before a row, and how many such lines stand above this one.
    Before(usize, usize),
    Row(usize),
}

/// How the list is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) time: TimeForm,
    pub(super) lanes: bool,
    pub(super) to_scale: bool,
}

impl Timeline {
    /// Chooses the lines that are seen where there is room for `height`, the selected row among them.
    pub(super) fn lay_out(&mut self, store: &Store, form: Form, height: usize) {
        self.lines.clear();
        if self.rows.len() == 0 {
            return;
        }
        self.lines.extend(form.lanes.then_some(Line::Heads));
        let body = height.saturating_sub(self.lines.len());
        self.unit = (form.lanes && form.to_scale).then(|| self.unit(store, body)).flatten();
        self.top = self.first(store, form.time, body);
        for row in self.top..self.rows.len() {
            let gap = if row > self.top { self.gap(store, form.time, row) } else { 0 };
            self.lines.extend((0..gap).map(|n| Line::Before(row, n)));
            if self.lines.len() >= height {
                break;
            }
            self.lines.push(Line::Row(row));
        }
        self.lines.truncate(height);
    }

    /// Returns how many rows are seen.
    pub(super) fn drawn(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Row(_))).count()
    }

    /// Returns the number and the entry in a row.
    pub(super) fn at(&self, store: &Store, row: usize) -> Option<(u32, Entry)> {
        let number = self.rows.get(store, row)?;
        Some((number, *store.entry(number)?))
    }

    /// Returns the first row to be seen: as far up as the selected one lets it be.
    fn first(&self, store: &Store, form: TimeForm, height: usize) -> usize {
        let (mut lines, mut row) = (1_usize, self.selected);
        while row > 0 {
            lines = lines.saturating_add(self.gap(store, form, row)).saturating_add(1);
            if lines > height {
                break;
            }
            row = row.saturating_sub(1);
        }
        self.top.min(self.selected).min(self.rows.len().saturating_sub(1)).max(row)
    }

    /// Returns how much time a blank line stands for: so much that the rows in view have as many blank lines as rows.
    fn unit(&self, store: &Store, height: usize) -> Option<Duration> {
        let last = self.top.saturating_add(height / 2).min(self.rows.len().saturating_sub(1));
        let time = |row: usize| self.at(store, row).map(|(_, entry)| entry.order());
        let span = time(last)?.since(time(self.top.min(last))?);
        span.checked_div(u32::try_from(height / 2).unwrap_or(1).max(1)).filter(|unit| !unit.is_zero())
    }

    /// Returns how many lines stand for the time before a row.
    fn gap(&self, store: &Store, form: TimeForm, row: usize) -> usize {
        let above = row.checked_sub(1).and_then(|above| self.at(store, above));
        let (Some((_, above)), Some((_, entry))) = (above, self.at(store, row)) else { return 0 };
        match self.unit {
            None => usize::from(self.pause(store, form, row).is_some()),
            Some(unit) => {
                let lines = entry.order().since(above.order()).as_secs_f64() / unit.as_secs_f64();
                (lines as usize).min(LONGEST)
            }
        }
    }

    /// Returns what lies before a row: a silence, if it is long enough to be shown, and another date.
    pub(super) fn pause(&self, store: &Store, form: TimeForm, row: usize) -> Option<Pause> {
        let (_, entry) = self.at(store, row)?;
        let (_, before) = self.at(store, row.checked_sub(1)?).filter(|_| self.rows.is_in_time())?;
        let silence = entry.order().since(before.order());
        // Only what is a second or more behind, or stands beside midnight, can have another date.
        let tells = matches!(form, TimeForm::Absolute | TimeForm::Local);
        let date = tells.then(|| form.date(entry.time())).filter(|date| *date != form.date(before.time()));
        (silence >= SILENCE || date.is_some()).then_some(Pause { silence, date })
    }

    /// Returns how many entries a filter hides between a row and the one before.
    pub(super) fn hidden(&self, store: &Store, row: usize) -> u64 {
        let place = |row: usize| self.rows.get(store, row).map(|number| self.rows.place(store, number));
        let between = row.checked_sub(1).and_then(place).zip(place(row));
        between.map_or(0, |(before, at)| at.saturating_sub(before).saturating_sub(1) as u64)
    }
}

/// What lies between two rows where that has a line of its own.
pub(super) struct Pause {
    pub(super) silence: Duration,
    /// The date of the second row, where the first has another.
    pub(super) date: Option<String>,
}
