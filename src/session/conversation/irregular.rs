//! Streams that are not plain RFC 6455 frames: chunked, of an earlier draft, or with an HTTP message between frames.

use super::payload_view::PayloadView;
use super::side_state::{InStream, Reading};
use super::state::Conversation;
use crate::event::Framing;
use crate::http::{self, Sniff};
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::context::Context;
use crate::session::message::new_wire;
use crate::websocket::{Frames, Header, Opcode, Rsv1};

const HTTP: &[u8] = b"HTTP/1.";
/// The maximum length of a reported first line.
const LINE: usize = 128;

impl Conversation {
    /// Processes bytes of an irregular conversation; returns `false` if this side's bytes are regular.
    pub(super) fn odd(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) -> bool {
        let is_first = !bytes.is_empty() && !std::mem::replace(&mut self.sides[side].has_begun, true);
        if is_first && self.may_begin_chunk(side, bytes) {
            self.odd.get_or_insert_default().chunks[side].get_or_insert_default();
        }
        let Some(odd) = &mut self.odd else { return false };
        if odd.draft.is_some() {
            self.draft_frames(side, bytes, carried, cx);
            return true;
        }
        let Some(chunks) = &mut odd.chunks[side] else { return false };
        let knew = chunks.found();
        let plain = chunks.push(bytes);
        if !knew && chunks.found() {
            cx.anomaly(Some(side), &Anomaly::ChunkedFrames {});
        }
        if !plain.is_empty() {
            self.take_bytes(side, &plain, carried, cx);
        }
        true
    }

    /// Returns whether a side's first bytes may be a chunk size although the 101 response announced no chunks: no frame
    /// begins with these characters, except that a compressed fragment may begin with 'A' or 'B'.
    fn may_begin_chunk(&self, side: Side, bytes: &[u8]) -> bool {
        let may = match bytes.first() {
            Some(b'A' | b'B') => self.deflate.rsv1() == Rsv1::Meaningless,
            Some(first) => first.is_ascii_hexdigit(),
            None => false,
        };
        may && matches!(self.sides[side].reading, Reading::Counted)
    }

    /// Adjusts a gap for an irregular conversation.
    pub(super) fn odd_gap(&mut self, side: Side, lost: Lost) -> Lost {
        self.sides[side].has_begun = true;
        let chunks = self.odd.as_mut().and_then(|odd| odd.chunks[side].as_mut());
        let Some(chunks) = chunks else { return lost };
        match lost {
            Lost::Exact(length) if chunks.lose(Some(length)) => lost,
            Lost::Exact(length) => Lost::Unknown { least: length },
            Lost::AtMost(_) | Lost::Unknown { .. } => {
                chunks.lose(None);
                lost
            }
        }
    }

    /// Reports the frames of a draft before RFC 6455.
    fn draft_frames(&mut self, side: Side, mut bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        loop {
            if !self.draft_inside(side) {
                self.sides[side].begun = carried;
            }
            let Some(mut hixie) = self.odd.as_mut().and_then(|odd| odd.draft.take()) else { return };
            let frame = hixie[side].next(&mut bytes);
            if let Some(frame) = frame {
                let half = &mut self.sides[side];
                let mut wire = new_wire(half.begun);
                (wire.frames, wire.bytes) = (1, frame.length.saturating_add(frame.overhead));
                half.totals.frames = half.totals.frames.saturating_add(1);
                half.totals.wire_bytes = half.totals.wire_bytes.saturating_add(wire.bytes);
                if frame.opcode == Opcode::CLOSE {
                    self.note_close(side);
                }
                let kept = hixie[side].payload();
                let text = frame.opcode == Opcode::TEXT && std::str::from_utf8(kept).is_ok();
                let truncated = (kept.len() as u64) < frame.length;
                let view = PayloadView {
                    bytes: kept,
                    length: frame.length,
                    missing: &[],
                    truncated_to: truncated.then_some(kept.len() as u64),
                    withheld: 0,
                    text,
                    bad_utf8: None,
                    verified: true,
                    framing: Framing::Counted,
                };
                self.deliver(side, frame.opcode, &view, wire, cx);
            }
            if let Some(odd) = &mut self.odd {
                odd.draft = Some(hixie);
            }
            if frame.is_none() {
                return;
            }
        }
    }

    fn draft_inside(&self, side: Side) -> bool {
        let draft = self.odd.as_ref().and_then(|odd| odd.draft.as_ref());
        draft.is_some_and(|draft| draft[side].inside())
    }

    /// Notes that a side sent a close, as an RFC 6455 header would.
    fn note_close(&mut self, side: Side) {
        let Some(header) = Header::parse(&[0x88, 0]) else { return };
        let context =
            crate::websocket::Context { from: side, offset: 0, message_open: false, rsv1: Rsv1::Meaningless };
        self.sides[side].rules.check(&header, context).into_iter().for_each(drop);
    }

    /// Processes bytes that may be an HTTP message in place of a frame; returns `true` if they are consumed.
    pub(super) fn in_stream(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) -> bool {
        let half = &mut self.sides[side];
        if half.http.is_none() && !bytes.first().is_some_and(u8::is_ascii_uppercase) {
            return false;
        }
        match &mut half.http {
            Some(InStream::Message) => return true,
            Some(InStream::Never) => return false,
            Some(InStream::Maybe { bytes: held, .. }) => held.extend_from_slice(bytes),
            None => {
                let kept = match (half.frames.partial(), bytes) {
                    ([], [first, second, ..])
                        if !half.frames.inside() && may_begin(side, *first, *second) =>
                    {
                        0
                    }
                    ([first], [second, ..]) if may_begin(side, *first, *second) => 1_u64,
                    _ => return false,
                };
                let offset = half.frames.offset().saturating_sub(kept);
                let held = [half.frames.partial(), bytes].concat();
                half.frames = Frames::starting_at(offset);
                half.http = Some(InStream::Maybe { bytes: held, offset });
            }
        }
        self.decide_in_stream(side, carried, cx);
        true
    }

    fn decide_in_stream(&mut self, side: Side, carried: At, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        let Some(InStream::Maybe { bytes, offset }) = &mut half.http else { return };
        let may = match side {
            Side::Server => HTTP.iter().zip(bytes.iter()).all(|(a, b)| a == b),
            Side::Client => matches!(http::looks_like(bytes), Sniff::Request | Sniff::NeedMore),
        };
        if !may {
            let bytes = std::mem::take(bytes);
            half.http = Some(InStream::Never);
            return self.frames(side, &bytes, carried, cx);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        if end.is_none() && bytes.len() < LINE {
            return;
        }
        let line = bytes.get(..end.unwrap_or(LINE)).unwrap_or(bytes);
        let found = String::from_utf8_lossy(line).trim_end().into();
        let anomaly = Anomaly::HttpInStream { offset: *offset, found };
        half.http = Some(InStream::Message);
        cx.anomaly(Some(side), &anomaly);
    }

    /// Treats a possible HTTP message as frames, because no more of it will come.
    pub(super) fn end_in_stream(&mut self, side: Side, cx: &mut Context<'_>) {
        let half = &mut self.sides[side];
        if let Some(InStream::Maybe { bytes, .. }) = &mut half.http {
            let bytes = std::mem::take(bytes);
            half.http = Some(InStream::Never);
            let begun = half.begun;
            self.frames(side, &bytes, begun, cx);
        }
    }
}

/// Returns whether these two bytes may begin an HTTP message of a side.
///
/// No valid frame header does: "HT" would be a fragmented close with RSV1, and the methods have reserved opcodes or
/// bits.
fn may_begin(side: Side, first: u8, second: u8) -> bool {
    const METHODS: [&[u8; 2]; 8] = [b"GE", b"PO", b"HE", b"OP", b"CO", b"PU", b"DE", b"PA"];
    match side {
        Side::Server => [first, second] == *b"HT",
        Side::Client => METHODS.contains(&&[first, second]),
    }
}
