//! The search for the start of a packet after a stream was desynchronised.

use std::collections::VecDeque;

use super::{Framing, Measure};
use crate::model::At;
use crate::subprotocol::input::Input;

/// The number of consecutive packets required by a search.
const CHAIN: usize = 2;

/// Bounds the messages searched for the start of a packet: their number and their size in bytes.
const MAX_SEARCHED: (usize, usize) = (128, 16 << 10);

/// The messages since the desynchronisation in which a packet may begin.
#[derive(Debug, Default)]
pub(super) struct PacketResync {
    pub(super) messages: VecDeque<(Box<[u8]>, At)>,
    pub(super) bytes: usize,
}

impl PacketResync {
    /// Adds the bytes of a message up to the first unknown one.
    pub(super) fn push(&mut self, input: &Input<'_>) {
        if self.messages.len() >= MAX_SEARCHED.0 {
            self.pop();
        }
        let bytes: Box<[u8]> = input.head().into();
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.messages.push_back((bytes, input.first));
        while self.bytes > MAX_SEARCHED.1 && self.messages.len() > 1 {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((bytes, _)) = self.messages.pop_front() {
            self.bytes = self.bytes.saturating_sub(bytes.len());
        }
    }

    /// Drops messages until the first one starts a convincing chain; returns whether one does.
    pub(super) fn find<F: Framing>(&mut self, framing: &F) -> bool {
        let mut all = Vec::with_capacity(self.bytes);
        self.messages.iter().for_each(|(bytes, _)| all.extend_from_slice(bytes));
        let (mut start, mut rejected) = (0_usize, 0_usize);
        let mut found = None;
        for (index, (bytes, _)) in self.messages.iter().enumerate() {
            match chain(all.get(start..).unwrap_or_default(), framing) {
                Some(packets) if packets >= CHAIN => {
                    found = Some(index);
                    break;
                }
                // A leading message that can never start a chain is not examined again.
                None if rejected == index => rejected = rejected.saturating_add(1),
                Some(_) | None => {}
            }
            start = start.saturating_add(bytes.len());
        }
        (0..found.unwrap_or(rejected)).for_each(|_| self.pop());
        found.is_some()
    }
}

/// Counts the complete packets at the start of `bytes`; returns `None` if one of them is invalid.
fn chain<F: Framing>(mut bytes: &[u8], framing: &F) -> Option<usize> {
    let mut packets = 0_usize;
    while packets < CHAIN {
        let length = match framing.measure(bytes) {
            Measure::More => break,
            Measure::Impossible => return None,
            Measure::Length(length) => usize::try_from(length).unwrap_or(usize::MAX).max(1),
        };
        let Some((packet, rest)) = bytes.split_at_checked(length) else { break };
        if !framing.fits(packet) {
            return None;
        }
        (packets, bytes) = (packets.saturating_add(1), rest);
    }
    Some(packets)
}
