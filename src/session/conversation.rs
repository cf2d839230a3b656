//! A WebSocket conversation: both sides' frames, messages, inflating and closing.

mod decode;
mod in_stream;
mod irregular;
mod irregularities;
mod loss;
mod meaning;
mod payload_view;
mod proof;
mod report;
mod side_state;
mod state;

pub(super) use self::state::{Conversation, Ending};

use self::irregularities::Irregularities;
use self::side_state::{Losses, Reading, SideState};
use self::state::Inflaters;
use super::context::Context;
use super::meaning::MeaningReader;
use super::order::{Next, Readable, StreamInput};
use super::resync::{Ambiguity, FrameSearch};
use crate::event::{Closed, Kind};
use crate::http::Handshake;
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::tcp::End;
use crate::websocket::close::ABNORMAL;

/// The maximum number of searches for frames when a conversation ends.
const LAST_SEARCHES: usize = 64;

impl Conversation {
    /// Marks the conversation as one without a captured handshake.
    pub(super) fn mid_stream(mut self) -> Self {
        self.is_mid_stream = true;
        self
    }

    /// Notes the packets that completed the request and the response: each side's frames follow its own.
    pub(super) fn behind_heads(mut self, heads: Pair<At>) -> Self {
        for side in Side::BOTH {
            self.order.reach(side, heads[side]);
        }
        self
    }

    /// Applies the peculiarities of a handshake.
    pub(super) fn agreed(mut self, handshake: Option<&Handshake>, limit: usize) -> Self {
        self.irregularities = handshake.and_then(|handshake| Irregularities::of(handshake, limit));
        self
    }

    /// Returns the memory of searches for frames, and of data that waits for them, in bytes.
    pub(super) fn waiting(&self) -> usize {
        let of = |half: &SideState| match &half.reading {
            Reading::Searching { search, .. } => search.allocated(),
            _ => 0,
        };
        of(&self.sides.client).saturating_add(of(&self.sides.server)).saturating_add(self.order.allocated())
    }

    /// Returns when [`Conversation::advance`] must be called next.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if self.order.is_empty() {
            return None;
        }
        let until = |side: Side| match &self.sides[side].reading {
            Reading::Searching { search, until, .. } if search.first().is_some() => Some(*until),
            _ => None,
        };
        Side::BOTH.into_iter().filter_map(until).min()
    }

    /// Advances capture time to `now`, giving up searches whose grace period is over.
    pub(super) fn advance(&mut self, now: Timestamp, cx: &mut Context<'_>) {
        if !self.order.is_empty() {
            for side in Side::BOTH {
                if matches!(self.sides[side].reading, Reading::Searching { until, .. } if until <= now) {
                    self.stop_waiting_for(side, cx);
                }
            }
            self.process_waiting(cx);
        }
    }

    /// Releases the memory of inflaters except their windows, and returns the size of those; returns `None` if an
    /// inflater was used since the last call.
    pub(super) fn release_idle(&mut self) -> Option<usize> {
        if self.inflaters == Inflaters::InUse {
            self.inflaters = Inflaters::Idle;
            return None;
        }
        self.inflaters = Inflaters::Resting;
        let mut windows = 0_usize;
        for side in Side::BOTH {
            if let Some(inflater) = &mut self.sides[side].inflater {
                inflater.rest();
                windows = windows.saturating_add(inflater.allocated());
            }
        }
        Some(windows)
    }

    /// Releases the windows of inflaters, including what unfinished messages still refer to.
    pub(super) fn release_windows(&mut self) {
        for side in Side::BOTH {
            let half = &mut self.sides[side];
            let Some(inflater) = &mut half.inflater else { continue };
            if let Some(open) = half.data.as_mut().filter(|open| open.inflating) {
                inflater.gap(&mut open.payload);
            }
            inflater.release_window();
        }
    }

    /// Notes that an inflater is in use.
    fn wake(&mut self, cx: &mut Context<'_>) {
        cx.shared.started_inflating |= self.inflaters == Inflaters::Resting;
        self.inflaters = Inflaters::InUse;
    }

    /// Processes bytes of one side, in order; `carried` is the packet they came in.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if self.sides[side].is_over() || self.push_irregular(side, bytes, carried, cx) {
            return;
        }
        self.take_bytes(side, bytes, carried, cx);
    }

    /// Processes bytes that consist of frames.
    fn take_bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.sides[side].reading {
            Reading::Ended => return,
            Reading::Searching { search, .. } => search.push(bytes, carried),
            Reading::Counted | Reading::Found(_) | Reading::Proven => {
                let at = self.order.reach(side, cx.at);
                if self.order.must_wait(at, self.sides[!side].behind_gap()) {
                    self.order.wait(side, at, StreamInput::Bytes(bytes.into(), carried), cx.verified);
                    self.bound_waiting(side, cx);
                } else {
                    let now = std::mem::replace(&mut cx.at, at);
                    self.frames(side, bytes, carried, cx);
                    cx.at = now;
                }
            }
        }
        self.process_waiting(cx);
    }

    /// Notes that bytes of one side are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        let lost = self.irregular_gap(side, lost);
        self.receive(side, StreamInput::Gap(lost, Some(cause)), cx);
    }

    /// Notes that TCP ended one side, which sends nothing more.
    pub(super) fn end(&mut self, side: Side, how: End, cx: &mut Context<'_>) {
        self.receive(side, StreamInput::End(how), cx);
    }

    /// Reports an anomaly in one side's stream.
    pub(super) fn report(&mut self, side: Side, anomaly: Anomaly, cx: &mut Context<'_>) {
        self.order.wait_to_report(side, cx.at, anomaly);
        self.process_waiting(cx);
    }

    /// Receives a gap or an end, to be applied now or in order.
    fn receive(&mut self, side: Side, what: StreamInput, cx: &mut Context<'_>) {
        if self.sides[side].is_over() {
            return;
        }
        // Frames found so far come first, and at an end nothing more will be found.
        if matches!(what, StreamInput::End(_)) {
            self.stop_waiting_for(side, cx);
            self.process_waiting(cx);
        } else {
            self.conclude(side, cx);
        }
        let is_searched = self.sides[side].search().is_some() && !matches!(what, StreamInput::End(_));
        // Bytes under search are read at the packets that carried them.
        let at = if is_searched { cx.at } else { self.order.reach(side, cx.at) };
        if !is_searched && self.order.must_wait(at, self.sides[!side].behind_gap()) {
            self.order.wait(side, at, what, cx.verified);
        } else {
            let now = std::mem::replace(&mut cx.at, at);
            self.apply(side, what, cx);
            cx.at = now;
        }
        self.process_waiting(cx);
    }

    /// Processes queued input, except what comes after bytes still being searched.
    pub(super) fn process_waiting(&mut self, cx: &mut Context<'_>) {
        let (now, verified) = (cx.at, cx.verified);
        loop {
            for side in Side::BOTH {
                let found = self.sides[side].search().and_then(FrameSearch::find);
                self.found(side, found, cx);
                if let Some(value) = self.sides[side].search().and_then(FrameSearch::spent) {
                    let limit = "frames tried in a search";
                    self.order.wait_to_report(side, cx.at, Anomaly::LimitReached { limit, value });
                }
            }
            let Some(next) = self.order.next(Pair::from_fn(|side| self.sides[side].behind_gap())) else {
                break;
            };
            match next {
                Next::Anomaly(at, side, anomaly) => {
                    cx.at = at;
                    cx.anomaly(Some(side), &anomaly);
                }
                Next::Readable(side, Readable { at, what, verified }) => {
                    (cx.at, cx.verified) = (at, verified);
                    self.apply(side, what, cx);
                    if self.sides[side].search().is_some() {
                        self.search_waiting(side, cx);
                    }
                }
            }
        }
        (cx.at, cx.verified) = (now, verified);
    }

    /// Moves all queued input of a side into its search, because its framing is lost.
    fn search_waiting(&mut self, side: Side, cx: &mut Context<'_>) {
        for Readable { at, what, verified } in self.order.take(side) {
            (cx.at, cx.verified) = (at, verified);
            match what {
                StreamInput::End(_) => {
                    // Frames that can still be found come before the end.
                    self.conclude(side, cx);
                    self.order.wait(side, at, what, verified);
                }
                StreamInput::Bytes(..) | StreamInput::Gap(..) => self.apply(side, what, cx),
            }
        }
    }

    /// Applies input at the current packet.
    fn apply(&mut self, side: Side, what: StreamInput, cx: &mut Context<'_>) {
        match what {
            StreamInput::Bytes(bytes, carried) => match self.sides[side].search() {
                Some(search) => search.push(&bytes, carried),
                None => self.frames(side, &bytes, carried, cx),
            },
            StreamInput::Gap(lost, cause) => self.apply_gap(side, lost, cause, cx),
            StreamInput::End(_) => self.end_side(side, true, cx),
        }
    }

    /// Bounds the queued input of a side.
    fn bound_waiting(&mut self, side: Side, cx: &mut Context<'_>) {
        let limit = cx.shared.limits.tcp.waiting_bytes;
        if self.order.allocated() > limit {
            self.order.wait_to_report_limit(side, cx.at, limit);
            self.stop_waiting_for(!side, cx);
        }
    }

    /// Reports what is unfinished on one side; that is the sender's fault only if its end was captured (`seen`).
    fn end_side(&mut self, side: Side, seen: bool, cx: &mut Context<'_>) {
        self.end_in_stream(side, cx);
        match &mut self.sides[side].reading {
            Reading::Ended => return,
            Reading::Searching { search, .. } if search.captured() > 0 => {
                let (offset, skipped) = (search.offset(), search.captured());
                cx.anomaly(Some(side), &Anomaly::LostSync { offset, skipped });
                if let Some(Ambiguity { offset, length }) = search.ambiguity() {
                    cx.anomaly(Some(side), &Anomaly::AmbiguousFraming { offset, length });
                }
            }
            _ => {}
        }
        self.unfinished(side, seen, cx);
        self.sides[side].reading = Reading::Ended;
        if seen && self.ended_by.is_none() {
            self.ended_by = Some(side);
        }
    }

    /// Reports that TCP or the stream ended without a close, or without a response to one.
    fn report_missing_close(&self, ending: Ending, closed: Pair<bool>, cx: &mut Context<'_>) {
        let no_close = match ending {
            Ending::Tcp(tcp) => Some(Anomaly::NoClose { tcp }),
            Ending::Stream { by, code } => Some(Anomaly::H2NoClose { by, code }),
            Ending::Unseen => None,
        };
        if let Some(no_close) = no_close {
            match &self.first_close {
                None if self.sides.client.losses == Losses::None
                    && self.sides.server.losses == Losses::None =>
                {
                    cx.anomaly(self.ended_by, &no_close);
                }
                // Whoever resets a stream does not wait for a response.
                Some(first)
                    if !closed[!first.by]
                        && self.sides[!first.by].losses == Losses::None
                        && (!ending.is_reset() || self.ended_by == Some(!first.by)) =>
                {
                    cx.anomaly(Some(!first.by), &Anomaly::NoCloseEcho {});
                }
                _ => {}
            }
        }
    }

    /// Reports the end of the conversation.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        // Frames found now may lead to another search.
        for _ in 0..LAST_SEARCHES {
            for side in Side::BOTH {
                self.stop_waiting_for(side, cx);
            }
            self.process_waiting(cx);
            if self.order.is_empty() {
                break;
            }
        }
        if !self.order.is_empty() {
            let value = LAST_SEARCHES as u64;
            cx.anomaly(None, &Anomaly::LimitReached { limit: "searches at the end", value });
        }
        for side in Side::BOTH {
            self.end_side(side, ending != Ending::Unseen, cx);
            self.report_unanswered(side, cx);
        }
        let closed = Pair::from_fn(|side| self.sides[side].rules.closed());
        self.report_missing_close(ending, closed, cx);
        let close = self.first_close.as_ref().and_then(|first| first.code);
        let unanswered = MeaningReader::end(&mut self.meaning, ending != Ending::Unseen, close, cx);
        // A loss that no data followed may have contained a close.
        let may_have_closed =
            Pair::from_fn(|side| !closed[side] && self.sides[side].losses == Losses::Recent);
        let lost = self.first_close.is_none()
            && ending != Ending::Unseen
            && (may_have_closed.client || may_have_closed.server);
        let (code, reason, by) = match self.first_close.take() {
            Some(first) => {
                let by = Some(first.by).filter(|by| !may_have_closed[!*by]);
                (first.code, first.reason, by)
            }
            None if ending == Ending::Unseen || lost => (None, "".into(), None),
            None => (Some(ABNORMAL), "".into(), self.ended_by),
        };
        let ended = Closed {
            code,
            reason,
            by,
            lost,
            clean: closed.client && closed.server,
            // If nothing of the other side was captured, its end was not either.
            half_closed: self
                .ended_by
                .filter(|by| ending == Ending::Unseen && self.sides[!*by].totals.frames > 0),
            duration: cx.at.time.since(self.opened),
            totals: Pair::from_fn(|side| self.sides[side].totals),
            unanswered,
        };
        cx.emit(Kind::Closed(&ended));
        for side in Side::BOTH {
            for open in [self.sides[side].data.take(), self.sides[side].control.take()].into_iter().flatten()
            {
                cx.shared.give_back(open);
            }
        }
    }
}
