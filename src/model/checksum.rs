use std::net::IpAddr;

use super::{Flow, Segment};

/// The result of verifying a TCP segment's checksum (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The segment was truncated or has no TCP header, so the checksum cannot be verified.
    Unknown,
    /// The checksum matches the bytes.
    Right,
    /// The checksum does not match the bytes.
    Wrong {
        /// The checksum in the header.
        found: u16,
        /// The checksum computed from the bytes.
        expected: u16,
    },
}

impl Segment<'_> {
    /// Computes the checksum of the segment and compares it with the one in its header.
    pub fn checksum(&self) -> Checksum {
        let Some(field) = self.field().filter(|_| self.cut == 0) else { return Checksum::Unknown };
        let total = pseudo_header(&self.flow, self.length())
            .wrapping_add(sum(self.header))
            .wrapping_add(sum(self.payload));
        if fold(total) == u16::MAX {
            return Checksum::Right;
        }
        let expected = !fold(total.wrapping_sub(u64::from(field)));
        Checksum::Wrong { found: u16::from_be(field), expected: u16::from_be(expected) }
    }

    /// Returns whether the checksum was left to the network card: the field is zero or holds only the sum of the
    /// pseudo-header, with or without the length. Senders leave it so for the card to complete, and Linux leaves it in
    /// segments merged on receipt.
    pub fn is_offloaded(&self) -> bool {
        self.field().is_some_and(|field| {
            field == 0
                || field == fold(pseudo_header(&self.flow, self.length()))
                || field == fold(pseudo_header(&self.flow, 0))
        })
    }

    /// Returns the checksum field in native byte order, as [`sum`] uses it.
    fn field(&self) -> Option<u16> {
        let field = self.header.get(16..18)?;
        field.try_into().ok().map(u16::from_ne_bytes)
    }

    fn length(&self) -> u32 {
        u32::try_from(self.header.len().saturating_add(self.payload.len())).unwrap_or(u32::MAX)
    }
}

/// Sums the pseudo-header: addresses, protocol, and the length of header and payload (RFC 9293 §3.1, RFC 8200 §8.1).
fn pseudo_header(flow: &Flow, length: u32) -> u64 {
    const TCP: [u8; 4] = [0, 0, 0, 6];
    let address = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u64::from(u32::from_ne_bytes(ip.octets())),
        IpAddr::V6(ip) => sum(&ip.octets()),
    };
    address(flow.source.ip)
        .wrapping_add(address(flow.destination.ip))
        .wrapping_add(u64::from(u32::from_ne_bytes(TCP)))
        .wrapping_add(u64::from(u32::from_ne_bytes(length.to_be_bytes())))
}

/// Sums bytes as 16-bit words in native byte order, which is equivalent to network order (RFC 1071 §2). Four words are
/// added at a time; [`fold`] reduces them to one.
///
/// A segment is far too short for the sum to overflow.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut total = 0_u64;
    for word in words {
        let word = u64::from_ne_bytes(*word);
        total = total.wrapping_add(word & 0xffff_ffff).wrapping_add(word >> 32);
    }
    let mut last = [0; 8];
    if let Some(place) = last.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    let last = u64::from_ne_bytes(last);
    total.wrapping_add(last & 0xffff_ffff).wrapping_add(last >> 32)
}

/// Folds a sum into one 16-bit word.
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff).wrapping_add(sum >> 32);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16 & 0xffff).wrapping_add(sum >> 32);
    let sum = (sum & 0xffff).wrapping_add(sum >> 16);
    (sum & 0xffff).wrapping_add(sum >> 16) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Endpoint, Flags, SenderClock, Seq, Tunnel};

    /// Sums bytes as described in RFC 1071 §4.1.
    fn slow(bytes: &[u8]) -> u16 {
        let words =
            bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let mut sum: u32 = words.sum();
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn pseudo(flow: &Flow, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for ip in [flow.source.ip, flow.destination.ip] {
            match ip {
                IpAddr::V4(ip) => bytes.extend(ip.octets()),
                IpAddr::V6(ip) => bytes.extend(ip.octets()),
            }
        }
        bytes.extend((length as u32).to_be_bytes());
        bytes.extend([0, 0, 0, 6]);
        bytes
    }

    fn flow(is_v6: bool) -> Flow {
        let ip = |last| match is_v6 {
            true => IpAddr::from([0xfd00, 0, 0, 0, 0x1234, 0x5678, 0x9abc, last]),
            false => IpAddr::from([192, 168, 255, last as u8]),
        };
        let (source, destination) = (Endpoint::new(ip(7), 50_000), Endpoint::new(ip(200), 9001));
        Flow { source, destination, tunnel: Tunnel::NONE }
    }

    fn segment<'a>(flow: Flow, header: &'a [u8], payload: &'a [u8]) -> Segment<'a> {
        Segment {
            flow,
            seq: Seq(0),
            ack: Seq(0),
            flags: Flags::ACK,
            window: 0,
            header,
            payload,
            offset: None,
            cut: 0,
            packet_length: 0,
            stamp: SenderClock::default(),
        }
    }

    /// Fills in the checksum of a header.
    fn header(flow: &Flow, mut header: Vec<u8>, payload: &[u8]) -> Vec<u8> {
        header[16..18].fill(0);
        let length = header.len() + payload.len();
        let sum = slow(&[pseudo(flow, length).as_slice(), &header, payload].concat());
        header[16..18].copy_from_slice(&sum.to_be_bytes());
        header
    }

    proptest! {
        #[test]
        fn a_checksum_is_right_until_a_bit_is_flipped(
            is_v6: bool,
            words in prop::collection::vec(any::<u32>(), 5..16),
            payload in prop::collection::vec(any::<u8>(), 0..200),
            bit in any::<prop::sample::Index>(),
        ) {
            let flow = flow(is_v6);
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let right = header(&flow, bytes, &payload);
            prop_assert_eq!(segment(flow, &right, &payload).checksum(), Checksum::Right);
            let mut all = [right.as_slice(), &payload].concat();
            let bit = bit.index(all.len() * 8);
            all[bit / 8] ^= 1 << (bit % 8);
            let (damaged, rest) = all.split_at(right.len());
            let found = u16::from_be_bytes([damaged[16], damaged[17]]);
            let again = header(&flow, damaged.to_vec(), rest);
            let expected = u16::from_be_bytes([again[16], again[17]]);
            prop_assert_eq!(segment(flow, damaged, rest).checksum(), Checksum::Wrong { found, expected });
        }
    }

    #[test]
    fn what_was_not_captured_whole_cannot_be_judged() {
        let bytes = header(&flow(false), vec![1; 20], b"hello");
        let cut = Segment { cut: 1, ..segment(flow(false), &bytes, b"hell") };
        assert_eq!(cut.checksum(), Checksum::Unknown);
        assert_eq!(segment(flow(false), &[], b"hello").checksum(), Checksum::Unknown);
    }

    #[test]
    fn a_checksum_left_to_the_card_is_none_or_of_the_pseudo_header() {
        for is_v6 in [false, true] {
            let flow = flow(is_v6);
            for length in [0, 25] {
                let mut bytes = vec![1; 20];
                bytes[16..18].copy_from_slice(&(!slow(&pseudo(&flow, length))).to_be_bytes());
                let segment = segment(flow, &bytes, b"hello");
                assert!(segment.is_offloaded() && matches!(segment.checksum(), Checksum::Wrong { .. }));
            }
            let right = header(&flow, vec![1; 20], b"hello");
            assert!(!segment(flow, &right, b"hello").is_offloaded());
            assert!(segment(flow, &[0; 20], b"hello").is_offloaded());
        }
    }
}
