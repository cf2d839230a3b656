use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::clock::{self, TimeForm};
use super::super::state::{App, Panel};
use super::super::text::{RowWriter, columns};
use super::timeline::{empty, flags, hidden, kind, pause, preview, quiet, words};
use super::tint;
use crate::event::Opcode;
use crate::model::Side;
use crate::store::{Conversation, Entry, EntryKind, Store};
use crate::view;

/// How many lines a silence may take where it is drawn to scale.
const LONGEST: usize = 8;

/// Draws client and server as two lines in time, with messages as arrows between them.
pub(super) fn draw(app: &mut App, store: &mut Store, buffer: &mut Buffer) {
    let area = app.layout.timeline;
    app.lines_drawn.clear();
    app.timeline.drawn = 0;
    if app.timeline.rows.len() == 0 {
        return empty(app, store, buffer, area);
    }
    let lanes = Lanes::of(area);
    lanes.heads(app, buffer, area);
    let body = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let height = usize::from(body.height);
    app.lines_drawn.push(None);
    let unit = app.to_scale.then(|| unit(app, store, height)).flatten();
    place(app, store, height, unit);
    let start = store.began();
    let mut before: Option<Entry> = None;
    let mut row = app.timeline.top;
    // The ping that waits for its pong, and the line it is on.
    let mut pings: [Option<(u64, u16)>; 2] = [None, None];
    let mut y = body.y;
    while y < body.bottom() {
        let Some(number) = app.timeline.rows.get(store, row) else { break };
        let Some(entry) = store.entry(number).copied() else { break };
        for n in 0..gap(app.time_form, before.as_ref(), &entry, unit) {
            lanes.lifelines(app, buffer, y);
            if unit.is_none()
                && let Some(pause) = pause(app.time_form, before.as_ref(), &entry)
            {
                quiet(app, buffer, (lanes.between(), y), &pause, hidden(app, store, row));
            } else if n == 0
                && let Some(last) = before
            {
                lanes.words(app, buffer, y, &view::span(entry.order().since(last.order())));
            }
            app.lines_drawn.push(None);
            y = y.saturating_add(1);
        }
        if y >= body.bottom() {
            break;
        }
        lanes.lifelines(app, buffer, y);
        let time = clock::told(app.time_form, entry.time(), start, before.map(|entry| entry.time()), false);
        let sign = if app.mark == Some(number) {
            "◇"
        } else if app.bookmarks.contains(&number) {
            "★"
        } else {
            "▎"
        };
        let tone = entry.conversation().map_or(app.theme.dim, |slot| app.theme.conversation(slot));
        RowWriter::new(buffer, area.x, y, lanes.time).word(sign, tone).right(
            &time,
            lanes.time.saturating_sub(2),
            app.theme.dim,
        );
        lanes.event(app, store, buffer, (number, &entry), y);
        join(app, buffer, &lanes, &entry, y, &mut pings);
        if row == app.timeline.selected {
            let style = if app.panel == Panel::Timeline { app.theme.selected } else { app.theme.unfocused };
            tint(buffer, area, y, style, app.theme.hit);
        }
        app.lines_drawn.push(Some(row));
        app.timeline.drawn = app.timeline.drawn.saturating_add(1);
        before = Some(entry);
        row = row.saturating_add(1);
        y = y.saturating_add(1);
    }
    while y < body.bottom() {
        lanes.lifelines(app, buffer, y);
        y = y.saturating_add(1);
    }
}

/// Returns how much time a blank line stands for: so much that the rows in view have as many blank lines as rows.
fn unit(app: &App, store: &Store, height: usize) -> Option<Duration> {
    let rows = &app.timeline.rows;
    let last = app.timeline.top.saturating_add(height / 2).min(rows.len().saturating_sub(1));
    let time = |row: usize| Some(store.entry(rows.get(store, row)?)?.order());
    let span = time(last)?.since(time(app.timeline.top.min(last))?);
    span.checked_div(u32::try_from(height / 2).unwrap_or(1).max(1)).filter(|unit| !unit.is_zero())
}

/// Returns how many lines stand for the time between two rows.
fn gap(form: TimeForm, before: Option<&Entry>, entry: &Entry, unit: Option<Duration>) -> usize {
    let Some(last) = before else { return 0 };
    match unit {
        None => usize::from(pause(form, before, entry).is_some()),
        Some(unit) => {
            let lines = entry.order().since(last.order()).as_secs_f64() / unit.as_secs_f64();
            (lines as usize).min(LONGEST)
        }
    }
}

/// Moves the window so that the selected row is in it.
fn place(app: &mut App, store: &Store, height: usize, unit: Option<Duration>) {
    let form = app.time_form;
    let timeline = &mut app.timeline;
    timeline.top = timeline.top.min(timeline.selected).min(timeline.rows.len().saturating_sub(1));
    let entry = |row: usize| timeline.rows.get(store, row).and_then(|number| store.entry(number));
    let (mut lines, mut row) = (1_usize, timeline.selected);
    while row > 0 {
        let Some(this) = entry(row) else { break };
        let more = gap(form, entry(row.saturating_sub(1)), this, unit).saturating_add(1);
        if lines.saturating_add(more) > height {
            break;
        }
        lines = lines.saturating_add(more);
        row = row.saturating_sub(1);
    }
    timeline.top = timeline.top.max(row);
}

/// Joins a ping and its pong by a line beside the one who answered.
fn join(
    app: &App,
    buffer: &mut Buffer,
    lanes: &Lanes,
    entry: &Entry,
    y: u16,
    pings: &mut [Option<(u64, u16)>; 2],
) {
    let (EntryKind::Message, Some(from)) = (entry.what(), entry.from()) else { return };
    let [client, server] = pings;
    let key = u64::from(entry.conversation().unwrap_or(u32::MAX));
    match entry.opcode() {
        Opcode::PING => *(if from == Side::Client { client } else { server }) = Some((key, y)),
        Opcode::PONG if entry.rtt().is_some() => {
            let ping = if from == Side::Client { server } else { client };
            let x = if from == Side::Client {
                lanes.left.saturating_sub(1)
            } else {
                lanes.right.saturating_add(1)
            };
            let Some((_, top)) = ping.take().filter(|(other, _)| *other == key) else { return };
            let (first, last) = if from == Side::Client { ("╭", "╰") } else { ("╮", "╯") };
            for at in top..=y {
                let sign = if at == top {
                    first
                } else if at == y {
                    last
                } else {
                    "│"
                };
                RowWriter::new(buffer, x, at, 1).word(sign, app.theme.control);
            }
        }
        _ => {}
    }
}

/// Where the two lines are.
struct Lanes {
    time: u16,
    left: u16,
    right: u16,
}

impl Lanes {
    const fn of(area: Rect) -> Lanes {
        let time = 15;
        Lanes {
            time,
            left: area.x.saturating_add(time).saturating_add(1),
            right: area.right().saturating_sub(3),
        }
    }

    const fn between(&self) -> Rect {
        let x = self.left.saturating_add(1);
        Rect { x, y: 0, width: self.right.saturating_sub(x), height: 1 }
    }

    fn heads(&self, app: &App, buffer: &mut Buffer, area: Rect) {
        RowWriter::new(buffer, self.left.saturating_sub(2), area.y, 8).word("client", app.theme.client);
        RowWriter::new(buffer, self.right.saturating_sub(4), area.y, 8).word("server", app.theme.server);
    }

    fn lifelines(&self, app: &App, buffer: &mut Buffer, y: u16) {
        RowWriter::new(buffer, self.left, y, 1).word("│", app.theme.client);
        RowWriter::new(buffer, self.right, y, 1).word("│", app.theme.server);
    }

    /// Writes words in the middle.
    fn words(&self, app: &App, buffer: &mut Buffer, y: u16, words: &str) {
        let area = self.between();
        let x = area.x.saturating_add(area.width.saturating_sub(columns(words)) / 2);
        RowWriter::new(buffer, x, y, self.right.saturating_sub(x)).word(words, app.theme.dim);
    }

    fn event(
        &self,
        app: &App,
        store: &mut Store,
        buffer: &mut Buffer,
        (number, entry): (u32, &Entry),
        y: u16,
    ) {
        let area = self.between();
        match (entry.what(), entry.from()) {
            (EntryKind::Message, Some(from)) => self.arrow(app, store, buffer, (number, entry, from), y),
            (EntryKind::Anomaly, from) => {
                // On the side of the one it is about.
                let half = if from == Some(Side::Server) && !entry.is_gap() { area.width / 2 } else { 0 };
                let x = area.x.saturating_add(half).saturating_add(1);
                let mut writer = RowWriter::new(buffer, x, y, self.right.saturating_sub(x).saturating_sub(1));
                words(app, store, &mut writer, entry);
            }
            _ => {
                let mut writer = RowWriter::new(buffer, self.left, y, area.width.saturating_add(2));
                writer.word("╞", app.theme.rule).fill('═', app.theme.rule);
                RowWriter::new(buffer, self.right, y, 1).word("╡", app.theme.rule);
                let mut writer =
                    RowWriter::new(buffer, self.left.saturating_add(3), y, area.width.saturating_sub(4));
                writer.word(" ", app.theme.rule);
                let conversation =
                    entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
                if let Some(conversation) = conversation.filter(|_| app.timeline.rows.scope().is_none()) {
                    writer.word(&format!("#{} ", conversation.number()), app.theme.dim);
                }
                words(app, store, &mut writer, entry);
                writer.word(" ", app.theme.rule);
            }
        }
    }

    /// Draws a message as an arrow from its sender, its body within.
    fn arrow(
        &self,
        app: &App,
        store: &mut Store,
        buffer: &mut Buffer,
        (number, entry, from): (u32, &Entry, Side),
        y: u16,
    ) {
        let area = self.between();
        let style = if entry.opcode().is_control() { app.theme.control } else { app.theme.side(from) };
        let shaft = if entry.opcode().is_control() { '╌' } else { '─' };
        RowWriter::new(buffer, area.x, y, area.width).fill(shaft, style);
        match from {
            Side::Client => {
                RowWriter::new(buffer, self.right.saturating_sub(1), y, 1).word("▶", style);
            }
            Side::Server => {
                RowWriter::new(buffer, area.x, y, 1).word("◀", style);
            }
        }
        let flags = flags(entry);
        let number_of = |slot: u32| store.conversations().get(slot as usize).map(Conversation::number);
        let conversation = match entry.conversation().and_then(number_of) {
            Some(number) if app.timeline.rows.scope().is_none() && area.width >= 30 => format!(" #{number}"),
            _ => String::new(),
        };
        let (kind, kind_style) = kind(app, store, number, entry);
        let room = area.width.saturating_sub(6);
        let mut writer = RowWriter::new(buffer, area.x.saturating_add(3), y, room);
        writer.word(&conversation, style).word(" ", style).wire(&kind, kind_style, app.theme.escape);
        writer.word(&format!(" {} ", clock::size(entry.length())), style);
        let tail = if flags.is_empty() { 0 } else { columns(&flags).saturating_add(2) };
        let body = writer.left().saturating_sub(tail);
        let begin = writer.x();
        if entry.kept() > 0 && body > 2 {
            let mut inner = RowWriter::new(buffer, begin, y, body.saturating_sub(1));
            preview(app, store, &mut inner, number, entry);
            let end = inner.x();
            let mut writer = RowWriter::new(buffer, end, y, 1);
            writer.word(" ", style);
        }
        if tail > 0 {
            let x = area.x.saturating_add(3).saturating_add(room).saturating_sub(tail);
            RowWriter::new(buffer, x, y, tail).word(" ", style).word(&flags, app.theme.dim).word(" ", style);
        }
    }
}
