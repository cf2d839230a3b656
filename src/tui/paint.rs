//! Drawing shared by the panels: titles, selected rows and scrolling.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::text::RowWriter;
use super::theme::Theme;

/// A clickable text at a column of a line.
#[derive(Clone, Debug)]
pub(super) struct ClickableText<T> {
    pub(super) x: u16,
    pub(super) words: Line<'static>,
    pub(super) leads: T,
}

impl<T> ClickableText<T> {
    /// Places texts one after the other.
    pub(super) fn row(
        mut x: u16,
        words: impl IntoIterator<Item = (Line<'static>, T)>,
    ) -> Vec<ClickableText<T>> {
        let place = |(words, leads): (Line<'static>, T)| {
            let spot = ClickableText { x, words, leads };
            x = spot.end();
            spot
        };
        words.into_iter().map(place).collect()
    }

    /// Returns the column after it.
    pub(super) fn end(&self) -> u16 {
        self.x.saturating_add(u16::try_from(self.words.width()).unwrap_or(u16::MAX))
    }

    /// Returns the target of a click at a column.
    pub(super) fn at(spots: Vec<ClickableText<T>>, x: u16) -> Option<T> {
        spots.into_iter().find(|spot| (spot.x..spot.end()).contains(&x)).map(|spot| spot.leads)
    }

    pub(super) fn draw(spots: &[ClickableText<T>], y: u16, buffer: &mut Buffer) {
        for spot in spots {
            put(buffer, Rect { x: spot.x, y, width: spot.end() - spot.x, height: 1 }, &spot.words);
        }
    }
}

/// Draws a line of trusted text, with an ellipsis if it is truncated.
pub(super) fn put(buffer: &mut Buffer, area: Rect, line: &Line<'_>) {
    let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
    for span in &line.spans {
        writer.word(&span.content, line.style.patch(span.style));
    }
}

/// Returns the title of a panel: its name, followed by details.
pub(super) fn title(
    theme: &Theme,
    name: &'static str,
    focus: bool,
    rest: Vec<Span<'static>>,
) -> Line<'static> {
    let (style, mark) = if focus { (theme.focus, "▸ ") } else { (theme.title, " ") };
    [Span::styled(mark, style), Span::styled(name, style)].into_iter().chain(rest).collect()
}

/// Returns the area of a panel's title, in the rule above it.
pub(super) const fn above(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y.saturating_sub(1), width: area.width.saturating_sub(1), height: 1 }
}

/// Returns the first visible line such that `selected` is among the `height` visible ones.
pub(super) fn scroll(top: usize, selected: usize, height: usize, length: usize) -> usize {
    let most = length.saturating_sub(height);
    let lowest = selected.saturating_add(1).saturating_sub(height);
    top.clamp(lowest, selected.max(lowest)).min(most.max(lowest))
}

/// Applies a style to a row; highlighted search hits stay visible.
pub(super) fn apply_row_style(buffer: &mut Buffer, area: Rect, y: u16, style: Style, hit: Style) {
    let row = Rect { y, height: 1, ..area }.intersection(*buffer.area());
    for place in row.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        if hit.bg.is_some() && hit.bg == Some(cell.bg) {
            continue;
        }
        // A reversed cell in a reversed row stands out by not being reversed.
        let twice = Modifier::REVERSED & style.add_modifier & cell.modifier;
        cell.set_style(style);
        cell.modifier.remove(twice);
    }
}
