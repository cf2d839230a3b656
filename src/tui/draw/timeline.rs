use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::super::clock;
use super::super::config::RowColour;
use super::super::keys::{self, Action};
use super::super::matcher::Matcher;
use super::super::state::{App, Panel};
use super::super::text::{RowWriter, columns};
use super::super::timeline::Line;
use super::super::unshown;
use super::super::words::Stretch;
use super::row::{flags, kind, preview, style_of, words};
use super::tint;
use crate::model::{Side, Timestamp};
use crate::store::{Entry, EntryKind, Facts, Store};
use crate::view;

/// Draws the list of messages, the visible window of it and no more.
pub(super) fn draw(app: &App, store: &mut Store, buffer: &mut Buffer) {
    let area = app.layout.timeline;
    if app.timeline.lines.is_empty() {
        return empty(app, store, buffer, area);
    }
    let start = store.began();
    for (y, line) in (area.y..area.bottom()).zip(&app.timeline.lines) {
        match *line {
            Line::Heads => {}
            Line::Before(row, _) => quiet(app, store, buffer, (area, y), row),
            Line::Row(row) => {
                let Some((number, entry)) = app.timeline.at(store, row) else { continue };
                let before = row.checked_sub(1).and_then(|row| app.timeline.at(store, row));
                let before = before.map(|(_, entry)| entry.time());
                one(app, store, buffer, &Row { area, y, number, entry, start, before });
                select(app, buffer, (area, y), row);
            }
        }
    }
}

/// Lays the style of the selected row over it.
pub(super) fn select(app: &App, buffer: &mut Buffer, (area, y): (Rect, u16), row: usize) {
    if row == app.timeline.selected {
        let style = if app.panel == Panel::Timeline { app.theme.selected } else { app.theme.unfocused };
        tint(buffer, area, y, style, app.theme.hit);
    }
}

/// Says why there is nothing.
pub(super) fn empty(app: &App, store: &Store, buffer: &mut Buffer, area: Rect) {
    let mut is_plain = false;
    let rows = &app.timeline.rows;
    let all = |action| keys::key_for(action);
    let words = if rows.is_filtered() && rows.is_behind() {
        "looking…".to_owned()
    } else if rows.is_filtered() {
        "no message passes the filter".to_owned()
    } else if rows.range().is_some() {
        format!("nothing in this stretch of time; {} shows all", all(Action::ZoomAll))
    } else if rows.scope().is_some() {
        format!("nothing of this conversation; {} shows all", all(Action::EveryConversation))
    } else if app.phase == crate::store::Phase::Filling {
        "nothing yet".to_owned()
    } else if matches!(app.phase, crate::store::Phase::Failed(_)) {
        is_plain = true;
        "reading ended early, and no WebSocket was found before".to_owned()
    } else {
        is_plain = true;
        "no WebSocket was found in this capture".to_owned()
    };
    let x = area.x.saturating_add(area.width.saturating_sub(columns(&words)) / 2);
    let lines = if is_plain { unshown::lines(store) } else { Vec::new() };
    let share = if lines.is_empty() { 3 } else { 6 };
    let mut y = area.y.saturating_add(area.height.checked_div(share).unwrap_or(0));
    RowWriter::new(buffer, x, y, area.right().saturating_sub(x)).word(&words, app.theme.dim);
    // What the connections were instead.
    for line in lines {
        y = y.saturating_add(u16::from(y < area.bottom()));
        let mut writer = RowWriter::new(buffer, area.x.saturating_add(1), y, area.width.saturating_sub(1));
        if y >= area.bottom() {
            break;
        }
        for Stretch { bytes, role } in line {
            writer.wire(&bytes, style_of(&app.theme, role), app.theme.escape);
        }
    }
}

/// Draws the stretch of time before a row: a silence, unless something is only not shown.
pub(super) fn quiet(app: &App, store: &Store, buffer: &mut Buffer, (area, y): (Rect, u16), row: usize) {
    let Some(pause) = app.timeline.pause(store, app.form.time, row) else { return };
    let time = view::span(pause.silence);
    let words = match (app.timeline.hidden(store, row), app.timeline.rows.scope()) {
        (0, None) => format!(" {time} of silence "),
        (0, Some(_)) => format!(" {time} of silence in this conversation "),
        (hidden, _) => format!(" {time}, {} not shown ", clock::grouped(hidden)),
    };
    let words = pause.date.map_or(words.clone(), |date| format!(" {date} ·{words}"));
    let width = columns(&words).min(area.width);
    let left = area.width.saturating_sub(width) / 2;
    let mut writer = RowWriter::new(buffer, area.x, y, area.width);
    writer.within(left, |writer| writer.fill('┄', app.theme.rule));
    writer.field(&words, width, app.theme.dim);
    writer.fill('┄', app.theme.rule);
}

/// A row that is being drawn.
struct Row {
    area: Rect,
    y: u16,
    number: u32,
    entry: Entry,
    start: Timestamp,
    before: Option<Timestamp>,
}

/// How many columns a time takes where there is room for microseconds.
const WIDE_TIME: u16 = 15;

/// How many columns a row's time and its conversation take.
struct Columns {
    time: u16,
    conversation: u16,
}

impl Columns {
    fn of(app: &App, store: &Store, area: Rect) -> Columns {
        let time = if area.width >= 74 { WIDE_TIME } else { 12 };
        if app.timeline.rows.scope().is_some() {
            return Columns { time, conversation: 0 };
        }
        // Where there is little room, as many columns as the longest number takes.
        let last = store.conversations().last().map_or(0, |last| columns(&last.number().to_string()));
        let conversation = if area.width >= 90 { 7 } else { last.saturating_add(1).clamp(3, 8) };
        Columns { time, conversation }
    }
}

/// Writes over the columns what they are, but for those before `from`, where the title stands.
pub(super) fn heads(app: &App, store: &Store, buffer: &mut Buffer, from: u16) {
    let area = app.layout.timeline;
    let Columns { time, conversation } = Columns::of(app, store, area);
    let conversation = if conversation > 0 { conversation.saturating_add(1) } else { 0 };
    let kind = area.x.saturating_add(time).saturating_add(conversation).saturating_add(4);
    let y = area.y.saturating_sub(1);
    let heads =
        [(kind, " kind "), (kind.saturating_add(9), " size "), (kind.saturating_add(17), " payload ")];
    for (x, head) in heads {
        // A blank stands before each.
        let x = x.saturating_sub(1);
        if x >= from && x.saturating_add(columns(head)) < area.right() {
            RowWriter::new(buffer, x, y, columns(head)).word(head, app.theme.dim);
        }
    }
}

fn one(app: &App, store: &mut Store, buffer: &mut Buffer, row: &Row) {
    let Row { area, y, number, entry, .. } = *row;
    let theme = &app.theme;
    let mut writer = RowWriter::new(buffer, area.x, y, area.width);
    let sign = match (app.mark == Some(number), app.bookmarks.contains(&number)) {
        (true, _) => ("◇", theme.focus),
        (false, true) => ("★", theme.warning),
        (false, false) => match entry.conversation() {
            Some(slot) if app.timeline.rows.scope().is_none() => ("▎", theme.conversation(slot)),
            _ => (" ", theme.dim),
        },
    };
    writer.word(sign.0, sign.1);
    let widths = Columns::of(app, store, area);
    let wide = widths.time == WIDE_TIME;
    let time = clock::told(app.form.time, entry.time(), row.start, row.before, wide);
    writer.right(&time, widths.time, theme.dim).word(" ", theme.dim);
    if app.timeline.rows.scope().is_none() {
        let conversation = entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
        let name = conversation.map_or(String::new(), |conversation| format!("#{}", conversation.number()));
        let style = entry.conversation().map_or(theme.dim, |slot| theme.conversation(slot));
        writer.right(&name, widths.conversation, style).word(" ", theme.dim);
    }
    let is_one = |(matcher, _): &&(Matcher, RowColour)| matcher.matches(store, number);
    let colour = app.colours.iter().find(is_one).map(|(_, colour)| theme.row(*colour));
    match entry.what() {
        EntryKind::Message => message(app, store, &mut writer, number, &entry),
        EntryKind::Opened | EntryKind::Closed | EntryKind::Anomaly => words(app, store, &mut writer, &entry),
    }
    if let Some(style) = colour {
        tint(buffer, Rect { x: area.x.saturating_add(1), ..area }, y, style, theme.hit);
    }
}

/// How many columns a message's kind and its size share.
const KIND_AND_SIZE: u16 = 15;

fn message(app: &App, store: &mut Store, writer: &mut RowWriter<'_>, number: u32, entry: &Entry) {
    let theme = &app.theme;
    let from = entry.from().unwrap_or(Side::Client);
    let arrow = if from == Side::Client { "→" } else { "←" };
    let side = theme.side(from);
    writer.word(arrow, side.add_modifier(Modifier::BOLD)).word(" ", side);
    writer.within(KIND_AND_SIZE, |writer| {
        let (kind, style) = kind(app, store, number, entry);
        let size = clock::size(entry.length());
        let room = writer.left().saturating_sub(columns(&size)).saturating_sub(1).max(6);
        writer.within(room.min(columns(&view::printable_string(&kind))), |writer| {
            writer.wire(&kind, style, theme.escape);
        });
        let left = writer.left();
        writer.right(&size, left, if style == theme.dim { style } else { theme.text });
    });
    writer.word("  ", theme.dim);
    let flags = flags(entry);
    let room = writer.left().saturating_sub(columns(&flags)).saturating_sub(1);
    writer.within(room, |writer| preview(app, store, writer, number, entry));
    let style = if entry.facts().has(Facts::MISSING) { theme.note } else { theme.dim };
    writer.word(" ", theme.dim).word(&flags, style);
}
