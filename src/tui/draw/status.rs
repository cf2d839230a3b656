use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::super::clock::{grouped, short};
use super::super::keys::{self, Action};
use super::super::state::{App, Panel};
use super::super::text::{RowWriter, columns};
use crate::store::{Phase, Store};
use crate::view;

/// Draws the line at the top: what is shown, how much of it there is, how it stands.
pub(super) fn title(app: &App, store: &Store, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.title;
    let right = standing(app, store);
    let room = area.width.saturating_sub(columns(&right)).saturating_sub(3);
    RowWriter::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
    let counts = counts(app, store);
    let words = counts.iter().fold(0_u16, |sum, (words, _)| sum.saturating_add(columns(words)));
    let mut writer = RowWriter::new(buffer, area.x, area.y, room);
    writer.word(" wirefin ", theme.key);
    // Where there is no room for all, the name gives way before the counts.
    let name = app.feed.title();
    let wanted = columns(&view::printable_string(name.as_bytes()));
    let name_room = wanted.min(writer.left().saturating_sub(words).max(8));
    writer.within(name_room, |writer| {
        writer.wire(name.as_bytes(), theme.bar, theme.bar);
    });
    for (words, style) in &counts {
        writer.word(words, *style);
    }
    let at = area.right().saturating_sub(columns(&right)).saturating_sub(1);
    RowWriter::new(buffer, at, area.y, columns(&right)).word(&right, theme.bar);
}

/// Says how much there is, and what is wrong with it.
fn counts(app: &App, store: &Store) -> Vec<(String, Style)> {
    let (theme, wide) = (&app.theme, app.layout.title.width >= 110);
    let totals = store.totals();
    let messages = totals.client.messages.saturating_add(totals.server.messages);
    let mut counts = Vec::new();
    if wide {
        let conversations = store.conversations().len() as u64;
        counts.push((format!("  {}", view::counted(conversations, "conversation")), theme.bar));
    }
    counts.push((format!("  {}", view::counted(messages, "message")), theme.bar));
    if wide {
        let bytes = totals.client.bytes.saturating_add(totals.server.bytes);
        counts.push((format!("  {}", view::bytes(bytes)), theme.bar));
    }
    let [notes, warnings, errors] = store.anomalies();
    for (count, noun, sign, style) in [
        (errors, "error", "✖", theme.error),
        (warnings, "warning", "▲", theme.warning),
        (notes, "note", "◆", theme.note),
    ] {
        if count > 0 {
            let words = if wide { view::counted(count, noun) } else { short(count) };
            counts.push((format!("  {sign} {words}"), theme.bar.patch(style)));
        }
    }
    counts
}

/// Says how loading or capturing stands.
fn standing(app: &App, store: &Store) -> String {
    let mut words = Vec::new();
    let (spooled, dropped) = store.spooled();
    if dropped > 0 {
        words.push(format!("{} of payloads dropped", view::bytes(dropped)));
    } else if spooled > 0 && app.layout.area.width >= 120 {
        words.push(format!("{} in a file", view::bytes(spooled)));
    }
    if app.feed.dropped() > 0 {
        words.push(format!("{} packets dropped", short(app.feed.dropped())));
    }
    if app.paused {
        words.push("paused".to_owned());
    }
    match (&app.phase, app.feed.is_live()) {
        (Phase::Filling, true) if app.feed.is_stopped() => words.push("○ stopped".to_owned()),
        (Phase::Filling, true) => words.push(format!("● live {}/s", short(app.rate.per_second))),
        (Phase::Filling, false) => match app.feed.progress() {
            Some(part) => words.push(format!("loading {:.0} %", part * 100.0)),
            None => words.push("loading".to_owned()),
        },
        (Phase::Complete, true) => words.push("○ ended".to_owned()),
        (Phase::Complete, false) => {
            if let Some((first, last)) = store.times() {
                words.push(format!("{} · {}", app.form.time.date(first), view::span(last.since(first))));
            }
        }
        (Phase::Failed(_), _) => words.push("✖ ended early".to_owned()),
    }
    words.join(" · ")
}

/// Draws the line at the bottom: a prompt, a few words, or what can be done.
pub(super) fn draw(app: &App, store: &Store, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.status;
    RowWriter::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
    let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
    if let Some(prompt) = &app.prompt {
        return super::prompt::draw(app, prompt, buffer);
    }
    if let Some((words, _)) = &app.said {
        writer.word(" ", theme.bar).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    if let Phase::Failed(words) = &app.phase {
        writer.word(" ✖ ", theme.bar.patch(theme.error)).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    if let Some(words) = store.trouble() {
        writer.word(" ▲ ", theme.bar.patch(theme.warning)).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    let always = ALWAYS.iter().fold(0, |sum: u16, hint| sum.saturating_add(hint_width(*hint)));
    let mut end = RowWriter::new(buffer, area.right().saturating_sub(always), area.y, always);
    for hint in ALWAYS {
        draw_hint(app, &mut end, hint);
    }
    let mut writer = RowWriter::new(buffer, area.x, area.y, area.width.saturating_sub(always));
    state_words(app, store, &mut writer);
    let hints: &[(Action, &str)] = match app.panel {
        Panel::Conversations => &[
            (Action::Enter, "choose"),
            (Action::Search, "narrow"),
            (Action::Sort, "sort"),
            (Action::EveryConversation, "all"),
            (Action::NextPanel, "panel"),
        ],
        Panel::Timeline => &[
            (Action::Enter, "detail"),
            (Action::Filter, "filter"),
            (Action::Search, "search"),
            (Action::Lanes, "lanes"),
            (Action::ZoomIn, "zoom"),
            (Action::NextFault, "error"),
            (Action::TimeForm, "time"),
            (Action::Export, "export"),
        ],
        Panel::Detail => &[
            (Action::Tree, "tree"),
            (Action::Text, "text"),
            (Action::Json, "json"),
            (Action::Hex, "hex"),
            (Action::Enter, "fold"),
            (Action::Copy, "copy"),
            (Action::Detail, "size"),
            (Action::Back, "back"),
        ],
    };
    for hint in hints {
        if writer.left() < hint_width(*hint) {
            break;
        }
        draw_hint(app, &mut writer, *hint);
    }
}

/// What stands at the end of the line, whatever else does.
const ALWAYS: [(Action, &str); 2] = [(Action::Help, "help"), (Action::Quit, "quit")];

fn hint_width((action, words): (Action, &str)) -> u16 {
    columns(keys::key_for(action)).saturating_add(columns(words)).saturating_add(3)
}

fn draw_hint(app: &App, writer: &mut RowWriter<'_>, (action, words): (Action, &str)) {
    let theme = &app.theme;
    writer
        .word(" ", theme.bar)
        .word(keys::key_for(action), theme.key)
        .word(" ", theme.bar)
        .word(words, theme.bar)
        .word(" ", theme.bar);
}

/// Says what limits the list: filter, search, mark, what is new.
fn state_words(app: &App, store: &Store, writer: &mut RowWriter<'_>) {
    let theme = &app.theme;
    if app.paused {
        let new = store.len().saturating_sub(app.paused_at) as u64;
        writer.word(&format!(" paused, {} new: p goes on ", grouped(new)), theme.bar.patch(theme.warning));
    } else if app.timeline.follow && app.feed.is_live() {
        writer.word(" following ", theme.bar.patch(theme.good));
    } else if let Some(before) = app.timeline.left_at {
        let new = app.timeline.rows.len().saturating_sub(before);
        if new > 0 {
            writer.word(&format!(" {} new ", short(new as u64)), theme.bar.patch(theme.good));
        }
    }
    if !app.filter_text.is_empty() {
        writer.word(" filter ", theme.bar.patch(theme.note)).within(24, |writer| {
            writer.wire(app.filter_text.as_bytes(), theme.bar, theme.bar);
        });
        writer.word(" ", theme.bar);
    }
    if let Some(pattern) = &app.pattern {
        writer.word(" / ", theme.bar.patch(theme.note));
        let room = columns(&view::printable_string(pattern.text.as_bytes())).min(24);
        writer
            .within(room, |writer| {
                writer.wire(pattern.text.as_bytes(), theme.bar, theme.bar);
            })
            .word(&format!("  {} ", app.search_words()), theme.bar.patch(theme.note));
    }
    if let Some(words) = app.measured(store) {
        writer.word(&format!(" ◇ {words} "), theme.bar.patch(theme.note));
    }
}
