//! Socket.IO 2 to 5, that is revisions 4 and 5 of its protocol, as it lies in Engine.IO's messages.
//!
//! A packet is `<type>[<attachments>-][<namespace>,][<id>][<JSON>]`; the attachments follow as binary messages of
//! their own. The MessagePack parser sends each packet as one binary message instead.

use crate::model::{Anomaly, Pair, Side};

use super::decoder::{Out, Unit};
use super::input::Input;
use super::json;
use super::packed::{Cursor, Packing, Token};
use super::unit::{Format, Role};

const NAME: &str = "socket.io";

/// Bounds how many attachments of one packet are waited for.
const MAX_ATTACHMENTS: u32 = 1024;

/// Bounds what is kept of the name of an event whose attachments follow.
const MAX_NAME: usize = 128;

/// The kinds of questions, which count their ids apart.
const CONNECTS: u64 = 2;
const EVENTS: u64 = 3;

const KINDS: [&str; 7] =
    ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];

/// A decoder of Socket.IO's packets.
#[derive(Debug)]
pub(super) struct SocketIo {
    pending: Pair<Pending>,
    /// Packets come as MessagePack.
    packed: bool,
}

/// The attachments that follow on one side.
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
    /// Frames were lost: binary messages may be attachments of a packet that nobody saw.
    Unknown,
}

/// A packet's head.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    kind: u8,
    attachments: u32,
    namespace: &'a [u8],
    id: Option<&'a str>,
    data: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads a packet's head; `None` where none begins so or it is cut off.
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

    /// Returns the namespace without the query that revision 4's clients add to it.
    fn name(&self) -> String {
        let end = memchr::memchr(b'?', self.namespace).unwrap_or(self.namespace.len());
        String::from_utf8_lossy(self.namespace.get(..end).unwrap_or_default()).into_owned()
    }
}

fn digits(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (std::str::from_utf8(digits).unwrap_or_default(), rest)
}

/// Tells whether bytes look like a packet: its head and, for an event, an array that begins with a name.
pub(super) fn is_packet(bytes: &[u8]) -> bool {
    let Some(head) = Head::parse(bytes) else { return false };
    match head.kind {
        0 | 1 | 4 => head.data.is_empty() || matches!(head.data.first(), Some(b'{' | b'"')),
        3 | 6 => head.id.is_some() && head.data.first() == Some(&b'['),
        _ => head.data.starts_with(b"[\""),
    }
}

/// Tells whether bytes are a packet of the MessagePack parser: a map with `type` and `nsp`.
pub(super) fn is_packed_packet(bytes: &[u8]) -> bool {
    Packed::parse(bytes).is_some()
}

/// A packet of the MessagePack parser.
#[derive(Debug)]
struct Packed<'a> {
    kind: u8,
    namespace: &'a str,
    id: Option<u64>,
    data: Option<Cursor<'a>>,
}

impl<'a> Packed<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        if !matches!(bytes.first(), Some(0x82..=0x86)) {
            return None;
        }
        let map = Cursor::new(Packing::MessagePack, bytes);
        let kind = u8::try_from(map.get("type")?.number()?).ok().filter(|kind| *kind <= 6)?;
        let namespace = map.get("nsp")?.text()?;
        let id = map.get("id").and_then(|mut it| it.number());
        Some(Packed { kind, namespace, id, data: map.get("data") })
    }
}

impl SocketIo {
    /// Makes a decoder; `from_start` says that no message was sent before those that come.
    pub(super) fn new(from_start: bool) -> Self {
        let pending = || if from_start { Pending::None } else { Pending::Unknown };
        SocketIo { pending: Pair::from_fn(|_| pending()), packed: false }
    }

    pub(super) fn lost(&mut self, from: Side) {
        self.pending[from] = Pending::Unknown;
    }

    /// Takes what follows the type of an Engine.IO `message`.
    pub(super) fn text(&mut self, input: &Input<'_>, packet: &[u8], out: &mut Out<'_>) {
        let pending = std::mem::take(&mut self.pending[input.from]);
        if let Pending::Some { all, left, .. } = pending {
            out.anomaly(Anomaly::SocketIoAttachments { expected: u64::from(all), missing: u64::from(left) });
        }
        let Some(head) = Head::parse(packet).filter(|_| !input.is_whole() || is_packet(packet)) else {
            if input.is_whole() {
                out.contradiction();
                out.unit("engine.io", "message").body(Format::Text, packet);
            } else {
                self.pending[input.from] = Pending::Unknown;
                out.unit(NAME, "packet").incomplete();
            }
            return;
        };
        let value = json::read(head.data);
        let kind = KINDS.get(usize::from(head.kind)).copied().unwrap_or("packet");
        let namespace = head.name();
        let mut unit = out.unit(NAME, kind);
        if !input.is_whole() {
            unit.incomplete();
        }
        unit.text("namespace", &namespace);
        if let Some(id) = head.id {
            unit.id(id);
        }
        if head.attachments > 0 {
            unit.number("attachments", head.attachments);
        }
        let mut name = None;
        match head.kind {
            0 => connect(&mut unit, input.from, &namespace, head.data),
            4 => connect_error(&mut unit, &namespace, value),
            2 | 5 => {
                if let Some(array) = value {
                    let mut items = array.items();
                    name = items.next().and_then(|it| it.scalar());
                    if let Some(name) = &name {
                        unit.name(name);
                        let args = items.rest();
                        let missing = input.length.saturating_sub(input.bytes.len() as u64);
                        unit.body_of(Format::JsonItems, args, (args.len() as u64).saturating_add(missing));
                    }
                }
                if let Some(id) = head.id {
                    unit.ask(EVENTS, (&namespace, id));
                }
            }
            3 | 6 => {
                if let Some(array) = value {
                    unit.body(Format::JsonItems, array.items().rest());
                }
                if let Some(id) = head.id {
                    unit.answer(EVENTS, (&namespace, id));
                }
                name = unit.current_of().map(|it| it.to_owned().into());
            }
            _ => {}
        }
        if head.attachments > 0 {
            let all = head.attachments.min(MAX_ATTACHMENTS);
            let name = name.map(|it| it.chars().take(MAX_NAME).collect());
            let id = head.id.map(Into::into);
            self.pending[input.from] = Pending::Some { name, id, all, left: all };
        }
    }

    /// Takes the data of a binary Engine.IO message.
    pub(super) fn binary(&mut self, input: &Input<'_>, data: &[u8], out: &mut Out<'_>) {
        let pending = &mut self.pending[input.from];
        match pending {
            Pending::Some { name, id, all, left } => {
                let index = all.saturating_sub(*left);
                *left = left.saturating_sub(1);
                let mut unit = out.unit(NAME, "attachment");
                unit.role(Role::Part).number("num", index).number("attachments", *all);
                attachment(&mut unit, input, data);
                if let Some(name) = name {
                    unit.of(name);
                }
                if let Some(id) = id {
                    unit.id(id);
                }
                if *left == 0 {
                    *pending = Pending::None;
                }
            }
            _ if self.packed || is_packed_packet(data) => match Packed::parse(data) {
                Some(packet) => {
                    (self.packed, self.pending) = (true, Pair::default());
                    packed(&packet, input, out);
                }
                // A map's end tells where its members are: without it nothing is certain.
                None if !input.is_whole() => {
                    out.unit(NAME, "packet").incomplete();
                }
                None => out.contradiction(),
            },
            Pending::Unknown => {
                let mut unit = out.unit(NAME, "attachment");
                unit.role(Role::Part);
                attachment(&mut unit, input, data);
            }
            Pending::None => {
                out.contradiction();
                out.unit("engine.io", "message").body_of(Format::Binary, data, input.length);
            }
        }
    }
}

fn attachment(unit: &mut Unit<'_>, input: &Input<'_>, data: &[u8]) {
    if !input.is_whole() {
        unit.incomplete();
    }
    let header = input.head().len().saturating_sub(data.len()) as u64;
    unit.body_of(Format::Binary, data, input.length.saturating_sub(header));
}

/// Says a CONNECT: the client's asks, the server's grants and, in revision 4, comes unasked for the main namespace.
fn connect(unit: &mut Unit<'_>, from: Side, namespace: &str, data: &[u8]) {
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

fn connect_error(unit: &mut Unit<'_>, namespace: &str, value: Option<json::Value<'_>>) {
    if let Some(value) = value {
        let message = value.get("message").and_then(|it| it.text()).or_else(|| value.text());
        unit.error(&message.unwrap_or_default());
        if let Some(data) = value.get("data").filter(|it| it.whole) {
            unit.json("data", data.raw);
        }
    }
    unit.answer(CONNECTS, namespace);
}

/// Says a packet of the MessagePack parser.
fn packed(packet: &Packed<'_>, input: &Input<'_>, out: &mut Out<'_>) {
    let kind = KINDS.get(usize::from(packet.kind)).copied().unwrap_or("packet");
    let namespace = packet.namespace;
    let mut unit = out.unit(NAME, kind);
    unit.text("namespace", namespace);
    if let Some(id) = packet.id {
        unit.id(itoa::Buffer::new().format(id));
    }
    let data = packet.data.map(|it| it.rest).unwrap_or_default();
    let whole = packet.data.and_then(|mut it| it.skip()).unwrap_or(data);
    match packet.kind {
        0 if input.from == Side::Client => {
            if packet.data.is_some_and(|mut it| matches!(it.token(), Some(Token::Map(_)))) {
                let mut text = String::new();
                if super::packed::write_json(Packing::MessagePack, whole, 512, &mut text) {
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
            let mut items = Cursor::new(Packing::MessagePack, whole);
            if items.array().is_some()
                && let Some(name) = items.text()
            {
                unit.name(name);
            }
            unit.body(Format::MessagePack, whole);
            if let Some(id) = packet.id {
                unit.ask(EVENTS, (namespace, itoa::Buffer::new().format(id)));
            }
        }
        3 | 6 => {
            unit.body(Format::MessagePack, whole);
            if let Some(id) = packet.id {
                unit.answer(EVENTS, (namespace, itoa::Buffer::new().format(id)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(Head::parse(b"212").unwrap().id, None, "the digits may go on");
    }
}
