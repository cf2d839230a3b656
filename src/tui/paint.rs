//! What the panels have in common: titles, selected rows, and what is seen of a list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::text::RowWriter;
use super::theme::Theme;

/// Writes a panel's name into the rule above it, and goes on behind it.
pub(super) fn title<'a>(
    buffer: &'a mut Buffer,
    theme: &Theme,
    area: Rect,
    name: &str,
    focus: bool,
) -> RowWriter<'a> {
    let (style, mark) = if focus { (theme.focus, "▸ ") } else { (theme.title, " ") };
    let x = area.x.saturating_add(1);
    let mut writer = RowWriter::new(buffer, x, area.y.saturating_sub(1), area.width.saturating_sub(1));
    writer.word(mark, style).word(name, style);
    writer
}

/// Returns the first line to be shown so that `selected` is among `height` lines.
pub(super) fn scroll(top: usize, selected: usize, height: usize, length: usize) -> usize {
    let most = length.saturating_sub(height);
    let lowest = selected.saturating_add(1).saturating_sub(height);
    top.clamp(lowest, selected.max(lowest)).min(most.max(lowest))
}

/// Lays a style over a row; hits of a search stay visible on it.
pub(super) fn tint(buffer: &mut Buffer, area: Rect, y: u16, style: Style, hit: Style) {
    let row = Rect { y, height: 1, ..area }.intersection(*buffer.area());
    for place in row.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        if hit.bg.is_some() && hit.bg == Some(cell.bg) {
            continue;
        }
        // What is turned round stands out on a row that is turned round by being as it is elsewhere.
        let twice = Modifier::REVERSED & style.add_modifier & cell.modifier;
        cell.set_style(style);
        cell.modifier.remove(twice);
    }
}
