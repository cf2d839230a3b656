use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::clock;
use super::super::text::{RowWriter, columns};
use super::list::{flags, kind, preview, words};
use super::{ListLine, Look, Timeline};
use crate::event::Opcode;
use crate::model::Side;
use crate::store::{Entry, EntryKind};
use crate::text;

impl Timeline {
    /// Draws client and server as two vertical lines, with messages as arrows between them.
    pub(super) fn draw_lanes(&self, look: &mut Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lanes = Lanes::of(self, area);
        // The pings waiting for a pong, with the line of each.
        let mut pings: [Option<(u64, u16)>; 2] = [None, None];
        for (n, y) in (area.y..area.bottom()).enumerate() {
            let line = self.lines.get(n);
            if line == Some(&ListLine::Heads) {
                lanes.heads(look, buffer, area);
                continue;
            }
            lanes.lifelines(look, buffer, y);
            match line {
                Some(ListLine::Before(row, _)) if self.unit.is_none() => {
                    self.draw_pause(look, Rect { y, ..lanes.between() }, buffer, *row);
                }
                Some(ListLine::Before(row, 0)) => {
                    let order = |row: usize| self.at(look.store, row).map(|(_, entry)| entry.order());
                    if let Some((before, at)) = row.checked_sub(1).and_then(order).zip(order(*row)) {
                        lanes.words(look, buffer, y, &text::span(at.since(before)));
                    }
                }
                Some(ListLine::Row(row)) => {
                    let place = Rect { y, height: 1, ..area };
                    lanes.row(look, buffer, place, *row);
                    if let Some((_, entry)) = self.at(look.store, *row) {
                        lanes.join(look, buffer, &entry, y, &mut pings);
                    }
                    self.draw_selection(look, place, buffer, *row);
                }
                _ => {}
            }
        }
    }
}

/// The positions of the two lanes.
struct Lanes<'a> {
    timeline: &'a Timeline,
    time: u16,
    left: u16,
    right: u16,
}

impl<'a> Lanes<'a> {
    const fn of(timeline: &'a Timeline, area: Rect) -> Lanes<'a> {
        let time = 15;
        Lanes {
            timeline,
            time,
            left: area.x.saturating_add(time).saturating_add(1),
            right: area.right().saturating_sub(3),
        }
    }

    const fn between(&self) -> Rect {
        let x = self.left.saturating_add(1);
        Rect { x, y: 0, width: self.right.saturating_sub(x), height: 1 }
    }

    fn heads(&self, look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
        RowWriter::new(buffer, self.left.saturating_sub(2), area.y, 8).word("client", look.theme.client);
        RowWriter::new(buffer, self.right.saturating_sub(4), area.y, 8).word("server", look.theme.server);
    }

    fn lifelines(&self, look: &Look<'_>, buffer: &mut Buffer, y: u16) {
        RowWriter::new(buffer, self.left, y, 1).word("│", look.theme.client);
        RowWriter::new(buffer, self.right, y, 1).word("│", look.theme.server);
    }

    /// Draws a row: its time, and its event between the lanes.
    fn row(&self, look: &mut Look<'_>, buffer: &mut Buffer, area: Rect, row: usize) {
        let Some((number, entry)) = self.timeline.at(look.store, row) else {
            return;
        };
        let above = row.checked_sub(1).filter(|above| *above >= self.timeline.top);
        let before =
            above.and_then(|above| self.timeline.at(look.store, above)).map(|(_, entry)| entry.time());
        let time =
            clock::format_time(self.timeline.form.time, entry.time(), look.store.began(), before, false);
        let (sign, style) = self.timeline.sign(look, number, &entry);
        let width = self.time.saturating_sub(2);
        let mut writer = RowWriter::new(buffer, area.x, area.y, self.time);
        writer.word(sign, style).right(&time, width, look.theme.dim);
        self.event(look, buffer, (number, &entry), area.y);
    }

    /// Draws centred text.
    fn words(&self, look: &Look<'_>, buffer: &mut Buffer, y: u16, words: &str) {
        let area = self.between();
        let x = area.x.saturating_add(area.width.saturating_sub(columns(words)) / 2);
        RowWriter::new(buffer, x, y, self.right.saturating_sub(x)).word(words, look.theme.dim);
    }

    fn event(&self, look: &mut Look<'_>, buffer: &mut Buffer, (number, entry): (u32, &Entry), y: u16) {
        let area = self.between();
        match (entry.what(), entry.from()) {
            (EntryKind::Message, Some(from)) => self.arrow(look, buffer, (number, entry, from), y),
            (EntryKind::Anomaly, from) => {
                // On the side of the peer concerned.
                let half = if from == Some(Side::Server) && !entry.is_gap() { area.width / 2 } else { 0 };
                let x = area.x.saturating_add(half).saturating_add(1);
                let mut writer = RowWriter::new(buffer, x, y, self.right.saturating_sub(x).saturating_sub(1));
                words(look, &mut writer, entry);
            }
            _ => {
                let mut writer = RowWriter::new(buffer, self.left, y, area.width.saturating_add(2));
                writer.word("╞", look.theme.rule).fill('═', look.theme.rule);
                RowWriter::new(buffer, self.right, y, 1).word("╡", look.theme.rule);
                let mut writer =
                    RowWriter::new(buffer, self.left.saturating_add(3), y, area.width.saturating_sub(4));
                writer.word(" ", look.theme.rule);
                let conversation = look.store.conversation_with(entry);
                if let Some(conversation) = conversation.filter(|_| self.timeline.rows.chosen.scope.is_none())
                {
                    writer.word(&format!("#{} ", conversation.id), look.theme.dim);
                }
                words(look, &mut writer, entry);
                writer.word(" ", look.theme.rule);
            }
        }
    }

    /// Draws a message as an arrow from its sender, containing its payload.
    fn arrow(
        &self,
        look: &mut Look<'_>,
        buffer: &mut Buffer,
        (number, entry, from): (u32, &Entry, Side),
        y: u16,
    ) {
        let area = self.between();
        let style = if entry.opcode().is_control() { look.theme.control } else { look.theme.side(from) };
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
        let number_of = |slot: u32| look.store.conversation(slot).map(|it| it.id);
        let conversation = match entry.conversation().and_then(number_of) {
            Some(number) if self.timeline.rows.chosen.scope.is_none() && area.width >= 30 => {
                format!(" #{number}")
            }
            _ => String::new(),
        };
        let (kind, kind_style) = kind(look, number, entry);
        let room = area.width.saturating_sub(6);
        let mut writer = RowWriter::new(buffer, area.x.saturating_add(3), y, room);
        writer.word(&conversation, style).word(" ", style).wire(&kind, kind_style, look.theme.escape);
        writer.word(&format!(" {} ", clock::size(entry.length())), style);
        let tail = if flags.is_empty() { 0 } else { columns(&flags).saturating_add(2) };
        let body = writer.left().saturating_sub(tail);
        let begin = writer.x();
        if entry.kept() > 0 && body > 2 {
            let mut inner = RowWriter::new(buffer, begin, y, body.saturating_sub(1));
            preview(look, &mut inner, number);
            let end = inner.x();
            let mut writer = RowWriter::new(buffer, end, y, 1);
            writer.word(" ", style);
        }
        if tail > 0 {
            let x = area.x.saturating_add(3).saturating_add(room).saturating_sub(tail);
            RowWriter::new(buffer, x, y, tail).word(" ", style).word(&flags, look.theme.dim).word(" ", style);
        }
    }

    /// Connects a ping and its pong with a line beside the responder.
    fn join(
        &self,
        look: &Look<'_>,
        buffer: &mut Buffer,
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
                    self.left.saturating_sub(1)
                } else {
                    self.right.saturating_add(1)
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
                    RowWriter::new(buffer, x, at, 1).word(sign, look.theme.control);
                }
            }
            _ => {}
        }
    }
}
