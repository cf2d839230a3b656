//! Handling of lost bytes: gaps in a payload, and the search for frames.

use super::proof::Proof;
use super::side_state::{CurrentFrame, Losses, Reading};
use super::state::Conversation;
use crate::event::Framing;
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::order::StreamInput;
use crate::session::resync::{Ambiguity, Found, FrameSearch, Piece};
use crate::websocket::{Frames, Header};

impl Conversation {
    /// Gives up the bytes collected by searches for frames, because no memory is left.
    pub(in crate::session) fn stop_gathering(&mut self, cx: &mut Context<'_>) {
        for side in Side::BOTH {
            if let Some(search) = self.sides[side].search() {
                search.give_up();
            }
        }
        self.process_waiting(cx);
    }

    /// Starts a search for frames on one side, whose bytes before the current packet were not captured.
    /// [`Conversation::process_waiting`] must follow.
    pub(in crate::session) fn search(&mut self, side: Side, mut search: FrameSearch, cx: &mut Context<'_>) {
        search.settle(side);
        self.lose_history(side, cx);
        self.start_search(side, search, cx);
    }

    /// Starts a search for the next frames, after some of them and their compression history were lost.
    fn start_search(&mut self, side: Side, search: FrameSearch, cx: &Context<'_>) {
        self.lose_meaning(side);
        let half = &mut self.sides[side];
        half.losses = Losses::Recent;
        half.whole_since = half.whole_since.max(cx.now.time);
        self.begin_search(side, search.behind(cx.at), None, cx);
    }

    /// Searches for the next frame of a side from here on, within its grace.
    fn begin_search(
        &mut self,
        side: Side,
        search: FrameSearch,
        frame: Option<CurrentFrame>,
        cx: &Context<'_>,
    ) {
        let until = cx.now.time.plus(cx.shared.limits.search_grace);
        let half = &mut self.sides[side];
        let search = Box::new(search.with_debt(half.search_debt));
        half.reading = Reading::Searching { search, until, frame };
    }

    /// Notes that messages in the compression history may be lost.
    fn lose_history(&mut self, side: Side, cx: &Context<'_>) {
        if !matches!(self.deflate, Deflate::Off) {
            let inflater = &mut self.sides[side].inflater;
            inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)).lose_history();
        }
    }

    /// Restarts the search for frames, because those found before led to an impossible header.
    pub(super) fn resync_from(
        &mut self,
        side: Side,
        header: &Header,
        offset: u64,
        rest: &[u8],
        carried: At,
        cx: &mut Context<'_>,
    ) {
        if let Some(inflater) = &mut self.sides[side].inflater {
            inflater.lose_history();
        }
        let mut search = FrameSearch::after_gap(side, self.deflate.rsv1(), offset, 0).behind(cx.at);
        search.pass(u64::from(header.header_length));
        self.search_from(side, search, rest, carried, cx);
    }

    /// Searches for frames in `rest` and the bytes after it, because the position of the next frame is unknown.
    pub(super) fn search_from(
        &mut self,
        side: Side,
        mut search: FrameSearch,
        rest: &[u8],
        carried: At,
        cx: &mut Context<'_>,
    ) {
        self.abandon(side, cx);
        self.lose_meaning(side);
        let half = &mut self.sides[side];
        half.frames = Frames::default();
        half.whole_since = half.whole_since.max(cx.now.time);
        search.push(rest, carried);
        self.begin_search(side, search, None, cx);
    }

    /// Handles the loss of bytes of the current frame, or of entire frames.
    pub(super) fn lose(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        match lost {
            Lost::Exact(length) => self.lose_exactly(side, length, cx),
            Lost::AtMost(_) | Lost::Unknown { .. } => self.lose_unknown(side, lost, cx),
        }
    }

    /// Searches for frames, because an unknown part of the current frame, or an unknown number of later ones, is lost.
    fn lose_unknown(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        let rsv1 = self.deflate.rsv1();
        let half = &mut self.sides[side];
        let partial = half.frames.partial().len() as u64;
        let start = half.frames.offset().saturating_sub(partial);
        if let (Lost::AtMost(most), Some(_), Some(remaining)) = (lost, &half.header, half.frames.remaining())
            && let Some(certain) = remaining.checked_sub(most).filter(|certain| *certain > 0)
        {
            let mut search = FrameSearch::after_gap(side, rsv1, start, 0).behind(cx.at);
            search.skip_payload(certain);
            let frame = CurrentFrame { remaining, most, at: cx.at };
            self.begin_search(side, search, Some(frame), cx);
            return;
        }
        self.give_up_frame(side, cx);
        if may_hold_compressed(side, lost) {
            self.lose_history(side, cx);
        }
        let lost = lost.least().saturating_add(partial);
        self.start_search(side, FrameSearch::after_gap(side, rsv1, start, lost), cx);
    }

    /// Abandons the current frame and its message.
    fn give_up_frame(&mut self, side: Side, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        half.header = None;
        half.frames = Frames::default();
        if let Some(mut open) = half.control.take() {
            open.skip(None);
            self.finish(side, open, cx);
        }
        self.abandon(side, cx);
    }

    /// Widens the gap in the current frame, if nothing was captured after it and the frame still extends beyond.
    fn widens_gap_in_frame(&mut self, side: Side, lost: Lost) -> bool {
        let Reading::Searching { search, frame: Some(frame), .. } = &mut self.sides[side].reading else {
            return false;
        };
        let Lost::AtMost(more) = lost else { return false };
        let most = frame.most.saturating_add(more);
        let certain = frame.remaining.saturating_sub(most);
        if search.captured() > 0 || certain == 0 {
            return false;
        }
        frame.most = most;
        search.skip_payload(certain);
        true
    }

    /// Stops searching for the end of the current frame: frames found later may follow others.
    fn give_up_searched_frame(&mut self, side: Side, cx: &mut Context<'_>) {
        let Reading::Searching { search, frame, .. } = &mut self.sides[side].reading else { return };
        if let Some(frame) = frame.take() {
            if search.captured() == 0 {
                search.skip_payload(0);
            }
            let now = std::mem::replace(&mut cx.at, frame.at);
            self.give_up_frame(side, cx);
            cx.at = now;
            self.lose_history(side, cx);
            self.lose_meaning(side);
            let half = &mut self.sides[side];
            half.losses = Losses::Recent;
            half.whole_since = half.whole_since.max(cx.now.time);
        }
    }

    /// Continues after `length` lost bytes: in the payload of the current frame, or by searching for a header.
    fn lose_exactly(&mut self, side: Side, length: u64, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let offset = half.frames.offset();
        let partial = half.frames.partial().len() as u64;
        let taken = half.frames.gap(length);
        if taken.payload > 0
            && let Some(header) = half.header
        {
            let slot = if header.opcode.is_control() { &mut half.control } else { &mut half.data };
            if let Some(open) = slot {
                if open.inflating && !header.opcode.is_control() {
                    let inflater = half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx));
                    inflater.gap(&mut open.payload);
                } else {
                    open.skip(Some(taken.payload));
                }
            }
        }
        if taken.ended {
            self.frame_end(side, cx);
        }
        if taken.beyond == 0 {
            return;
        }
        // A header is lost: an open message cannot be continued with certainty.
        self.abandon(side, cx);
        let start = offset.saturating_add(taken.payload).saturating_sub(partial);
        self.lose_history(side, cx);
        let lost = taken.beyond.saturating_add(partial);
        self.start_search(side, FrameSearch::after_gap(side, self.deflate.rsv1(), start, lost), cx);
    }

    /// Concludes a search with the available bytes, because no more will come that belong to them.
    pub(super) fn conclude(&mut self, side: Side, cx: &mut Context<'_>) {
        let found = self.sides[side].search().and_then(FrameSearch::best);
        self.found(side, found, cx);
    }

    /// Concludes a search, and gives up the collected bytes if nothing is found, so that the other side waits no
    /// longer.
    pub(super) fn stop_waiting_for(&mut self, side: Side, cx: &mut Context<'_>) {
        self.conclude(side, cx);
        self.give_up_searched_frame(side, cx);
        if let Reading::Searching { search, until, .. } = &mut self.sides[side].reading {
            search.give_up();
            *until = cx.now.time.plus(cx.shared.limits.search_grace);
        }
    }

    /// Continues with the frames found, if any, in order with the other side's input.
    pub(in crate::session) fn found(&mut self, side: Side, found: Option<Found>, cx: &mut Context<'_>) {
        let Some(begin) = found else { return };
        let mut gap_in_frame = None;
        if let Reading::Searching { search, frame: Some(frame), .. } = &self.sides[side].reading {
            gap_in_frame = search.surely_skipped(begin).and_then(|captured| frame.gap(captured));
            if gap_in_frame.is_none() {
                self.give_up_searched_frame(side, cx);
            }
        }
        let half = &mut self.sides[side];
        let Reading::Searching { mut search, .. } =
            std::mem::replace(&mut half.reading, Reading::Found(Proof::default()))
        else {
            return;
        };
        half.search_debt = search.debt();
        let (offset, lost, skipped) = match gap_in_frame {
            Some(gap) => (search.offset(), gap, search.dropped()),
            None => (search.offset(), search.lost(begin), search.skipped(begin)),
        };
        let missing = lost.saturating_add(skipped);
        let resynchronised = (missing > 0).then_some(Anomaly::Resynchronised { offset, lost, skipped });
        if gap_in_frame.is_some() {
            // All collected bytes continue the current frame.
            for open in [&mut half.data, &mut half.control].into_iter().flatten() {
                open.framing = Framing::Searched;
            }
            let gap = StreamInput::Gap(Lost::Exact(missing), None);
            self.hand_on(side, resynchronised, (missing > 0).then_some(gap), (&search, None), cx);
        } else {
            half.frames = Frames::starting_at(offset.saturating_add(missing));
            if skipped > 0 {
                self.lose_history(side, cx);
            }
            let first = self.hand_on(side, resynchronised, None, (&search, Some(begin)), cx);
            self.sides[side].whole_since = first.time;
            if let Some(Ambiguity { offset, length }) = search.ambiguity() {
                let anomaly = Anomaly::AmbiguousFraming { offset, length };
                self.order.wait_to_report(side, first, anomaly);
            }
        }
    }

    /// Queues the collected bytes in order with the other side's input, preceded by an anomaly and a gap; returns the
    /// packet at which the first byte was readable.
    fn hand_on(
        &mut self,
        side: Side,
        anomaly: Option<Anomaly>,
        gap: Option<StreamInput>,
        (search, found): (&FrameSearch, Option<Found>),
        cx: &Context<'_>,
    ) -> At {
        let mut at = search.readable_before(found);
        let mut pieces = search.pieces(found).peekable();
        if let Some(Piece::Bytes(_, carried)) = pieces.peek() {
            at = at.later(*carried);
        }
        let first = at;
        if let Some(anomaly) = anomaly {
            self.order.wait_to_report(side, first, anomaly);
        }
        if let Some(gap) = gap {
            self.order.wait(side, first, gap, cx.verified);
        }
        for piece in pieces {
            let what = match piece {
                Piece::Bytes(bytes, carried) => {
                    at = at.later(carried);
                    StreamInput::Bytes(bytes.into(), carried)
                }
                Piece::Gap(lost) => StreamInput::Gap(lost, None),
            };
            self.order.wait(side, at, what, cx.verified);
        }
        self.order.reach(side, at);
        first
    }

    /// Applies a gap in the current frame or in the bytes being searched; `cause` is the reason to report, if any.
    pub(super) fn apply_gap(
        &mut self,
        side: Side,
        lost: Lost,
        cause: Option<&'static str>,
        cx: &mut Context<'_>,
    ) {
        self.end_in_stream(side, cx);
        let half = &mut self.sides[side];
        let known = half.frames.offset();
        let offset = half.search().map_or(known, |search| search.end());
        if let Some(cause) = cause {
            let (length, least) = match lost {
                Lost::Exact(length) => (Some(length), None),
                Lost::AtMost(_) | Lost::Unknown { .. } => (None, Some(lost.least())),
            };
            let anomaly = Anomaly::Gap { offset, length, least, cause };
            if half.search().is_some() {
                self.order.wait_to_report(side, cx.at, anomaly);
            } else {
                cx.anomaly(Some(side), &anomaly);
            }
        }
        if self.widens_gap_in_frame(side, lost) {
            return;
        }
        self.give_up_searched_frame(side, cx);
        match self.sides[side].search() {
            Some(search) => {
                search.gap(lost);
                self.lose_history(side, cx);
            }
            None => self.lose(side, lost, cx),
        }
    }

    /// Reports an unfinished data message as far as it was received, because nothing will continue it.
    pub(super) fn abandon(&mut self, side: Side, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        if let Some(mut open) = half.data.take() {
            match &mut half.inflater {
                Some(inflater) if open.inflating => {
                    inflater.gap(&mut open.payload);
                    inflater.finish(&mut open.payload);
                }
                _ => open.payload.skip(None),
            }
            self.finish(side, open, cx);
        }
    }

    /// Reports what is unfinished at the end of a side's bytes; it is an anomaly only if their end was captured
    /// (`seen`).
    pub(super) fn unfinished(&mut self, side: Side, seen: bool, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let (inside, missing, message_open) =
            (half.frames.inside(), half.frames.remaining(), half.data.is_some());
        if let (Some(rest), Some(header)) = (missing, half.header.take()) {
            if let Some(mut open) = half.control.take() {
                open.payload.skip(Some(rest));
                self.finish(side, open, cx);
            } else if header.fin
                && let Some(mut open) = half.data.take_if(|open| !open.inflating)
            {
                open.skip(Some(rest));
                self.finish(side, open, cx);
            }
        }
        self.abandon(side, cx);
        if seen {
            if inside {
                cx.anomaly(Some(side), &Anomaly::UnfinishedFrame { missing });
            } else if message_open {
                cx.anomaly(Some(side), &Anomaly::UnfinishedMessage {});
            }
        }
    }
}

/// Returns whether lost bytes may include compressed ones that later ones refer to.
///
/// A frame with any holds at least three bytes of them, for one literal and the end of its block (RFC 1951 §3.2.6).
const fn may_hold_compressed(side: Side, lost: Lost) -> bool {
    // A header, including a client's mask, and three bytes.
    let least = match side {
        Side::Client => 9,
        Side::Server => 5,
    };
    !matches!(lost, Lost::AtMost(most) if most < least)
}
