use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::super::clock::short;
use super::super::state::{App, Drag};
use super::super::text::{RowWriter, columns};
use crate::event::Severity;
use crate::model::{Side, Timestamp};
use crate::store::{Column, Store};
use crate::view;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// From which ratio of the highest to the middle column on the scale is logarithmic.
const SPREAD: f64 = 24.0;

/// Draws messages in time: the client's upwards, the server's downwards, and between them what stands out.
pub(super) fn draw(app: &App, store: &Store, buffer: &mut Buffer) {
    let strip = app.layout.strip();
    let bars = strip.height.saturating_sub(1) / 2;
    let axis = strip.y.saturating_add(bars);
    let theme = &app.theme;
    RowWriter::new(buffer, strip.x, axis, strip.width).fill('─', theme.rule);
    let Some((from, to)) = app.timeline.rows.range().or_else(|| store.times()) else { return };
    let columns_shown = store.columns(from, to, usize::from(strip.width));
    let scale = Scale::of(&columns_shown);
    for (n, column) in columns_shown.iter().enumerate() {
        let x = strip.x.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        for side in Side::BOTH {
            let eighths = scale.eighths(column.messages[side], bars);
            for row in 0..bars {
                let full = eighths.saturating_sub(row.saturating_mul(8)).min(8);
                if full == 0 {
                    break;
                }
                bar(app, buffer, (x, axis), side, row, full);
            }
        }
        mark(app, buffer, (x, axis), column);
    }
    bracket(app, store, buffer, (from, to), axis);
    if let Some(Drag::Overview(one, other)) = app.drag {
        let (left, right) = (one.min(other), one.max(other));
        let held = Rect { x: left, width: right.saturating_sub(left).saturating_add(1), ..strip };
        buffer.set_style(held, app.theme.selected);
    }
    gutter(app, buffer, &columns_shown, &scale, (from, to), axis);
}

/// Draws the whole capture in one line, the stretch that the overview shows within brackets.
pub(super) fn map(app: &App, store: &Store, buffer: &mut Buffer) {
    let strip = app.layout.map_strip();
    let (Some((from, to)), Some((first, last))) = (app.timeline.rows.range(), store.times()) else { return };
    if strip.height == 0 {
        return;
    }
    let x = |time: Timestamp| strip.x.saturating_add(place(time, (first, last), strip.width));
    let (left, right) = (x(from), x(to));
    let shown = store.columns(first, last, usize::from(strip.width));
    let both = |column: &Column| column.messages.client.saturating_add(column.messages.server);
    let scale = Scale::of_counts(shown.iter().map(both).collect());
    for (n, column) in shown.iter().enumerate() {
        let at = strip.x.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        let style = if (left..=right).contains(&at) { app.theme.focus } else { app.theme.rule };
        let block = usize::from(scale.eighths(both(column), 1));
        if let (Some(cell), Some(block)) = (buffer.cell_mut((at, strip.y)), BLOCKS.get(block)) {
            cell.set_char(*block).set_style(style);
        }
    }
    for (at, sign) in
        [(left, '['), (right.max(left.saturating_add(1)).min(strip.right().saturating_sub(1)), ']')]
    {
        if let Some(cell) = buffer.cell_mut((at, strip.y)) {
            cell.set_char(sign).set_style(app.theme.focus);
        }
    }
    if strip.x > app.layout.map.x {
        let x = app.layout.map.x.saturating_add(1);
        RowWriter::new(buffer, x, strip.y, app.layout.gutter.saturating_sub(2)).word("all", app.theme.dim);
    }
}

/// Returns in which of `columns` a moment of a stretch of time falls.
fn place(time: Timestamp, (from, to): (Timestamp, Timestamp), columns: u16) -> u16 {
    let span = to.since(from).as_secs_f64();
    let part = if span > 0.0 { time.since(from).as_secs_f64() / span } else { 0.0 };
    let last = f64::from(columns.saturating_sub(1));
    (part * last).clamp(0.0, last) as u16
}

/// Draws one cell of a bar; downwards, a block from the bottom is turned inside out.
fn bar(app: &App, buffer: &mut Buffer, (x, axis): (u16, u16), side: Side, row: u16, eighths: u16) {
    let style = app.theme.side(side);
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

/// Draws the mark of what stands out most in a column.
fn mark(app: &App, buffer: &mut Buffer, (x, axis): (u16, u16), column: &Column) {
    let theme = &app.theme;
    let marks = column.marks;
    let (sign, style) = match marks.worst {
        Some(Severity::Error) => ('✖', theme.error),
        Some(Severity::Warning) => ('▲', theme.warning),
        _ if marks.gap => ('╳', theme.note),
        Some(Severity::Note) => ('◆', theme.note),
        None if marks.opened && marks.closed => ('◉', theme.title),
        None if marks.opened => ('●', theme.good),
        None if marks.closed => ('○', theme.dim),
        None => return,
    };
    if let Some(cell) = buffer.cell_mut((x, axis)) {
        cell.set_char(sign).set_style(style);
    }
}

/// Draws which part of it the timeline shows.
fn bracket(app: &App, store: &Store, buffer: &mut Buffer, (from, to): (Timestamp, Timestamp), axis: u16) {
    let strip = app.layout.strip();
    let rows = &app.timeline.rows;
    if !rows.is_in_time() {
        return;
    }
    let time = |row: usize| {
        rows.get(store, row).and_then(|number| store.entry(number)).map(crate::store::Entry::time)
    };
    let last = app
        .timeline
        .top
        .saturating_add(app.timeline.drawn())
        .saturating_sub(1)
        .min(rows.len().saturating_sub(1));
    let (Some(first), Some(last)) = (time(app.timeline.top.min(last)), time(last)) else { return };
    let x = |time: Timestamp| strip.x.saturating_add(place(time, (from, to), strip.width));
    // What was told late may stand before what is earlier.
    let (left, mut right) = (x(first.min(last)), x(first.max(last)));
    if right == left {
        right = left.saturating_add(1).min(strip.right().saturating_sub(1));
    }
    let selected = app.timeline.entry.and_then(|number| store.entry(number)).map(|entry| x(entry.time()));
    for at in left..=right {
        let Some(cell) = buffer.cell_mut((at, axis)) else { continue };
        let plain = cell.symbol() == "─";
        // What stands out is never hidden: there the bracket is a line below it.
        if !plain {
            cell.modifier.insert(Modifier::UNDERLINED);
            continue;
        }
        cell.set_style(app.theme.focus).set_char(match at {
            _ if at == left => '[',
            _ if at == right => ']',
            _ => '━',
        });
    }
    if let Some(at) = selected
        && let Some(cell) = buffer.cell_mut((at, axis))
        && cell.symbol() == "━"
    {
        cell.set_char('┃').set_style(app.theme.focus);
    }
}

/// Writes the highest rates and the times at both ends.
fn gutter(
    app: &App,
    buffer: &mut Buffer,
    shown: &[Column],
    scale: &Scale,
    (from, to): (Timestamp, Timestamp),
    axis: u16,
) {
    let strip = app.layout.strip();
    if strip.x == app.layout.overview.x {
        return;
    }
    let theme = &app.theme;
    let seconds = to.since(from).as_secs_f64() / (shown.len().max(1) as f64);
    let x = app.layout.overview.x.saturating_add(1);
    let width = app.layout.gutter.saturating_sub(2);
    for (side, arrow, y) in [
        (Side::Client, '↑', app.layout.overview.y),
        (Side::Server, '↓', app.layout.overview.bottom().saturating_sub(1)),
    ] {
        let most = shown.iter().map(|column| column.messages[side]).max().unwrap_or(0);
        let rate = if seconds > 0.0 { (f64::from(most) / seconds).ceil() as u64 } else { u64::from(most) };
        let peak = if width >= 14 { "peak " } else { "" };
        let words = format!("{arrow} {peak}{}/s", short(rate));
        RowWriter::new(buffer, x, y, width).word(&words, theme.side(side));
    }
    // Time runs from one end of the axis to the other.
    let end =
        Rect { x: strip.right(), width: app.layout.overview.right().saturating_sub(strip.right()), ..strip };
    RowWriter::new(buffer, x, axis, width).right(&app.form.time.clock(from), width, theme.dim);
    RowWriter::new(buffer, end.x.saturating_add(1), axis, end.width)
        .word(&app.form.time.clock(to), theme.dim);
    if app.layout.overview.height >= 7 {
        let (above, below) = (app.layout.overview.y, app.layout.overview.bottom());
        RowWriter::new(buffer, x.saturating_add(2), above.saturating_add(1), width)
            .word("client", theme.side(Side::Client));
        RowWriter::new(buffer, x.saturating_add(2), below.saturating_sub(2), width)
            .word("server", theme.side(Side::Server));
    }
    if app.layout.overview.height >= 5 {
        let zoomed = app.timeline.rows.range().map(|_| view::span(to.since(from)));
        let words = zoomed.filter(|span| columns(span) <= width).unwrap_or_default();
        RowWriter::new(buffer, x, axis.saturating_sub(1), width).word(&words, theme.dim);
        let log = if scale.logarithmic { "log scale" } else { "" };
        RowWriter::new(buffer, x, axis.saturating_add(1), width).word(log, theme.dim);
    }
}

/// Turns counts into heights.
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

    /// Returns the height of a count in eighths of a row; what is there at all has one at least.
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
