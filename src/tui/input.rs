//! What keys and the mouse do. Handlers change the state and return an [`Effect`] for what lies outside of it.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::copy::CopyForm;
use super::detail::{DetailSize, Tab};
use super::keys::{self, Action};
use super::page::Page;
use super::prompt::{Prompt, PromptKind};
use super::rows::RowOrder;
use super::state::{App, Effect, Panel};
use crate::event::Severity;
use crate::model::Timestamp;
use crate::store::{Entry, EntryKind, Phase};

impl App {
    /// Handles one event of the terminal.
    pub(super) fn handle(&mut self, event: &Event) -> Effect {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => {
                let effect = self.mouse(*mouse);
                self.perform(effect)
            }
            Event::Paste(text) => {
                if let Some(prompt) = &mut self.prompt {
                    prompt.insert(text);
                    self.typed();
                }
                Effect::None
            }
            _ => Effect::None,
        }
    }

    fn key(&mut self, key: &KeyEvent) -> Effect {
        if self.prompt.is_some() {
            return self.prompt_key(key);
        }
        if std::mem::take(&mut self.copies) {
            self.said = None;
            let form = if let KeyCode::Char(c) = key.code { CopyForm::of(c) } else { None };
            return form.map_or(Effect::None, |form| self.copy(form));
        }
        let Some(action) = keys::action(key) else { return Effect::None };
        // What a shell's keys do they do everywhere; `q` only leaves what lies over the panels.
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(action, Action::Quit | Action::Suspend | Action::Redraw) {
            return self.act(action);
        }
        if let Some(top) = &mut self.help {
            match action {
                Action::Down => *top = top.saturating_add(1),
                Action::Up => *top = top.saturating_sub(1),
                Action::PageDown => *top = top.saturating_add(10),
                Action::PageUp => *top = top.saturating_sub(10),
                _ => self.help = None,
            }
            return Effect::None;
        }
        let area = self.layout.page();
        if let Some(page) = &mut self.page {
            let effect = page.handle(action, Page::height(area));
            return self.perform(effect);
        }
        self.act(action)
    }

    /// Does what a key asks for.
    pub(super) fn act(&mut self, action: Action) -> Effect {
        self.said = None;
        if self.waits_for_hit()
            && !matches!(action, Action::Back | Action::Help | Action::Redraw | Action::Suspend)
        {
            // Who goes on meanwhile is not carried off when a hit comes.
            self.hunt = None;
        }
        match action {
            Action::Quit => return Effect::Quit,
            Action::Suspend => return Effect::Suspend,
            Action::Redraw => return Effect::Redraw,
            Action::Copy => return self.copy(CopyForm::Shown),
            Action::CopyAs => {
                self.copies = true;
                self.say(CopyForm::CHOICE);
            }
            Action::FilterByValue => self.filter_by_value(),
            Action::Statistics | Action::Anomalies => self.open_page(action == Action::Statistics),
            Action::Help => self.help = Some(0),
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.step(self.page().saturating_neg()),
            Action::PageDown => self.step(self.page()),
            Action::First => self.step(isize::MIN),
            Action::Last => self.go_to_last(),
            Action::Left | Action::Right => self.sideways(action == Action::Right),
            Action::Enter => self.enter(),
            Action::Back => self.back(),
            Action::NextPanel | Action::PreviousPanel => self.turn(action == Action::NextPanel),
            Action::EveryConversation => {
                self.isolated = None;
                self.conversations.selected = 0;
                self.show_scope(None);
            }
            Action::OnlyConversation => self.isolate(),
            Action::GoTo => self.prompt = Some(Prompt::new(PromptKind::GoTo, "")),
            Action::Partner => self.go_to_partner(),
            Action::Heartbeats => self.hide_heartbeats(),
            Action::Sort if self.panel == Panel::Timeline => self.sort_rows(),
            Action::Sort | Action::SortBackwards => {
                let effect = self.conversations.handle(action, 1);
                return self.perform(effect);
            }
            Action::Lanes => self.form.lanes = !self.form.lanes,
            Action::Scale => self.form.to_scale = !self.form.to_scale,
            Action::TimeForm => {
                self.form.time = self.form.time.next();
                self.remembered.time = Some(self.form.time.word().to_owned());
            }
            Action::NextFault => self.next_anomaly(Severity::Warning),
            Action::NextAnomaly => self.next_anomaly(Severity::Note),
            Action::Bookmark => self.bookmark(),
            Action::NextBookmark => self.next_bookmark(),
            Action::Mark => {
                self.mark = if self.mark == self.timeline.entry { None } else { self.timeline.entry }
            }
            Action::Tree => self.detail.show_tab(Tab::Tree),
            Action::Text => self.detail.show_tab(Tab::Text),
            Action::Json => self.detail.show_tab(Tab::Json),
            Action::Hex => self.detail.show_tab(Tab::Hex),
            Action::Detail => self.resize_detail(),
            Action::Filter => {
                self.prompt = Some(Prompt::new(PromptKind::Filter, &self.filter_text));
                self.typed();
            }
            Action::ClearFilter => self.clear_filter(),
            Action::Search if self.panel == Panel::Conversations => {
                self.prompt = Some(Prompt::new(PromptKind::Narrow, &self.conversations.narrow));
            }
            Action::Search => self.prompt = Some(Prompt::new(PromptKind::Search, "")),
            Action::NextHit | Action::PreviousHit => self.seek(action == Action::NextHit),
            Action::Earlier | Action::Later => self.shift(action == Action::Later),
            Action::ZoomIn => self.zoom(0.5),
            Action::ZoomOut => self.zoom(2.0),
            Action::ZoomAll => self.show_range(None),
            Action::Follow => {
                self.timeline.follow = !self.timeline.follow;
                self.timeline.left_at = None;
            }
            Action::Pause => self.paused = !self.paused,
            Action::StopOrRestart => self.stop_or_restart(),
            Action::Save => self.ask_where(PromptKind::Save, "shown.pcapng"),
            Action::Export => self.ask_where(PromptKind::Export, "shown.ndjson"),
            Action::Theme => {
                self.theme = self.theme.next();
                self.remembered.theme = Some(self.theme.name.to_owned());
                self.say(format!("theme: {}", self.theme.name));
            }
        }
        Effect::None
    }

    fn page(&self) -> isize {
        let lines = match self.panel {
            Panel::Conversations => usize::from(self.layout.conversations.height),
            Panel::Timeline => self.timeline.drawn(),
            Panel::Detail => self.detail.page(),
        };
        isize::try_from(lines.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Moves the selection of the panel that has the keys.
    pub(super) fn step(&mut self, by: isize) {
        let action = if by < 0 { Action::PageUp } else { Action::PageDown };
        let effect = match self.panel {
            Panel::Conversations => self.conversations.handle(action, by.saturating_abs()),
            Panel::Detail => self.detail.handle(action, by.saturating_abs()),
            Panel::Timeline => {
                let row = self.timeline.selected.saturating_add_signed(by);
                let shared = self.store.clone();
                self.select(&shared.lock(), row);
                Effect::None
            }
        };
        let _ = self.perform(effect);
    }

    fn go_to_last(&mut self) {
        self.step(isize::MAX);
        if self.panel == Panel::Timeline && self.feed.is_live() {
            self.timeline.follow = true;
            self.timeline.left_at = None;
        }
    }

    fn sideways(&mut self, right: bool) {
        if self.panel != Panel::Detail {
            return self.turn(right);
        }
        let action = if right { Action::Right } else { Action::Left };
        let _ = self.detail.handle(action, 1);
    }

    fn enter(&mut self) {
        match self.panel {
            Panel::Conversations => self.panel = Panel::Timeline,
            Panel::Timeline => {
                if self.detail.size == DetailSize::Away {
                    self.detail.size = DetailSize::Normal;
                }
                self.panel = Panel::Detail;
            }
            Panel::Detail => drop(self.detail.handle(Action::Enter, 1)),
        }
    }

    fn back(&mut self) {
        if self.hunt.take().is_some() {
            return;
        }
        match self.panel {
            Panel::Detail => {
                self.panel = Panel::Timeline;
                if self.detail.size == DetailSize::Large {
                    self.detail.size = DetailSize::Normal;
                }
            }
            Panel::Conversations if !self.conversations.narrow.is_empty() => {
                self.conversations.narrow.clear();
            }
            Panel::Conversations => self.panel = Panel::Timeline,
            Panel::Timeline if self.isolated.is_some() => self.end_isolation(),
            Panel::Timeline if self.pattern.is_some() => self.search_for(None),
            Panel::Timeline if !self.filter_text.is_empty() => self.clear_filter(),
            Panel::Timeline => {
                self.conversations.selected = 0;
                self.show_scope(None);
            }
        }
    }

    fn clear_filter(&mut self) {
        self.filter_text.clear();
        self.show_filter(None);
    }

    fn turn(&mut self, forward: bool) {
        let left = (self.layout.area.width >= 60).then_some(Panel::Conversations);
        let right = (self.detail.size != DetailSize::Away).then_some(Panel::Detail);
        let panels: Vec<Panel> = [left, Some(Panel::Timeline), right].into_iter().flatten().collect();
        let at = panels.iter().position(|panel| *panel == self.panel).unwrap_or(0);
        let next = if forward {
            at.saturating_add(1).checked_rem(panels.len()).unwrap_or(0)
        } else {
            at.checked_sub(1).unwrap_or(panels.len().saturating_sub(1))
        };
        self.panel = panels.get(next).copied().unwrap_or_default();
    }

    /// Sorts the rows by what comes next.
    fn sort_rows(&mut self) {
        let order = self.timeline.rows.order().next();
        let shared = self.store.clone();
        self.timeline.rows.set_order(order, &shared.lock());
        self.timeline.top = 0;
        self.timeline.follow = false;
        if order != RowOrder::Time {
            // The most is what is looked for.
            (self.timeline.selected, self.timeline.entry) = (0, None);
        }
        self.say(format!("rows sorted by {}: {} goes on", order.name(), keys::key_for(Action::Sort)));
    }

    /// Shows a page over the panels.
    fn open_page(&mut self, statistics: bool) {
        let shared = self.store.clone();
        let (store, scope) = (shared.lock(), self.timeline.rows.scope());
        let page = if statistics { Page::statistics(&store, scope) } else { Page::anomalies(&store, scope) };
        self.page = Some(page);
    }

    /// Goes to the next anomaly that is at least so bad, from the end to the beginning.
    fn next_anomaly(&mut self, least: Severity) {
        let shared = self.store.clone();
        let store = shared.lock();
        let rows = &self.timeline.rows;
        let is_one = |number: &u32| {
            let severity = store.entry(*number).and_then(Entry::anomaly).map(|(_, severity)| severity);
            severity.is_some_and(|it| it >= least)
                && rows.get(&store, rows.row_of(&store, *number)) == Some(*number)
        };
        let at = self.timeline.entry.map_or(0, |entry| entry.saturating_add(1));
        let next = store.anomalies_from(at).find(is_one);
        let wrapped = || store.anomalies_from(0).take_while(|number| *number < at).find(is_one);
        match (next, next.or_else(wrapped)) {
            (Some(number), _) => self.go_to(&store, number),
            (None, Some(number)) => {
                self.go_to(&store, number);
                self.say("wrapped: on from the first one");
            }
            (None, None) if least > Severity::Note => {
                self.say(format!(
                    "no error or warning is shown; {} finds notes too",
                    keys::key_for(Action::NextAnomaly)
                ));
            }
            (None, None) => self.say("no anomaly is shown"),
        }
    }

    fn hide_heartbeats(&mut self) {
        let shared = self.store.clone();
        let hidden = self.timeline.rows.hide_heartbeats(&shared.lock());
        self.timeline.top = 0;
        self.say(if hidden {
            "heartbeats of sub-protocols are hidden, and parts of what a later message completes"
        } else {
            "heartbeats and parts are shown"
        });
    }

    fn bookmark(&mut self) {
        let Some(entry) = self.timeline.entry else { return };
        if !self.bookmarks.remove(&entry) {
            self.bookmarks.insert(entry);
        }
    }

    fn next_bookmark(&mut self) {
        let at = self.timeline.entry.unwrap_or(0);
        let next =
            self.bookmarks.range(at.saturating_add(1)..).next().or_else(|| self.bookmarks.first()).copied();
        let shared = self.store.clone();
        match next {
            Some(number) => self.go_to(&shared.lock(), number),
            None => self.say("no bookmark: b sets one"),
        }
    }

    fn resize_detail(&mut self) {
        self.detail.size = match self.detail.size {
            DetailSize::Normal => DetailSize::Large,
            DetailSize::Large => DetailSize::Away,
            DetailSize::Away => DetailSize::Normal,
        };
        self.detail_room = None;
        if self.detail.size == DetailSize::Away && self.panel == Panel::Detail {
            self.panel = Panel::Timeline;
        }
    }

    /// Shows a stretch of time `factor` as long, with the selected message where it is now.
    pub(super) fn zoom(&mut self, factor: f64) {
        let Some((from, to)) = self.window() else { return };
        let selected = {
            let shared = self.store.clone();
            let store = shared.lock();
            self.timeline.entry.and_then(|entry| store.entry(entry).map(crate::store::Entry::time))
        };
        let span = to.since(from).as_secs_f64();
        let at = selected.unwrap_or(from).max(from).min(to);
        let part = if span > 0.0 { at.since(from).as_secs_f64() / span } else { 0.0 };
        let length = (span * factor).max(1e-6);
        let begin = back(at, length * part);
        self.show_range(Some((begin, begin.plus(Duration::from_secs_f64(length)))));
    }

    fn shift(&mut self, later: bool) {
        let Some((from, to)) = self.timeline.rows.range() else {
            return self.step(if later { self.page() } else { self.page().saturating_neg() });
        };
        let by = to.since(from).as_secs_f64() / 2.0;
        self.show_from(if later { from.plus(Duration::from_secs_f64(by)) } else { back(from, by) });
    }

    /// Shows as long a stretch of time as now, from `begin` on if the capture has that.
    pub(super) fn show_from(&mut self, begin: Timestamp) {
        let Some((from, to)) = self.timeline.rows.range() else { return };
        let length = to.since(from);
        let shared = self.store.clone();
        let Some((first, last)) = shared.lock().times() else { return };
        let begin = begin.min(back(last, length.as_secs_f64())).max(first);
        self.show_range(Some((begin, begin.plus(length))));
    }

    /// Returns the stretch of time that the overview shows.
    pub(super) fn window(&self) -> Option<(Timestamp, Timestamp)> {
        let shared = self.store.clone();
        self.timeline.rows.range().or_else(|| shared.lock().times())
    }

    fn stop_or_restart(&mut self) {
        if !self.feed.is_live() {
            return self.say("a file cannot be stopped");
        }
        if self.phase != Phase::Filling {
            return self.say("the capture has ended");
        }
        let result = if self.feed.is_stopped() { self.feed.restart() } else { self.feed.stop() };
        match result {
            Ok(()) if self.feed.is_stopped() => self.say("stopped: what comes now is not captured"),
            Ok(()) => self.say("capturing again"),
            Err(e) => self.say(e.to_string()),
        }
    }

    /// Returns the time between the mark and the selected message.
    pub(super) fn measured(&self, store: &crate::store::Store) -> Option<String> {
        let (mark, entry) = (store.entry(self.mark?)?, store.entry(self.timeline.entry?)?);
        let (from, to) = (mark.time().min(entry.time()), mark.time().max(entry.time()));
        let sign = if entry.time() < mark.time() { "−" } else { "+" };
        let words = if mark.what() == EntryKind::Message { "from the mark" } else { "from the marked event" };
        Some(format!("{sign}{} {words}", crate::view::span(to.since(from))))
    }
}

/// Returns the moment `seconds` before `time`.
pub(super) fn back(time: Timestamp, seconds: f64) -> Timestamp {
    let nanos =
        i64::try_from(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_sub(nanos))
}
