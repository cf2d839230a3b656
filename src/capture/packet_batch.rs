use crate::model::{Anomaly, At, KeyOrigin, LinkType, Packet};

/// A block of the capture and the items found in it, in the order of the capture.
///
/// The pipeline circulates the same few batches, so that their memory is reused.
#[derive(Debug, Default)]
pub struct PacketBatch {
    /// The block. Packets are ranges of it; the bytes in between are the file's own headers.
    pub bytes: Vec<u8>,
    /// The items found in it.
    pub items: Vec<Item>,
}

/// One item of a capture.
#[derive(Clone, Debug)]
pub enum Item {
    /// A packet.
    Packet(Record),
    /// Lines of a TLS key log, and their origin.
    Secrets(KeyOrigin, Box<[u8]>),
    /// A problem of the capture itself.
    Diagnostic(Box<Anomaly>),
}

/// The place of a packet in its [`PacketBatch`].
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The packet's number in the capture, from 1, and its time.
    pub at: At,
    /// Its link type.
    pub link: LinkType,
    /// Its length on the wire.
    pub original_length: u32,
    /// The offset of its bytes in the batch.
    pub offset: u32,
    /// How many bytes were kept.
    pub length: u32,
    /// Which of several interfaces it passed through; [`Record::UNKNOWN`] if that is not known.
    pub interface: u16,
}

impl Record {
    /// The interface of a packet whose interface is not known.
    pub const UNKNOWN: u16 = u16::MAX;
}

impl Item {
    /// Returns the packet's record, if the item is a packet.
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Item::Packet(record) => Some(record),
            Item::Secrets(..) | Item::Diagnostic(_) => None,
        }
    }
}

impl PacketBatch {
    /// Removes everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// Returns whether there are no items.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Appends a packet, copying its bytes; `original_length` is its length on the wire.
    pub fn push_packet(&mut self, at: At, link: LinkType, original_length: u32, data: &[u8]) {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(data);
        let interface = Record::UNKNOWN;
        self.items.push(Item::Packet(Record { at, link, original_length, offset, length, interface }));
    }

    /// Appends a problem of the capture.
    pub fn push_diagnostic(&mut self, anomaly: Anomaly) {
        self.items.push(Item::Diagnostic(Box::new(anomaly)));
    }

    /// Returns the problems of the capture.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Anomaly> {
        self.items.iter().filter_map(|item| match item {
            Item::Diagnostic(anomaly) => Some(&**anomaly),
            Item::Packet(_) | Item::Secrets(..) => None,
        })
    }

    /// Returns the packets' records.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.items.iter().filter_map(Item::record)
    }

    /// Returns the packets' records, mutably.
    pub fn records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Packet(record) => Some(record),
            Item::Secrets(..) | Item::Diagnostic(_) => None,
        })
    }

    /// Returns the packets, one after the other.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.records().map(|record| self.packet(record))
    }

    /// Returns a packet of this batch.
    pub fn packet(&self, record: &Record) -> Packet<'_> {
        Packet {
            at: record.at,
            link: record.link,
            original_length: record.original_length,
            data: record.of(&self.bytes),
        }
    }
}

impl Record {
    /// Returns the packet's bytes, given those of its batch.
    pub fn of<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let start = self.offset as usize;
        bytes.get(start..start.saturating_add(self.length as usize)).unwrap_or_default()
    }
}
