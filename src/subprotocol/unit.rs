//! The meaning of a message, as available to every output.

mod draft;
mod stored;
mod units;

pub use stored::StoredMeaning;

pub(super) use draft::Draft;
pub(super) use units::Units;

use std::time::Duration;

use crate::model::{Anomaly, At, Side};

use units::{Place, Record, Stored, slice};

/// Bounds the number of units listed per message; the rest are only counted.
pub const MAX_UNITS: usize = 256;

/// Bounds the size of a body that has to be copied because it is not in the message verbatim, in bytes.
pub(super) const MAX_BODY: usize = 256 << 10;

/// Bounds the length of a name, an ID, an error or a field's text, in bytes.
pub(super) const MAX_TEXT: usize = 512;

/// The role of a unit in an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Asks for an answer.
    Question,
    /// Answers a question.
    Answer,
    /// Belongs to a question that is still being answered: an item of a stream.
    Progress,
    /// Stands alone.
    #[default]
    Event,
    /// Belongs to an earlier unit: an attachment.
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
    /// Comma-separated JSON values, an array without its brackets.
    JsonItems,
    /// UTF-8 text.
    Text,
    /// Bytes of unknown format.
    Binary,
    /// One MessagePack value.
    MessagePack,
    /// One CBOR value (RFC 8949).
    Cbor,
    /// A Protocol Buffers message of unknown type: the meaning of its fields is a guess.
    Protobuf,
}

/// The content of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// The format of the bytes.
    pub format: Format,
    /// The known bytes, from the start.
    pub bytes: &'a [u8],
    /// The length as sent, if known.
    pub length: u64,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text, unescaped.
    Text(&'a str),
    /// A non-negative integer.
    Number(u64),
    /// A negative integer.
    Negative(i64),
    /// A boolean.
    Flag(bool),
    /// JSON as sent.
    Json(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A field of a unit, with the name given in the protocol's specification.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: Value<'a>,
    /// Whether it belongs to a list, even as its only item: further items follow under the same name.
    pub listed: bool,
    /// Whether it is a password, a token or the like.
    pub secret: bool,
    /// The position in the message's payload of a secret value that is there verbatim.
    pub place: Option<(u32, u32)>,
}

/// The earlier message in which a unit ended, if the sub-protocol was recognised only from a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// The side that sent it.
    pub from: Side,
    /// The packet that completed it.
    pub at: At,
}

/// A unit of a sub-protocol: an event, a call, a packet.
///
/// It borrows from the message or from what was decoded from it.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    units: &'a Units,
    payload: &'a [u8],
    record: &'a Record,
}

impl<'a> Unit<'a> {
    /// Returns the name of the sub-protocol: `socket.io`, `mqtt`.
    pub fn protocol(&self) -> &'a str {
        self.units.word(self.record.protocol)
    }

    /// Returns the sub-protocol that carried this one, if there is one: `sockjs`.
    pub fn inside(&self) -> Option<&'a str> {
        self.record.inside.map(|it| self.units.word(it))
    }

    /// Returns the protocol's own term for its kind: `EVENT`, `PUBLISH`.
    pub fn kind(&self) -> &'a str {
        self.units.word(self.record.kind)
    }

    /// Returns the event, method, topic or operation, by which statistics are grouped.
    pub fn name(&self) -> Option<&'a str> {
        self.record.name.map(|it| self.units.word(it))
    }

    /// Returns the ID given by its sender, as sent.
    pub fn id(&self) -> Option<&'a str> {
        self.record.id.map(|it| self.units.word(it))
    }

    /// Returns its role in an exchange.
    pub fn role(&self) -> Role {
        self.record.role
    }

    /// Returns whether it only keeps the connection alive.
    pub fn heartbeat(&self) -> bool {
        self.record.heartbeat
    }

    /// Returns the error, in the protocol's own words.
    pub fn error(&self) -> Option<&'a str> {
        self.record.error.map(|it| self.units.word(it))
    }

    /// Returns the time from the last byte of the question to the first byte of the answer.
    ///
    /// It belongs to the answer, or to the question if the answer became known first.
    pub fn latency(&self) -> Option<Duration> {
        self.record.latency
    }

    /// Returns the name of the question that it answers or to which it belongs.
    pub fn of(&self) -> Option<&'a str> {
        self.record.of.map(|it| self.units.word(it))
    }

    /// Returns the packet that completed the question that it answers.
    pub fn question(&self) -> Option<At> {
        self.record.question
    }

    /// Returns the packet that contained its first byte.
    pub fn first(&self) -> At {
        self.record.first
    }

    /// Returns the number of messages it spans.
    pub fn messages(&self) -> u32 {
        self.record.messages
    }

    /// Returns the message in which it ended, if that is not the one with which it is listed.
    pub fn earlier(&self) -> Option<Earlier> {
        self.record.earlier
    }

    /// Returns whether all of it is known.
    pub fn is_complete(&self) -> bool {
        self.record.complete
    }

    /// Returns its content.
    pub fn body(&self) -> Option<Body<'a>> {
        let body = self.record.body.as_ref()?;
        let bytes = match &body.place {
            Place::Payload(range) => slice(self.payload, range),
            Place::Copied(range) => slice(&self.units.bytes, range),
        };
        Some(Body { format: body.format, bytes, length: body.length })
    }

    /// Returns its fields in the order sent.
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

/// The meaning of a message: the units that ended in it, in wire order, followed by those of [earlier](Unit::earlier)
/// messages that could not be interpreted before.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a> {
    units: &'a Units,
    payload: &'a [u8],
}

impl<'a> Meaning<'a> {
    pub(super) const fn new(units: &'a Units, payload: &'a [u8]) -> Self {
        Meaning { units, payload }
    }

    /// Returns the units; none if the message contains only part of one.
    pub fn units(self) -> impl Iterator<Item = Unit<'a>> {
        let Meaning { units, payload } = self;
        units.list.iter().map(move |record| Unit { units, payload, record })
    }

    /// Returns the number of units beyond [`MAX_UNITS`].
    pub fn more(self) -> u64 {
        self.units.more
    }

    /// Returns whether the message contains part of a unit that ends in a later message.
    pub fn is_part(self) -> bool {
        self.units.part
    }

    /// Returns whether the message contains nothing but part of a unit that ends in a later message.
    pub fn is_only_part(self) -> bool {
        self.is_part() && self.units.list.is_empty()
    }

    /// Returns the units' violations of their protocol.
    pub fn anomalies(self) -> &'a [Anomaly] {
        &self.units.anomalies
    }
}
