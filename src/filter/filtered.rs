use std::collections::HashMap;

use ahash::RandomState;

use super::{Facts, Filter};
use crate::event::{ConnId, Event, Kind, Opening, Rejected, Sink};
use crate::model::{Anomaly, At, Side, Timestamp};

/// A sink that hands on what a filter is true of, and what is needed to understand it.
///
/// Every row is asked by itself: openings, messages, frames, anomalies and closings. Besides those of which the filter
/// is true pass:
///
/// * the opening of a conversation before the first of its rows that passes, and its closing after one;
/// * the anomalies of a message that passes: those of its conversation, its packet and its sender;
/// * what concerns the capture as a whole.
#[derive(Clone, Debug)]
pub struct Filtered<S> {
    sink: S,
    filter: Filter,
    began: Timestamp,
    memory: Memory,
    matched: u64,
}

/// The state of a shard's conversations that filtering their rows needs.
///
/// It is bounded by the connections that the analyzer follows, and openings that wait by [`Memory::OPENINGS`].
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The conversations of which a row has passed, and the openings of the others.
    known: HashMap<ConnId, Option<Deferred<Opening>>, RandomState>,
    /// The last upgrade that was refused, until one of its anomalies passes.
    rejected: Option<(ConnId, Deferred<Rejected>)>,
    /// The memory of openings that wait, in bytes.
    waiting: usize,
    /// Anomalies of the packet at hand that wait for their message.
    held: Vec<(ConnId, Option<Side>, Deferred<Anomaly>)>,
    /// The message that passed last.
    passed: Option<(ConnId, u64, Side)>,
}

/// An event that waits until it is known whether it passes.
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

    /// Returns the event that it was, of the connection and conversation of `event`.
    fn event<'a>(&'a self, event: &Event<'a>, kind: impl FnOnce(&'a T) -> Kind<'a>) -> Event<'a> {
        Event { at: self.at, known: self.known, kind: kind(&self.what), ..*event }
    }
}

/// Bounds how many anomalies wait for their message.
const HELD: usize = 16;

impl Memory {
    /// Bounds the openings of a shard that wait for a row that passes, in bytes; beyond it they pass at once.
    pub const OPENINGS: usize = 4 << 20;

    /// Returns whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.waiting == 0
    }

    /// Takes the opening that waits, to pass it on.
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

/// Returns about how many bytes an opening takes.
fn weight(opening: &Opening) -> usize {
    let heads = opening.handshake.iter().flat_map(|it| {
        let request = it.request.iter().flat_map(|head| &head.headers);
        request.chain(it.response.iter().flat_map(|head| &head.headers))
    });
    let fields = heads.map(|field| field.name.len().saturating_add(field.value.len()).saturating_add(32));
    fields.fold(512, usize::saturating_add)
}

impl<S: Sink> Filtered<S> {
    /// Filters what goes to `sink`; `began` is the time of the capture's first packet.
    pub fn new(filter: Filter, sink: S, began: Timestamp) -> Self {
        Filtered { sink, filter, began, memory: Memory::default(), matched: 0 }
    }

    /// Sets the time of the capture's first packet, where it was not known at the beginning.
    pub const fn begin(&mut self, began: Timestamp) {
        self.began = began;
    }

    /// Returns where rows go.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Returns where rows go, to change it.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Returns what is remembered of conversations.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns of how many rows the filter was true.
    pub const fn matched(&self) -> u64 {
        self.matched
    }

    /// Returns where rows went.
    pub fn into_sink(self) -> S {
        self.sink
    }

    fn is_true(&mut self, event: &Event<'_>) -> bool {
        let is_true = self.filter.matches(&Facts::of(event, self.began));
        self.matched = self.matched.saturating_add(is_true.into());
        is_true
    }

    /// Passes a row on, the opening of its conversation first where that has not passed yet.
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

/// Returns whether an anomaly is reported behind the message that it is about; the others are reported before it.
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
            | Anomaly::NotInflated { .. }
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
