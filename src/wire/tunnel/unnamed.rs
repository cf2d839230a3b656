//! UDP tunnels on a port chosen by an administrator: switch mirrors, VXLAN on other ports, foo over UDP.
//!
//! Because no port identifies them, an IPv4 header inside must have a correct checksum and match the available length.
//! An IPv6 header has no checksum: it must carry TCP, and its addresses must be valid for hosts.

use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::{tzsp, vxlan};

const LAYER: &str = "UDP";
/// Possible offsets of an IP packet: alone (foo over UDP), or after a mirror's header.
const PACKETS: [usize; 4] = [0, 4, 8, 12];
/// Possible offsets of an Ethernet frame: alone, or after a header; HP's and Aruba's mirrors have 12 bytes.
const FRAMES: [usize; 5] = [0, 4, 8, 12, 16];
/// The minimum length of a frame, without its check sequence: shorter ones are padded.
const SHORTEST: usize = 60;

/// Reads a packet whose content proves that it is a tunnel.
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    if view.bytes.len() < 28 {
        return None;
    }
    // The form that distinguishes networks is tried first.
    if let [0x08, 0, 0, 0, _, _, _, 0, frame @ ..] = view.bytes
        && is_frame(frame, view.cut)
    {
        return vxlan::read(view);
    }
    for place in PACKETS {
        let Some(packet) = view.bytes.get(place..) else { break };
        if is_packet(packet, view.cut) {
            let next =
                if packet.first().is_some_and(|first| first >> 4 == 6) { Next::Ipv6 } else { Next::Ipv4 };
            return Some(Found::new(next, view.skip(LAYER, place).ok()?));
        }
    }
    for place in FRAMES {
        if view.bytes.get(place..).is_some_and(|frame| is_frame(frame, view.cut)) {
            return Some(Found::new(Next::Ethernet, view.skip(LAYER, place).ok()?));
        }
    }
    match view.bytes {
        [1, 0 | 1, 0, 1, ..] => {
            let found = tzsp::read(view)?;
            is_frame(found.rest().bytes, view.cut).then_some(found)
        }
        _ => None,
    }
}

/// Returns whether the bytes are exactly one complete IP packet.
fn is_packet(bytes: &[u8], cut: usize) -> bool {
    is_header(bytes) && total_length(bytes) == bytes.len().saturating_add(cut)
}

/// Returns whether the bytes are a complete Ethernet frame with an IP packet; it may be padded, or tagged once.
fn is_frame(bytes: &[u8], cut: usize) -> bool {
    let (packet, header) = match bytes.get(12..) {
        Some([0x08, 0x00, packet @ ..] | [0x86, 0xdd, packet @ ..]) => (packet, 14_usize),
        Some([0x81, 0x00, _, _, 0x08, 0x00, packet @ ..] | [0x81, 0x00, _, _, 0x86, 0xdd, packet @ ..]) => {
            (packet, 18)
        }
        _ => return false,
    };
    if !is_header(packet) {
        return false;
    }
    let there = packet.len().saturating_add(cut);
    let padded = SHORTEST.saturating_sub(header);
    // A frame check sequence may follow.
    match there.checked_sub(total_length(packet)) {
        Some(0 | 4) => true,
        Some(behind) => there <= padded.saturating_add(4) && behind < padded,
        None => false,
    }
}

/// Returns whether the bytes begin with an IP header: IPv4 with a correct checksum, or IPv6 with TCP.
fn is_header(bytes: &[u8]) -> bool {
    if let [0x60..=0x6f, _, _, _, _, _, 6, limit, rest @ ..] = bytes {
        return *limit > 0 && is_tcp_of_hosts(rest);
    }
    let Some(first @ 0x45..=0x4f) = bytes.first() else { return false };
    let Some(header) = bytes.get(..usize::from(first & 0x0f).saturating_mul(4)) else { return false };
    let protocol = header.get(9).copied().unwrap_or_default();
    matches!(protocol, 4 | 6 | 41 | 47) && sum(header) == 0xffff
}

/// Returns whether the bytes begin with two IPv6 addresses valid for hosts, followed by a TCP header.
fn is_tcp_of_hosts(bytes: &[u8]) -> bool {
    let Some((ends, segment)) = bytes.split_first_chunk::<32>() else { return false };
    let (ends, _) = ends.as_chunks::<16>();
    let is_host = |end: &[u8; 16]| end[0] != 0xff && *end != [0; 16];
    let is_segment =
        segment.get(12).is_some_and(|offset| matches!(offset >> 4, 5..=15) && offset & 0x0e == 0);
    ends.iter().all(is_host) && is_segment
}

fn total_length(bytes: &[u8]) -> usize {
    match bytes {
        [0x60..=0x6f, _, _, _, high, low, ..] => {
            usize::from(u16::from_be_bytes([*high, *low])).saturating_add(40)
        }
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Sums the words of a header (RFC 1071).
fn sum(header: &[u8]) -> u32 {
    let words = header.as_chunks::<2>().0.iter().map(|word| u32::from(u16::from_be_bytes(*word)));
    let mut sum = words.fold(0, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use crate::model::Tunnel;

    /// Returns the sample packet with its header checksum filled in.
    fn checked() -> Vec<u8> {
        let mut packet = hello();
        let sum = super::sum(&packet[..20]) ^ 0xffff;
        packet[10..12].copy_from_slice(&u16::try_from(sum).unwrap().to_be_bytes());
        packet
    }

    fn anywhere(header: &[u8], inner: &[u8]) -> Vec<u8> {
        ipv4(17, &udp(20_000, &join(&[header, inner])))
    }

    #[test]
    fn packets_and_frames_of_any_port() {
        for place in [0, 4, 8, 12] {
            is_plain(RAW, &anywhere(&vec![0xa5; place], &checked()));
            is_plain(RAW, &anywhere(&vec![0xa5; place], &ethernet(0x0800, &checked())));
        }
        is_plain(RAW, &anywhere(&[1, 0, 0, 1, 10, 1, 7, 1], &ethernet(0x0800, &checked())));
    }

    #[test]
    fn packets_and_frames_of_ipv6() {
        for place in [0, 4, 8, 12] {
            is_plain(RAW, &anywhere(&vec![0xa5; place], &hello6()));
            is_plain(RAW, &anywhere(&vec![0xa5; place], &ethernet(0x86dd, &hello6())));
        }
        let wrong = |at: usize, value: u8| {
            let mut packet = hello6();
            packet[at] = value;
            assert_eq!(decode(RAW, &anywhere(&[], &packet)), Seen::Other, "{at}");
        };
        // A length, a next header, a hop limit, addresses, and an impossible data offset.
        for (at, value) in [(5, 1), (6, 17), (7, 0), (8, 0xff), (24, 0xff), (52, 0x40)] {
            wrong(at, value);
        }
    }

    #[test]
    fn vxlan_of_any_port_keeps_its_network() {
        let frame = ethernet(0x0800, &checked());
        let vxlan = |network| tunnel_of(RAW, &anywhere(&[8, 0, 0, 0, 0, 3, network, 0], &frame));
        assert!(vxlan(32) != vxlan(33) && vxlan(32) != Tunnel::NONE);
    }

    #[test]
    fn padding_and_a_check_sequence() {
        let frame = ethernet(0x0800, &checked());
        is_plain(RAW, &anywhere(&[0; 12], &join(&[&frame, &[0; 4]])));
        assert_eq!(decode(RAW, &anywhere(&[0; 12], &join(&[&frame, &[0; 9]]))), Seen::Other);
    }

    #[test]
    fn a_checksum_or_a_length_that_is_wrong_proves_nothing() {
        assert_eq!(decode(RAW, &anywhere(&[], &hello())), Seen::Other);
        let mut longer = checked();
        longer[3] += 1;
        longer[11] -= 1;
        assert_eq!(decode(RAW, &anywhere(&[], &longer)), Seen::Other);
    }
}
