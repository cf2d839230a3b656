use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Direction, Layout, Position, Rect};

use super::effect::{Border, DetailSize, Panel};

/// The areas of the screen. A panel's area excludes its title, which is in the rule above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) area: Rect,
    pub(super) title: Rect,
    /// A one-line map of the whole capture while the overview is zoomed.
    pub(super) map: Rect,
    pub(super) overview: Rect,
    pub(super) conversations: Rect,
    pub(super) timeline: Rect,
    pub(super) detail: Rect,
    pub(super) status: Rect,
    /// Whether the detail is beside the timeline instead of below it.
    pub(super) beside: bool,
    /// The parameters that the areas were computed from.
    room: Room,
}

/// The parameters of the layout in addition to the size of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) has_map: bool,
    pub(super) panel: Panel,
    pub(super) size: DetailSize,
    /// The sizes set by the user: the width of the list of conversations, and the width or height of the detail.
    pub(super) left: Option<u16>,
    pub(super) detail: Option<u16>,
}

/// The minimum width at which the detail is beside the timeline.
const WIDE: u16 = 150;

impl Areas {
    /// Recomputes the areas if the size of the terminal or a parameter changed.
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
        // Two rules lie in between: one with titles above the panels, one beside the list.
        let rows =
            [Length(1), Length(room.has_map.into()), Length(2 * bars + 1), Length(1), Fill(1), Length(1)];
        let [title, map, overview, _, body, status] = Layout::vertical(rows).areas(area);
        let left = room.left.unwrap_or(match area.width {
            0..=59 => 0,
            // Payloads have priority: the list is visible only while focused.
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

    /// Returns the area of a page over the panels: everything except the first and the last line.
    pub(super) const fn page(&self) -> Rect {
        Rect { y: self.title.bottom(), height: self.area.height.saturating_sub(2), ..self.area }
    }

    /// Returns the border at a position of the screen.
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
    /// Returns the width or height of the detail, out of that shared with the timeline.
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
