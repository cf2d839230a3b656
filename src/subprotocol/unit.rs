//! What a message means, as every output may say it.

mod stored;

pub use stored::StoredMeaning;

use std::ops::Range;
use std::time::Duration;

use crate::model::{Anomaly, At};

/// Bounds how many units of one message are told; the rest are counted.
pub const MAX_UNITS: usize = 256;

/// Bounds how many bytes of a body are copied where it does not lie in the message as it stands.
pub(super) const MAX_BODY: usize = 256 << 10;

/// Bounds the length of a name, an id, an error or a field's text, in bytes.
pub(super) const MAX_TEXT: usize = 512;

/// Bounds the memory that stays reserved between two messages, in bytes.
const RESERVED: usize = 64 << 10;

/// The part a unit plays in an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Asks for an answer.
    Question,
    /// Answers a question.
    Answer,
    /// Belongs to a question whose answer is not over: an item of a stream.
    Progress,
    /// Stands alone.
    #[default]
    Event,
    /// Belongs to a unit that was told before: an attachment.
    Part,
}

impl Role {
    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Question => "question",
            Role::Answer => "answer",
            Role::Progress => "progress",
            Role::Event => "event",
            Role::Part => "part",
        }
    }
}

/// How the bytes of a body are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// JSON values with commas between them, the brackets of their array left out.
    JsonItems,
    /// UTF-8 text.
    Text,
    /// Bytes without a format that is known.
    Binary,
    /// One MessagePack value.
    MessagePack,
    /// One CBOR value (RFC 8949).
    Cbor,
}

/// What one unit carries beside its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// How to read it.
    pub format: Format,
    /// The bytes that are known, from its beginning.
    pub bytes: &'a [u8],
    /// The length it was sent with, where that is known.
    pub length: u64,
}

/// One value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, unescaped.
    Text(&'a str),
    /// A number that is not negative.
    Number(u64),
    /// A number below zero.
    Negative(i64),
    /// Yes or no.
    Flag(bool),
    /// JSON as it was sent.
    Json(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A field of a unit, under the name that the protocol's specification gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// It is one of a list, even where it is the only one: further ones follow under the same name.
    pub listed: bool,
    /// It is a password, a token or the like.
    pub secret: bool,
    /// Where in the message's payload the value stands, of a secret one that stands there as it is.
    pub place: Option<(u32, u32)>,
}

/// One unit of a sub-protocol: an event, a call, a packet.
///
/// It borrows from the message or from what was decoded of it; it is told at once and kept by nobody.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    units: &'a Units,
    payload: &'a [u8],
    record: &'a Record,
}

impl<'a> Unit<'a> {
    /// Returns the sub-protocol's name: `socket.io`, `mqtt`.
    pub fn protocol(&self) -> &'a str {
        self.units.word(self.record.protocol)
    }

    /// Returns the sub-protocol that carried this one, where that is one of its own: `sockjs`.
    pub fn inside(&self) -> Option<&'a str> {
        self.record.inside.map(|it| self.units.word(it))
    }

    /// Returns the protocol's own word for what it is: `EVENT`, `PUBLISH`.
    pub fn kind(&self) -> &'a str {
        self.units.word(self.record.kind)
    }

    /// Returns the event, method, topic or operation: what statistics group by.
    pub fn name(&self) -> Option<&'a str> {
        self.record.name.map(|it| self.units.word(it))
    }

    /// Returns what its sender calls it, as sent.
    pub fn id(&self) -> Option<&'a str> {
        self.record.id.map(|it| self.units.word(it))
    }

    /// Returns its part in an exchange.
    pub fn role(&self) -> Role {
        self.record.role
    }

    /// Tells whether it only keeps the connection alive.
    pub fn heartbeat(&self) -> bool {
        self.record.heartbeat
    }

    /// Returns what went wrong, as the protocol says it.
    pub fn error(&self) -> Option<&'a str> {
        self.record.error.map(|it| self.units.word(it))
    }

    /// Returns the time from the last byte of the question to the first byte of the answer.
    ///
    /// It stands at the answer; at the question where the answer became known first.
    pub fn latency(&self) -> Option<Duration> {
        self.record.latency
    }

    /// Returns the name of the question that it answers or belongs to.
    pub fn of(&self) -> Option<&'a str> {
        self.record.of.map(|it| self.units.word(it))
    }

    /// Returns the packet that completed the question that it answers.
    pub fn question(&self) -> Option<At> {
        self.record.question
    }

    /// Returns the packet that carried its first byte.
    pub fn first(&self) -> At {
        self.record.first
    }

    /// Returns how many messages it took.
    pub fn messages(&self) -> u32 {
        self.record.messages
    }

    /// Tells whether all of it is known.
    pub fn is_complete(&self) -> bool {
        self.record.complete
    }

    /// Returns what it carries.
    pub fn body(&self) -> Option<Body<'a>> {
        let body = self.record.body.as_ref()?;
        let bytes = match &body.place {
            Place::Payload(range) => slice(self.payload, range),
            Place::Copied(range) => slice(&self.units.bytes, range),
        };
        Some(Body { format: body.format, bytes, length: body.length })
    }

    /// Returns its fields, in the order in which they were sent.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let units = self.units;
        let range = self.record.fields.start as usize..self.record.fields.end as usize;
        units.fields.get(range).unwrap_or_default().iter().map(move |field| Field {
            name: units.word(field.name),
            listed: field.listed,
            secret: field.secret,
            place: field.place,
            value: match field.value {
                Stored::Text(span) => Value::Text(units.text(span)),
                Stored::Json(span) => Value::Json(units.text(span)),
                Stored::Number(number) => Value::Number(number),
                Stored::Negative(number) => Value::Negative(number),
                Stored::Flag(flag) => Value::Flag(flag),
                Stored::Bytes(span) => Value::Bytes(slice(&units.bytes, &span.range())),
            },
        })
    }

    /// Returns the value of the first field with that name.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        self.fields().find(|field| field.name == name).map(|field| field.value)
    }
}

/// What a message means: the units that ended in it, in the order of the wire.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a> {
    units: &'a Units,
    payload: &'a [u8],
}

impl<'a> Meaning<'a> {
    pub(super) const fn new(units: &'a Units, payload: &'a [u8]) -> Self {
        Meaning { units, payload }
    }

    /// Returns the units; none where the message holds only a part of one.
    pub fn units(self) -> impl Iterator<Item = Unit<'a>> {
        let Meaning { units, payload } = self;
        units.list.iter().map(move |record| Unit { units, payload, record })
    }

    /// Returns how many units there were beyond [`MAX_UNITS`].
    pub fn more(self) -> u64 {
        self.units.more
    }

    /// Tells whether bytes were taken that belong to a unit which ends in a later message.
    pub fn is_part(self) -> bool {
        self.units.part
    }

    /// Returns what the units broke of their protocol's rules.
    pub fn anomalies(self) -> &'a [Anomaly] {
        &self.units.anomalies
    }
}

/// The memory of the units of one message, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Units {
    list: Vec<Record>,
    fields: Vec<StoredField>,
    text: String,
    bytes: Vec<u8>,
    anomalies: Vec<Anomaly>,
    more: u64,
    part: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A word of ours, or one that was sent.
#[derive(Clone, Copy, Debug)]
enum Word {
    Static(&'static str),
    Sent(Span),
}

#[derive(Debug)]
struct StoredField {
    name: Word,
    value: Stored,
    listed: bool,
    secret: bool,
    place: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
enum Stored {
    Text(Span),
    Json(Span),
    Number(u64),
    Negative(i64),
    Flag(bool),
    Bytes(Span),
}

#[derive(Debug)]
enum Place {
    Payload(Range<usize>),
    Copied(Range<usize>),
}

#[derive(Debug)]
struct BodyRecord {
    format: Format,
    place: Place,
    length: u64,
}

#[derive(Debug)]
struct Record {
    protocol: Word,
    inside: Option<Word>,
    kind: Word,
    name: Option<Word>,
    id: Option<Word>,
    role: Role,
    heartbeat: bool,
    complete: bool,
    error: Option<Word>,
    latency: Option<Duration>,
    of: Option<Word>,
    question: Option<At>,
    first: At,
    messages: u32,
    body: Option<BodyRecord>,
    fields: Range<u32>,
}

impl Units {
    /// Forgets the units of the message before and keeps the memory.
    pub(super) fn clear(&mut self) {
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

    /// Returns how much memory it holds, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let records = self.list.capacity().saturating_mul(size_of::<Record>());
        let fields = self.fields.capacity().saturating_mul(size_of::<StoredField>());
        records
            .saturating_add(fields)
            .saturating_add(self.text.capacity())
            .saturating_add(self.bytes.capacity())
    }

    /// Notes that bytes were taken of a unit that ends later.
    pub(super) fn set_part(&mut self) {
        self.part = true;
    }

    pub(super) fn anomaly(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < MAX_UNITS {
            self.anomalies.push(anomaly);
        }
    }

    /// Begins a unit and returns its index; where there are [`MAX_UNITS`] already, the last one's place is taken.
    pub(super) fn begin(&mut self, protocol: &'static str, kind: &'static str, first: At) -> usize {
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
            body: None,
            fields: field..field,
        });
        self.list.len().saturating_sub(1)
    }

    /// Drops the unit that is one too many.
    pub(super) fn drop_beyond(&mut self) {
        if self.list.len() > MAX_UNITS
            && let Some(record) = self.list.pop()
        {
            self.more = self.more.saturating_add(1);
            self.fields.truncate(record.fields.start as usize);
        }
    }

    fn word(&self, word: Word) -> &str {
        match word {
            Word::Static(word) => word,
            Word::Sent(span) => self.text(span),
        }
    }

    fn text(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Copies text, at most [`MAX_TEXT`] bytes of it.
    fn put_text(&mut self, text: &str) -> Span {
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let start = self.text.len() as u32;
        self.text.push_str(text.get(..end).unwrap_or_default());
        Span { start, end: self.text.len() as u32 }
    }

    fn put_bytes(&mut self, bytes: &[u8], most: usize) -> Span {
        let start = self.bytes.len() as u32;
        let room = (16_usize << 20).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..bytes.len().min(most).min(room)).unwrap_or_default());
        Span { start, end: self.bytes.len() as u32 }
    }

    fn put_field(&mut self, index: usize, field: StoredField) {
        if let Some(record) = self.list.get_mut(index)
            && record.fields.end.saturating_sub(record.fields.start) < 64
        {
            self.fields.push(field);
            record.fields.end = self.fields.len() as u32;
        }
    }
}

fn slice<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

/// A unit in the making; what is not said of it stays as [`Units::begin`] has it.
#[derive(Debug)]
pub(super) struct Draft<'o> {
    pub(super) units: &'o mut Units,
    pub(super) payload: &'o [u8],
    pub(super) index: usize,
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

    pub(super) fn kind(&mut self, kind: &str) -> &mut Self {
        self.sent(kind, |record, word| record.kind = word)
    }

    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.sent(name, |record, word| record.name = Some(word))
    }

    pub(super) fn id(&mut self, id: &str) -> &mut Self {
        self.sent(id, |record, word| record.id = Some(word))
    }

    pub(super) fn error(&mut self, error: &str) -> &mut Self {
        self.sent(error, |record, word| record.error = Some(word))
    }

    pub(super) fn static_error(&mut self, error: &'static str) -> &mut Self {
        self.record(|record| record.error = Some(Word::Static(error)))
    }

    pub(super) fn of(&mut self, of: &str) -> &mut Self {
        self.sent(of, |record, word| record.of = Some(word))
    }

    pub(super) fn inside(&mut self, outer: Option<&'static str>) -> &mut Self {
        self.record(|record| record.inside = outer.map(Word::Static))
    }

    pub(super) fn role(&mut self, role: Role) -> &mut Self {
        self.record(|record| record.role = role)
    }

    pub(super) fn heartbeat(&mut self) -> &mut Self {
        self.record(|record| record.heartbeat = true)
    }

    /// Notes that bytes of it are not known.
    pub(super) fn incomplete(&mut self) -> &mut Self {
        self.record(|record| record.complete = false)
    }

    /// Notes where it began, where that was in an earlier message.
    pub(super) fn took(&mut self, first: At, messages: u32) -> &mut Self {
        self.record(|record| (record.first, record.messages) = (first, messages))
    }

    pub(super) fn answers(&mut self, question: At, latency: Option<Duration>) -> &mut Self {
        self.record(|record| (record.question, record.latency) = (Some(question), latency))
    }

    pub(super) fn latency(&mut self, latency: Duration) -> &mut Self {
        self.record(|record| record.latency = Some(latency))
    }

    pub(super) fn current_name(&self) -> Option<&str> {
        let record = self.units.list.get(self.index)?;
        record.name.map(|it| self.units.word(it))
    }

    pub(super) fn current_of(&self) -> Option<&str> {
        let record = self.units.list.get(self.index)?;
        record.of.map(|it| self.units.word(it))
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        let value = Stored::Text(self.units.put_text(value));
        self.store(name, value)
    }

    pub(super) fn number(&mut self, name: &'static str, value: impl Into<u64>) -> &mut Self {
        self.store(name, Stored::Number(value.into()))
    }

    pub(super) fn signed(&mut self, name: &'static str, value: i64) -> &mut Self {
        let value = u64::try_from(value).map_or(Stored::Negative(value), Stored::Number);
        self.store(name, value)
    }

    pub(super) fn flag(&mut self, name: &'static str, value: bool) -> &mut Self {
        self.store(name, Stored::Flag(value))
    }

    pub(super) fn bytes(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        let value = Stored::Bytes(self.units.put_bytes(value, MAX_TEXT));
        self.store(name, value)
    }

    /// Adds a field whose value is a JSON text, left out where it is longer than a text may be.
    pub(super) fn json(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        match std::str::from_utf8(value) {
            Ok(text) if text.len() <= MAX_TEXT => {
                let value = Stored::Json(self.units.put_text(text));
                self.store(name, value)
            }
            _ => self,
        }
    }

    /// Makes the field added last one of a list.
    pub(super) fn listed(&mut self) -> &mut Self {
        if let Some(field) = self.units.fields.last_mut() {
            field.listed = true;
        }
        self
    }

    /// Makes the field added last a secret; `raw` is its value as it stands in the message.
    pub(super) fn secret(&mut self, raw: &[u8]) -> &mut Self {
        let place = self.place_in_payload(raw).map(|it| (it.start as u32, it.end as u32));
        if let Some(field) = self.units.fields.last_mut() {
            (field.secret, field.place) = (true, place);
        }
        self
    }

    /// Adds the body; bytes that do not lie in the message are copied.
    pub(super) fn body(&mut self, format: Format, bytes: &[u8]) -> &mut Self {
        self.body_of(format, bytes, bytes.len() as u64)
    }

    /// Adds a body of which only the first bytes are known.
    pub(super) fn body_of(&mut self, format: Format, bytes: &[u8], length: u64) -> &mut Self {
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

    /// Finds bytes that are a part of the message by where they stand in memory.
    fn place_in_payload(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = bytes.as_ptr().addr().checked_sub(self.payload.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= self.payload.len()).then_some(start..end)
    }
}
