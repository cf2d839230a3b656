//! The meaning of messages, as far as the user asks for it.

use super::payload_view::PayloadView;
use super::state::Conversation;
use crate::event::{Handshake, Wire};
use crate::model::{At, Side};
use crate::session::context::Context;
use crate::session::meaning::MeaningReader;
use crate::subprotocol::{Input, Meaning};
use crate::websocket::Opcode;

impl Conversation {
    /// Starts decoding the meaning of messages, as far as the user asks for it.
    pub(in crate::session) fn start_reader(&mut self, handshake: Option<&Handshake>, cx: &mut Context<'_>) {
        self.meaning = MeaningReader::of(handshake, cx);
    }

    /// Notes that messages of one side may be lost.
    pub(super) fn lose_meaning(&mut self, side: Side) {
        if let Some(meaning) = &mut self.meaning {
            meaning.lost(side);
        }
    }
}

/// Returns the meaning of a message; `None` for control frames, and for messages shown without inflating.
pub(super) fn of_message<'a>(
    meaning: &'a mut MeaningReader,
    from: Side,
    opcode: Opcode,
    view: &PayloadView<'a>,
    wire: &Wire,
    at: At,
) -> Option<Meaning<'a>> {
    if opcode != Opcode::TEXT && opcode != Opcode::BINARY {
        return None;
    }
    if wire.compressed && !wire.inflated {
        meaning.lost(from);
        return None;
    }
    let PayloadView { bytes, missing, length, .. } = *view;
    Some(meaning.message(&Input { from, opcode, bytes, missing, length, first: wire.first, at }))
}
