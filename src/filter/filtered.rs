use std::collections::HashMap;

use ahash::RandomState;

use super::{Facts, Filter};
use crate::event::{ConnId, Event, Kind, Opening, Rejected, Sink};
use crate::model::{Anomaly, At, Side, Timestamp};

/// A sink that forwards the events that match a filter, and those needed to understand them.
///
/// Every row is tested on its own: openings, messages, frames, anomalies and closings. Besides the matching rows, it
/// forwards:
///
/// * the opening of a conversation before its first forwarded row, and its closing after one;
/// * the anomalies of a forwarded message: those of its conversation, its packet and its sender;
/// * anything that concerns the capture in general.
#[derive(Clone, Debug)]
pub struct Filtered<S> {
    sink: S,
    filter: Filter,
    began: Timestamp,
    memory: Memory,
    matched: u64,
}

/// The state of a shard's conversations that is needed to filter their rows.
///
/// It is bounded by the connections that the analyzer tracks, and by [`Memory::OPENINGS`] for deferred openings.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The conversations of which a row was forwarded, and the openings of the others.
    known: HashMap<ConnId, Option<Deferred<Opening>>, RandomState>,
    /// The last upgrade that was refused, until one of its anomalies is forwarded.
    rejected: Option<(ConnId, Deferred<Rejected>)>,
    /// The memory of deferred openings, in bytes.
    waiting: usize,
    /// Anomalies of the current packet that are held until their message is tested.
    held: Vec<(ConnId, Option<Side>, Deferred<Anomaly>)>,
    /// The last message forwarded.
    passed: Option<(ConnId, u64, Side)>,
}

/// An event held until it is known whether it is forwarded.
#[derive(Clone, Debug)]
struct Deferred<T> {
    at: At,
    known: u64,
    what: T,
}

impl<T> Deferred<T> {
    fn new(event: &Event<'_>, what: T) -> Self {
        Deferred { at: event.at, known: event.known, what }
    }

    /// Returns the original event, with the connection and conversation of `event`.
    fn event<'a>(&'a self, event: &Event<'a>, kind: impl FnOnce(&'a T) -> Kind<'a>) -> Event<'a> {
        Event { at: self.at, known: self.known, kind: kind(&self.what), ..*event }
    }
}

/// The maximum number of anomalies held.
const HELD: usize = 16;

impl Memory {
    /// The maximum memory of a shard's deferred openings, in bytes; beyond it, openings are forwarded at once.
    pub const OPENINGS: usize = 4 << 20;

    /// Returns whether no state is kept.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.waiting == 0
    }

    /// Takes the deferred opening, to forward it.
    fn opening(&mut self, conn: ConnId) -> Option<Deferred<Opening>> {
        let opening = self.known.get_mut(&conn)?.take()?;
        self.waiting = self.waiting.saturating_sub(weight(&opening.what));
        Some(opening)
    }

    fn forget(&mut self, conn: ConnId) {
        self.opening(conn);
        self.known.remove(&conn);
        self.rejected.take_if(|(rejected, _)| *rejected == conn);
    }
}

/// Estimates the memory of an opening in bytes.
fn weight(opening: &Opening) -> usize {
    let heads = opening.handshake.iter().flat_map(|it| {
        let request = it.request.iter().flat_map(|head| &head.headers);
        request.chain(it.response.iter().flat_map(|head| &head.headers))
    });
    let fields = heads.map(|field| field.name.len().saturating_add(field.value.len()).saturating_add(32));
    fields.fold(512, usize::saturating_add)
}

impl<S: Sink> Filtered<S> {
    /// Filters events for `sink`; `began` is the time of the capture's first packet.
    pub fn new(filter: Filter, sink: S, began: Timestamp) -> Self {
        Filtered { sink, filter, began, memory: Memory::default(), matched: 0 }
    }

    /// Sets the time of the capture's first packet, if it was not known at first.
    pub const fn begin(&mut self, began: Timestamp) {
        self.began = began;
    }

    /// Returns the inner sink.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Returns the inner sink, mutably.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Returns the state kept for conversations.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns how many rows matched the filter.
    pub const fn matched(&self) -> u64 {
        self.matched
    }

    /// Returns the inner sink.
    pub fn into_sink(self) -> S {
        self.sink
    }

    fn is_true(&mut self, event: &Event<'_>) -> bool {
        let is_true = self.filter.matches(&Facts::of(event, self.began));
        self.matched = self.matched.saturating_add(is_true.into());
        is_true
    }

    /// Forwards a row, preceded by the opening of its conversation if that was not forwarded yet.
    fn pass(&mut self, event: &Event<'_>) {
        if let Some(conn) = event.conn {
            if let Some(opening) = self.memory.opening(conn) {
                self.sink.event(&opening.event(event, Kind::Opened));
            }
            if let Some((_, rejected)) = self.memory.rejected.take_if(|(of, _)| *of == conn) {
                self.sink.event(&rejected.event(event, Kind::Rejected));
            }
        }
        self.sink.event(event);
    }

    fn opened(&mut self, conn: ConnId, opening: &Opening, event: &Event<'_>) {
        self.memory.forget(conn);
        let waiting = self.memory.waiting.saturating_add(weight(opening));
        let waits = if self.is_true(event) || waiting > Memory::OPENINGS {
            self.sink.event(event);
            None
        } else {
            self.memory.waiting = waiting;
            Some(Deferred::new(event, opening.clone()))
        };
        self.memory.known.insert(conn, waits);
    }

    fn rejected(&mut self, conn: ConnId, rejected: &Rejected, event: &Event<'_>) {
        self.memory.rejected = None;
        if self.is_true(event) {
            self.sink.event(event);
        } else {
            self.memory.rejected = Some((conn, Deferred::new(event, rejected.clone())));
        }
    }

    fn message(&mut self, from: Side, event: &Event<'_>) {
        let held = std::mem::take(&mut self.memory.held);
        self.memory.passed = None;
        let Some(conn) = event.conn else { return };
        if !self.is_true(event) {
            return;
        }
        for (of, side, anomaly) in &held {
            if *of == conn && anomaly.at.packet == event.at.packet && side.is_none_or(|side| side == from) {
                self.pass(&anomaly.event(event, |anomaly| Kind::Anomaly { from: *side, anomaly }));
            }
        }
        self.pass(event);
        self.memory.passed = Some((conn, event.at.packet, from));
    }

    fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly, event: &Event<'_>) {
        let Some(conn) = event.conn else { return self.sink.event(event) };
        let passed = self.memory.passed.is_some_and(|(other, packet, side)| {
            conn == other && event.at.packet == packet && from.is_none_or(|from| from == side)
        });
        let follows = follows_its_message(anomaly);
        if follows && passed || self.is_true(event) {
            return self.pass(event);
        }
        if follows {
            return;
        }
        let packet = event.at.packet;
        self.memory.held.retain(|(of, _, held)| *of == conn && held.at.packet == packet);
        if self.memory.held.len() < HELD {
            self.memory.held.push((conn, from, Deferred::new(event, anomaly.clone())));
        }
    }

    fn closed(&mut self, conn: ConnId, event: &Event<'_>) {
        let shown = self.memory.known.get(&conn).is_some_and(Option::is_none);
        if shown || self.is_true(event) {
            self.pass(event);
        }
        self.memory.forget(conn);
    }
}

/// Returns whether an anomaly is reported after its message; the others are reported before it.
const fn follows_its_message(anomaly: &Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::BadUtf8 { .. }
            | Anomaly::MessageTruncated { .. }
            | Anomaly::CloseBodyOneByte { .. }
            | Anomaly::BadCloseCode { .. }
            | Anomaly::BadCloseReason { .. }
            | Anomaly::DeflateDamaged { .. }
            | Anomaly::DeflateDistance { .. }
            | Anomaly::DeflateHistoryLost { .. }
            | Anomaly::InflateLimit { .. }
    )
}

impl<S: Sink> Sink for Filtered<S> {
    fn event(&mut self, event: &Event<'_>) {
        match (&event.kind, event.conn) {
            (Kind::Message(message), _) => self.message(message.from, event),
            (Kind::Anomaly { from, anomaly }, _) => self.anomaly(*from, anomaly, event),
            (Kind::Frame(_) | Kind::Unshown(_), Some(_)) => {
                if self.is_true(event) {
                    self.pass(event);
                }
            }
            (Kind::Opened(opening), Some(conn)) => self.opened(conn, opening, event),
            (Kind::Rejected(rejected), Some(conn)) => self.rejected(conn, rejected, event),
            (Kind::Closed(_), Some(conn)) => self.closed(conn, event),
            (_, None) => self.sink.event(event),
        }
    }

    fn wants_frames(&self) -> bool {
        self.sink.wants_frames()
    }
}
