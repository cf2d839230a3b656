use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::clock::{self, short};
use super::super::state::{App, Panel, SortBy};
use super::super::text::{RowWriter, columns};
use super::{scroll, tint};
use crate::event::Severity;
use crate::store::{Conversation, State, Store};

/// Draws the list of conversations; its first line is all of them together.
pub(super) fn draw(app: &mut App, store: &Store, buffer: &mut Buffer) {
    let area = app.layout.conversations;
    if area.width == 0 {
        return;
    }
    let height = usize::from(area.height);
    let list = &mut app.conversations;
    let lines = list.order.len().saturating_add(1);
    list.top = scroll(list.top, list.selected, height, lines);
    let list = &app.conversations;
    for (n, line) in (list.top..lines.min(list.top.saturating_add(height))).enumerate() {
        let y = area.y.saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        if line == list.selected {
            let style =
                if app.panel == Panel::Conversations { app.theme.selected } else { app.theme.unfocused };
            tint(buffer, area, y, style, app.theme.hit);
        }
        match line.checked_sub(1).and_then(|at| list.order.get(at)) {
            None => everything(app, store, buffer, area, y),
            Some(slot) => {
                if let Some(conversation) = store.conversations().get(*slot as usize) {
                    one(app, buffer, (area, y), *slot, conversation);
                }
            }
        }
    }
}

fn everything(app: &App, store: &Store, buffer: &mut Buffer, area: Rect, y: u16) {
    let totals = store.totals();
    let messages = totals.client.messages.saturating_add(totals.server.messages);
    let bytes = totals.client.bytes.saturating_add(totals.server.bytes);
    let right = numbers(area.width, messages, bytes, "");
    let mut writer = RowWriter::new(buffer, area.x, y, area.width.saturating_sub(columns(&right)));
    writer.word(" ≡ ", app.theme.title).word("all", app.theme.title);
    let list = &app.conversations;
    if list.sort != SortBy::Begin || list.backwards {
        let name = SortBy::ALL.iter().find(|(sort, _)| *sort == list.sort).map_or("", |(_, name)| name);
        writer.word(&format!(" {}{name}", sign(app)), app.theme.dim);
    }
    let x = area.right().saturating_sub(columns(&right));
    RowWriter::new(buffer, x, y, area.width).word(&right, app.theme.dim);
}

/// Returns the sign of what conversations are sorted by.
const fn sign(app: &App) -> &'static str {
    if app.conversations.backwards { "▴" } else { "▾" }
}

/// Writes over the numbers what they are, the column that is sorted by marked.
///
/// The columns before `from` belong to the list's title.
pub(super) fn heads(app: &App, buffer: &mut Buffer, from: u16) {
    let area = app.layout.conversations;
    let sign = sign(app);
    let shown: &[(SortBy, &str, u16)] =
        &[(SortBy::Messages, "msgs", 6), (SortBy::Bytes, "bytes", 9), (SortBy::Last, "last", 9)];
    let shown = match area.width {
        0..=29 => shown.get(..1),
        30..=43 => shown.get(..2),
        _ => Some(shown),
    };
    // From the right, as the numbers stand.
    let mut end = area.right().saturating_sub(1);
    for (sort, words, width) in shown.unwrap_or_default().iter().rev() {
        let sign = if app.conversations.sort == *sort { sign } else { "" };
        let words = format!(" {sign}{words} ");
        let begin = end.saturating_add(1).saturating_sub(columns(&words));
        if begin < from {
            break;
        }
        RowWriter::new(buffer, begin, area.y.saturating_sub(1), columns(&words)).word(&words, app.theme.dim);
        end = end.saturating_sub(*width);
    }
}

/// Returns the numbers at a line's right, as many as there is room for.
fn numbers(width: u16, messages: u64, bytes: u64, last: &str) -> String {
    match width {
        0..=29 => format!(" {:>5} ", short(messages)),
        30..=43 => format!(" {:>5} {:>8} ", short(messages), clock::size(bytes)),
        _ => format!(" {:>5} {:>8} {last:>8} ", short(messages), clock::size(bytes)),
    }
}

fn one(app: &App, buffer: &mut Buffer, (area, y): (Rect, u16), slot: u32, conversation: &Conversation) {
    let theme = &app.theme;
    let (sign, style) = match conversation.state {
        State::Open => ("●", theme.good),
        State::Closed => ("○", theme.dim),
        State::Failed => ("✕", theme.error),
    };
    let last = clock::of_day(conversation.times.1, 0);
    let right = numbers(area.width, conversation.messages(), conversation.bytes(), &last);
    let room = area.width.saturating_sub(columns(&right));
    let mut writer = RowWriter::new(buffer, area.x, y, room);
    writer.word("▎", theme.conversation(slot)).word(sign, style).word(" ", style);
    let [notes, warnings, errors] = conversation.anomalies;
    let count = notes.saturating_add(warnings).saturating_add(errors);
    let flag = match conversation.worst() {
        Some(Severity::Error) => format!(" ✖{}", short(count)),
        Some(Severity::Warning) => format!(" ▲{}", short(count)),
        Some(Severity::Note) => format!(" ◆{}", short(count)),
        None => String::new(),
    };
    let room = writer.left().saturating_sub(columns(&flag));
    writer.within(room, |writer| {
        writer.word(&format!("#{} ", conversation.number()), theme.conversation(slot));
        let name = conversation.name();
        // Where there is no room for all, the path tells more than the host.
        let path = name.find('/').and_then(|at| name.get(at..)).filter(|path| path.len() > 1);
        let shown = if columns(&name) <= writer.left() { &name } else { path.unwrap_or(&name) };
        writer.wire(shown.as_bytes(), theme.text, theme.escape);
        if let Some(subprotocol) = conversation.subprotocol() {
            writer.word(" ", theme.dim).wire(subprotocol.as_bytes(), theme.name_of, theme.escape);
        }
    });
    if let Some(worst) = conversation.worst() {
        writer.word(&flag, theme.severity(worst));
    }
    let x = area.right().saturating_sub(columns(&right));
    RowWriter::new(buffer, x, y, area.width).word(&right, theme.dim);
}
