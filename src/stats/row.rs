use std::sync::Arc;
use std::time::Duration;

use super::histogram::RttHistogram;
use crate::event::{Closed, ConnId, DirectionTotals, Message, Opening, Severity, Transport};
use crate::model::{At, Endpoint, Pair, Side, Timestamp};
use crate::websocket::Opcode;

/// The statistics of one conversation.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) conn: ConnId,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) handshake: bool,
    pub(super) url: Option<Arc<str>>,
    pub(super) transport: Transport,
    pub(super) subprotocol: Option<Box<str>>,
    pub(super) deflate: bool,
    pub(super) opened: Timestamp,
    pub(super) duration: Duration,
    pub(super) totals: Pair<DirectionTotals>,
    pub(super) compressed: u64,
    pub(super) rtt: RttHistogram,
    /// The longest silence, and the last activity.
    pub(super) silence: Duration,
    last: Timestamp,
    /// Pings awaiting an answer.
    waiting: Pair<Vec<At>>,
    pub(super) unanswered: u64,
    /// Notes, warnings, errors.
    pub(super) anomalies: [u64; 3],
    pub(super) end: End,
}

/// The end of a conversation.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The capture ended before.
    Open,
    /// The upgrade was refused with this status; `None` if it was not answered.
    Refused(Option<u16>),
    /// It was closed; only a WebSocket has a code.
    Closed { code: Option<u16>, reason: Box<str>, by: Option<Side>, clean: bool },
}

/// The maximum number of unanswered pings tracked per side, as in the analyzer; beyond it, the oldest counts as
/// unanswered.
const WAITING: usize = 32;

impl Row {
    pub(super) fn new(conn: ConnId, at: At, opening: &Opening) -> Self {
        let handshake = opening.handshake.as_deref();
        Row {
            conn,
            client: opening.client,
            server: opening.server,
            handshake: handshake.is_some(),
            url: handshake.and_then(|it| it.url.clone()),
            transport: opening.transport,
            subprotocol: handshake.and_then(|it| it.subprotocol.clone()),
            deflate: handshake.is_some_and(|it| it.deflate.is_some()),
            opened: at.time,
            duration: Duration::ZERO,
            totals: Pair::default(),
            compressed: 0,
            rtt: RttHistogram::default(),
            silence: Duration::ZERO,
            last: at.time,
            waiting: Pair::default(),
            unanswered: 0,
            anomalies: [0; 3],
            end: End::Open,
        }
    }

    /// Counts a message. Pings that will not be answered any more are passed to `unanswered`.
    pub(super) fn message(&mut self, at: At, message: &Message<'_>, unanswered: &mut dyn FnMut(At)) {
        self.alive(at.time);
        let totals = &mut self.totals[message.from];
        totals.messages = totals.messages.saturating_add(1);
        totals.frames = totals.frames.saturating_add(message.wire.frames);
        totals.bytes = totals.bytes.saturating_add(message.length);
        totals.wire_bytes = totals.wire_bytes.saturating_add(message.wire.bytes);
        self.compressed = self.compressed.saturating_add(u64::from(message.wire.compressed));
        match message.opcode {
            Opcode::PING => {
                let waiting = &mut self.waiting[message.from];
                if waiting.len() >= WAITING {
                    unanswered(waiting.remove(0));
                    self.unanswered = self.unanswered.saturating_add(1);
                }
                waiting.push(at);
            }
            Opcode::PONG => {
                if let Some(rtt) = message.rtt {
                    self.rtt.record(rtt);
                    // The ping that it answers, and older ones, are no longer awaited.
                    let waiting = &mut self.waiting[!message.from];
                    let settled = waiting.iter().rposition(|ping| at.time.since(ping.time) >= rtt);
                    waiting.drain(..settled.map_or(0, |last| last.saturating_add(1)));
                }
            }
            _ => {}
        }
    }

    pub(super) fn anomaly(&mut self, severity: Severity) {
        let [notes, warnings, errors] = &mut self.anomalies;
        let count = match severity {
            Severity::Note => notes,
            Severity::Warning => warnings,
            Severity::Error => errors,
        };
        *count = count.saturating_add(1);
    }

    pub(super) fn closed(&mut self, at: At, closed: &Closed, unanswered: &mut dyn FnMut(At)) {
        self.alive(at.time);
        self.duration = closed.duration;
        if closed.is_seen() {
            let (code, reason) = (closed.code, closed.reason.clone());
            self.end = End::Closed { code, reason, by: closed.by, clean: closed.clean };
        }
        self.settle(unanswered);
    }

    /// Counts the pings still awaiting an answer, which will not arrive any more.
    pub(super) fn settle(&mut self, unanswered: &mut dyn FnMut(At)) {
        for side in Side::BOTH {
            let waiting = std::mem::take(&mut self.waiting[side]);
            self.unanswered = self.unanswered.saturating_add(waiting.len() as u64);
            waiting.into_iter().for_each(&mut *unanswered);
        }
    }

    fn alive(&mut self, time: Timestamp) {
        self.silence = self.silence.max(time.since(self.last));
        self.last = time;
    }
}
