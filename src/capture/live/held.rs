use std::collections::VecDeque;

use super::super::file::BLOCK;
use super::super::{Item, PacketBatch, Record};
use super::interface_capture::InterfaceCapture;
use crate::model::{Anomaly, Timestamp};

/// A buffer that holds packets of several interfaces until older packets of the others have arrived.
#[derive(Default)]
pub(super) struct OrderBuffer {
    bytes: Vec<u8>,
    packets: VecDeque<Record>,
    fresh: PacketBatch,
}

impl OrderBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Reads from an interface, unless so much is held already that its packets are better left in the ring.
    pub(super) fn read(
        &mut self,
        n: usize,
        interface: &mut InterfaceCapture,
        diagnostics: &mut Vec<Anomaly>,
    ) {
        if self.bytes.len() > 16 * BLOCK {
            return;
        }
        self.fresh.clear();
        interface.read(n, &mut self.fresh, diagnostics);
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&self.fresh.bytes);
        for record in self.fresh.records() {
            let offset = u32::try_from(base.saturating_add(record.offset as usize)).unwrap_or(u32::MAX);
            self.packets.push_back(Record { offset, ..*record });
        }
    }

    /// Releases, in order, the packets that are not after `horizon`; all of them if too much is held.
    pub(super) fn release(&mut self, horizon: Timestamp, batch: &mut PacketBatch) {
        // Mostly sorted already: the packets of each interface are in order.
        self.packets.make_contiguous().sort_by_key(|record| record.at.time);
        let full = self.bytes.len() > 8 * BLOCK;
        while let Some(record) = self.packets.front()
            && (record.at.time <= horizon || full)
        {
            let offset = u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX);
            batch.items.push(Item::Packet(Record { offset, ..*record }));
            batch.bytes.extend_from_slice(record.of(&self.bytes));
            self.packets.pop_front();
        }
        self.compact();
    }

    /// Moves the packets still held to the front of the memory.
    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.packets.iter().map(|record| record.length as usize).sum());
        for record in &mut self.packets {
            let data = record.of(&self.bytes);
            record.offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(data);
        }
        self.bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{At, LinkType};

    fn record(nanos: i64, offset: u32) -> Record {
        let at = At { packet: 0, time: Timestamp::from_nanos(nanos) };
        Record { at, link: LinkType::ETHERNET, original_length: 1, offset, length: 1, interface: 0 }
    }

    #[test]
    fn packets_of_several_interfaces_are_put_in_order() {
        let mut held = OrderBuffer { bytes: b"acbd".to_vec(), ..OrderBuffer::default() };
        held.packets.extend([record(10, 0), record(30, 1), record(20, 2), record(40, 3)]);
        let mut batch = PacketBatch::default();
        held.release(Timestamp::from_nanos(30), &mut batch);
        assert_eq!(batch.bytes, b"abc");
        assert_eq!(batch.packets().map(|packet| packet.data).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
        assert_eq!((held.packets.len(), held.bytes.as_slice()), (1, b"d".as_slice()));
        held.release(Timestamp::MAX, &mut batch);
        assert_eq!(batch.bytes, b"abcd");
        assert!(held.is_empty());
    }
}
