//! What a row says in words: the one place that the list draws from and a search looks through.

use std::fmt::Write as _;

use super::text::columns;
use crate::event::{Evidence, Meaning, Severity};
use crate::model::Side;
use crate::store::{Attempt, Entry, EntryKind, Facts, Store};
use crate::text;
use crate::view::{self, Style, StyledOutput};

/// How many payload bytes a row may look at.
pub(super) const PREVIEW: usize = 1024;

/// The role of a stretch of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Quiet,
    Name,
    Subprotocol,
    Good,
    From(Side),
    Severity(Severity),
}

/// A stretch of a row; its bytes may come from the wire.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) bytes: Vec<u8>,
    pub(super) role: Role,
}

impl Role {
    const fn of(style: Style) -> Role {
        match style {
            Style::Plain | Style::Escape => Role::Plain,
            Style::Dim => Role::Quiet,
            Style::Strong => Role::Name,
            Style::Client => Role::From(Side::Client),
            Style::Server => Role::From(Side::Server),
            Style::Error => Role::Severity(Severity::Error),
            Style::Warning => Role::Severity(Severity::Warning),
            Style::Note => Role::Severity(Severity::Note),
        }
    }
}

/// The words of one row, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(pub(super) Vec<Stretch>);

impl Words {
    /// Returns what the row of an opening, an end or an anomaly says; nothing for a message, whose payload says it.
    pub(super) fn of(store: &Store, entry: &Entry) -> Words {
        let mut words = Words::default();
        match entry.what() {
            EntryKind::Message => {}
            EntryKind::Opened => words.opened(store, entry),
            EntryKind::Closed => words.closed(store, entry),
            EntryKind::Anomaly => words.anomaly(store, entry),
        }
        words
    }

    /// Returns what a message means in its sub-protocol: the kind of the first unit, then everything else, in about `room`
    /// columns; `None` where a later message tells it.
    pub(super) fn meaning(meaning: Meaning<'_>, from: Side, room: usize) -> Option<(Stretch, Words)> {
        let first = meaning.units().next()?;
        let mut words = Words::default();
        view::units(&mut words, meaning, from, room);
        let kind = Stretch { bytes: first.kind().into(), role: Role::of(view::unit_style(&first, from)) };
        Some((kind, words))
    }

    /// Returns what the message in an entry means, as [`Words::meaning`] does.
    pub(super) fn of_message(store: &mut Store, number: u32, room: usize) -> Option<(Stretch, Words)> {
        let entry = store.entry(number).copied().filter(|entry| entry.facts().has(Facts::MEANING))?;
        let meaning = store.meaning(number)?;
        let payload = store.payload(number, PREVIEW)?;
        Words::meaning(meaning.of(payload), entry.from()?, room)
    }

    /// Returns what the row of any entry says, of a payload as much as `room` columns show.
    pub(super) fn of_any(store: &mut Store, number: u32, room: usize) -> Words {
        let Some(entry) = store.entry(number).copied() else { return Words::default() };
        let Some(from) = entry.from().filter(|_| entry.what() == EntryKind::Message) else {
            return Words::of(store, &entry);
        };
        let mut words = Words::default();
        let meaning = Words::of_message(store, number, room);
        let kind =
            meaning.as_ref().map_or(entry.opcode().name().as_bytes(), |(kind, _)| &kind.bytes).to_vec();
        let sign = if from == Side::Client { "→ " } else { "← " };
        words.add(Role::From(from), sign).add(Role::From(from), kind);
        words.add(Role::Quiet, format!(" {} ", text::bytes(entry.length())));
        if let Some((_, meaning)) = meaning {
            words.0.extend(meaning.0);
        } else if entry.facts().has(Facts::MISSING) {
            words.add(Role::Severity(Severity::Note), "bytes are missing");
        } else if let Some(code) = entry.close_code() {
            words.add(Role::Plain, format!("{code} {}", text::close_code_name(code)));
        } else if let Some(payload) = store.payload(number, room.saturating_mul(4)) {
            if entry.facts().has(Facts::TEXT) {
                words.add(Role::Plain, payload);
            } else {
                words.add(Role::Plain, hex(payload.get(..room / 2).unwrap_or(payload)));
            }
        }
        words
    }

    /// Returns the bytes of all of it, as a search sees them.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|stretch| stretch.bytes.iter().copied()).collect()
    }

    fn add(&mut self, role: Role, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push(Stretch { bytes: bytes.into(), role });
        self
    }

    fn opened(&mut self, store: &Store, entry: &Entry) {
        let Some(conversation) = store.conversation_with(entry) else { return };
        let told = store.opened(entry);
        let handshake = told.and_then(|attempt| attempt.opening().handshake.as_ref());
        let established = told.is_some_and(Attempt::is_granted);
        let status =
            handshake.and_then(|handshake| handshake.response.as_ref()).map(|response| response.status);
        match (established, status) {
            (true, _) => self.add(Role::Good, "● open "),
            (false, Some(status)) => {
                self.add(Role::Severity(Severity::Error), format!("✕ refused {status} "))
            }
            (false, None) => self.add(Role::Severity(Severity::Error), "✕ unanswered "),
        };
        self.add(Role::Name, conversation.name().as_bytes());
        if let Some(subprotocol) = conversation.subprotocol() {
            self.add(Role::Quiet, "  ").add(Role::Subprotocol, subprotocol.as_bytes());
        }
        match handshake {
            None => self.add(Role::Severity(Severity::Note), "  handshake not captured"),
            Some(handshake) if handshake.deflate.is_some() => self.add(Role::Quiet, "  deflate"),
            Some(_) => self,
        };
    }

    fn closed(&mut self, store: &Store, entry: &Entry) {
        let conversation = store.conversation_with(entry);
        let Some(closed) = conversation.and_then(|conversation| conversation.closed.as_deref()) else {
            return;
        };
        let Some(code) = closed.code else {
            self.add(
                Role::Quiet,
                match closed.half_closed {
                    _ if closed.lost => "○ ended; a close may have been lost",
                    Some(Side::Client) => {
                        "◌ half-open where the capture ends: the client ended its half of TCP"
                    }
                    Some(Side::Server) => {
                        "◌ half-open where the capture ends: the server ended its half of TCP"
                    }
                    None => "◌ still open where the capture ends",
                },
            );
            return;
        };
        let role = if closed.clean { Role::Quiet } else { Role::Severity(Severity::Warning) };
        self.add(role, format!("○ closed {code} {}", text::close_code_name(code)));
        if let Some(by) = closed.by {
            self.add(Role::Quiet, " by ").add(Role::From(by), by.name());
        }
        if !closed.reason.is_empty() {
            self.add(Role::Quiet, " “").add(Role::Plain, closed.reason.as_bytes()).add(Role::Quiet, "”");
        }
        self.add(Role::Quiet, format!("  after {}", text::span(closed.duration)));
    }

    fn anomaly(&mut self, store: &Store, entry: &Entry) {
        let Some((code, severity)) = entry.anomaly() else { return };
        let role = Role::Severity(severity);
        if entry.is_gap() {
            self.add(role, format!("╳╳╳ {} ", missing(store, entry)));
            return;
        }
        let sign = match severity {
            Severity::Error => "✖",
            Severity::Warning => "▲",
            Severity::Note => "◆",
        };
        self.add(role, format!("{sign} {code}"));
        if let Some(remark) = store.remark(entry) {
            self.add(Role::Quiet, "  ").add(Role::Plain, remark.anomaly.to_string());
        }
    }
}

impl StyledOutput for Words {
    fn column(&self) -> usize {
        self.0.iter().map(|it| usize::from(columns(&text::printable_string(&it.bytes)))).sum()
    }

    fn put(&mut self, style: Style, words: &str) {
        if !words.is_empty() {
            self.add(Role::of(style), words);
        }
    }

    fn wire(&mut self, style: Style, bytes: &[u8], room: usize) {
        // Whoever draws it cuts it by columns; a character has four bytes at most.
        let bytes = bytes.get(..room.saturating_mul(4)).unwrap_or(bytes);
        self.add(Role::of(style), bytes);
    }
}

/// Returns bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Says how many bytes are missing, and why.
fn missing(store: &Store, entry: &Entry) -> String {
    let from = entry.from().map_or("capture", Side::name);
    let (mut length, mut cause) = ("bytes".to_owned(), String::new());
    if let Some(remark) = store.remark(entry) {
        remark.anomaly.evidence(|name, value| match (name, value) {
            ("length", Evidence::Number(n)) => length = text::bytes(n),
            ("cause", Evidence::Text(text)) => cause = format!(": {text}"),
            _ => {}
        });
    }
    format!("{length} of the {from} missing{cause}")
}
