//! Sub-protocol readers of conversations.

use super::context::Context;
use crate::event::Handshake;
use crate::model::{Anomaly, Side};
use crate::subprotocol::{Input, Meaning, Opening, Reader, Unanswered};

/// The sub-protocol reader of a conversation, and its part of the memory of all readers.
#[derive(Debug)]
pub(super) struct MeaningReader {
    reader: Reader,
    held: usize,
}

impl MeaningReader {
    /// Creates the reader of a conversation, as far as the user asks for it.
    pub(super) fn of(handshake: Option<&Handshake>, cx: &mut Context<'_>) -> Option<Box<Self>> {
        let opening = handshake.map(Opening::of).unwrap_or_default();
        let conversation = cx.conversation.as_deref();
        let choice = cx.shared.chosen.iter().find(|it| it.selector.selects(cx.conn, conversation));
        let reader = cx.shared.subprotocols.reader(choice.map(|it| it.name), opening)?;
        let held = reader.allocated();
        cx.shared.understood = cx.shared.understood.saturating_add(held);
        Some(Box::new(MeaningReader { reader, held }))
    }

    /// Notes that messages of one side may be lost.
    pub(super) fn lost(&mut self, side: Side) {
        self.reader.lost(side);
    }

    /// Returns the meaning of a text or binary message.
    pub(super) fn message<'a>(&'a mut self, input: &Input<'a>) -> Meaning<'a> {
        self.reader.message(input)
    }

    /// Ends the reader, and returns the requests that were never answered.
    pub(super) fn end(
        this: &mut Option<Box<Self>>,
        seen: bool,
        close: Option<u16>,
        cx: &mut Context<'_>,
    ) -> Unanswered {
        let Some(mut meaning) = this.take() else { return Unanswered::default() };
        cx.shared.understood = cx.shared.understood.saturating_sub(meaning.held);
        let (end, unanswered) = meaning.reader.end(cx.at, seen, close);
        for anomaly in end.anomalies() {
            cx.anomaly(None, anomaly);
        }
        unanswered
    }

    /// Drops the reader if it has nothing to decode, or if all readers use too much memory.
    pub(super) fn settle(this: &mut Option<Box<Self>>, cx: &mut Context<'_>) {
        let Some(meaning) = this else { return };
        let others = cx.shared.understood.saturating_sub(meaning.held);
        meaning.held = meaning.reader.allocated();
        cx.shared.understood = others.saturating_add(meaning.held);
        let most = cx.shared.limits.understood;
        let full = cx.shared.understood > most;
        if full || meaning.reader.is_plain() {
            cx.shared.understood = others;
            *this = None;
        }
        if full {
            let value = most as u64;
            cx.anomaly(None, &Anomaly::LimitReached { limit: "memory of sub-protocols", value });
        }
    }
}
