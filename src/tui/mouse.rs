//! Mouse handling: clicks select, the wheel scrolls, and borders and time ranges are dragged.

use std::time::{Duration, Instant};

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::conversations::SortBy;
use super::detail::Tab;
use super::draw::{counts, hints};
use super::effect::{Border, Effect, Panel};
use super::keys::Action;
use super::overview::Times;
use super::page::Page;
use super::paint::{ClickableText, above};
use super::rows::RowOrder;
use super::state::App;

/// The number of rows scrolled per step of the wheel.
const WHEEL: isize = 3;

/// The maximum time between the clicks of a double click.
const DOUBLE: Duration = Duration::from_millis(400);

impl App {
    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Effect {
        let at = Position { x: mouse.column, y: mouse.row };
        let wheel = match mouse.kind {
            MouseEventKind::ScrollDown => Some(WHEEL),
            MouseEventKind::ScrollUp => Some(WHEEL.saturating_neg()),
            _ => None,
        };
        let is_click = mouse.kind == MouseEventKind::Down(MouseButton::Left);
        if let Some(top) = &mut self.help {
            *top = top.saturating_add_signed(wheel.unwrap_or(0));
            return Effect::None;
        }
        let area = self.layout.page();
        let hint = if is_click && self.prompt.is_none() { self.action_at(at) } else { None };
        if let Some(page) = &mut self.page {
            let height = Page::height(area);
            return match wheel {
                None if hint.is_some() => hint.map_or(Effect::None, |action| page.handle(action, height)),
                Some(by) => page.handle(if by > 0 { Action::Down } else { Action::Up }, Page::height(area)),
                None if is_click && at.y > area.y && area.contains(at) => {
                    page.click(usize::from(at.y.saturating_sub(area.y).saturating_sub(1)))
                }
                None => Effect::None,
            };
        }
        if self.prompt.is_some() {
            return Effect::None;
        }
        if let Some(action) = hint {
            return self.act(action);
        }
        let times = Times::of(&self.timeline, &self.store.lock());
        if let Some(effect) = times.and_then(|times| self.overview.mouse(mouse, &times)) {
            return effect;
        }
        match (wheel, mouse.kind) {
            (Some(by), _) => self.wheel(at, by),
            (_, MouseEventKind::Down(MouseButton::Left)) => self.click(at),
            (_, MouseEventKind::Drag(MouseButton::Left)) => self.pull(at),
            (_, MouseEventKind::Up(MouseButton::Left)) => {
                self.sizes.border = None;
                Effect::None
            }
            _ => Effect::None,
        }
    }

    /// Returns the action of a click on the first or the last line.
    fn action_at(&self, at: Position) -> Option<Action> {
        let store = self.store.lock();
        if self.layout.status.contains(at) {
            ClickableText::at(hints(self, &store), at.x)
        } else if self.layout.title.contains(at) {
            ClickableText::at(counts(self, &store), at.x)?
        } else {
            None
        }
    }

    /// Returns the order selected by a column heading of the timeline.
    fn order_at(&self, at: Position) -> Option<RowOrder> {
        let area = self.layout.timeline;
        let mut store = self.store.lock();
        above(area)
            .contains(at)
            .then(|| ClickableText::at(self.timeline.heads(&self.list_look(&mut store), area), at.x))??
    }

    /// Returns the sort key selected by a heading of the list of conversations.
    fn sort_at(&self, at: Position) -> Option<SortBy> {
        let (area, focus) = (self.layout.conversations, self.panel == Panel::Conversations);
        above(area)
            .contains(at)
            .then(|| ClickableText::at(self.conversations.heads(&self.theme, area, focus), at.x))?
    }

    fn tab_at(&self, at: Position) -> Option<Tab> {
        let area = self.layout.detail;
        above(area)
            .contains(at)
            .then(|| ClickableText::at(self.detail.tabs(&self.detail_look(), area), at.x))?
    }

    fn wheel(&mut self, at: Position, by: isize) -> Effect {
        match self.panel_at(at) {
            Some(Panel::Conversations) => return self.conversations.step(by),
            Some(Panel::Timeline) => self.timeline.step(&self.store.lock(), by),
            Some(Panel::Detail) => self.detail.step(by),
            None => {}
        }
        Effect::None
    }

    fn click(&mut self, at: Position) -> Effect {
        let layout = self.layout;
        let line = |top: u16| usize::from(at.y.saturating_sub(top));
        self.sizes.border = layout.border_at(at);
        let again = self.sizes.clicked.replace((at, Instant::now()));
        let is_double = again.is_some_and(|(before, when)| before == at && when.elapsed() < DOUBLE);
        if let Some(order) = self.order_at(at) {
            self.timeline.sort_at(&self.store.lock(), order);
            self.panel = Panel::Timeline;
        } else if let Some(sort) = self.sort_at(at) {
            self.conversations.sort_by(sort);
        } else if let Some(tab) = self.tab_at(at) {
            self.detail.tab = tab;
        } else if let Some(panel) = self.panel_at(at) {
            self.panel = panel;
            match panel {
                Panel::Conversations if is_double => return Effect::Focus(Panel::Timeline),
                Panel::Conversations => return self.conversations.click(line(layout.conversations.y)),
                Panel::Timeline if is_double => return Effect::Focus(Panel::Detail),
                Panel::Timeline => self.timeline.click(&self.store.lock(), line(layout.timeline.y)),
                Panel::Detail => self.detail.click(at),
            }
        }
        Effect::None
    }

    fn pull(&mut self, at: Position) -> Effect {
        let layout = self.layout;
        let below = if layout.beside { layout.area.right() } else { layout.status.y };
        let place = if layout.beside { at.x } else { at.y };
        match self.sizes.border {
            Some(Border::Conversations) => self.sizes.list = Some(at.x.clamp(12, layout.area.width / 2)),
            Some(Border::Detail) => {
                self.sizes.detail = Some(below.saturating_sub(place).saturating_sub(1));
            }
            None => {}
        }
        Effect::None
    }
}
