use super::Record;
use super::format::{Fault, Found, RECORD_BOUND, Read, Stop};
use super::order::Order;
use crate::model::{At, LinkType, Timestamp};

const LAYER: &str = "pcap file header";
const FILE_HEADER: usize = 24;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's patch of long ago: eight more bytes a record.
const MODIFIED: u32 = 0xa1b2_cd34;
/// What a snap length of 0 stands for, and how far a record may lie beyond its file's snap length.
const SNAP_LENGTH: usize = 256 * 1024;

/// Reads the records of a pcap file (draft-ietf-opsawg-pcap).
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    order: Order,
    link: LinkType,
    /// Nanoseconds in one unit of a stamp's fraction.
    fraction: i64,
    record_header: usize,
    /// The most bytes a packet may have before its length is taken for a lie.
    limit: usize,
    /// Versions before 2.4 may store the two lengths the other way round.
    swapped: bool,
}

impl Pcap {
    /// Reads the file header; with the reader comes the header's length.
    pub(super) fn open(bytes: &[u8]) -> Result<(Pcap, usize), Fault> {
        let Some(magic) = bytes.first_chunk::<4>() else { return Err(Fault::Unknown) };
        let known = |magic| matches!(magic, MICROSECONDS | NANOSECONDS | MODIFIED);
        let (order, magic) = match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
            (magic, _) if known(magic) => (Order::Little, magic),
            (_, magic) if known(magic) => (Order::Big, magic),
            _ => return Err(Fault::Unknown),
        };
        let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
            return Err(Fault::More { layer: LAYER, needed: FILE_HEADER });
        };
        let [_, _, _, _, a, b, c, d, .., s0, s1, s2, s3, l0, l1, l2, l3] = *header;
        let (major, minor) = (order.u16([a, b]), order.u16([c, d]));
        if major != 2 {
            let problem = format!("version {major}.{minor} is not known, only 2.x is");
            return Err(Fault::Damaged { layer: LAYER, offset: 4, problem });
        }
        let snap_length = match order.u32([s0, s1, s2, s3]) as usize {
            0 => SNAP_LENGTH,
            length => length.min(RECORD_BOUND),
        };
        let pcap = Pcap {
            order,
            // The upper half says how long a frame check sequence is, if there is one.
            link: LinkType(order.u32([l0, l1, l2, l3]) & 0xffff),
            fraction: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == MODIFIED { 24 } else { 16 },
            limit: snap_length.saturating_add(SNAP_LENGTH),
            swapped: minor < 4,
        };
        Ok((pcap, FILE_HEADER))
    }

    /// Reads every whole record of `bytes` from `start` on.
    pub(super) fn records(self, bytes: &[u8], start: usize, found: &mut Found<'_>) -> Read {
        let mut at = start;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((header, body)) = rest.split_at_checked(self.record_header) else {
                return Read { consumed: at, stop: Stop::More(self.record_header) };
            };
            let (words, _) = header.as_chunks::<4>();
            let &[seconds, fraction, kept, original, ..] = words else {
                return Read { consumed: at, stop: Stop::More(self.record_header) };
            };
            let (mut kept, mut original) = (self.order.u32(kept), self.order.u32(original));
            if kept > original {
                if self.swapped {
                    (kept, original) = (original, kept);
                } else {
                    original = kept;
                }
            }
            let length = kept as usize;
            if length > self.limit {
                let limit = self.limit;
                let problem = format!("a packet record says it holds {length} bytes, more than the {limit} possible here");
                found.problems.end(at, problem);
                return Read { consumed: at, stop: Stop::Lost };
            }
            let needed = self.record_header.saturating_add(length);
            if body.len() < length {
                return Read { consumed: at, stop: Stop::More(needed) };
            }
            let nanos = i64::from(self.order.u32(fraction)).wrapping_mul(self.fraction);
            let nanos = i64::from(self.order.u32(seconds)).wrapping_mul(1_000_000_000).wrapping_add(nanos);
            found.packets.push(Record {
                at: At { packet: 0, time: Timestamp::from_nanos(nanos) },
                link: self.link,
                original_length: original,
                offset: u32::try_from(at.saturating_add(self.record_header)).unwrap_or(u32::MAX),
                length: kept,
            });
            at = at.saturating_add(needed);
        }
    }
}
