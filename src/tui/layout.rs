use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Direction, Layout, Position, Rect};

use super::effect::{Border, DetailSize, Panel};

/// The areas of the screen. Each panel's area is what is below its title, which stands in the rule above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) area: Rect,
    pub(super) title: Rect,
    /// The whole capture in one line, while the overview shows a stretch of it.
    pub(super) map: Rect,
    pub(super) overview: Rect,
    pub(super) conversations: Rect,
    pub(super) timeline: Rect,
    pub(super) detail: Rect,
    pub(super) status: Rect,
    /// The detail is beside the timeline, not below.
    pub(super) beside: bool,
    /// The facts that they were made of.
    room: Room,
}

/// The facts that the areas depend on beside the size of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) has_map: bool,
    pub(super) panel: Panel,
    pub(super) size: DetailSize,
    /// How wide the list of conversations was made, and how large the detail.
    pub(super) left: Option<u16>,
    pub(super) detail: Option<u16>,
}

/// From how many columns on the detail is beside the timeline.
const WIDE: u16 = 150;

impl Areas {
    /// Makes them anew where the terminal has another size or one of the facts changed.
    pub(super) fn refresh(&mut self, area: Rect, room: Room) {
        if (self.area, self.room) != (area, room) {
            *self = Areas::of(area, room);
        }
    }

    fn of(area: Rect, room: Room) -> Areas {
        let bars = match area.height {
            0..=29 => 1,
            30..=44 => 2,
            _ => 3,
        };
        // Two rules stand between: one with titles above the panels, one beside the list.
        let rows =
            [Length(1), Length(room.has_map.into()), Length(2 * bars + 1), Length(1), Fill(1), Length(1)];
        let [title, map, overview, _, body, status] = Layout::vertical(rows).areas(area);
        let left = room.left.unwrap_or(match area.width {
            0..=59 => 0,
            // Payloads come first: the list is there while it has the keys.
            60..=99 if room.panel != Panel::Conversations => 0,
            60..=119 => 28,
            120..=169 => 38,
            _ => 46,
        });
        let beside = area.width >= WIDE;
        let gives_way = room.size == DetailSize::Large && room.panel != Panel::Conversations && !beside;
        let left = if gives_way { 0 } else { left.min(area.width / 2) };
        let columns = [Length(left), Length(left.min(1)), Fill(1)];
        let [conversations, _, right] = Layout::horizontal(columns).areas(body);
        let (direction, all) =
            if beside { (Direction::Horizontal, right.width) } else { (Direction::Vertical, right.height) };
        let part = room.detail_of(all, beside);
        let parts = [Fill(1), Length(part.min(1)), Length(part)];
        let [timeline, _, detail] = Layout::new(direction, parts).areas(right);
        Areas { area, title, map, overview, conversations, timeline, detail, status, beside, room }
    }

    /// Returns where a page over the panels is: everything but the first line and the last.
    pub(super) const fn page(&self) -> Rect {
        Rect { y: self.title.bottom(), height: self.area.height.saturating_sub(2), ..self.area }
    }

    /// Returns the border that lies under a place on the screen.
    pub(super) const fn border_at(&self, at: Position) -> Option<Border> {
        let (left, detail) = (self.conversations, self.detail);
        let is_above = at.y.saturating_add(1) == detail.y && at.x >= detail.x;
        let is_beside = at.x.saturating_add(1) == detail.x && at.y >= detail.y;
        if !left.is_empty() && at.x == left.right() && at.y >= left.y {
            Some(Border::Conversations)
        } else if !detail.is_empty() && if self.beside { is_beside } else { is_above } {
            Some(Border::Detail)
        } else {
            None
        }
    }
}

impl Room {
    /// Returns how many columns or rows the detail has of those it shares with the timeline.
    fn detail_of(&self, all: u16, beside: bool) -> u16 {
        let (least, normal, large) =
            if beside { ([20, 30], (2, 5), (3, 5)) } else { ([2, 3], (2, 5), (3, 4)) };
        let (part, of) = match self.size {
            DetailSize::Away => return 0,
            DetailSize::Normal => normal,
            DetailSize::Large => large,
        };
        let share = self.detail.unwrap_or(all.saturating_mul(part) / of);
        share.clamp(least[0], all.saturating_sub(least[1]).max(least[0]))
    }
}
