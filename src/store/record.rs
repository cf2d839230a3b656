//! The facts stored after a payload: too large for the index, and read only on demand.

use std::time::Duration;

use crate::event::{Frame, Header, Missing, Value};
use crate::model::{At, Side, Timestamp};

/// Everything kept about a message in addition to its [`super::Entry`].
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The packet at which the message became known.
    pub known: u64,
    /// Its number within the conversation, from 1.
    pub number: u64,
    /// The time since the previous message or the opening.
    pub delta: Duration,
    /// The packet with its first byte, and the time of that packet.
    pub first: At,
    /// Its frames, up to the bound.
    pub frames: Vec<Frame>,
    /// The missing ranges of the payload.
    pub missing: Vec<Missing>,
    /// The fields that the transport carries beside the payload.
    pub fields: Vec<TransportField>,
    /// The known bytes of the payload.
    pub payload: Vec<u8>,
    /// Whether the payload was dropped to stay within the bounds.
    pub dropped: bool,
}

/// A field that a transport other than WebSocket carries beside a payload, such as the type or ID of a server-sent
/// event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportField {
    /// Its name, the same in every output.
    pub name: &'static str,
    text: Option<Box<str>>,
    number: u64,
}

impl TransportField {
    /// The possible names of fields.
    const NAMES: [&'static str; 4] = ["sid", "event", "id", "retry"];

    /// Returns its value.
    pub fn value(&self) -> Value<'_> {
        self.text.as_deref().map_or(Value::Number(self.number), Value::Text)
    }
}

/// Encodes the fields of a transport; writes nothing if there are none.
pub(super) fn put_fields(fields: &[(&'static str, Value<'_>)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        let Some(at) = TransportField::NAMES.iter().position(|it| it == name) else { continue };
        match value {
            Value::Text(text) => {
                put(at as u64, out);
                put((text.len() as u64).saturating_add(1), out);
                out.extend_from_slice(text.as_bytes());
            }
            Value::Number(number) => {
                put(at as u64, out);
                put(0, out);
                put(*number, out);
            }
            // Transports have no fields of these types.
            Value::Negative(_) | Value::Flag(_) | Value::Json(_) | Value::Bytes(_) => {}
        }
    }
}

/// Decodes the output of [`put_fields`].
fn take_fields(mut bytes: &[u8]) -> Option<Vec<TransportField>> {
    let (bytes, mut fields) = (&mut bytes, Vec::new());
    while !bytes.is_empty() {
        let name = TransportField::NAMES.get(usize::try_from(take(bytes)?).ok()?)?;
        let (mut text, mut number) = (None, 0);
        match take(bytes)?.checked_sub(1) {
            Some(length) => {
                let (it, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                (text, *bytes) = (Some(std::str::from_utf8(it).ok()?.into()), rest);
            }
            None => number = take(bytes)?,
        }
        fields.push(TransportField { name, text, number });
    }
    Some(fields)
}

/// The maximum size of the data written after a payload, in bytes.
pub(super) const MAX_TAIL: usize = u16::MAX as usize;

/// Writes a number as a LEB128 varint: 7 bits per byte, lowest first.
fn put(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Encodes a header as it was on the wire (RFC 6455 §5.2).
pub fn write_header(header: &Header, out: &mut Vec<u8>) {
    let fin = if header.fin { 0x80 } else { 0 };
    out.push(fin | (header.rsv & 0x07) << 4 | header.opcode.0 & 0x0f);
    let masked = if header.mask.is_some() { 0x80 } else { 0 };
    let form = header.header_length.saturating_sub(if header.mask.is_some() { 4 } else { 0 });
    match form {
        4 => {
            out.push(masked | 0x7e);
            out.extend_from_slice(&u16::try_from(header.length).unwrap_or(u16::MAX).to_be_bytes());
        }
        10 => {
            out.push(masked | 0x7f);
            out.extend_from_slice(&header.length.to_be_bytes());
        }
        _ => out.push(masked | u8::try_from(header.length & 0x7f).unwrap_or(0)),
    }
    out.extend_from_slice(header.mask.as_ref().map_or(&[], |mask| mask.as_slice()));
}

/// Encodes a frame compactly.
pub(super) fn put_frame(frame: &Frame, out: &mut Vec<u8>) {
    write_header(&frame.header, out);
    put(frame.offset, out);
}

fn take_frame(from: Side, bytes: &mut &[u8]) -> Option<Frame> {
    let header = Header::parse(bytes)?;
    *bytes = bytes.get(usize::from(header.header_length)..)?;
    Some(Frame { from, header, offset: take(bytes)? })
}

/// The facts about a message that are stored after its payload, except its frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail<'a> {
    pub(super) first: At,
    pub(super) known: u64,
    pub(super) number: u64,
    pub(super) delta: Duration,
    pub(super) missing: &'a [Missing],
    /// The fields of the transport, encoded by [`put_fields`].
    pub(super) fields: &'a [u8],
}

/// Appends the data stored after a payload; `frames` are encoded by [`put_frame`].
pub(super) fn put_tail(at: At, tail: &Tail<'_>, frames: (usize, &[u8]), out: &mut Vec<u8>) {
    let start = out.len();
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    put(at.packet.saturating_sub(tail.first.packet), out);
    put(nanos(at.time.since(tail.first.time)), out);
    put(tail.known.saturating_sub(at.packet), out);
    put(tail.number, out);
    put(nanos(tail.delta), out);
    put(tail.missing.len() as u64, out);
    for hole in tail.missing {
        put(hole.offset, out);
        put(hole.length.map_or(0, |length| length.saturating_add(1)), out);
    }
    put(tail.fields.len() as u64, out);
    out.extend_from_slice(tail.fields);
    if out.len().saturating_sub(start).saturating_add(frames.1.len()).saturating_add(10) <= MAX_TAIL {
        put(frames.0 as u64, out);
        out.extend_from_slice(frames.1);
    } else {
        put(0, out);
    }
    out.truncate(start.saturating_add(MAX_TAIL));
}

/// Decodes the output of [`put_tail`].
pub(super) fn take_tail(at: At, from: Side, mut bytes: &[u8], record: &mut Record) -> Option<()> {
    let bytes = &mut bytes;
    let packet = at.packet.saturating_sub(take(bytes)?);
    let before = i64::try_from(take(bytes)?).unwrap_or(i64::MAX);
    record.first = At { packet, time: Timestamp::from_nanos(at.time.as_nanos().saturating_sub(before)) };
    record.known = at.packet.saturating_add(take(bytes)?);
    record.number = take(bytes)?;
    record.delta = Duration::from_nanos(take(bytes)?);
    for _ in 0..take(bytes)? {
        let (offset, length) = (take(bytes)?, take(bytes)?);
        record.missing.push(Missing { offset, length: length.checked_sub(1) });
    }
    let length = usize::try_from(take(bytes)?).ok()?;
    let (fields, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    record.fields = take_fields(fields)?;
    for _ in 0..take(bytes)? {
        record.frames.push(take_frame(from, bytes)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_back_what_it_wrote(
            packets in 0_u64..1 << 40, before in 0_i64..1 << 50, holes: Vec<(u64, Option<u32>)>,
            headers in prop::collection::vec((any::<[u8; 14]>(), any::<u64>()), 0..20),
            event in ".*", retry: u64,
        ) {
            let at = At { packet: 1 << 41, time: Timestamp::from_nanos(1 << 60) };
            let first = At { packet: at.packet - packets, time: Timestamp::from_nanos((1 << 60) - before) };
            let missing: Vec<Missing> =
                holes.iter().map(|(offset, length)| Missing { offset: *offset, length: length.map(u64::from) }).collect();
            let frames: Vec<Frame> = headers
                .iter()
                .filter_map(|(bytes, offset)| {
                    Some(Frame { from: Side::Client, header: Header::parse(bytes)?, offset: *offset })
                })
                .collect();
            let mut written = Vec::new();
            frames.iter().for_each(|frame| put_frame(frame, &mut written));
            let mut tail = Vec::new();
            let (known, delta) = (at.packet + packets, Duration::from_nanos(packets));
            let said = [("event", Value::Text(&event)), ("retry", Value::Number(retry))];
            let mut fields = Vec::new();
            put_fields(&said, &mut fields);
            let facts = Tail { first, known, number: packets, delta, missing: &missing, fields: &fields };
            put_tail(at, &facts, (frames.len(), &written), &mut tail);
            let mut record = Record::default();
            prop_assert_eq!(take_tail(at, Side::Client, &tail, &mut record), Some(()));
            prop_assert_eq!(record.first, first);
            prop_assert_eq!((record.known, record.number, record.delta), (known, packets, delta));
            prop_assert_eq!(record.missing, missing);
            let read: Vec<_> = record.fields.iter().map(|field| (field.name, field.value())).collect();
            prop_assert_eq!(read, said);
            let heads = |frames: &[Frame]| frames.iter().map(|f| (f.header, f.offset)).collect::<Vec<_>>();
            prop_assert_eq!(heads(&record.frames), heads(&frames));
        }
    }
}
