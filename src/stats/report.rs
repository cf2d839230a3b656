mod sums;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::histogram::{Quantiles, seconds};
use super::units::UnitRow;
use crate::model::Timestamp;
use crate::text::Rfc3339;

/// The statistics of a capture. Its serialization is the JSON format; times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the JSON form: 1.
    pub v: u32,
    /// Totals of all conversations.
    pub totals: Sum,
    /// HTTP streams other than WebSockets, whether they are shown or not.
    pub streams: Streams,
    /// Messages over time.
    pub rate: Option<Rate>,
    /// Lengths of text and binary messages.
    pub lengths: Lengths,
    /// Ping round trips of all conversations.
    pub rtt: Option<Quantiles>,
    /// The slowest pongs, the slowest first.
    pub slowest_pongs: Vec<Pong>,
    /// The first pings that were never answered.
    pub unanswered_pings: Vec<Ping>,
    /// How often conversations ended with each close code.
    pub close_codes: Vec<Code>,
    /// How often each anomaly was found, by code.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// The meanings of messages in their sub-protocols, by protocol, kind and name, the most frequent first.
    pub subprotocols: Vec<UnitRow>,
    /// The number of units in none of these, because there were too many names.
    pub subprotocols_left_out: u64,
    /// Hosts and paths, by total bytes.
    pub talkers: Vec<EndpointTraffic>,
    /// Conversations and refused upgrades, in the order of their first packets.
    pub conversations: Vec<Conversation>,
}

/// The sums over all conversations.
#[derive(Clone, Debug, Serialize)]
pub struct Sum {
    /// Conversations.
    pub conversations: u64,
    /// Upgrades that were refused or not answered.
    pub refused: u64,
    /// Conversations that are not listed individually, because there were too many.
    pub left_out: u64,
    /// Sent by clients.
    pub client: DirectionTotals,
    /// Sent by servers.
    pub server: DirectionTotals,
    /// Messages by opcode; opcodes that did not occur are omitted.
    pub opcodes: BTreeMap<&'static str, u64>,
    /// Pings that were never answered.
    pub unanswered_pings: u64,
}

/// The totals of one direction.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct DirectionTotals {
    /// Messages and control frames.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// WebSocket bytes on the wire, headers included.
    pub wire_bytes: u64,
}

/// Messages over time.
#[derive(Clone, Debug, Serialize)]
pub struct Rate {
    /// The start of the first slot.
    #[serde(serialize_with = "moment")]
    pub start: Timestamp,
    /// The length of a slot.
    #[serde(serialize_with = "seconds")]
    pub slot: Duration,
    /// Messages of clients in each slot.
    pub client: Vec<u64>,
    /// Messages of servers in each slot.
    pub server: Vec<u64>,
}

/// The lengths of each side's messages.
#[derive(Clone, Debug, Serialize)]
pub struct Lengths {
    /// The clients'.
    pub client: Option<Length>,
    /// The servers'.
    pub server: Option<Length>,
}

/// The distribution of message lengths, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Length {
    /// The number of messages.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// The median.
    pub median: u64,
    /// The 90th percentile.
    pub p90: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// The numbers of messages with 0 bytes, 1, 2–3, 4–7, and so on, each range being twice as large as the one before.
    pub powers: Vec<u64>,
}

/// A slow pong.
#[derive(Clone, Debug, Serialize)]
pub struct Pong {
    /// The round-trip time.
    #[serde(serialize_with = "seconds")]
    pub rtt: Duration,
    /// When it was captured.
    #[serde(serialize_with = "moment")]
    pub time: Timestamp,
    /// Its connection.
    pub conn: u64,
    /// Its stream, if the connection carries several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// Its packet.
    pub packet: u64,
}

/// A ping that was never answered.
#[derive(Clone, Debug, Serialize)]
pub struct Ping {
    /// When it was sent.
    #[serde(serialize_with = "moment")]
    pub time: Timestamp,
    /// Its connection.
    pub conn: u64,
    /// Its stream, if the connection carries several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// Its packet.
    pub packet: u64,
}

/// A close code and how often conversations ended with it.
#[derive(Clone, Debug, Serialize)]
pub struct Code {
    /// The code; `None` if the capture ended before.
    #[serde(rename = "code")]
    pub number: Option<u16>,
    /// The name of the code.
    pub name: &'static str,
    /// How often.
    pub count: u64,
}

/// The totals of the conversations with one host and path.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointTraffic {
    /// The host, with the port if the URL has one; the server's address if no handshake was captured.
    pub host: String,
    /// The path.
    pub path: Option<String>,
    /// The number of conversations and refused upgrades.
    pub conversations: u64,
    /// Messages in both directions.
    pub messages: u64,
    /// Payload bytes in both directions.
    pub bytes: u64,
}

/// One conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The connection.
    pub conn: u64,
    /// Its stream, if the connection carries several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The client's address and port.
    pub client: Peer,
    /// The server's address and port.
    pub server: Peer,
    /// Whether the handshake was captured.
    pub handshake: bool,
    /// The requested URL.
    pub url: Option<Arc<str>>,
    /// The transport of messages: `websocket`, `sse` or `polling`.
    pub transport: &'static str,
    /// The sub-protocol agreed on.
    pub subprotocol: Option<Box<str>>,
    /// Whether compression was agreed on.
    pub deflate: bool,
    /// How many messages were sent compressed.
    pub compressed_messages: u64,
    /// When it began.
    #[serde(serialize_with = "moment")]
    pub opened: Timestamp,
    /// From the opening to the end.
    #[serde(serialize_with = "seconds")]
    pub duration: Duration,
    /// Sent by the client.
    pub client_totals: DirectionTotals,
    /// Sent by the server.
    pub server_totals: DirectionTotals,
    /// Payload bytes per byte on the wire; more than 1 if compression helps.
    pub ratio: Option<f64>,
    /// Ping round-trip times.
    pub rtt: Option<Quantiles>,
    /// Pings that were never answered.
    pub unanswered_pings: u64,
    /// The longest time without a message.
    #[serde(serialize_with = "seconds")]
    pub longest_silence: Duration,
    /// How it ended: `closed`, `open`, `refused` or `unanswered`.
    pub end: &'static str,
    /// The status of the refusal.
    pub status: Option<u16>,
    /// The close code.
    pub code: Option<u16>,
    /// The close reason.
    pub reason: Option<Box<str>>,
    /// The side that began the closing handshake.
    pub by: Option<&'static str>,
    /// Whether both sides sent a close frame.
    pub clean: Option<bool>,
    /// The number of anomalies of each severity.
    pub anomalies: Anomalies,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Peer {
    /// The address.
    pub ip: std::net::IpAddr,
    /// The port.
    pub port: u16,
}

/// The number of anomalies by severity.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Anomalies {
    /// Violations of a MUST.
    pub error: u64,
    /// Violations of a SHOULD, or suspicious.
    pub warning: u64,
    /// Limits of the capture or of wirefin.
    pub note: u64,
}

/// Totals of HTTP streams that serve the purpose of a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Streams {
    /// Responses that are streams of server-sent events.
    pub sse: u64,
    /// Requests of Engine.IO's long polling.
    pub polling_requests: u64,
}

/// Formats a time as RFC 3339 in UTC.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let mut out = Vec::with_capacity(30);
    Rfc3339::default().write(time, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it on like this")]
fn moment<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}
