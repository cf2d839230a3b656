//! Storage for the units of a message.

use std::ops::Range;
use std::time::Duration;

use super::{Earlier, Format, MAX_TEXT, MAX_UNITS, Role};
use crate::model::{Anomaly, At};
use crate::text::beginning;

/// Bounds the memory that remains reserved between two messages, in bytes.
const RESERVED: usize = 64 << 10;

/// The storage of one message's units, reused for the next.
#[derive(Debug, Default)]
pub(in crate::subprotocol) struct Units {
    pub(super) list: Vec<Record>,
    pub(super) fields: Vec<StoredField>,
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
    pub(super) anomalies: Vec<Anomaly>,
    /// The message of the units that follow, if it is an earlier one.
    pub(super) earlier: Option<Earlier>,
    pub(super) more: u64,
    pub(super) part: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A static word, or one that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    Static(&'static str),
    Sent(Span),
}

#[derive(Debug)]
pub(super) struct StoredField {
    pub(super) name: Word,
    pub(super) value: Stored,
    pub(super) listed: bool,
    pub(super) secret: bool,
    pub(super) place: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stored {
    Text(Span),
    Json(Span),
    Number(u64),
    Negative(i64),
    Flag(bool),
    Bytes(Span),
}

#[derive(Debug)]
pub(super) enum Place {
    Payload(Range<usize>),
    Copied(Range<usize>),
}

#[derive(Debug)]
pub(super) struct BodyRecord {
    pub(super) format: Format,
    pub(super) place: Place,
    pub(super) length: u64,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) protocol: Word,
    pub(super) inside: Option<Word>,
    pub(super) kind: Word,
    pub(super) name: Option<Word>,
    pub(super) id: Option<Word>,
    pub(super) role: Role,
    pub(super) heartbeat: bool,
    pub(super) complete: bool,
    pub(super) error: Option<Word>,
    pub(super) latency: Option<Duration>,
    pub(super) of: Option<Word>,
    pub(super) question: Option<At>,
    pub(super) first: At,
    pub(super) messages: u32,
    pub(super) earlier: Option<Earlier>,
    pub(super) body: Option<BodyRecord>,
    pub(super) fields: Range<u32>,
}

impl Units {
    /// Drops the units of the previous message and keeps the memory.
    pub(in crate::subprotocol) fn clear(&mut self) {
        self.list.clear();
        self.fields.clear();
        self.text.clear();
        self.bytes.clear();
        self.anomalies.clear();
        self.text.shrink_to(RESERVED);
        self.bytes.shrink_to(RESERVED);
        self.more = 0;
        self.part = false;
    }

    /// Returns the allocated memory, in bytes.
    pub(in crate::subprotocol) fn allocated(&self) -> usize {
        let records = self.list.capacity().saturating_mul(size_of::<Record>());
        let fields = self.fields.capacity().saturating_mul(size_of::<StoredField>());
        records
            .saturating_add(fields)
            .saturating_add(self.text.capacity())
            .saturating_add(self.bytes.capacity())
    }

    /// Notes that the message contains part of a unit that ends later.
    pub(in crate::subprotocol) fn set_part(&mut self) {
        self.part = true;
    }

    pub(in crate::subprotocol) fn anomaly(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < MAX_UNITS {
            self.anomalies.push(anomaly);
        }
    }

    /// Begins a unit and returns its index; if there are more than [`MAX_UNITS`], the last one is replaced.
    pub(in crate::subprotocol) fn begin(
        &mut self,
        protocol: &'static str,
        kind: &'static str,
        first: At,
    ) -> usize {
        self.drop_beyond();
        let field = self.fields.len() as u32;
        self.list.push(Record {
            protocol: Word::Static(protocol),
            inside: None,
            kind: Word::Static(kind),
            name: None,
            id: None,
            role: Role::Event,
            heartbeat: false,
            complete: true,
            error: None,
            latency: None,
            of: None,
            question: None,
            first,
            messages: 1,
            earlier: self.earlier,
            body: None,
            fields: field..field,
        });
        self.list.len().saturating_sub(1)
    }

    /// Drops the unit in excess of the bound.
    pub(in crate::subprotocol) fn drop_beyond(&mut self) {
        if self.list.len() > MAX_UNITS
            && let Some(record) = self.list.pop()
        {
            self.more = self.more.saturating_add(1);
            self.fields.truncate(record.fields.start as usize);
        }
    }

    /// Marks the following units as those of an earlier message.
    pub(in crate::subprotocol) fn begin_earlier(&mut self, earlier: Earlier) {
        self.earlier = Some(earlier);
    }

    /// Marks the following units as those of the message itself.
    pub(in crate::subprotocol) fn end_earlier(&mut self) {
        (self.earlier, self.part) = (None, false);
    }

    /// Moves the units of earlier messages after those of the message itself.
    pub(in crate::subprotocol) fn move_earlier_units_last(&mut self) {
        let earlier = self.list.iter().take_while(|record| record.earlier.is_some()).count();
        if earlier > 0 {
            self.list.rotate_left(earlier);
        }
    }

    pub(super) fn word(&self, word: Word) -> &str {
        match word {
            Word::Static(word) => word,
            Word::Sent(span) => self.text(span),
        }
    }

    pub(super) fn text(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Copies text, at most [`MAX_TEXT`] bytes of it.
    pub(super) fn put_text(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(beginning(text, MAX_TEXT));
        Span { start, end: self.text.len() as u32 }
    }

    pub(super) fn put_bytes(&mut self, bytes: &[u8], most: usize) -> Span {
        let start = self.bytes.len() as u32;
        let room = (16_usize << 20).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..bytes.len().min(most).min(room)).unwrap_or_default());
        Span { start, end: self.bytes.len() as u32 }
    }

    pub(super) fn put_field(&mut self, index: usize, field: StoredField) {
        if let Some(record) = self.list.get_mut(index)
            && record.fields.end.saturating_sub(record.fields.start) < 64
        {
            self.fields.push(field);
            record.fields.end = self.fields.len() as u32;
        }
    }
}

pub(super) fn slice<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}
