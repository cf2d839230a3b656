use super::Record;
use super::found::{Fault, Found, RECORD_BOUND, Read, StopReason};
use super::joined;
use super::order::Order;
use crate::model::{At, LinkType, Timestamp};

const LAYER: &str = "pcap file header";
const FILE_HEADER: usize = 24;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's old patch: eight more bytes per record.
const MODIFIED: u32 = 0xa1b2_cd34;
/// Bits of the link type field that libpcap and Wireshark also refuse.
const RESERVED: u32 = 0x03ff_0000;
/// The meaning of a snap length of 0, and how far a record may exceed its file's snap length.
const SNAP_LENGTH: usize = 256 * 1024;

/// A reader of the records of a pcap file (draft-ietf-opsawg-pcap).
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    order: Order,
    link: LinkType,
    /// Nanoseconds per unit of the timestamps' fraction.
    fraction: i64,
    record_header: usize,
    /// The maximum length of a packet before its length is considered false.
    limit: usize,
    /// Versions before 2.4 may store the two lengths in reverse order.
    swapped: bool,
}

impl Pcap {
    /// Parses the file header; returns the reader and the header's length.
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
        let link = order.u32([l0, l1, l2, l3]);
        if link & RESERVED != 0 {
            let problem = format!("reserved bits of the link type are set: {link:#010x}");
            return Err(Fault::Damaged { layer: LAYER, offset: 20, problem });
        }
        let snap_length = match order.u32([s0, s1, s2, s3]) as usize {
            0 => SNAP_LENGTH,
            length => length.min(RECORD_BOUND),
        };
        let pcap = Pcap {
            order,
            // The uppermost bits contain the length of a frame check sequence, if there is one.
            link: LinkType(link & 0xffff),
            fraction: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == MODIFIED { 24 } else { 16 },
            limit: snap_length.saturating_add(SNAP_LENGTH),
            swapped: minor < 4,
        };
        Ok((pcap, FILE_HEADER))
    }

    /// Parses the header of another file appended to this one, if `bytes` begin with one; the error is the number of
    /// bytes needed.
    ///
    /// Read as a record, the header would be a packet of zero bytes, which is never captured.
    fn next_of_joined(bytes: &[u8]) -> Result<Option<Pcap>, usize> {
        match Pcap::open(bytes) {
            Ok((pcap, _)) if bytes.get(8..16).is_some_and(|zone| zone == [0; 8]) => Ok(Some(pcap)),
            Err(Fault::More { needed, .. }) => Err(needed),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Parses every complete record of `bytes` from `start` on.
    pub(super) fn records(&mut self, bytes: &[u8], start: usize, found: &mut Found<'_>) -> Read {
        let mut at = start;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match Pcap::next_of_joined(rest) {
                Ok(None) => {}
                Ok(Some(next)) => {
                    *self = next;
                    at = at.saturating_add(FILE_HEADER);
                    continue;
                }
                Err(needed) => return Read { consumed: at, stop: StopReason::More(needed) },
            }
            if let Some(stop) = joined::section(rest) {
                return Read { consumed: at, stop };
            }
            let Some((header, body)) = rest.split_at_checked(self.record_header) else {
                return Read { consumed: at, stop: StopReason::More(self.record_header) };
            };
            let (words, _) = header.as_chunks::<4>();
            let &[seconds, fraction, kept, original, ..] = words else {
                return Read { consumed: at, stop: StopReason::More(self.record_header) };
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
                let problem = format_args!(
                    "a packet record says it holds {length} bytes, more than the {limit} possible here"
                );
                found.problems.lost(at, problem);
                return Read { consumed: at, stop: StopReason::Lost };
            }
            let needed = self.record_header.saturating_add(length);
            if body.len() < length {
                return Read { consumed: at, stop: StopReason::More(needed) };
            }
            let nanos = i64::from(self.order.u32(fraction)).wrapping_mul(self.fraction);
            let nanos = i64::from(self.order.u32(seconds)).wrapping_mul(1_000_000_000).wrapping_add(nanos);
            found.packet(Record {
                at: At { packet: 1, time: Timestamp::from_nanos(nanos) },
                link: self.link,
                original_length: original,
                offset: u32::try_from(at.saturating_add(self.record_header)).unwrap_or(u32::MAX),
                length: kept,
                interface: Record::UNKNOWN,
            });
            at = at.saturating_add(needed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Bytes, Everything};
    use super::super::{Error, order::Order};
    use super::*;

    const START: u32 = 1_700_000_000;

    #[test]
    fn both_orders_and_all_magics() {
        for order in [Order::Little, Order::Big] {
            for (magic, fraction, nanos) in [(MICROSECONDS, 250, 250_000), (NANOSECONDS, 250, 250)] {
                let file = Bytes::new(order).pcap(magic, 65535, 113);
                let file = file.record(START, fraction, b"one").record(START, fraction, b"");
                let all = Everything::of_bytes(&file.bytes).unwrap();
                assert_eq!(all.data(), [&b"one"[..], b""]);
                let packet = &all.packets[0];
                assert_eq!((packet.number, packet.nanos), (1, i64::from(START) * 1_000_000_000 + nanos));
                assert_eq!((packet.link, packet.original), (113, 3));
                assert_eq!(all.problems, []);
            }
        }
    }

    #[test]
    fn modified_records_have_eight_bytes_more() {
        for order in [Order::Little, Order::Big] {
            let mut file = Bytes::new(order).pcap(MODIFIED, 65535, 1);
            for data in [&b"first"[..], b"second"] {
                let length = u32::try_from(data.len()).unwrap();
                file = file.u32(7).u32(3).u32(length).u32(length).u32(2).u16(0x800).raw(&[4, 0]).raw(data);
            }
            let all = Everything::of_bytes(&file.bytes).unwrap();
            assert_eq!(all.data(), [&b"first"[..], b"second"]);
            assert_eq!(all.packets[1].nanos, 7_000_003_000);
        }
    }

    #[test]
    fn frame_check_sequence_bits_are_no_part_of_the_link_type() {
        let file = Bytes::new(Order::Big).pcap(MICROSECONDS, 65535, 0x2400_0001).record(1, 0, b"x");
        assert_eq!(Everything::of_bytes(&file.bytes).unwrap().packets[0].link, 1);
    }

    #[test]
    fn reserved_bits_of_the_link_type_are_damage() {
        let file = Bytes::new(Order::Big).pcap(MICROSECONDS, 65535, 0x0030_0001).record(1, 0, b"x");
        let error = Everything::of_bytes(&file.bytes).unwrap_err();
        assert!(matches!(error, Error::Header { offset: 20, .. }), "{error}");
    }

    #[test]
    fn packet_cut_by_the_snap_length() {
        let file = Bytes::new(Order::Little).pcap(MICROSECONDS, 4, 1);
        let file = file.u32(1).u32(0).u32(4).u32(1500).raw(b"abcd");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!((all.packets[0].original, all.data()[0]), (1500, &b"abcd"[..]));
    }

    #[test]
    fn more_kept_than_there_was() {
        let file = Bytes::new(Order::Little).pcap(MICROSECONDS, 65535, 1);
        let file = file.u32(1).u32(0).u32(4).u32(2).raw(b"abcd").record(2, 0, b"next");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [&b"abcd"[..], b"next"]);
        assert_eq!(all.packets[0].original, 4);
        assert_eq!(all.problems, []);
    }

    #[test]
    fn old_versions_store_the_lengths_the_other_way_round() {
        let file = Bytes::new(Order::Little).u32(MICROSECONDS).u16(2).u16(2).u32(0).u32(0).u32(68).u32(1);
        let file = file.u32(1).u32(0).u32(1500).u32(4).raw(b"abcd").record(2, 0, b"next");
        let all = Everything::of_bytes(&file.bytes).unwrap();
        assert_eq!(all.data(), [&b"abcd"[..], b"next"]);
        assert_eq!(all.packets[0].original, 1500);
    }

    #[test]
    fn length_that_cannot_be_true_ends_the_file() {
        // A snap length of 0 means 256 KiB, an absurd one the maximum that we accept.
        for (snap, most) in [(96, 96 + 262_144), (0, 524_288), (u32::MAX, 17_039_360)] {
            let file = Bytes::new(Order::Little).pcap(MICROSECONDS, snap, 1).record(1, 0, b"good");
            let good = file.clone().record(2, 0, &vec![7; most as usize]).record(3, 0, b"after");
            let all = Everything::of_bytes(&good.bytes).unwrap();
            assert_eq!((all.packets.len(), &all.problems[..]), (3, &[][..]));
            for lie in [most + 1, u32::MAX] {
                let bad = file.clone().u32(2).u32(0).u32(lie).u32(lie).raw(&[0; 100]);
                let all = Everything::of_bytes(&bad.bytes).unwrap();
                assert_eq!(all.data(), [b"good"]);
                let (offset, problem) = all.only_problem();
                assert_eq!(offset, 24 + 16 + 4);
                assert!(
                    problem.contains(&lie.to_string()) && problem.contains(&most.to_string()),
                    "{problem}"
                );
            }
        }
    }

    #[test]
    fn cut_anywhere_gives_what_is_whole_and_one_diagnostic() {
        let file =
            Bytes::new(Order::Little).pcap(MICROSECONDS, 65535, 1).record(1, 0, b"one").record(2, 0, b"two");
        let (first, second) = (24 + 19, 24 + 38);
        for cut in 24..=second {
            let all = Everything::of_bytes(&file.bytes[..cut]).unwrap();
            assert_eq!(all.packets.len(), usize::from(cut >= first) + usize::from(cut >= second));
            if [24, first, second].contains(&cut) {
                assert_eq!(all.problems, []);
            } else {
                assert_eq!(all.only_problem().0, if cut < first { 24 } else { first as u64 });
            }
        }
    }

    #[test]
    fn cut_in_the_file_header_is_an_error() {
        let file = Bytes::new(Order::Little).pcap(MICROSECONDS, 65535, 1);
        for cut in 4..24 {
            let error = Everything::of_bytes(&file.bytes[..cut]).unwrap_err();
            assert!(matches!(error, Error::Short { needed: 24, had, .. } if had == cut), "{error}");
        }
    }

    #[test]
    fn other_versions_are_refused() {
        let file = Bytes::new(Order::Little).u32(MICROSECONDS).u16(3).u16(1).u32(0).u32(0).u32(68).u32(1);
        let error = Everything::of_bytes(&file.bytes).unwrap_err();
        assert!(matches!(&error, Error::Header { offset: 4, .. }), "{error}");
        assert!(error.to_string().contains("3.1"), "{error}");
    }

    #[test]
    fn files_joined_by_cat_go_on_with_the_next() {
        let one = Bytes::stamps(&[1, 2], b"one");
        let two = Bytes::new(Order::Big).pcap(NANOSECONDS, 65535, 113).record(3, 7, b"two").bytes;
        let all = Everything::of_bytes(&[&one[..], &two, &one].concat()).unwrap();
        assert_eq!(all.packets.iter().map(|packet| packet.link).collect::<Vec<_>>(), [1, 1, 113, 1, 1]);
        assert_eq!(all.packets[2].nanos, 3_000_000_007);
        assert_eq!(all.packets[4].number, 5);
        assert_eq!(all.problems, []);
    }
}
