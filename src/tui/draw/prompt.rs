use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};

use super::super::clock::grouped;
use super::super::prompt::{Prompt, PromptKind};
use super::super::state::App;
use super::super::text::{RowWriter, broken, columns};
use crate::view;

/// Draws the line that is typed, and above it what is wrong with it and what may stand at its cursor.
pub(super) fn draw(app: &App, prompt: &Prompt, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.status;
    let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
    writer.word(" ", theme.bar).word(&prompt.extent, theme.bar);
    writer.word(prompt.ask.words(), theme.key).word(" › ", theme.bar);
    let x = writer.x();
    writer.wire(prompt.text.as_bytes(), theme.bar, theme.bar);
    let mut above = area.y;
    if let Some((column, expected)) = &prompt.mistake {
        above = mistake(app, buffer, (x.saturating_add(prompt.column_of(*column)), above), expected, prompt);
    }
    candidates(app, prompt, buffer, (x, above));
    let cursor = x.saturating_add(prompt.column());
    RowWriter::new(buffer, cursor, area.y, 1).blank(1, Style::new().add_modifier(Modifier::REVERSED));
    if prompt.text.is_empty() {
        let x = x.saturating_add(2);
        RowWriter::new(buffer, x, area.y, area.right().saturating_sub(x))
            .word(example(prompt.ask), theme.bar.patch(theme.dim));
    }
}

/// Returns what could be typed.
const fn example(ask: PromptKind) -> &'static str {
    match ask {
        PromptKind::Filter => "len > 1k and json.type == \"trade\" · Tab completes, ↑ recalls",
        PromptKind::Search => "text, r\"regular expression\" or x\"68 65 78\" · ↑ recalls",
        PromptKind::Narrow => "words of host, path, address or sub-protocol",
        PromptKind::GoTo => "1234 a packet · 12:00:05 or +3.5 a time · #4 a conversation · m17 a message",
        PromptKind::Export => "a file's name: .ndjson or .json",
        PromptKind::Save => "a file's name: .pcapng",
    }
}

/// Draws what was expected, above row `below`, with a mark that points at the column; returns the topmost row it took.
///
/// The words stand behind the mark, before it, or above it, wherever they fit whole.
fn mistake(app: &App, buffer: &mut Buffer, (x, below): (u16, u16), expected: &str, prompt: &Prompt) -> u16 {
    let (theme, area) = (&app.theme, app.layout.status);
    // Who is still typing did nothing wrong yet.
    let style = theme.bar.patch(if prompt.is_unfinished() { theme.note } else { theme.error });
    let y = below.saturating_sub(1);
    RowWriter::new(buffer, area.x, y, area.width).fill(' ', theme.bar);
    let x = x.min(area.right().saturating_sub(1));
    RowWriter::new(buffer, x, y, 1).word("▼", style);
    let shown = view::printable_string(expected.as_bytes());
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
fn candidates(app: &App, prompt: &Prompt, buffer: &mut Buffer, (x, below): (u16, u16)) {
    let theme = &app.theme;
    let area = app.layout.status;
    let most = usize::from(area.height.max(app.layout.area.height / 3));
    let from = prompt.chosen.map_or(0, |at| at.saturating_add(1).saturating_sub(most));
    let shown = prompt.candidates.get(from..).unwrap_or_default();
    let shown = shown.get(..most).unwrap_or(shown);
    let names = shown.iter().map(|candidate| columns(&candidate.text)).max().unwrap_or(0).min(40);
    let abouts = shown.iter().map(|candidate| columns(candidate.about)).max().unwrap_or(0);
    let width = names.saturating_add(abouts).saturating_add(4).min(area.width);
    let x = x.min(area.right().saturating_sub(width));
    let more = prompt.candidates.len().saturating_sub(from.saturating_add(shown.len()));
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
        let chosen = prompt.chosen == Some(from.saturating_add(n));
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
