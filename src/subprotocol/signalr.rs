//! ASP.NET Core SignalR's hub protocol (its Hub Protocol specification), as JSON or, as in Blazor, MessagePack.
//!
//! A message contains one or several hub messages: JSON texts, each of which ends in a record separator, or
//! length-prefixed arrays. The handshake is JSON in both encodings.

use std::time::Duration;

use crate::model::{Anomaly, At, Pair, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape};
use super::packed::{Cursor, Packing};
use super::protobuf::varint;
use super::protocol::{Evidence, Opening, Protocol};
use super::token::Token;
use super::unit::Format;

pub(super) static SIGNALR: Protocol =
    Protocol { sign, ..Protocol::new(NAME, |opening| Box::new(SignalR::new(opening))) };

const NAME: &str = "signalr";

/// Terminates each JSON text.
const SEPARATOR: u8 = 0x1e;

/// The scopes of questions: hub methods, the handshake, and streams sent by the asking side itself.
const CALLS: u64 = 1;
const HANDSHAKE: u64 = 2;
const STREAMS: u64 = 3;

/// The types of hub messages, by number.
const KINDS: [&str; 10] = [
    "HandshakeRequest",
    "Invocation",
    "StreamItem",
    "Completion",
    "StreamInvocation",
    "CancelInvocation",
    "Ping",
    "Close",
    "Ack",
    "Sequence",
];

fn sign(input: &Input<'_>, _: &Opening) -> Evidence {
    let head = input.head();
    if head.last() == Some(&SEPARATOR) && head.first() == Some(&b'{') {
        let record = head.split(|byte| *byte == SEPARATOR).next().unwrap_or_default();
        let names = ["protocol", "version", "type"];
        let Some([protocol, version, kind]) = json::pick(record, true, names) else {
            return Evidence::Against;
        };
        return match (protocol, version, kind.and_then(|it| it.number())) {
            (Some(_), Some(_), _) if input.from == Side::Client => Evidence::Sure,
            (_, _, Some(1..=9)) => Evidence::Weak,
            _ => Evidence::Neutral,
        };
    }
    if input.is_text() || !is_chain(head) { Evidence::Against } else { Evidence::Weak }
}

/// Returns whether the bytes consist entirely of length-prefixed arrays of hub messages.
fn is_chain(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((message, behind)) = split(rest) {
        let mut cursor = Cursor::new(Packing::MessagePack, message);
        let counted = cursor.array().flatten().is_some_and(|items| (1..=7).contains(&items));
        let kind = cursor.number().is_some_and(|kind| (1..=9).contains(&kind));
        let whole =
            Cursor::new(Packing::MessagePack, message).skip().is_some_and(|it| it.len() == message.len());
        if !counted || !kind || !whole {
            return false;
        }
        rest = behind;
    }
    rest.is_empty() && !bytes.is_empty()
}

/// Splits off the first message according to its length prefix; returns `None` if it is incomplete.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// A decoder for SignalR.
#[derive(Debug)]
struct SignalR {
    packing: Hub,
    /// The sides whose handshake is still to come.
    handshake: Pair<bool>,
    /// When the last message of each side ended.
    last: Pair<Option<At>>,
}

/// How long a peer waits for a message by default (`ServerTimeout`, `ClientTimeoutInterval`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// The encoding of hub messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hub {
    Unknown,
    Json,
    MessagePack,
}

impl SignalR {
    fn new(opening: &Opening) -> Self {
        let begins = opening.target.is_some();
        SignalR {
            packing: Hub::Unknown,
            handshake: Pair { client: begins, server: begins },
            last: Pair::default(),
        }
    }

    /// Splits the handshake off the start of a message, if it is due there.
    fn handshake<'a>(&mut self, input: &Input<'_>, head: &'a [u8], out: &mut Out<'_>) -> &'a [u8] {
        if !std::mem::replace(&mut self.handshake[input.from], false) {
            return head;
        }
        let Some(end) = memchr::memchr(SEPARATOR, head) else { return head };
        let (record, rest) = head.split_at_checked(end).unwrap_or_default();
        let names = ["protocol", "version", "error", "type"];
        let Some([protocol, version, error, None]) = json::pick(record, true, names) else { return head };
        if input.from == Side::Client {
            let Some(name) = protocol.and_then(|it| it.text()) else { return head };
            self.packing = if name == "json" { Hub::Json } else { Hub::MessagePack };
            let mut unit = out.unit(NAME, "HandshakeRequest");
            unit.text("hubProtocol", &name);
            if let Some(version) = version.and_then(|it| it.number()) {
                unit.number("version", version);
            }
            unit.ask(HANDSHAKE, 0);
        } else {
            let mut unit = out.unit(NAME, "HandshakeResponse");
            if let Some(error) = error.and_then(|it| it.text()) {
                unit.error(&error);
            }
            unit.answer(HANDSHAKE, 0);
        }
        rest.get(1..).unwrap_or_default()
    }

    fn json(mut rest: &[u8], whole: bool, out: &mut Out<'_>) {
        while !rest.is_empty() {
            let end = memchr::memchr(SEPARATOR, rest);
            let (record, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
            rest = behind.get(1..).unwrap_or_default();
            if end.is_none() && whole {
                out.anomaly(Anomaly::SignalRRecord {});
            }
            json_record(record, end.is_some() || whole, out);
        }
    }

    fn packed(mut rest: &[u8], whole: bool, out: &mut Out<'_>) {
        while !rest.is_empty() {
            let Some((message, behind)) = split(rest) else {
                if whole {
                    out.contradiction();
                    out.anomaly(Anomaly::SignalRRecord {});
                } else {
                    out.unit(NAME, "message").incomplete();
                }
                return;
            };
            packed_message(message, out);
            rest = behind;
        }
    }
}

impl Decoder for SignalR {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if let Some(last) = self.last[input.from].replace(input.at) {
            let silent = input.first.time.since(last.time);
            if silent > TIMEOUT {
                let silent = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
                out.anomaly(Anomaly::SignalRSilence { silent });
            }
        }
        let rest = self.handshake(input, input.head(), out);
        let json = match self.packing {
            Hub::Json => true,
            Hub::MessagePack => false,
            Hub::Unknown => input.is_text(),
        };
        if json {
            Self::json(rest, input.is_whole(), out);
        } else {
            Self::packed(rest, input.is_whole(), out);
        }
    }

    fn lost(&mut self, from: Side) {
        self.handshake[from] = false;
        self.last[from] = None;
    }
}

/// The content of a hub message in any encoding.
#[derive(Debug, Default)]
struct HubMessage<'a> {
    kind: u64,
    id: Option<&'a str>,
    target: Option<&'a str>,
    error: Option<&'a str>,
    streams: Vec<&'a str>,
    reconnect: Option<bool>,
    sequence: Option<u64>,
    body: Option<(Format, &'a [u8])>,
    incomplete: bool,
}

/// Bounds the number of streams of one invocation that are tracked.
const MAX_STREAMS: usize = 16;

impl HubMessage<'_> {
    fn say(&self, out: &mut Out<'_>) {
        let kind = usize::try_from(self.kind).ok().and_then(|it| KINDS.get(it)).filter(|_| self.kind > 0);
        let Some(kind) = kind else { return out.contradiction() };
        let from_asker = self.id.is_some_and(|id| out.is_asked(CALLS, id));
        let mut unit = out.unit(NAME, kind);
        if self.incomplete {
            unit.incomplete();
        }
        if let Some(target) = self.target {
            unit.name(target);
        }
        if let Some(error) = self.error {
            unit.error(error);
        }
        if let Some(reconnect) = self.reconnect {
            unit.flag("allowReconnect", reconnect);
        }
        if let Some(sequence) = self.sequence {
            unit.number("sequenceId", sequence);
        }
        for stream in self.streams.iter().take(MAX_STREAMS) {
            unit.text("streamIds", stream).listed();
        }
        if let Some((format, bytes)) = self.body {
            unit.body(format, bytes);
        }
        if self.kind == 6 {
            unit.heartbeat();
        }
        self.pair(&mut unit, from_asker);
    }

    /// Pairs the unit with its counterpart; `from_asker` means that the receiver asked with this ID.
    fn pair(&self, unit: &mut UnitBuilder<'_>, from_asker: bool) {
        for stream in self.streams.iter().take(MAX_STREAMS) {
            unit.may_ask(STREAMS, *stream);
        }
        let Some(id) = self.id else {
            unit.role(super::unit::Role::Event);
            return;
        };
        unit.id(id);
        match self.kind {
            1 | 4 => unit.ask(CALLS, id),
            2 if from_asker => {
                unit.progress(CALLS, id);
            }
            3 if from_asker => {
                unit.answer(CALLS, id);
            }
            // An item or the end of a stream that was announced by the sender itself.
            2 => unit.continues(STREAMS, id),
            3 => unit.cancel(STREAMS, id),
            5 => unit.continues(CALLS, id),
            _ => {}
        }
        if matches!(self.kind, 1 | 4) {
            unit.role(super::unit::Role::Question);
        }
    }
}

fn json_record(record: &[u8], whole: bool, out: &mut Out<'_>) {
    let names = [
        "type",
        "target",
        "invocationId",
        "arguments",
        "item",
        "result",
        "error",
        "streamIds",
        "allowReconnect",
        "sequenceId",
    ];
    let Some(found) = json::pick(record, whole, names) else { return out.contradiction() };
    let [kind, target, id, arguments, item, result, error, streams, reconnect, sequence] = found;
    let Some(kind) = kind.and_then(|it| it.number()) else {
        if whole {
            out.contradiction();
        } else {
            out.unit(NAME, "message").incomplete();
        }
        return;
    };
    let text =
        |value: Option<json::Value<'_>>| value.and_then(|it| it.text().map(std::borrow::Cow::into_owned));
    let (target, id, error) = (text(target), text(id), text(error));
    let streams: Vec<String> = streams
        .iter()
        .flat_map(json::Value::items)
        .take(MAX_STREAMS)
        .filter_map(|it| it.text().map(std::borrow::Cow::into_owned))
        .collect();
    let body = arguments.or(item).or(result).filter(|it| it.whole);
    HubMessage {
        kind,
        id: id.as_deref(),
        target: target.as_deref(),
        error: error.as_deref(),
        streams: streams.iter().map(String::as_str).collect(),
        reconnect: reconnect.map(|it| it.shape == Shape::True),
        sequence: sequence.and_then(|it| it.number()),
        body: body.map(|it| (Format::Json, it.raw)),
        incomplete: !whole,
    }
    .say(out);
}

/// Parses an array: usually `[type, headers, invocationId, …]`.
fn packed_message(message: &[u8], out: &mut Out<'_>) {
    let mut cursor = Cursor::new(Packing::MessagePack, message);
    let (Some(_), Some(kind)) = (cursor.array(), cursor.number()) else { return out.contradiction() };
    let mut said = HubMessage { kind, ..HubMessage::default() };
    if read_packed(&mut said, &mut cursor).is_none() {
        said.incomplete = true;
    }
    said.say(out);
}

fn read_packed<'a>(said: &mut HubMessage<'a>, cursor: &mut Cursor<'a>) -> Option<()> {
    let text_or_nil = |cursor: &mut Cursor<'a>| match cursor.token()? {
        Token::Text(bytes) => Some(std::str::from_utf8(bytes).ok()),
        Token::Nil => Some(None),
        _ => None,
    };
    match said.kind {
        1..=5 => {
            cursor.skip()?;
            said.id = text_or_nil(cursor)?;
        }
        7 => {
            said.error = text_or_nil(cursor)?;
            if let Some(Token::Flag(reconnect)) = cursor.token() {
                said.reconnect = Some(reconnect);
            }
            return Some(());
        }
        8 | 9 => said.sequence = Some(cursor.number()?),
        _ => {}
    }
    match said.kind {
        1 | 4 => {
            said.target = text_or_nil(cursor)?;
            said.body = Some((Format::MessagePack, cursor.skip()?));
            if let Some(Some(streams)) = cursor.array() {
                for _ in 0..streams.min(MAX_STREAMS as u64) {
                    said.streams.push(cursor.text()?);
                }
            }
        }
        2 => said.body = Some((Format::MessagePack, cursor.skip()?)),
        3 => match cursor.number()? {
            1 => said.error = Some(text_or_nil(cursor)?.unwrap_or_default()),
            3 => said.body = Some((Format::MessagePack, cursor.skip()?)),
            _ => {}
        },
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;
    use Side::{Client, Server};

    fn reader() -> Reader {
        Reader::new(Opening { target: Some("/chatHub?id=t".into()), ..Opening::default() })
    }

    #[test]
    fn json_of_the_specification() {
        let messages: &[(Side, &[u8])] = &[
            (Client, b"{\"protocol\":\"json\",\"version\":1}\x1e"),
            (Server, b"{}\x1e{\"type\":6}\x1e"),
            (Client, b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"Add\",\"arguments\":[2,3]}\x1e"),
            (Server, b"{\"type\":3,\"invocationId\":\"1\",\"error\":\"no\"}\x1e"),
            (Client, b"{\"type\":4,\"invocationId\":\"2\",\"target\":\"Count\",\"arguments\":[]}\x1e"),
            (
                Server,
                b"{\"type\":2,\"invocationId\":\"2\",\"item\":0}\x1e{\"type\":3,\"invocationId\":\"2\"}\x1e",
            ),
            (Client, b"{\"type\":1,\"target\":\"Up\",\"arguments\":[],\"streamIds\":[\"9\"]}\x1e"),
            (Client, b"{\"type\":2,\"invocationId\":\"9\",\"item\":\"a\"}\x1e"),
            (Client, b"{\"type\":3,\"invocationId\":\"9\"}\x1e"),
            (Server, b"{\"type\":7,\"error\":\"bye\",\"allowReconnect\":true}"),
        ];
        assert_eq!(
            said(&mut reader(), messages),
            [
                "signalr HandshakeRequest role=question hubProtocol=json version=1",
                "signalr HandshakeResponse role=answer latency=1",
                "signalr Ping heartbeat=",
                "signalr Invocation name=Add id=1 role=question body=[2,3]",
                "signalr Completion id=1 role=answer of=Add latency=1 error=no",
                "signalr StreamInvocation name=Count id=2 role=question body=[]",
                "signalr StreamItem id=2 role=progress of=Count latency=1 body=0",
                "signalr Completion id=2 role=answer of=Count latency=1",
                "signalr Invocation name=Up streamIds=9 body=[]",
                "signalr StreamItem id=9 of=Up body=\"a\"",
                "signalr Completion id=9 of=Up",
                "signalr Close error=bye allowReconnect=true",
                "! signalr-record",
            ]
        );
    }

    #[test]
    fn messagepack_also_without_its_handshake() {
        let call = b"\x0c\x95\x01\x80\xa1\x30\xa3Add\x92\x02\x03";
        let mut it = Reader::new(Opening::default());
        let item = b"\x06\x94\x02\x80\xa13\x00\x06\x94\x02\x80\xa13\x01";
        let messages: &[(Side, &[u8])] = &[
            (Client, call),
            (Server, b"\x07\x95\x03\x80\xa1\x30\x03\x05"),
            (Server, item),
            (Server, b"\x02\x91\x06"),
        ];
        assert_eq!(
            said(&mut it, messages),
            [
                "signalr StreamItem id=3 body=\0",
                "signalr StreamItem id=3 body=\x01",
                "signalr Invocation name=Add id=0 role=question body=\u{fffd}\u{2}\u{3}",
                "signalr Completion id=0 role=answer of=Add latency=1 body=\u{5}",
                "signalr Ping heartbeat="
            ]
        );
        let mut it = reader();
        let messages: &[(Side, &[u8])] = &[
            (Client, b"{\"protocol\":\"messagepack\",\"version\":1}\x1e"),
            (Server, b"{}\x1e"),
            (Client, call),
            (Server, b"\x0a\x95\x03\x80\xa1\x30\x01\xa3bad"),
        ];
        assert_eq!(
            said(&mut it, messages)[2..],
            [
                "signalr Invocation name=Add id=0 role=question body=\u{fffd}\u{2}\u{3}",
                "signalr Completion id=0 role=answer of=Add latency=1 error=bad",
            ]
        );
    }
}
