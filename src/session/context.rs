use std::sync::Arc;

use super::counts::Counts;
use super::keys::Keys;
use super::limits::Limits;
use super::message::Open;
use super::options::{Options, SubprotocolChoice};
use super::recent::Recent;
use super::transport::TcpFacts;
use crate::event::{self, ConnId, Event, Kind, Opening, Sink};
use crate::http::Carrier;
use crate::model::{Anomaly, At, Side};
use crate::subprotocol::Settings;
use crate::tcp;
use crate::websocket::Payload;
use crate::websocket::deflate::InflaterPool;

/// The state that a connection borrows while it handles a packet: the event sink and shared data.
pub(super) struct Context<'x> {
    pub(super) sink: &'x mut dyn Sink,
    pub(super) shared: &'x mut Shared,
    pub(super) transport: &'x mut TcpFacts,
    /// The conversation that events belong to.
    pub(super) conn: ConnId,
    /// Its details, which are passed along with every event; a layer with several streams swaps in those of the current
    /// stream.
    pub(super) conversation: &'x mut Option<Box<event::Conversation>>,
    /// The packet that completed the current item.
    pub(super) at: At,
    /// The current packet.
    pub(super) now: At,
    /// Whether the current bytes were authenticated, or no layer can authenticate them.
    pub(super) verified: bool,
    /// Whether the current bytes are exactly one TLS record.
    pub(super) is_record: bool,
}

impl Context<'_> {
    /// Emits an event at the current position.
    pub(super) fn emit(&mut self, kind: Kind<'_>) {
        let conversation = self.conversation.as_deref();
        self.sink.event(&Event {
            conn: Some(self.conn),
            at: self.at,
            known: self.now.packet,
            conversation,
            kind,
        });
    }

    /// Creates the opening of a conversation between the endpoints of the connection.
    pub(super) fn opening(&self, handshake: Option<Box<event::Handshake>>) -> Opening {
        let (client, server) = (self.transport.end_of(Side::Client), self.transport.end_of(Side::Server));
        let mut over = self.transport.over.clone();
        if self.conn.stream.is_some() {
            over.get_or_insert_default().http2 = true;
        }
        Opening { over, ..Opening::new(client, server, handshake) }
    }

    /// Sets the details of the conversation from its opening.
    pub(super) fn begin(&mut self, opening: &Opening) {
        *self.conversation = Some(Box::new(event::Conversation::of(opening)));
        self.transport.shown = true;
    }

    /// Reports an anomaly.
    pub(super) fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly) {
        self.emit(Kind::Anomaly { from, anomaly });
    }
}

/// The state shared by all connections of a shard: the limits, scratch buffers, and memory counted against a bound.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    /// The sub-protocols to be decoded.
    pub(super) subprotocols: Arc<Settings>,
    /// The user's choice of sub-protocols for certain conversations.
    pub(super) chosen: Arc<[SubprotocolChoice]>,
    /// The buffer for unmasking a payload contained in one segment.
    pub(super) unmasked: Vec<u8>,
    /// The buffer for inflating a message contained in one segment.
    pub(super) inflated: Payload,
    /// The memory of unfinished messages.
    pub(super) held: usize,
    /// The memory of sub-protocol readers.
    pub(super) understood: usize,
    /// The limits of TCP, shared by all connections.
    pub(super) tcp: Arc<tcp::Limits>,
    /// The bytes delivered last.
    pub(super) recent: Recent,
    /// Whether the current conversation has started inflating.
    pub(super) started_inflating: bool,
    /// The keys for TLS.
    pub(super) keys: Keys,
    /// The counts of this shard.
    pub(super) counts: Counts,
    /// The first TLS connections that could not be decrypted: port, server name and protocols.
    pub(super) encrypted: Vec<(ConnId, Box<str>)>,
    /// The idle states of inflaters.
    pub(super) inflaters: InflaterPool,
    /// Finished messages, kept to reuse their memory.
    #[expect(clippy::vec_box, reason = "they are handed over as boxes")]
    pool: Vec<Box<Open>>,
}

/// The maximum number of messages kept in the pool.
const POOL: usize = 2;
const POOLED: usize = 2 << 20;
pub(super) const KEPT: usize = 256 << 10;

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        let Options { mut limits, subprotocols, chosen } = options;
        limits.http2.heads = limits.http.wanted.any();
        Shared {
            unmasked: Vec::new(),
            inflated: Payload::new(limits.message),
            held: 0,
            understood: 0,
            tcp: Arc::new(limits.tcp.in_range()),
            recent: Recent::default(),
            started_inflating: false,
            keys: Keys::default(),
            counts: Counts::default(),
            encrypted: Vec::new(),
            inflaters: InflaterPool::default(),
            pool: Vec::new(),
            limits,
            subprotocols,
            chosen,
        }
    }

    /// Returns whether no source of TLS keys was given, and none will come.
    #[cfg(feature = "tls")]
    pub(super) fn has_no_keys(&self) -> bool {
        let log = self.keys.log();
        log.is_complete() && !log.is_given()
    }

    /// Records a TLS connection that could not be decrypted, in short form: `443 example.com h2`.
    #[cfg(feature = "tls")]
    pub(super) fn name_encrypted(&mut self, conn: ConnId, port: u16, host: Option<&str>, alpn: Option<&str>) {
        let mut name = port.to_string();
        for part in host.into_iter().chain(alpn) {
            name.push(' ');
            name.push_str(part);
        }
        // The first ones by starting packet, in whatever order they are found.
        let at = self.encrypted.partition_point(|(other, _)| *other <= conn);
        self.encrypted.insert(at, (conn, name.into()));
        self.encrypted.truncate(Counts::ENCRYPTED);
    }

    /// Counts a segment discarded because of its checksum.
    pub(super) fn count_damage(&mut self, anomaly: &Anomaly) {
        if let Anomaly::ChecksumWrong { .. } = anomaly {
            self.counts.damaged = self.counts.damaged.saturating_add(1);
        }
    }

    /// Counts a body that carries messages.
    pub(super) fn count_stream(&mut self, carrier: Carrier) {
        let counter = match carrier {
            Carrier::Sse => &mut self.counts.event_streams,
            Carrier::Polling => &mut self.counts.polls,
        };
        *counter = counter.saturating_add(1);
    }

    /// Returns memory for a message that spans several segments.
    pub(super) fn open(&mut self) -> Box<Open> {
        let open = self.pool.pop().unwrap_or_else(|| Box::new(Open::new(self.limits.message)));
        self.held = self.held.saturating_add(open.payload.allocated());
        open
    }

    /// Takes back a message's memory.
    pub(super) fn give_back(&mut self, mut open: Box<Open>) {
        self.held = self.held.saturating_sub(open.payload.allocated());
        if self.pool.len() < POOL {
            open.payload.clear(false);
            open.payload.shrink(POOLED);
            self.pool.push(open);
        }
    }

    /// Fills a message's payload within the bound on all unfinished messages.
    pub(super) fn fill(&mut self, open: &mut Open, fill: impl FnOnce(&mut Payload, &mut Vec<u8>)) {
        let before = open.payload.allocated();
        let others = self.held.saturating_sub(before);
        open.payload.set_limit(self.limits.message.min(self.limits.messages.saturating_sub(others)));
        fill(&mut open.payload, &mut self.unmasked);
        self.held = others.saturating_add(open.payload.allocated());
    }
}
