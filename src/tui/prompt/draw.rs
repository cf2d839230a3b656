use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::clock::grouped;
use super::super::effect::PromptKind;
use super::super::text::{RowWriter, broken, columns};
use super::super::theme::Theme;
use super::Prompt;
use crate::text;

impl Prompt {
    /// Draws the line that is typed, and above it what is wrong with it and, in `most` lines, what may stand at its cursor.
    pub(in super::super) fn draw(&self, theme: &Theme, area: Rect, most: u16, buffer: &mut Buffer) {
        RowWriter::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.word(" ", theme.bar).word(&self.extent, theme.bar);
        writer.word(self.ask.words(), theme.key).word(" › ", theme.bar);
        let x = writer.x();
        writer.wire(self.text.as_bytes(), theme.bar, theme.bar);
        let above = self.mistake.as_ref().map_or(area.y, |(column, expected)| {
            self.draw_mistake(theme, area, x.saturating_add(self.column_of(*column)), expected, buffer)
        });
        self.draw_candidates(theme, area, (x, above), most, buffer);
        let cursor = x.saturating_add(self.column());
        RowWriter::new(buffer, cursor, area.y, 1).blank(1, Style::new().add_modifier(Modifier::REVERSED));
        if self.text.is_empty() {
            let x = x.saturating_add(2);
            RowWriter::new(buffer, x, area.y, area.right().saturating_sub(x))
                .word(example(self.ask), theme.bar.patch(theme.dim));
        }
    }

    /// Draws what was expected in the row above, with a mark that points at the column; returns the topmost row it took.
    ///
    /// The words stand behind the mark, before it, or above it, wherever they fit whole.
    fn draw_mistake(&self, theme: &Theme, area: Rect, x: u16, expected: &str, buffer: &mut Buffer) -> u16 {
        // Who is still typing did nothing wrong yet.
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
        let lines = broken(shown.as_bytes(), usize::from(area.width.saturating_sub(2)).max(1));
        let top = y.saturating_sub(u16::try_from(lines.len()).unwrap_or(0));
        for (at, line) in (top..y).zip(lines) {
            RowWriter::new(buffer, area.x, at, area.width).fill(' ', theme.bar);
            let line = shown.get(line).unwrap_or_default().trim_start();
            RowWriter::new(buffer, area.x.saturating_add(1), at, area.width).word(line, style);
        }
        top
    }

    /// Draws what may stand at the cursor, above row `below`.
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
        // How many more there are stands in a line of its own.
        let last = below.saturating_sub(u16::from(more > 0));
        let top = last.saturating_sub(u16::try_from(shown.len()).unwrap_or(0));
        for (n, candidate) in shown.iter().enumerate() {
            let y = top.saturating_add(u16::try_from(n).unwrap_or(0));
            for at in x..x.saturating_add(width) {
                if let Some(cell) = buffer.cell_mut((at, y)) {
                    cell.reset();
                }
            }
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

/// Returns what could be typed.
const fn example(ask: PromptKind) -> &'static str {
    match ask {
        PromptKind::Filter => "len > 1k and json.type == \"trade\" · Tab completes, ↑ recalls",
        PromptKind::Search => "text, r\"regular expression\" or x\"68 65 78\" · ↑ recalls",
        PromptKind::Narrow => "words of host, path, address or sub-protocol",
        PromptKind::Columns => "fields with commas between them: json.type,rtt,host · nothing for none",
        PromptKind::GoTo => "1234 a packet · 12:00:05 or +3.5 a time · #4 a conversation · m17 a message",
        PromptKind::Export => "a file's name: .ndjson or .json",
        PromptKind::Save => "a file's name: .pcapng",
    }
}
