use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::clock::{grouped, short};
use super::super::effect::Panel;
use super::super::keys::{self, Action};
use super::super::state::{App, Extent};
use super::super::text::{RowWriter, columns};
use crate::store::{Phase, Store};
use crate::text;

/// Draws the line at the top: what is shown, how much of it there is, how it stands.
pub(super) fn title(app: &App, store: &Store, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.title;
    let right = standing(app, store);
    let room = area.width.saturating_sub(columns(&right)).saturating_sub(3);
    RowWriter::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
    let mut writer = RowWriter::new(buffer, area.x, area.y, room);
    let counts = counts(app);
    name(app, &mut writer, &counts);
    for Count { words, style, .. } in &counts {
        writer.word(words, *style);
    }
    let at = area.right().saturating_sub(columns(&right)).saturating_sub(1);
    RowWriter::new(buffer, at, area.y, columns(&right)).word(&right, theme.bar);
}

/// Returns what a click on a count of the line at the top does.
pub(in super::super) fn count_at(app: &App, store: &Store, x: u16) -> Option<Action> {
    let area = app.layout.title;
    let room = area.width.saturating_sub(columns(&standing(app, store))).saturating_sub(3);
    let (mut nowhere, counts) = (Buffer::empty(area), counts(app));
    let mut writer = RowWriter::new(&mut nowhere, area.x, area.y, room);
    name(app, &mut writer, &counts);
    let is_it = |count: &&Count| {
        writer.word(&count.words, count.style);
        x < writer.x()
    };
    counts.iter().find(is_it).filter(|_| x < area.x.saturating_add(room))?.leads
}

/// Writes what is shown.
fn name(app: &App, writer: &mut RowWriter<'_>, counts: &[Count]) {
    let theme = &app.theme;
    let words = counts.iter().fold(0_u16, |sum, count| sum.saturating_add(columns(&count.words)));
    writer.word(" wirefin ", theme.key);
    // Where there is no room for all, the name gives way before the counts.
    let name = app.feed.title();
    let wanted = columns(&text::printable_string(name.as_bytes()));
    let name_room = wanted.min(writer.left().saturating_sub(words).max(8));
    writer.within(name_room, |writer| {
        writer.wire(name.as_bytes(), theme.bar, theme.bar);
    });
}

/// Words that say how many there are of something, and what a click on them does.
struct Count {
    words: String,
    style: Style,
    leads: Option<Action>,
}

/// Says how much there is, and what is wrong with it.
fn counts(app: &App) -> Vec<Count> {
    let (theme, wide) = (&app.theme, app.layout.title.width >= 110);
    let Extent { conversations, totals, anomalies, unshown, .. } = app.extent;
    let messages = totals.client.messages.saturating_add(totals.server.messages);
    let mut counts = Vec::new();
    let plain = |words: String| Count { words: format!("  {words}"), style: theme.bar, leads: None };
    if wide {
        counts.push(plain(text::counted(conversations as u64, "conversation")));
    }
    counts.push(plain(text::counted(messages, "message")));
    if wide {
        let bytes = totals.client.bytes.saturating_add(totals.server.bytes);
        counts.push(plain(text::bytes(bytes)));
    }
    let [notes, warnings, errors] = anomalies;
    for (count, noun, sign, style, leads) in [
        (errors, "error", "✖", theme.error, Action::NextFault),
        (warnings, "warning", "▲", theme.warning, Action::NextFault),
        (notes, "note", "◆", theme.note, Action::NextAnomaly),
    ] {
        if count > 0 {
            let words = if wide { text::counted(count, noun) } else { short(count) };
            let (words, style) = (format!("  {sign} {words}"), theme.bar.patch(style));
            counts.push(Count { words, style, leads: Some(leads) });
        }
    }
    // Where there is no conversation, they are listed in the timeline.
    if unshown > 0 && conversations > 0 {
        let what = if wide { text::counted(unshown, "connection") } else { short(unshown) };
        let (words, style) = (format!("  ? {what} not shown"), theme.bar.patch(theme.warning));
        counts.push(Count { words, style, leads: Some(Action::Anomalies) });
    }
    counts
}

/// Says how loading or capturing stands.
fn standing(app: &App, store: &Store) -> String {
    let mut words = Vec::new();
    let (spooled, dropped) = store.spooled();
    if dropped > 0 {
        words.push(format!("{} of payloads dropped", text::bytes(dropped)));
    } else if spooled > 0 && app.layout.area.width >= 120 {
        words.push(format!("{} in a file", text::bytes(spooled)));
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
                words.push(format!(
                    "{} · {}",
                    app.timeline.form.time.date(first),
                    text::span(last.since(first))
                ));
            }
        }
        (Phase::Failed(_), _) => words.push("✖ ended early".to_owned()),
    }
    words.join(" · ")
}

/// Draws the line at the bottom: a few words, or what can be done.
pub(super) fn draw(app: &App, store: &Store, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.status;
    RowWriter::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
    let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
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
    let mut writer = RowWriter::new(buffer, area.x, area.y, always(area).saturating_sub(area.x));
    state_words(app, store, &mut writer);
    let begin = writer.x();
    for (x, hint) in hints(app, begin) {
        draw_hint(app, &mut RowWriter::new(buffer, x, area.y, hint_width(hint)), hint);
    }
}

/// Returns what a click on a hint of the line at the bottom does.
pub(in super::super) fn hint_at(app: &App, store: &Store, x: u16) -> Option<Action> {
    let area = app.layout.status;
    let is_hidden = app.said.is_some() || store.trouble().is_some() || matches!(app.phase, Phase::Failed(_));
    let mut nowhere = Buffer::empty(area);
    let mut writer = RowWriter::new(&mut nowhere, area.x, area.y, always(area).saturating_sub(area.x));
    state_words(app, store, &mut writer);
    let is_it = |(begin, hint): &(u16, Hint)| (*begin..begin.saturating_add(hint_width(*hint))).contains(&x);
    hints(app, writer.x()).into_iter().find(is_it).filter(|_| !is_hidden).map(|(_, (action, _))| action)
}

/// A key that is worth knowing, and what it does.
type Hint = (Action, &'static str);

/// Lists the hints there is room for from a column on, and where each begins.
fn hints(app: &App, from: u16) -> Vec<(u16, Hint)> {
    let end = always(app.layout.status);
    let hints: &[Hint] = match app.panel {
        _ if app.page.is_some() => &[
            (Action::Enter, "to the rows"),
            (Action::Down, "down"),
            (Action::Up, "up"),
            (Action::Back, "back"),
        ],
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
    let put = |x: &mut u16, hint: &Hint| {
        let begin = *x;
        *x = x.saturating_add(hint_width(*hint));
        Some((begin, *hint))
    };
    let fits = |(x, hint): &(u16, Hint)| x.saturating_add(hint_width(*hint)) <= end;
    hints.iter().scan(from, put).take_while(fits).chain(ALWAYS.iter().scan(end, put)).collect()
}

/// Returns the column at which begins what always stands in an area.
fn always(area: Rect) -> u16 {
    area.right().saturating_sub(ALWAYS.iter().fold(0, |sum: u16, hint| sum.saturating_add(hint_width(*hint))))
}

/// What stands at the end of the line, whatever else does.
const ALWAYS: [Hint; 2] = [(Action::Help, "help"), (Action::Quit, "quit")];

fn hint_width((action, words): Hint) -> u16 {
    columns(keys::key_for(action)).saturating_add(columns(words)).saturating_add(3)
}

fn draw_hint(app: &App, writer: &mut RowWriter<'_>, (action, words): Hint) {
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
        let new = store.len().saturating_sub(app.extent.entries) as u64;
        writer.word(&format!(" paused, {} new: p goes on ", grouped(new)), theme.bar.patch(theme.warning));
    } else if app.timeline.follow && app.feed.is_live() {
        writer.word(" following ", theme.bar.patch(theme.good));
    } else if app.timeline.new_rows() > 0 {
        writer.word(&format!(" {} new ", short(app.timeline.new_rows() as u64)), theme.bar.patch(theme.good));
    }
    if !app.filter_text.is_empty() {
        writer.word(" filter ", theme.bar.patch(theme.note)).within(24, |writer| {
            writer.wire(app.filter_text.as_bytes(), theme.bar, theme.bar);
        });
        writer.word(" ", theme.bar);
    }
    if let Some(pattern) = &app.search.pattern {
        writer.word(" / ", theme.bar.patch(theme.note));
        let (rows, entry) = (&app.timeline.rows, app.timeline.entry);
        let words = app.search.words(rows, entry, app.detail.hit, app.coming());
        let room = columns(&text::printable_string(pattern.text.as_bytes())).min(24);
        writer
            .within(room, |writer| {
                writer.wire(pattern.text.as_bytes(), theme.bar, theme.bar);
            })
            .word(&format!("  {words} "), theme.bar.patch(theme.note));
    }
    if let Some(words) = app.timeline.measured(store) {
        writer.word(&format!(" ◇ {words} "), theme.bar.patch(theme.note));
    }
}
