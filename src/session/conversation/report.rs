//! Reporting of messages, and what follows from them.

use std::time::Duration;

use super::meaning::of_message;
use super::payload_view::PayloadView;
use super::side_state::Reading;
use super::state::{Conversation, FirstClose};
use crate::event::{Framing, Kind, Message, Wire};
use crate::model::{Anomaly, Side, Timestamp};
use crate::session::context::Context;
use crate::session::meaning::MeaningReader;
use crate::session::message::Open;
use crate::websocket::close::CloseBody;
use crate::websocket::{Answered, MAX_MISSING, Opcode, PayloadNovelty};

impl Conversation {
    /// Reports a collected message and releases its memory.
    pub(super) fn finish(&mut self, side: Side, mut open: Box<Open>, cx: &mut Context<'_>) {
        open.payload.trim_cut_character();
        let framing = match self.sides[side].framing() {
            Framing::Searched => Framing::Searched,
            Framing::Counted => open.framing,
        };
        let view = PayloadView::of(open.opcode, &open.payload);
        let bad_utf8 = view.bad_utf8.filter(|_| !open.unknown);
        let view = PayloadView { verified: open.verified, framing, bad_utf8, ..view };
        self.deliver(side, open.opcode, &view, open.wire, cx);
        if open.inflating && open.verified {
            self.inflater_anomalies(side, cx);
        }
        cx.shared.give_back(open);
    }

    pub(super) fn inflater_anomalies(&mut self, side: Side, cx: &mut Context<'_>) {
        while let Some(anomaly) =
            self.sides[side].inflater.as_mut().and_then(|inflater| inflater.next_anomaly())
        {
            cx.anomaly(Some(side), &anomaly);
        }
    }

    /// Reports a message or control frame, and what follows from it.
    pub(super) fn deliver(
        &mut self,
        side: Side,
        opcode: Opcode,
        view: &PayloadView<'_>,
        wire: Wire,
        cx: &mut Context<'_>,
    ) {
        let delta = cx.at.time.since(std::mem::replace(&mut self.last, cx.at.time));
        let half = &mut self.sides[side];
        half.last = cx.at.time;
        half.totals.messages = half.totals.messages.saturating_add(1);
        half.totals.bytes = half.totals.bytes.saturating_add(view.length);
        let (mut close, mut close_fault, mut rtt, mut text) = (None, None, None, view.text);
        let is_first_close = opcode == Opcode::CLOSE && self.first_close.is_none();
        match opcode {
            Opcode::CLOSE => {
                (close, close_fault) = view.close();
                self.note_close_frame(side, close.as_ref(), cx);
            }
            Opcode::PING | Opcode::PONG => {
                text = std::str::from_utf8(view.bytes).is_ok();
                rtt = self.heartbeat(side, opcode, view.missing.is_empty().then_some(view.bytes), cx);
            }
            _ => {}
        }
        let (half, other) = self.sides.split_mut(side);
        let number = half.totals.messages.saturating_add(other.totals.messages);
        let meaning = match &mut self.meaning {
            Some(meaning) => of_message(meaning, side, opcode, view, &wire, cx.at),
            None => None,
        };
        cx.emit(Kind::Message(Message {
            from: side,
            opcode,
            number,
            delta,
            payload: view.bytes,
            length: view.length,
            text,
            missing: view.missing,
            truncated_to: view.truncated_to,
            close,
            rtt,
            framing: view.framing,
            verified: view.verified,
            wire,
            meaning,
            fields: &[],
        }));
        for anomaly in meaning.iter().flat_map(|it| it.anomalies()) {
            cx.anomaly(Some(side), anomaly);
        }
        MeaningReader::settle(&mut self.meaning, cx);
        report_faults(side, view, close_fault, cx);
        if is_first_close {
            Side::BOTH.into_iter().for_each(|side| self.report_unanswered(side, cx));
        }
    }

    /// Records the first close frame, which determines how the conversation ends.
    fn note_close_frame(&mut self, side: Side, close: Option<&CloseBody<'_>>, cx: &Context<'_>) {
        if self.closed_first(side) {
            let (code, reason) = close.map_or((None, ""), |body| (Some(body.code), body.reason));
            let other_until = self.acknowledged_by(side, cx);
            let first = FirstClose { by: side, code, reason: reason.into(), other_until };
            self.first_close = Some(Box::new(first));
        }
    }

    /// Returns whether the current close, of `side`, is the first: none came before, or the other side had received it
    /// when it sent its own, which was captured earlier.
    fn closed_first(&self, side: Side) -> bool {
        let end = self.sides[side].frames.offset();
        self.first_close
            .as_ref()
            .is_none_or(|first| first.by != side && (1..=first.other_until).contains(&end))
    }

    /// Returns the offset up to which `side` has acknowledged the other side's bytes with the current segment, if that
    /// is more than was captured.
    fn acknowledged_by(&self, side: Side, cx: &Context<'_>) -> u64 {
        match cx.transport.unseen_by(side) {
            unseen @ 1.. if cx.at.packet == cx.now.packet => {
                self.sides[!side].frames.offset().saturating_add(unseen)
            }
            _ => 0,
        }
    }

    /// Processes a ping or pong, with its payload if complete; returns the time since the answered ping.
    fn heartbeat(
        &mut self,
        side: Side,
        opcode: Opcode,
        payload: Option<&[u8]>,
        cx: &Context<'_>,
    ) -> Option<Duration> {
        let (half, other) = self.sides.split_mut(side);
        let Some(payload) = payload else {
            if opcode == Opcode::PONG
                && let Some(pings) = &mut other.pings
            {
                pings.clear();
            }
            return None;
        };
        if opcode == Opcode::PING {
            half.pings.get_or_insert_default().ping(cx.at.time, payload);
            return None;
        }
        let answered = other.pings.as_mut()?.pong(cx.at.time, payload)?;
        self.prove_by_pong(side, &answered, cx.at.time);
        Some(cx.at.time.since(answered.sent))
    }

    /// Treats a pong as proof of framing for the pong or the ping that it answers.
    fn prove_by_pong(&mut self, side: Side, answered: &Answered, now: Timestamp) {
        let (half, other) = self.sides.split_mut(side);
        match (&mut half.reading, &mut other.reading) {
            (Reading::Counted | Reading::Proven, found @ Reading::Found(_)) => {
                if let Reading::Found(proof) = found
                    && proof.pong(answered, now)
                {
                    *found = Reading::Proven;
                }
            }
            // A pong to a ping with a new payload cannot be part of a recording.
            (found @ Reading::Found(_), Reading::Counted | Reading::Proven)
                if answered.novelty == PayloadNovelty::New =>
            {
                *found = Reading::Proven;
            }
            _ => {}
        }
    }

    /// Reports the pings of a side that the other one should have answered: it has sent other frames since, and none of
    /// its frames can have been lost.
    pub(super) fn report_unanswered(&mut self, side: Side, cx: &mut Context<'_>) {
        /// The time in nanoseconds after which a peer is assumed not to answer.
        const PATIENCE: i64 = 10_000_000_000;
        let (half, other) = self.sides.split_mut(side);
        let pings = half.pings.as_ref();
        let Some(unanswered) = pings.and_then(|pings| pings.unanswered(other.whole_since)) else { return };
        let waited = other.last.as_nanos().saturating_sub(unanswered.first.as_nanos());
        if waited < PATIENCE {
            return;
        }
        half.pings = None;
        let seconds = other.last.since(unanswered.first).as_secs();
        cx.anomaly(Some(!side), &Anomaly::PingNotAnswered { pings: unanswered.pings, seconds });
    }
}

/// Reports what is wrong with a message; `close_fault` is the fault in a close frame's body.
fn report_faults(side: Side, view: &PayloadView<'_>, close_fault: Option<Anomaly>, cx: &mut Context<'_>) {
    if let Some(offset) = view.bad_utf8.filter(|_| view.verified) {
        cx.anomaly(Some(side), &Anomaly::BadUtf8 { offset });
    }
    if let Some(kept) = view.truncated_to {
        cx.anomaly(Some(side), &Anomaly::MessageTruncated { kept });
    }
    if view.withheld > 0 {
        let value = MAX_MISSING as u64;
        cx.anomaly(Some(side), &Anomaly::LimitReached { limit: "missing ranges of one message", value });
    }
    if let Some(fault) = close_fault.filter(|_| view.verified) {
        cx.anomaly(Some(side), &fault);
    }
}
