//! Tunnels, one file each: each function takes a view and returns what comes next.
//!
//! The list below, together with that of UDP ports in `udp`, is complete.

mod capwap;
mod erspan;
mod etherip;
mod geneve;
mod gre;
mod gtp;
mod gue;
mod l2tp;
mod lisp;
mod tzsp;
mod udp;
mod unnamed;
mod vxlan;

use super::cursor::Cursor;
use super::next::{Found, Next, Transport};
use super::{DecodeError, Unread, link};

/// Reads the payload of an IP protocol number (IANA "Protocol Numbers").
pub(super) fn read<'a>(transport: &Transport, view: Cursor<'a>) -> Result<Found<'a>, DecodeError> {
    match transport.protocol {
        // IP in IP (RFC 2003, RFC 4213, RFC 2473).
        4 => Ok(Found::new(Next::Ipv4, view)),
        41 => Ok(Found::new(Next::Ipv6, view)),
        17 => Ok(udp::read(transport, view)),
        47 => gre::read(view),
        97 => etherip::read(view),
        115 => Ok(l2tp::in_ip(view)),
        // RFC 4023.
        137 => link::mpls(view),
        // RFC 8986 §4.9, RFC 8300: Ethernet and network service headers after an IPv6 header.
        143 => Ok(Found::new(Next::Ethernet, view)),
        145 => link::nsh(view),
        protocol => Ok(Found::unread(Unread::Protocol(protocol), view)),
    }
}

/// Returns whether the payload of this protocol number may lead to TCP; other fragments are not kept.
pub(super) const fn may_lead_on(protocol: u8) -> bool {
    // TCP and the list above, then IPv6's extension headers and AH.
    matches!(
        protocol,
        6 | 4 | 41 | 17 | 47 | 97 | 115 | 137 | 143 | 145 | 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140
    )
}

#[cfg(test)]
mod tests {
    use super::super::DecodeError;
    use super::super::sample::*;

    #[test]
    fn either_version_of_ip_in_either() {
        is_plain(RAW, &ipv4(4, &hello()));
        is_plain(RAW, &ipv4(41, &hello6()));
        is_plain(RAW, &ipv6(4, &hello()));
        is_plain(RAW, &ipv6(41, &hello6()));
    }

    #[test]
    fn labels_in_ip() {
        is_plain(RAW, &ipv4(137, &join(&[&[0, 1, 1, 64], &hello()])));
    }

    #[test]
    fn the_wrong_version_inside_is_unreadable() {
        let stop = DecodeError::Field { layer: "IPv4", offset: 20, field: "version", value: 6 };
        assert_eq!(decode(RAW, &ipv4(4, &hello6())), Seen::Unreadable(stop));
    }

    #[test]
    fn eight_tunnels_are_read_and_nine_are_not() {
        let nested = |depth| (0..depth).fold(hello(), |inner, _| ipv4(4, &inner));
        for depth in 0..=8 {
            is_plain(RAW, &nested(depth));
        }
        let deep = DecodeError::Depth { layer: "IPv4", offset: 180, limit: 8 };
        assert_eq!(decode(RAW, &nested(9)), Seen::Unreadable(deep));
    }

    #[test]
    fn inner_padding_is_not_payload() {
        is_plain(RAW, &ipv4(4, &join(&[&hello(), &[0; 7]])));
    }

    #[test]
    fn an_inner_packet_is_not_longer_than_the_outer_says() {
        let mut inner = hello();
        inner[2..4].copy_from_slice(&1500_u16.to_be_bytes());
        is_plain(RAW, &ipv4(4, &inner));
    }

    #[test]
    fn what_the_snap_length_cut_is_told_from_the_inner_header() {
        let packet = ipv4(4, &hello());
        let segment = decode_cut(RAW, &packet, packet.len() - 2).tcp();
        assert_eq!((&segment.payload[..], segment.cut), (&b"hel"[..], 2));
    }
}
