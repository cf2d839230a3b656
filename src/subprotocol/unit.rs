//! What a message means, as every output may say it.

mod draft;
mod stored;
mod units;

pub use stored::StoredMeaning;

pub(super) use draft::Draft;
pub(super) use units::Units;

use std::time::Duration;

use crate::model::{Anomaly, At, Side};

use units::{Place, Record, Stored, slice};

/// Bounds how many units of one message are told; the rest are counted.
pub const MAX_UNITS: usize = 256;

/// Bounds how many bytes of a body are copied where it does not lie in the message as it stands.
pub(super) const MAX_BODY: usize = 256 << 10;

/// Bounds the length of a name, an id, an error or a field's text, in bytes.
pub(super) const MAX_TEXT: usize = 512;

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

/// The format of a body's bytes.
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
    /// A message of Protocol Buffers whose type is not known: what its fields mean is a guess.
    Protobuf,
}

/// The content of one unit beside its names.
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

/// The message in which a unit ended that is told with a later one, because only that tells which sub-protocol it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Who sent it.
    pub from: Side,
    /// The packet that completed it.
    pub at: At,
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

    /// Returns whether it only keeps the connection alive.
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

    /// Returns the message in which it ended, where that is not the one it is told with.
    pub fn earlier(&self) -> Option<Earlier> {
        self.record.earlier
    }

    /// Returns whether all of it is known.
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

/// The meaning of a message: the units that ended in it, in the order of the wire, and behind them those of
/// [earlier](Unit::earlier) messages which it is the first to give a meaning to.
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

    /// Returns whether bytes were taken that belong to a unit which ends in a later message.
    pub fn is_part(self) -> bool {
        self.units.part
    }

    /// Returns whether the message holds nothing else than a part of a unit which ends in a later one.
    pub fn is_only_part(self) -> bool {
        self.is_part() && self.units.list.is_empty()
    }

    /// Returns what the units broke of their protocol's rules.
    pub fn anomalies(self) -> &'a [Anomaly] {
        &self.units.anomalies
    }
}
