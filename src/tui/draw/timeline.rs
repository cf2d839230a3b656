use std::ops::Range;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::clock::{self, TimeForm};
use super::super::config::RowColour;
use super::super::keys::{self, Action};
use super::super::matcher::Matcher;
use super::super::patched::Patched;
use super::super::state::{App, Panel};
use super::super::text::{RowWriter, columns};
use super::super::theme::Theme;
use super::super::unshown;
use super::super::words::{PREVIEW, Role, Stretch, Words};
use super::tint;
use crate::event::{Missing, Opcode};
use crate::model::{Side, Timestamp};
use crate::store::{Entry, EntryKind, Facts, PayloadLocation, Record, Store};
use crate::view::{self, Piece};

/// From how long a silence on it is drawn as a line of its own.
const SILENCE: Duration = Duration::from_secs(1);

/// Draws the list of messages, the visible window of it and no more.
pub(super) fn draw(app: &mut App, store: &mut Store, buffer: &mut Buffer) {
    let area = app.layout.timeline;
    app.lines_drawn.clear();
    if app.timeline.rows.len() == 0 {
        app.timeline.drawn = 0;
        return empty(app, store, buffer, area);
    }
    place(app, store, usize::from(area.height));
    let start = store.began();
    let mut before = app
        .timeline
        .top
        .checked_sub(1)
        .and_then(|row| app.timeline.rows.get(store, row))
        .and_then(|n| store.entry(n).copied());
    let mut row = app.timeline.top;
    app.timeline.drawn = 0;
    while app.lines_drawn.len() < usize::from(area.height) {
        let Some(number) = app.timeline.rows.get(store, row) else { break };
        let Some(entry) = store.entry(number).copied() else { break };
        if row > app.timeline.top
            && let Some(pause) =
                pause(app.time_form, before.as_ref(), &entry).filter(|_| app.timeline.rows.is_in_time())
        {
            let y = line(area, app.lines_drawn.len());
            quiet(app, buffer, (area, y), &pause, hidden(app, store, row));
            app.lines_drawn.push(None);
            if app.lines_drawn.len() >= usize::from(area.height) {
                break;
            }
        }
        let y = line(area, app.lines_drawn.len());
        let at = Row { area, y, number, entry, start, before: before.map(|entry| entry.time()) };
        one(app, store, buffer, &at);
        if row == app.timeline.selected {
            let style = if app.panel == Panel::Timeline { app.theme.selected } else { app.theme.unfocused };
            tint(buffer, area, y, style, app.theme.hit);
        }
        app.lines_drawn.push(Some(row));
        app.timeline.drawn = app.timeline.drawn.saturating_add(1);
        before = Some(entry);
        row = row.saturating_add(1);
    }
}

fn line(area: Rect, n: usize) -> u16 {
    area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX))
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

/// What lies between two rows where that has a line of its own.
pub(super) struct Pause {
    silence: Duration,
    /// The date of the second row, where the first has another.
    date: Option<String>,
}

/// Returns what lies between two rows: a silence, if it is long enough to be shown, and another date.
pub(super) fn pause(form: TimeForm, before: Option<&Entry>, entry: &Entry) -> Option<Pause> {
    let before = before?;
    let silence = entry.order().since(before.order());
    // Only what is a second or more behind, or stands beside midnight, can have another date.
    let tells = matches!(form, TimeForm::Absolute | TimeForm::Local);
    let date = tells.then(|| form.date(entry.time())).filter(|date| *date != form.date(before.time()));
    (silence >= SILENCE || date.is_some()).then_some(Pause { silence, date })
}

/// Moves the window so that the selected row is in it, lines of silence counted.
fn place(app: &mut App, store: &Store, height: usize) {
    let form = app.time_form;
    let timeline = &mut app.timeline;
    let last = timeline.rows.len().saturating_sub(1);
    timeline.top = timeline.top.min(timeline.selected).min(last);
    let entry = |row: usize| timeline.rows.get(store, row).and_then(|number| store.entry(number));
    // From the selected row upwards: how far may the top be?
    let (mut lines, mut row) = (1_usize, timeline.selected);
    while row > 0 {
        let (Some(this), above) = (entry(row), entry(row.saturating_sub(1))) else { break };
        let is_quiet = timeline.rows.is_in_time() && pause(form, above, this).is_some();
        let more = if is_quiet { 2 } else { 1 };
        if lines.saturating_add(more) > height {
            break;
        }
        lines = lines.saturating_add(more);
        row = row.saturating_sub(1);
    }
    timeline.top = timeline.top.max(row);
}

/// Returns how many entries a filter hides between a row and the one before.
pub(super) fn hidden(app: &App, store: &Store, row: usize) -> u64 {
    let rows = &app.timeline.rows;
    let place = |row: usize| rows.get(store, row).map(|number| rows.place(store, number));
    let between = row.checked_sub(1).and_then(place).zip(place(row));
    between.map_or(0, |(before, at)| at.saturating_sub(before).saturating_sub(1) as u64)
}

/// Draws a stretch of time without a row: a silence, unless something is only not shown.
pub(super) fn quiet(app: &App, buffer: &mut Buffer, (area, y): (Rect, u16), pause: &Pause, hidden: u64) {
    let time = view::span(pause.silence);
    let words = match (hidden, app.timeline.rows.scope()) {
        (0, None) => format!(" {time} of silence "),
        (0, Some(_)) => format!(" {time} of silence in this conversation "),
        (hidden, _) => format!(" {time}, {} not shown ", clock::grouped(hidden)),
    };
    let words = pause.date.as_ref().map_or(words.clone(), |date| format!(" {date} ·{words}"));
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
    let time = clock::told(app.time_form, entry.time(), row.start, row.before, wide);
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

/// Returns an opcode's name in six columns.
const fn short_name(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::CONTINUATION => "cont",
        Opcode::TEXT => "text",
        Opcode::BINARY => "binary",
        Opcode::CLOSE => "close",
        Opcode::PING => "ping",
        Opcode::PONG => "pong",
        Opcode(3) => "rsv-3",
        Opcode(4) => "rsv-4",
        Opcode(5) => "rsv-5",
        Opcode(6) => "rsv-6",
        Opcode(7) => "rsv-7",
        Opcode(11) => "rsv-11",
        Opcode(12) => "rsv-12",
        Opcode(13) => "rsv-13",
        Opcode(14) => "rsv-14",
        _ => "rsv-15",
    }
}

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

/// How many columns a message's kind and its size share.
const KIND_AND_SIZE: u16 = 15;

/// How many columns of what a message means are made ready: more than any row shows.
const MEANING: usize = 400;

/// Says what a message is: by its sub-protocol's word where there is one, else by its opcode.
pub(super) fn kind(app: &App, store: &mut Store, number: u32, entry: &Entry) -> (Vec<u8>, Style) {
    let theme = &app.theme;
    if let Some((kind, _)) = Words::of_message(store, number, 1) {
        return (kind.bytes, style_of(theme, kind.role));
    }
    let side = theme.side(entry.from().unwrap_or(Side::Client));
    (short_name(entry.opcode()).into(), if entry.opcode().is_control() { theme.control } else { side })
}

/// Says what is particular about a message, in few columns.
pub(super) fn flags(entry: &Entry) -> String {
    let mut words = Vec::new();
    if let Some(rtt) = entry.rtt() {
        words.push(format!("↻ {}", view::span(rtt)));
    }
    if entry.facts().has(Facts::MISSING) {
        words.push("gap".to_owned());
    }
    if entry.facts().has(Facts::TRUNCATED) {
        words.push("cut".to_owned());
    }
    if entry.frames() > 1 {
        words.push(format!("{}f", clock::grouped(u64::from(entry.frames()))));
    }
    if entry.facts().has(Facts::COMPRESSED) {
        words.push("z".to_owned());
    }
    words.join(" ")
}

/// Draws the beginning of a payload, what a search looks for lit up.
pub(super) fn preview(app: &App, store: &mut Store, writer: &mut RowWriter<'_>, number: u32, entry: &Entry) {
    let theme = &app.theme;
    if let Some(code) = entry.close_code() {
        writer.word(&format!("{code} {} ", view::close_code_name(code)), theme.control);
    }
    if store.kept(entry) == PayloadLocation::Dropped {
        writer.word("dropped to stay within the bounds", theme.dim);
        return;
    }
    if let Some((_, words)) = Words::of_message(store, number, MEANING) {
        let pattern = app.pattern.as_ref().filter(|_| app.tally.has(number));
        if pattern.is_some_and(|pattern| pattern.count(&words.bytes(), 1) == 0) {
            writer.word("/", theme.hit).word(" ", theme.text);
        }
        return draw_words(app, writer, &words);
    }
    if app.tally.has(number) && !shows_hit(app, store, number, entry, writer.left()) {
        writer.word("/", theme.hit).word(" ", theme.text);
    }
    if entry.facts().has(Facts::MISSING) {
        return match store.record(number, PREVIEW) {
            Some(record) if !record.dropped => in_part(app, writer, entry, &record),
            _ => drop(writer.word("cannot be read back", theme.warning)),
        };
    }
    let Some(payload) = store.payload(number, PREVIEW) else {
        writer.word("cannot be read back", theme.warning);
        return;
    };
    if entry.close_code().is_some() {
        let reason = payload.get(2..).unwrap_or_default();
        if !reason.is_empty() {
            writer.word("“", theme.dim).wire(reason, theme.text, theme.escape).word("”", theme.dim);
        }
        return;
    }
    if entry.facts().has(Facts::TEXT) {
        let hits = app.pattern.as_ref().map_or(Vec::new(), |pattern| pattern.places(payload, 16));
        let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        lit(writer, payload, &lights, (theme.text, theme.escape));
    } else {
        binary(app, writer, payload, &[]);
    }
}

/// Tells whether the beginning of a payload that `room` columns show has what is searched for, lit up.
fn shows_hit(app: &App, store: &mut Store, number: u32, entry: &Entry, room: u16) -> bool {
    let (Some(pattern), true) = (&app.pattern, entry.facts().has(Facts::TEXT)) else { return false };
    let (text, hit) = if entry.facts().has(Facts::MISSING) {
        let Some(record) = store.record(number, PREVIEW) else { return false };
        let patched = Patched::of(&record.payload, &record.missing, true);
        let hit = patched.hits(pattern, &record.payload, 1).first().map(|hit| patched.in_text(hit));
        (patched.text, hit)
    } else {
        let Some(payload) = store.payload(number, PREVIEW) else { return false };
        (payload.to_vec(), pattern.places(payload, 1).into_iter().next())
    };
    let before = hit.and_then(|hit| text.get(..hit.start));
    before.is_some_and(|before| {
        entry.close_code().is_none() && columns(&view::printable_string(before)).saturating_add(1) < room
    })
}

/// Draws what is known of a payload, and dots for what is not.
fn in_part(app: &App, writer: &mut RowWriter<'_>, entry: &Entry, record: &Record) {
    let theme = &app.theme;
    let payload = &record.payload;
    if !entry.facts().has(Facts::TEXT) && entry.close_code().is_none() {
        return binary(app, writer, payload, &record.missing);
    }
    let patched = Patched::of(payload, &record.missing, payload.len() >= entry.kept() as usize);
    // The code of a close frame is told already, where it is known.
    let from = if entry.close_code().is_some() && patched.begins_with(2) { 2 } else { 0 };
    let hits = app.pattern.as_ref().map_or(Vec::new(), |pattern| patched.hits(pattern, payload, 16));
    let mut lights: Vec<Light> = hits.iter().map(|hit| (patched.in_text(hit), theme.hit)).collect();
    lights.extend(patched.dots.iter().map(|dots| (dots.clone(), theme.note)));
    lights.retain(|(range, _)| range.start >= from);
    lights.sort_by_key(|(range, _)| range.start);
    let shift =
        |(range, style): &Light| (range.start.saturating_sub(from)..range.end.saturating_sub(from), *style);
    let lights: Vec<Light> = lights.iter().map(shift).collect();
    lit(writer, patched.text.get(from..).unwrap_or_default(), &lights, (theme.text, theme.escape));
}

/// A stretch of a text, and how it is lit.
pub(super) type Light = (Range<usize>, Style);

/// Draws text with stretches of it lit up, which are in order.
pub(super) fn lit(
    writer: &mut RowWriter<'_>,
    text: &[u8],
    lights: &[Light],
    (plain, escape): (Style, Style),
) {
    let mut at = 0;
    for (range, style) in lights {
        writer.wire(text.get(at..range.start).unwrap_or_default(), plain, escape);
        writer.wire(text.get(range.clone()).unwrap_or_default(), *style, *style);
        at = range.end;
    }
    writer.wire(text.get(at..).unwrap_or_default(), plain, escape);
}

/// Draws bytes in hex, then as the characters they might be.
fn binary(app: &App, writer: &mut RowWriter<'_>, known: &[u8], missing: &[Missing]) {
    let theme = &app.theme;
    let (mut room, mut is_cut) = ((usize::from(writer.left()) / 4).min(24), false);
    for piece in view::pieces(known, missing) {
        if room == 0 {
            is_cut = true;
            break;
        }
        match piece {
            Piece::Known(_, bytes) => {
                let shown = bytes.get(..room).unwrap_or(bytes);
                for byte in shown {
                    writer.word(&format!("{byte:02x}"), theme.dim);
                }
                is_cut = shown.len() < bytes.len();
                room = room.saturating_sub(shown.len());
            }
            Piece::Missing(hole) => {
                let dots = view::dots(&hole);
                // Two dots stand for a byte here, unless they are counted.
                let dots = if dots.trim_matches('·').is_empty() { dots.repeat(2) } else { dots };
                writer.word(&dots, theme.note);
                room = room.saturating_sub(usize::from(columns(&dots)) / 2);
            }
        }
    }
    writer.word(if is_cut { "… " } else { " " }, theme.dim);
    for piece in view::pieces(known.get(..200).unwrap_or(known), missing) {
        match piece {
            Piece::Known(_, bytes) => {
                let sign = |b: &u8| if (0x20..0x7f).contains(b) { char::from(*b) } else { '·' };
                let printable: String = bytes.iter().map(sign).collect();
                writer.wire(printable.as_bytes(), theme.text, theme.escape);
            }
            Piece::Missing(hole) => drop(writer.word(&view::dots(&hole), theme.note)),
        }
        if writer.left() == 0 {
            break;
        }
    }
}

/// Draws the row of an opening, an end or an anomaly, what a search looks for lit up.
pub(super) fn words(app: &App, store: &Store, writer: &mut RowWriter<'_>, entry: &Entry) {
    draw_words(app, writer, &Words::of(store, entry));
    if entry.is_gap()
        && let Some((_, severity)) = entry.anomaly()
    {
        writer.fill('╳', app.theme.severity(severity));
    }
}

fn draw_words(app: &App, writer: &mut RowWriter<'_>, words: &Words) {
    let theme = &app.theme;
    for Stretch { bytes, role } in &words.0 {
        let hits = app.pattern.as_ref().map_or(Vec::new(), |pattern| pattern.places(bytes, 16));
        let lights: Vec<Light> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        lit(writer, bytes, &lights, (style_of(theme, *role), theme.escape));
    }
}

pub(in super::super) const fn style_of(theme: &Theme, role: Role) -> Style {
    match role {
        Role::Plain => theme.text,
        Role::Quiet => theme.dim,
        Role::Name => theme.title,
        Role::Subprotocol => theme.name_of,
        Role::Good => theme.good,
        Role::From(side) => theme.side(side),
        Role::Severity(severity) => theme.severity(severity),
    }
}
