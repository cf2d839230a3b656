//! Serialisation of a meaning, for storing it with its message.

use std::time::Duration;

use super::units::{BodyRecord, Place, Record, Stored, StoredField, Units, Word, slice};
use super::{Earlier, Format, MAX_BODY, MAX_TEXT, Meaning, Role};
use crate::model::{At, Side, Timestamp};
use crate::subprotocol::protobuf::varint;

/// A meaning serialised by [`Meaning::write`].
#[derive(Debug, Default)]
pub struct StoredMeaning(Units);

const ROLES: [Role; 5] = [Role::Question, Role::Answer, Role::Progress, Role::Event, Role::Part];
const FORMATS: [Format; 7] = [
    Format::Json,
    Format::JsonItems,
    Format::Text,
    Format::Binary,
    Format::MessagePack,
    Format::Cbor,
    Format::Protobuf,
];

// The optional members of a unit: one bit each.
const HEARTBEAT: u64 = 1;
const COMPLETE: u64 = 2;
const LATENCY: u64 = 4;
const QUESTION: u64 = 8;
const BODY: u64 = 16;
const EARLIER: u64 = 32;
const FROM_SERVER: u64 = 64;
const WORDS: u64 = 128;

impl Meaning<'_> {
    /// Returns whether it contains nothing at all.
    pub fn is_empty(self) -> bool {
        self.units.list.is_empty() && !self.units.part
    }

    /// Appends it in the format read by [`StoredMeaning::read`], without the message's payload.
    pub fn write(self, out: &mut Vec<u8>) {
        put(self.units.part.into(), out);
        put(self.units.more, out);
        put(self.units.list.len() as u64, out);
        for record in &self.units.list {
            self.units.write(record, out);
        }
    }
}

impl StoredMeaning {
    /// Reads what [`Meaning::write`] wrote; returns `None` if it is damaged.
    pub fn read(mut bytes: &[u8]) -> Option<StoredMeaning> {
        let (bytes, mut units) = (&mut bytes, Units::default());
        units.part = take(bytes)? != 0;
        units.more = take(bytes)?;
        for _ in 0..take(bytes)? {
            let record = units.read(bytes)?;
            units.list.push(record);
        }
        Some(StoredMeaning(units))
    }

    /// Returns the meaning, given the payload to which it belongs.
    pub const fn of<'a>(&'a self, payload: &'a [u8]) -> Meaning<'a> {
        Meaning::new(&self.0, payload)
    }
}

impl Units {
    fn write(&self, record: &Record, out: &mut Vec<u8>) {
        let words = [record.inside, record.name, record.id, record.error, record.of];
        let mut flags = 0;
        for (bit, is_so) in [
            (HEARTBEAT, record.heartbeat),
            (COMPLETE, record.complete),
            (LATENCY, record.latency.is_some()),
            (QUESTION, record.question.is_some()),
            (BODY, record.body.is_some()),
            (EARLIER, record.earlier.is_some()),
            (FROM_SERVER, record.earlier.is_some_and(|it| it.from == Side::Server)),
        ] {
            flags |= if is_so { bit } else { 0 };
        }
        for (n, word) in words.iter().enumerate() {
            flags |= if word.is_some() { WORDS << n } else { 0 };
        }
        put(flags, out);
        put(place_of(&ROLES, &record.role), out);
        for word in [Some(record.protocol), Some(record.kind)].into_iter().chain(words).flatten() {
            put_bytes(self.word(word).as_bytes(), out);
        }
        if let Some(latency) = record.latency {
            put(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX), out);
        }
        let earlier = record.earlier.as_ref().map(|it| &it.at);
        for at in record.question.iter().chain([&record.first]).chain(earlier) {
            put(at.packet, out);
            put(at.time.as_nanos().cast_unsigned(), out);
        }
        put(record.messages.into(), out);
        if let Some(body) = &record.body {
            self.write_body(body, out);
        }
        let fields = record.fields.start as usize..record.fields.end as usize;
        put(fields.len() as u64, out);
        for field in self.fields.get(fields).unwrap_or_default() {
            self.write_field(field, out);
        }
    }

    fn read(&mut self, bytes: &mut &[u8]) -> Option<Record> {
        let flags = take(bytes)?;
        let role = *ROLES.get(usize::try_from(take(bytes)?).ok()?)?;
        let (protocol, kind) = (self.take_word(bytes)?, self.take_word(bytes)?);
        let mut words = [None; 5];
        for (n, word) in words.iter_mut().enumerate() {
            if flags & WORDS << n != 0 {
                *word = Some(self.take_word(bytes)?);
            }
        }
        let [inside, name, id, error, of] = words;
        let latency = if flags & LATENCY == 0 { None } else { Some(Duration::from_nanos(take(bytes)?)) };
        let question = if flags & QUESTION == 0 { None } else { Some(take_at(bytes)?) };
        let first = take_at(bytes)?;
        let from = if flags & FROM_SERVER == 0 { Side::Client } else { Side::Server };
        let earlier = if flags & EARLIER == 0 { None } else { Some(Earlier { from, at: take_at(bytes)? }) };
        let messages = u32::try_from(take(bytes)?).ok()?;
        let body = if flags & BODY == 0 { None } else { Some(self.read_body(bytes)?) };
        let start = u32::try_from(self.fields.len()).ok()?;
        for _ in 0..take(bytes)? {
            let field = self.read_field(bytes)?;
            self.fields.push(field);
        }
        let fields = start..u32::try_from(self.fields.len()).ok()?;
        let (heartbeat, complete) = (flags & HEARTBEAT != 0, flags & COMPLETE != 0);
        Some(Record {
            protocol,
            inside,
            kind,
            name,
            id,
            role,
            heartbeat,
            complete,
            error,
            latency,
            of,
            question,
            first,
            messages,
            earlier,
            body,
            fields,
        })
    }

    fn write_body(&self, body: &BodyRecord, out: &mut Vec<u8>) {
        put(place_of(&FORMATS, &body.format), out);
        put(body.length, out);
        match &body.place {
            Place::Payload(range) => {
                put(0, out);
                put(range.start as u64, out);
                put(range.end as u64, out);
            }
            Place::Copied(range) => {
                put(1, out);
                put_bytes(slice(&self.bytes, range), out);
            }
        }
    }

    fn read_body(&mut self, bytes: &mut &[u8]) -> Option<BodyRecord> {
        let format = *FORMATS.get(usize::try_from(take(bytes)?).ok()?)?;
        let length = take(bytes)?;
        let mut offset = || usize::try_from(take(bytes)?).ok();
        let place = if offset()? == 0 {
            Place::Payload(offset()?..offset()?)
        } else {
            Place::Copied(self.put_bytes(take_bytes(bytes)?, MAX_BODY).range())
        };
        Some(BodyRecord { format, place, length })
    }

    fn write_field(&self, field: &StoredField, out: &mut Vec<u8>) {
        put_bytes(self.word(field.name).as_bytes(), out);
        put(u64::from(field.listed) | u64::from(field.secret) << 1, out);
        let (start, end) = field.place.unwrap_or((1, 0));
        put(start.into(), out);
        put(end.into(), out);
        let (kind, number, bytes): (u64, u64, &[u8]) = match field.value {
            Stored::Number(number) => (0, number, &[]),
            Stored::Negative(number) => (1, number.cast_unsigned(), &[]),
            Stored::Flag(flag) => (2, flag.into(), &[]),
            Stored::Text(span) => (3, 0, self.text(span).as_bytes()),
            Stored::Json(span) => (4, 0, self.text(span).as_bytes()),
            Stored::Bytes(span) => (5, 0, slice(&self.bytes, &span.range())),
        };
        put(kind, out);
        if kind < 3 { put(number, out) } else { put_bytes(bytes, out) }
    }

    fn read_field(&mut self, bytes: &mut &[u8]) -> Option<StoredField> {
        let name = self.take_word(bytes)?;
        let flags = take(bytes)?;
        let place = (u32::try_from(take(bytes)?).ok()?, u32::try_from(take(bytes)?).ok()?);
        let value = match take(bytes)? {
            0 => Stored::Number(take(bytes)?),
            1 => Stored::Negative(take(bytes)?.cast_signed()),
            2 => Stored::Flag(take(bytes)? != 0),
            3 => Stored::Text(self.put_text(take_text(bytes)?)),
            4 => Stored::Json(self.put_text(take_text(bytes)?)),
            _ => Stored::Bytes(self.put_bytes(take_bytes(bytes)?, MAX_TEXT)),
        };
        let place = (place.0 <= place.1).then_some(place);
        Some(StoredField { name, value, listed: flags & 1 != 0, secret: flags & 2 != 0, place })
    }

    fn take_word(&mut self, bytes: &mut &[u8]) -> Option<Word> {
        Some(Word::Sent(self.put_text(take_text(bytes)?)))
    }
}

/// Returns the index of a value in a list that contains it.
fn place_of<T: PartialEq>(list: &[T], value: &T) -> u64 {
    list.iter().position(|other| other == value).unwrap_or_default() as u64
}

fn put(mut number: u64, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = varint(bytes)?;
    *bytes = rest;
    Some(number)
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(bytes)?).ok()
}

fn take_at(bytes: &mut &[u8]) -> Option<At> {
    Some(At { packet: take(bytes)?, time: Timestamp::from_nanos(take(bytes)?.cast_signed()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Opcode;
    use crate::model::Side;
    use crate::subprotocol::{Input, Opening, Reader};
    use proptest::prelude::*;

    /// Formats everything in a meaning that outputs may show.
    fn told(meaning: Meaning<'_>) -> String {
        let mut text = format!("{} {} ", meaning.more(), meaning.is_part());
        for it in meaning.units() {
            let words = (it.protocol(), it.inside(), it.kind(), it.name(), it.id(), it.error(), it.of());
            let facts = (it.role(), it.heartbeat(), it.latency(), it.question(), it.first(), it.messages());
            let fields: Vec<_> = it.fields().collect();
            text += &format!("{words:?} {facts:?} {} {:?} {fields:?}\n", it.is_complete(), it.body());
        }
        text
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let mut reader = Reader::named("json-rpc", &Opening::default()).unwrap();
        let messages = [
            (
                Side::Client,
                r#"[{"jsonrpc":"2.0","id":-7,"method":"a","params":{"token":"secret"}},{"jsonrpc":"2.0","method":"b"}]"#,
            ),
            (Side::Server, r#"{"jsonrpc":"2.0","id":-7,"error":{"code":-32601,"message":"no such method"}}"#),
            (Side::Server, r#"{"jsonrpc":"2.0","id":9,"result":null}"#),
        ];
        for (packet, (from, text)) in (7..).zip(messages) {
            let at = At { packet, time: Timestamp::from_nanos(-5) };
            let input = Input {
                from,
                opcode: Opcode::TEXT,
                bytes: text.as_bytes(),
                missing: &[],
                length: text.len() as u64,
                first: at,
                at,
            };
            let meaning = reader.message(&input);
            let mut bytes = Vec::new();
            meaning.write(&mut bytes);
            let read = StoredMeaning::read(&bytes).unwrap();
            assert_eq!(told(read.of(text.as_bytes())), told(meaning));
            assert!(!meaning.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_do_not_panic(bytes: Vec<u8>) {
            let read = StoredMeaning::read(&bytes);
            let _ = read.map(|read| told(read.of(&[0; 16])));
        }
    }
}
