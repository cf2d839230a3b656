use std::collections::HashMap;

use super::Unread;
use super::cursor::Cursor;
use super::next::Pdu;
use crate::model::{Flags, Flow, Segment, SenderClock, Seq, Tunnel};

/// The maximum number of directions that are numbered; further ones are reported as not read.
const DIRECTIONS: usize = 1 << 17;
/// The sequence number of a direction's first byte.
const FIRST: u32 = 1;

/// A generator of sequence numbers for payloads exported without a TCP header: each follows the one before.
#[derive(Debug, Default)]
pub(super) struct Exported {
    next: HashMap<Pdu, u32>,
}

impl Exported {
    /// Turns a payload into the segment that follows the previous ones of its direction.
    pub(super) fn segment<'a>(&mut self, pdu: Pdu, payload: Cursor<'a>) -> Result<Segment<'a>, Unread> {
        let back = Pdu { source: pdu.destination, destination: pdu.source };
        let ack = self.next.get(&back).copied().unwrap_or(FIRST);
        if self.next.len() >= DIRECTIONS && !self.next.contains_key(&pdu) {
            return Err(Unread::Hidden("exported PDUs of too many connections"));
        }
        let next = self.next.entry(pdu).or_insert(FIRST);
        let seq = *next;
        let cut = u32::try_from(payload.cut).unwrap_or(u32::MAX);
        *next = next.wrapping_add(u32::try_from(payload.bytes.len()).unwrap_or(0)).wrapping_add(cut);
        Ok(Segment {
            flow: Flow { source: pdu.source, destination: pdu.destination, tunnel: Tunnel::NONE },
            seq: Seq(seq),
            ack: Seq(ack),
            flags: Flags::ACK.with(Flags::PSH),
            window: u16::MAX,
            header: &[],
            payload: payload.bytes,
            offset: u32::try_from(payload.offset).ok(),
            cut,
            packet_length: 0,
            stamp: SenderClock::default(),
        })
    }
}
