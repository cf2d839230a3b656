use crate::model::{Anomaly, At, LinkType, Packet};

/// A block of the capture and the packets in it.
///
/// The pipeline hands the same few batches around, so that their memory is used again.
#[derive(Debug, Default)]
pub struct PacketBatch {
    /// The block. Packets are ranges of it; the bytes between them are the file's own headers.
    pub bytes: Vec<u8>,
    /// The packets, in the order of the capture.
    pub packets: Vec<Record>,
    /// Which of several interfaces each packet came through; empty where nobody knows.
    pub interfaces: Vec<u16>,
    /// TLS key log text found in the capture (pcapng decryption secrets), each with the number of packets of this
    /// round that came before it.
    pub secrets: Vec<(usize, Vec<u8>)>,
    /// What was wrong with the capture itself, each after the packets of this round.
    pub diagnostics: Vec<Anomaly>,
}

/// Where in its [`PacketBatch`] a packet stands.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The packet's number in the capture, from 1, and its time.
    pub at: At,
    /// What its first bytes are.
    pub link: LinkType,
    /// How many bytes it had on the wire.
    pub original_length: u32,
    /// Where its bytes begin in the round.
    pub offset: u32,
    /// How many bytes were kept.
    pub length: u32,
}

impl PacketBatch {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
        self.interfaces.clear();
        self.secrets.clear();
        self.diagnostics.clear();
    }

    /// Lends the packets, one after the other.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = Packet<'_>> {
        self.packets.iter().map(|record| {
            let start = record.offset as usize;
            let data =
                self.bytes.get(start..start.saturating_add(record.length as usize)).unwrap_or_default();
            Packet { at: record.at, link: record.link, original_length: record.original_length, data }
        })
    }
}
