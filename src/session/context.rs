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

/// The means that a connection is lent while it handles something: where events go, and memory.
pub(super) struct Context<'x> {
    pub(super) sink: &'x mut dyn Sink,
    pub(super) shared: &'x mut Shared,
    pub(super) transport: &'x mut TcpFacts,
    /// The conversation that is spoken of.
    pub(super) conn: ConnId,
    /// What is said of it with every event: a layer of several streams lends that of the stream at hand.
    pub(super) conversation: &'x mut Option<Box<event::Conversation>>,
    /// The packet that completed what is spoken of.
    pub(super) at: At,
    /// The packet at hand.
    pub(super) now: At,
    /// The bytes at hand were authentic, or there is nothing that could tell.
    pub(super) verified: bool,
    /// The bytes at hand are one record of TLS, whole.
    pub(super) is_record: bool,
}

impl Context<'_> {
    /// Says that something happened, here and now.
    pub(super) fn say(&mut self, kind: Kind<'_>) {
        let conversation = self.conversation.as_deref();
        self.sink.event(&Event {
            conn: Some(self.conn),
            at: self.at,
            known: self.now.packet,
            conversation,
            kind,
        });
    }

    /// Makes an opening of a conversation between the ends of the connection.
    pub(super) fn opening(&self, handshake: Option<Box<event::Handshake>>) -> Opening {
        let (client, server) = (self.transport.end_of(Side::Client), self.transport.end_of(Side::Server));
        let mut over = self.transport.over.clone();
        if self.conn.stream.is_some() {
            over.get_or_insert_default().http2 = true;
        }
        Opening { over, ..Opening::new(client, server, handshake) }
    }

    /// Takes what is said of the conversation from its opening.
    pub(super) fn begin(&mut self, opening: &Opening) {
        *self.conversation = Some(Box::new(event::Conversation::of(opening)));
        self.transport.shown = true;
    }

    /// Says that something was wrong.
    pub(super) fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly) {
        self.say(Kind::Anomaly { from, anomaly });
    }
}

/// The state that all connections of a shard share: the limits, scratch buffers, and what counts against a bound.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    /// Which sub-protocols are read.
    pub(super) subprotocols: Arc<Settings>,
    /// Which conversations speak what, as the user says.
    pub(super) chosen: Arc<[SubprotocolChoice]>,
    /// Where a payload is unmasked that is whole in one segment.
    pub(super) unmasked: Vec<u8>,
    /// Where a message is inflated that is whole in one segment.
    pub(super) inflated: Payload,
    /// Memory that unfinished messages hold.
    pub(super) held: usize,
    /// Memory that the readers of sub-protocols hold.
    pub(super) understood: usize,
    /// TCP's bounds, shared by all connections.
    pub(super) tcp: Arc<tcp::Limits>,
    /// What was handed on last.
    pub(super) recent: Recent,
    /// The conversation at hand has begun to inflate.
    pub(super) woke: bool,
    /// Keys for TLS.
    pub(super) keys: Keys,
    /// What was seen.
    pub(super) counts: Counts,
    /// The first TLS connections that could not be read: port, name and protocols.
    pub(super) encrypted: Vec<(ConnId, Box<str>)>,
    /// The states of inflaters that are at rest.
    pub(super) inflaters: InflaterPool,
    /// Messages that are over, for their memory.
    #[expect(clippy::vec_box, reason = "they are handed over as boxes")]
    pool: Vec<Box<Open>>,
}

/// Bounds the memory that is kept for the next message: of what came in pieces, and of what was inflated at once.
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
            woke: false,
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

    /// Returns whether no keys for TLS were named, and none will come.
    #[cfg(feature = "tls")]
    pub(super) fn has_no_keys(&self) -> bool {
        let log = self.keys.log();
        log.is_complete() && !log.is_given()
    }

    /// Names a TLS connection that could not be read, in few words: `443 example.com h2`.
    #[cfg(feature = "tls")]
    pub(super) fn name_encrypted(&mut self, conn: ConnId, port: u16, host: Option<&str>, alpn: Option<&str>) {
        let mut name = port.to_string();
        for part in host.into_iter().chain(alpn) {
            name.push(' ');
            name.push_str(part);
        }
        // The first by the packet they begin with, in whatever order they turn out to be so.
        let at = self.encrypted.partition_point(|(other, _)| *other <= conn);
        self.encrypted.insert(at, (conn, name.into()));
        self.encrypted.truncate(Counts::ENCRYPTED);
    }

    /// Counts a segment that was discarded, where that is what is wrong.
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

    /// Lends memory for a message that does not come whole in one segment.
    pub(super) fn open(&mut self) -> Box<Open> {
        let open = self.pool.pop().unwrap_or_else(|| Box::new(Open::new(self.limits.message)));
        self.held = self.held.saturating_add(open.payload.allocated());
        open
    }

    /// Takes a message's memory back.
    pub(super) fn give_back(&mut self, mut open: Box<Open>) {
        self.held = self.held.saturating_sub(open.payload.allocated());
        if self.pool.len() < POOL {
            open.payload.clear(false);
            open.payload.shrink(POOLED);
            self.pool.push(open);
        }
    }

    /// Fills a message's payload within the bound of all of them.
    pub(super) fn fill(&mut self, open: &mut Open, fill: impl FnOnce(&mut Payload, &mut Vec<u8>)) {
        let before = open.payload.allocated();
        let others = self.held.saturating_sub(before);
        open.payload.set_limit(self.limits.message.min(self.limits.messages.saturating_sub(others)));
        fill(&mut open.payload, &mut self.unmasked);
        self.held = others.saturating_add(open.payload.allocated());
    }
}
