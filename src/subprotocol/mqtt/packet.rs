//! MQTT's control packets (MQTT 3.1.1 §2–3, MQTT 5.0 §2–3).

use super::super::protobuf;
use super::super::stream::Measure;
use super::words::{Kind, property};

/// The types of control packets, by number.
pub(super) const KINDS: [&str; 16] = [
    "Reserved",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

pub(super) const CONNECT: u8 = 1;
pub(super) const CONNACK: u8 = 2;
pub(super) const PUBLISH: u8 = 3;
pub(super) const PUBACK: u8 = 4;
pub(super) const PUBREC: u8 = 5;
pub(super) const PUBREL: u8 = 6;
pub(super) const PUBCOMP: u8 = 7;
pub(super) const SUBSCRIBE: u8 = 8;
pub(super) const SUBACK: u8 = 9;
pub(super) const UNSUBSCRIBE: u8 = 10;
pub(super) const UNSUBACK: u8 = 11;
pub(super) const PINGREQ: u8 = 12;
pub(super) const PINGRESP: u8 = 13;
pub(super) const DISCONNECT: u8 = 14;
pub(super) const AUTH: u8 = 15;

/// Parses a fixed header: type and flags, and the remaining length (MQTT 5.0 §2.1).
pub(super) fn measure(head: &[u8]) -> Measure {
    let Some((first, rest)) = head.split_first() else { return Measure::More };
    if first >> 4 == 0 {
        return Measure::Impossible;
    }
    let four = rest.get(..rest.len().min(4)).unwrap_or_default();
    match protobuf::varint(four) {
        Some((length, after)) => {
            let digits = four.len().saturating_sub(after.len()) as u64;
            Measure::Length(length.saturating_add(digits).saturating_add(1))
        }
        None if four.len() == 4 => Measure::Impossible,
        None => Measure::More,
    }
}

/// Returns what follows the fixed header of a packet.
pub(super) fn body(packet: &[u8]) -> &[u8] {
    let rest = packet.get(1..).unwrap_or_default();
    protobuf::varint(rest).map_or(&[], |(_, body)| body)
}

/// Returns whether the flags of a packet are those of its type (MQTT 5.0 §2.1.3); MQTT 3.1 allows DUP with more types.
pub(super) const fn flags_fit(first: u8) -> bool {
    match first >> 4 {
        PUBLISH => first & 0x06 != 0x06,
        PUBREL | SUBSCRIBE | UNSUBSCRIBE => first & 0x07 == 0x02,
        _ => first & 0x0f == 0,
    }
}

/// A position in a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn two(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    pub(super) fn four(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub(super) fn variable(&mut self) -> Option<u64> {
        let four = self.rest.get(..self.rest.len().min(4))?;
        let (number, after) = protobuf::varint(four)?;
        self.take(four.len().checked_sub(after.len())?)?;
        Some(number)
    }

    /// Reads binary data: a two-byte length, then the bytes.
    pub(super) fn binary(&mut self) -> Option<&'a [u8]> {
        let length = self.two()?;
        self.take(usize::from(length))
    }

    /// Reads a UTF-8 encoded string.
    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.binary()?).ok()
    }

    /// Reads the length of the properties and splits them off.
    pub(super) fn properties(&mut self) -> Option<&'a [u8]> {
        let length = self.variable()?;
        self.take(usize::try_from(length).ok()?)
    }
}

/// The value of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// Reads one property; returns `None` if it is invalid or incomplete.
pub(super) fn next_property<'a>(reader: &mut Reader<'a>) -> Option<(u64, &'static str, Value<'a>)> {
    let id = reader.variable()?;
    let (name, kind) = property(id)?;
    let value = match kind {
        Kind::Byte => Value::Number(u64::from(reader.byte()?)),
        Kind::TwoBytes => Value::Number(u64::from(reader.two()?)),
        Kind::FourBytes => Value::Number(u64::from(reader.four()?)),
        Kind::Variable => Value::Number(reader.variable()?),
        Kind::Text => Value::Text(reader.text()?),
        Kind::Bytes => Value::Bytes(reader.binary()?),
        Kind::Pair => Value::Pair(reader.text()?, reader.text()?),
    };
    Some((id, name, value))
}

/// Returns whether the bytes consist entirely of properties.
pub(super) fn are_properties(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    while !reader.rest.is_empty() {
        if next_property(&mut reader).is_none() {
            return false;
        }
    }
    true
}

/// Returns whether a packet's body fits its type in version 5, if `five`, or else in the older versions.
///
/// A payload without a prescribed format is not examined.
pub(super) fn fits(first: u8, body: &[u8], five: bool) -> bool {
    shape(first, &mut Reader::new(body), five).is_some_and(|whole| whole)
}

/// The implementation of [`fits`]; returns whether the body ends where it should.
fn shape(first: u8, reader: &mut Reader<'_>, five: bool) -> Option<bool> {
    match first >> 4 {
        CONNECT => {
            let name = reader.text()?;
            reader.take(4)?;
            return Some(matches!(name, "MQTT" | "MQIsdp"));
        }
        CONNACK => {
            (reader.byte()? < 2).then_some(())?;
            reader.byte()?;
            properties_fit(reader, five)?;
        }
        PUBLISH => {
            let topic = reader.text()?;
            if topic.contains(['#', '+', '\0']) || (topic.is_empty() && !five) {
                return None;
            }
            if first & 0x06 != 0 {
                reader.two().filter(|id| *id != 0)?;
            }
            return Some(!five || reader.properties().is_some_and(are_properties));
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => {
            reader.two().filter(|id| *id != 0)?;
            if five && !reader.rest.is_empty() {
                reader.byte()?;
                optional_properties(reader)?;
            }
        }
        SUBSCRIBE | UNSUBSCRIBE => {
            reader.two().filter(|id| *id != 0)?;
            properties_fit(reader, five)?;
            filters(reader, first >> 4 == SUBSCRIBE)?;
        }
        SUBACK | UNSUBACK => {
            reader.two().filter(|id| *id != 0)?;
            properties_fit(reader, five)?;
            // UNSUBACK has no codes in MQTT 3.1.1.
            let codes = five || first >> 4 == SUBACK;
            return Some(codes != reader.rest.is_empty());
        }
        DISCONNECT | AUTH if five && !reader.rest.is_empty() => {
            reader.byte()?;
            optional_properties(reader)?;
        }
        _ => {}
    }
    Some(reader.rest.is_empty())
}

fn properties_fit(reader: &mut Reader<'_>, five: bool) -> Option<()> {
    (!five || reader.properties().is_some_and(are_properties)).then_some(())
}

/// Reads properties that may be omitted together with everything after them.
fn optional_properties(reader: &mut Reader<'_>) -> Option<()> {
    (reader.rest.is_empty() || reader.properties().is_some_and(are_properties)).then_some(())
}

/// Reads topic filters, each with its options if they are for a subscription.
fn filters(reader: &mut Reader<'_>, options: bool) -> Option<()> {
    while !reader.rest.is_empty() {
        reader.text().filter(|it| !it.is_empty())?;
        if options {
            reader.byte().filter(|it| it & 0xc0 == 0 && it & 0x03 != 3)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_headers() {
        assert_eq!(measure(b""), Measure::More);
        assert_eq!(measure(b"\x30"), Measure::More);
        assert_eq!(measure(b"\x30\x80"), Measure::More);
        assert_eq!(measure(b"\xc0\x00"), Measure::Length(2));
        assert_eq!(measure(b"\x30\xff\x7f"), Measure::Length(16_386));
        assert_eq!(measure(b"\x30\xff\xff\xff\x7f"), Measure::Length(268_435_460));
        assert_eq!(measure(b"\x30\xff\xff\xff\xff"), Measure::Impossible);
        assert_eq!(measure(b"\x00\x00"), Measure::Impossible);
    }

    #[test]
    fn the_versions_are_told_apart_by_their_form() {
        // SUBACK of packet 1: one code, without and with properties.
        assert!(fits(0x90, b"\x00\x01\x01", false) && !fits(0x90, b"\x00\x01\x01", true));
        assert!(fits(0x90, b"\x00\x01\x00\x01", true));
        // CONNACK.
        assert!(fits(0x20, b"\x00\x00", false) && !fits(0x20, b"\x00\x00", true));
        assert!(
            fits(0x20, b"\x00\x00\x03\x21\x00\x14", true) && !fits(0x20, b"\x00\x00\x03\x21\x00\x14", false)
        );
        // SUBSCRIBE to `a/#`.
        assert!(
            fits(0x82, b"\x00\x01\x00\x03a/#\x02", false) && !fits(0x82, b"\x00\x01\x00\x03a/#\x02", true)
        );
        assert!(fits(0x82, b"\x00\x01\x02\x0b\x07\x00\x03a/#\x02", true));
        // A PUBLISH must not contain a wildcard.
        assert!(!fits(0x30, b"\x00\x03a/#", false));
        assert!(fits(0xc0, b"", true) && !fits(0xc0, b"x", true));
    }
}
