use super::super::cursor::Cursor;
use super::super::layers::Id;
use super::super::next::{Found, Next};

/// Reads a VXLAN header (RFC 7348 §5).
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("VXLAN").ok()?;
    let [flags, r1, r2, r3, v0, v1, v2, r4] = *header;
    // The network identifier must be valid; no other flag except that of the group policy, which uses the next bytes.
    let is_plain = flags == 0x08 && [r1, r2, r3, r4] == [0; 4];
    // Reserved bits must be ignored, but then the inner frame must look like one.
    let is_extended = flags & 0x08 != 0 && looks_like_ethernet(rest.bytes);
    if !is_plain && !is_extended {
        return None;
    }
    Some(Found::new(Next::Ethernet, rest).with(Id::Vxlan(u32::from_be_bytes([0, v0, v1, v2]))))
}

/// Reads the header of VXLAN's generic protocol extension, which identifies its payload (draft-ietf-nvo3-vxlan-gpe §3).
pub(super) fn read_gpe(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("VXLAN").ok()?;
    let [flags, r1, r2, protocol, v0, v1, v2, r3] = *header;
    // Version 0, a valid network identifier, and reserved bits zero.
    if flags & 0xf8 != 0x08 || [r1, r2, r3] != [0; 3] {
        return None;
    }
    let next = match (flags & 0x04 != 0, protocol) {
        (true, 1) => Next::Ipv4,
        (true, 2) => Next::Ipv6,
        (true, 3) | (false, 0) => Next::Ethernet,
        (true, 4) => Next::EtherType(0x894f),
        (true, 5) => Next::EtherType(0x8847),
        _ => return None,
    };
    Some(Found::new(next, rest).with(Id::Vxlan(u32::from_be_bytes([0, v0, v1, v2]))))
}

/// Returns whether the bytes begin with an Ethernet header and the start of an IP packet or a VLAN tag.
fn looks_like_ethernet(bytes: &[u8]) -> bool {
    match bytes.get(12..) {
        Some([0x08, 0x00, first, ..]) => first >> 4 == 4,
        Some([0x86, 0xdd, first, ..]) => first >> 4 == 6,
        Some([0x81, 0x00, _, _, high, low, ..]) => matches!([*high, *low], [0x08, 0x00] | [0x86, 0xdd]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use crate::model::Tunnel;

    fn vxlan(header: [u8; 8]) -> Vec<u8> {
        ipv4(17, &udp(4789, &join(&[&header, &ethernet(0x0800, &hello())])))
    }

    #[test]
    fn the_network_is_kept() {
        let one = tunnel_of(RAW, &vxlan([8, 0, 0, 0, 0, 0, 1, 0]));
        let two = tunnel_of(RAW, &vxlan([8, 0, 0, 0, 1, 0, 0, 0]));
        assert!(one != two && one != Tunnel::NONE);
    }

    #[test]
    fn linux_has_a_port_of_its_own() {
        let frame = ethernet(0x0800, &hello());
        tunnel_of(RAW, &ipv6(17, &udp(8472, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &frame]))));
    }

    #[test]
    fn an_inner_vlan_counts() {
        let tagged = ethernet(0x8100, &vlan(5, 0x0800, &hello()));
        let both = tunnel_of(RAW, &ipv4(17, &udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &tagged]))));
        assert_ne!(both, tunnel_of(RAW, &vxlan([8, 0, 0, 0, 0, 0, 1, 0])));
    }

    #[test]
    fn reserved_bits_are_ignored_before_a_frame() {
        let plain = tunnel_of(RAW, &vxlan([8, 0, 0, 0, 0, 0, 1, 0]));
        // A group policy and its ID.
        assert_eq!(tunnel_of(RAW, &vxlan([0x88, 0, 0, 9, 0, 0, 1, 0])), plain);
        assert_eq!(tunnel_of(RAW, &vxlan([8, 1, 2, 3, 0, 0, 1, 4])), plain);
    }

    #[test]
    fn the_extension_says_what_it_carries() {
        let gpe = |header: [u8; 8], inner: &[u8]| ipv4(17, &udp(4790, &join(&[&header, inner])));
        let network = tunnel_of(RAW, &vxlan([8, 0, 0, 0, 0, 0, 1, 0]));
        assert_eq!(tunnel_of(RAW, &gpe([0x0c, 0, 0, 1, 0, 0, 1, 0], &hello())), network);
        assert_eq!(tunnel_of(RAW, &gpe([0x0c, 0, 0, 2, 0, 0, 1, 0], &hello6())), network);
        assert_eq!(tunnel_of(RAW, &gpe([0x0c, 0, 0, 3, 0, 0, 1, 0], &ethernet(0x0800, &hello()))), network);
        assert_eq!(tunnel_of(RAW, &gpe([0x08, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &hello()))), network);
        let labels = join(&[&[0, 1, 1, 64], &hello()]);
        assert_eq!(tunnel_of(RAW, &gpe([0x0c, 0, 0, 5, 0, 0, 1, 0], &labels)), network);
        let path = join(&[&[0, 2, 1, 1, 0, 0, 7, 255], &hello()]);
        assert_eq!(tunnel_of(RAW, &gpe([0x0c, 0, 0, 4, 0, 0, 1, 0], &path)), network);
        assert_eq!(decode(RAW, &gpe([0x0c, 0, 0, 9, 0, 0, 1, 0], &hello())), Seen::Other);
        assert_eq!(decode(RAW, &gpe([0x04, 0, 0, 1, 0, 0, 1, 0], &hello())), Seen::Other);
        assert_eq!(decode(RAW, &gpe([0x0c, 0, 9, 1, 0, 0, 1, 0], &hello())), Seen::Other);
    }

    #[test]
    fn a_port_alone_is_no_tunnel() {
        assert_eq!(decode(RAW, &vxlan([0, 0, 0, 0, 0, 0, 1, 0])), Seen::Other);
        assert_eq!(decode(RAW, &ipv4(17, &udp(4789, &[0x1f; 80]))), Seen::Other);
    }
}
