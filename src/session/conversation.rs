//! One WebSocket: both sides' frames, messages, inflating and closing.

mod decode;
mod irregular;
mod loss;
mod meaning;
mod oddities;
mod payload_view;
mod proof;
mod report;
mod side_state;
mod state;

pub(super) use self::state::{Conversation, Ending};

use self::oddities::Oddities;
use self::side_state::{Losses, Reading, SideState};
use self::state::Inflaters;
use super::context::Context;
use super::meaning::Understood;
use super::order::{Next, Readable, StreamInput};
use super::resync::{Ambiguity, FrameSearch};
use crate::event::{Closed, Kind};
use crate::http::Handshake;
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::tcp::End;
use crate::websocket::close::ABNORMAL;

/// Bounds how often frames are looked for in what waits when a conversation is over.
const LAST_SEARCHES: usize = 64;

impl Conversation {
    /// Says that its handshake was not captured.
    pub(super) fn mid_stream(mut self) -> Self {
        self.is_mid_stream = true;
        self
    }

    /// Notes the packets that completed the request and the response: each side's frames come behind its own.
    pub(super) fn behind_heads(mut self, heads: Pair<At>) -> Self {
        for side in Side::BOTH {
            self.order.reach(side, heads[side]);
        }
        self
    }

    /// Takes what a handshake says that is out of the ordinary.
    pub(super) fn agreed(mut self, handshake: Option<&Handshake>, limit: usize) -> Self {
        self.odd = handshake.and_then(|handshake| Oddities::of(handshake, limit));
        self
    }

    /// Returns the memory of searches for frames, and of what waits for them, in bytes.
    pub(super) fn waiting(&self) -> usize {
        let of = |half: &SideState| match &half.reading {
            Reading::Searching { search, .. } => search.allocated(),
            _ => 0,
        };
        of(&self.sides.client).saturating_add(of(&self.sides.server)).saturating_add(self.order.allocated())
    }

    /// Returns when [`Conversation::advance`] has something to do.
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

    /// Hears that capture time is now `now`: what waited long enough waits no more.
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

    /// Gives back the memory of inflaters but for their windows, and returns what those take; `None` where one was in
    /// use since the last call.
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

    /// Gives up the windows of inflaters, and with them what messages under way still refer to.
    pub(super) fn give_up_windows(&mut self) {
        for side in Side::BOTH {
            let half = &mut self.sides[side];
            let Some(inflater) = &mut half.inflater else { continue };
            if let Some(open) = half.data.as_mut().filter(|open| open.inflating) {
                inflater.gap(&mut open.payload);
            }
            inflater.give_up_window();
        }
    }

    /// Notes that an inflater is in use.
    fn wake(&mut self, cx: &mut Context<'_>) {
        cx.shared.woke |= self.inflaters == Inflaters::Resting;
        self.inflaters = Inflaters::InUse;
    }

    /// Takes bytes of one side, in order; `carried` is the packet they came in.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if self.sides[side].is_over() || self.odd(side, bytes, carried, cx) {
            return;
        }
        self.take_bytes(side, bytes, carried, cx);
    }

    /// Takes bytes of frames of one side, in order.
    fn take_bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.sides[side].reading {
            Reading::Over => return,
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

    /// Hears that bytes of one side are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        let lost = self.odd_gap(side, lost);
        self.receive(side, StreamInput::Gap(lost, Some(cause)), cx);
    }

    /// Hears that TCP ended one side: it sends nothing more.
    pub(super) fn end(&mut self, side: Side, how: End, cx: &mut Context<'_>) {
        self.receive(side, StreamInput::End(how), cx);
    }

    /// Reports what is wrong with one side's stream.
    pub(super) fn report(&mut self, side: Side, anomaly: Anomaly, cx: &mut Context<'_>) {
        self.order.wait_to_report(side, cx.at, anomaly);
        self.process_waiting(cx);
    }

    /// Receives a gap or an end, to be applied now or in its turn.
    fn receive(&mut self, side: Side, what: StreamInput, cx: &mut Context<'_>) {
        if self.sides[side].is_over() {
            return;
        }
        // What was found so far comes first, and nothing more will be at an end.
        if matches!(what, StreamInput::End(_)) {
            self.stop_waiting_for(side, cx);
            self.process_waiting(cx);
        } else {
            self.conclude(side, cx);
        }
        let is_searched = self.sides[side].search().is_some() && !matches!(what, StreamInput::End(_));
        // What is searched is read at the packets that carried it.
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

    /// Processes what waited, as far as nothing before it is looked for any more.
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

    /// Looks for frames in all that waits of a side, for its place is lost.
    fn search_waiting(&mut self, side: Side, cx: &mut Context<'_>) {
        for Readable { at, what, verified } in self.order.take(side) {
            (cx.at, cx.verified) = (at, verified);
            match what {
                StreamInput::End(_) => {
                    // What can still be found comes before the end.
                    self.conclude(side, cx);
                    self.order.wait(side, at, what, verified);
                }
                StreamInput::Bytes(..) | StreamInput::Gap(..) => self.apply(side, what, cx),
            }
        }
    }

    /// Applies what was readable at the packet at hand.
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

    /// Keeps what waits of a side within its bound.
    fn bound_waiting(&mut self, side: Side, cx: &mut Context<'_>) {
        let limit = cx.shared.limits.tcp.waiting_bytes;
        if self.order.allocated() > limit {
            self.order.wait_to_report_limit(side, cx.at, limit);
            self.stop_waiting_for(!side, cx);
        }
    }

    /// Reports what is unfinished on one side; whether that is its sender's doing is known where its end was seen.
    fn end_side(&mut self, side: Side, seen: bool, cx: &mut Context<'_>) {
        self.end_in_stream(side, cx);
        match &mut self.sides[side].reading {
            Reading::Over => return,
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
        self.sides[side].reading = Reading::Over;
        if seen && self.ended_by.is_none() {
            self.ended_by = Some(side);
        }
    }

    /// Reports that TCP or the stream ended without a close, or without an answer to one.
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
                // Who resets a stream does not wait for an answer.
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

    /// Reports that the conversation is over.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        // What is found now may lead to where frames are looked for again.
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
        let unanswered = Understood::end(&mut self.meaning, ending != Ending::Unseen, close, cx);
        // What was lost, and not followed by data, may have been a close.
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
            // Where nothing of the other side was captured, its end was not either.
            half_closed: self
                .ended_by
                .filter(|by| ending == Ending::Unseen && self.sides[!*by].totals.frames > 0),
            duration: cx.at.time.since(self.opened),
            totals: Pair::from_fn(|side| self.sides[side].totals),
            unanswered,
        };
        cx.say(Kind::Closed(&ended));
        for side in Side::BOTH {
            for open in [self.sides[side].data.take(), self.sides[side].control.take()].into_iter().flatten()
            {
                cx.shared.give_back(open);
            }
        }
    }
}
