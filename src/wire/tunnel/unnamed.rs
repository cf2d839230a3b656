//! Tunnels in UDP of a port that an administrator chose: mirrors of switches, VXLAN elsewhere, foo over UDP.
//!
//! No port speaks for them, so an IPv4 header inside has to be right to its checksum and to the length of what is there.

use super::super::cursor::Cursor;
use super::super::walk::{Found, Next};
use super::{tzsp, vxlan};

const LAYER: &str = "UDP";
/// Where an IP packet may stand: alone (foo over UDP), or behind a header of a mirror.
const PACKETS: [usize; 4] = [0, 4, 8, 12];
/// Where an Ethernet frame may stand: alone, or behind a header; HP's and Aruba's mirrors have 12 bytes.
const FRAMES: [usize; 5] = [0, 4, 8, 12, 16];
/// The shortest frame there is, without its check sequence: shorter ones are padded.
const SHORTEST: usize = 60;

/// Reads what proves by itself to be a tunnelled packet.
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    if view.bytes.len() < 28 {
        return None;
    }
    // The form that keeps networks apart comes first.
    if let [0x08, 0, 0, 0, _, _, _, 0, frame @ ..] = view.bytes
        && is_frame(frame, view.cut)
    {
        return vxlan::read(view);
    }
    for place in PACKETS {
        if view.bytes.get(place..).is_some_and(|packet| is_packet(packet, view.cut)) {
            return Some(Found::new(Next::Ipv4, view.skip(LAYER, place).ok()?));
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

/// Tells whether a whole IPv4 packet stands here, and nothing behind it.
fn is_packet(bytes: &[u8], cut: usize) -> bool {
    is_header(bytes) && total_length(bytes) == bytes.len().saturating_add(cut)
}

/// Tells whether a whole Ethernet frame with an IPv4 packet stands here; it may be padded, or tagged once.
fn is_frame(bytes: &[u8], cut: usize) -> bool {
    let (packet, header) = match bytes.get(12..) {
        Some([0x08, 0x00, packet @ ..]) => (packet, 14_usize),
        Some([0x81, 0x00, _, _, 0x08, 0x00, packet @ ..]) => (packet, 18),
        _ => return false,
    };
    if !is_header(packet) {
        return false;
    }
    let there = packet.len().saturating_add(cut);
    let padded = SHORTEST.saturating_sub(header);
    // A frame check sequence may stand behind.
    match there.checked_sub(total_length(packet)) {
        Some(0 | 4) => true,
        Some(behind) => there <= padded.saturating_add(4) && behind < padded,
        None => false,
    }
}

/// Tells whether an IPv4 header stands here whose checksum is right, and that leads on.
fn is_header(bytes: &[u8]) -> bool {
    let Some(first @ 0x45..=0x4f) = bytes.first() else { return false };
    let Some(header) = bytes.get(..usize::from(first & 0x0f).saturating_mul(4)) else { return false };
    let protocol = header.get(9).copied().unwrap_or_default();
    matches!(protocol, 4 | 6 | 41 | 47) && sum(header) == 0xffff
}

fn total_length(bytes: &[u8]) -> usize {
    match bytes {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    }
}

/// Adds up the words of a header (RFC 1071).
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

    /// The sample packet with its header's checksum.
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
