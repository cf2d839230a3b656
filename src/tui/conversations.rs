//! The list of conversations: sorting, narrowing and drawing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::clock::{self, TimeForm, short};
use super::effect::{Effect, Panel};
use super::keys::{Action, next_of};
use super::paint::{ClickableText, above, apply_row_style, put, scroll, title};
use super::rows::Rows;
use super::text::{RowWriter, columns, truncate_middle};
use super::theme::Theme;
use super::words;
use crate::store::{Attempt, Conversation, State, Store};
use crate::text;

/// The sort key of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    #[default]
    Begin,
    Name,
    Messages,
    Bytes,
    Anomalies,
    Last,
}

impl SortBy {
    pub(super) const ALL: [(SortBy, &'static str); 6] = [
        (SortBy::Begin, "begin"),
        (SortBy::Name, "name"),
        (SortBy::Messages, "messages"),
        (SortBy::Bytes, "bytes"),
        (SortBy::Anomalies, "anomalies"),
        (SortBy::Last, "last"),
    ];
}

/// The number of names compared to find their common prefix.
const COMPARED: usize = 2000;

/// The list of conversations; line 0 represents all of them.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    pub(super) selected: usize,
    top: usize,
    /// The number of visible lines.
    height: usize,
    pub(super) sort: SortBy,
    pub(super) backwards: bool,
    /// The conversations in display order.
    pub(super) order: Vec<u32>,
    /// The text that narrows the list.
    pub(super) narrow: String,
    /// What `order` was computed from: the version of the store, the sort key and direction, and the narrowing text.
    made: Option<(u64, SortBy, bool, String)>,
    /// The common prefix of all names, and whether client ports are needed to distinguish conversations.
    shared: String,
    ports: bool,
}

impl Conversations {
    /// Sorts the conversations if the sort key or the store changed; the selected one stays selected.
    pub(super) fn refresh(&mut self, all: &[Conversation], version: u64, height: usize) {
        let made = Some((version, self.sort, self.backwards, self.narrow.clone()));
        if self.made != made {
            self.made = made;
            let chosen = self.chosen();
            self.narrowed(all);
            self.sort(all);
            self.tell_apart(all);
            self.select(chosen.unwrap_or(u32::MAX));
        }
        self.height = height;
        self.top = scroll(self.top, self.selected, height, self.order.len().saturating_add(1));
    }

    /// Returns the selected conversation, or `None` for all.
    pub(super) fn chosen(&self) -> Option<u32> {
        self.selected.checked_sub(1).and_then(|at| self.order.get(at).copied())
    }

    /// Selects a conversation if it is in the list.
    pub(super) fn select(&mut self, slot: u32) {
        let line = self.order.iter().position(|other| *other == slot);
        self.selected = line.map_or(0, |line| line.saturating_add(1));
    }

    /// Keeps the conversations that contain every typed word.
    fn narrowed(&mut self, all: &[Conversation]) {
        let is_strict = self.narrow.chars().any(char::is_uppercase);
        let words: Vec<&str> = self.narrow.split_whitespace().collect();
        let has = |conversation: &Conversation| {
            words.is_empty() || {
                let searchable_text = searchable_text(conversation);
                let searchable_text =
                    if is_strict { searchable_text } else { searchable_text.to_lowercase() };
                words.iter().all(|word| searchable_text.contains(word))
            }
        };
        self.order.clear();
        let numbered = (0..u32::MAX).zip(all);
        self.order.extend(numbered.filter(|(_, it)| has(it)).map(|(slot, _)| slot));
    }

    fn sort(&mut self, all: &[Conversation]) {
        let of = |slot: &u32| all.get(*slot as usize);
        let order = &mut self.order;
        // Highest values first; equal ones in order of their connections.
        order.sort_by_key(|slot| of(slot).map(|it| it.id));
        match self.sort {
            SortBy::Begin => {}
            SortBy::Name => order.sort_by_cached_key(|slot| of(slot).map(Conversation::name)),
            SortBy::Messages => order.sort_by_key(|slot| Reverse(of(slot).map(Conversation::messages))),
            SortBy::Bytes => order.sort_by_key(|slot| Reverse(of(slot).map(Conversation::bytes))),
            SortBy::Anomalies => order.sort_by_key(|slot| Reverse(of(slot).map(worst_first))),
            SortBy::Last => order.sort_by_key(|slot| Reverse(of(slot).map(|it| it.times.1))),
        }
        if self.backwards {
            order.reverse();
        }
        // The streams of a connection are kept together, at the position of the first.
        if all.iter().any(|it| it.id.stream().is_some()) {
            let mut groups: BTreeMap<_, Vec<u32>> = BTreeMap::new();
            let connection = |slot: &u32| of(slot).map(|it| it.id.packet);
            for slot in order.iter() {
                groups.entry(connection(slot)).or_default().push(*slot);
            }
            *order = order.iter().filter_map(|slot| groups.remove(&connection(slot))).flatten().collect();
        }
    }

    /// Returns the number shown for a line's conversation. Of the streams of one connection, only the first shows the
    /// number of the connection; the others are shown as its branches.
    fn number(&self, all: &[Conversation], line: usize) -> String {
        let id = |line: usize| {
            let slot = line.checked_sub(1).and_then(|at| self.order.get(at))?;
            all.get(*slot as usize).map(|it| it.id)
        };
        let Some(it) = id(line) else { return String::new() };
        let beside = |line: usize| id(line).is_some_and(|other| other.packet == it.packet);
        match it.stream().filter(|_| beside(line.saturating_sub(1))) {
            Some(stream) => {
                let sign = if beside(line.saturating_add(1)) { "├" } else { "└" };
                format!("{sign}{}.{stream} ", "─".repeat(it.packet.to_string().len()))
            }
            None => format!("#{it} "),
        }
    }

    /// Finds the common prefix of all names, up to a slash, and whether names alone are unique.
    fn tell_apart(&mut self, all: &[Conversation]) {
        let names: Vec<String> = all.iter().take(COMPARED).map(Conversation::name).collect();
        let mut shared = names.first().cloned().unwrap_or_default();
        for name in &names {
            let same = shared.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            let end = shared.get(..same).unwrap_or_default().rfind('/').unwrap_or(0);
            shared.truncate(if name == &shared { shared.len() } else { end });
        }
        if names.len() < 2 || names.iter().all(|name| name == &shared) {
            // A prefix that is an entire name cannot be dropped.
            shared.truncate(if names.len() < 2 { 0 } else { shared.rfind('/').unwrap_or(0) });
        }
        self.shared = shared;
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_unstable();
        self.ports = sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
    }

    /// Returns the client's port, if needed, and the name shown in the list.
    fn label(&self, conversation: &Conversation) -> (String, String) {
        let name = conversation.name();
        let rest = name.strip_prefix(&self.shared).filter(|rest| !rest.is_empty() && !self.shared.is_empty());
        let name = rest.unwrap_or(&name);
        let client = conversation.opened.as_deref().map(|opened| opened.opening().client);
        let port = client.filter(|_| self.ports).map_or(String::new(), |client| format!(":{} ", client.port));
        (port, name.to_owned())
    }

    /// Handles an action.
    pub(super) fn handle(&mut self, action: Action) -> Effect {
        if let Some(by) = action.lines(self.height) {
            return self.step(by);
        }
        match action {
            Action::Enter => return Effect::Focus(Panel::Timeline),
            Action::SortBackwards => self.backwards = !self.backwards,
            Action::Sort => {
                let name;
                (self.sort, name) = next_of(&SortBy::ALL, (self.sort, self.sort_name()));
                return Effect::Say(format!("conversations sorted by {name}"));
            }
            _ => {}
        }
        Effect::None
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, by: isize) -> Effect {
        self.selected = self.selected.saturating_add_signed(by).min(self.order.len());
        Effect::Scope(self.chosen())
    }

    /// Selects the conversation in a visible line.
    pub(super) fn click(&mut self, line: usize) -> Effect {
        let line = self.top.saturating_add(line);
        if line > self.order.len() {
            return Effect::None;
        }
        self.selected = line;
        Effect::Scope(self.chosen())
    }

    /// Returns the title of the list.
    fn title(&self, theme: &Theme, width: u16, focus: bool) -> Line<'static> {
        let count = self.order.len() as u64;
        let narrow = |narrow: String| Span::styled(narrow, theme.note);
        let words = format!(" {} ", clock::grouped(count));
        let fits = words.len() + 17 <= usize::from(width);
        let mut rest = vec![Span::styled(words, theme.dim)];
        if !self.narrow.is_empty() {
            rest.extend([
                Span::styled("with ", theme.dim),
                narrow(text::printable_string(self.narrow.as_bytes())),
            ]);
            rest.push(Span::raw(" "));
        } else if !fits {
            rest = vec![Span::styled(format!(" {} ", short(count)), theme.dim)];
        }
        title(theme, "conversations", focus, rest)
    }

    /// Draws the title of the list and the headings of its numbers into the rule above it.
    pub(super) fn draw_title(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let place = above(area);
        put(buffer, place, &self.title(look.theme, area.width, look.focus));
        ClickableText::draw(&self.heads(look.theme, area, look.focus), place.y, buffer);
    }

    /// Draws the list.
    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let lines = self.order.len().saturating_add(1);
        let end = lines.min(self.top.saturating_add(usize::from(area.height)));
        for (y, line) in (area.y..area.bottom()).zip(self.top..end) {
            if line == self.selected {
                let style = if look.focus { look.theme.selected } else { look.theme.unfocused };
                apply_row_style(buffer, area, y, style, look.theme.hit);
            }
            let row = Rect { y, height: 1, ..area };
            match line.checked_sub(1).and_then(|at| self.order.get(at)) {
                None => self.everything(look, row, buffer),
                Some(slot) => {
                    if let Some(conversation) = look.store.conversation(*slot) {
                        self.one(look, row, buffer, (*slot, conversation), line);
                    }
                }
            }
        }
    }

    fn everything(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (theme, totals) = (look.theme, look.store.totals());
        let messages = totals.client.messages.saturating_add(totals.server.messages);
        let bytes = totals.client.bytes.saturating_add(totals.server.bytes);
        let shown = look.rows.passed().unwrap_or(messages);
        let right = numbers(area.width, shown, bytes, "");
        let mut writer = RowWriter::new(buffer, area.x, area.y, area.width.saturating_sub(columns(&right)));
        writer.word(" ≡ ", theme.title).word("all", theme.title);
        if self.sort != SortBy::Begin || self.backwards {
            writer.word(&format!(" {}{}", self.sign(), self.sort_name()), theme.dim);
        }
        let x = area.right().saturating_sub(columns(&right));
        RowWriter::new(buffer, x, area.y, area.width).word(&right, theme.dim);
    }

    fn sort_name(&self) -> &'static str {
        SortBy::ALL.iter().find(|(sort, _)| *sort == self.sort).map_or("", |(_, name)| name)
    }

    /// Returns the symbol of the sort direction.
    const fn sign(&self) -> &'static str {
        if self.backwards { "▴" } else { "▾" }
    }

    /// Sorts by a heading's key, or reverses the order if the list is already sorted by it.
    pub(super) fn sort_by(&mut self, sort: SortBy) {
        self.backwards = self.sort == sort && !self.backwards;
        self.sort = sort;
    }

    /// Returns the headings of the numbers that fit after the title; that of the sort key is always included.
    pub(super) fn heads(&self, theme: &Theme, area: Rect, focus: bool) -> Vec<ClickableText<SortBy>> {
        let title = u16::try_from(self.title(theme, area.width, focus).width()).unwrap_or(u16::MAX);
        let from = above(area).x.saturating_add(title);
        let shown = match area.width {
            0..=29 => 1,
            30..=43 => 2,
            _ => 3,
        };
        let heads = [(SortBy::Messages, "msgs", 6), (SortBy::Bytes, "bytes", 9), (SortBy::Last, "last", 9)];
        // From the right, because the numbers are right-aligned.
        let mut end = area.right();
        let place = |(leads, words, width): (SortBy, &str, u16)| {
            let sign = if self.sort == leads { self.sign() } else { "" };
            let words = Line::styled(format!(" {sign}{words} "), theme.dim);
            let x = end.saturating_sub(u16::try_from(words.width()).unwrap_or(0));
            end = end.saturating_sub(width);
            ClickableText { x, words, leads }
        };
        let heads = heads.into_iter().take(shown).rev().map(place);
        heads.filter(|head| head.x >= from || head.leads == self.sort).collect()
    }

    fn one(
        &self,
        look: &Look<'_>,
        area: Rect,
        buffer: &mut Buffer,
        (slot, it): (u32, &Conversation),
        line: usize,
    ) {
        let theme = look.theme;
        let (sign, style) = match it.state {
            State::Open => ("●", theme.good),
            State::Closed => ("○", theme.dim),
            State::Failed => ("✕", theme.error),
        };
        let last = look.time.clock(it.times.1);
        let messages = look.rows.passed_of(slot).unwrap_or(it.messages());
        let right = numbers(area.width, messages, it.bytes(), &last);
        let room = area.width.saturating_sub(columns(&right));
        let mut writer = RowWriter::new(buffer, area.x, area.y, room);
        let is_marked = look.mark == Some(slot);
        writer.word(if is_marked { "◇" } else { "▎" }, theme.conversation(slot)).word(sign, style);
        writer.word(if it.is_secured() { "⚿" } else { " " }, theme.dim);
        let [notes, warnings, errors] = it.anomalies;
        let count = notes.saturating_add(warnings).saturating_add(errors);
        let flag =
            it.worst().map_or(String::new(), |worst| format!(" {}{}", words::sign(worst), short(count)));
        let room = writer.left().saturating_sub(columns(&flag));
        writer.within(room, |writer| {
            writer.word(&self.number(look.store.conversations(), line), theme.conversation(slot));
            let (port, name) = self.label(it);
            writer.word(&port, theme.dim);
            let name = text::printable_string(name.as_bytes());
            let subprotocol = it.subprotocol().map(|it| text::printable_string(it.as_bytes()));
            let taken = subprotocol.as_ref().map_or(0, |it| columns(it).saturating_add(1));
            // The sub-protocol is shown only if the name need not be truncated for it.
            let fits = columns(&name).saturating_add(taken) <= writer.left();
            // If not everything fits, the path is more informative than the host.
            let path = name.find('/').and_then(|at| name.get(at..)).filter(|path| path.len() > 1);
            let whole = columns(&name) <= writer.left();
            let name = truncate_middle(path.filter(|_| !whole).unwrap_or(&name), writer.left());
            writer.wire(name.as_bytes(), theme.text, theme.escape);
            if let Some(subprotocol) = subprotocol.filter(|_| fits) {
                writer.word(" ", theme.dim).wire(subprotocol.as_bytes(), theme.name_of, theme.escape);
            }
        });
        if let Some(worst) = it.worst() {
            writer.word(&flag, theme.severity(worst));
        }
        let x = area.right().saturating_sub(columns(&right));
        RowWriter::new(buffer, x, area.y, area.width).word(&right, theme.dim);
    }
}

/// The context for drawing the list.
pub(super) struct Look<'a> {
    pub(super) theme: &'a Theme,
    pub(super) store: &'a Store,
    pub(super) rows: &'a Rows,
    pub(super) time: TimeForm,
    /// The conversation of the marked entry.
    pub(super) mark: Option<u32>,
    pub(super) focus: bool,
}

/// Returns the text that a conversation can be found by.
fn searchable_text(it: &Conversation) -> String {
    let ends = it.opened.as_deref().map(Attempt::opening);
    let ends = ends.map_or(String::new(), |opening| format!("{} {}", opening.client, opening.server));
    format!("#{} {} {ends} {}", it.id, it.name(), it.subprotocol().unwrap_or_default())
}

/// Returns the numbers of anomalies, errors first.
const fn worst_first(conversation: &Conversation) -> (u64, u64, u64) {
    let [notes, warnings, errors] = conversation.anomalies;
    (errors, warnings, notes)
}

/// Returns the numbers at the right of a line, as many as fit.
fn numbers(width: u16, messages: u64, bytes: u64, last: &str) -> String {
    match width {
        0..=29 => format!(" {:>5} ", short(messages)),
        30..=43 => format!(" {:>5} {:>8} ", short(messages), clock::size(bytes)),
        _ => format!(" {:>5} {:>8} {last:>8} ", short(messages), clock::size(bytes)),
    }
}
