//! Socket.IO 2 to 5, that is, revisions 4 and 5 of its protocol, in the messages of Engine.IO.
//!
//! A packet is `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`; the attachments follow as separate binary
//! messages. The MessagePack parser sends each packet as one binary message instead.

use crate::model::{Anomaly, Pair, Side};

use super::decoder::{Out, UnitBuilder};
use super::input::Input;
use super::json;
use super::packed::{Cursor, Packing};
use super::token::Token;
use super::unit::{Format, Role};

const NAME: &str = "socket.io";

/// Bounds the number of attachments of a packet that are awaited.
const MAX_ATTACHMENTS: u32 = 1024;

/// Bounds the stored name of an event whose attachments follow.
const MAX_NAME: usize = 128;

/// The kinds of questions, whose IDs are numbered independently.
const CONNECTS: u64 = 2;
const EVENTS: u64 = 3;

const KINDS: [&str; 7] =
    ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];

/// A decoder for Socket.IO packets.
#[derive(Debug)]
pub(super) struct SocketIo {
    pending: Pair<Pending>,
    /// The format of packets that are not text.
    packing: Option<Packing>,
    /// Whether Engine.IO is certain, so that its messages may contain anything.
    is_carried: bool,
    /// Whether a packet of Socket.IO was seen.
    is_spoken: bool,
}

/// The attachments still to come on one side.
#[derive(Debug, Default)]
enum Pending {
    #[default]
    None,
    Some {
        name: Option<Box<str>>,
        id: Option<Box<str>>,
        all: u32,
        left: u32,
    },
    /// Frames were lost: binary messages may be attachments of a packet that was not captured.
    Unknown,
}

/// The head of a packet.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    kind: u8,
    attachments: u32,
    namespace: &'a [u8],
    id: Option<&'a str>,
    data: &'a [u8],
}

impl<'a> Head<'a> {
    /// Parses a packet of the parser that sends it as one JSON object (`socket.io-json-parser`).
    fn of_object(packet: &'a [u8], whole: bool) -> Option<Self> {
        let [kind, namespace, id, data] = json::pick(packet, whole, ["type", "nsp", "id", "data"])?;
        let kind = u8::try_from(kind?.number()?).ok().filter(|kind| *kind <= 6)?;
        let namespace = namespace.filter(|it| it.shape == json::Shape::Text && it.whole)?.inner();
        let id = id.filter(|it| it.number().is_some()).and_then(|it| std::str::from_utf8(it.raw).ok());
        Some(Head { kind, attachments: 0, namespace, id, data: data.map_or(&[], |it| it.raw) })
    }

    /// Parses the head of a packet; returns `None` if it is invalid or truncated.
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let (first, mut rest) = packet.split_first()?;
        let kind = first.checked_sub(b'0').filter(|kind| *kind <= 6)?;
        let mut attachments = 0;
        if kind >= 5 {
            let (count, behind) = digits(rest);
            attachments = count.parse().ok()?;
            rest = behind.strip_prefix(b"-")?;
        }
        let mut namespace = &b"/"[..];
        if rest.first() == Some(&b'/') {
            let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
            let (name, behind) = rest.split_at_checked(end)?;
            (namespace, rest) = (name, behind.strip_prefix(b",").unwrap_or(behind));
        }
        let (id, data) = digits(rest);
        let id = (!id.is_empty() && !data.is_empty()).then_some(id);
        Some(Head { kind, attachments, namespace, id, data })
    }

    /// Returns the namespace without the query that clients of revision 4 append to it.
    fn name(&self) -> String {
        let end = memchr::memchr(b'?', self.namespace).unwrap_or(self.namespace.len());
        String::from_utf8_lossy(self.namespace.get(..end).unwrap_or_default()).into_owned()
    }

    /// Returns that query, which often contains a token.
    fn query(&self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'?', self.namespace)?;
        self.namespace.get(end.saturating_add(1)..).filter(|it| !it.is_empty())
    }
}

fn digits(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (std::str::from_utf8(digits).unwrap_or_default(), rest)
}

/// Returns whether the bytes look like a packet: its head and, for an event, an array that begins with a name.
pub(super) fn is_packet(bytes: &[u8]) -> bool {
    let Some(head) = Head::parse(bytes) else { return false };
    match head.kind {
        0 | 1 | 4 => head.data.is_empty() || matches!(head.data.first(), Some(b'{' | b'"')),
        3 | 6 => head.id.is_some() && head.data.first() == Some(&b'['),
        _ => head.data.starts_with(b"[\""),
    }
}

/// Returns whether a packet announces attachments and marks their positions.
pub(super) fn announces(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'5' | b'6'))
        && memchr::memmem::find(bytes, br#"{"_placeholder":true,"num":"#).is_some()
}

/// Returns whether the bytes are a packet of the MessagePack or the CBOR parser: a map with `type` and `nsp`.
pub(super) fn is_packed_packet(bytes: &[u8]) -> bool {
    Packed::parse(bytes).is_some()
}

/// A packet of the MessagePack or the CBOR parser.
#[derive(Debug)]
struct Packed<'a> {
    packing: Packing,
    kind: u8,
    namespace: &'a str,
    id: Option<u64>,
    data: Option<Cursor<'a>>,
}

impl<'a> Packed<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let packing = match bytes.first()? {
            0x82..=0x86 | 0xde => Packing::MessagePack,
            0xa2..=0xa6 | 0xb8 | 0xb9 => Packing::Cbor,
            _ => return None,
        };
        let map = Cursor::new(packing, bytes);
        let kind = u8::try_from(map.get("type")?.number()?).ok().filter(|kind| *kind <= 6)?;
        let namespace = map.get("nsp")?.text()?;
        let id = map.get("id").and_then(|mut it| it.number());
        Some(Packed { packing, kind, namespace, id, data: map.get("data") })
    }
}

impl SocketIo {
    /// Creates a decoder; `from_start` means that no message precedes the next one.
    pub(super) fn new(from_start: bool) -> Self {
        let pending = || if from_start { Pending::None } else { Pending::Unknown };
        SocketIo {
            pending: Pair::from_fn(|_| pending()),
            packing: None,
            is_carried: from_start,
            is_spoken: false,
        }
    }

    pub(super) fn lost(&mut self, from: Side) {
        self.pending[from] = Pending::Unknown;
    }

    /// Notes that Engine.IO is certain: messages that are not Socket.IO packets may belong to the application.
    pub(super) fn set_carried(&mut self) {
        self.is_carried = true;
    }

    /// Emits an Engine.IO message that is not a Socket.IO packet.
    fn bare(&self, format: Format, data: &[u8], length: u64, out: &mut Out<'_>) {
        if !self.is_carried {
            out.contradiction();
        }
        out.unit("engine.io", "message").body_of(format, data, length);
    }

    /// Processes what follows the type of an Engine.IO `message`.
    pub(super) fn text(&mut self, input: &Input<'_>, packet: &[u8], out: &mut Out<'_>) {
        let pending = std::mem::take(&mut self.pending[input.from]);
        if let Pending::Some { all, left, .. } = pending {
            out.anomaly(Anomaly::SocketIoAttachments { expected: u64::from(all), missing: u64::from(left) });
        }
        let head = match packet.first() {
            Some(b'{') => Head::of_object(packet, input.is_whole()),
            _ => Head::parse(packet).filter(|_| !input.is_whole() || is_packet(packet)),
        };
        match head {
            Some(head) => {
                self.is_spoken = true;
                let name = say(&head, input, out);
                if head.attachments > 0 {
                    let all = head.attachments.min(MAX_ATTACHMENTS);
                    let name = name.map(|it| it.chars().take(MAX_NAME).collect());
                    let id = head.id.map(Into::into);
                    self.pending[input.from] = Pending::Some { name, id, all, left: all };
                }
            }
            None if input.is_whole() => self.bare(Format::Text, packet, packet.len() as u64, out),
            None => {
                self.pending[input.from] = Pending::Unknown;
                out.unit(NAME, "packet").incomplete();
            }
        }
    }

    /// Processes a binary `message` whose first byte may be the packet's type or part of the data.
    pub(super) fn unsure(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if is_packed_packet(input.head().get(1..).unwrap_or_default()) {
            // Nothing else in a packet begins like this.
            let data = input.head().get(1..).unwrap_or_default();
            return self.binary(input, data, out);
        }
        self.attachment(input, None, out);
    }

    /// Processes the data of a binary Engine.IO message.
    pub(super) fn binary(&mut self, input: &Input<'_>, data: &[u8], out: &mut Out<'_>) {
        match &self.pending[input.from] {
            Pending::Some { .. } => self.attachment(input, Some(data), out),
            _ if self.packing.is_some() || is_packed_packet(data) => match Packed::parse(data) {
                Some(packet) => {
                    (self.packing, self.pending) = (Some(packet.packing), Pair::default());
                    packed(&packet, input, out);
                }
                // Where the members of a map are depends on its end: without it, nothing is certain.
                None if !input.is_whole() => {
                    out.unit(NAME, "packet").incomplete();
                }
                None => out.contradiction(),
            },
            // As long as no Socket.IO was seen, it may be an attachment or the application's own message.
            Pending::Unknown if !self.is_spoken => {
                out.unit("engine.io", "message").incomplete().body_of(Format::Binary, data, input.length);
            }
            Pending::Unknown => self.attachment(input, Some(data), out),
            Pending::None => self.bare(Format::Binary, data, input.length, out),
        }
    }

    /// Emits an attachment, linked to the event that announced it if that was seen; `data` is `None` if its start is
    /// unknown.
    fn attachment(&mut self, input: &Input<'_>, data: Option<&[u8]>, out: &mut Out<'_>) {
        let mut unit = out.unit(NAME, "attachment");
        unit.role(Role::Part);
        if let Pending::Some { name, id, all, left } = &mut self.pending[input.from] {
            unit.number("num", all.saturating_sub(*left)).number("attachments", *all);
            if let Some(name) = name {
                unit.of(name);
            }
            if let Some(id) = id {
                unit.id(id);
            }
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.pending[input.from] = Pending::None;
            }
        }
        let Some(data) = data.filter(|_| input.is_whole()) else {
            unit.incomplete();
            let data = data.unwrap_or_default();
            let header = input.head().len().saturating_sub(data.len()) as u64;
            if !data.is_empty() {
                unit.body_of(Format::Binary, data, input.length.saturating_sub(header));
            }
            return;
        };
        unit.body(Format::Binary, data);
    }
}

/// Emits a packet; returns the event's name, also for an acknowledgement.
fn say(head: &Head<'_>, input: &Input<'_>, out: &mut Out<'_>) -> Option<String> {
    let value = json::read(head.data);
    let namespace = head.name();
    let mut unit = out.unit(NAME, KINDS.get(usize::from(head.kind)).copied().unwrap_or("packet"));
    if !input.is_whole() {
        unit.incomplete();
    }
    unit.text("namespace", &namespace);
    if let Some(query) = head.query() {
        unit.text("query", &String::from_utf8_lossy(query)).secret(query);
    }
    if let Some(id) = head.id {
        unit.id(id);
    }
    if head.attachments > 0 {
        unit.number("attachments", head.attachments);
    }
    match head.kind {
        0 => connect(&mut unit, input.from, &namespace, head.data),
        4 => connect_error(&mut unit, &namespace, value),
        2 | 5 => {
            let name = value.and_then(|array| event(&mut unit, array, input));
            if let Some(id) = head.id {
                unit.ask(EVENTS, (&namespace, id));
            }
            return name;
        }
        3 | 6 => {
            if let Some(array) = value {
                unit.body(Format::JsonItems, array.items().rest());
            }
            if let Some(id) = head.id {
                unit.answer(EVENTS, (&namespace, id));
            }
            return unit.current_of().map(str::to_owned);
        }
        _ => {}
    }
    None
}

/// Sets the name and the arguments of an event; returns the name.
fn event(unit: &mut UnitBuilder<'_>, array: json::Value<'_>, input: &Input<'_>) -> Option<String> {
    let mut items = array.items();
    let name = items.next()?.scalar()?;
    let args = items.rest();
    let missing = input.length.saturating_sub(input.bytes.len() as u64);
    unit.name(&name).body_of(Format::JsonItems, args, (args.len() as u64).saturating_add(missing));
    Some(name.into_owned())
}

/// Sets up a CONNECT: a question from the client, or the server's answer, which revision 4 sends for the main namespace
/// without being asked.
fn connect(unit: &mut UnitBuilder<'_>, from: Side, namespace: &str, data: &[u8]) {
    if from == Side::Client {
        if !data.is_empty() {
            unit.json("data", data).secret(data);
        }
        return unit.ask(CONNECTS, namespace);
    }
    if let Some(sid) = json::read(data).and_then(|it| it.get("sid")?.text()) {
        unit.text("sid", &sid);
    }
    if !unit.answer(CONNECTS, namespace) {
        unit.role(Role::Event);
    }
}

fn connect_error(unit: &mut UnitBuilder<'_>, namespace: &str, value: Option<json::Value<'_>>) {
    if let Some(value) = value {
        let message = value.get("message").and_then(|it| it.text()).or_else(|| value.text());
        unit.error(&message.unwrap_or_default());
        if let Some(data) = value.get("data").filter(|it| it.whole) {
            unit.json("data", data.raw);
        }
    }
    unit.answer(CONNECTS, namespace);
}

/// Emits a packet of the MessagePack parser.
fn packed(packet: &Packed<'_>, input: &Input<'_>, out: &mut Out<'_>) {
    let kind = KINDS.get(usize::from(packet.kind)).copied().unwrap_or("packet");
    let namespace = packet.namespace;
    let mut unit = out.unit(NAME, kind);
    unit.text("namespace", namespace);
    if let Some(id) = packet.id {
        unit.id(itoa::Buffer::new().format(id));
    }
    let packing = packet.packing;
    let format = match packing {
        Packing::MessagePack => Format::MessagePack,
        Packing::Cbor => Format::Cbor,
    };
    let data = packet.data.map(|it| it.rest).unwrap_or_default();
    let whole = packet.data.and_then(|mut it| it.skip()).unwrap_or(data);
    match packet.kind {
        0 if input.from == Side::Client => {
            if packet.data.is_some_and(|mut it| matches!(it.token(), Some(Token::Map(_)))) {
                let mut text = String::new();
                if super::packed::write_json(packing, whole, 512, &mut text) {
                    unit.json("data", text.as_bytes()).secret(whole);
                }
            }
            unit.ask(CONNECTS, namespace);
        }
        0 => {
            if let Some(sid) = packet.data.and_then(|it| it.get("sid")?.text()) {
                unit.text("sid", sid);
            }
            if !unit.answer(CONNECTS, namespace) {
                unit.role(Role::Event);
            }
        }
        4 => {
            let message = packet.data.and_then(|it| it.get("message")?.text());
            unit.error(message.unwrap_or_default());
            unit.answer(CONNECTS, namespace);
        }
        2 | 5 => {
            let mut items = Cursor::new(packing, whole);
            if items.array().is_some()
                && let Some(name) = items.text()
            {
                unit.name(name);
            }
            unit.body(format, whole);
            if let Some(id) = packet.id {
                unit.ask(EVENTS, (namespace, itoa::Buffer::new().format(id)));
            }
        }
        3 | 6 => {
            unit.body(format, whole);
            if let Some(id) = packet.id {
                unit.answer(EVENTS, (namespace, itoa::Buffer::new().format(id)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;

    #[test]
    fn heads_as_the_protocol_has_them() {
        let head = |packet: &'static str| {
            let head = Head::parse(packet.as_bytes()).unwrap();
            (head.kind, head.attachments, head.name(), head.id, std::str::from_utf8(head.data).unwrap())
        };
        assert_eq!(head(r#"2["a"]"#), (2, 0, "/".into(), None, r#"["a"]"#));
        assert_eq!(head(r#"2/admin,13["a",1]"#), (2, 0, "/admin".into(), Some("13"), r#"["a",1]"#));
        assert_eq!(head(r#"53-/admin,["a"]"#), (5, 3, "/admin".into(), None, r#"["a"]"#));
        assert_eq!(head("0/news?lang=en,"), (0, 0, "/news".into(), None, ""));
        assert_eq!(head("1/admin,"), (1, 0, "/admin".into(), None, ""));
        assert_eq!(Head::parse(b"7"), None);
        assert_eq!(Head::parse(b"5["), None, "no number of attachments");
        assert_eq!(Head::parse(b"212").unwrap().id, None, "the digits may continue");
    }

    #[test]
    fn other_parsers_say_the_same() {
        let target = Some("/socket.io/?EIO=4&transport=websocket".into());
        let mut reader = Reader::new(Opening { target, ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, br#"4{"type":2,"data":["hi",1],"nsp":"/a","id":0}"#),
            (Side::Server, br#"4{"type":3,"data":[true],"nsp":"/a","id":0}"#),
            // {"type":2,"data":["hi",1],"nsp":"/a","id":1}, with the map encoded like cbor-x does
            (Side::Client, b"\xb9\0\x04dtype\x02ddata\x82bhi\x01cnsp\x62/abid\x01"),
        ];
        let lines = [
            "socket.io EVENT name=hi id=0 role=question namespace=/a body=1",
            "socket.io ACK id=0 role=answer of=hi latency=1 namespace=/a body=true",
            "socket.io EVENT name=hi id=1 role=question namespace=/a body=\u{fffd}bhi\u{1}",
        ];
        assert_eq!(said(&mut reader, messages), lines);
    }

    #[test]
    fn engine_io_carries_anything() {
        let target = Some("/engine.io/?EIO=3&transport=websocket".into());
        let mut reader = Reader::new(Opening { target, ..Opening::default() });
        assert_eq!(
            said(&mut reader, &[(Side::Client, &b"4hello"[..]); 6]),
            ["engine.io message body=hello"; 6]
        );
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, b"40/a?token=x,"),
            (Side::Client, b"451-/a,[\"f\",1]"),
            (Side::Client, b"b4AQID"),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                "socket.io CONNECT role=question namespace=/a query=(token=x)",
                "socket.io BINARY_EVENT name=f namespace=/a attachments=1 body=1",
                "socket.io attachment role=part of=f num=0 attachments=1 body=\u{1}\u{2}\u{3}",
            ]
        );
    }
}
