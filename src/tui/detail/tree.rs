use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::document::{Field, FieldStyle};
use super::super::paint::apply_row_style;
use super::super::text::{RowWriter, columns, wrap};
use super::super::theme::Theme;
use super::{Detail, Look};

/// The maximum number of lines for a sentence, and for the value of the selected field.
const PROSE: usize = 4;
const SELECTED: usize = 12;

impl Detail {
    /// Returns the first visible field, scrolling as little as necessary to show the selected one completely.
    pub(super) fn first_field(&self, area: Rect) -> usize {
        let (shown, height) = (&self.shown_fields, usize::from(area.height));
        let selected = shown.iter().position(|n| *n == self.field).unwrap_or(0);
        let lines = |at: usize| shown.get(at).map_or(0, |n| Line::of(self, *n, area.width).height());
        let mut from = self.tree_top.min(selected);
        let mut above: usize = (from..selected).map(lines).sum();
        while from < selected && above.saturating_add(lines(selected)) > height {
            above = above.saturating_sub(lines(from));
            from = from.saturating_add(1);
        }
        // No room is left empty below while there are fields above.
        let mut rest: usize = (from..shown.len()).map(lines).take(height).sum();
        while from > 0 && rest.saturating_add(lines(from.saturating_sub(1))) <= height {
            from = from.saturating_sub(1);
            rest = rest.saturating_add(lines(from));
        }
        from
    }

    /// Returns the visible fields with their areas.
    pub(super) fn fields_seen(&self) -> impl Iterator<Item = (Rect, usize)> {
        let area = self.panes.tree.unwrap_or_default();
        self.shown_fields.iter().skip(self.tree_top).scan(area.y, move |y, n| {
            let left = area.bottom().checked_sub(*y).filter(|left| *left > 0)?;
            let height = u16::try_from(Line::of(self, *n, area.width).height()).unwrap_or(left).min(left);
            let place = Rect { y: *y, height, ..area };
            *y = place.bottom();
            Some((place, *n))
        })
    }

    /// Draws the fields as a tree.
    pub(super) fn draw_tree(&self, look: &Look<'_>, buffer: &mut Buffer) {
        for (place, n) in self.fields_seen() {
            Line::of(self, n, place.width).draw(self, look, buffer, place);
        }
    }
}

/// A field to be drawn.
struct Line<'a> {
    n: usize,
    field: Option<&'a Field>,
    /// The column of the value, relative to the panel.
    indent: u16,
    /// The lines of the value, as ranges of it.
    value: Vec<std::ops::Range<usize>>,
}

impl<'a> Line<'a> {
    fn of(detail: &'a Detail, n: usize, width: u16) -> Self {
        let field = detail.document.fields.get(n);
        let Some(it) = field else { return Line { n, field, indent: 0, value: Vec::new() } };
        let name = columns(&it.name).max(it.name_columns);
        let indent = it.depth.saturating_mul(2).saturating_add(name).saturating_add(5);
        let most = match it.tone {
            _ if n == detail.field => SELECTED,
            FieldStyle::Prose => PROSE,
            _ => 1,
        };
        let mut value = Vec::new();
        if most > 1 && width > indent {
            value = wrap(&it.value, usize::from(width.saturating_sub(indent)));
            if value.len() > most {
                let start = value.get(most.saturating_sub(1)).map_or(0, |range| range.start);
                value.truncate(most.saturating_sub(1));
                value.push(start..it.value.len());
            }
        } else {
            value.push(0..it.value.len());
        }
        Line { n, field, indent, value }
    }

    fn height(&self) -> usize {
        self.value.len().max(1)
    }

    fn draw(&self, detail: &Detail, look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
        let theme = look.theme;
        let Some(field) = self.field else { return };
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.blank(field.depth.saturating_mul(2).saturating_add(1), theme.text);
        let fold = match (detail.document.has_children(self.n), detail.folded.contains(&self.n)) {
            (true, true) => "▸ ",
            (true, false) => "▾ ",
            (false, _) => "  ",
        };
        let (name, value) = styles(theme, field.tone);
        writer.word(fold, theme.dim).word(&field.name, name);
        for (line, range) in self.value.iter().enumerate() {
            let y = area.y.saturating_add(u16::try_from(line).unwrap_or(u16::MAX));
            if y >= area.bottom() {
                break;
            }
            let x = area.x.saturating_add(self.indent);
            let bytes = field.value.get(range.clone()).unwrap_or_default();
            RowWriter::new(buffer, x, y, area.right().saturating_sub(x)).wire(bytes, value, theme.escape);
        }
        if self.n == detail.field {
            let style = if look.focus { theme.selected } else { theme.unfocused };
            for y in area.y..area.bottom() {
                apply_row_style(buffer, area, y, style, theme.hit);
            }
        }
    }
}

/// Returns the styles of a field's name and value.
const fn styles(theme: &Theme, tone: FieldStyle) -> (Style, Style) {
    match tone {
        FieldStyle::Heading => (theme.title, theme.text),
        FieldStyle::Plain | FieldStyle::Prose => (theme.name_of, theme.text),
        FieldStyle::Quiet => (theme.name_of, theme.dim),
        FieldStyle::Good => (theme.name_of, theme.good),
        FieldStyle::Bad(severity) => (theme.severity(severity), theme.severity(severity)),
        FieldStyle::From(side) => (theme.side(side), theme.text),
    }
}
