//! Payloads of Engine.IO's long polling (the Engine.IO protocol, revisions 3 and 4): several packets in one body.
//!
//! A packet is returned as the message that a WebSocket would carry: text preceded by its type, or bytes; in revision
//! 3, the first byte is their type.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::jsonp::Jsonp;
use super::output::{BodyMessage, EventFacts, Output};
use crate::model::{At, Lost};

/// The separator between packets in revision 4.
const SEPARATOR: u8 = 0x1e;

/// The reason why a body cannot be read.
const NO_PAYLOAD: &str = "the body is no payload of Engine.IO";

/// Bounds the number of digits of a length.
const MAX_DIGITS: u8 = 10;

/// The characters with which a text packet may begin.
const TYPES: std::ops::RangeInclusive<u8> = b'0'..=b'6';

/// A parser for one payload.
///
/// ```text
///   revision 4:          Text ─ 0x1e ─► Text …        gap ─► Lost ─ 0x1e ─► Text
///   revision 3, text:    Length ─ `:` ─► Counted …    gap ─► Over
///   revision 3, bytes:   Kind ─► Length ─ 0xff ─► Counted …   gap within Counted: counting continues
/// ```
#[derive(Debug)]
pub(super) struct Payload {
    revision: u8,
    limit: usize,
    place: Place,
    /// The wrapping of the payload, if any.
    jsonp: Option<Jsonp>,
    packet: Packet,
    skipped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the first byte of the body.
    Start,
    /// In a packet terminated by a separator.
    Text,
    /// In a length, or before it.
    Length { length: u64, digits: u8, kind: Kind },
    /// Before the byte with the type of a packet in a binary payload.
    Kind,
    /// In a packet of known length: the remaining units, and the remaining bytes of the current character.
    Counted { left: u64, inside: u8, kind: Kind },
    /// After lost bytes, before the next separator.
    Lost,
    /// The start of the next packet is unknown.
    Over,
}

/// The encoding of a packet of revision 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In a text payload, counted in UTF-16 code units.
    Units,
    /// Text in a binary payload.
    Text,
    /// Bytes.
    Bytes,
}

/// The current packet, as encoded.
#[derive(Debug, Default)]
struct Packet {
    bytes: Vec<u8>,
    length: u64,
    first: Option<At>,
    size: u64,
    is_cut: bool,
}

/// Standard base64, with or without padding, as peers send it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Payload {
    /// Creates the parser for a payload of this revision, which keeps at most `limit` bytes of a packet.
    pub(super) fn new(revision: u8, limit: usize) -> Self {
        Payload { revision, limit, place: Place::Start, jsonp: None, packet: Packet::default(), skipped: 0 }
    }

    /// Parses the next bytes; returns the reason if the body cannot be read.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        carried: At,
        out: &mut VecDeque<Output>,
    ) -> Option<&'static str> {
        if let (Place::Start, None, Some(first)) = (self.place, &self.jsonp, bytes.first()) {
            self.jsonp = Jsonp::begin(*first);
        }
        let Some(jsonp) = &mut self.jsonp else { return self.take(bytes, carried, out) };
        let mut unwrapped = Vec::new();
        let fault = jsonp.push(bytes, &mut unwrapped).err().map(|_| NO_PAYLOAD);
        self.take(&unwrapped, carried, out).or(fault)
    }

    fn take(&mut self, bytes: &[u8], carried: At, out: &mut VecDeque<Output>) -> Option<&'static str> {
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            match self.place {
                Place::Start => {
                    match self.begins_with(*byte) {
                        Ok(place) => self.place = place,
                        Err(cause) => return Some(cause),
                    }
                    continue;
                }
                Place::Text => {
                    rest = self.text(rest, carried, out);
                    continue;
                }
                Place::Lost => {
                    rest = self.skip_to_separator(rest, out);
                    continue;
                }
                Place::Over => {
                    self.skipped = self.skipped.saturating_add(rest.len() as u64);
                    break;
                }
                Place::Kind => {
                    let kind = match byte {
                        0 => Kind::Text,
                        1 => Kind::Bytes,
                        _ => return Some(NO_PAYLOAD),
                    };
                    self.begin(carried);
                    self.place = Place::Length { length: 0, digits: 0, kind };
                }
                Place::Length { length, digits, kind } => {
                    self.begin(carried);
                    match Self::length(*byte, length, digits, kind) {
                        Some(place) => self.place = place,
                        None => return Some(NO_PAYLOAD),
                    }
                    self.end_if_counted(out);
                }
                Place::Counted { left, inside, kind: Kind::Units } => {
                    self.unit(*byte, left, inside);
                    self.end_if_counted(out);
                }
                Place::Counted { left, kind, .. } => {
                    let cut = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (data, behind) = rest.split_at_checked(cut).unwrap_or((rest, &[]));
                    self.packet.push(data, self.limit);
                    self.place = Place::Counted { left: left.saturating_sub(cut as u64), inside: 0, kind };
                    self.end_if_counted(out);
                    rest = behind;
                    continue;
                }
            }
            rest = behind;
        }
        None
    }

    /// Returns the state after the first byte of a body, or the reason why it is invalid.
    fn begins_with(&self, byte: u8) -> Result<Place, &'static str> {
        match (self.revision, byte) {
            (3, 0 | 1) => Ok(Place::Kind),
            (3, b'0'..=b'9') => Ok(Place::Length { length: 0, digits: 0, kind: Kind::Units }),
            (4, b'b') => Ok(Place::Text),
            (4, byte) if TYPES.contains(&byte) => Ok(Place::Text),
            _ => Err(NO_PAYLOAD),
        }
    }

    /// Skips what follows a gap up to the next separator; returns what follows it.
    fn skip_to_separator<'a>(&mut self, rest: &'a [u8], out: &mut VecDeque<Output>) -> &'a [u8] {
        let end = memchr::memchr(SEPARATOR, rest);
        let skipped = end.map_or(rest.len(), |end| end.saturating_add(1));
        self.skipped = self.skipped.saturating_add(skipped as u64);
        if end.is_some() {
            out.push_back(Output::Skipped { bytes: std::mem::take(&mut self.skipped) });
            self.place = Place::Text;
        }
        rest.get(skipped..).unwrap_or_default()
    }

    /// Notes that bytes are missing here.
    pub(super) fn gap(&mut self, lost: Lost, out: &mut VecDeque<Output>) {
        if let (Place::Counted { left, kind, .. }, Lost::Exact(length)) = (self.place, lost)
            && kind != Kind::Units
            && length <= left
            && self.jsonp.is_none()
        {
            self.packet.is_cut = true;
            self.packet.size = self.packet.size.saturating_add(length);
            self.place = Place::Counted { left: left.saturating_sub(length), inside: 0, kind };
            return self.end_if_counted(out);
        }
        if self.packet.first.is_some() {
            self.packet.is_cut = true;
            self.tell(out);
        }
        // Whether the gap began or ended inside an escape is unknown.
        let goes_on = self.revision == 4 && self.jsonp.is_none();
        self.place = if goes_on { Place::Lost } else { Place::Over };
    }

    /// Notes that the body has ended.
    pub(super) fn end(mut self, whole: bool, out: &mut VecDeque<Output>) {
        match self.place {
            Place::Text => {
                self.packet.is_cut |= !whole;
                self.tell(out);
            }
            Place::Lost | Place::Over => out.push_back(Output::Skipped { bytes: self.skipped }),
            Place::Length { digits: 0, kind: Kind::Units, .. } | Place::Start | Place::Kind => {}
            Place::Length { .. } | Place::Counted { .. } => {
                self.packet.is_cut = true;
                self.tell(out);
                out.push_back(Output::Unfinished);
            }
        }
    }

    pub(super) fn allocated(&self) -> usize {
        self.packet.bytes.capacity()
    }

    fn begin(&mut self, carried: At) {
        self.packet.first.get_or_insert(carried);
        self.packet.size = self.packet.size.saturating_add(1);
    }

    /// Reads bytes up to the next separator; returns what follows it.
    fn text<'a>(&mut self, bytes: &'a [u8], carried: At, out: &mut VecDeque<Output>) -> &'a [u8] {
        let end = memchr::memchr(SEPARATOR, bytes);
        let (text, behind) = bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
        self.packet.first.get_or_insert(carried);
        self.packet.push(text, self.encoded_limit());
        if end.is_none() {
            return behind;
        }
        self.tell(out);
        behind.get(1..).unwrap_or_default()
    }

    /// Returns how many bytes of base64 are kept, which has four for every three.
    const fn encoded_limit(&self) -> usize {
        (self.limit.saturating_mul(4) / 3).saturating_add(4)
    }

    /// Processes a byte of a length, or the one that ends it.
    fn length(byte: u8, length: u64, digits: u8, kind: Kind) -> Option<Place> {
        let (digit, end) = match kind {
            Kind::Units => (byte.wrapping_sub(b'0'), b':'),
            Kind::Text | Kind::Bytes => (byte, 0xff),
        };
        if digit <= 9 && digits < MAX_DIGITS {
            let length = length.saturating_mul(10).saturating_add(digit.into());
            return Some(Place::Length { length, digits: digits.saturating_add(1), kind });
        }
        (byte == end && digits > 0).then_some(Place::Counted { left: length, inside: 0, kind })
    }

    /// Processes a byte of a packet that is counted in UTF-16 code units.
    fn unit(&mut self, byte: u8, left: u64, inside: u8) {
        self.packet.push(&[byte], self.encoded_limit());
        let (units, behind) = match byte {
            _ if inside > 0 => (0, inside.saturating_sub(1)),
            0xf0.. => (2, 3),
            0xe0.. => (1, 2),
            0xc0.. => (1, 1),
            _ => (1, 0),
        };
        self.place = Place::Counted { left: left.saturating_sub(units), inside: behind, kind: Kind::Units };
    }

    fn end_if_counted(&mut self, out: &mut VecDeque<Output>) {
        if let Place::Counted { left: 0, inside: 0, kind } = self.place {
            self.tell(out);
            self.place = match kind {
                Kind::Units => Place::Length { length: 0, digits: 0, kind },
                Kind::Text | Kind::Bytes => Place::Kind,
            };
        }
    }

    /// Emits the current packet.
    fn tell(&mut self, out: &mut VecDeque<Output>) {
        let Packet { bytes, length, first, size, is_cut } = std::mem::take(&mut self.packet);
        let is_bytes = matches!(self.place, Place::Counted { kind: Kind::Bytes, .. });
        let is_base64 = !is_bytes && bytes.first() == Some(&b'b');
        let kept = bytes.len() as u64 == length;
        let (mut bytes, mut length) = if is_base64 { self.decode(&bytes, length) } else { (bytes, length) };
        if bytes.len() > self.limit {
            bytes.truncate(self.limit);
        }
        if !is_base64 && kept {
            length = length.max(bytes.len() as u64);
        }
        out.push_back(Output::Message(BodyMessage {
            text: !is_bytes && !is_base64,
            bytes,
            length,
            is_whole: !is_cut,
            facts: EventFacts::default(),
            first: first.unwrap_or_default(),
            size,
        }));
    }

    /// Decodes a base64 packet, which follows `b` and, in revision 3, the type.
    fn decode(&self, packet: &[u8], length: u64) -> (Vec<u8>, u64) {
        let (kind, text) = match (self.revision, packet) {
            (3, [b'b', kind, text @ ..]) => (Some(kind.wrapping_sub(b'0')), text),
            (_, [_, text @ ..]) => (None, text),
            (_, []) => (None, packet),
        };
        let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at.saturating_add(1));
        let digits = text.get(..end).unwrap_or_default();
        let is_whole = packet.len() as u64 == length;
        // A single digit in the last group is meaningless.
        let digits =
            if digits.len() % 4 == 1 { digits.split_last().map_or(digits, |(_, it)| it) } else { digits };
        let mut bytes: Vec<u8> = kind.into_iter().collect();
        bytes.extend(BASE64.decode(digits).unwrap_or_default());
        let written = length.saturating_sub(if kind.is_some() { 2 } else { 1 });
        let whole = if is_whole { bytes.len() as u64 } else { written.saturating_mul(3) / 4 };
        (bytes, whole)
    }
}

impl Packet {
    fn push(&mut self, bytes: &[u8], limit: usize) {
        let end = self.length.saturating_add(bytes.len() as u64);
        self.size = self.size.saturating_add(bytes.len() as u64);
        if !self.is_cut {
            let room = limit.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            self.length = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(revision: u8, pieces: &[&[u8]]) -> Vec<Output> {
        let (mut payload, mut out) = (Payload::new(revision, 1 << 20), VecDeque::new());
        for piece in pieces {
            if let Some(cause) = payload.push(piece, At::default(), &mut out) {
                out.push_back(Output::Unreadable { cause });
                return out.into();
            }
        }
        payload.end(true, &mut out);
        out.into()
    }

    fn told(outputs: &[Output]) -> Vec<String> {
        let show = |output: &Output| match output {
            Output::Message(it) => {
                let cut = if it.is_whole { "" } else { "…" };
                assert_eq!(it.bytes.len() as u64, it.length);
                if it.text {
                    format!("{}{cut}", String::from_utf8_lossy(&it.bytes))
                } else {
                    format!("{:?}{cut}", it.bytes)
                }
            }
            other => format!("{other:?}"),
        };
        outputs.iter().map(show).collect()
    }

    fn in_any_pieces(revision: u8, body: &[u8], expected: &[&str]) {
        for size in 1..=body.len() {
            let pieces: Vec<_> = body.chunks(size).collect();
            assert_eq!(told(&read(revision, &pieces)), expected, "{size}");
        }
    }

    /// The examples of the protocol's documentation, and characters beyond the basic plane.
    #[test]
    fn packets_of_revision_4() {
        in_any_pieces(4, b"4hello\x1e2\x1e4world", &["4hello", "2", "4world"]);
        in_any_pieces(4, "4h\u{e9}\u{1f980}\x1ebAQIDBA==".as_bytes(), &["4h\u{e9}\u{1f980}", "[1, 2, 3, 4]"]);
        in_any_pieces(4, b"bAQID\x1ebAQI", &["[1, 2, 3]", "[1, 2]"]);
    }

    #[test]
    fn packets_of_revision_3() {
        in_any_pieces(3, b"6:4hello2:4\xe2\x82\xac1:2", &["4hello", "4\u{20ac}", "2"]);
        // Counted in UTF-16 code units: the crab has two.
        in_any_pieces(3, "3:4\u{1f980}10:b4AQIDBA==".as_bytes(), &["4\u{1f980}", "[4, 1, 2, 3, 4]"]);
        let binary = b"\0\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04\0\x01\xff2";
        in_any_pieces(3, binary, &["4\u{20ac}", "[4, 1, 2, 3, 4]", "2"]);
    }

    #[test]
    fn payloads_wrapped_as_jsonp() {
        in_any_pieces(3, b"d=2%3A409%3A42%5B%22a+b%22%5D", &["40", "42[\"a b\"]"]);
        in_any_pieces(3, br#"___eio[0]("5:4\"\ud83e\udd80\"1:2");"#, &["4\"\u{1f980}\"", "2"]);
        in_any_pieces(4, b"d=42%5B1%5D%1E2", &["42[1]", "2"]);
        let (mut payload, mut out) = (Payload::new(4, 100), VecDeque::new());
        payload.push(b"d=42%5B1%5D%1E4", At::default(), &mut out);
        payload.gap(Lost::Exact(3), &mut out);
        payload.push(b"%1E42", At::default(), &mut out);
        payload.end(true, &mut out);
        assert_eq!(told(out.make_contiguous()), ["42[1]", "4…", "Skipped { bytes: 3 }"]);
    }

    #[test]
    fn what_is_no_payload_is_named() {
        let cause = |revision, body: &[u8]| told(&read(revision, &[body]));
        assert_eq!(cause(4, b"data=2:40"), [format!("Unreadable {{ cause: {NO_PAYLOAD:?} }}")]);
        assert_eq!(cause(4, b"<html>").len(), 1);
        assert_eq!(cause(3, b"1x").len(), 1);
        assert_eq!(cause(3, b"5:4h"), ["4h…", "Unfinished"]);
        assert_eq!(cause(3, b""), Vec::<String>::new());
    }

    #[test]
    fn behind_a_gap_packets_go_on_where_that_is_sure() {
        let lossy = |revision, before: &[u8], lost, behind: &[u8]| {
            let (mut payload, mut out) = (Payload::new(revision, 100), VecDeque::new());
            payload.push(before, At::default(), &mut out);
            payload.gap(lost, &mut out);
            payload.push(behind, At::default(), &mut out);
            payload.end(true, &mut out);
            told(out.make_contiguous())
        };
        let unknown = Lost::Unknown { least: 0 };
        let expected = ["4a", "4b…", "Skipped { bytes: 2 }", "4d"];
        assert_eq!(lossy(4, b"4a\x1e4b", unknown, b"c\x1e4d"), expected);
        let expected = ["4a", "4b…", "Skipped { bytes: 6 }"];
        assert_eq!(lossy(3, b"2:4a5:4b", Lost::Exact(1), b"cd2:4e"), expected);
        let bytes = b"\x01\x05\xff\x04\x01";
        let expected = ["[4, 1]…", "2"];
        assert_eq!(lossy(3, bytes, Lost::Exact(2), b"\x04\0\x01\xff2"), expected);
        assert_eq!(lossy(3, bytes, Lost::Exact(3), b"\0\x01\xff2"), expected);
        assert_eq!(lossy(3, bytes, Lost::Exact(4), b"\x01\xff2").len(), 2);
    }

    #[test]
    fn what_is_kept_is_bounded_and_counted() {
        for (revision, start) in [(4, &b"4"[..]), (4, b"b"), (3, b"999999999:4")] {
            let (mut payload, mut out) = (Payload::new(revision, 100), VecDeque::new());
            payload.push(start, At::default(), &mut out);
            for _ in 0..1000 {
                payload.push(&[b'A'; 1000], At::default(), &mut out);
                assert!(payload.allocated() < 300);
            }
            payload.end(true, &mut out);
            let Some(Output::Message(message)) = out.pop_front() else { panic!() };
            let length = if start == b"b" { 750_000 } else { 1_000_001 };
            assert_eq!((message.bytes.len(), message.length), (100, length));
        }
    }
}
