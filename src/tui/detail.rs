//! The detail of an entry: its fields as a tree, its bytes in hex, and its payload as text and as JSON.

mod hex;
mod hex_rows;
mod text;
mod tree;

use std::collections::BTreeSet;
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget as _};

use self::hex_rows::{HexLines, width_of};
use super::clock::grouped;
use super::document::Document;
use super::effect::{Arrival, DetailSize, Effect, Panel};
use super::json;
use super::keys::{self, Action};
use super::paint::{ClickableText, above, put, scroll};
use super::pattern::Pattern;
use super::text::wrap;
use super::theme::Theme;
use crate::store::Store;

/// The tab shown in the detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Tree,
    Text,
    Json,
    Hex,
}

impl Tab {
    pub(super) const ALL: [(Tab, &'static str); 4] =
        [(Tab::Tree, "tree"), (Tab::Text, "text"), (Tab::Json, "json"), (Tab::Hex, "hex")];
}

/// The detail of an entry, and the position in it.
#[derive(Debug, Default)]
pub(super) struct Detail {
    pub(super) tab: Tab,
    pub(super) size: DetailSize,
    pub(super) document: Document,
    shown: Option<u32>,
    /// The selected field and byte.
    pub(super) field: usize,
    pub(super) byte: usize,
    /// The folded fields and folded lines of JSON.
    folded: BTreeSet<usize>,
    json_folded: BTreeSet<usize>,
    pub(super) json_line: usize,
    text_top: usize,
    /// The current hit of the search, and its position in the text and in the payload until it is brought into view.
    pub(super) hit: Option<usize>,
    reveal: Option<usize>,
    reveal_line: Option<usize>,
    /// The hit to show first in a new entry.
    pub(super) arrival: Option<Arrival>,
    /// The lines of the payload's text, and the width they were broken to.
    lines: (usize, Vec<Range<usize>>),
    /// The rows of bytes.
    rows: HexLines,
    /// The text of the search, and its hits in the known bytes of the payload.
    searched: Option<String>,
    hits: Vec<Range<usize>>,
    /// The visible fields and lines of JSON, that is, those not folded away.
    shown_fields: Vec<usize>,
    shown_lines: Vec<u32>,
    tree_top: usize,
    json_top: usize,
    hex_top: usize,
    panes: Panes,
}

/// The areas of the visible parts of the detail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Panes {
    whole: Rect,
    tab: Tab,
    tree: Option<Rect>,
    hex: Option<Rect>,
}

/// The minimum width at which the tree and the bytes are side by side.
const BOTH: u16 = 98;

impl Panes {
    /// Places tree and bytes side by side or one above the other if both fit, otherwise only the one requested.
    fn of(area: Rect, tab: Tab) -> Panes {
        let whole = area;
        let (tree, hex) = match tab {
            Tab::Text | Tab::Json => (None, None),
            _ if area.width >= BOTH => {
                // The bytes get the width of their rows, the tree the rest.
                let bytes = width_of(if area.width >= 200 { 32 } else { 16 });
                let columns = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(bytes)];
                let [tree, _, hex] = Layout::horizontal(columns).areas(area);
                (Some(tree), Some(hex))
            }
            _ if area.height >= 24 => {
                let tree = Constraint::Length(area.height.saturating_mul(3) / 5);
                let rows = [tree, Constraint::Length(1), Constraint::Fill(1)];
                let [tree, _, hex] = Layout::vertical(rows).areas(area);
                (Some(tree), Some(hex))
            }
            Tab::Hex => (None, Some(area)),
            Tab::Tree => (Some(area), None),
        };
        Panes { whole, tab, tree, hex }
    }
}

/// The context for drawing the detail.
pub(super) struct Look<'a> {
    pub(super) theme: &'a Theme,
    pub(super) focus: bool,
}

impl Detail {
    /// Shows an entry, at a hit of the search if the search led to it.
    pub(super) fn show(&mut self, store: &mut Store, shown: Option<u32>, pattern: Option<&Pattern>) {
        if self.shown != shown {
            let Detail { tab, size, arrival, panes, .. } = *self;
            *self = Detail { tab, size, shown, arrival, panes, ..Detail::default() };
            if let Some(shown) = shown {
                self.document = Document::of(store, shown);
                self.byte = self.document.payload.start;
            }
        }
        if self.searched.as_ref() != pattern.map(|pattern| &pattern.text) {
            self.searched = pattern.map(|pattern| pattern.text.clone());
            self.hits = self.document.hits(pattern);
        }
        match self.arrival.take() {
            Some(Arrival::FirstHit) => drop(self.show_hit(0)),
            Some(Arrival::LastHit) => drop(self.show_hit(self.hits.len().saturating_sub(1))),
            None => {}
        }
    }

    /// Computes what is visible in an area.
    pub(super) fn lay_out(&mut self, area: Rect) {
        if (self.panes.whole, self.panes.tab) != (area, self.tab) {
            self.panes = Panes::of(area, self.tab);
        }
        self.unfold();
        let height = usize::from(area.height);
        if area.width == 0 || height == 0 {
            return;
        }
        if let Some(area) = self.panes.tree {
            self.tree_top = self.first_field(area);
        }
        if let Some(area) = self.panes.hex {
            self.lay_out_bytes(area);
        }
        match self.tab {
            Tab::Json => self.lay_out_json(height),
            Tab::Text => {
                let width = usize::from(area.width.saturating_sub(2)).max(1);
                if self.lines.0 != width {
                    self.lines = (width, wrap(self.document.shown_text(), width));
                }
                let lines = &self.lines.1;
                if let Some(at) = self.reveal.take() {
                    let line = lines.partition_point(|line| line.end <= at);
                    if !(self.text_top..self.text_top.saturating_add(height)).contains(&line) {
                        self.text_top = line.saturating_sub(height / 3);
                    }
                }
                self.text_top = self.text_top.min(lines.len().saturating_sub(height));
            }
            Tab::Tree | Tab::Hex => {}
        }
    }

    /// Computes the visible lines of JSON unless that is already done.
    fn unfold_json(&mut self) {
        let lines = self.document.json().unwrap_or_default();
        let mut n = if self.shown_lines.is_empty() { 0 } else { lines.len() };
        while let Some(line) = lines.get(n) {
            self.shown_lines.extend(u32::try_from(n));
            let folded = line.closes().filter(|_| self.json_folded.contains(&n));
            n = folded.unwrap_or(n).saturating_add(1);
        }
    }

    /// Computes the first visible line of JSON.
    fn lay_out_json(&mut self, height: usize) {
        if let Some(at) = self.reveal_line.take() {
            self.select_line_at(at);
        }
        self.unfold_json();
        self.json_top = scroll(self.json_top, self.shown_line(), height, self.shown_lines.len());
    }

    /// Returns the position of the selected line of JSON among the visible ones.
    fn shown_line(&self) -> usize {
        self.shown_lines.partition_point(|n| (*n as usize) < self.json_line)
    }

    /// Computes the visible fields.
    fn unfold(&mut self) {
        let mut hidden_below: Option<u16> = None;
        self.shown_fields.clear();
        for (n, field) in self.document.fields.iter().enumerate() {
            if hidden_below.is_some_and(|depth| field.depth > depth) {
                continue;
            }
            hidden_below = self.folded.contains(&n).then_some(field.depth);
            self.shown_fields.push(n);
        }
    }

    /// Handles an action.
    pub(super) fn handle(&mut self, action: Action) -> Effect {
        if let Some(by) = action.lines(usize::from(self.panes.whole.height)) {
            self.step(by);
        }
        match action {
            Action::Left | Action::Right => return self.move_horizontally(action == Action::Right),
            Action::Enter if self.tab == Tab::Tree => self.toggle_field(self.field),
            Action::Enter if self.tab == Tab::Json => self.fold_json(None),
            Action::Tree => self.show_tab(Tab::Tree),
            Action::Text => self.show_tab(Tab::Text),
            Action::Json => self.show_tab(Tab::Json),
            Action::Hex => self.show_tab(Tab::Hex),
            _ => {}
        }
        Effect::None
    }

    /// Switches to a tab and makes the detail visible.
    fn show_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.make_visible();
    }

    /// Makes the detail visible.
    pub(super) fn make_visible(&mut self) {
        if self.size == DetailSize::Away {
            self.size = DetailSize::Normal;
        }
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, by: isize) {
        let moved = |at: usize, length: usize| at.saturating_add_signed(by).min(length.saturating_sub(1));
        match self.tab {
            Tab::Tree => {
                let at = self.shown_fields.iter().position(|n| *n == self.field).unwrap_or(0);
                let next = self.shown_fields.get(moved(at, self.shown_fields.len()));
                self.select_field(next.copied().unwrap_or(0));
            }
            Tab::Text => self.text_top = self.text_top.saturating_add_signed(by),
            Tab::Json => {
                self.unfold_json();
                let next = self.shown_lines.get(moved(self.shown_line(), self.shown_lines.len()));
                self.json_line = next.map_or(0, |line| *line as usize);
            }
            Tab::Hex => self.move_byte(by.saturating_mul(self.rows.per_row.max(1).cast_signed())),
        }
    }

    /// Selects a field and its first byte.
    fn select_field(&mut self, field: usize) {
        self.field = field;
        if let Some(bytes) = self.document.fields.get(field).and_then(|field| field.bytes.clone()) {
            self.byte = bytes.start;
        }
    }

    fn move_byte(&mut self, by: isize) {
        let last = self.document.bytes.len().saturating_sub(1);
        self.byte = self.byte.saturating_add_signed(by).min(last);
        self.field = self.document.field_at(self.byte).unwrap_or(self.field);
    }

    /// Moves, folds or unfolds; moving left from the leftmost position focuses the timeline.
    fn move_horizontally(&mut self, right: bool) -> Effect {
        let state = |it: &Detail| (it.byte, it.field, it.json_line, it.folded.len(), it.json_folded.len());
        let before = state(self);
        match self.tab {
            Tab::Hex => self.move_byte(if right { 1 } else { -1 }),
            Tab::Tree => {
                let at = self.field;
                if right {
                    self.folded.remove(&at);
                } else if !self.document.has_children(at) || !self.folded.insert(at) {
                    let depth = |n: &usize| self.document.fields.get(*n).map_or(0, |field| field.depth);
                    let parent = (0..at).rev().find(|n| depth(n) < depth(&at));
                    self.field = parent.unwrap_or(at);
                }
            }
            Tab::Json => self.fold_json(Some(!right)),
            Tab::Text => {}
        }
        self.unfold();
        let stays = right || state(self) != before;
        if stays { Effect::None } else { Effect::Focus(Panel::Timeline) }
    }

    /// Folds or unfolds a field.
    fn toggle_field(&mut self, at: usize) {
        if self.document.has_children(at) && !self.folded.remove(&at) {
            self.folded.insert(at);
        }
        self.unfold();
    }

    fn fold_json(&mut self, fold: Option<bool>) {
        let at = self.json_line;
        let lines = self.document.json().unwrap_or_default();
        if lines.get(at).and_then(json::Line::closes).is_none() {
            // On a line that cannot be folded, folding selects its parent.
            let depth = |n: usize| lines.get(n).map_or(0, json::Line::depth);
            let above = (0..at).rev().find(|n| depth(*n) < depth(at) && fold == Some(true));
            self.json_line = above.unwrap_or(at);
            return;
        }
        if fold.unwrap_or(!self.json_folded.contains(&at)) {
            self.json_folded.insert(at);
        } else {
            self.json_folded.remove(&at);
        }
        self.shown_lines.clear();
    }

    /// Selects the item at a position of the screen, or folds a field that is already selected.
    pub(super) fn click(&mut self, at: Position) {
        let field = self.fields_seen().find(|(area, _)| area.contains(at)).map(|(_, field)| field);
        if let Some(field) = field {
            if self.field == field {
                self.toggle_field(field);
            }
            return self.select_field(field);
        }
        if let Some(byte) = self.byte_at(at) {
            self.byte = byte;
            return self.move_byte(0);
        }
        let line = usize::from(at.y.saturating_sub(self.panes.whole.y));
        if self.tab == Tab::Json
            && let Some(line) = self.shown_lines.get(self.json_top.saturating_add(line))
        {
            self.json_line = *line as usize;
        }
    }

    /// Moves to the next or previous hit within the message; returns `false` if there is none.
    pub(super) fn step_hit(&mut self, forward: bool) -> bool {
        let Some(at) = self.hit else { return false };
        let next = if forward { at.checked_add(1) } else { at.checked_sub(1) };
        next.is_some_and(|next| self.show_hit(next))
    }

    /// Brings a hit into view in every tab.
    fn show_hit(&mut self, n: usize) -> bool {
        let Some(hit) = self.hits.get(n).cloned() else { return false };
        self.hit = Some(n);
        self.byte = self.document.payload.start.saturating_add(hit.start);
        self.field = self.document.field_at(self.byte).unwrap_or(self.field);
        let patched = self.document.patched.as_ref();
        self.reveal = Some(patched.map_or(hit.start, |patched| patched.in_text(&hit).start));
        self.reveal_line = Some(hit.start);
        true
    }

    /// Selects the line of JSON that contains a byte of the payload, unfolding its parents.
    fn select_line_at(&mut self, at: usize) {
        let lines = self.document.json().unwrap_or_default();
        let line = lines.partition_point(|line| line.range().end <= at);
        self.json_folded.retain(|fold| {
            let closes = lines.get(*fold).and_then(json::Line::closes);
            !(*fold < line && closes.is_some_and(|closes| closes >= line))
        });
        self.json_line = line.min(lines.len().saturating_sub(1));
        self.shown_lines.clear();
    }

    /// Draws the selected entry.
    pub(super) fn draw(&self, look: &Look<'_>, buffer: &mut Buffer) {
        if self.panes.whole.is_empty() {
            return;
        }
        if let (Some(tree), Some(hex)) = (self.panes.tree, self.panes.hex)
            && tree.bottom() < hex.y
        {
            let rule = Rect { y: tree.bottom(), height: 1, ..tree };
            Block::new().borders(Borders::TOP).border_style(look.theme.rule).render(rule, buffer);
        }
        self.draw_tree(look, buffer);
        self.draw_bytes(look, buffer);
        match self.tab {
            Tab::Text => self.draw_text(look, buffer),
            Tab::Json => self.draw_json(look, buffer),
            Tab::Tree | Tab::Hex => {}
        }
    }

    /// Returns the tabs at their positions in the rule above an area.
    pub(super) fn tabs(&self, look: &Look<'_>, area: Rect) -> Vec<ClickableText<Tab>> {
        let Look { theme, focus, .. } = *look;
        let tab = |(n, (tab, name)): (usize, (Tab, &'static str))| {
            let style = match (tab == self.tab, focus) {
                (true, true) => theme.focus,
                (true, false) => theme.title,
                (false, _) => theme.dim,
            };
            let number = Span::styled(format!(" {}", n + 1), theme.rule);
            (Line::from_iter([number, Span::styled(format!(" {name} "), style)]), tab)
        };
        ClickableText::row(area.x + 2, Tab::ALL.into_iter().enumerate().map(tab))
    }

    /// Draws the tabs, and a note if the JSON is not shown completely.
    pub(super) fn draw_tabs(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        let (theme, place, tabs) = (look.theme, above(area), self.tabs(look, area));
        put(buffer, place, &Line::styled(if look.focus { "▸" } else { " " }, theme.focus));
        ClickableText::draw(&tabs, place.y, buffer);
        let lines = if self.tab == Tab::Json { self.document.json() } else { None };
        if let Some(lines) = lines.filter(|lines| lines.len() > json::LINES) {
            let (count, key) = (grouped(lines.len() as u64), keys::key_for(Action::Export));
            let x = tabs.last().map_or(place.x, ClickableText::end);
            let words = format!("  the first {count} lines; {key} exports all ");
            let rest = Rect { x, width: place.right().saturating_sub(x), ..place };
            put(buffer, rest, &Line::styled(words, theme.warning));
        }
    }
}
