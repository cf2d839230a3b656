//! The NDJSON promise as types: what a line holds, in what order, and what is left out.
//!
//! These types are apart from the analyzer's own, so that those may change and the lines do not.
//! `docs/ndjson.schema.json` is generated from them. Lines that are written often go through `line`
//! instead, by hand; these types are its oracle.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::community_id;
use crate::event::{self, Event, Evidence, Kind};
use crate::http;
use crate::model::{self, DeflateSide, Pair, Timestamp};
use crate::view::{Rfc3339, close_code_name, write_json};

/// The version of the promise, told in every `open` line.
pub const VERSION: u32 = 1;

/// Is one line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Record<'a> {
    /// A conversation began, its upgrade was refused, or one without a captured handshake was found.
    Open(Open<'a>),
    /// One frame (with `--frames`), control frames and those after a broken rule included.
    Frame(Frame),
    /// One message or control frame, its fragments joined.
    Message(Message<'a>),
    /// Something was wrong.
    Anomaly(Anomaly<'a>),
    /// A conversation ended.
    Close(Close<'a>),
}

impl<'a> Record<'a> {
    /// Returns the line that tells `event`.
    pub fn of(event: &Event<'a>) -> Self {
        match event.kind {
            Kind::Opened(opened) => Record::Open(Open::new(event, opened)),
            Kind::Frame(frame) => Record::Frame(Frame::new(event, frame)),
            Kind::Message(message) => Record::Message(Message::new(event, &message)),
            Kind::Anomaly { from, anomaly } => Record::Anomaly(Anomaly::new(event, from, anomaly)),
            Kind::Closed(closed) => Record::Close(Close::new(event, closed)),
        }
    }

    /// Appends the line, without a line feed.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(self, out);
    }
}

/// Is an `open` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Open<'a> {
    /// The version of this format: 1.
    #[schemars(extend("const" = VERSION))]
    pub v: u32,
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection: the number of its first packet in the capture.
    pub conn: u64,
    /// The packet that made it known, from 1.
    pub packet: u64,
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The connection's Community ID, version 1, seed 0.
    pub community_id: String,
    /// Always `null`, and there only where the handshake was not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<()>,
    /// What was asked for, put together from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// The upgrade request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request<'a>>,
    /// Its answer; a status other than 101 is a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response<'a>>,
    /// How the server answered the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept<'a>>,
    /// The sub-protocol that the server chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<&'a str>,
    /// What was agreed for permessage-deflate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflate: Option<Deflate>,
}

impl<'a> Open<'a> {
    fn new(event: &Event<'a>, opened: &'a event::Opened) -> Self {
        let handshake = opened.handshake.as_deref();
        Open {
            v: VERSION,
            time: Time(event.at.time),
            conn: number(event.conn),
            packet: event.at.packet,
            client: Endpoint::new(opened.client),
            server: Endpoint::new(opened.server),
            community_id: community_id(opened.client, opened.server),
            handshake: handshake.is_none().then_some(()),
            url: handshake.and_then(|it| it.url.as_deref()),
            request: handshake.and_then(|it| it.request.as_ref()).map(Request::new),
            response: handshake.and_then(|it| it.response.as_ref()).map(Response::new),
            accept: handshake.and_then(|it| it.accept.as_ref()).map(Accept::new),
            subprotocol: handshake.and_then(|it| it.subprotocol.as_deref()),
            deflate: handshake.and_then(|it| it.deflate).map(Deflate::new),
        }
    }
}

/// Returns a connection's number; what belongs to a conversation always has one.
pub(super) fn number(conn: Option<event::ConnId>) -> u64 {
    conn.map_or(0, |conn| conn.0.get())
}

/// Is one end of the TCP connection.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Endpoint {
    /// The IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    fn new(end: model::Endpoint) -> Self {
        Endpoint { ip: end.ip, port: end.port }
    }
}

/// Is the upgrade request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The target as sent.
    pub target: &'a str,
    /// The HTTP version's number.
    pub version: &'a str,
    /// Name and value of every field, in order and as sent.
    pub headers: Vec<[&'a str; 2]>,
}

impl<'a> Request<'a> {
    fn new(request: &'a http::Request) -> Self {
        let http::Request { method, target, version, headers } = request;
        Request { method, target, version, headers: fields(headers) }
    }
}

/// Is the answer to the upgrade request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: &'a str,
    /// Name and value of every field, in order and as sent.
    pub headers: Vec<[&'a str; 2]>,
}

impl<'a> Response<'a> {
    fn new(response: &'a http::Response) -> Self {
        let http::Response { version: _, status, reason, headers } = response;
        Response { status: *status, reason, headers: fields(headers) }
    }
}

fn fields(headers: &[http::Field]) -> Vec<[&str; 2]> {
    headers.iter().map(|field| [&*field.name, &*field.value]).collect()
}

/// Tells how the server answered the key (RFC 6455 §4.2.2).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accept<'a> {
    /// `Sec-WebSocket-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// `Sec-WebSocket-Accept`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'a str>,
    /// What the key demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// Found is what was expected; left out where the key was not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
}

impl<'a> Accept<'a> {
    fn new(accept: &'a http::Accept) -> Self {
        let http::Accept { key, found, expected, valid } = accept;
        // Without the request, nobody can tell.
        let valid = (key.is_some() || expected.is_some()).then_some(*valid);
        Accept { key: key.as_deref(), found: found.as_deref(), expected: expected.as_deref(), valid }
    }
}

/// Holds what was agreed for permessage-deflate (RFC 7692 §7.1).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deflate {
    /// The client begins each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server begins each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The base-2 logarithm of the client's window.
    #[schemars(range(min = 8, max = 15))]
    pub client_max_window_bits: u8,
    /// The base-2 logarithm of the server's window.
    #[schemars(range(min = 8, max = 15))]
    pub server_max_window_bits: u8,
}

impl Deflate {
    fn new(deflate: Pair<DeflateSide>) -> Self {
        Deflate {
            client_no_context_takeover: deflate.client.no_context_takeover,
            server_no_context_takeover: deflate.server.no_context_takeover,
            client_max_window_bits: deflate.client.max_window_bits,
            server_max_window_bits: deflate.server.max_window_bits,
        }
    }
}

/// Is a `frame` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Frame {
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The packet that held the last byte of the header.
    pub packet: u64,
    /// Who sent it.
    pub from: Side,
    /// The FIN bit.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as one number; RSV1 is 4.
    #[schemars(range(max = 7))]
    pub rsv: u8,
    /// The opcode's name.
    #[schemars(with = "OpcodeName")]
    pub opcode: &'static str,
    /// The mask bit.
    pub masked: bool,
    /// The masking key in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// The payload length that the header declares.
    pub length: u64,
    /// How many bytes the header itself has.
    #[schemars(range(min = 2, max = 14))]
    pub header_length: u8,
    /// The frame's place in the WebSocket bytes of its side.
    pub offset: u64,
}

impl Frame {
    fn new(event: &Event<'_>, frame: event::Frame) -> Self {
        let header = frame.header;
        Frame {
            time: Time(event.at.time),
            conn: number(event.conn),
            packet: event.at.packet,
            from: Side::new(frame.from),
            fin: header.fin,
            rsv: header.rsv,
            opcode: header.opcode.name(),
            masked: header.mask.is_some(),
            mask: header.mask.map(|key| format!("{:08x}", u32::from_be_bytes(key))),
            length: header.length,
            header_length: header.header_length,
            offset: frame.offset,
        }
    }
}

/// Is a `message` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Message<'a> {
    /// When its last byte was captured: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The packet that held its last byte.
    pub packet: u64,
    /// Who sent it.
    pub from: Side,
    /// The opcode's name.
    #[schemars(with = "OpcodeName")]
    pub opcode: &'static str,
    /// The payload bytes it has, unmasked and inflated, whether known or not.
    pub length: u64,
    /// The known bytes, where they are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The known bytes, where they are not text or `close` does not tell all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("contentEncoding" = "base64"))]
    pub base64: Option<String>,
    /// A close frame's body, in place of `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<CloseBody<'a>>,
    /// A pong's seconds since the ping that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Seconds>,
    /// `false` where bytes of it are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub complete: Option<bool>,
    /// Offset and length of every range that is not known; a length of `null` cannot be told.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub missing: Vec<(u64, Option<u64>)>,
    /// How many bytes are shown, where a limit cut the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_to: Option<u64>,
    /// What it took on the wire.
    pub wire: Wire,
}

impl<'a> Message<'a> {
    fn new(event: &Event<'a>, message: &event::Message<'a>) -> Self {
        let text = if message.text { std::str::from_utf8(message.payload).ok() } else { None };
        let (mut text, mut base64) = (text, text.is_none().then(|| STANDARD.encode(message.payload)));
        if let Some(close) = &message.close {
            text = None;
            base64 = (!tells_all(close, message)).then(|| STANDARD.encode(message.payload));
        }
        Message {
            time: Time(event.at.time),
            conn: number(event.conn),
            packet: event.at.packet,
            from: Side::new(message.from),
            opcode: message.opcode.name(),
            length: message.length,
            text,
            base64,
            close: message.close.as_ref().map(CloseBody::new),
            rtt: message.rtt.map(Seconds),
            complete: (!message.is_complete()).then_some(false),
            missing: message.missing.iter().map(|range| (range.offset, range.length)).collect(),
            truncated_to: message.truncated_to,
            wire: Wire::new(&message.wire),
        }
    }
}

/// Tells whether a close body's code and reason are all that the payload holds.
pub(super) fn tells_all(close: &event::CloseBody<'_>, message: &event::Message<'_>) -> bool {
    match message.payload {
        [] => true,
        [high, low, reason @ ..] => {
            u16::from_be_bytes([*high, *low]) == close.code && reason == close.reason.as_bytes()
        }
        [_] => false,
    }
}

/// Is a close frame's body (RFC 6455 §5.5.1).
#[derive(Debug, Serialize, JsonSchema)]
pub struct CloseBody<'a> {
    /// The code; 1005 stands for none.
    pub code: u16,
    /// The code in words.
    pub name: &'static str,
    /// The reason, where one was given.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
}

impl<'a> CloseBody<'a> {
    fn new(close: &event::CloseBody<'a>) -> Self {
        CloseBody { code: close.code, name: close_code_name(close.code), reason: close.reason }
    }
}

/// Tells what a message took on the wire.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Wire {
    /// How many frames carried it.
    pub frames: u64,
    /// How many bytes those frames had, headers included.
    pub bytes: u64,
    /// It was sent compressed.
    pub compressed: bool,
    /// `false` where it was sent compressed and is shown as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = false))]
    pub inflated: Option<bool>,
    /// Its first frame was masked.
    pub masked: bool,
    /// The packet that held its first byte.
    pub first_packet: u64,
    /// When its first byte was captured.
    pub first_time: Time,
}

impl Wire {
    fn new(wire: &event::Wire) -> Self {
        Wire {
            frames: wire.frames,
            bytes: wire.bytes,
            compressed: wire.compressed,
            inflated: (wire.compressed && !wire.inflated).then_some(false),
            masked: wire.masked,
            first_packet: wire.first.packet,
            first_time: Time(wire.first.time),
        }
    }
}

/// Is an `anomaly` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Anomaly<'a> {
    /// When: RFC 3339, UTC, nine decimals; absent where it concerns no packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The connection; absent where it concerns the whole capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// The packet that made it known; absent where it concerns none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// Whose bytes it was about, where one side is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The stable name of what was wrong.
    pub code: &'static str,
    /// `error`: a MUST was broken; `warning`: a SHOULD, or suspicious; `note`: a limit of the capture or of ours.
    #[schemars(with = "SeverityName")]
    pub severity: &'static str,
    /// The same in a sentence.
    pub text: String,
    /// Where the rule stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<&'static str>,
    /// What was found, by names that depend on the code.
    #[schemars(with = "std::collections::BTreeMap<String, EvidenceValue<'_>>")]
    pub evidence: EvidenceMap<'a>,
}

impl<'a> Anomaly<'a> {
    fn new(event: &Event<'_>, from: Option<model::Side>, anomaly: &'a event::Anomaly) -> Self {
        let mut evidence = Vec::new();
        anomaly.evidence(|name, value| evidence.push((name, EvidenceValue::new(value))));
        let packet = event.at.packet;
        Anomaly {
            time: (packet != 0).then_some(Time(event.at.time)),
            conn: event.conn.map(|conn| conn.0.get()),
            packet: (packet != 0).then_some(packet),
            from: from.map(Side::new),
            code: anomaly.code(),
            severity: anomaly.severity().name(),
            text: anomaly.to_string(),
            spec: anomaly.spec(),
            evidence: EvidenceMap(evidence),
        }
    }
}

/// Holds an anomaly's evidence, in the order in which it is declared.
#[derive(Debug)]
pub struct EvidenceMap<'a>(pub Vec<(&'static str, EvidenceValue<'a>)>);

impl Serialize for EvidenceMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Is one piece of evidence.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EvidenceValue<'a> {
    /// A count, length, offset or code.
    Number(u64),
    /// A text, perhaps from the wire.
    Text(std::borrow::Cow<'a, str>),
}

impl<'a> EvidenceValue<'a> {
    fn new(value: Evidence<'a>) -> Self {
        match value {
            Evidence::Number(number) => EvidenceValue::Number(number),
            Evidence::Text(text) => EvidenceValue::Text(text),
        }
    }
}

/// Is a `close` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Close<'a> {
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection.
    pub conn: u64,
    /// The packet that ended it.
    pub packet: u64,
    /// The close code: 1005 for a close frame without one, 1006 for no close frame; absent where the capture ended
    /// first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The reason, where one was given.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
    /// Who sent the first close frame, or ended TCP without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Side>,
    /// Both sides sent a close frame.
    pub clean: bool,
    /// Seconds from the opening to the end.
    pub duration: Seconds,
    /// What the client sent.
    pub client_totals: Totals,
    /// What the server sent.
    pub server_totals: Totals,
}

impl<'a> Close<'a> {
    fn new(event: &Event<'_>, closed: &'a event::Closed) -> Self {
        Close {
            time: Time(event.at.time),
            conn: number(event.conn),
            packet: event.at.packet,
            code: closed.code,
            reason: &closed.reason,
            by: closed.by.map(Side::new),
            clean: closed.clean,
            duration: Seconds(closed.duration),
            client_totals: Totals::new(closed.totals.client),
            server_totals: Totals::new(closed.totals.server),
        }
    }
}

/// Adds up what one side sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Totals {
    /// Messages and control frames.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// WebSocket bytes on the wire, headers included.
    pub wire_bytes: u64,
}

impl Totals {
    fn new(totals: event::Totals) -> Self {
        let event::Totals { messages, frames, bytes, wire_bytes } = totals;
        Totals { messages, frames, bytes, wire_bytes }
    }
}

/// Names a side.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    fn new(side: model::Side) -> Self {
        match side {
            model::Side::Client => Side::Client,
            model::Side::Server => Side::Server,
        }
    }
}

/// Is a moment, shown as RFC 3339 in UTC with nine decimals.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(inline)]
pub struct Time(
    #[schemars(with = "String", regex(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$"))] pub Timestamp,
);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Vec::with_capacity(30);
        Rfc3339::default().write(self.0, &mut out);
        serializer.serialize_str(&String::from_utf8_lossy(&out))
    }
}

/// Is a time span, shown in seconds with one to nine decimals.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(inline)]
pub struct Seconds(#[schemars(with = "f64", range(min = 0))] pub Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

/// Lists the opcode names for the schema.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code, reason = "stands for a `&'static str` in the schema only")]
enum OpcodeName {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
    #[schemars(rename = "reserved-3")]
    Reserved3,
    #[schemars(rename = "reserved-4")]
    Reserved4,
    #[schemars(rename = "reserved-5")]
    Reserved5,
    #[schemars(rename = "reserved-6")]
    Reserved6,
    #[schemars(rename = "reserved-7")]
    Reserved7,
    #[schemars(rename = "reserved-11")]
    Reserved11,
    #[schemars(rename = "reserved-12")]
    Reserved12,
    #[schemars(rename = "reserved-13")]
    Reserved13,
    #[schemars(rename = "reserved-14")]
    Reserved14,
    #[schemars(rename = "reserved-15")]
    Reserved15,
}

/// Lists the severities for the schema.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code, reason = "stands for a `&'static str` in the schema only")]
enum SeverityName {
    Note,
    Warning,
    Error,
}

/// Returns the JSON Schema of a line, as `docs/ndjson.schema.json` holds it.
pub fn schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(schemars::transform::RecursiveTransform(forbid_null));
    let schema = settings.into_generator().into_root_schema_for::<Record<'_>>();
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Takes `null` out of what a property may be: what does not apply is left out, never `null`.
///
/// A property that can be nothing else stays as it is.
fn forbid_null(schema: &mut schemars::Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if let Some(types) = property.get_mut("type")
            && let Some([one]) = without(types, &Value::from("null")).as_deref()
        {
            *types = one.clone();
        }
        if let Some(choices) = property.get_mut("anyOf")
            && let Some([Value::Object(one)]) =
                without(choices, &serde_json::json!({"type": "null"})).as_deref()
        {
            let one = one.clone();
            property.remove("anyOf");
            for (key, value) in one {
                property.entry(key).or_insert(value);
            }
        }
    }
}

/// Returns the elements of the array `list` without `element`.
fn without(list: &Value, element: &Value) -> Option<Vec<Value>> {
    Some(list.as_array()?.iter().filter(|it| *it != element).cloned().collect())
}

/// Returns `value` as JSON that is safe to print on a terminal.
#[cfg(test)]
pub(super) fn to_vec(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and every key is a string.
    let _: io::Result<()> = write_json(value, out);
}

#[cfg(test)]
mod tests {
    use super::schema;

    /// With `WIREFIN_BLESS=1` in the environment it rewrites the file instead.
    #[test]
    fn the_schema_in_docs_is_the_one_of_these_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ndjson.schema.json");
        if std::env::var_os("WIREFIN_BLESS").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema(),
            "docs/ndjson.schema.json is old: run WIREFIN_BLESS=1 cargo test --lib schema"
        );
    }
}
