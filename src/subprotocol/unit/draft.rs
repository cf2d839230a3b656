use std::ops::Range;
use std::time::Duration;

use super::units::{BodyRecord, Place, Record, Stored, StoredField, Units, Word};
use super::{Format, MAX_BODY, MAX_TEXT, Role};
use crate::model::At;

/// A unit under construction; whatever is not set remains as [`Units::begin`] initialised it.
#[derive(Debug)]
pub(in crate::subprotocol) struct Draft<'o> {
    pub(in crate::subprotocol) units: &'o mut Units,
    pub(in crate::subprotocol) payload: &'o [u8],
    pub(in crate::subprotocol) index: usize,
}

impl Draft<'_> {
    fn record(&mut self, change: impl FnOnce(&mut Record)) -> &mut Self {
        if let Some(record) = self.units.list.get_mut(self.index) {
            change(record);
        }
        self
    }

    fn sent(&mut self, text: &str, change: impl FnOnce(&mut Record, Word)) -> &mut Self {
        let word = Word::Sent(self.units.put_text(text));
        self.record(|record| change(record, word))
    }

    pub(in crate::subprotocol) fn kind(&mut self, kind: &str) -> &mut Self {
        self.sent(kind, |record, word| record.kind = word)
    }

    pub(in crate::subprotocol) fn name(&mut self, name: &str) -> &mut Self {
        self.sent(name, |record, word| record.name = Some(word))
    }

    pub(in crate::subprotocol) fn id(&mut self, id: &str) -> &mut Self {
        self.sent(id, |record, word| record.id = Some(word))
    }

    pub(in crate::subprotocol) fn error(&mut self, error: &str) -> &mut Self {
        self.sent(error, |record, word| record.error = Some(word))
    }

    pub(in crate::subprotocol) fn static_error(&mut self, error: &'static str) -> &mut Self {
        self.record(|record| record.error = Some(Word::Static(error)))
    }

    pub(in crate::subprotocol) fn of(&mut self, of: &str) -> &mut Self {
        self.sent(of, |record, word| record.of = Some(word))
    }

    pub(in crate::subprotocol) fn inside(&mut self, outer: Option<&'static str>) -> &mut Self {
        self.record(|record| record.inside = outer.map(Word::Static))
    }

    pub(in crate::subprotocol) fn role(&mut self, role: Role) -> &mut Self {
        self.record(|record| record.role = role)
    }

    pub(in crate::subprotocol) fn heartbeat(&mut self) -> &mut Self {
        self.record(|record| record.heartbeat = true)
    }

    /// Notes that some of its bytes are unknown.
    pub(in crate::subprotocol) fn incomplete(&mut self) -> &mut Self {
        self.record(|record| record.complete = false)
    }

    /// Sets where it began, if that was in an earlier message.
    pub(in crate::subprotocol) fn took(&mut self, first: At, messages: u32) -> &mut Self {
        self.record(|record| (record.first, record.messages) = (first, messages))
    }

    pub(in crate::subprotocol) fn answers(&mut self, question: At, latency: Option<Duration>) -> &mut Self {
        self.record(|record| (record.question, record.latency) = (Some(question), latency))
    }

    pub(in crate::subprotocol) fn latency(&mut self, latency: Duration) -> &mut Self {
        self.record(|record| record.latency = Some(latency))
    }

    pub(in crate::subprotocol) fn current_name(&self) -> Option<&str> {
        let record = self.units.list.get(self.index)?;
        record.name.map(|it| self.units.word(it))
    }

    pub(in crate::subprotocol) fn current_of(&self) -> Option<&str> {
        let record = self.units.list.get(self.index)?;
        record.of.map(|it| self.units.word(it))
    }

    pub(in crate::subprotocol) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        let value = Stored::Text(self.units.put_text(value));
        self.store(name, value)
    }

    pub(in crate::subprotocol) fn number(&mut self, name: &'static str, value: impl Into<u64>) -> &mut Self {
        self.store(name, Stored::Number(value.into()))
    }

    pub(in crate::subprotocol) fn signed(&mut self, name: &'static str, value: i64) -> &mut Self {
        let value = u64::try_from(value).map_or(Stored::Negative(value), Stored::Number);
        self.store(name, value)
    }

    pub(in crate::subprotocol) fn flag(&mut self, name: &'static str, value: bool) -> &mut Self {
        self.store(name, Stored::Flag(value))
    }

    pub(in crate::subprotocol) fn bytes(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        let value = Stored::Bytes(self.units.put_bytes(value, MAX_TEXT));
        self.store(name, value)
    }

    /// Adds a field with a JSON value; it is omitted if it is longer than [`MAX_TEXT`].
    pub(in crate::subprotocol) fn json(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        match std::str::from_utf8(value) {
            Ok(text) if text.len() <= MAX_TEXT => {
                let value = Stored::Json(self.units.put_text(text));
                self.store(name, value)
            }
            _ => self,
        }
    }

    /// Marks the last field as an item of a list.
    pub(in crate::subprotocol) fn listed(&mut self) -> &mut Self {
        if let Some(field) = self.units.fields.last_mut() {
            field.listed = true;
        }
        self
    }

    /// Marks the last field as a secret; `raw` is its value as contained in the message.
    pub(in crate::subprotocol) fn secret(&mut self, raw: &[u8]) -> &mut Self {
        let place = self.place_in_payload(raw).map(|it| (it.start as u32, it.end as u32));
        if let Some(field) = self.units.fields.last_mut() {
            (field.secret, field.place) = (true, place);
        }
        self
    }

    /// Adds the body; bytes that are not in the message are copied.
    pub(in crate::subprotocol) fn body(&mut self, format: Format, bytes: &[u8]) -> &mut Self {
        self.body_of(format, bytes, bytes.len() as u64)
    }

    /// Adds a body of which only the first bytes are known.
    pub(in crate::subprotocol) fn body_of(&mut self, format: Format, bytes: &[u8], length: u64) -> &mut Self {
        let place = match self.place_in_payload(bytes) {
            Some(range) => Place::Payload(range),
            None => Place::Copied(self.units.put_bytes(bytes, MAX_BODY).range()),
        };
        self.record(|record| record.body = Some(BodyRecord { format, place, length }))
    }

    fn store(&mut self, name: &'static str, value: Stored) -> &mut Self {
        let field =
            StoredField { name: Word::Static(name), value, listed: false, secret: false, place: None };
        self.units.put_field(self.index, field);
        self
    }

    /// Returns the position of bytes in the payload, if they borrow from it.
    fn place_in_payload(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = bytes.as_ptr().addr().checked_sub(self.payload.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= self.payload.len()).then_some(start..end)
    }
}
