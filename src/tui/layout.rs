use ratatui::layout::{Position, Rect};

use super::effect::{Border, DetailSize, Panel};

/// The areas of the screen. Each panel's area is what is below its title, which stands in the rule above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
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
}

/// The facts that the areas depend on beside the size of the terminal.
#[derive(Clone, Copy, Debug)]
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

impl Layout {
    pub(super) fn of(area: Rect, room: &Room) -> Layout {
        let Rect { x, width, height, .. } = area;
        let title = Rect { height: height.min(1), ..area };
        let bars = match height {
            0..=29 => 1_u16,
            30..=44 => 2,
            _ => 3,
        };
        let overview_height = bars.saturating_mul(2).saturating_add(1).min(height.saturating_sub(2));
        let map = Rect { y: title.bottom(), height: u16::from(room.has_map), ..title };
        let overview = Rect { x, y: map.bottom(), width, height: overview_height };
        let status = Rect { x, y: area.bottom().saturating_sub(1), width, height: height.min(1) };
        // A rule with titles, the panels, and the status line.
        let top = overview.bottom().saturating_add(1);
        let body = Rect { x, y: top, width, height: status.y.saturating_sub(top) };
        let left = room.left.unwrap_or(match width {
            0..=59 => 0,
            // Payloads come first: the list is there while it has the keys.
            60..=99 if room.panel != Panel::Conversations => 0,
            60..=119 => 28,
            120..=169 => 38,
            _ => 46,
        });
        let gives_way = room.size == DetailSize::Large && room.panel != Panel::Conversations;
        let left = if gives_way && width < WIDE { 0 } else { left.min(width / 2) };
        let conversations = Rect { width: left, ..body };
        let right_x = if left == 0 { x } else { x.saturating_add(left).saturating_add(1) };
        let right = Rect { x: right_x, width: area.right().saturating_sub(right_x), ..body };
        let beside = width >= WIDE;
        let (timeline, detail) = split(right, beside, room);
        Layout { area, title, map, overview, conversations, timeline, detail, status, beside }
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
        if left.width > 0 && at.x == left.right() && at.y >= left.y {
            Some(Border::Conversations)
        } else if detail.width > 0 && if self.beside { is_beside } else { is_above } {
            Some(Border::Detail)
        } else {
            None
        }
    }
}

/// Divides what is right of the conversations between the timeline and the detail.
fn split(right: Rect, beside: bool, room: &Room) -> (Rect, Rect) {
    let (all, least, normal, large) =
        if beside { (right.width, (20, 30), (2, 5), (3, 5)) } else { (right.height, (2, 3), (2, 5), (3, 4)) };
    let (part, of) = match room.size {
        DetailSize::Away => return (right, Rect { width: 0, height: 0, ..right }),
        DetailSize::Normal => normal,
        DetailSize::Large => large,
    };
    let share = all.saturating_mul(part).checked_div(of).unwrap_or(all);
    let part = room.detail.unwrap_or(share).clamp(least.0, all.saturating_sub(least.1).max(least.0));
    // A rule or a line stands between them.
    let first = all.saturating_sub(part).saturating_sub(1);
    let at = first.saturating_add(1);
    let rest = all.saturating_sub(at);
    if beside {
        (Rect { width: first, ..right }, Rect { x: right.x.saturating_add(at), width: rest, ..right })
    } else {
        (Rect { height: first, ..right }, Rect { y: right.y.saturating_add(at), height: rest, ..right })
    }
}
