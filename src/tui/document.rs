mod frames;
mod handshake;
mod meaning;

use std::cell::OnceCell;
use std::ops::Range;

use super::clock::{self, grouped};
use super::json::{self, Line};
use super::patched::PartialPayload;
use super::pattern::Pattern;
use super::text::columns;
use crate::event::{Anomaly, Evidence, Opcode, Severity, Value};
use crate::model::Side;
use crate::store::{Entry, EntryKind, Facts, Record, Store};
use crate::text;

/// The maximum number of search hits highlighted in a payload.
pub(super) const HITS: usize = 100_000;

/// The presentation of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldStyle {
    Heading,
    Plain,
    Quiet,
    Good,
    Bad(Severity),
    From(Side),
    /// A sentence, shown completely even if it takes several lines.
    Prose,
}

/// A line of the tree: a name, a value which may come from the wire, and the bytes it represents.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) depth: u16,
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    pub(super) tone: FieldStyle,
    pub(super) bytes: Option<Range<usize>>,
    /// The width shared by the names of neighbouring fields.
    pub(super) name_columns: u16,
}

/// The maximum width of names whose values are aligned.
const NAMES: u16 = 24;

/// The displayable contents of an entry: a tree of fields and the bytes they represent.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) fields: Vec<Field>,
    /// Frame headers as they were on the wire, then the unmasked and inflated payload; for a handshake, its heads.
    pub(super) bytes: Vec<u8>,
    /// The parts of the bytes: where each begins, and its title.
    pub(super) parts: Vec<(usize, String)>,
    /// The range of the payload in the bytes.
    pub(super) payload: Range<usize>,
    /// The lines of the payload if it is JSON, computed on demand.
    json: OnceCell<Option<Vec<Line>>>,
    /// Whether the payload is text.
    pub(super) text: bool,
    /// The positions of the known payload bytes, if some are missing.
    pub(super) patched: Option<PartialPayload>,
    /// The true length of the payload, and the reason if fewer bytes are available.
    length: u64,
    short: &'static str,
    /// The reason why there is nothing to show, if so.
    pub(super) absent: Option<&'static str>,
    depth: u16,
}

impl Document {
    /// Lays out an entry.
    pub(super) fn of(store: &mut Store, number: u32) -> Document {
        let mut document = Document::default();
        let Some(entry) = store.entry(number).copied() else { return document };
        match entry.what() {
            EntryKind::Message => document.message(store, number, &entry),
            EntryKind::Opened => {
                document.place("conversation opened", store, &entry, FieldStyle::Heading);
                let conversation = store.conversation_with(&entry);
                if let (Some(conversation), Some(opened)) = (conversation, store.opened(&entry)) {
                    document.opened(opened, conversation.id);
                }
            }
            EntryKind::Closed => document.closed(store, &entry),
            EntryKind::Anomaly => {
                document.place("anomaly", store, &entry, FieldStyle::Heading);
                document.anomaly(store, &entry);
            }
        }
        if entry.what() != EntryKind::Anomaly {
            document.remarks(store, number, &entry);
        }
        document.align();
        document
    }

    /// Creates a document of a payload only.
    #[cfg(test)]
    pub(super) fn of_payload(payload: Vec<u8>, text: bool) -> Document {
        Document { payload: 0..payload.len(), bytes: payload, text, ..Document::default() }
    }

    /// Computes the common widths of the names of neighbouring fields, so that their values can be aligned.
    fn align(&mut self) {
        // The unfinished groups of neighbouring fields, by depth.
        let mut open: Vec<Vec<usize>> = Vec::new();
        for n in 0..=self.fields.len() {
            let depth = self.fields.get(n).map_or(0, |field| usize::from(field.depth).saturating_add(1));
            while open.len() > depth {
                let beside = open.pop().unwrap_or_default();
                self.widen(&beside);
            }
            open.resize(depth.max(open.len()), Vec::new());
            if !self.has_children(n)
                && let Some(beside) = open.last_mut()
            {
                beside.push(n);
            }
        }
    }

    fn widen(&mut self, beside: &[usize]) {
        let names = beside.iter().filter_map(|n| self.fields.get(*n)).map(|field| columns(&field.name));
        let widest = names.filter(|columns| *columns <= NAMES).max().unwrap_or(0);
        for n in beside {
            if let Some(field) = self.fields.get_mut(*n) {
                field.name_columns = widest;
            }
        }
    }

    /// Returns the payload bytes.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }

    /// Returns the payload as displayed text, with dots for missing bytes.
    pub(super) fn shown_text(&self) -> &[u8] {
        self.patched.as_ref().map_or_else(|| self.payload(), |patched| &patched.text)
    }

    /// Returns the hits of `pattern` in the known bytes of the payload.
    pub(super) fn hits(&self, pattern: Option<&Pattern>) -> Vec<Range<usize>> {
        let Some(pattern) = pattern else { return Vec::new() };
        match &self.patched {
            Some(patched) => patched.hits(pattern, self.payload(), HITS),
            None => pattern.places(self.payload(), HITS),
        }
    }

    /// Returns whether payload bytes are unavailable.
    pub(super) const fn is_short(&self) -> bool {
        !self.short.is_empty()
    }

    /// Describes how many bytes of the payload are available, and the reason if not all: `11 of 50 bytes, the others
    /// are missing`.
    pub(super) fn extent(&self) -> String {
        let here = self.payload().len() as u64;
        if self.short.is_empty() {
            return octets(here);
        }
        if self.length > here {
            format!("{} of {}, {}", grouped(here), octets(self.length), self.short)
        } else {
            format!("{}, {}", octets(here), self.short)
        }
    }

    /// Returns the lines of the payload if it is JSON.
    pub(super) fn json(&self) -> Option<&[Line]> {
        // An incomplete payload is not JSON, even if its known part looks like it.
        let lay_out = || self.patched.is_none().then(|| json::lay_out(self.payload())).flatten();
        self.json.get_or_init(lay_out).as_deref()
    }

    /// Returns the innermost field that contains a byte.
    pub(super) fn field_at(&self, byte: usize) -> Option<usize> {
        let of = |field: &Field| {
            field.bytes.clone().filter(|bytes| bytes.contains(&byte)).map(|bytes| bytes.len())
        };
        let lengths =
            self.fields.iter().enumerate().filter_map(|(n, field)| of(field).map(|length| (length, n)));
        // Of fields with equal length, the last is the innermost.
        lengths.min_by_key(|(length, n)| (*length, usize::MAX.saturating_sub(*n))).map(|(_, n)| n)
    }

    /// Returns whether a field has children.
    pub(super) fn has_children(&self, at: usize) -> bool {
        let depth = |at: usize| self.fields.get(at).map(|field| field.depth);
        depth(at) < depth(at.saturating_add(1))
    }

    fn add(&mut self, name: &str, value: impl Into<Vec<u8>>, tone: FieldStyle) {
        let (name, value) = (name.to_owned(), value.into());
        self.fields.push(Field { depth: self.depth, name, value, tone, bytes: None, name_columns: 0 });
    }

    fn plain(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.add(name, value, FieldStyle::Plain);
    }

    fn quiet(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.add(name, value, FieldStyle::Quiet);
    }

    fn note(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.add(name, value, FieldStyle::Bad(Severity::Note));
    }

    fn within(&mut self, add: impl FnOnce(&mut Self)) {
        self.depth = self.depth.saturating_add(1);
        add(self);
        self.depth = self.depth.saturating_sub(1);
    }

    fn ranged(&mut self, name: &str, value: impl Into<Vec<u8>>, bytes: Range<usize>) {
        self.plain(name, value);
        if let Some(field) = self.fields.last_mut() {
            field.bytes = Some(bytes);
        }
    }

    fn place(&mut self, title: &str, store: &Store, entry: &Entry, tone: FieldStyle) {
        self.add(title, "", tone);
        self.within(|it| {
            it.plain("time", clock::rfc3339(entry.time()));
            it.plain("packet", grouped(entry.packet()));
            let conversation = store.conversation_with(entry);
            if let Some(conversation) = conversation {
                it.quiet("conversation", format!("#{} {}", conversation.id, conversation.name()));
            }
        });
    }

    fn message(&mut self, store: &mut Store, number: u32, entry: &Entry) {
        let Some(record) = store.record(number, usize::MAX) else { return };
        let from = entry.from().unwrap_or(Side::Client);
        let title = format!("{} from {}, {}", entry.opcode().name(), from.name(), octets(entry.length()));
        self.place(&title, store, entry, FieldStyle::From(from));
        self.within(|it| it.about(&record, entry));
        if record.dropped {
            self.absent = Some("the payload was dropped to stay within the bounds");
            self.note("payload", self.absent.unwrap_or_default().as_bytes());
            return;
        }
        if let Some(meaning) = store.meaning(number) {
            self.meaning(meaning.of(&record.payload));
        }
        self.frames(&record.frames, entry);
        self.body(record, entry);
    }

    /// Adds the facts about a message apart from its bytes.
    fn about(&mut self, record: &Record, entry: &Entry) {
        if record.first.packet != entry.packet() {
            let took = text::span(entry.time().since(record.first.time));
            self.plain("began", format!("packet {}, {took} before", grouped(record.first.packet)));
        }
        if record.number > 0 {
            let (number, silence) = (grouped(record.number), text::span(record.delta));
            let words = format!("{number} of its conversation, {silence} after the one before");
            self.plain("message", words);
        }
        for field in &record.fields {
            match field.value() {
                Value::Text(text) => self.plain(field.name, text),
                Value::Number(number) => self.plain(field.name, format!("{} ms", grouped(number))),
                _ => {}
            }
        }
        self.certainty(record, entry);
        if let Some(rtt) = entry.rtt() {
            self.add("round trip", text::span(rtt), FieldStyle::Good);
        }
        let frames = match u64::from(entry.frames()) {
            0 => String::new(),
            frames => format!(" in {}", text::counted(frames, "frame")),
        };
        self.plain("on the wire", format!("{} bytes{frames}", grouped(u64::from(entry.wire()))));
        self.deflate(entry, &record.frames);
        if entry.facts().has(Facts::TRUNCATED) {
            self.note("cut", format!("a limit kept {} bytes", grouped(u64::from(entry.kept()))));
        }
        for hole in &record.missing {
            let length = hole.length.map_or("an unknown number of".to_owned(), grouped);
            self.note("missing", format!("{length} bytes at offset {}", grouped(hole.offset)));
        }
    }

    /// Adds the payload.
    fn body(&mut self, mut record: Record, entry: &Entry) {
        let facts = entry.facts();
        self.text = facts.has(Facts::TEXT);
        let start = self.bytes.len();
        if !record.missing.is_empty() {
            self.patched = Some(PartialPayload::of(&record.payload, &record.missing));
        }
        self.bytes.append(&mut record.payload);
        self.payload = start..self.bytes.len();
        let known = match (facts.has(Facts::INFLATED), facts.has(Facts::MASKED)) {
            (true, true) => "payload, unmasked and inflated",
            (true, false) => "payload, inflated",
            (false, true) => "payload, unmasked",
            (false, false) => "payload",
        };
        self.parts.push((start, known.to_owned()));
        self.length = entry.length();
        self.short = match record.missing.is_empty() {
            false => "the others are missing",
            true if facts.has(Facts::TRUNCATED) => "a limit cut the others",
            true => "",
        };
        let preview = self.shown_text();
        let preview = preview.get(..256).unwrap_or(preview).to_vec();
        self.ranged("payload", preview, start..self.bytes.len());
        if entry.opcode() == Opcode::CLOSE {
            self.close_body(start);
        }
    }

    /// Adds a note if the message was decoded late, or its framing or contents are uncertain.
    fn certainty(&mut self, record: &Record, entry: &Entry) {
        if record.known > entry.packet() {
            let words = format!("with packet {}: bytes had to be waited for", grouped(record.known));
            self.plain("known", words);
        }
        if entry.facts().has(Facts::SEARCHED) {
            let words = "searched: bytes were lost, and its frames were found by their headers";
            self.note("framing", words);
        }
        if entry.facts().has(Facts::UNVERIFIED) {
            let words = "no: no checksum and no history vouches for its bytes";
            self.note("verified", words);
        }
    }

    fn closed(&mut self, store: &Store, entry: &Entry) {
        self.place("conversation ended", store, entry, FieldStyle::Heading);
        let conversation = store.conversation_with(entry);
        let Some(closed) = conversation.and_then(|conversation| conversation.closed.as_deref()) else {
            return;
        };
        self.within(|it| {
            match closed.code {
                Some(code) => {
                    let tone = if matches!(code, 1000 | 1001 | 1005) {
                        FieldStyle::Good
                    } else {
                        FieldStyle::Bad(Severity::Warning)
                    };
                    it.add("code", format!("{code} {}", text::close_code_name(code)), tone);
                }
                None => it.quiet("code", "none: the capture ended first"),
            }
            if !closed.reason.is_empty() {
                it.plain("reason", closed.reason.as_bytes());
            }
            it.add(
                "by",
                closed.by.map_or("neither side", Side::name),
                closed.by.map_or(FieldStyle::Quiet, FieldStyle::From),
            );
            it.plain("clean", if closed.clean { "yes, both sides sent a close frame" } else { "no" });
            it.plain("duration", text::span(closed.duration));
        });
        for side in Side::BOTH {
            let totals = closed.totals[side];
            self.add(side.name(), "", FieldStyle::From(side));
            self.within(|it| {
                for (name, count) in [
                    ("messages", totals.messages),
                    ("frames", totals.frames),
                    ("payload bytes", totals.bytes),
                    ("bytes on the wire", totals.wire_bytes),
                ] {
                    it.plain(name, grouped(count));
                }
            });
        }
    }

    fn anomaly(&mut self, store: &Store, entry: &Entry) {
        let Some((code, severity)) = entry.anomaly() else { return };
        self.add(severity.name(), code, FieldStyle::Bad(severity));
        let Some(stored) = store.anomaly_of(entry) else {
            self.quiet("evidence", "there were more anomalies than are kept");
            return;
        };
        self.within(|it| it.evidence(stored.from, &stored.anomaly));
    }

    fn evidence(&mut self, from: Option<Side>, anomaly: &Anomaly) {
        self.add("what", anomaly.to_string(), FieldStyle::Prose);
        if anomaly.spec().is_some() {
            let rule = anomaly.rule().text.trim().trim_end_matches('.').replace('`', "");
            self.add("rule", rule, FieldStyle::Prose);
        }
        if let Some(from) = from {
            self.add("from", from.name(), FieldStyle::From(from));
        }
        anomaly.evidence(|name, value| {
            let name = name.replace('_', " ");
            match value {
                Evidence::Number(number) => self.plain(&name, grouped(number)),
                Evidence::Text(text) => self.plain(&name, text.as_bytes()),
            }
        });
    }

    /// Adds the anomalies of the same packet and conversation.
    fn remarks(&mut self, store: &Store, number: u32, entry: &Entry) {
        let before = (1..16_u32).map_while(|back| number.checked_sub(back));
        let after = (1..16_u32).map_while(|on| number.checked_add(on));
        let near =
            |number: &u32| store.entry(*number).filter(|other| other.packet() == entry.packet()).copied();
        let mut found: Vec<Entry> = before.map_while(|n| near(&n)).collect();
        found.extend(after.map_while(|n| near(&n)));
        for other in found {
            if other.conversation() == entry.conversation() && other.what() == EntryKind::Anomaly {
                self.anomaly(store, &other);
            }
        }
    }
}

/// Formats a number of bytes: `1 byte`, `1,234 bytes`.
fn octets(count: u64) -> String {
    text::counted(count, "byte")
}
