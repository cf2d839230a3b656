use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::clock;
use super::super::columns::Column;
use super::super::keys::{self, Action};
use super::super::paint::{ClickableText, above, apply_row_style, put, title};
use super::super::rows::RowOrder;
use super::super::text::{Highlight, RowWriter, columns, truncate_middle};
use super::super::words::{Role, Stretch, Words, unshown};
use super::{ListLine, Look, Timeline};
use crate::model::Side;
use crate::store::{Entry, EntryKind, Facts, Phase, Store};
use crate::text;

/// The width of a time with microseconds.
const WIDE_TIME: u16 = 15;

/// The width shared by a message's kind and size.
const KIND_AND_SIZE: u16 = 15;

impl Timeline {
    /// Draws the rows one below the other.
    pub(super) fn draw_list(&self, look: &mut Look<'_>, area: Rect, buffer: &mut Buffer) {
        let widths = Columns::of(self, look.store, area);
        for (y, line) in (area.y..area.bottom()).zip(&self.lines) {
            let place = Rect { y, height: 1, ..area };
            match *line {
                ListLine::Heads => {}
                ListLine::Before(row, _) => self.draw_pause(look, place, buffer, row),
                ListLine::Row(row) => {
                    self.draw_row(look, place, buffer, row, &widths);
                    self.draw_selection(look, place, buffer, row);
                }
            }
        }
    }

    /// Applies the style of the selected row.
    pub(super) fn draw_selection(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer, row: usize) {
        if row == self.selected {
            let style = if look.focus { look.theme.selected } else { look.theme.unfocused };
            apply_row_style(buffer, area, area.y, style, look.theme.hit);
        }
    }

    /// Draws the reason why there are no rows.
    pub(super) fn draw_nothing(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (rows, key) = (&self.rows, keys::key_for);
        let is_all =
            rows.chosen.filter.is_none() && rows.chosen.range.is_none() && rows.chosen.scope.is_none();
        let words = match look.phase {
            _ if rows.chosen.filter.is_some() && rows.is_behind() => "looking…".to_owned(),
            _ if rows.chosen.filter.is_some() => "no message passes the filter".to_owned(),
            _ if rows.chosen.range.is_some() => {
                format!("nothing in this stretch of time; {} shows all", key(Action::ZoomAll))
            }
            _ if rows.chosen.scope.is_some() => {
                format!("nothing of this conversation; {} shows all", key(Action::EveryConversation))
            }
            Phase::Filling => "nothing yet".to_owned(),
            Phase::Failed(_) => "reading ended early, and no WebSocket was found before".to_owned(),
            Phase::Complete if look.store.packets() == 0 => {
                "no TCP connection was found in this capture".to_owned()
            }
            Phase::Complete => "no WebSocket was found in this capture".to_owned(),
        };
        let x = area.x.saturating_add(area.width.saturating_sub(columns(&words)) / 2);
        let is_over = is_all && *look.phase != Phase::Filling;
        let lines = if is_over { unshown(look.store) } else { Vec::new() };
        let share = if lines.is_empty() { 3 } else { 6 };
        let y = area.y.saturating_add(area.height.checked_div(share).unwrap_or(0));
        RowWriter::new(buffer, x, y, area.right().saturating_sub(x)).word(&words, look.theme.dim);
        // The connections found instead.
        for (y, line) in (y.saturating_add(1)..area.bottom()).zip(lines) {
            let x = area.x.saturating_add(1);
            let mut writer = RowWriter::new(buffer, x, y, area.width.saturating_sub(1));
            for Stretch { bytes, role } in line {
                writer.wire(&bytes, look.theme.role(role), look.theme.escape);
            }
        }
    }

    /// Draws the time before a row: a silence, unless entries in between are hidden.
    pub(super) fn draw_pause(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer, row: usize) {
        let Some(pause) = self.pause(look.store, row) else { return };
        let time = text::span(pause.silence);
        let words = match (self.hidden(look.store, row), self.rows.chosen.scope) {
            (0, None) => format!(" {time} of silence "),
            (0, Some(_)) => format!(" {time} of silence in this conversation "),
            (hidden, _) => format!(" {time}, {} not shown ", clock::grouped(hidden)),
        };
        let words = pause.date.map_or(words.clone(), |date| format!(" {date} ·{words}"));
        let width = columns(&words).min(area.width);
        let left = area.width.saturating_sub(width) / 2;
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        writer.within(left, |writer| writer.fill('┄', look.theme.rule));
        writer.field(&words, width, look.theme.dim);
        writer.fill('┄', look.theme.rule);
    }

    /// Returns the symbol at the beginning of a row.
    pub(super) fn sign(&self, look: &Look<'_>, number: u32, entry: &Entry) -> (&'static str, Style) {
        let theme = look.theme;
        match entry.conversation() {
            _ if self.mark == Some(number) => ("◇", theme.focus),
            _ if self.bookmarks.contains(&number) => ("★", theme.warning),
            Some(slot) if self.rows.chosen.scope.is_none() => ("▎", theme.conversation(slot)),
            _ => (" ", theme.dim),
        }
    }

    fn draw_row(&self, look: &mut Look<'_>, area: Rect, buffer: &mut Buffer, row: usize, widths: &Columns) {
        let theme = look.theme;
        let Some((number, entry)) = self.at(look.store, row) else { return };
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
        let (sign, style) = self.sign(look, number, &entry);
        writer.word(sign, style);
        let before = row.checked_sub(1).and_then(|row| self.at(look.store, row));
        let before = before.map(|(_, entry)| entry.time());
        let is_wide = widths.time == WIDE_TIME;
        let time = clock::format_time(self.form.time, entry.time(), look.store.began(), before, is_wide);
        writer.right(&time, widths.time, theme.dim).word(" ", theme.dim);
        if self.rows.chosen.scope.is_none() {
            let slot = entry.conversation();
            let conversation = slot.and_then(|slot| look.store.conversation(slot));
            let name = conversation.map_or(String::new(), |it| format!("#{}", it.id));
            let style = slot.map_or(theme.dim, |slot| theme.conversation(slot));
            writer.right(&name, widths.conversation, style).word(" ", theme.dim);
        }
        match entry.what() {
            EntryKind::Message => {
                self.draw_message(look, &mut writer, (number, &entry), &widths.chosen);
            }
            EntryKind::Opened | EntryKind::Closed | EntryKind::Anomaly => words(look, &mut writer, &entry),
        }
        let colour = self.colours.iter().find(|(matcher, _)| matcher.matches(look.store, number));
        if let Some((_, colour)) = colour {
            let behind = Rect { x: area.x.saturating_add(1), ..area };
            apply_row_style(buffer, behind, area.y, theme.row(*colour), theme.hit);
        }
    }

    /// Draws the list's title and the headings of its columns into the rule above it.
    pub(in super::super) fn draw_title(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (place, widths) = (above(area), Columns::of(self, look.store, area));
        put(buffer, place, &self.title(look, &widths, area.width));
        ClickableText::draw(&self.heads(look, area), place.y, buffer);
    }

    /// Returns the list's title: the number of rows, their order, and what is omitted.
    fn title(&self, look: &Look<'_>, widths: &Columns, width: u16) -> Line<'static> {
        let (rows, theme) = (&self.rows, look.theme);
        let mut rest = vec![Span::styled(format!(" {} ", clock::grouped(rows.len() as u64)), theme.dim)];
        let mut note = |words: String| rest.push(Span::styled(words, theme.note));
        let order = rows.chosen.order;
        let has_head = !self.form.lanes
            && (order == RowOrder::Size || widths.chosen.iter().any(|column| column.order == Some(order)));
        if !rows.is_in_time() && !has_head {
            note(format!("by {}, the most first ", order.name()));
        }
        if self.has_invalid_filter {
            note("of the last text without a mistake ".to_owned());
        }
        if rows.chosen.no_heartbeats {
            note("without heartbeats and parts ".to_owned());
        }
        if rows.is_behind() {
            note(format!("looking… {:.0} % ", rows.progress() * 100.0));
        }
        if rows.unseen() > 0 {
            let words = format!("({} dropped, not looked at) ", clock::grouped(rows.unseen()));
            rest.push(Span::styled(words, theme.warning));
        }
        if width >= 70 {
            rest.push(Span::styled(format!("{} ", self.form.time.words().1), theme.dim));
        }
        title(theme, if self.form.lanes { "lanes" } else { "timeline" }, look.focus, rest)
    }

    /// Returns the headings of the columns, except those hidden by the title.
    pub(in super::super) fn heads(
        &self,
        look: &Look<'_>,
        area: Rect,
    ) -> Vec<ClickableText<Option<RowOrder>>> {
        if self.form.lanes {
            return Vec::new();
        }
        let (widths, order) = (Columns::of(self, look.store, area), self.rows.chosen.order);
        let from = above(area).x + u16::try_from(self.title(look, &widths, area.width).width()).unwrap_or(0);
        let mut heads = vec![(0, "kind".to_owned(), None), (9, "size".to_owned(), Some(RowOrder::Size))];
        let mut at = KIND_AND_SIZE + 2;
        for Column { head, width, order } in &widths.chosen {
            heads.push((at, truncate_middle(head, *width), *order));
            at += width + 1;
        }
        heads.push((at, "payload".to_owned(), None));
        let head = |(at, words, leads): (u16, String, Option<RowOrder>)| {
            let sign = if leads == Some(order) { "▾" } else { "" };
            // Each is preceded by a blank.
            let x = area.x + widths.kind + at - 1;
            ClickableText { x, words: Line::styled(format!(" {sign}{words} "), look.theme.dim), leads }
        };
        let fits = |head: &ClickableText<Option<RowOrder>>| {
            (head.x >= from || head.leads == Some(order)) && head.end() < area.right()
        };
        heads.into_iter().map(head).filter(fits).collect()
    }
}

/// The widths of a row's time and conversation, the position of its kind, and the additional columns.
struct Columns {
    time: u16,
    conversation: u16,
    kind: u16,
    chosen: Vec<Column>,
}

impl Columns {
    fn of(timeline: &Timeline, store: &Store, area: Rect) -> Columns {
        let time = if area.width >= 74 { WIDE_TIME } else { 12 };
        // The width of the longest number, because room is limited.
        let last = store.conversations().iter().rev().take(64);
        let last = last.map(|it| columns(&it.id.to_string())).max().unwrap_or(0);
        let (conversation, blank) = match timeline.rows.chosen.scope {
            Some(_) => (0, 0),
            None if area.width >= 90 => (last.saturating_add(1).clamp(7, 10), 1),
            None => (last.saturating_add(1).clamp(3, 8), 1),
        };
        // The symbol, a blank and the arrow.
        let kind = time.saturating_add(conversation).saturating_add(blank).saturating_add(4);
        let room = area.width.saturating_sub(kind).saturating_sub(KIND_AND_SIZE).saturating_sub(2);
        Columns { time, conversation, kind, chosen: timeline.columns.shown(room / 2) }
    }
}

impl Timeline {
    fn draw_message(
        &self,
        look: &mut Look<'_>,
        writer: &mut RowWriter<'_>,
        (number, entry): (u32, &Entry),
        chosen: &[Column],
    ) {
        let theme = look.theme;
        let from = entry.from().unwrap_or(Side::Client);
        let arrow = if from == Side::Client { "→" } else { "←" };
        let side = theme.side(from);
        writer.word(arrow, side.add_modifier(Modifier::BOLD)).word(" ", side);
        writer.within(KIND_AND_SIZE, |writer| {
            let (kind, style) = kind(look, number, entry);
            let size = clock::size(entry.length());
            let room = writer.left().saturating_sub(columns(&size)).saturating_sub(1).max(6);
            writer.within(room.min(columns(&text::printable_string(&kind))), |writer| {
                writer.wire(&kind, style, theme.escape);
            });
            let left = writer.left();
            writer.right(&size, left, if style == theme.dim { style } else { theme.text });
        });
        writer.word("  ", theme.dim);
        let values = if chosen.is_empty() {
            Vec::new()
        } else {
            self.columns.values(look.store, number, self.form.time)
        };
        for (n, column) in chosen.iter().enumerate() {
            let value = values.get(n).map_or(&[][..], Vec::as_slice);
            writer.within(column.width, |writer| {
                writer.wire(value, theme.name_of, theme.escape);
            });
            writer.word(" ", theme.dim);
        }
        let flags = flags(entry);
        let room = writer.left().saturating_sub(columns(&flags)).saturating_sub(1);
        writer.within(room, |writer| preview(look, writer, number));
        let style = if entry.facts().has(Facts::MISSING) { theme.note } else { theme.dim };
        writer.word(" ", theme.dim).word(&flags, style);
    }
}

/// Returns the kind of a message: the sub-protocol's name for it, otherwise the opcode.
pub(super) fn kind(look: &mut Look<'_>, number: u32, entry: &Entry) -> (Vec<u8>, Style) {
    let theme = look.theme;
    if let Some((kind, _)) = Words::of_meaning(look.store, number) {
        return (kind.bytes, theme.role(kind.role));
    }
    let side = theme.side(entry.from().unwrap_or(Side::Client));
    let name = entry.opcode().name().replace("continuation", "cont").replace("reserved", "rsv");
    (name.into(), if entry.opcode().is_control() { theme.control } else { side })
}

/// Describes what is unusual about a message in few columns.
pub(super) fn flags(entry: &Entry) -> String {
    let mut words = Vec::new();
    if let Some(rtt) = entry.rtt() {
        words.push(format!("↻ {}", text::span(rtt)));
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

/// Draws the beginning of a payload with search hits highlighted; a hit outside the visible part is indicated.
pub(super) fn preview(look: &mut Look<'_>, writer: &mut RowWriter<'_>, number: u32) {
    let words = Words::of_payload(look.store, number, writer.left().into());
    let pattern = look.search.pattern.as_ref().filter(|_| look.search.tally.has(number));
    if pattern.is_some_and(|pattern| !words.show(pattern, writer.left())) {
        writer.word("/", look.theme.hit).word(" ", look.theme.text);
    }
    draw_words(look, writer, &words);
}

/// Draws the row of an opening, a close or an anomaly with search hits highlighted.
pub(super) fn words(look: &Look<'_>, writer: &mut RowWriter<'_>, entry: &Entry) {
    draw_words(look, writer, &Words::of(look.store, entry));
    if entry.is_gap()
        && let Some((_, severity)) = entry.anomaly()
    {
        writer.fill('╳', look.theme.severity(severity));
    }
}

fn draw_words(look: &Look<'_>, writer: &mut RowWriter<'_>, words: &Words) {
    let theme = look.theme;
    for Stretch { bytes, role } in &words.0 {
        let pattern = look.search.pattern.as_ref().filter(|_| *role != Role::Hex);
        let hits = pattern.map_or(Vec::new(), |pattern| pattern.places(bytes, 16));
        let lights: Vec<Highlight> = hits.into_iter().map(|hit| (hit, theme.hit)).collect();
        writer.lit(bytes, &lights, (theme.role(*role), theme.escape));
    }
}
