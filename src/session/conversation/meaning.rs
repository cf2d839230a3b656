//! What messages mean: the sub-protocol's reader beside the conversation.

use super::Conversation;
use crate::event::{Handshake, Wire};
use crate::model::{Anomaly, At, Side};
use crate::session::context::Context;
use crate::subprotocol::{Input, Meaning, Opening, Reader, Unanswered};
use crate::websocket::Opcode;

use super::tell::PayloadView;

/// The reader of a conversation's messages, and what it holds of the memory of all of them.
#[derive(Debug)]
pub(super) struct Understood {
    reader: Reader,
    held: usize,
}

impl Conversation {
    /// Begins to read the meaning of messages, as far as the user wants it.
    pub(in crate::session) fn understand(&mut self, handshake: Option<&Handshake>, cx: &Context<'_>) {
        let opening = handshake.map(Opening::of).unwrap_or_default();
        let settings = cx.shared.limits.subprotocols;
        let reader = settings.reader(cx.conn.packet.get(), cx.conn.stream(), opening);
        self.meaning = reader.map(|reader| Box::new(Understood { reader, held: 0 }));
    }

    /// Hears that messages of one side may be lost.
    pub(super) fn lose_meaning(&mut self, side: Side) {
        if let Some(meaning) = &mut self.meaning {
            meaning.reader.lost(side);
        }
    }

    /// Ends the reading, and returns which questions were never answered.
    pub(super) fn end_meaning(&mut self, seen: bool, cx: &mut Context<'_>) -> Unanswered {
        let Some(mut meaning) = self.meaning.take() else { return Unanswered::default() };
        cx.shared.understood = cx.shared.understood.saturating_sub(meaning.held);
        let (end, unanswered) = meaning.reader.end(cx.at, seen);
        for anomaly in end.anomalies() {
            cx.anomaly(None, anomaly);
        }
        unanswered
    }

    /// Forgets the reader where it has found that nothing is to be read, or where all of them hold too much.
    pub(super) fn settle_meaning(&mut self, cx: &mut Context<'_>) {
        let Some(meaning) = &mut self.meaning else { return };
        let others = cx.shared.understood.saturating_sub(meaning.held);
        meaning.held = meaning.reader.allocated();
        cx.shared.understood = others.saturating_add(meaning.held);
        let most = cx.shared.limits.understood;
        let full = cx.shared.understood > most;
        if full || meaning.reader.is_plain() {
            cx.shared.understood = others;
            self.meaning = None;
        }
        if full {
            let value = most as u64;
            cx.anomaly(None, &Anomaly::LimitReached { limit: "memory of sub-protocols", value });
        }
    }
}

impl Understood {
    /// Returns what a message means; `None` of a control frame, and of what is shown as it was compressed.
    pub(super) fn message<'a>(
        &'a mut self,
        from: Side,
        opcode: Opcode,
        said: &PayloadView<'a>,
        wire: &Wire,
        at: At,
    ) -> Option<Meaning<'a>> {
        if opcode != Opcode::TEXT && opcode != Opcode::BINARY {
            return None;
        }
        if wire.compressed && !wire.inflated {
            self.reader.lost(from);
            return None;
        }
        let PayloadView { bytes, missing, length, .. } = *said;
        let input = Input { from, opcode, bytes, missing, length, first: wire.first, at };
        Some(self.reader.message(&input))
    }
}
