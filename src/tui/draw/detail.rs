use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::keys::{self, Action};
use super::super::state::{App, Panel, Tab};
use super::super::text::{RowWriter, columns};
use super::{hex, payload, tree};

/// What is drawn at a place of the detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Place {
    Field(usize),
    Byte(usize),
}

/// From how many columns on the tree and the bytes stand side by side.
const BOTH: u16 = 98;

/// Draws the tabs into the rule above the detail.
pub(super) fn tabs(app: &App, buffer: &mut Buffer) {
    let area = app.layout.detail;
    let focus = app.panel == Panel::Detail;
    let mut writer = RowWriter::new(
        buffer,
        area.x.saturating_add(1),
        area.y.saturating_sub(1),
        area.width.saturating_sub(2),
    );
    writer.word(if focus { "▸" } else { " " }, app.theme.focus);
    for (n, (tab, name)) in Tab::ALL.iter().enumerate() {
        let style = if *tab == app.detail.tab {
            if focus { app.theme.focus } else { app.theme.title }
        } else {
            app.theme.dim
        };
        writer.word(&format!(" {}", n.saturating_add(1)), app.theme.rule).word(&format!(" {name} "), style);
    }
    if let Some(words) = app.detail.document.left_out() {
        let key = keys::key_for(Action::Export);
        writer.word(&format!("  {words}; {key} exports all "), app.theme.warning);
    }
}

/// Returns the tab whose name stands at a column.
pub(in super::super) fn tab_at(area: Rect, x: u16) -> Option<Tab> {
    let mut at = area.x.saturating_add(2);
    for (tab, name) in Tab::ALL {
        let end = at.saturating_add(columns(name)).saturating_add(4);
        if (at..end).contains(&x) {
            return Some(tab);
        }
        at = end;
    }
    None
}

/// Draws the selected entry.
pub(super) fn draw(app: &mut App, buffer: &mut Buffer) {
    let area = app.layout.detail;
    app.detail_drawn.clear();
    if area.width == 0 || area.height == 0 {
        return;
    }
    app.detail.height = usize::from(area.height);
    match app.detail.tab {
        Tab::Tree => both(app, buffer, area, false),
        Tab::Hex => both(app, buffer, area, true),
        Tab::Text => payload::text(app, buffer, area),
        Tab::Json => payload::tree(app, buffer, area),
    }
}

/// Draws tree and bytes in step where there is room for both, else the one that was asked for.
fn both(app: &mut App, buffer: &mut Buffer, area: Rect, hex_first: bool) {
    if area.width >= BOTH {
        // The bytes take what their rows need, the tree all else.
        let bytes = if area.width >= 200 { 32 } else { 16 };
        let tree = area.width.saturating_sub(hex::width_of(bytes)).saturating_sub(1);
        let left = Rect { width: tree.max(20), ..area };
        tree::draw(app, buffer, left);
        let x = left.right().saturating_add(1);
        hex::draw(app, buffer, Rect { x, width: area.right().saturating_sub(x), ..area });
    } else if area.height >= 24 {
        let upper = Rect { height: area.height.saturating_mul(3) / 5, ..area };
        tree::draw(app, buffer, upper);
        super::rule(buffer, area.x, upper.bottom(), area.width, app.theme.rule);
        let y = upper.bottom().saturating_add(1);
        hex::draw(app, buffer, Rect { y, height: area.bottom().saturating_sub(y), ..area });
    } else if hex_first {
        hex::draw(app, buffer, area);
    } else {
        tree::draw(app, buffer, area);
    }
}
