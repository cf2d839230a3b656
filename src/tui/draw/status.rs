use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::clock::{grouped, short};
use super::super::effect::Panel;
use super::super::keys::{self, Action};
use super::super::paint::{ClickableText, put};
use super::super::state::{App, Extent};
use super::super::text::{RowWriter, columns, truncate_middle};
use super::super::words::sign;
use crate::event::Severity;
use crate::store::{Phase, Store};
use crate::text;

/// The width of the program's name, in columns.
const NAME: u16 = 9;

/// Draws the top line: the source, counts and status.
pub(super) fn title(app: &App, store: &Store, buffer: &mut Buffer) {
    let (theme, area) = (&app.theme, app.layout.title);
    buffer.set_style(area, theme.bar);
    let counts = counts(app, store);
    let mut writer = RowWriter::new(buffer, area.x, area.y, counts.first().map_or(area.width, |it| it.x));
    writer.word(" wirefin ", theme.key).wire(app.feed.title().as_bytes(), theme.bar, theme.bar);
    ClickableText::draw(&counts, area.y, buffer);
    let right = standing(app, store);
    let x = area.right().saturating_sub(columns(&right) + 1);
    put(buffer, Rect { x, ..area }, &Line::styled(right, theme.bar));
}

/// Returns the counts of the top line, including anomalies, each with the action of a click on it.
pub(in super::super) fn counts(app: &App, store: &Store) -> Vec<ClickableText<Option<Action>>> {
    let (theme, area) = (&app.theme, app.layout.title);
    let wide = area.width >= 110;
    let Extent { conversations, totals, anomalies, unshown, .. } = app.known.extent;
    let messages = totals.client.messages.saturating_add(totals.server.messages);
    let bytes = totals.client.bytes.saturating_add(totals.server.bytes);
    let plain = |words: String| (Line::styled(format!("  {words}"), theme.bar), None);
    let mut counts = vec![plain(text::counted(messages, "message"))];
    if wide {
        counts.insert(0, plain(text::counted(conversations as u64, "conversation")));
        counts.push(plain(text::bytes(bytes)));
    }
    let [notes, warnings, errors] = anomalies;
    for (severity, count, leads) in [
        (Severity::Error, errors, Action::NextFault),
        (Severity::Warning, warnings, Action::NextFault),
        (Severity::Note, notes, Action::NextAnomaly),
    ] {
        if count > 0 {
            let words = if wide { text::counted(count, severity.name()) } else { short(count) };
            let words = format!("  {} {words}", sign(severity));
            counts.push((Line::styled(words, theme.bar.patch(theme.severity(severity))), Some(leads)));
        }
    }
    // Without conversations, these connections are listed in the timeline.
    if unshown > 0 && conversations > 0 {
        let what = if wide { text::counted(unshown, "connection") } else { short(unshown) };
        let words = Line::styled(format!("  ? {what} not shown"), theme.bar.patch(theme.warning));
        counts.push((words, Some(Action::Anomalies)));
    }
    // If not everything fits, the title is shortened before counts are dropped.
    let end = area.right().saturating_sub(columns(&standing(app, store)) + 3);
    let wanted = columns(&text::printable_string(app.feed.title().as_bytes()));
    let taken = counts.iter().map(|(words, _)| u16::try_from(words.width()).unwrap_or(0)).sum::<u16>();
    let name = wanted.min(end.saturating_sub(area.x + NAME + taken).max(8));
    let mut spots = ClickableText::row(area.x + NAME + name, counts);
    spots.retain(|spot| spot.end() <= end);
    spots
}

/// Describes the state of loading or capturing.
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
    if app.known.paused {
        words.push("paused".to_owned());
    }
    match (&app.known.phase, app.feed.is_live()) {
        (Phase::Filling, true) if app.feed.is_stopped() => words.push("○ stopped".to_owned()),
        (Phase::Filling, true) => words.push(format!("● live {}/s", short(app.known.rate.per_second))),
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

/// Draws the bottom line: a message or the available keys.
pub(super) fn draw(app: &App, store: &Store, buffer: &mut Buffer) {
    let (theme, area) = (&app.theme, app.layout.status);
    buffer.set_style(area, theme.bar);
    match message(app, store) {
        Some((sign, style, words)) => {
            let mut writer = RowWriter::new(buffer, area.x, area.y, area.width);
            writer.word(sign, theme.bar.patch(style)).wire(words.as_bytes(), theme.bar, theme.bar);
        }
        None => {
            let room = Rect { width: always(area).saturating_sub(area.x), ..area };
            put(buffer, room, &state(app, store));
            ClickableText::draw(&hints(app, store), area.y, buffer);
        }
    }
}

/// Returns the message shown instead of hints, with its symbol.
fn message<'a>(app: &'a App, store: &'a Store) -> Option<(&'static str, Style, &'a str)> {
    let (theme, said) = (&app.theme, app.said.as_ref());
    match &app.known.phase {
        _ if said.is_some() => said.map(|(words, _)| (" ", theme.bar, words.as_str())),
        Phase::Failed(words) => Some((" ✖ ", theme.error, words)),
        _ => store.trouble().map(|words| (" ▲ ", theme.warning, words)),
    }
}

/// A key worth knowing and its description.
type Hint = (Action, &'static str);

/// Returns the hints that fit into the bottom line, each with the action of a click on it.
pub(in super::super) fn hints(app: &App, store: &Store) -> Vec<ClickableText<Action>> {
    let (theme, area) = (&app.theme, app.layout.status);
    if message(app, store).is_some() {
        return Vec::new();
    }
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
    let words = |(action, words): &Hint| {
        let key = Span::styled(keys::key_for(*action), theme.key);
        let [before, behind] = [" ".to_owned(), format!(" {words} ")].map(|it| Span::styled(it, theme.bar));
        (Line::from_iter([before, key, behind]), *action)
    };
    let from = area.x + u16::try_from(state(app, store).width()).unwrap_or(0);
    let mut spots = ClickableText::row(from, hints.iter().map(words));
    spots.retain(|spot| spot.end() <= always(area));
    spots.extend(ClickableText::row(always(area), ALWAYS.iter().map(words)));
    spots
}

/// Returns the column at which the permanent hints begin.
fn always(area: Rect) -> u16 {
    let width = |(action, words): &Hint| columns(keys::key_for(*action)) + columns(words) + 3;
    area.right().saturating_sub(ALWAYS.iter().map(width).sum())
}

/// The permanent hints at the end of the line.
const ALWAYS: [Hint; 2] = [(Action::Help, "help"), (Action::Quit, "quit")];

/// Describes what limits the list: pause, filter, search and mark.
fn state(app: &App, store: &Store) -> Line<'static> {
    let (theme, timeline) = (&app.theme, &app.timeline);
    let mut spans = Vec::new();
    let mut add = |words: String, style: Style| spans.push(Span::styled(words, theme.bar.patch(style)));
    let cut = |words: &str| truncate_middle(&text::printable_string(words.as_bytes()), 24);
    if app.known.paused {
        let new = store.len().saturating_sub(app.known.extent.entries) as u64;
        add(format!(" paused, {} new: p goes on ", grouped(new)), theme.warning);
    } else if timeline.follow && app.feed.is_live() {
        add(" following ".to_owned(), theme.good);
    } else if timeline.new_rows() > 0 {
        add(format!(" {} new ", short(timeline.new_rows() as u64)), theme.good);
    }
    if !app.typed.filter.is_empty() {
        add(" filter ".to_owned(), theme.note);
        add(format!("{} ", cut(&app.typed.filter)), theme.bar);
    }
    if let Some(pattern) = &app.search.pattern {
        let words = app.search.words(&timeline.rows, timeline.entry, app.detail.hit, app.row_source());
        add(" / ".to_owned(), theme.note);
        add(cut(&pattern.text), theme.bar);
        add(format!("  {words} "), theme.note);
    }
    if let Some(words) = timeline.measured(store) {
        add(format!(" ◇ {words} "), theme.note);
    }
    Line::from(spans)
}
