//! The input line for a filter, a search, a target or a file name.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Clear, Widget as _};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::clock::grouped;
use super::effect::{Effect, PromptKind};
use super::text::{RowWriter, columns, wrap};
use super::theme::Theme;
use crate::filter::Candidate;
use crate::text;

/// An input line.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    pub(super) ask: PromptKind,
    input: Input,
    /// Earlier lines, the latest last, and the index of the one recalled; `None` for new input.
    history: Vec<String>,
    past: Option<usize>,
    /// The amount of data to be written, when the prompt is for a file name.
    pub(super) extent: String,
    pub(super) mistake: Option<(usize, String)>,
    /// The completions at the cursor, and the one inserted last.
    pub(super) candidates: Vec<Candidate>,
    chosen: Option<usize>,
}

impl Prompt {
    pub(super) fn new(ask: PromptKind, text: &str, history: &[String]) -> Prompt {
        Prompt {
            ask,
            input: text.into(),
            history: history.to_vec(),
            past: None,
            extent: String::new(),
            mistake: None,
            candidates: Vec::new(),
            chosen: None,
        }
    }

    pub(super) fn text(&self) -> &str {
        self.input.value()
    }

    /// Handles a key; editing keys are those of a shell.
    pub(super) fn handle(&mut self, key: &KeyEvent) -> Effect {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Effect::Cancel,
            KeyCode::Enter => return Effect::Accept,
            KeyCode::Tab | KeyCode::BackTab => {
                self.complete(key.code == KeyCode::Tab);
                return Effect::Completed;
            }
            KeyCode::Char('c' | 'g') if control => return Effect::Cancel,
            KeyCode::Char('z') if control => return Effect::Suspend,
            KeyCode::Char('l') if control => return Effect::Redraw,
            KeyCode::Up | KeyCode::Down => self.recall(key.code == KeyCode::Up),
            _ => {
                self.input.handle_event(&Event::Key(*key));
            }
        }
        Effect::Typed
    }

    pub(super) fn insert(&mut self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.replace(self.byte(self.input.cursor()), &text);
    }

    /// Replaces the text between byte `start` and the cursor.
    fn replace(&mut self, start: usize, text: &str) {
        let (line, cursor) = (self.text(), self.byte(self.input.cursor()));
        let head = line.get(..start.min(cursor)).unwrap_or_default().to_owned() + text;
        let line = format!("{head}{}", line.get(cursor..).unwrap_or_default());
        self.input = std::mem::take(&mut self.input).with_value(line).with_cursor(head.chars().count());
    }

    /// Recalls an earlier or later line.
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

    /// Shows another text, to be accepted or edited.
    pub(super) fn propose(&mut self, text: String) {
        self.input = std::mem::take(&mut self.input).with_value(text);
    }

    /// Updates the completions at the cursor, which `list` supplies.
    pub(super) fn suggest(&mut self, list: impl FnOnce(PromptKind, &str, usize) -> Vec<Candidate>) {
        self.chosen = None;
        self.candidates = list(self.ask, self.text(), self.byte(self.input.cursor()));
    }

    /// Inserts the next or previous completion.
    fn complete(&mut self, forward: bool) {
        let last = self.candidates.len().saturating_sub(1);
        let next = match (self.chosen, forward) {
            (None, true) => 0,
            (Some(at), true) if at < last => at.saturating_add(1),
            (Some(_), true) => 0,
            (at, false) => at.and_then(|at| at.checked_sub(1)).unwrap_or(last),
        };
        let Some(candidate) = self.candidates.get(next) else { return };
        let (start, text) = (candidate.replaces.start, candidate.text.clone());
        self.replace(start, &text);
        self.chosen = Some(next);
    }

    /// Returns whether the error may only be due to incomplete input.
    fn is_unfinished(&self) -> bool {
        let end = self.text().trim_end().chars().count();
        let at_end = self.mistake.as_ref().is_some_and(|(column, _)| *column >= end);
        at_end || !self.candidates.is_empty()
    }

    /// Returns the byte offset of a character.
    fn byte(&self, character: usize) -> usize {
        self.text().char_indices().nth(character).map_or(self.text().len(), |(at, _)| at)
    }

    /// Returns the column of a character.
    fn column(&self, character: usize) -> u16 {
        columns(self.text().get(..self.byte(character)).unwrap_or_default())
    }

    /// Draws the line, and above it any error and up to `most` lines of completions.
    pub(super) fn draw(&self, theme: &Theme, area: Rect, most: u16, buffer: &mut Buffer) {
        let (words, example) = self.ask.words();
        buffer.set_style(area, theme.bar);
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.word(" ", theme.bar).word(&self.extent, theme.bar);
        writer.word(words, theme.key).word(" › ", theme.bar);
        let x = writer.x();
        writer.wire(self.text().as_bytes(), theme.bar, theme.bar);
        let above = self.mistake.as_ref().map_or(area.y, |(column, expected)| {
            self.draw_mistake(theme, area, x.saturating_add(self.column(*column)), expected, buffer)
        });
        self.draw_candidates(theme, area, (x, above), most, buffer);
        let cursor = x.saturating_add(self.column(self.input.cursor()));
        RowWriter::new(buffer, cursor, area.y, 1).blank(1, Style::new().add_modifier(Modifier::REVERSED));
        if self.text().is_empty() {
            let x = x.saturating_add(2);
            RowWriter::new(buffer, x, area.y, area.right().saturating_sub(x))
                .word(example, theme.bar.patch(theme.dim));
        }
    }

    /// Draws the expected syntax in the row above, with a mark pointing at the column; returns the topmost row used.
    ///
    /// The text is after the mark, before it or above it, wherever it fits entirely.
    fn draw_mistake(&self, theme: &Theme, area: Rect, x: u16, expected: &str, buffer: &mut Buffer) -> u16 {
        // Incomplete input is not an error yet.
        let style = theme.bar.patch(if self.is_unfinished() { theme.note } else { theme.error });
        let y = area.y.saturating_sub(1);
        RowWriter::new(buffer, area.x, y, area.width).fill(' ', theme.bar);
        let x = x.min(area.right().saturating_sub(1));
        RowWriter::new(buffer, x, y, 1).word("▼", style);
        let shown = text::printable_string(expected.as_bytes());
        let words = columns(&shown).saturating_add(1);
        if x.saturating_add(words) < area.right() {
            RowWriter::new(buffer, x.saturating_add(2), y, words).word(&shown, style);
            return y;
        }
        if let Some(begin) = x.checked_sub(words).filter(|begin| *begin > area.x) {
            RowWriter::new(buffer, begin, y, words).word(&shown, style);
            return y;
        }
        let lines = wrap(shown.as_bytes(), usize::from(area.width.saturating_sub(2)).max(1));
        let top = y.saturating_sub(u16::try_from(lines.len()).unwrap_or(0));
        for (at, line) in (top..y).zip(lines) {
            RowWriter::new(buffer, area.x, at, area.width).fill(' ', theme.bar);
            let line = shown.get(line).unwrap_or_default().trim_start();
            RowWriter::new(buffer, area.x.saturating_add(1), at, area.width).word(line, style);
        }
        top
    }

    /// Draws the completions above row `below`.
    fn draw_candidates(
        &self,
        theme: &Theme,
        area: Rect,
        (x, below): (u16, u16),
        most: u16,
        buffer: &mut Buffer,
    ) {
        let most = usize::from(most.max(1));
        let from = self.chosen.map_or(0, |at| at.saturating_add(1).saturating_sub(most));
        let shown = self.candidates.get(from..).unwrap_or_default();
        let shown = shown.get(..most).unwrap_or(shown);
        let names = shown.iter().map(|candidate| columns(&candidate.text)).max().unwrap_or(0).min(40);
        let abouts = shown.iter().map(|candidate| columns(candidate.about)).max().unwrap_or(0);
        let width = names.saturating_add(abouts).saturating_add(4).min(area.width);
        let x = x.min(area.right().saturating_sub(width));
        let more = self.candidates.len().saturating_sub(from.saturating_add(shown.len()));
        // The number of further completions has its own line.
        let last = below.saturating_sub(u16::from(more > 0));
        let top = last.saturating_sub(u16::try_from(shown.len()).unwrap_or(0));
        Clear.render(Rect { x, y: top, width, height: last.saturating_sub(top) }, buffer);
        for (n, candidate) in shown.iter().enumerate() {
            let y = top.saturating_add(u16::try_from(n).unwrap_or(0));
            let chosen = self.chosen == Some(from.saturating_add(n));
            let style = if chosen { theme.bar.patch(theme.selected) } else { theme.bar };
            RowWriter::new(buffer, x, y, width).blank(width, style);
            let mut writer = RowWriter::new(buffer, x, y, width);
            writer.word(" ", style).within(names, |writer| {
                writer.wire(candidate.text.as_bytes(), style, style);
            });
            writer.word("  ", style).word(candidate.about, style.patch(theme.dim));
        }
        if more > 0 {
            let words = format!(" ↓ {} more ", grouped(more as u64));
            let width = width.max(columns(&words));
            RowWriter::new(buffer, x, last, width).word(&words, theme.key).fill(' ', theme.bar);
        }
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
        assert_eq!((prompt.text(), prompt.column(prompt.input.cursor())), ("abé", 2));
        press(&mut prompt, KeyCode::Delete);
        prompt.insert(" cd");
        prompt.handle(&KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(prompt.text(), "ab ");
    }

    #[test]
    fn walks_the_history_and_comes_back() {
        let history = ["one".to_owned(), "two".to_owned()];
        let mut prompt = Prompt::new(PromptKind::Filter, "", &history);
        for (earlier, want) in [(true, "two"), (true, "one"), (true, "one"), (false, "two"), (false, "")] {
            prompt.recall(earlier);
            assert_eq!(prompt.text(), want);
        }
    }
}
