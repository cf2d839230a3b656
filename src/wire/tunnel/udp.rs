use etherparse::UdpHeaderSlice;

use super::super::cursor::Cursor;
use super::super::next::{Found, Transport};
use super::super::{Unread, link};
use super::{capwap, geneve, gre, gtp, gue, l2tp, lisp, tzsp, unnamed, vxlan};

/// Reads a UDP header (RFC 768) and tries the tunnels of its ports, then those that need no port.
pub(super) fn read<'a>(transport: &Transport, view: Cursor<'a>) -> Found<'a> {
    let Ok(header) = UdpHeaderSlice::from_slice(view.bytes) else {
        return Found::unread(Unread::Protocol(17), view);
    };
    let (from, to) = (header.source_port(), header.destination_port());
    tunnelled(transport, &header, view).unwrap_or(Found::unread(Unread::Port(from.min(to)), view))
}

fn tunnelled<'a>(transport: &Transport, header: &UdpHeaderSlice<'_>, view: Cursor<'a>) -> Option<Found<'a>> {
    let header_length = header.slice().len();
    let mut rest = view.skip("UDP", header_length).ok()?;
    // Zero in jumbograms (RFC 2675 §4) and if the sender left segmentation to the network card.
    if let length @ 1.. = header.length() {
        rest = rest.limit(usize::from(length).checked_sub(header_length)?);
    }
    by_port(header.destination_port(), transport, rest)
        .or_else(|| by_port(header.source_port(), transport, rest))
        .or_else(|| unnamed::read(rest))
}

/// Reads the payload according to a UDP port (IANA "Service Name and Transport Protocol Port Number Registry").
///
/// A port alone does not identify a tunnel: each reader checks whether the header has the required form, and returns
/// `None` if it does not.
fn by_port<'a>(port: u16, transport: &Transport, view: Cursor<'a>) -> Option<Found<'a>> {
    match port {
        1701 => l2tp::in_udp(view),
        2152 => gtp::read(view),
        4341 => lisp::read(view),
        // The second one is Linux's own, older than the registered one; then those of a cloud provider, one per
        // direction.
        4789 | 8472 | 10800 | 10801 => vxlan::read(view),
        4790 => vxlan::read_gpe(view),
        4754 => gre::in_udp(view),
        5247 => capwap::read(transport, view),
        6080 => gue::read(transport, view),
        6081 => geneve::read(view),
        // RFC 7510.
        6635 => link::mpls(view).ok(),
        37008 => tzsp::read(view),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn other_ports_are_other() {
        assert_eq!(decode(RAW, &ipv4(17, &udp(53, &hello()))), Seen::Other);
    }

    #[test]
    fn a_broken_header_is_other() {
        assert_eq!(decode(RAW, &ipv4(17, &[0; 7])), Seen::Other);
        let mut packet = udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0]);
        packet[4..6].copy_from_slice(&[0, 7]);
        assert_eq!(decode(RAW, &ipv4(17, &packet)), Seen::Other);
    }

    #[test]
    fn the_source_port_may_name_the_tunnel() {
        let mut packet = udp(53, &join(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &hello())]));
        packet[0..2].copy_from_slice(&4789_u16.to_be_bytes());
        tunnel_of(RAW, &ipv4(17, &packet));
    }

    #[test]
    fn length_zero_means_the_rest() {
        let mut packet = udp(4789, &join(&[&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(0x0800, &hello())]));
        packet[4..6].fill(0);
        tunnel_of(RAW, &ipv4(17, &packet));
    }
}
