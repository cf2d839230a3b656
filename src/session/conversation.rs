use std::time::Duration;

use super::context::Context;
use super::message::{Open, new_wire};
use super::resync::{Found, Search};
use crate::event::{Closed, Frame, Kind, Message, Totals, Wire};
use crate::http::Handshake;
use crate::model::{Anomaly, At, DeflateSide, Pair, Side, Timestamp};
use crate::websocket::close::{ABNORMAL, CloseBody};
use crate::websocket::deflate::Inflater;
use crate::websocket::mask::unmask;
use crate::websocket::{Frames, Header, Missing, Opcode, Pings, Rsv1, Rules, Utf8};

/// Is one WebSocket: both sides' frames, messages, inflating and closing (RFC 6455 §5–7).
///
/// Of each side:
///
/// ```text
///             gap over a header             frames found again
///   decoding ──────────────────► searching ───────────────────► decoding
///      │                             │
///      └────────── TCP ends ─────────┴──► over: what is unfinished is told as such
/// ```
#[derive(Debug)]
pub(super) struct Conversation {
    sides: Pair<Half>,
    opened: Timestamp,
    deflate: Deflate,
    first_close: Option<Box<FirstClose>>,
    /// Who ended TCP first.
    ended_by: Option<Side>,
    /// Inflaters have been used since they rested, and since they were last asked to.
    awake: bool,
    in_use: bool,
}

/// Says what is known about compression.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deflate {
    /// None was agreed on.
    Off,
    /// `permessage-deflate` (RFC 7692).
    Messages(Pair<DeflateSide>),
    /// The draft before it: each frame is compressed by itself.
    Frames(Pair<DeflateSide>),
    /// The handshake was not captured: RSV1 will tell.
    Unknown,
}

/// Says why a side's bytes, or the whole conversation, are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// TCP ended: `fin` or `reset`.
    Tcp(&'static str),
    /// The capture ended, or a limit made us forget the connection.
    Unseen,
}

#[derive(Debug)]
struct FirstClose {
    by: Side,
    code: u16,
    reason: Box<str>,
}

#[derive(Debug, Default)]
struct Half {
    frames: Frames,
    rules: Rules,
    /// The header of the frame whose payload is being read.
    header: Option<Header>,
    /// The packet that carried the first byte of the frame at hand.
    begun: At,
    data: Option<Box<Open>>,
    control: Option<Box<Open>>,
    inflater: Option<Box<Inflater>>,
    pings: Option<Box<Pings>>,
    totals: Totals,
    search: Option<Box<Search>>,
    /// Bytes were lost that may have held frames.
    lost: bool,
    /// No data frame was seen since: a continuation may continue what was lost.
    adrift: bool,
    /// Where frames begin was found by looking for them, not by counting.
    found: bool,
    over: bool,
}

impl Conversation {
    pub(super) fn new(opened: Timestamp, deflate: Deflate) -> Self {
        Conversation { sides: Pair::default(), opened, deflate, first_close: None, ended_by: None, awake: false, in_use: false }
    }

    /// Begins to look for frames on one side, whose bytes so far were not captured.
    pub(super) fn search(&mut self, side: Side, mut search: Search, cx: &mut Context<'_>) {
        search.settle(side);
        let found = search.find();
        let half = &mut self.sides[side];
        (half.lost, half.adrift) = (true, true);
        half.search = Some(Box::new(search));
        if !matches!(self.deflate, Deflate::Off) {
            half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)).lose_history();
        }
        self.searched(side, found, cx);
    }

    /// Returns the memory of searches for frames, in bytes.
    pub(super) fn searched_bytes(&self) -> usize {
        let of = |half: &Half| half.search.as_ref().map_or(0, |search| search.allocated());
        of(&self.sides.client).saturating_add(of(&self.sides.server))
    }

    /// Gives back the memory of inflaters but for their windows; `false` where one was in use since the last call.
    pub(super) fn rest(&mut self) -> bool {
        if std::mem::take(&mut self.in_use) {
            return false;
        }
        self.awake = false;
        for side in Side::BOTH {
            if let Some(inflater) = &mut self.sides[side].inflater {
                inflater.rest();
            }
        }
        true
    }

    /// Notes that an inflater is in use.
    const fn wake(&mut self, cx: &mut Context<'_>) {
        self.in_use = true;
        cx.shared.woke |= !self.awake;
        self.awake = true;
    }

    /// Takes bytes of one side, in order; `carried` is the packet they came in.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        if half.over {
            return;
        }
        if let Some(search) = &mut half.search {
            search.push(bytes, carried);
            let found = search.find();
            self.searched(side, found, cx);
        } else {
            self.frames(side, bytes, carried, cx);
        }
    }

    /// Hears that bytes of one side are lost.
    pub(super) fn gap(&mut self, side: Side, length: u64, cause: &'static str, cx: &mut Context<'_>) {
        if self.sides[side].over {
            return;
        }
        let half = &self.sides[side];
        let offset = half.search.as_ref().map_or(half.frames.offset(), |search| search.end());
        cx.anomaly(Some(side), &Anomaly::Gap { offset, length, cause });
        self.decide(side, cx);
        match &mut self.sides[side].search {
            Some(search) => search.gap(length),
            None => self.lose(side, length, cx),
        }
    }

    /// Hears that one side sends nothing more.
    pub(super) fn end(&mut self, side: Side, ending: Ending, cx: &mut Context<'_>) {
        if self.sides[side].over {
            return;
        }
        self.decide(side, cx);
        if let Some(search) = self.sides[side].search.take()
            && search.captured() > 0
        {
            cx.anomaly(Some(side), &Anomaly::LostSync { offset: search.offset(), skipped: search.captured() });
        }
        self.unfinished(side, ending, cx);
        self.sides[side].over = true;
        if matches!(ending, Ending::Tcp(_)) && self.ended_by.is_none() {
            self.ended_by = Some(side);
        }
    }

    /// Tells that the conversation is over.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        for side in Side::BOTH {
            self.end(side, ending, cx);
        }
        let closed = Pair::from_fn(|side| self.sides[side].rules.closed());
        if let Ending::Tcp(tcp) = ending {
            match &self.first_close {
                None if !self.sides.client.lost && !self.sides.server.lost => {
                    cx.anomaly(self.ended_by, &Anomaly::NoClose { tcp });
                }
                Some(first) if !closed[!first.by] && !self.sides[!first.by].lost => {
                    cx.anomaly(Some(!first.by), &Anomaly::NoCloseEcho {});
                }
                _ => {}
            }
        }
        let (code, reason, by) = match self.first_close.take() {
            Some(first) => (Some(first.code), first.reason, Some(first.by)),
            None if matches!(ending, Ending::Tcp(_)) => (Some(ABNORMAL), "".into(), self.ended_by),
            None => (None, "".into(), None),
        };
        let ended = Closed {
            code,
            reason,
            by,
            clean: closed.client && closed.server,
            duration: cx.at.time.since(self.opened),
            totals: Pair::from_fn(|side| self.sides[side].totals),
        };
        cx.say(Kind::Closed(&ended));
        for side in Side::BOTH {
            for open in [self.sides[side].data.take(), self.sides[side].control.take()].into_iter().flatten() {
                cx.shared.give_back(open);
            }
        }
    }

    /// Cuts bytes into frames and hands their payload on.
    fn frames(&mut self, side: Side, mut input: &[u8], carried: At, cx: &mut Context<'_>) {
        use crate::websocket::Piece;
        loop {
            let half = &mut self.sides[side];
            if !half.frames.inside() {
                half.begun = carried;
            }
            match half.frames.next(&mut input) {
                Some(Piece::Header { header, offset }) => {
                    if half.found && !Search::believes(side, self.deflate.rsv1(), &header) {
                        return self.doubt(side, &header, offset, input, carried, cx);
                    }
                    self.header(side, header, offset, &mut input, cx);
                }
                Some(Piece::Payload { bytes, position }) => self.payload(side, bytes, position, cx),
                Some(Piece::End) => self.frame_end(side, cx),
                None => return,
            }
        }
    }

    /// Looks for frames anew: those found before led to a header that cannot be.
    fn doubt(&mut self, side: Side, header: &Header, offset: u64, rest: &[u8], carried: At, cx: &mut Context<'_>) {
        self.abandon(side, cx);
        let half = &mut self.sides[side];
        if let Some(inflater) = &mut half.inflater {
            inflater.lose_history();
        }
        let mut search = Box::new(Search::after_gap(side, self.deflate.rsv1(), offset, 0));
        search.pass(u64::from(header.header_length));
        half.frames = Frames::default();
        half.search = Some(search);
        if !rest.is_empty() {
            self.bytes(side, rest, carried, cx);
        }
    }

    /// Begins a frame; does the whole of it where all of its payload is at hand and it is a message by itself.
    fn header(&mut self, side: Side, header: Header, offset: u64, input: &mut &[u8], cx: &mut Context<'_>) {
        let rsv1 = self.deflate.rsv1();
        let half = &mut self.sides[side];
        let control = header.opcode.is_control();
        let starts = control || header.opcode != Opcode::CONTINUATION;
        let beheaded = !starts && half.adrift && half.data.is_none();
        half.adrift &= control;
        let message_open = half.data.is_some() || beheaded;
        let context = crate::websocket::Context { from: side, offset, message_open, rsv1 };
        if cx.sink.wants_frames() {
            cx.say(Kind::Frame(Frame { from: side, header, offset }));
        }
        for anomaly in half.rules.check(&header, context) {
            cx.anomaly(Some(side), &anomaly);
        }
        half.totals.frames = half.totals.frames.saturating_add(1);
        half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(u64::from(header.header_length));
        if starts && !control && half.data.is_some() {
            self.abandon(side, cx);
        }
        let half = &mut self.sides[side];
        let inflating = !control && rsv1 != Rsv1::Meaningless && header.rsv1();
        if header.fin
            && starts
            && header.length <= cx.shared.limits.message as u64
            && let Some(payload) = half.frames.whole(input)
        {
            half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(header.length);
            return self.whole(side, &header, payload, inflating, cx);
        }
        half.header = Some(header);
        let begun = half.begun;
        let slot = if control { &mut half.control } else { &mut half.data };
        match slot {
            Some(open) if !starts => {
                open.add_frame(&header);
                if rsv1 == Rsv1::Frame {
                    open.inflating = inflating;
                }
            }
            _ => {
                let mut open = cx.shared.open();
                open.begin(&header, inflating, begun);
                if beheaded {
                    // It continues a message whose beginning was lost, and with it whether it is compressed.
                    open.payload.skip(None);
                    open.unreadable = rsv1 == Rsv1::Message;
                }
                *slot = Some(open);
            }
        }
        if inflating && let Some(open) = slot {
            open.wire.compressed = true;
            open.wire.inflated = true;
        }
    }

    /// Takes a message or control frame whose single frame is whole in one segment.
    fn whole(&mut self, side: Side, header: &Header, masked: &[u8], inflating: bool, cx: &mut Context<'_>) {
        if inflating {
            self.wake(cx);
        }
        let half = &mut self.sides[side];
        let mut wire = new_wire(half.begun);
        wire.frames = 1;
        wire.bytes = u64::from(header.header_length).saturating_add(header.length);
        wire.masked = header.mask.is_some();
        let mut buffer = std::mem::take(&mut cx.shared.unmasked);
        let payload = match header.mask {
            None => masked,
            Some(key) => {
                buffer.clear();
                buffer.extend_from_slice(masked);
                unmask(&mut buffer, key, 0);
                &buffer
            }
        };
        if inflating {
            wire.compressed = true;
            wire.inflated = true;
            let inflater = half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx));
            let mut out = std::mem::take(&mut cx.shared.inflated);
            out.clear(header.opcode == Opcode::TEXT);
            inflater.push(payload, &mut out);
            inflater.finish(&mut out);
            out.trim_cut_character();
            let said = Said::of(header.opcode, &out);
            self.deliver(side, header.opcode, &said, wire, cx);
            out.shrink(super::context::KEPT);
            cx.shared.inflated = out;
            self.inflater_anomalies(side, cx);
        } else {
            let bad = if header.opcode == Opcode::TEXT { first_bad_byte(payload) } else { None };
            let said = Said {
                bytes: payload,
                length: header.length,
                missing: &[],
                truncated_to: None,
                text: bad.is_none() && header.opcode == Opcode::TEXT,
                bad_utf8: bad,
            };
            self.deliver(side, header.opcode, &said, wire, cx);
        }
        cx.shared.unmasked = buffer;
    }

    /// Takes a part of a frame's payload.
    fn payload(&mut self, side: Side, bytes: &[u8], position: u64, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(bytes.len() as u64);
        let Some(header) = half.header else { return };
        let slot = if header.opcode.is_control() { &mut half.control } else { &mut half.data };
        let Some(open) = slot else { return };
        open.wire.bytes = open.wire.bytes.saturating_add(bytes.len() as u64);
        if open.unreadable {
            return;
        }
        let inflating = open.inflating && !header.opcode.is_control();
        let inflater = inflating.then(|| half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)));
        cx.shared.fill(open, |payload, unmasked| match (inflater, header.mask) {
            (None, None) => payload.push(bytes),
            (None, Some(key)) => payload.push_masked(bytes, key, position),
            (Some(inflater), None) => inflater.push(bytes, payload),
            (Some(inflater), Some(key)) => {
                unmasked.clear();
                unmasked.extend_from_slice(bytes);
                unmask(unmasked, key, position);
                inflater.push(unmasked, payload);
            }
        });
        if inflating {
            self.wake(cx);
        }
    }

    /// Hears that bytes of the frame at hand, or frames, are lost.
    fn lose(&mut self, side: Side, length: u64, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let offset = half.frames.offset();
        let partial = half.frames.partial().len() as u64;
        let taken = half.frames.gap(length);
        if taken.payload > 0
            && let Some(header) = half.header
        {
            let slot = if header.opcode.is_control() { &mut half.control } else { &mut half.data };
            if let Some(open) = slot {
                match &mut half.inflater {
                    Some(inflater) if open.inflating && !header.opcode.is_control() => {
                        inflater.gap(&mut open.payload);
                    }
                    _ if open.inflating && !header.opcode.is_control() => {
                        let mut inflater = self.deflate.inflater(side, cx);
                        inflater.gap(&mut open.payload);
                        half.inflater = Some(inflater);
                    }
                    _ => open.skip(Some(taken.payload)),
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
        let half = &mut self.sides[side];
        (half.lost, half.adrift) = (true, true);
        if !matches!(self.deflate, Deflate::Off) {
            half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)).lose_history();
        }
        let start = offset.saturating_add(taken.payload).saturating_sub(partial);
        let lost = taken.beyond.saturating_add(partial);
        half.search = Some(Box::new(Search::after_gap(side, self.deflate.rsv1(), start, lost)));
    }

    /// Settles a search with the bytes there are: no more will come that belong to them.
    fn decide(&mut self, side: Side, cx: &mut Context<'_>) {
        if let Some(search) = &mut self.sides[side].search {
            let found = search.best();
            self.searched(side, found, cx);
        }
    }

    /// Goes on after looking for frames: with those found, or not yet.
    fn searched(&mut self, side: Side, found: Option<Found>, cx: &mut Context<'_>) {
        let Some(found) = found else { return };
        let half = &mut self.sides[side];
        let Some(search) = half.search.take() else { return };
        let (offset, lost, skipped) = (search.offset(), search.lost(), search.skipped(found));
        half.found = true;
        half.frames = Frames::starting_at(offset.saturating_add(lost).saturating_add(skipped));
        if lost > 0 || skipped > 0 {
            cx.anomaly(Some(side), &Anomaly::Resynchronised { offset, lost, skipped });
        }
        let now = cx.at;
        for (bytes, carried) in search.pieces(found) {
            cx.at = carried;
            self.frames(side, bytes, carried, cx);
        }
        cx.at = now;
    }

    /// Ends a frame, and its message with it where it was the last.
    fn frame_end(&mut self, side: Side, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let Some(header) = half.header.take() else { return };
        if header.opcode.is_control() {
            if let Some(open) = half.control.take() {
                self.finish(side, open, cx);
            }
            return;
        }
        let per_frame = self.deflate.rsv1() == Rsv1::Frame;
        if (header.fin || per_frame)
            && let Some(open) = &mut half.data
            && open.inflating
            && let Some(inflater) = &mut half.inflater
        {
            cx.shared.fill(open, |payload, _| inflater.finish(payload));
        }
        if header.fin
            && let Some(open) = half.data.take()
        {
            self.finish(side, open, cx);
        }
    }

    /// Tells an unfinished data message as far as it came: nothing will continue it.
    fn abandon(&mut self, side: Side, cx: &mut Context<'_>) {
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

    /// Tells what is unfinished when a side's bytes are over.
    fn unfinished(&mut self, side: Side, ending: Ending, cx: &mut Context<'_>) {
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
        if matches!(ending, Ending::Tcp(_)) {
            if inside {
                cx.anomaly(Some(side), &Anomaly::UnfinishedFrame { missing });
            } else if message_open {
                cx.anomaly(Some(side), &Anomaly::UnfinishedMessage {});
            }
        }
    }

    /// Tells a message that was gathered and gives its memory back.
    fn finish(&mut self, side: Side, mut open: Box<Open>, cx: &mut Context<'_>) {
        open.payload.trim_cut_character();
        let said = Said::of(open.opcode, &open.payload);
        self.deliver(side, open.opcode, &said, open.wire, cx);
        if open.inflating {
            self.inflater_anomalies(side, cx);
        }
        cx.shared.give_back(open);
    }

    fn inflater_anomalies(&mut self, side: Side, cx: &mut Context<'_>) {
        while let Some(anomaly) = self.sides[side].inflater.as_mut().and_then(|inflater| inflater.next_anomaly()) {
            cx.anomaly(Some(side), &anomaly);
        }
    }

    /// Tells a message or control frame, and what follows from it.
    fn deliver(&mut self, side: Side, opcode: Opcode, said: &Said<'_>, wire: Wire, cx: &mut Context<'_>) {
        let (half, other) = self.sides.split_mut(side);
        half.totals.messages = half.totals.messages.saturating_add(1);
        half.totals.bytes = half.totals.bytes.saturating_add(said.length);
        let whole = said.missing.is_empty();
        let (mut close, mut close_fault, mut rtt) = (None, None, None::<Duration>);
        let mut text = said.text;
        match opcode {
            Opcode::CLOSE if whole => {
                let (body, fault) = CloseBody::parse(said.bytes);
                (close, close_fault) = (Some(body), fault);
                if self.first_close.is_none() {
                    self.first_close =
                        Some(Box::new(FirstClose { by: side, code: body.code, reason: body.reason.into() }));
                }
            }
            Opcode::PING | Opcode::PONG => {
                text = whole && std::str::from_utf8(said.bytes).is_ok();
                if opcode == Opcode::PING && whole {
                    half.pings.get_or_insert_default().ping(cx.at.time, said.bytes);
                } else if whole {
                    let sent = other.pings.as_mut().and_then(|pings| pings.pong(said.bytes));
                    rtt = sent.map(|sent| cx.at.time.since(sent));
                }
            }
            _ => {}
        }
        cx.say(Kind::Message(Message {
            from: side,
            opcode,
            payload: said.bytes,
            length: said.length,
            text,
            missing: said.missing,
            truncated_to: said.truncated_to,
            close,
            rtt,
            wire,
        }));
        if let Some(offset) = said.bad_utf8 {
            cx.anomaly(Some(side), &Anomaly::BadUtf8 { offset });
        }
        if let Some(kept) = said.truncated_to {
            cx.anomaly(Some(side), &Anomaly::MessageTruncated { kept });
        }
        if let Some(fault) = close_fault {
            cx.anomaly(Some(side), &fault);
        }
    }
}

impl Deflate {
    /// Reads what the handshake agreed on.
    pub(super) fn agreed(handshake: &Handshake) -> Self {
        match handshake.deflate {
            None if handshake.response.is_none() => Deflate::Unknown,
            None => Deflate::Off,
            Some(agreed) if handshake.per_frame => Deflate::Frames(agreed),
            Some(agreed) => Deflate::Messages(agreed),
        }
    }

    pub(super) const fn rsv1(&self) -> Rsv1 {
        match self {
            Deflate::Off => Rsv1::Meaningless,
            Deflate::Messages(_) | Deflate::Unknown => Rsv1::Message,
            Deflate::Frames(_) => Rsv1::Frame,
        }
    }

    fn inflater(&self, side: Side, cx: &Context<'_>) -> Box<Inflater> {
        let limits = cx.shared.limits.deflate;
        Box::new(match self {
            Deflate::Messages(agreed) | Deflate::Frames(agreed) => Inflater::new(agreed[side], limits),
            Deflate::Off | Deflate::Unknown => Inflater::joined_late(limits),
        })
    }
}

/// Is a payload as it will be told.
struct Said<'a> {
    bytes: &'a [u8],
    length: u64,
    missing: &'a [Missing],
    truncated_to: Option<u64>,
    text: bool,
    bad_utf8: Option<u64>,
}

impl<'a> Said<'a> {
    fn of(opcode: Opcode, payload: &'a crate::websocket::Payload) -> Self {
        let utf8 = if opcode == Opcode::TEXT { payload.utf8() } else { None };
        Said {
            bytes: payload.bytes(),
            length: payload.length(),
            missing: payload.missing(),
            truncated_to: payload.truncated_to(),
            text: utf8.is_some_and(Utf8::is_text),
            bad_utf8: utf8.and_then(Utf8::finish),
        }
    }
}

/// Returns the offset of the first byte that does not belong to UTF-8 text.
fn first_bad_byte(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).err().map(|e| e.valid_up_to() as u64)
}
