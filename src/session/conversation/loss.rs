//! What happens where bytes are lost: a payload with a hole, or frames to be found again.

use super::Conversation;
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::resync::{Found, Piece, Search};
use crate::websocket::{Frames, Header};

impl Conversation {
    /// Gives up what was gathered where frames are looked for: no more memory is to be had.
    pub(in crate::session) fn stop_gathering(&mut self) {
        for side in Side::BOTH {
            if let Some(search) = &mut self.sides[side].search {
                search.give_up();
            }
        }
    }

    /// Begins to look for frames on one side, whose bytes so far were not captured.
    pub(in crate::session) fn search(&mut self, side: Side, mut search: Search, cx: &mut Context<'_>) {
        search.settle(side);
        let found = search.find();
        self.lose_place(side, search, cx);
        self.searched(side, found, cx);
    }

    /// Lets a search look for the next frames, for some of them and what was compressed with them are lost.
    fn lose_place(&mut self, side: Side, search: Search, cx: &Context<'_>) {
        self.lose_meaning(side);
        let half = &mut self.sides[side];
        (half.lost, half.desynchronised) = (true, true);
        half.search = Some(Box::new(search));
        if !matches!(self.deflate, Deflate::Off) {
            half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)).lose_history();
        }
    }

    /// Looks for frames anew: those found before led to a header that cannot be.
    pub(super) fn resync_from(
        &mut self,
        side: Side,
        header: &Header,
        offset: u64,
        rest: &[u8],
        carried: At,
        cx: &mut Context<'_>,
    ) {
        self.abandon(side, cx);
        self.lose_meaning(side);
        let half = &mut self.sides[side];
        if let Some(inflater) = &mut half.inflater {
            inflater.lose_history();
        }
        let mut search = Box::new(Search::after_gap(side, self.deflate.rsv1(), offset, 0));
        search.pass(u64::from(header.header_length));
        half.frames = Frames::default();
        half.search.get_or_insert(search).push(rest, carried);
    }

    /// Hears that bytes of the frame at hand, or frames, are lost.
    pub(super) fn lose(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        match lost {
            Lost::Exact(length) => self.lose_exactly(side, length, cx),
            Lost::Unknown { least } => self.lose_unknown(side, least, cx),
        }
    }

    /// Gives up the frame at hand: nobody can tell how much of it, or how many frames behind it, are lost.
    fn lose_unknown(&mut self, side: Side, least: u64, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let partial = half.frames.partial().len() as u64;
        let start = half.frames.offset().saturating_sub(partial);
        half.header = None;
        half.frames = Frames::default();
        if let Some(mut open) = half.control.take() {
            open.skip(None);
            self.finish(side, open, cx);
        }
        self.abandon(side, cx);
        let lost = least.saturating_add(partial);
        self.lose_place(side, Search::after_gap(side, self.deflate.rsv1(), start, lost), cx);
    }

    /// Goes on behind so many lost bytes: in the payload of the frame at hand, or looking for a header.
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
        // A header is lost: whatever was open cannot be continued for certain.
        self.abandon(side, cx);
        let start = offset.saturating_add(taken.payload).saturating_sub(partial);
        let lost = taken.beyond.saturating_add(partial);
        self.lose_place(side, Search::after_gap(side, self.deflate.rsv1(), start, lost), cx);
    }

    /// Settles a search with the bytes there are: no more will come that belong to them.
    pub(super) fn conclude(&mut self, side: Side, cx: &mut Context<'_>) {
        if let Some(search) = &mut self.sides[side].search {
            let found = search.best();
            self.searched(side, found, cx);
        }
    }

    /// Goes on after looking for frames: with those found, or not yet.
    pub(super) fn searched(&mut self, side: Side, mut found: Option<Found>, cx: &mut Context<'_>) {
        let now = cx.at;
        while let Some(begin) = found.take() {
            let half = &mut self.sides[side];
            let Some(search) = half.search.take() else { return };
            let (offset, lost, skipped) = (search.offset(), search.lost(begin), search.skipped(begin));
            half.found = true;
            half.frames = Frames::starting_at(offset.saturating_add(lost).saturating_add(skipped));
            if lost > 0 || skipped > 0 {
                cx.anomaly(Some(side), &Anomaly::Resynchronised { offset, lost, skipped });
            }
            for piece in search.pieces(begin) {
                match piece {
                    Piece::Bytes(bytes, carried) => {
                        cx.at = carried;
                        self.take(side, bytes, carried, cx);
                    }
                    Piece::Gap(lost) => self.miss(side, lost, cx),
                }
            }
            cx.at = now;
            // The frames found may have led to where none can be, or over a header that is missing.
            found = self.sides[side].search.as_mut().and_then(|search| search.find());
        }
    }

    /// Takes bytes: frames, or where these are looked for.
    pub(super) fn take(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.sides[side].search {
            Some(search) => search.push(bytes, carried),
            None => self.frames(side, bytes, carried, cx),
        }
    }

    /// Misses bytes of the frame at hand, or where frames are looked for.
    pub(super) fn miss(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        match &mut self.sides[side].search {
            Some(search) => search.gap(lost),
            None => self.lose(side, lost, cx),
        }
    }

    /// Tells an unfinished data message as far as it came: nothing will continue it.
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

    /// Tells what is unfinished when a side's bytes are over; it is wrong where their end was seen.
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
