//! A line that is typed: a filter, a search, a place, the name of a file.

mod draw;

use super::effect::{Effect, PromptKind};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::filter::Candidate;

/// A line of text that is being typed.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    pub(super) ask: PromptKind,
    pub(super) text: String,
    /// Where the cursor is, in bytes.
    pub(super) cursor: usize,
    /// What was typed before, the last at the end, and which line of it is shown; `None` for what is typed.
    history: Vec<String>,
    past: Option<usize>,
    /// How much is written, of what is asked where to.
    pub(super) extent: String,
    pub(super) mistake: Option<(usize, String)>,
    /// What may stand at the cursor, and which of it was put in last.
    pub(super) candidates: Vec<Candidate>,
    pub(super) chosen: Option<usize>,
}

impl Prompt {
    pub(super) fn new(ask: PromptKind, text: &str, history: &[String]) -> Prompt {
        Prompt {
            ask,
            text: text.to_owned(),
            cursor: text.len(),
            history: history.to_vec(),
            past: None,
            extent: String::new(),
            mistake: None,
            candidates: Vec::new(),
            chosen: None,
        }
    }

    /// Does what a key asks for.
    pub(super) fn handle(&mut self, key: &KeyEvent) -> Effect {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Effect::Cancel,
            KeyCode::Enter => return Effect::Accept,
            KeyCode::Tab | KeyCode::BackTab => {
                self.complete(key.code == KeyCode::Tab);
                return Effect::Completed;
            }
            KeyCode::Char(c) if control => match c {
                'c' | 'g' => return Effect::Cancel,
                'z' => return Effect::Suspend,
                'l' => return Effect::Redraw,
                'a' => self.cursor = 0,
                'e' => self.cursor = self.text.len(),
                'u' => self.propose(String::new()),
                'w' => self.rub_word(),
                'h' => self.backspace(),
                _ => {}
            },
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace => self.backspace(),
            KeyCode::Delete => self.delete(),
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.right(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Up | KeyCode::Down => self.recall(key.code == KeyCode::Up),
            _ => {}
        }
        Effect::Typed
    }

    pub(super) fn insert(&mut self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor = self.cursor.saturating_add(text.len());
    }

    fn right(&mut self) {
        let next =
            self.text.get(self.cursor..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.cursor = self.cursor.saturating_add(next);
    }

    fn backspace(&mut self) {
        let before = self.before();
        self.text.replace_range(before..self.cursor, "");
        self.cursor = before;
    }

    fn delete(&mut self) {
        let from = self.cursor;
        self.right();
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
    }

    /// Deletes the word before the cursor.
    fn rub_word(&mut self) {
        let head = self.text.get(..self.cursor).unwrap_or_default();
        let kept = head.trim_end().rfind(' ').map_or(0, |at| at.saturating_add(1));
        self.text.replace_range(kept..self.cursor, "");
        self.cursor = kept;
    }

    /// Shows an earlier line, or a later one.
    fn recall(&mut self, earlier: bool) {
        let history = &self.history;
        let at = match (self.past, earlier) {
            (None, true) => history.len().checked_sub(1),
            (None, false) => None,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => at.checked_add(1).filter(|at| *at < history.len()),
        };
        self.past = at;
        let text = at.and_then(|at| history.get(at)).cloned();
        self.propose(text.unwrap_or_default());
    }

    /// Shows another text, to be accepted or changed.
    pub(super) fn propose(&mut self, text: String) {
        self.cursor = text.len();
        self.text = text;
    }

    /// Lists what may stand at the cursor, of which `list` knows.
    pub(super) fn suggest(&mut self, list: impl FnOnce(PromptKind, &str, usize) -> Vec<Candidate>) {
        self.chosen = None;
        self.candidates = list(self.ask, &self.text, self.cursor);
    }

    /// Puts the next candidate in, or the one before.
    fn complete(&mut self, forward: bool) {
        let last = self.candidates.len().saturating_sub(1);
        let next = match (self.chosen, forward) {
            (None, true) => 0,
            (Some(at), true) => {
                if at >= last {
                    0
                } else {
                    at.saturating_add(1)
                }
            }
            (at, false) => at.and_then(|at| at.checked_sub(1)).unwrap_or(last),
        };
        let Some(candidate) = self.candidates.get(next) else { return };
        let start = candidate.replaces.start.min(self.cursor);
        self.text.replace_range(start..self.cursor, &candidate.text);
        self.cursor = start.saturating_add(candidate.text.len());
        self.chosen = Some(next);
    }

    /// Returns whether what is wrong may only be that the line is not finished.
    fn is_unfinished(&self) -> bool {
        let end = self.text.trim_end().chars().count();
        let at_end = self.mistake.as_ref().is_some_and(|(column, _)| *column >= end);
        at_end || !self.candidates.is_empty()
    }

    /// Returns the column of the cursor.
    fn column(&self) -> u16 {
        self.width(self.cursor)
    }

    /// Returns the column of a character, given how many come before it.
    fn column_of(&self, characters: usize) -> u16 {
        self.width(self.text.char_indices().nth(characters).map_or(self.text.len(), |(at, _)| at))
    }

    /// Returns how many columns the first bytes take.
    fn width(&self, bytes: usize) -> u16 {
        super::text::columns(self.text.get(..bytes).unwrap_or_default())
    }

    fn before(&self) -> usize {
        let head = self.text.get(..self.cursor).unwrap_or_default();
        head.char_indices().next_back().map_or(0, |(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_whole_characters() {
        let mut prompt = Prompt::new(PromptKind::Search, "aé我", &[]);
        let press = |prompt: &mut Prompt, code| prompt.handle(&KeyEvent::new(code, KeyModifiers::NONE));
        press(&mut prompt, KeyCode::Backspace);
        press(&mut prompt, KeyCode::Left);
        prompt.insert("b\x1b");
        assert_eq!((prompt.text.as_str(), prompt.column()), ("abé", 2));
        prompt.delete();
        prompt.insert(" cd");
        prompt.rub_word();
        assert_eq!(prompt.text, "ab ");
    }

    #[test]
    fn walks_the_history_and_comes_back() {
        let history = ["one".to_owned(), "two".to_owned()];
        let mut prompt = Prompt::new(PromptKind::Filter, "", &history);
        for (earlier, want) in [(true, "two"), (true, "one"), (true, "one"), (false, "two"), (false, "")] {
            prompt.recall(earlier);
            assert_eq!(prompt.text, want);
        }
    }
}
