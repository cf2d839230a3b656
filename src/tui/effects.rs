//! What handlers ask for, done in one place.

use super::matcher::Matcher;
use super::state::{App, Effect, Panel};
use super::typing::remember;

impl App {
    /// Does what was asked for, as far as that lies within the screen, and returns the rest.
    pub(super) fn perform(&mut self, effect: Effect) -> Effect {
        match effect {
            Effect::None => {}
            Effect::Say(words) => self.say(words),
            Effect::Scope(scope) => self.show_scope(scope),
            Effect::Filter(text) => {
                self.page = None;
                self.filter_by(&text);
            }
            Effect::Range(from, to) => {
                self.page = None;
                self.show_range(Some((from, to)));
            }
            Effect::GoTo(number) => {
                self.page = None;
                self.reveal(number);
            }
            Effect::Close => self.page = None,
            Effect::Copy(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => return effect,
        }
        Effect::None
    }

    /// Shows what a filter lets through; a filter that cannot be understood changes nothing.
    fn filter_by(&mut self, text: &str) {
        match Matcher::parse(text) {
            Ok(matcher) => {
                remember(&mut self.filters, text);
                text.clone_into(&mut self.filter_text);
                self.show_filter(Some(matcher));
                self.panel = Panel::Timeline;
            }
            Err(mistake) => self.say(format!("{text}: {}", mistake.expected)),
        }
    }

    /// Goes to an entry, and shows all that hides it.
    fn reveal(&mut self, number: u32) {
        self.panel = Panel::Timeline;
        let shared = self.store.clone();
        let (scope, time) = {
            let store = shared.lock();
            let Some(entry) = store.entry(number) else { return };
            (entry.conversation(), entry.time())
        };
        if self.timeline.rows.is_filtered() && !self.is_shown(number) {
            self.filter_text.clear();
            self.show_filter(None);
        }
        if self.timeline.rows.range().is_some_and(|(from, to)| time < from || time > to) {
            self.show_range(None);
        }
        if self.timeline.rows.scope().is_some() && self.timeline.rows.scope() != scope {
            self.conversations.selected = 0;
            self.show_scope(None);
        }
        let store = shared.lock();
        self.go_to(&store, number);
    }

    /// Tells whether an entry is among the rows.
    pub(super) fn is_shown(&self, number: u32) -> bool {
        let store = self.store.lock();
        let rows = &self.timeline.rows;
        rows.get(&store, rows.row_of(&store, number)) == Some(number)
    }
}
