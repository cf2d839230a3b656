//! Decoding of bytes into frames and messages.

use super::payload_view::PayloadView;
use super::side_state::{Losses, Reading};
use super::state::Conversation;
use crate::event::{Frame, Framing, Kind};
use crate::model::{At, Side, Timestamp};
use crate::session::context::{Context, KEPT};
use crate::session::message::new_wire;
use crate::session::resync::FrameSearch;
use crate::websocket::mask::unmask;
use crate::websocket::{Header, Opcode, Piece, Rsv1};

impl Conversation {
    /// Splits bytes into frames and passes on their payload.
    pub(super) fn frames(&mut self, side: Side, mut input: &[u8], carried: At, cx: &mut Context<'_>) {
        loop {
            if self.in_stream(side, input, carried, cx) {
                return;
            }
            let half = &mut self.sides[side];
            if !half.frames.inside() {
                half.begun = carried;
            }
            match half.frames.next(&mut input) {
                Some(Piece::Header { header, offset }) => {
                    if matches!(half.reading, Reading::Found(_))
                        && !FrameSearch::is_plausible(side, self.deflate.rsv1(), &header)
                    {
                        return self.resync_from(side, &header, offset, input, carried, cx);
                    }
                    self.header(side, header, offset, &mut input, cx);
                }
                Some(Piece::Payload { bytes, position }) => self.payload(side, bytes, position, cx),
                Some(Piece::End) => self.frame_end(side, cx),
                None => return,
            }
        }
    }

    /// Processes a frame's header; also the payload if it is fully available and the frame is a complete message.
    fn header(&mut self, side: Side, header: Header, offset: u64, input: &mut &[u8], cx: &mut Context<'_>) {
        let starts = starts_message(&header);
        self.prove_by_header(side, &header, cx.at.time);
        let missing_start = self.report_header(side, header, offset, cx);
        let half = &mut self.sides[side];
        half.totals.frames = half.totals.frames.saturating_add(1);
        half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(u64::from(header.header_length));
        if starts && !header.opcode.is_control() && half.data.is_some() {
            self.abandon(side, cx);
        }
        let compressed = self.deflate.rsv1() != Rsv1::Meaningless && header.rsv1();
        let inflating = compressed && !header.opcode.is_control();
        let half = &mut self.sides[side];
        if header.fin
            && starts
            && header.length <= cx.shared.limits.message as u64
            && let Some(payload) = half.frames.whole(input)
        {
            half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(header.length);
            return self.whole(side, &header, payload, inflating, cx);
        }
        self.begin_frame(side, header, inflating, missing_start, cx);
    }

    /// Reports a frame and what is wrong with its header; returns whether it continues a message whose beginning may be
    /// lost.
    fn report_header(&mut self, side: Side, header: Header, offset: u64, cx: &mut Context<'_>) -> bool {
        let rsv1 = self.deflate.rsv1();
        let half = &mut self.sides[side];
        // If frames were found by a search, earlier bytes may have been the first fragment.
        let may_be_lost = half.losses == Losses::Recent || matches!(half.reading, Reading::Found(_));
        let missing_start = !starts_message(&header) && may_be_lost && half.data.is_none();
        if half.losses == Losses::Recent && !header.opcode.is_control() {
            half.losses = Losses::Past;
        }
        let message_open = half.data.is_some() || missing_start;
        let context = crate::websocket::Context { from: side, offset, message_open, rsv1 };
        if cx.sink.wants_frames() {
            cx.emit(Kind::Frame(Frame { from: side, header, offset }));
        }
        for anomaly in half.rules.check(&header, context) {
            // Unauthenticated bytes are no evidence.
            if cx.verified {
                cx.anomaly(Some(side), &anomaly);
            }
        }
        missing_start
    }

    /// Begins a frame whose payload is yet to come, and its message unless it continues one.
    fn begin_frame(
        &mut self,
        side: Side,
        header: Header,
        inflating: bool,
        missing_start: bool,
        cx: &mut Context<'_>,
    ) {
        let rsv1 = self.deflate.rsv1();
        let half = &mut self.sides[side];
        let (begun, framing) = (half.begun, half.framing());
        half.header = Some(header);
        let slot = if header.opcode.is_control() { &mut half.control } else { &mut half.data };
        let open = match slot {
            Some(open) if !starts_message(&header) => {
                open.add_frame(&header);
                if rsv1 == Rsv1::Frame {
                    open.inflating = inflating;
                }
                open
            }
            _ => {
                let open = slot.insert(cx.shared.open());
                open.begin(&header, inflating, begun);
                if missing_start {
                    // It continues a message whose beginning was lost, so whether that is compressed is unknown.
                    open.payload.skip(None);
                    open.unreadable = rsv1 == Rsv1::Message;
                    if let Some(inflater) = &mut half.inflater {
                        inflater.lose_history();
                    }
                }
                open
            }
        };
        open.verified &= cx.verified;
        if framing == Framing::Searched {
            open.framing = framing;
        }
        if inflating {
            open.wire.compressed = true;
            open.wire.inflated = true;
        }
    }

    /// Treats a header as proof of framing if it is a client's, the sides take turns, and the handshake identified the
    /// client.
    fn prove_by_header(&mut self, side: Side, header: &Header, now: Timestamp) {
        let (half, other) = self.sides.split_mut(side);
        let Reading::Found(proof) = &mut half.reading else { return };
        proof.since.get_or_insert(now);
        if side == Side::Client
            && !self.is_mid_stream
            && header.mask.is_some_and(|key| proof.frame(key, other.totals.frames))
        {
            half.reading = Reading::Proven;
        }
    }

    /// Processes a message or control frame whose single frame is contained in one segment.
    fn whole(&mut self, side: Side, header: &Header, masked: &[u8], inflating: bool, cx: &mut Context<'_>) {
        if inflating {
            self.wake(cx);
        }
        let half = &mut self.sides[side];
        let framing = half.framing();
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
            let view = PayloadView { verified: cx.verified, framing, ..PayloadView::of(header.opcode, &out) };
            self.deliver(side, header.opcode, &view, wire, cx);
            out.shrink(KEPT);
            cx.shared.inflated = out;
            self.inflater_anomalies(side, cx);
        } else {
            let bad = if header.opcode == Opcode::TEXT { first_bad_byte(payload) } else { None };
            let view = PayloadView {
                bytes: payload,
                length: header.length,
                missing: &[],
                truncated_to: None,
                withheld: 0,
                text: bad.is_none() && header.opcode == Opcode::TEXT,
                // If a bit without a defined meaning is set, the payload's format is unknown.
                bad_utf8: bad.filter(|_| header.rsv == 0),
                verified: cx.verified,
                framing,
            };
            self.deliver(side, header.opcode, &view, wire, cx);
        }
        cx.shared.unmasked = buffer;
    }

    /// Processes a part of a frame's payload.
    fn payload(&mut self, side: Side, bytes: &[u8], position: u64, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(bytes.len() as u64);
        let Some(header) = half.header else { return };
        let slot = if header.opcode.is_control() { &mut half.control } else { &mut half.data };
        let Some(open) = slot else { return };
        open.wire.bytes = open.wire.bytes.saturating_add(bytes.len() as u64);
        open.verified &= cx.verified;
        if open.unreadable {
            return open.skip(Some(bytes.len() as u64));
        }
        let inflating = open.inflating && !header.opcode.is_control();
        let inflater =
            inflating.then(|| half.inflater.get_or_insert_with(|| self.deflate.inflater(side, cx)));
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

    /// Ends a frame, and its message if it was the last one.
    pub(super) fn frame_end(&mut self, side: Side, cx: &mut Context<'_>) {
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
}

/// Returns whether a frame with this header is the first of its message.
fn starts_message(header: &Header) -> bool {
    header.opcode != Opcode::CONTINUATION
}

/// Returns the offset of the first byte that is not valid UTF-8.
fn first_bad_byte(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).err().map(|e| e.valid_up_to() as u64)
}
