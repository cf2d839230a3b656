//! What the screen looks like around its components. Drawing reads the store and changes nothing: what is seen was
//! laid out before ([`App::refresh`]).

mod help;
mod status;

pub(super) use help::last_top;
pub(super) use status::{count_at, hint_at};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::state::{App, Panel};
use super::text::RowWriter;
use super::theme::Theme;
use super::{conversations, detail, overview, timeline};
use crate::store::Store;

/// Draws everything as it was laid out.
pub(super) fn draw(app: &App, store: &mut Store, buffer: &mut Buffer) {
    let (area, layout, theme) = (*buffer.area(), &app.layout, &app.theme);
    buffer.set_style(area, theme.text);
    if area.width < 40 || area.height < 12 {
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.word("the window is too small: 40×12 at least", theme.warning);
        return;
    }
    frame(app, buffer);
    status::title(app, store, buffer);
    if layout.conversations.width > 0 {
        let focus = app.panel == Panel::Conversations;
        let (rows, time) = (&app.timeline.rows, app.timeline.form.time);
        let mark = app.timeline.mark.and_then(|number| store.entry(number)?.conversation());
        let look = conversations::Look { theme, store, rows, time, mark, focus };
        app.conversations.draw(&look, layout.conversations, buffer);
        app.conversations.draw_title(&look, layout.conversations, buffer);
    }
    let focus = app.panel == Panel::Timeline;
    let mut look = timeline::Look { theme, store, search: &app.search, phase: &app.phase, focus };
    app.timeline.draw(&mut look, layout.timeline, buffer);
    app.timeline.draw_title(&look, layout.timeline, buffer);
    app.overview.draw(&overview::Look { theme, store, timeline: &app.timeline }, buffer);
    if !layout.detail.is_empty() {
        let look = detail::Look { theme, focus: app.panel == Panel::Detail };
        app.detail.draw(&look, buffer);
        app.detail.draw_tabs(&look, layout.detail, buffer);
    }
    if let Some(page) = &app.page {
        page.draw(theme, layout.page(), buffer);
    }
    match &app.prompt {
        Some(prompt) => prompt.draw(theme, layout.status, layout.area.height / 3, buffer),
        None => status::draw(app, store, buffer),
    }
    if app.help.is_some() {
        help::draw(app, buffer);
    }
}

/// Draws the rules between the panels.
fn frame(app: &App, buffer: &mut Buffer) {
    let (layout, style) = (&app.layout, app.theme.rule);
    let y = layout.overview.bottom();
    rule(buffer, layout.area.x, y, layout.area.width, style);
    if layout.conversations.width > 0 {
        upright(buffer, layout.conversations.right(), y, layout.conversations.height, style);
    }
    if layout.detail.is_empty() {
        return;
    }
    if layout.beside {
        upright(buffer, layout.detail.x.saturating_sub(1), y, layout.detail.height, style);
        return;
    }
    let at = layout.detail.y.saturating_sub(1);
    rule(buffer, layout.detail.x, at, layout.detail.width, style);
    if layout.conversations.width > 0 {
        RowWriter::new(buffer, layout.conversations.right(), at, 1).word("├", style);
    }
}

fn rule(buffer: &mut Buffer, x: u16, y: u16, width: u16, style: Style) {
    RowWriter::new(buffer, x, y, width).fill('─', style);
}

fn upright(buffer: &mut Buffer, x: u16, y: u16, height: u16, style: Style) {
    RowWriter::new(buffer, x, y, 1).word("┬", style);
    for row in 1..=height {
        RowWriter::new(buffer, x, y.saturating_add(row), 1).word("│", style);
    }
}

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
