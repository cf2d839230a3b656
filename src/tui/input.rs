//! Key handling: each key goes to a component, which changes its state and returns an [`Effect`].

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::copy::CopyForm;
use super::effect::{DetailSize, Effect, Panel, PromptKind};
use super::keys::{self, Action};
use super::overview::{Overview, Times};
use super::page::Page;
use super::state::App;
use crate::store::{Entry, EntryKind, Phase};

impl App {
    /// Handles a terminal event, and returns the effect that remains for the caller.
    pub(super) fn handle(&mut self, event: &Event) -> Effect {
        let effect = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Mouse(mouse) => self.mouse(*mouse),
            Event::Paste(text) => self.prompt.as_mut().map_or(Effect::None, |prompt| {
                prompt.insert(text);
                Effect::Typed
            }),
            _ => Effect::None,
        };
        self.perform(effect)
    }

    fn key(&mut self, key: &KeyEvent) -> Effect {
        if let Some(prompt) = &mut self.prompt {
            return prompt.handle(key);
        }
        if std::mem::take(&mut self.copies) {
            self.said = None;
            let form = if let KeyCode::Char(c) = key.code { CopyForm::of(c) } else { None };
            return form.map_or(Effect::None, |form| self.copy(form));
        }
        let Some(action) = keys::action(key) else { return Effect::None };
        // The control keys known from shells work everywhere; `q` only closes help and pages.
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(action, Action::Quit | Action::Suspend | Action::Redraw) {
            return self.act(action);
        }
        if let Some(top) = &mut self.help {
            match action.lines(11).filter(|by| by.unsigned_abs() <= 10) {
                Some(by) => *top = top.saturating_add_signed(by),
                None => self.help = None,
            }
            return Effect::None;
        }
        let height = Page::height(self.layout.page());
        match &mut self.page {
            Some(page) => page.handle(action, height),
            None => self.act(action),
        }
    }

    /// Performs an action, independent of the key that triggered it.
    pub(super) fn act(&mut self, action: Action) -> Effect {
        self.said = None;
        if self.search.waits(&self.timeline.rows)
            && !matches!(action, Action::Back | Action::Help | Action::Redraw | Action::Suspend)
        {
            // The user moved on: a later hit must not move the selection.
            self.search.stop();
        }
        match action {
            Action::Quit => Effect::Quit,
            Action::Suspend => Effect::Suspend,
            Action::Redraw => Effect::Redraw,
            Action::Copy => self.copy(CopyForm::Shown),
            Action::CopyAs => {
                self.copies = true;
                Effect::say(CopyForm::CHOICE)
            }
            Action::FilterByValue => self.filter_by_value(),
            Action::Back => self.back(),
            Action::EveryConversation => self.show_every_conversation(),
            Action::OnlyConversation => self.isolate(),
            Action::GoTo => Effect::Ask(PromptKind::GoTo, String::new()),
            Action::Filter => Effect::Ask(PromptKind::Filter, self.typed.filter.clone()),
            Action::Columns => Effect::Ask(PromptKind::Columns, self.timeline.columns.text.clone()),
            Action::Search => self.ask_for_search(),
            Action::Save => Effect::Ask(PromptKind::Save, "shown.pcapng".to_owned()),
            Action::Export => Effect::Ask(PromptKind::Export, "shown.ndjson".to_owned()),
            Action::NextHit | Action::PreviousHit => Effect::NextHit(action == Action::NextHit),
            Action::StopOrRestart => self.stop_or_restart(),
            Action::ZoomIn | Action::ZoomOut | Action::ZoomAll => self.stretch(action),
            Action::Earlier | Action::Later if self.timeline.rows.chosen.range.is_some() => {
                self.stretch(action)
            }
            Action::Earlier => self.in_panel(Action::PageUp),
            Action::Later => self.in_panel(Action::PageDown),
            Action::Tree | Action::Text | Action::Json | Action::Hex => self.detail.handle(action),
            Action::Compare => self.compare(),
            Action::Mark if self.panel == Panel::Conversations => self.mark_conversation(),
            Action::ClearFilter
            | Action::Help
            | Action::Statistics
            | Action::Anomalies
            | Action::Detail
            | Action::Pause
            | Action::Theme => self.arrange(action),
            _ => self.in_panel(action),
        }
    }

    /// Performs an action that changes what is shown outside the panels.
    fn arrange(&mut self, action: Action) -> Effect {
        match action {
            Action::ClearFilter => self.clear_filter(),
            Action::Help => self.help = Some(0),
            Action::Statistics | Action::Anomalies => {
                let (store, scope) = (self.store.lock(), self.timeline.rows.chosen.scope);
                let make = if action == Action::Statistics { Page::statistics } else { Page::anomalies };
                self.page = Some(make(&store, scope));
            }
            Action::Detail => self.resize_detail(),
            Action::Pause => self.known.paused = !self.known.paused,
            Action::Theme => {
                self.theme = self.theme.next();
                self.remembered.theme = Some(self.theme.name.to_owned());
                return Effect::Say(format!("theme: {}", self.theme.name));
            }
            _ => {}
        }
        Effect::None
    }

    /// Marks the first entry of the conversation selected in the list.
    fn mark_conversation(&mut self) -> Effect {
        let store = self.store.lock();
        let chosen = self.conversations.chosen().and_then(|slot| store.conversation(slot));
        let Some(chosen) = chosen else { return Effect::say("all conversations: choose one") };
        self.timeline.mark = chosen.entry(0);
        Effect::Say(format!("marked: {} shows another beside it", keys::key_for(Action::Compare)))
    }

    /// Compares the marked message with the selected one; entries that are not messages compare their conversations.
    fn compare(&mut self) -> Effect {
        if self.timeline.mark.is_none() {
            let effect = self.act(Action::Mark);
            return if matches!(effect, Effect::None) {
                Effect::Say(format!("marked: {} on another shows both", keys::key_for(Action::Compare)))
            } else {
                effect
            };
        }
        let mut store = self.store.lock();
        let Some(marked) = self.timeline.mark.and_then(|number| Some((number, *store.entry(number)?))) else {
            return Effect::None;
        };
        let selected = self.timeline.entry.and_then(|number| Some((number, *store.entry(number)?)));
        let is_message = |entry: &Entry| entry.what() == EntryKind::Message;
        if let Some((number, _)) = selected.filter(|(_, entry)| is_message(entry) && is_message(&marked.1))
            && self.panel != Panel::Conversations
        {
            if number == marked.0 {
                return Effect::say("this is the marked message: go to another");
            }
            self.page = Some(Page::messages(&mut store, [marked.0, number], self.layout.area.width));
            return Effect::None;
        }
        let other = match self.panel {
            Panel::Conversations => self.conversations.chosen(),
            _ => selected.and_then(|(_, entry)| entry.conversation()),
        };
        let pair = marked.1.conversation().zip(other).filter(|(one, other)| one != other);
        let Some((one, other)) = pair else {
            return Effect::say(
                "the mark is of this conversation, and not both are messages: choose another",
            );
        };
        let (range, form) = (self.timeline.rows.chosen.range, self.timeline.form.time);
        self.page = Some(Page::conversations(&mut store, [one, other], range, form));
        Effect::None
    }

    /// Passes an action to the focused panel, or to the timeline if only that handles it.
    fn in_panel(&mut self, action: Action) -> Effect {
        let is_of_panel = action.lines(1).is_some() || action == Action::Enter;
        match self.panel {
            Panel::Conversations if is_of_panel || action == Action::Sort => {
                self.conversations.handle(action)
            }
            Panel::Detail if is_of_panel || matches!(action, Action::Left | Action::Right) => {
                self.detail.handle(action)
            }
            _ => match action {
                Action::NextPanel | Action::Right => self.turn(true),
                Action::PreviousPanel | Action::Left => self.turn(false),
                Action::SortBackwards => self.conversations.handle(action),
                _ => {
                    let effect = self.timeline.handle(action, &mut self.store.lock());
                    if action == Action::TimeForm {
                        self.remembered.time = Some(self.timeline.form.time.words().0.to_owned());
                    }
                    effect
                }
            },
        }
    }

    fn stretch(&self, action: Action) -> Effect {
        let times = Times::of(&self.timeline, &self.store.lock());
        times.map_or(Effect::None, |times| Overview::handle(action, &times))
    }

    fn turn(&mut self, forward: bool) -> Effect {
        let left = (self.layout.area.width >= 60).then_some(Panel::Conversations);
        let right = (self.detail.size != DetailSize::Away).then_some(Panel::Detail);
        let panels: Vec<Panel> = [left, Some(Panel::Timeline), right].into_iter().flatten().collect();
        let at = panels.iter().position(|panel| *panel == self.panel).unwrap_or(0);
        let by = if forward { 1 } else { panels.len().saturating_sub(1) };
        let next = at.saturating_add(by).checked_rem(panels.len()).unwrap_or(0);
        self.panel = panels.get(next).copied().unwrap_or_default();
        Effect::None
    }

    fn resize_detail(&mut self) {
        let all = [DetailSize::Normal, DetailSize::Large, DetailSize::Away];
        self.detail.size = keys::next_of(&all, self.detail.size);
        self.sizes.detail = None;
        if self.detail.size == DetailSize::Away && self.panel == Panel::Detail {
            self.panel = Panel::Timeline;
        }
    }

    fn stop_or_restart(&mut self) -> Effect {
        if !self.feed.is_live() {
            return Effect::say("a file cannot be stopped");
        }
        if self.known.phase != Phase::Filling {
            return Effect::say("the capture has ended");
        }
        let result = if self.feed.is_stopped() { self.feed.restart() } else { self.feed.stop() };
        match result {
            Ok(()) if self.feed.is_stopped() => Effect::say("stopped: what comes now is not captured"),
            Ok(()) => Effect::say("capturing again"),
            Err(e) => Effect::Say(e.to_string()),
        }
    }
}
