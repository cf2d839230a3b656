//! A page over the panels, such as statistics, anomalies or a comparison, whose lines can lead to rows.

mod anomalies;
mod comparison;
mod line;
mod statistics;

use std::time::Instant;

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::{
    Block, Clear, Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget as _, Widget as _,
};

use self::line::Line;
use self::statistics::StatisticsTask;
use super::clock::TimeForm;
use super::effect::Effect;
use super::keys::Action;
use super::paint::{apply_row_style, scroll};
use super::text::RowWriter;
use super::theme::Theme;
use super::words::Stretch;
use crate::model::Timestamp;
use crate::store::Store;

/// A list over the panels, whose lines can lead to rows of the timeline.
#[derive(Debug, Default)]
pub(super) struct Page {
    title: String,
    lines: Vec<Line>,
    selected: usize,
    top: usize,
    gathering: Option<StatisticsTask>,
}

impl Page {
    /// Returns the statistics of one conversation, or of all; they are computed incrementally.
    pub(super) fn statistics(store: &Store, scope: Option<u32>) -> Page {
        let name = scope.and_then(|slot| store.conversation(slot));
        let of = name.map_or("all conversations".to_owned(), |it| format!("conversation #{}", it.id));
        let title = format!("statistics of {of}, whatever the filter shows");
        Page { title, gathering: Some(StatisticsTask::new(scope)), ..Page::default() }
    }

    /// Returns the anomalies, grouped by rule.
    pub(super) fn anomalies(store: &Store, scope: Option<u32>) -> Page {
        let title = "anomalies by rule".to_owned();
        Page { title, lines: anomalies::lines(store, scope), ..Page::default() }.at_first()
    }

    /// Returns two messages side by side in a page of `width` columns.
    pub(super) fn messages(store: &mut Store, pair: [u32; 2], width: u16) -> Page {
        let title = "two messages: n N to the next difference, Enter to the message".to_owned();
        let page = Page { title, lines: comparison::messages(store, pair, width), ..Page::default() };
        let first = page.lines.iter().position(Line::differs);
        Page { selected: first.unwrap_or(0), ..page }
    }

    /// Returns two conversations side by side on a common time axis.
    pub(super) fn conversations(
        store: &mut Store,
        pair: [u32; 2],
        range: Option<(Timestamp, Timestamp)>,
        form: TimeForm,
    ) -> Page {
        let title = "two conversations in one time: Enter to the row".to_owned();
        let lines = comparison::conversations(store, pair, range, form);
        Page { title, lines, ..Page::default() }.at_first()
    }

    fn at_first(mut self) -> Page {
        self.selected = self.lines.iter().position(|line| line.leads.is_some()).unwrap_or(0);
        self
    }

    /// Returns whether statistics are still being computed.
    pub(super) const fn is_busy(&self) -> bool {
        self.gathering.is_some()
    }

    /// Continues to compute statistics until `until`.
    pub(super) fn work(&mut self, store: &mut Store, until: Instant) {
        let Some(mut gathering) = self.gathering.take() else { return };
        if gathering.work(store, until) {
            self.lines = statistics::lines(&gathering.report());
            *self = std::mem::take(self).at_first();
        } else {
            self.gathering = Some(gathering);
        }
    }

    /// Handles an action, given `height` visible lines.
    pub(super) fn handle(&mut self, action: Action, height: usize) -> Effect {
        let page = height.max(2).saturating_sub(1);
        match action {
            Action::Down => self.step(1, true),
            Action::Up => self.step(1, false),
            Action::PageDown => self.step(page, true),
            Action::PageUp => self.step(page, false),
            Action::First => self.step(usize::MAX, false),
            Action::Last => self.step(usize::MAX, true),
            Action::NextHit => self.seek(true),
            Action::PreviousHit => self.seek(false),
            Action::Enter => {
                let leads = self.lines.get(self.selected).and_then(|line| line.leads.clone());
                return leads.unwrap_or(Effect::None);
            }
            _ => return Effect::Close,
        }
        self.top = scroll(self.top, self.selected, height, self.lines.len());
        Effect::None
    }

    /// Moves the selection by at least `by` lines, to one with an effect.
    fn step(&mut self, by: usize, forward: bool) {
        let leads = |n: &usize| self.lines.get(*n).is_some_and(|line| line.leads.is_some());
        let last = self.lines.len().saturating_sub(1);
        let next = if forward {
            let from = self.selected.saturating_add(by).min(last);
            (from..=last).find(leads).or_else(|| (0..=last).rev().find(leads))
        } else {
            let from = self.selected.saturating_sub(by);
            (0..=from).rev().find(leads).or_else(|| (0..=last).find(leads))
        };
        self.selected = next.unwrap_or(0);
        if !forward && self.lines.iter().take(self.selected).all(|line| line.leads.is_none()) {
            // Scroll to the top when no line above the selected one has an effect.
            self.top = 0;
        }
    }

    /// Selects the next or previous difference.
    fn seek(&mut self, forward: bool) {
        let differs = |n: &usize| self.lines.get(*n).is_some_and(Line::differs);
        let next = if forward {
            (self.selected.saturating_add(1)..self.lines.len()).find(differs)
        } else {
            (0..self.selected).rev().find(differs)
        };
        self.selected = next.unwrap_or(self.selected);
    }

    /// Selects visible line `n`, or returns its effect if it is already selected.
    pub(super) fn click(&mut self, n: usize) -> Effect {
        let at = self.top.saturating_add(n);
        let leads = self.lines.get(at).and_then(|line| line.leads.clone());
        match leads {
            Some(effect) if at == self.selected => effect,
            Some(_) => {
                self.selected = at;
                Effect::None
            }
            None => Effect::None,
        }
    }

    /// Returns the number of visible lines on a page of this size.
    pub(super) fn height(area: Rect) -> usize {
        usize::from(area.height.saturating_sub(2))
    }

    /// Draws the page.
    pub(super) fn draw(&self, theme: &Theme, area: Rect, buffer: &mut Buffer) {
        Clear.render(area, buffer);
        buffer.set_style(area, theme.text);
        let block = Block::bordered()
            .border_style(theme.rule)
            .title(format!(" {} ", self.title))
            .title_style(theme.focus);
        let inner = block.inner(area);
        block.render(area, buffer);
        let height = Page::height(area);
        if let Some(gathering) = &self.gathering {
            let words = format!("looking… {:.0} %", gathering.progress() * 100.0);
            RowWriter::new(buffer, inner.x.saturating_add(1), inner.y, inner.width).word(&words, theme.note);
            return;
        }
        for (n, line) in self.lines.iter().skip(self.top).take(height).enumerate() {
            let y = inner.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
            let mut writer = RowWriter::new(buffer, inner.x, y, inner.width.saturating_sub(1));
            let write = |writer: &mut RowWriter<'_>, words: &[Stretch]| {
                for Stretch { bytes, role } in words {
                    writer.wire(bytes, theme.role(*role), theme.escape.add_modifier(Modifier::DIM));
                }
            };
            if let Some((sign, right)) = &line.beside {
                let half = comparison::half(area.width);
                writer.within(half, |writer| write(writer, &line.words));
                writer.field(sign, comparison::BETWEEN, theme.focus);
                write(&mut writer, right);
            } else {
                writer.word(if line.leads.is_some() { " › " } else { "   " }, theme.dim);
                write(&mut writer, &line.words);
            }
            if self.top.saturating_add(n) == self.selected {
                apply_row_style(buffer, inner, y, theme.selected, theme.hit);
            }
        }
        if self.lines.len() > height {
            let most = self.lines.len().saturating_sub(height);
            let mut state = ScrollbarState::new(most).position(self.top);
            let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight).style(theme.rule);
            bar.render(area.inner(Margin::new(0, 1)), buffer, &mut state);
        }
    }
}
