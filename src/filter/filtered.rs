use std::collections::HashMap;

use ahash::RandomState;

use super::{Conversation, Facts, Filter};
use crate::event::{ConnId, Event, Kind, Opened, Sink};
use crate::model::{Anomaly, At, Side, Timestamp};

/// Lets through to another sink what a filter is true of, and what is needed to understand it.
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
}

/// What must be known of a lane's conversations to filter their rows.
///
/// It is bounded by the connections that the analyzer follows, and openings that wait by [`Memory::OPENINGS`].
#[derive(Clone, Debug, Default)]
pub struct Memory {
    known: HashMap<ConnId, Known, RandomState>,
    /// An upgrade that was refused: no closing will follow, and only its anomalies may.
    refused: Option<(ConnId, Known)>,
    /// The memory of openings that wait, in bytes.
    waiting: usize,
    /// Anomalies of the packet at hand that wait for their message.
    held: Vec<Held>,
    /// The message that passed last.
    passed: Option<(ConnId, u64, Side)>,
}

/// An anomaly that waits.
#[derive(Clone, Debug)]
struct Held {
    conn: ConnId,
    at: At,
    from: Option<Side>,
    anomaly: Anomaly,
}

#[derive(Clone, Debug)]
struct Known {
    facts: Conversation,
    /// The opening, while none of the conversation's rows has passed.
    opening: Option<(At, Opened)>,
    /// The last message, or the opening.
    last: Timestamp,
}

/// Bounds how many anomalies wait for their message.
const HELD: usize = 16;

impl Memory {
    /// Bounds the openings of a lane that wait for a row that passes, in bytes; beyond it they pass at once.
    pub const OPENINGS: usize = 4 << 20;

    /// Tells whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.waiting == 0
    }

    fn known(&mut self, conn: ConnId) -> Option<&mut Known> {
        match &mut self.refused {
            Some((refused, known)) if *refused == conn => Some(known),
            _ => self.known.get_mut(&conn),
        }
    }

    /// Takes the opening that waits, to pass it on.
    fn opening(&mut self, conn: ConnId) -> Option<(At, Opened)> {
        let opening = self.known(conn)?.opening.take()?;
        self.waiting = self.waiting.saturating_sub(weight(&opening.1));
        Some(opening)
    }

    fn forget(&mut self, conn: ConnId) {
        self.opening(conn);
        self.known.remove(&conn);
    }
}

/// Returns about how many bytes an opening takes.
fn weight(opened: &Opened) -> usize {
    let heads = opened.handshake.iter().flat_map(|it| {
        let request = it.request.iter().flat_map(|head| &head.headers);
        request.chain(it.response.iter().flat_map(|head| &head.headers))
    });
    let fields = heads.map(|field| field.name.len().saturating_add(field.value.len()).saturating_add(32));
    fields.fold(512, usize::saturating_add)
}

impl<S: Sink> Filtered<S> {
    /// Filters what goes to `sink`; `began` is the time of the capture's first packet.
    pub fn new(filter: Filter, sink: S, began: Timestamp) -> Self {
        Filtered { sink, filter, began, memory: Memory::default() }
    }

    /// Returns where rows go.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Returns where rows go, to change it.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// HttpTracker what is remembered, for the connections of another lane follow.
    pub const fn exchange(&mut self, memory: &mut Memory) {
        std::mem::swap(&mut self.memory, memory);
    }

    fn is_true(&self, event: &Event<'_>, known: Option<&Known>) -> bool {
        self.filter.matches(&Facts::of(event, known.map(|known| &known.facts), self.began))
    }

    /// Passes a row on, the opening of its conversation first where that has not passed yet.
    fn pass(&mut self, event: &Event<'_>) {
        if let Some(conn) = event.conn
            && let Some((at, opened)) = self.memory.opening(conn)
        {
            self.sink.event(&Event { conn: event.conn, at, kind: Kind::Opened(&opened) });
        }
        self.sink.event(event);
    }

    fn opened(&mut self, conn: ConnId, opened: &Opened, event: &Event<'_>) {
        self.memory.forget(conn);
        let mut known = Known { facts: Conversation::of(opened), opening: None, last: event.at.time };
        let weight = weight(opened);
        let waiting = self.memory.waiting.saturating_add(weight);
        if self.is_true(event, Some(&known)) || waiting > Memory::OPENINGS {
            self.sink.event(event);
        } else {
            known.opening = Some((event.at, opened.clone()));
            self.memory.waiting = waiting;
        }
        if opened.established {
            self.memory.known.insert(conn, known);
        } else {
            if let Some((before, _)) = self.memory.refused {
                self.memory.opening(before);
            }
            self.memory.refused = Some((conn, known));
        }
    }

    fn message(&mut self, from: Side, event: &Event<'_>) {
        let held = std::mem::take(&mut self.memory.held);
        self.memory.passed = None;
        let Some(conn) = event.conn else { return };
        let known = self.memory.known.get_mut(&conn);
        let gap_before = known.map(|known| {
            let gap = event.at.time.since(known.last);
            known.last = event.at.time;
            gap
        });
        let conversation = self.memory.known.get(&conn).map(|known| &known.facts);
        let facts = Facts { gap_before, ..Facts::of(event, conversation, self.began) };
        if !self.filter.matches(&facts) {
            return;
        }
        for Held { conn: of, at, from: side, anomaly } in &held {
            if *of == conn && at.packet == event.at.packet && side.is_none_or(|side| side == from) {
                self.pass(&Event { conn: Some(*of), at: *at, kind: Kind::Anomaly { from: *side, anomaly } });
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
        let known = match &self.memory.refused {
            Some((refused, known)) if *refused == conn => Some(known),
            _ => self.memory.known.get(&conn),
        };
        let follows = follows_its_message(anomaly);
        if follows && passed || self.is_true(event, known) {
            return self.pass(event);
        }
        if follows {
            return;
        }
        self.memory.held.retain(|held| held.conn == conn && held.at.packet == event.at.packet);
        if self.memory.held.len() < HELD {
            self.memory.held.push(Held { conn, at: event.at, from, anomaly: anomaly.clone() });
        }
    }

    fn closed(&mut self, conn: ConnId, event: &Event<'_>) {
        let known = self.memory.known.get(&conn);
        let shown = known.is_some_and(|known| known.opening.is_none());
        if shown || self.is_true(event, known) {
            self.pass(event);
        }
        self.memory.forget(conn);
    }
}

/// Tells whether an anomaly is told behind the message that it is about; the others are told before it.
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
            (Kind::Frame(_), Some(conn)) => {
                if self.is_true(event, self.memory.known.get(&conn)) {
                    self.pass(event);
                }
            }
            (Kind::Opened(opened), Some(conn)) => self.opened(conn, opened, event),
            (Kind::Closed(_), Some(conn)) => self.closed(conn, event),
            (_, None) => self.sink.event(event),
        }
    }

    fn wants_frames(&self) -> bool {
        self.sink.wants_frames()
    }
}
