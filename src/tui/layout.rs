use ratatui::layout::Rect;

use super::detail::DetailSize;
use super::state::{App, Panel};

/// Where everything is. Each panel's area is what is below its title, which stands in the rule above it.
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
    /// How many columns of the overview stand before its strip.
    pub(super) gutter: u16,
}

/// From how many columns on the detail is beside the timeline.
const WIDE: u16 = 150;

impl Layout {
    pub(super) fn of(area: Rect, app: &App) -> Layout {
        let Rect { x, width, height, .. } = area;
        let title = Rect { height: height.min(1), ..area };
        let bars = match height {
            0..=29 => 1_u16,
            30..=44 => 2,
            _ => 3,
        };
        let overview_height = bars.saturating_mul(2).saturating_add(1).min(height.saturating_sub(2));
        let map = Rect { y: title.bottom(), height: u16::from(app.timeline.rows.range().is_some()), ..title };
        let overview = Rect { x, y: map.bottom(), width, height: overview_height };
        let status = Rect { x, y: area.bottom().saturating_sub(1), width, height: height.min(1) };
        // A rule with titles, the panels, and the status line.
        let top = overview.bottom().saturating_add(1);
        let body = Rect { x, y: top, width, height: status.y.saturating_sub(top) };
        let left = app.left_width.unwrap_or(match width {
            0..=59 => 0,
            // Payloads come first: the list is there while it has the keys.
            60..=99 if app.panel != Panel::Conversations => 0,
            60..=119 => 28,
            120..=169 => 38,
            _ => 46,
        });
        let gives_way = app.detail.size == DetailSize::Large && app.panel != Panel::Conversations;
        let left = if gives_way && width < WIDE { 0 } else { left.min(width / 2) };
        let conversations = Rect { width: left, ..body };
        let right_x = if left == 0 { x } else { x.saturating_add(left).saturating_add(1) };
        let right = Rect { x: right_x, width: area.right().saturating_sub(right_x), ..body };
        let beside = width >= WIDE;
        let (timeline, detail) = match (app.detail.size, beside) {
            (DetailSize::Away, _) => (right, Rect { width: 0, height: 0, ..right }),
            (size, true) => {
                let share = if size == DetailSize::Large {
                    right.width.saturating_mul(3) / 5
                } else {
                    right.width.saturating_mul(2) / 5
                };
                let room = app.detail_room.unwrap_or(share).clamp(20, right.width.saturating_sub(30).max(20));
                let timeline = Rect { width: right.width.saturating_sub(room).saturating_sub(1), ..right };
                let at = timeline.right().saturating_add(1);
                (timeline, Rect { x: at, width: right.right().saturating_sub(at), ..right })
            }
            (size, false) => {
                let share = if size == DetailSize::Large {
                    right.height.saturating_mul(3) / 4
                } else {
                    right.height.saturating_mul(2) / 5
                };
                let room = app.detail_room.unwrap_or(share).clamp(2, right.height.saturating_sub(3).max(2));
                let timeline = Rect { height: right.height.saturating_sub(room).saturating_sub(1), ..right };
                let at = timeline.bottom().saturating_add(1);
                (timeline, Rect { y: at, height: right.bottom().saturating_sub(at), ..right })
            }
        };
        Layout {
            area,
            title,
            map,
            overview,
            conversations,
            timeline,
            detail,
            status,
            beside,
            gutter: if width < 60 { 11 } else { 16 },
        }
    }

    /// Returns where a page over the panels is: everything but the first line and the last.
    pub(super) const fn page(&self) -> Rect {
        Rect { y: self.title.bottom(), height: self.area.height.saturating_sub(2), ..self.area }
    }

    /// Returns the part of the overview in which time runs.
    pub(super) const fn strip(&self) -> Rect {
        self.timed(self.overview)
    }

    /// Returns the part of the map in which time runs.
    pub(super) const fn map_strip(&self) -> Rect {
        self.timed(self.map)
    }

    const fn timed(&self, area: Rect) -> Rect {
        let gutter = if area.width < 40 { 0 } else { self.gutter };
        Rect {
            x: area.x.saturating_add(gutter),
            // Behind it stands when it ends.
            width: area.width.saturating_sub(gutter).saturating_sub(if area.width < 80 { 1 } else { 10 }),
            ..area
        }
    }
}
