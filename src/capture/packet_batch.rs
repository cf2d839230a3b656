use crate::model::{Anomaly, At, KeyOrigin, LinkType, Packet};

/// A block of the capture and what was found in it, in the order of the capture.
///
/// The pipeline hands the same few batches around, so that their memory is used again.
#[derive(Debug, Default)]
pub struct PacketBatch {
    /// The block. Packets are ranges of it; the bytes between them are the file's own headers.
    pub bytes: Vec<u8>,
    /// What was found in it.
    pub items: Vec<Item>,
}

/// One thing that a capture holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// A packet.
    Packet(Record),
    /// Lines of a TLS key log, and where they came from.
    Secrets(KeyOrigin, Box<[u8]>),
    /// A fault of the capture itself.
    Diagnostic(Box<Anomaly>),
}

/// The place of a packet in its [`PacketBatch`].
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The packet's number in the capture, from 1, and its time.
    pub at: At,
    /// What its first bytes are.
    pub link: LinkType,
    /// How many bytes it had on the wire.
    pub original_length: u32,
    /// Where its bytes begin in the batch.
    pub offset: u32,
    /// How many bytes were kept.
    pub length: u32,
    /// Which of several interfaces it came through; [`Record::UNKNOWN`] where nobody knows.
    pub interface: u16,
}

impl Record {
    /// The interface of a packet of which nobody knows it.
    pub const UNKNOWN: u16 = u16::MAX;
}

impl Item {
    /// Returns the packet's place, if it is one.
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Item::Packet(record) => Some(record),
            Item::Secrets(..) | Item::Diagnostic(_) => None,
        }
    }
}

impl PacketBatch {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }

    /// Returns whether nothing was found.
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a packet, its bytes copied; `original_length` is how many it had on the wire.
    pub fn push_packet(&mut self, at: At, link: LinkType, original_length: u32, data: &[u8]) {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(data);
        let interface = Record::UNKNOWN;
        self.items.push(Item::Packet(Record { at, link, original_length, offset, length, interface }));
    }

    /// Adds a fault of the capture.
    pub fn push_diagnostic(&mut self, anomaly: Anomaly) {
        self.items.push(Item::Diagnostic(Box::new(anomaly)));
    }

    /// Returns the faults of the capture.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Anomaly> {
        self.items.iter().filter_map(|item| match item {
            Item::Diagnostic(anomaly) => Some(&**anomaly),
            Item::Packet(_) | Item::Secrets(..) => None,
        })
    }

    /// Returns the packets' places.
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.items.iter().filter_map(Item::record)
    }

    /// Returns the packets' places, to change them.
    pub fn records_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Packet(record) => Some(record),
            Item::Secrets(..) | Item::Diagnostic(_) => None,
        })
    }

    /// Lends the packets, one after the other.
    pub fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        self.records().map(|record| self.packet(record))
    }

    /// Lends a packet of this batch.
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
    /// Returns the packet's bytes in those of its batch.
    pub fn of<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let start = self.offset as usize;
        bytes.get(start..start.saturating_add(self.length as usize)).unwrap_or_default()
    }
}
