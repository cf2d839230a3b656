use ratatui::buffer::Buffer;

use super::super::clock::{grouped, short};
use super::super::keys::{self, Action};
use super::super::prompt::Prompt;
use super::super::state::{App, Panel};
use super::super::text::{Brush, columns};
use crate::store::{Phase, Store};
use crate::view;

/// Draws the line at the top: what is shown, how much of it there is, how it stands.
pub(super) fn title(app: &App, store: &Store, buffer: &mut Buffer) {
    let theme = &app.theme;
    let area = app.layout.title;
    let right = standing(app, store);
    let room = area.width.saturating_sub(columns(&right)).saturating_sub(1);
    let mut brush = Brush::new(buffer, area.x, area.y, area.width);
    brush.blank(area.width, theme.bar);
    let mut brush = Brush::new(buffer, area.x, area.y, room);
    brush.word(" wirefin ", theme.key).wire(app.feed.title().as_bytes(), theme.bar, theme.bar);
    let totals = store.totals();
    let messages = totals.client.messages.saturating_add(totals.server.messages);
    brush.word(&format!("  {} messages", grouped(messages)), theme.bar);
    let [notes, warnings, errors] = store.anomalies();
    for (count, noun, sign, style) in [
        (errors, "error", "✖", theme.error),
        (warnings, "warning", "▲", theme.warning),
        (notes, "note", "◆", theme.note),
    ] {
        if count > 0 {
            let words = if area.width >= 110 { view::count(count, noun) } else { short(count) };
            brush.word(&format!("  {sign} {words}"), theme.bar.patch(style));
        }
    }
    let at = area.right().saturating_sub(columns(&right)).saturating_sub(1);
    Brush::new(buffer, at, area.y, columns(&right)).word(&right, theme.bar);
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
        (Phase::Filling, true) => words.push(format!("● live {}/s", short(app.rate.per_second))),
        (Phase::Filling, false) => match app.feed.progress() {
            Some(part) => words.push(format!("loading {:.0} %", part * 100.0)),
            None => words.push("loading".to_owned()),
        },
        (Phase::Complete, true) => words.push("○ stopped".to_owned()),
        (Phase::Complete, false) => {
            if let Some((first, last)) = store.times() {
                words.push(view::span(last.since(first)));
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
    Brush::new(buffer, area.x, area.y, area.width).blank(area.width, theme.bar);
    let mut brush = Brush::new(buffer, area.x, area.y, area.width);
    if let Some(prompt) = &app.prompt {
        brush.word(" ", theme.bar).word(prompt.ask.words(), theme.key).word(" › ", theme.bar);
        let x = brush.x();
        brush.wire(prompt.text.as_bytes(), theme.bar, theme.bar);
        if let Some((column, expected)) = &prompt.mistake {
            let at = x.saturating_add(u16::try_from(*column).unwrap_or(u16::MAX));
            Brush::new(buffer, at, area.y, 1).blank(1, theme.error);
            let words = format!(" ✖ {expected} ");
            let width = columns(&words).min(area.width / 2);
            let at = area.right().saturating_sub(width);
            Brush::new(buffer, at, area.y, width).wire(
                words.as_bytes(),
                theme.bar.patch(theme.error),
                theme.bar,
            );
        }
        candidates(app, prompt, buffer, x);
        let cursor = x.saturating_add(prompt.column());
        Brush::new(buffer, cursor, area.y, 1)
            .blank(1, ratatui::style::Style::new().add_modifier(ratatui::style::Modifier::REVERSED));
        return;
    }
    if let Some((words, _)) = &app.said {
        brush.word(" ", theme.bar).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    if let Phase::Failed(words) = &app.phase {
        brush.word(" ✖ ", theme.bar.patch(theme.error)).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    if let Some(words) = store.trouble() {
        brush.word(" ▲ ", theme.bar.patch(theme.warning)).wire(words.as_bytes(), theme.bar, theme.bar);
        return;
    }
    state_words(app, store, &mut brush);
    let hints: &[(Action, &str)] = match app.panel {
        Panel::Conversations => &[
            (Action::Enter, "choose"),
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
            (Action::NextAnomaly, "anomaly"),
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
    for (action, words) in hints.iter().chain(&[(Action::Help, "help"), (Action::Quit, "quit")]) {
        let key = keys::key_for(*action);
        let width = columns(key).saturating_add(columns(words)).saturating_add(3);
        if brush.left() < width {
            break;
        }
        brush
            .word(" ", theme.bar)
            .word(key, theme.key)
            .word(" ", theme.bar)
            .word(words, theme.bar)
            .word(" ", theme.bar);
    }
}

/// Draws what may stand at the cursor, above the line that is typed.
fn candidates(app: &App, prompt: &Prompt, buffer: &mut Buffer, x: u16) {
    let theme = &app.theme;
    let area = app.layout.status;
    let most = usize::from(area.height.max(app.layout.area.height / 3));
    let from = prompt.chosen.map_or(0, |at| at.saturating_add(1).saturating_sub(most));
    let shown = prompt.candidates.get(from..).unwrap_or_default();
    let shown = shown.get(..most).unwrap_or(shown);
    let names = shown.iter().map(|candidate| columns(&candidate.text)).max().unwrap_or(0).min(40);
    let abouts = shown.iter().map(|candidate| columns(candidate.about)).max().unwrap_or(0);
    let width = names.saturating_add(abouts).saturating_add(4).min(area.width);
    let x = x.min(area.right().saturating_sub(width));
    let top = area.y.saturating_sub(u16::try_from(shown.len()).unwrap_or(0));
    for (n, candidate) in shown.iter().enumerate() {
        let y = top.saturating_add(u16::try_from(n).unwrap_or(0));
        for at in x..x.saturating_add(width) {
            if let Some(cell) = buffer.cell_mut((at, y)) {
                cell.reset();
            }
        }
        let chosen = prompt.chosen == Some(from.saturating_add(n));
        let style = if chosen { theme.bar.patch(theme.selected) } else { theme.bar };
        Brush::new(buffer, x, y, width).blank(width, style);
        let mut brush = Brush::new(buffer, x, y, width);
        brush.word(" ", style).within(names, |brush| {
            brush.wire(candidate.text.as_bytes(), style, style);
        });
        brush.word("  ", style).word(candidate.about, style.patch(theme.dim));
    }
}

/// Says what limits the list: filter, search, mark, what is new.
fn state_words(app: &App, store: &Store, brush: &mut Brush<'_>) {
    let theme = &app.theme;
    if app.timeline.follow && app.feed.is_live() {
        brush.word(" following ", theme.bar.patch(theme.good));
    } else if let Some(before) = app.timeline.left_at {
        let new = app.timeline.rows.len().saturating_sub(before);
        if new > 0 {
            brush.word(&format!(" {} new ", short(new as u64)), theme.bar.patch(theme.good));
        }
    }
    if !app.filter_text.is_empty() {
        brush.word(" filter ", theme.bar.patch(theme.note)).within(24, |brush| {
            brush.wire(app.filter_text.as_bytes(), theme.bar, theme.bar);
        });
        brush.word(" ", theme.bar);
    }
    if let Some(hunt) = &app.hunt {
        let part = hunt.looked as f64 * 100.0 / (app.timeline.rows.len().max(1) as f64);
        brush.word(&format!(" searching {part:.0} % "), theme.bar.patch(theme.note));
    } else if let Some(needle) = &app.needle {
        brush
            .word(" / ", theme.bar.patch(theme.note))
            .wire(needle.text.as_bytes(), theme.bar, theme.bar)
            .word(" ", theme.bar);
    }
    if let Some(words) = app.measured(store) {
        brush.word(&format!(" ◇ {words} "), theme.bar.patch(theme.note));
    }
}
