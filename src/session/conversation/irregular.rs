//! Streams that are not plain RFC 6455 frames: chunked, or of an earlier draft.

use super::payload_view::PayloadView;
use super::side_state::Reading;
use super::state::Conversation;
use crate::event::Framing;
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::context::Context;
use crate::session::message::new_wire;
use crate::websocket::{Header, Opcode, Rsv1};

impl Conversation {
    /// Processes bytes of an irregular conversation; returns `false` if this side's bytes are regular.
    pub(super) fn push_irregular(
        &mut self,
        side: Side,
        bytes: &[u8],
        carried: At,
        cx: &mut Context<'_>,
    ) -> bool {
        let is_first = !bytes.is_empty() && !std::mem::replace(&mut self.sides[side].has_begun, true);
        if is_first && self.may_begin_chunk(side, bytes) {
            self.irregularities.get_or_insert_default().chunks[side].get_or_insert_default();
        }
        let Some(irregularities) = &mut self.irregularities else { return false };
        if irregularities.draft.is_some() {
            self.draft_frames(side, bytes, carried, cx);
            return true;
        }
        let Some(chunks) = &mut irregularities.chunks[side] else { return false };
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
    pub(super) fn irregular_gap(&mut self, side: Side, lost: Lost) -> Lost {
        self.sides[side].has_begun = true;
        let chunks =
            self.irregularities.as_mut().and_then(|irregularities| irregularities.chunks[side].as_mut());
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
            let Some(mut hixie) =
                self.irregularities.as_mut().and_then(|irregularities| irregularities.draft.take())
            else {
                return;
            };
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
            if let Some(irregularities) = &mut self.irregularities {
                irregularities.draft = Some(hixie);
            }
            if frame.is_none() {
                return;
            }
        }
    }

    fn draft_inside(&self, side: Side) -> bool {
        let draft = self.irregularities.as_ref().and_then(|irregularities| irregularities.draft.as_ref());
        draft.is_some_and(|draft| draft[side].inside())
    }

    /// Notes that a side sent a close, as an RFC 6455 header would.
    fn note_close(&mut self, side: Side) {
        let Some(header) = Header::parse(&[0x88, 0]) else { return };
        let context =
            crate::websocket::Context { from: side, offset: 0, message_open: false, rsv1: Rsv1::Meaningless };
        self.sides[side].rules.check(&header, context).into_iter().for_each(drop);
    }
}
