//! Builds captures byte by byte, and reads them back, for the tests of this module.

#![expect(
    clippy::cast_possible_truncation,
    reason = "test data is small, and stamps are cut in two on purpose"
)]

use std::collections::VecDeque;
use std::io::{self, Read};

use super::order::Order;
use super::{Error, Files, Item, Next, PacketBatch, Source as _};
use crate::model::Anomaly;

/// A writer of numbers in either byte order.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(order: Order) -> Bytes {
        Bytes { order, bytes: Vec::new() }
    }

    pub(super) fn u16(mut self, number: u16) -> Bytes {
        match self.order {
            Order::Little => self.bytes.extend(number.to_le_bytes()),
            Order::Big => self.bytes.extend(number.to_be_bytes()),
        }
        self
    }

    pub(super) fn u32(mut self, number: u32) -> Bytes {
        match self.order {
            Order::Little => self.bytes.extend(number.to_le_bytes()),
            Order::Big => self.bytes.extend(number.to_be_bytes()),
        }
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Bytes {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn padded(mut self) -> Bytes {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Appends a pcap file header, version 2.4.
    pub(super) fn pcap(self, magic: u32, snap_length: u32, link: u32) -> Bytes {
        self.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(snap_length).u32(link)
    }

    /// Appends a pcap record.
    pub(super) fn record(self, seconds: u32, fraction: u32, data: &[u8]) -> Bytes {
        let length = data.len() as u32;
        self.u32(seconds).u32(fraction).u32(length).u32(length).raw(data)
    }

    /// Appends a pcapng block, padded.
    pub(super) fn block(self, kind: u32, body: impl FnOnce(Bytes) -> Bytes) -> Bytes {
        let body = body(Bytes::new(self.order)).padded().bytes;
        let length = body.len() as u32 + 12;
        self.u32(kind).u32(length).raw(&body).u32(length)
    }

    /// Appends a section header.
    pub(super) fn section(self) -> Bytes {
        self.block(0x0a0d_0d0a, |body| body.u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]))
    }

    /// Appends an interface description with options, each a code and a value.
    pub(super) fn interface(self, link: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Bytes {
        self.block(1, |body| {
            options.iter().fold(body.u16(link).u16(0).u32(snap_length), |body, (code, value)| {
                body.u16(*code).u16(value.len() as u16).raw(value).padded()
            })
        })
    }

    /// Appends an enhanced packet followed by a comment option.
    pub(super) fn enhanced(self, interface: u32, units: u64, data: &[u8]) -> Bytes {
        self.block(6, |body| {
            let length = data.len() as u32;
            let body =
                body.u32(interface).u32((units >> 32) as u32).u32(units as u32).u32(length).u32(length);
            body.raw(data).padded().u16(1).u16(5).raw(b"a note").padded().u32(0)
        })
    }

    /// Appends a decryption secrets block.
    pub(super) fn secrets(self, kind: u32, text: &[u8]) -> Bytes {
        self.block(10, |body| body.u32(kind).u32(text.len() as u32).raw(text))
    }

    /// Returns a complete pcap file of packets with timestamps of these seconds, each containing `data`.
    pub(super) fn stamps(stamps: &[u32], data: &[u8]) -> Vec<u8> {
        let file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 65535, 1);
        stamps.iter().fold(file, |file, seconds| file.record(*seconds, 0, data)).bytes
    }
}

/// Everything that a source returned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Everything {
    pub(super) packets: Vec<Got>,
    /// Each with the number of packets before it.
    pub(super) secrets: Vec<(usize, Vec<u8>)>,
    /// Each with the file and the offset.
    pub(super) problems: Vec<(String, u64, String)>,
    /// How many packets each batch had.
    pub(super) batches: Vec<usize>,
}

/// One packet that a source returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) number: u64,
    pub(super) nanos: i64,
    pub(super) link: u32,
    pub(super) original: u32,
    pub(super) data: Vec<u8>,
}

impl Everything {
    /// Reads `files` to the end.
    pub(super) fn of(mut files: Files) -> Result<Everything, Error> {
        let mut all = Everything::default();
        let mut batch = PacketBatch::default();
        while files.next(&mut batch)? == Next::Filled {
            all.batches.push(batch.packets().count());
            for item in &batch.items {
                all.take(item, &batch);
            }
        }
        assert!(batch.is_empty() && batch.bytes.is_empty(), "the last batch is empty");
        assert_eq!(files.next(&mut batch).unwrap(), Next::End, "the end is final");
        Ok(all)
    }

    fn take(&mut self, item: &Item, batch: &PacketBatch) {
        match item {
            Item::Packet(record) => {
                let end = record.offset as usize + record.length as usize;
                assert!(end <= batch.bytes.len(), "a record is within its batch");
                let packet = batch.packet(record);
                self.packets.push(Got {
                    number: packet.at.packet,
                    nanos: packet.at.time.as_nanos(),
                    link: packet.link.0,
                    original: packet.original_length,
                    data: packet.data.to_vec(),
                });
            }
            Item::Secrets(_, text) => self.secrets.push((self.packets.len(), text.to_vec())),
            Item::Diagnostic(anomaly) => {
                let Anomaly::CaptureDamaged { file, offset, problem } = &**anomaly else {
                    panic!("{anomaly:?}")
                };
                self.problems.push((file.to_string(), *offset, problem.to_string()));
            }
        }
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Everything, Error> {
        Everything::of(Files::from_reader("test", Box::new(io::Cursor::new(bytes.to_vec()))))
    }

    /// Returns the seconds of each packet's timestamp.
    pub(super) fn seconds(&self) -> Vec<i64> {
        self.packets.iter().map(|packet| packet.nanos / 1_000_000_000).collect()
    }

    /// Returns each packet's data.
    pub(super) fn data(&self) -> Vec<&[u8]> {
        self.packets.iter().map(|packet| &packet.data[..]).collect()
    }

    /// Returns the offset and text of the only problem; panics if there is not exactly one.
    pub(super) fn only_problem(&self) -> (u64, &str) {
        let [(_, offset, problem)] = &self.problems[..] else { panic!("{:?}", self.problems) };
        (*offset, problem)
    }
}

/// A pipe that returns one piece per read.
pub(super) struct Pieces(pub(super) VecDeque<Vec<u8>>);

impl Pieces {
    pub(super) fn boxed(pieces: impl IntoIterator<Item = Vec<u8>>) -> Box<dyn Read + Send> {
        Box::new(Pieces(pieces.into_iter().filter(|piece| !piece.is_empty()).collect()))
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(mut piece) = self.0.pop_front() else { return Ok(0) };
        let count = piece.len().min(into.len());
        into[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.0.push_front(piece.split_off(count));
        }
        Ok(count)
    }
}
