//! What the mouse does: clicks choose, the wheel moves, borders and stretches of time are dragged.

use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::detail::tab_at;
use super::draw::{count_at, hint_at};
use super::input::back;
use super::keys::Action;
use super::page::Page;
use super::state::{App, Drag, Effect, Panel};
use super::timeline::Line;
use crate::model::Timestamp;

/// How many rows a turn of the wheel moves.
const WHEEL: isize = 3;

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Effect {
        let at = Position { x: mouse.column, y: mouse.row };
        if let Some(top) = &mut self.help {
            match mouse.kind {
                MouseEventKind::ScrollDown => *top = top.saturating_add_signed(WHEEL),
                MouseEventKind::ScrollUp => *top = top.saturating_sub(WHEEL.unsigned_abs()),
                _ => {}
            }
            return Effect::None;
        }
        let area = self.layout.page();
        if let Some(page) = &mut self.page {
            let height = Page::height(area);
            return match mouse.kind {
                MouseEventKind::ScrollDown => page.handle(Action::Down, height),
                MouseEventKind::ScrollUp => page.handle(Action::Up, height),
                MouseEventKind::Down(MouseButton::Left) if at.y > area.y => {
                    page.click(usize::from(at.y.saturating_sub(area.y).saturating_sub(1)))
                }
                _ => Effect::None,
            };
        }
        if self.prompt.is_some() {
            return Effect::None;
        }
        if mouse.kind == MouseEventKind::Down(MouseButton::Left)
            && let Some(action) = self.action_at(at)
        {
            return self.act(action);
        }
        self.mouse_on_panels(mouse, at);
        Effect::None
    }

    /// Returns what a click on the first line or the last does.
    fn action_at(&self, at: Position) -> Option<Action> {
        let store = self.store.lock();
        if self.layout.status.contains(at) {
            hint_at(self, &store, at.x)
        } else if self.layout.title.contains(at) {
            count_at(self, &store, at.x)
        } else {
            None
        }
    }

    fn mouse_on_panels(&mut self, mouse: MouseEvent, at: Position) {
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::Drag(MouseButton::Left) => self.pull(at),
            MouseEventKind::Up(MouseButton::Left) => self.release(at),
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp => {
                let by =
                    if mouse.kind == MouseEventKind::ScrollDown { WHEEL } else { WHEEL.saturating_neg() };
                if self.layout.overview.contains(at) || self.layout.map.contains(at) {
                    return self.zoom(if by > 0 { 2.0 } else { 0.5 });
                }
                if let Some(panel) = self.panel_at(at) {
                    let before = std::mem::replace(&mut self.panel, panel);
                    self.step(by);
                    self.panel = before;
                }
            }
            _ => {}
        }
    }

    fn click(&mut self, at: Position) {
        let layout = self.layout;
        if layout.map_strip().contains(at) {
            self.drag = Some(Drag::Map);
            return self.centre(at.x);
        }
        if layout.strip().contains(at) {
            self.drag = Some(Drag::Overview(at.x, at.x));
            return;
        }
        if layout.conversations.width > 0
            && at.x == layout.conversations.right()
            && at.y >= layout.conversations.y
        {
            self.drag = Some(Drag::LeftBorder);
            return;
        }
        if at.y.saturating_add(1) == layout.conversations.y
            && let Some(sort) = self.conversations.head_at(layout.conversations, at.x)
        {
            self.conversations.sort_by(sort);
            return;
        }
        let above = at.y.saturating_add(1) == layout.detail.y && at.x >= layout.detail.x;
        let below = !layout.beside && above;
        let beside = layout.beside && at.x.saturating_add(1) == layout.detail.x && at.y >= layout.detail.y;
        if layout.detail.width > 0 && (above || beside) {
            if let Some(tab) = above.then(|| tab_at(layout.detail, at.x)).flatten() {
                self.detail.tab = tab;
            }
            if !below && !beside {
                return;
            }
            self.drag = Some(Drag::DetailBorder);
            return;
        }
        let Some(panel) = self.panel_at(at) else { return };
        self.panel = panel;
        match panel {
            Panel::Conversations => {
                let row = usize::from(at.y.saturating_sub(layout.conversations.y));
                let chosen = self.conversations.top.saturating_add(row);
                if chosen <= self.conversations.order.len() {
                    self.conversations.selected = chosen;
                    let scope = self.conversations.chosen();
                    self.show_scope(scope);
                }
            }
            Panel::Timeline => {
                let line = usize::from(at.y.saturating_sub(layout.timeline.y));
                if let Some(Line::Row(row)) = self.timeline.lines.get(line).copied() {
                    let shared = self.store.clone();
                    self.select(&shared.lock(), row);
                }
            }
            Panel::Detail => self.detail.click(at),
        }
    }

    fn pull(&mut self, at: Position) {
        let layout = self.layout;
        match self.drag {
            Some(Drag::LeftBorder) => self.left_width = Some(at.x.clamp(12, layout.area.width / 2)),
            Some(Drag::DetailBorder) if layout.beside => {
                self.detail_room = Some(layout.area.right().saturating_sub(at.x).saturating_sub(1));
            }
            Some(Drag::DetailBorder) => {
                self.detail_room = Some(layout.status.y.saturating_sub(at.y).saturating_sub(1));
            }
            Some(Drag::Overview(from, _)) => {
                let strip = layout.strip();
                let x = at.x.clamp(strip.x, strip.right().saturating_sub(1));
                self.drag = Some(Drag::Overview(from, x));
            }
            Some(Drag::Map) => self.centre(at.x),
            None => {}
        }
    }

    fn release(&mut self, at: Position) {
        let Some(Drag::Overview(from, _)) = self.drag.take() else { return };
        let strip = self.layout.strip();
        let x = at.x.clamp(strip.x, strip.right().saturating_sub(1));
        let (Some(begin), Some(end)) =
            (self.time_at(from.min(x)), self.time_at(from.max(x).saturating_add(1)))
        else {
            return;
        };
        if x.abs_diff(from) >= 2 {
            return self.show_range(Some((begin, end)));
        }
        let shared = self.store.clone();
        let store = shared.lock();
        let number = store.first_in(begin, end).unwrap_or_else(|| store.before(begin));
        let row = self.timeline.rows.row_of(&store, number);
        self.select(&store, row);
    }

    /// Shows as long a stretch of time as now, around a column of the map.
    fn centre(&mut self, x: u16) {
        let Some((from, to)) = self.timeline.rows.range() else { return };
        let shared = self.store.clone();
        let Some((first, last)) = shared.lock().times() else { return };
        let strip = self.layout.map_strip();
        let part = f64::from(x.saturating_sub(strip.x)) / f64::from(strip.width.saturating_sub(1).max(1));
        let middle = first.plus(Duration::from_secs_f64(last.since(first).as_secs_f64() * part.min(1.0)));
        self.show_from(back(middle, to.since(from).as_secs_f64() / 2.0));
    }

    /// Returns the moment at which a column of the overview begins.
    fn time_at(&self, x: u16) -> Option<Timestamp> {
        let strip = self.layout.strip();
        let (from, to) = self.window()?;
        let part = f64::from(x.saturating_sub(strip.x)) / f64::from(strip.width.max(1));
        Some(from.plus(Duration::from_secs_f64(to.since(from).as_secs_f64() * part)))
    }
}
