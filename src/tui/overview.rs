//! The overview above the panels: messages over time, the visible time range, and zooming.

use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use super::clock::short;
use super::effect::Effect;
use super::keys::Action;
use super::text::{RowWriter, columns};
use super::theme::Theme;
use super::timeline::Timeline;
use super::words;
use crate::event::Severity;
use crate::model::{Side, Timestamp};
use crate::store::{Column, Entry, Store};
use crate::text;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The ratio of the highest to the median column from which the scale is logarithmic.
const SPREAD: f64 = 24.0;

/// The maximum number of slots into which the time shown is divided to find the peak rates.
const SLOTS: usize = 2048;

/// The overview, with a one-line map of the whole capture above it while it is zoomed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overview {
    area: Rect,
    map: Rect,
    held: Option<Held>,
}

/// The part of the overview that is being dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// A time range, from one column to another.
    Stretch(u16, u16),
    /// The visible range, on the map.
    Map,
}

/// The time span of the capture, the visible range, and the time of the selected row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) whole: (Timestamp, Timestamp),
    pub(super) range: Option<(Timestamp, Timestamp)>,
    pub(super) selected: Option<Timestamp>,
}

impl Times {
    pub(super) fn of(timeline: &Timeline, store: &Store) -> Option<Times> {
        let selected = timeline.entry.and_then(|entry| store.entry(entry)).map(Entry::time);
        Some(Times { whole: timeline.whole(store)?, range: timeline.rows.chosen.range, selected })
    }

    fn shown(&self) -> (Timestamp, Timestamp) {
        self.range.unwrap_or(self.whole)
    }

    /// Returns a range scaled by `factor`, with the selected row at the same relative position.
    fn zoomed(&self, factor: f64) -> Effect {
        let (from, to) = self.shown();
        let span = to.since(from).as_secs_f64();
        let at = self.selected.unwrap_or(from).max(from).min(to);
        let part = if span > 0.0 { at.since(from).as_secs_f64() / span } else { 0.0 };
        let length = (span * factor).max(1e-6);
        let begin = back(at, length * part);
        Effect::Range(Some((begin, begin.plus(Duration::from_secs_f64(length)))))
    }

    /// Returns a range shifted by half its length, backwards or forwards.
    fn shifted(&self, later: bool) -> Effect {
        let (from, to) = self.shown();
        let by = to.since(from).as_secs_f64() / 2.0;
        self.beginning(if later { from.plus(Duration::from_secs_f64(by)) } else { back(from, by) })
    }

    /// Returns a range of the same length from `begin`, moved to lie within the capture.
    fn beginning(&self, begin: Timestamp) -> Effect {
        let Some((from, to)) = self.range else { return Effect::None };
        let ((first, last), length) = (self.whole, to.since(from));
        let begin = begin.min(back(last, length.as_secs_f64())).max(first);
        Effect::Range(Some((begin, begin.plus(length))))
    }
}

/// Returns the moment `seconds` before `time`.
fn back(time: Timestamp, seconds: f64) -> Timestamp {
    let before = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_nanos();
    Timestamp::from_nanos(time.as_nanos().saturating_sub(i64::try_from(before).unwrap_or(i64::MAX)))
}

/// Returns the start time of column `x` in an area that shows a time range.
fn moment(area: Rect, (from, to): (Timestamp, Timestamp), x: u16) -> Timestamp {
    let part = f64::from(x.saturating_sub(area.x)) / f64::from(area.width.max(1));
    from.plus(Duration::from_secs_f64(to.since(from).as_secs_f64() * part.min(1.0)))
}

/// The context for drawing the overview.
pub(super) struct Look<'a> {
    pub(super) theme: &'a Theme,
    pub(super) store: &'a Store,
    pub(super) timeline: &'a Timeline,
}

impl Overview {
    /// Sets its areas on the screen.
    pub(super) const fn lay_out(&mut self, map: Rect, area: Rect) {
        self.map = map;
        self.area = area;
    }

    /// Returns the part of an area that represents time.
    fn timed(&self, area: Rect) -> Rect {
        let gutter = if area.width < 40 { 0 } else { self.gutter() };
        Rect {
            x: area.x.saturating_add(gutter),
            // Followed by the end time.
            width: area.width.saturating_sub(gutter).saturating_sub(if area.width < 80 { 1 } else { 10 }),
            ..area
        }
    }

    /// Returns the width of the gutter before the overview, in columns.
    const fn gutter(&self) -> u16 {
        if self.area.width < 60 { 11 } else { 16 }
    }

    pub(super) fn strip(&self) -> Rect {
        self.timed(self.area)
    }

    /// Handles an action.
    pub(super) fn handle(action: Action, times: &Times) -> Effect {
        match action {
            Action::ZoomIn => times.zoomed(0.5),
            Action::ZoomOut => times.zoomed(2.0),
            Action::ZoomAll => Effect::Range(None),
            Action::Earlier | Action::Later => times.shifted(action == Action::Later),
            _ => Effect::None,
        }
    }

    /// Handles a mouse event, or returns `None` if it is outside.
    pub(super) fn mouse(&mut self, mouse: MouseEvent, times: &Times) -> Option<Effect> {
        let at = Position { x: mouse.column, y: mouse.row };
        let (strip, map) = (self.strip(), self.timed(self.map));
        let x = at.x.clamp(strip.x, strip.right().saturating_sub(1).max(strip.x));
        let is_over = self.area.contains(at) || self.map.contains(at);
        let begin = moment(strip, times.shown(), x);
        match mouse.kind {
            MouseEventKind::ScrollDown if is_over => return Some(times.zoomed(2.0)),
            MouseEventKind::ScrollUp if is_over => return Some(times.zoomed(0.5)),
            MouseEventKind::Down(MouseButton::Left) if map.contains(at) => self.held = Some(Held::Map),
            MouseEventKind::Down(MouseButton::Left) if strip.contains(at) => {
                self.held = Some(Held::Stretch(x, x));
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                if let Some(Held::Stretch(_, to)) = &mut self.held {
                    *to = x;
                }
            }
            MouseEventKind::Up(MouseButton::Left) => {
                let Some(Held::Stretch(from, _)) = self.held.take() else { return None };
                let begin = begin.min(moment(strip, times.shown(), from));
                let end = moment(strip, times.shown(), from.max(x).saturating_add(1));
                let is_stretch = x.abs_diff(from) >= 2;
                return Some(if is_stretch {
                    Effect::Range(Some((begin, end)))
                } else {
                    Effect::Moment(begin, end)
                });
            }
            _ => return None,
        }
        match (self.held?, times.range) {
            (Held::Map, Some((from, to))) => {
                let middle = moment(map, times.whole, at.x);
                Some(times.beginning(back(middle, to.since(from).as_secs_f64() / 2.0)))
            }
            _ => Some(Effect::None),
        }
    }

    /// Draws messages over time: those of the client upwards, those of the server downwards, and notable events in
    /// between.
    pub(super) fn draw(&self, look: &Look<'_>, buffer: &mut Buffer) {
        self.draw_map(look, buffer);
        let (strip, theme) = (self.strip(), look.theme);
        let bars = strip.height.saturating_sub(1) / 2;
        let axis = strip.y.saturating_add(bars);
        RowWriter::new(buffer, strip.x, axis, strip.width).fill('─', theme.rule);
        let Some((from, to)) = look.timeline.rows.chosen.range.or_else(|| look.timeline.whole(look.store))
        else {
            return;
        };
        let shown = look.store.columns(from, to, usize::from(strip.width));
        let scale = Scale::of(&shown);
        for (x, column) in (strip.x..strip.right()).zip(&shown) {
            for side in Side::BOTH {
                let eighths = scale.eighths(column.messages[side], bars);
                for row in 0..bars {
                    let full = eighths.saturating_sub(row.saturating_mul(8)).min(8);
                    if full == 0 {
                        break;
                    }
                    bar(look, buffer, (x, axis), side, row, full);
                }
            }
            mark(look, buffer, (x, axis), column);
        }
        self.draw_bracket(look, buffer, (from, to), axis);
        if let Some(Held::Stretch(one, other)) = self.held {
            let (left, right) = (one.min(other), one.max(other));
            let held = Rect { x: left, width: right.saturating_sub(left).saturating_add(1), ..strip };
            buffer.set_style(held, theme.selected);
        }
        self.draw_gutter(look, buffer, &scale, (from, to), axis);
    }

    /// Draws the whole capture in one line, with the range of the overview in brackets.
    fn draw_map(&self, look: &Look<'_>, buffer: &mut Buffer) {
        let strip = self.timed(self.map);
        let (Some((from, to)), Some((first, last))) =
            (look.timeline.rows.chosen.range, look.timeline.whole(look.store))
        else {
            return;
        };
        if strip.height == 0 {
            return;
        }
        let x = |time: Timestamp| strip.x.saturating_add(place(time, (first, last), strip.width));
        let (left, right) = (x(from), x(to));
        let shown = look.store.columns(first, last, usize::from(strip.width));
        let both = |column: &Column| column.messages.client.saturating_add(column.messages.server);
        let scale = Scale::of_counts(shown.iter().map(both).collect());
        for (n, column) in shown.iter().enumerate() {
            let at = strip.x.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
            let style = if (left..=right).contains(&at) { look.theme.focus } else { look.theme.rule };
            let block = usize::from(scale.eighths(both(column), 1));
            if let (Some(cell), Some(block)) = (buffer.cell_mut((at, strip.y)), BLOCKS.get(block)) {
                cell.set_char(*block).set_style(style);
            }
        }
        for (at, sign) in
            [(left, '['), (right.max(left.saturating_add(1)).min(strip.right().saturating_sub(1)), ']')]
        {
            if let Some(cell) = buffer.cell_mut((at, strip.y)) {
                cell.set_char(sign).set_style(look.theme.focus);
            }
        }
        if strip.x > self.map.x {
            let x = self.map.x.saturating_add(1);
            RowWriter::new(buffer, x, strip.y, self.gutter().saturating_sub(2)).word("all", look.theme.dim);
        }
    }

    /// Draws a bracket around the part that the timeline shows.
    fn draw_bracket(
        &self,
        look: &Look<'_>,
        buffer: &mut Buffer,
        (from, to): (Timestamp, Timestamp),
        axis: u16,
    ) {
        let strip = self.strip();
        let rows = &look.timeline.rows;
        if !rows.is_in_time() {
            return;
        }
        let time = |row: usize| {
            rows.get(look.store, row).and_then(|number| look.store.entry(number)).map(Entry::time)
        };
        let last = look
            .timeline
            .top
            .saturating_add(look.timeline.drawn())
            .saturating_sub(1)
            .min(rows.len().saturating_sub(1));
        let (Some(first), Some(last)) = (time(look.timeline.top.min(last)), time(last)) else { return };
        let x = |time: Timestamp| strip.x.saturating_add(place(time, (from, to), strip.width));
        // An event reported late may follow a later one.
        let (left, mut right) = (x(first.min(last)), x(first.max(last)));
        if right == left {
            right = left.saturating_add(1).min(strip.right().saturating_sub(1));
        }
        let selected =
            look.timeline.entry.and_then(|number| look.store.entry(number)).map(|entry| x(entry.time()));
        for at in left..=right {
            let Some(cell) = buffer.cell_mut((at, axis)) else { continue };
            let plain = cell.symbol() == "─";
            // Notable events stay visible: the bracket underlines them instead.
            if !plain {
                cell.modifier.insert(Modifier::UNDERLINED);
                continue;
            }
            cell.set_style(look.theme.focus).set_char(match at {
                _ if at == left => '[',
                _ if at == right => ']',
                _ => '━',
            });
        }
        if let Some(at) = selected
            && let Some(cell) = buffer.cell_mut((at, axis))
            && cell.symbol() == "━"
        {
            cell.set_char('┃').set_style(look.theme.focus);
        }
    }

    /// Draws the peak rates and the times at both ends.
    fn draw_gutter(
        &self,
        look: &Look<'_>,
        buffer: &mut Buffer,
        scale: &Scale,
        (from, to): (Timestamp, Timestamp),
        axis: u16,
    ) {
        let strip = self.strip();
        if strip.x == self.area.x {
            return;
        }
        let theme = look.theme;
        // Per second, not per column, so that the rates are independent of the width.
        let seconds = to.since(from).as_secs_f64();
        let slots = (seconds.ceil() as usize).clamp(1, SLOTS);
        let shown = look.store.columns(from, to, slots);
        let slot = (seconds / slots as f64).max(1.0);
        let x = self.area.x.saturating_add(1);
        let width = self.gutter().saturating_sub(2);
        for (side, arrow, y) in
            [(Side::Client, '↑', self.area.y), (Side::Server, '↓', self.area.bottom().saturating_sub(1))]
        {
            let most = shown.iter().map(|column| column.messages[side]).max().unwrap_or(0);
            let rate = (f64::from(most) / slot).ceil() as u64;
            let peak = if width >= 14 { "peak " } else { "" };
            let words = format!("{arrow} {peak}{}/s", short(rate));
            RowWriter::new(buffer, x, y, width).word(&words, theme.side(side));
        }
        // The times at the ends of the axis.
        let end = Rect { x: strip.right(), width: self.area.right().saturating_sub(strip.right()), ..strip };
        RowWriter::new(buffer, x, axis, width).right(&look.timeline.form.time.clock(from), width, theme.dim);
        RowWriter::new(buffer, end.x.saturating_add(1), axis, end.width)
            .word(&look.timeline.form.time.clock(to), theme.dim);
        if self.area.height >= 7 {
            let (above, below) = (self.area.y, self.area.bottom());
            RowWriter::new(buffer, x.saturating_add(2), above.saturating_add(1), width)
                .word("client", theme.side(Side::Client));
            RowWriter::new(buffer, x.saturating_add(2), below.saturating_sub(2), width)
                .word("server", theme.side(Side::Server));
        }
        if self.area.height >= 5 {
            let zoomed = look.timeline.rows.chosen.range.map(|_| text::span(to.since(from)));
            let words = zoomed.filter(|span| columns(span) <= width).unwrap_or_default();
            RowWriter::new(buffer, x, axis.saturating_sub(1), width).word(&words, theme.dim);
            let log = if scale.logarithmic { "log scale" } else { "" };
            RowWriter::new(buffer, x, axis.saturating_add(1), width).word(log, theme.dim);
        }
    }
}

/// Returns which of `columns` contains a moment of a time range.
fn place(time: Timestamp, (from, to): (Timestamp, Timestamp), columns: u16) -> u16 {
    let span = to.since(from).as_secs_f64();
    let part = if span > 0.0 { time.since(from).as_secs_f64() / span } else { 0.0 };
    let last = f64::from(columns.saturating_sub(1));
    (part * last).clamp(0.0, last) as u16
}

/// Draws one cell of a bar. Downwards, a block filled from the bottom is reversed.
fn bar(look: &Look<'_>, buffer: &mut Buffer, (x, axis): (u16, u16), side: Side, row: u16, eighths: u16) {
    let style = look.theme.side(side);
    let offset = row.saturating_add(1);
    let (y, block, style) = match side {
        Side::Client => (axis.saturating_sub(offset), eighths, style),
        Side::Server if eighths >= 8 => (axis.saturating_add(offset), 8, style),
        Side::Server => (
            axis.saturating_add(offset),
            8_u16.saturating_sub(eighths),
            style.add_modifier(Modifier::REVERSED),
        ),
    };
    if let (Some(cell), Some(block)) = (buffer.cell_mut((x, y)), BLOCKS.get(usize::from(block))) {
        cell.set_char(*block).set_style(style);
    }
}

/// Draws the mark of the most notable event in a column.
fn mark(look: &Look<'_>, buffer: &mut Buffer, (x, axis): (u16, u16), column: &Column) {
    let theme = look.theme;
    let marks = column.marks;
    let (sign, style) = match marks.worst {
        Some(worst @ (Severity::Error | Severity::Warning)) => (words::sign(worst), theme.severity(worst)),
        _ if marks.gap => ("╳", theme.note),
        Some(Severity::Note) => (words::sign(Severity::Note), theme.note),
        None if marks.opened && marks.closed => ("◉", theme.title),
        None if marks.opened => ("●", theme.good),
        None if marks.closed => ("○", theme.dim),
        None => return,
    };
    if let Some(cell) = buffer.cell_mut((x, axis)) {
        cell.set_symbol(sign).set_style(style);
    }
}

/// A scale from counts to heights.
struct Scale {
    most: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(columns: &[Column]) -> Scale {
        Scale::of_counts(columns.iter().flat_map(|c| [c.messages.client, c.messages.server]).collect())
    }

    fn of_counts(mut counts: Vec<u32>) -> Scale {
        counts.retain(|count| *count > 0);
        counts.sort_unstable();
        let most = f64::from(counts.last().copied().unwrap_or(0));
        let middle = f64::from(counts.get(counts.len() / 2).copied().unwrap_or(0));
        Scale { most, logarithmic: middle > 0.0 && most / middle > SPREAD }
    }

    /// Returns the height of a count in eighths of a row; at least one for a count above zero.
    fn eighths(&self, count: u32, rows: u16) -> u16 {
        if count == 0 || self.most <= 0.0 {
            return 0;
        }
        let count = f64::from(count);
        let part = if self.logarithmic { count.ln_1p() / self.most.ln_1p() } else { count / self.most };
        let most = f64::from(rows.saturating_mul(8));
        ((part * most).round() as u16).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(client: u32, server: u32) -> Column {
        Column { messages: crate::model::Pair { client, server }, ..Column::default() }
    }

    #[test]
    fn what_is_there_is_seen_and_the_highest_is_full() {
        let scale = Scale::of(&[column(1, 2), column(10, 20)]);
        assert!(!scale.logarithmic);
        assert_eq!([0, 1, 10, 20].map(|count| scale.eighths(count, 2)), [0, 1, 8, 16]);
        let spread = Scale::of(&[column(1, 1), column(1, 100_000)]);
        assert!(spread.logarithmic);
        assert_eq!([0, 1, 100_000].map(|count| spread.eighths(count, 1)), [0, 1, 8]);
    }
}
