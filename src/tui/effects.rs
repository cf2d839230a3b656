//! Performing the effects that handlers request.

use super::effect::{DetailSize, Effect, Panel, PromptKind};
use super::matcher::Matcher;
use super::search::Search;
use super::state::App;
use crate::model::Timestamp;

impl App {
    /// Performs an effect as far as it concerns the screen, and returns what remains for the caller.
    pub(super) fn perform(&mut self, effect: Effect) -> Effect {
        match effect {
            Effect::None => {}
            Effect::Say(words) => self.say(words),
            Effect::Focus(panel) => self.focus(panel),
            Effect::Scope(scope) => self.timeline.show_scope(&self.store.lock(), scope),
            Effect::Choose(slot) => self.choose_slot(slot),
            Effect::Filter(text) => self.filter_by(&text),
            Effect::Range(range) => {
                self.page = None;
                self.timeline.show_range(&self.store.lock(), range);
            }
            Effect::Moment(begin, end) => self.go_to_moment(begin, end),
            Effect::GoTo(number) => return self.reveal(number),
            Effect::NextHit(forward) => self.seek(forward),
            Effect::Hit(row, arrival) => {
                self.timeline.select(&self.store.lock(), row);
                self.detail.arrival = Some(arrival);
            }
            Effect::Ask(ask, text) => self.ask(ask, &text),
            Effect::Typed => self.typed(),
            Effect::Completed => self.try_line(),
            Effect::Cancel => self.cancel(),
            Effect::Accept => {
                let effect = self.accept();
                return self.perform(effect);
            }
            Effect::Close => self.page = None,
            Effect::Copy(bytes, what) => {
                self.say(format!("copied {what} (if the terminal allows it)"));
                return Effect::Copy(bytes, what);
            }
            Effect::Redraw | Effect::Suspend | Effect::Quit => return effect,
        }
        Effect::None
    }

    fn focus(&mut self, panel: Panel) {
        self.panel = panel;
        if panel == Panel::Detail {
            self.detail.make_visible();
        }
    }

    /// Applies a filter; an invalid one changes nothing.
    fn filter_by(&mut self, text: &str) {
        self.page = None;
        match Matcher::parse(text) {
            Ok(matcher) => {
                remember(&mut self.typed.filters, text);
                text.clone_into(&mut self.typed.filter);
                self.timeline.show_filter(&self.store.lock(), Some(matcher));
                self.panel = Panel::Timeline;
            }
            Err(mistake) => self.say(format!("{text}: {}", mistake.expected)),
        }
    }

    /// Selects the first row of a time range, or the one at that place if there is none.
    fn go_to_moment(&mut self, begin: Timestamp, end: Timestamp) {
        let store = self.store.lock();
        let number = store.first_in(begin, end).unwrap_or_else(|| store.before(begin));
        let row = self.timeline.rows.row_of(&store, number);
        self.timeline.select(&store, row);
    }

    /// Moves to an entry, removing the filter, range and scope that hide it.
    fn reveal(&mut self, number: u32) -> Effect {
        self.page = None;
        self.panel = Panel::Timeline;
        let store = self.store.lock();
        let Some(entry) = store.entry(number).copied() else { return Effect::None };
        let timeline = &mut self.timeline;
        if timeline.rows.chosen.filter.is_some() && !timeline.shows(&store, number) {
            self.typed.filter.clear();
            timeline.show_filter(&store, None);
        }
        if timeline.rows.chosen.range.is_some_and(|(from, to)| entry.time() < from || entry.time() > to) {
            timeline.show_range(&store, None);
        }
        if timeline.rows.chosen.scope.is_some() && timeline.rows.chosen.scope != entry.conversation() {
            self.conversations.selected = 0;
            timeline.show_scope(&store, None);
        }
        let effect = timeline.go_to(&store, number);
        drop(store);
        self.perform(effect)
    }

    /// Moves to the next hit: within the message shown, otherwise in the next row that has one.
    fn seek(&mut self, forward: bool) {
        if !self.detail.step_hit(forward) {
            self.search.seek(&self.timeline.rows, self.timeline.selected, forward);
        }
    }

    /// Leaves the innermost state: a search, a panel, a conversation or a filter.
    pub(super) fn back(&mut self) -> Effect {
        match self.panel {
            _ if self.search.stop() => {}
            Panel::Conversations if !self.conversations.narrow.is_empty() => {
                self.conversations.narrow.clear();
            }
            Panel::Detail | Panel::Conversations => {
                if self.panel == Panel::Detail && self.detail.size == DetailSize::Large {
                    self.detail.size = DetailSize::Normal;
                }
                return Effect::Focus(Panel::Timeline);
            }
            Panel::Timeline if self.isolated.is_some() => return self.end_isolation(),
            Panel::Timeline if self.search.pattern.is_some() => self.search = Search::default(),
            Panel::Timeline if !self.typed.filter.is_empty() => self.clear_filter(),
            Panel::Timeline => return self.show_every_conversation(),
        }
        Effect::None
    }

    /// Removes the filter.
    pub(super) fn clear_filter(&mut self) {
        self.typed.filter.clear();
        self.timeline.show_filter(&self.store.lock(), None);
    }

    pub(super) fn show_every_conversation(&mut self) -> Effect {
        self.isolated = None;
        self.conversations.selected = 0;
        Effect::Scope(None)
    }

    /// Opens the search prompt; in the list of conversations, the prompt that narrows it.
    pub(super) fn ask_for_search(&self) -> Effect {
        match self.panel {
            Panel::Conversations => Effect::Ask(PromptKind::Narrow, self.conversations.narrow.clone()),
            _ => Effect::Ask(PromptKind::Search, String::new()),
        }
    }
}

/// Appends a line to a history, removing an earlier copy.
pub(super) fn remember(history: &mut Vec<String>, text: &str) {
    if !text.is_empty() {
        history.retain(|line| line != text);
        history.push(text.to_owned());
    }
}
