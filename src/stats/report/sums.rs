//! Creates the report from rows and totals.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Anomalies, Code, Conversation, DirectionTotals, EndpointTraffic, Length, Lengths, Peer, Ping, Pong, Rate,
    Report, Streams, Sum,
};
use crate::event::{self, ConnId};
use crate::model::{At, Endpoint, Side};
use crate::stats::histogram::{self, Quantiles, RttHistogram};
use crate::stats::row::{End, Row};
use crate::stats::shard::{CaptureSums, LengthHistogram, MAX_LISTED};
use crate::text::close_code_name;
use crate::websocket::Opcode;

impl Report {
    pub(in crate::stats) fn of(counted: CaptureSums) -> Report {
        let mut rows = counted.rows.into_vec();
        rows.sort_by_key(|row| (row.conn, row.opened));
        let mut scratch = histogram::scratch();
        let mut all = RttHistogram::default();
        for row in &rows {
            all.absorb(&row.rtt);
        }
        let mut quantiles =
            |sketch: &RttHistogram| scratch.as_mut().and_then(|scratch| sketch.quantiles(scratch));
        let (subprotocols, subprotocols_left_out) = counted.units.rows(&mut quantiles);
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
            rtt: quantiles(&all),
            slowest_pongs: counted.slowest.into_iter().map(Pong::of).collect(),
            unanswered_pings: counted.first_unanswered.into_iter().map(Ping::of).collect(),
            close_codes: counted.codes.into_map().into_iter().map(Code::of).collect(),
            anomalies: counted.anomalies.into_map(),
            subprotocols,
            subprotocols_left_out,
            talkers: talkers(&rows),
            conversations: rows.into_iter().map(|row| Conversation::of(row, &mut quantiles)).collect(),
        }
    }
}

impl Pong {
    fn of((rtt, at, conn): (Duration, At, ConnId)) -> Pong {
        Pong { rtt, time: at.time, conn: conn.packet.get(), stream: conn.stream(), packet: at.packet }
    }
}

impl Ping {
    fn of((at, conn): (At, ConnId)) -> Ping {
        Ping { time: at.time, conn: conn.packet.get(), stream: conn.stream(), packet: at.packet }
    }
}

impl Code {
    fn of((number, count): (Option<u16>, u64)) -> Code {
        Code { number, name: number.map_or("still open", close_code_name), count }
    }
}

/// Sums up conversations by host and path.
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
    talkers.truncate(MAX_LISTED);
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
    fn of(row: Row, quantiles: &mut dyn FnMut(&RttHistogram) -> Option<Quantiles>) -> Self {
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
            rtt: quantiles(&row.rtt),
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
