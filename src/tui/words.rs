//! The text of rows: the single source for drawing the list and for searching it.

use std::fmt::Write as _;

use super::pattern::Pattern;
use super::text::columns;
use crate::event::{Event, Evidence, Kind, Meaning, Missing, Severity, Sink as _};
use crate::explain::Explain;
use crate::model::{At, Side};
use crate::store::{Attempt, Entry, EntryKind, Facts, PayloadLocation, Store};
use crate::text;
use crate::view::{self, Piece, Style, StyledOutput};

/// The maximum number of payload bytes examined for a row.
const PREVIEW: usize = 1024;

/// The number of columns prepared of a message's meaning, more than any row shows.
const MEANING: usize = 400;

/// The role of a stretch of text in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Quiet,
    Name,
    Subprotocol,
    Control,
    Good,
    /// Hexadecimal digits, in which search hits are not highlighted.
    Hex,
    From(Side),
    Severity(Severity),
}

/// A stretch of text in a row; its bytes may come from the wire.
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

/// The text of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(pub(super) Vec<Stretch>);

impl Words {
    /// Returns the text of an opening, a close or an anomaly; it is empty for a message.
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

    /// Returns the meaning of a message in its sub-protocol: the kind of the first unit, then everything else. Returns
    /// `None` if it has none, or if a later message reports it.
    pub(super) fn of_meaning(store: &mut Store, number: u32) -> Option<(Stretch, Words)> {
        let from = store.entry(number).filter(|entry| entry.facts().has(Facts::MEANING))?.from()?;
        let meaning = store.meaning(number)?;
        let meaning: Meaning<'_> = meaning.of(store.payload(number, PREVIEW)?);
        let (first, mut words) = (meaning.units().next()?, Words::default());
        view::units(&mut words, meaning, from, MEANING);
        let kind = Stretch { bytes: first.kind().into(), role: Role::of(view::unit_style(&first, from)) };
        Some((kind, words))
    }

    /// Returns the text of a message's row after its size; binary data is limited to suit `room` columns.
    pub(super) fn of_payload(store: &mut Store, number: u32, room: usize) -> Words {
        let mut words = Words::default();
        let Some(entry) = store.entry(number).copied() else { return words };
        if let Some(code) = entry.close_code() {
            words.add(Role::Control, format!("{code} {} ", text::close_code_name(code)));
        }
        if store.kept(&entry) == PayloadLocation::Dropped {
            words.add(Role::Quiet, "dropped to stay within the bounds");
        } else if let Some((_, meaning)) = Words::of_meaning(store, number) {
            words.0.extend(meaning.0);
        } else if let Some((payload, missing)) = beginning(store, number, &entry) {
            let is_text = entry.facts().has(Facts::TEXT) || entry.close_code().is_some();
            if is_text {
                words.text(&payload, &missing, &entry);
            } else {
                words.bytes_of(&payload, &missing, (room / 4).min(24));
            }
        } else {
            words.add(Role::Severity(Severity::Warning), "cannot be read back");
        }
        words
    }

    /// Adds text, with dots for missing bytes; of a close frame, only the reason.
    fn text(&mut self, payload: &[u8], missing: &[Missing], entry: &Entry) {
        let is_whole = payload.len() >= entry.kept() as usize;
        let code = if entry.close_code().is_some() { 2_usize } else { 0 };
        let quoted = code > 0 && payload.len() > code;
        self.add(Role::Quiet, if quoted { "“" } else { "" });
        let mut known = 0_usize;
        for piece in view::pieces(payload, missing) {
            match piece {
                Piece::Known(offset, bytes) => {
                    known = known.saturating_add(bytes.len());
                    let from = code.saturating_sub(usize::try_from(offset).unwrap_or(code));
                    self.add(Role::Plain, bytes.get(from..).unwrap_or_default());
                }
                // The position of further gaps is not known yet.
                Piece::Missing(_) if known >= payload.len() && !is_whole => break,
                Piece::Missing(hole) => drop(self.add(Role::Severity(Severity::Note), view::dots(&hole))),
            }
        }
        self.add(Role::Quiet, if quoted { "”" } else { "" });
    }

    /// Adds up to `most` bytes in hexadecimal, then as ASCII characters.
    fn bytes_of(&mut self, payload: &[u8], missing: &[Missing], most: usize) {
        let (mut left, mut is_cut, note) = (most, false, Role::Severity(Severity::Note));
        for piece in view::pieces(payload, missing) {
            if left == 0 {
                is_cut = true;
                break;
            }
            match piece {
                Piece::Known(_, bytes) => {
                    let shown = bytes.get(..left).unwrap_or(bytes);
                    self.add(Role::Hex, hex(shown));
                    is_cut = shown.len() < bytes.len();
                    left = left.saturating_sub(shown.len());
                }
                Piece::Missing(hole) => {
                    let dots = view::dots(&hole);
                    // A byte takes two dots here, unless the text is a count.
                    let dots = if dots.trim_matches('·').is_empty() { dots.repeat(2) } else { dots };
                    left = left.saturating_sub(usize::from(columns(&dots)) / 2);
                    self.add(note, dots);
                }
            }
        }
        self.add(Role::Quiet, if is_cut { "… " } else { " " });
        for piece in view::pieces(payload.get(..200).unwrap_or(payload), missing) {
            match piece {
                Piece::Known(_, bytes) => {
                    let sign = |b: &u8| if matches!(b, b' '..=b'~') { char::from(*b) } else { '·' };
                    self.add(Role::Plain, bytes.iter().map(sign).collect::<String>());
                }
                Piece::Missing(hole) => drop(self.add(note, view::dots(&hole))),
            }
        }
    }

    /// Returns the text of any entry's row.
    pub(super) fn of_any(store: &mut Store, number: u32, room: usize) -> Words {
        let Some(entry) = store.entry(number).copied() else { return Words::default() };
        let Some(from) = entry.from().filter(|_| entry.what() == EntryKind::Message) else {
            return Words::of(store, &entry);
        };
        let kind = Words::of_meaning(store, number);
        let kind = kind.map_or(entry.opcode().name().into(), |(kind, _)| kind.bytes);
        let mut words = Words::default();
        words.add(Role::From(from), if from == Side::Client { "→ " } else { "← " });
        words.add(Role::From(from), kind).add(Role::Quiet, format!(" {} ", text::bytes(entry.length())));
        words.0.extend(Words::of_payload(store, number, room).0);
        words
    }

    /// Returns whether a hit of `pattern` is visible within `room` columns.
    pub(super) fn show(&self, pattern: &Pattern, room: u16) -> bool {
        let width = |bytes: Option<&[u8]>| columns(&text::printable_string(bytes.unwrap_or_default()));
        let mut column = 1_u16;
        self.0.iter().any(|Stretch { bytes, role }| {
            let hit = pattern.places(bytes, usize::from(*role != Role::Hex)).first().cloned();
            let before = hit.map(|hit| column.saturating_add(width(bytes.get(..hit.start))));
            column = column.saturating_add(width(Some(bytes)));
            before.is_some_and(|before| before < room)
        })
    }

    /// Returns all bytes of the text, for searching.
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
            Some(handshake) if established && handshake.response.is_none() => {
                self.add(Role::Severity(Severity::Note), "  answer not captured")
            }
            Some(handshake) if handshake.request.is_none() => {
                self.add(Role::Severity(Severity::Note), "  request not known")
            }
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
        self.add(role, format!("{} {code}", sign(severity)));
        if let Some(stored) = store.anomaly_of(entry) {
            self.add(Role::Quiet, "  ").add(Role::Plain, stored.anomaly.to_string());
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
        // The caller truncates by columns; a character has at most four bytes.
        let bytes = bytes.get(..room.saturating_mul(4)).unwrap_or(bytes);
        self.add(Role::of(style), bytes);
    }
}

/// Returns the symbol of a severity.
pub(super) const fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✖",
        Severity::Warning => "▲",
        Severity::Note => "◆",
    }
}

/// Returns the beginning of a payload and its missing ranges, if it can be read.
fn beginning(store: &mut Store, number: u32, entry: &Entry) -> Option<(Vec<u8>, Vec<Missing>)> {
    if entry.facts().has(Facts::MISSING) {
        let record = store.record(number, PREVIEW).filter(|record| !record.dropped)?;
        return Some((record.payload, record.missing));
    }
    store.payload(number, PREVIEW).map(|payload| (payload.to_vec(), Vec::new()))
}

/// Returns bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Describes how many bytes are missing, and why.
fn missing(store: &Store, entry: &Entry) -> String {
    let from = entry.from().map_or("capture", Side::name);
    let (mut length, mut cause) = ("bytes".to_owned(), String::new());
    if let Some(stored) = store.anomaly_of(entry) {
        stored.anomaly.evidence(|name, value| match (name, value) {
            ("length", Evidence::Number(n)) => length = text::bytes(n),
            ("cause", Evidence::Text(text)) => cause = format!(": {text}"),
            _ => {}
        });
    }
    format!("{length} of the {from} missing{cause}")
}

/// The maximum number of connections listed individually.
const LISTED: usize = 200;

/// Returns a line for each connection without a WebSocket, as `explain` describes it: its name, what it was, and
/// advice.
pub(super) fn unshown(store: &Store) -> Vec<Vec<Stretch>> {
    let mut explain = Explain::new();
    for (conn, unshown) in store.unshown().iter().take(LISTED) {
        explain.event(&Event::new(Some(*conn), At::default(), Kind::Unshown(unshown)));
    }
    let rows = explain.explanation().rows.into_iter().filter(|row| !row.is_shown);
    rows.map(|row| {
        let ends = format!("#{} {} → {}  ", row.conn, row.client, row.server);
        let help = row.help.map_or(String::new(), |help| format!("  {help}"));
        [(Role::Quiet, ends), (Role::Plain, row.what), (Role::Good, help)]
            .map(|(role, words)| Stretch { bytes: words.into(), role })
            .into()
    })
    .collect()
}
