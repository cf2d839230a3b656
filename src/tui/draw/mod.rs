//! What the screen looks like: one file a panel. Drawing reads the store and changes nothing: what is seen was
//! laid out before ([`App::refresh`]).

mod help;
mod lanes;
mod overview;
mod prompt;
mod row;
mod status;
mod timeline;

pub(super) use help::last_top;
pub(super) use row::{Light, lit, style_of};
pub(super) use status::{count_at, hint_at};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::conversations::Look;
use super::detail;
use super::state::{App, Panel};
use super::text::{RowWriter, columns};
use crate::store::Store;

/// Draws everything as it was laid out.
pub(super) fn draw(app: &App, store: &mut Store, buffer: &mut Buffer) {
    let area = *buffer.area();
    buffer.set_style(area, app.theme.text);
    if area.width < 40 || area.height < 12 {
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.word("the window is too small: 40×12 at least", app.theme.warning);
        return;
    }
    status::title(app, store, buffer);
    if app.layout.conversations.width > 0 {
        let look = Look {
            theme: &app.theme,
            store,
            rows: &app.timeline.rows,
            time: app.form.time,
            focus: app.panel == Panel::Conversations,
        };
        app.conversations.draw(&look, app.layout.conversations, buffer);
    }
    if app.form.lanes {
        lanes::draw(app, store, buffer);
    } else {
        timeline::draw(app, store, buffer);
    }
    // Behind the list, for its bracket is around what the list shows.
    overview::map(app, store, buffer);
    overview::draw(app, store, buffer);
    app.detail.draw(&detail_look(app), buffer);
    frame(app, store, buffer);
    if let Some(page) = &app.page {
        page.draw(&app.theme, app.layout.page(), buffer);
    }
    status::draw(app, store, buffer);
    if app.help.is_some() {
        help::draw(app, buffer);
    }
}

fn detail_look(app: &App) -> detail::Look<'_> {
    detail::Look { theme: &app.theme, pattern: app.pattern.as_ref(), focus: app.panel == Panel::Detail }
}

/// Draws the rules between the panels, with their titles.
fn frame(app: &App, store: &Store, buffer: &mut Buffer) {
    let layout = &app.layout;
    let y = layout.overview.bottom();
    rule(buffer, layout.area.x, y, layout.area.width, app.theme.rule);
    if layout.conversations.width > 0 {
        let x = layout.conversations.right();
        upright(buffer, x, y, layout.conversations.height, app.theme.rule);
        let end = title(app, buffer, layout.conversations, "conversations", Panel::Conversations);
        app.conversations.heads(&app.theme, layout.conversations, end, buffer);
    }
    let end = title(
        app,
        buffer,
        layout.timeline,
        if app.form.lanes { "lanes" } else { "timeline" },
        Panel::Timeline,
    );
    if !app.form.lanes {
        timeline::heads(app, store, buffer, end);
    }
    if layout.detail.width == 0 || layout.detail.height == 0 {
        return;
    }
    if layout.beside {
        upright(buffer, layout.detail.x.saturating_sub(1), y, layout.detail.height, app.theme.rule);
    } else {
        let at = layout.detail.y.saturating_sub(1);
        rule(buffer, layout.detail.x, at, layout.detail.width, app.theme.rule);
        if layout.conversations.width > 0 {
            RowWriter::new(buffer, layout.conversations.right(), at, 1).word("├", app.theme.rule);
        }
    }
    app.detail.draw_tabs(&detail_look(app), layout.detail, buffer);
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

/// Writes a panel's title into the rule above it, and returns the column behind it.
fn title(app: &App, buffer: &mut Buffer, area: Rect, text: &str, panel: Panel) -> u16 {
    let style = if app.panel == panel { app.theme.focus } else { app.theme.title };
    let mark = if app.panel == panel { "▸ " } else { " " };
    let x = area.x.saturating_add(1);
    let mut writer = RowWriter::new(buffer, x, area.y.saturating_sub(1), area.width.saturating_sub(1));
    writer.word(mark, style).word(text, style);
    let dim = app.theme.dim;
    match panel {
        Panel::Conversations => {
            let (count, narrow) = (app.conversations.order.len() as u64, &app.conversations.narrow);
            if !narrow.is_empty() {
                let words = format!(" {} with ", super::clock::grouped(count));
                writer.word(&words, dim).wire(narrow.as_bytes(), app.theme.note, dim).word(" ", dim);
                return writer.x();
            }
            let words = format!(" {} ", super::clock::grouped(count));
            let fits = columns(&words) <= writer.left();
            writer.word(&if fits { words } else { format!(" {} ", super::clock::short(count)) }, dim);
        }
        Panel::Timeline => {
            writer.word(&format!(" {} ", super::clock::grouped(app.timeline.rows.len() as u64)), dim);
            if !app.timeline.rows.is_in_time() {
                let words = format!("by {}, the most first ", app.timeline.rows.order().name());
                writer.word(&words, app.theme.note);
            }
            if app.timeline.rows.are_heartbeats_hidden() {
                writer.word("without heartbeats and parts ", app.theme.note);
            }
            let unseen = app.timeline.rows.unseen();
            if unseen > 0 {
                let words = format!("({} dropped, not looked at) ", super::clock::grouped(unseen));
                writer.word(&words, app.theme.warning);
            }
            if app.timeline.rows.is_behind() {
                writer.word(
                    &format!("looking… {:.0} % ", app.timeline.rows.progress() * 100.0),
                    app.theme.note,
                );
            }
        }
        Panel::Detail => {}
    }
    if panel == Panel::Timeline && area.width >= 70 {
        writer.word(app.form.time.name(), dim).word(" ", dim);
    }
    writer.x()
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
