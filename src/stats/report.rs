use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::histogram::{self, Quantiles, RttHistogram};
use super::row::{End, Row};
use super::shard::{CaptureSums, LengthHistogram, TOLD};
use super::units::UnitRow;
use crate::event;
use crate::model::{Endpoint, Side, Timestamp};
use crate::view::{Rfc3339, close_code_name};
use crate::websocket::Opcode;

/// What a capture adds up to. Serialized, it is the JSON form; times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the JSON form: 1.
    pub v: u32,
    /// What all conversations add up to.
    pub totals: Sum,
    /// HTTP streams beside WebSockets, whether they are shown or not.
    pub streams: Streams,
    /// Messages over time.
    pub rate: Option<Rate>,
    /// Lengths of text and binary messages.
    pub lengths: Lengths,
    /// Ping round trips of all conversations.
    #[serde(serialize_with = "quantiles")]
    pub rtt: Option<Quantiles>,
    /// The slowest pongs, the slowest first.
    pub slowest_pongs: Vec<Pong>,
    /// The first pings that were never answered.
    pub unanswered_pings: Vec<Ping>,
    /// How often conversations ended with each close code.
    pub close_codes: Vec<Code>,
    /// How often each anomaly was found, by code.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// What messages mean in their sub-protocols, by protocol, kind and name, the most frequent first.
    pub subprotocols: Vec<UnitRow>,
    /// How many units are in none of these, for there were too many names.
    pub subprotocols_left_out: u64,
    /// Who talks: hosts and paths, of most bytes first.
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
    /// Conversations that are not listed one by one, for there were too many.
    pub left_out: u64,
    /// What clients sent.
    pub client: DirectionTotals,
    /// What servers sent.
    pub server: DirectionTotals,
    /// Messages by opcode; those that did not come are left out.
    pub opcodes: BTreeMap<&'static str, u64>,
    /// Pings that were never answered.
    pub unanswered_pings: u64,
}

/// The sums of what one side sent.
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
    /// When the first slot begins.
    #[serde(serialize_with = "moment")]
    pub start: Timestamp,
    /// How long a slot is.
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

/// How long messages are, in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Length {
    /// How many messages.
    pub count: u64,
    /// The shortest.
    pub min: u64,
    /// Half of them are at most so long.
    pub median: u64,
    /// 90 of a hundred are at most so long.
    pub p90: u64,
    /// 99 of a hundred are at most so long.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// How many there are of 0 bytes, of 1, of 2–3, of 4–7, and so on, each time doubled.
    pub powers: Vec<u64>,
}

/// A slow pong.
#[derive(Clone, Debug, Serialize)]
pub struct Pong {
    /// The round trip.
    #[serde(serialize_with = "seconds")]
    pub rtt: Duration,
    /// When it came.
    #[serde(serialize_with = "moment")]
    pub time: Timestamp,
    /// Its connection.
    pub conn: u64,
    /// Its stream, where the connection carries several.
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
    /// Its stream, where the connection carries several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// Its packet.
    pub packet: u64,
}

/// A close code and how often conversations ended with it.
#[derive(Clone, Debug, Serialize)]
pub struct Code {
    /// The code; `None` where the capture ended first.
    #[serde(rename = "code")]
    pub number: Option<u16>,
    /// The same in words.
    pub name: &'static str,
    /// How often.
    pub count: u64,
}

/// The sums over the conversations with one host and path.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointTraffic {
    /// The host, with the port where the URL names it; the server's address where no handshake was captured.
    pub host: String,
    /// The path.
    pub path: Option<String>,
    /// How many conversations and refused upgrades.
    pub conversations: u64,
    /// Messages both ways.
    pub messages: u64,
    /// Payload bytes both ways.
    pub bytes: u64,
}

/// One conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The connection.
    pub conn: u64,
    /// Its stream, where the connection carries several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The client's address and port.
    pub client: Peer,
    /// The server's.
    pub server: Peer,
    /// Whether the handshake was captured.
    pub handshake: bool,
    /// What was asked for.
    pub url: Option<Box<str>>,
    /// How messages are carried: `websocket`, `sse` or `polling`.
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
    /// What the client sent.
    pub client_totals: DirectionTotals,
    /// What the server sent.
    pub server_totals: DirectionTotals,
    /// Payload bytes for each byte on the wire; more than 1 where compression helps.
    pub ratio: Option<f64>,
    /// Ping round trips.
    #[serde(serialize_with = "quantiles")]
    pub rtt: Option<Quantiles>,
    /// Pings that were never answered.
    pub unanswered_pings: u64,
    /// The longest time without a message.
    #[serde(serialize_with = "seconds")]
    pub longest_silence: Duration,
    /// How it ended: `closed`, `open`, `refused` or `unanswered`.
    pub end: &'static str,
    /// The status that refused it.
    pub status: Option<u16>,
    /// The close code.
    pub code: Option<u16>,
    /// The close reason.
    pub reason: Option<Box<str>>,
    /// Who began to close.
    pub by: Option<&'static str>,
    /// Whether both sides sent a close frame.
    pub clean: Option<bool>,
    /// How many anomalies of each severity.
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

/// The numbers of anomalies, by severity.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Anomalies {
    /// MUSTs that were broken.
    pub error: u64,
    /// SHOULDs, or suspicious.
    pub warning: u64,
    /// Limits of the capture or ours.
    pub note: u64,
}

/// Sums of the HTTP streams that do a WebSocket's job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Streams {
    /// Responses that are streams of server-sent events.
    pub sse: u64,
    /// Requests of Engine.IO's long polling.
    pub polling_requests: u64,
}

impl Report {
    pub(super) fn of(counted: CaptureSums) -> Report {
        let mut rows = counted.rows;
        rows.sort_by_key(|row| (row.conn, row.opened));
        let mut scratch = histogram::scratch();
        let mut all = RttHistogram::default();
        for row in &rows {
            all.absorb(&row.rtt);
        }
        let mut told = |sketch: &RttHistogram| scratch.as_mut().and_then(|scratch| sketch.quantiles(scratch));
        let (subprotocols, subprotocols_left_out) = counted.units.rows(&mut told);
        let slots = counted.timeline.slots();
        let of_side = |side| slots.iter().map(|slot| slot[side]).collect();
        let opcodes = (0..16).map(|n| Opcode(n).name()).zip(counted.opcodes).filter(|(_, count)| *count > 0);
        Report {
            v: 1,
            streams: Streams::default(),
            totals: Sum {
                conversations: counted.conversations,
                refused: counted.refused,
                left_out: counted.left_out,
                client: counted.totals.client.into(),
                server: counted.totals.server.into(),
                opcodes: opcodes.collect(),
                unanswered_pings: counted.unanswered,
            },
            rate: (!slots.is_empty()).then(|| Rate {
                start: counted.timeline.start(),
                slot: counted.timeline.width(),
                client: of_side(Side::Client),
                server: of_side(Side::Server),
            }),
            lengths: Lengths {
                client: counted.lengths.client.as_deref().map(Length::of),
                server: counted.lengths.server.as_deref().map(Length::of),
            },
            rtt: told(&all),
            slowest_pongs: counted
                .slowest
                .into_iter()
                .map(|(rtt, at, conn)| Pong {
                    rtt,
                    time: at.time,
                    conn: conn.packet.get(),
                    stream: conn.stream(),
                    packet: at.packet,
                })
                .collect(),
            unanswered_pings: counted
                .first_unanswered
                .into_iter()
                .map(|(at, conn)| Ping {
                    time: at.time,
                    conn: conn.packet.get(),
                    stream: conn.stream(),
                    packet: at.packet,
                })
                .collect(),
            close_codes: counted
                .codes
                .into_iter()
                .map(|(code, count)| Code {
                    number: code,
                    name: code.map_or("still open", close_code_name),
                    count,
                })
                .collect(),
            anomalies: counted.anomalies,
            subprotocols,
            subprotocols_left_out,
            talkers: talkers(&rows),
            conversations: rows.into_iter().map(|row| Conversation::of(row, &mut told)).collect(),
        }
    }
}

/// Adds up conversations by host and path.
fn talkers(rows: &[Row]) -> Vec<EndpointTraffic> {
    let mut by_name: BTreeMap<(String, Option<String>), EndpointTraffic> = BTreeMap::new();
    for row in rows {
        let facts = event::Conversation {
            client: row.client,
            server: row.server,
            url: row.url.clone(),
            subprotocol: None,
            http: None,
            tls: None,
            proxy: None,
            transport: event::Transport::WebSocket,
        };
        let host = facts.host_and_port().map_or_else(|| row.server.to_string(), str::to_owned);
        let path = facts.path().map(str::to_owned);
        let talker = by_name.entry((host, path)).or_insert_with_key(|(host, path)| EndpointTraffic {
            host: host.clone(),
            path: path.clone(),
            conversations: 0,
            messages: 0,
            bytes: 0,
        });
        talker.conversations = talker.conversations.saturating_add(1);
        for side in Side::BOTH {
            talker.messages = talker.messages.saturating_add(row.totals[side].messages);
            talker.bytes = talker.bytes.saturating_add(row.totals[side].bytes);
        }
    }
    let mut talkers: Vec<_> = by_name.into_values().collect();
    talkers.sort_by_key(|talker| std::cmp::Reverse((talker.bytes, talker.messages, talker.conversations)));
    talkers.truncate(TOLD);
    talkers
}

impl From<event::DirectionTotals> for DirectionTotals {
    fn from(totals: event::DirectionTotals) -> Self {
        let event::DirectionTotals { messages, frames, bytes, wire_bytes } = totals;
        DirectionTotals { messages, frames, bytes, wire_bytes }
    }
}

impl From<Endpoint> for Peer {
    fn from(end: Endpoint) -> Self {
        Peer { ip: end.ip, port: end.port }
    }
}

impl Length {
    fn of(lengths: &LengthHistogram) -> Self {
        let LengthHistogram { sketch, least: min, most: max } = lengths;
        let at = |quantile| sketch.value_at_quantile(quantile).min(*max).max(*min);
        let mut powers = Vec::new();
        for step in sketch.iter_recorded() {
            let power = u64::BITS.saturating_sub(step.value_iterated_to().leading_zeros()) as usize;
            powers.resize(powers.len().max(power.saturating_add(1)), 0);
            if let Some(count) = powers.get_mut(power) {
                *count = step.count_since_last_iteration().saturating_add(*count);
            }
        }
        Length {
            count: sketch.len(),
            min: *min,
            median: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: *max,
            powers,
        }
    }
}

impl Conversation {
    fn of(row: Row, told: &mut dyn FnMut(&RttHistogram) -> Option<Quantiles>) -> Self {
        let (bytes, wire) = Side::BOTH.into_iter().fold((0_u64, 0_u64), |(bytes, wire), side| {
            let totals = row.totals[side];
            (bytes.saturating_add(totals.bytes), wire.saturating_add(totals.wire_bytes))
        });
        #[allow(clippy::cast_precision_loss, reason = "a ratio is told in three figures")]
        let ratio = (wire > 0).then(|| (bytes as f64 / wire as f64 * 1000.0).round() / 1000.0);
        let [note, warning, error] = row.anomalies;
        let (mut status, mut code, mut reason, mut by, mut clean) = (None, None, None, None, None);
        let end = match row.end {
            End::Open => "open",
            End::Refused(None) => "unanswered",
            End::Refused(Some(it)) => {
                status = Some(it);
                "refused"
            }
            End::Closed { code: c, reason: r, by: b, clean: it } => {
                (code, by, clean) = (c, b.map(Side::name), Some(it));
                reason = (!r.is_empty()).then_some(r);
                "closed"
            }
        };
        Conversation {
            conn: row.conn.packet.get(),
            stream: row.conn.stream(),
            client: row.client.into(),
            server: row.server.into(),
            handshake: row.handshake,
            url: row.url,
            transport: row.transport.name(),
            subprotocol: row.subprotocol,
            deflate: row.deflate,
            compressed_messages: row.compressed,
            opened: row.opened,
            duration: row.duration,
            client_totals: row.totals.client.into(),
            server_totals: row.totals.server.into(),
            ratio,
            rtt: told(&row.rtt),
            unanswered_pings: row.unanswered,
            longest_silence: row.silence,
            end,
            status,
            code,
            reason,
            by,
            clean,
            anomalies: Anomalies { error, warning, note },
        }
    }

    /// Returns the payload bytes of both sides.
    pub fn bytes(&self) -> u64 {
        self.client_totals.bytes.saturating_add(self.server_totals.bytes)
    }
}

/// Writes a moment as RFC 3339 in UTC.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let mut out = Vec::with_capacity(30);
    Rfc3339::default().write(time, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it on like this")]
fn moment<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[allow(clippy::ref_option, reason = "serde hands it on like this")]
pub(super) fn quantiles<S: Serializer>(told: &Option<Quantiles>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Seconds {
        count: u64,
        min: f64,
        median: f64,
        p99: f64,
        max: f64,
    }
    let told = told.map(|it| Seconds {
        count: it.count,
        min: it.min.as_secs_f64(),
        median: it.median.as_secs_f64(),
        p99: it.p99.as_secs_f64(),
        max: it.max.as_secs_f64(),
    });
    told.serialize(serializer)
}
