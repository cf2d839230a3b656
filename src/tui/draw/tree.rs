use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::document::{Field, FieldStyle};
use super::super::state::{App, Detail, Panel};
use super::super::text::{RowWriter, broken};
use super::super::theme::Theme;
use super::detail::Place;
use super::tint;

/// How many lines a sentence may take, and the value of the selected field.
const PROSE: usize = 4;
const SELECTED: usize = 12;

/// Lists the fields that no folded one hides.
pub(in super::super) fn shown_fields(detail: &Detail) -> Vec<usize> {
    let mut shown = Vec::new();
    let mut hidden_below: Option<u16> = None;
    for (n, field) in detail.document.fields.iter().enumerate() {
        if hidden_below.is_some_and(|depth| field.depth > depth) {
            continue;
        }
        hidden_below = detail.folded.contains(&n).then_some(field.depth);
        shown.push(n);
    }
    shown
}

/// Draws the fields as a tree.
pub(super) fn draw(app: &mut App, buffer: &mut Buffer, area: Rect) {
    let shown = shown_fields(&app.detail);
    let height = usize::from(area.height);
    let selected = shown.iter().position(|n| *n == app.detail.field).unwrap_or(0);
    let lines = |at: usize| shown.get(at).map_or(0, |n| Line::of(&app.detail, *n, area.width).height());
    // The first line moves as little as it must for the selected field to be seen whole.
    let [top, ..] = app.detail.tops;
    let mut from = top.min(selected);
    let mut above: usize = (from..selected).map(lines).sum();
    while from < selected && above.saturating_add(lines(selected)) > height {
        above = above.saturating_sub(lines(from));
        from = from.saturating_add(1);
    }
    // Nor is there room left below while there are fields above.
    let mut rest: usize = (from..shown.len()).map(lines).take(height).sum();
    while from > 0 && rest.saturating_add(lines(from.saturating_sub(1))) <= height {
        from = from.saturating_sub(1);
        rest = rest.saturating_add(lines(from));
    }
    let mut y = area.y;
    let mut drawn = Vec::new();
    for n in shown.iter().skip(from) {
        let Some(left) = area.bottom().checked_sub(y).filter(|left| *left > 0) else { break };
        let line = Line::of(&app.detail, *n, area.width);
        let height = u16::try_from(line.height()).unwrap_or(left).min(left);
        let place = Rect { y, height, ..area };
        line.draw(app, buffer, place);
        drawn.push((place, Place::Field(*n)));
        y = y.saturating_add(height);
    }
    let [top, ..] = &mut app.detail.tops;
    *top = from;
    app.detail_drawn.extend(drawn);
}

/// A field that is to be drawn.
struct Line<'a> {
    n: usize,
    field: Option<&'a Field>,
    /// The column at which its value begins, in the panel.
    indent: u16,
    /// The lines of its value, as ranges of it.
    value: Vec<std::ops::Range<usize>>,
}

impl<'a> Line<'a> {
    fn of(detail: &'a Detail, n: usize, width: u16) -> Self {
        let field = detail.document.fields.get(n);
        let Some(it) = field else { return Line { n, field, indent: 0, value: Vec::new() } };
        let name = super::super::text::columns(&it.name).max(it.name_columns);
        let indent = it.depth.saturating_mul(2).saturating_add(name).saturating_add(5);
        let most = match it.tone {
            _ if n == detail.field => SELECTED,
            FieldStyle::Prose => PROSE,
            _ => 1,
        };
        let mut value = Vec::new();
        if most > 1 && width > indent {
            value = broken(&it.value, usize::from(width.saturating_sub(indent)));
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

    fn draw(&self, app: &App, buffer: &mut Buffer, area: Rect) {
        let (theme, detail) = (&app.theme, &app.detail);
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
            let style = if app.panel == Panel::Detail { theme.selected } else { theme.unfocused };
            for y in area.y..area.bottom() {
                tint(buffer, area, y, style, theme.hit);
            }
        }
    }
}

/// Returns how a field's name and its value look.
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
