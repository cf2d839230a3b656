//! Drawing of everything around the components. Drawing reads the store and changes no state; the layout was computed
//! before ([`App::refresh`]).

pub(super) mod help;
mod status;

pub(super) use status::{counts, hints};

use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::effect::Panel;
use super::state::App;
use super::text::RowWriter;
use super::{conversations, detail, overview, timeline};
use crate::store::Store;

/// Draws the screen as it was laid out.
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
    let mut look = app.list_look(store);
    app.timeline.draw(&mut look, layout.timeline, buffer);
    app.timeline.draw_title(&look, layout.timeline, buffer);
    app.overview.draw(&overview::Look { theme, store, timeline: &app.timeline }, buffer);
    if !layout.detail.is_empty() {
        let look = app.detail_look();
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
    if let Some(top) = app.help {
        help::draw(theme, layout.area, top, buffer);
    }
}

impl App {
    /// Returns the context for drawing the timeline.
    pub(super) fn list_look<'a>(&'a self, store: &'a mut Store) -> timeline::Look<'a> {
        let (theme, search, phase) = (&self.theme, &self.search, &self.known.phase);
        timeline::Look { theme, store, search, phase, focus: self.panel == Panel::Timeline }
    }

    /// Returns the context for drawing the detail.
    pub(super) fn detail_look(&self) -> detail::Look<'_> {
        detail::Look { theme: &self.theme, focus: self.panel == Panel::Detail }
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
