use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layers::{Id, LayerStack};
use crate::model::{Endpoint, Flags, Flow, LinkType, Packet, Segment, SenderClock, Seq};

/// Decodes Ethernet, at most one VLAN tag, IPv4 without options or IPv6 without extension headers, and TCP.
///
/// Returns `None` if the packet is different or malformed; `walk` decodes it then. Any other result equals that of
/// `walk`; a property test compares the two.
#[inline]
pub(super) fn decode<'a>(packet: &Packet<'a>) -> Option<Segment<'a>> {
    if packet.link != LinkType::ETHERNET {
        return None;
    }
    let (ethernet, mut rest) = packet.data.split_first_chunk::<14>()?;
    let mut kind = [ethernet[12], ethernet[13]];
    let mut trail = LayerStack::default();
    if let [0x81, 0x00] | [0x88, 0xa8] = kind {
        let (tag, after) = rest.split_first_chunk::<4>()?;
        trail.add(Id::Vlan(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff));
        kind = [tag[2], tag[3]];
        rest = after;
    }
    let ip = match kind {
        [0x08, 0x00] => ipv4(rest)?,
        [0x86, 0xdd] => ipv6(rest)?,
        _ => return None,
    };
    let captured = ip.rest.get(..ip.length).unwrap_or(ip.rest);
    let (tcp, options) = captured.split_first_chunk::<20>()?;
    let length = usize::from(tcp[12] >> 4).checked_sub(5)?.wrapping_mul(4);
    let (options, payload) = options.split_at_checked(length)?;
    let start = packet.data.len().wrapping_sub(ip.rest.len()).wrapping_add(20).wrapping_add(length);
    Some(Segment {
        flow: Flow {
            source: Endpoint::new(ip.source, u16::from_be_bytes([tcp[0], tcp[1]])),
            destination: Endpoint::new(ip.destination, u16::from_be_bytes([tcp[2], tcp[3]])),
            tunnel: trail.tunnel,
        },
        seq: Seq(u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]])),
        ack: Seq(u32::from_be_bytes([tcp[8], tcp[9], tcp[10], tcp[11]])),
        flags: Flags(tcp[13]),
        window: u16::from_be_bytes([tcp[14], tcp[15]]),
        header: captured.get(..length.wrapping_add(20))?,
        payload,
        offset: u32::try_from(start).ok(),
        cut: u32::try_from(ip.length.saturating_sub(captured.len())).ok()?,
        packet_length: packet.original_length,
        stamp: SenderClock::new(ip.id, options),
    })
}

/// The fields of an IP header that are relevant to a TCP segment.
struct Ip<'a> {
    source: IpAddr,
    destination: IpAddr,
    /// The identification field; 0 for IPv6, which has none.
    id: u16,
    /// The segment's length.
    length: usize,
    /// The captured bytes of the segment, and anything after it.
    rest: &'a [u8],
}

#[inline]
fn ipv4(bytes: &[u8]) -> Option<Ip<'_>> {
    let (header, rest) = bytes.split_first_chunk::<20>()?;
    let [0x45, _, t0, t1, i0, i1, f0, f1, _, 6, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header else {
        return None;
    };
    // The MF flag or a fragment offset.
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([t0, t1])).checked_sub(20)?;
    Some(Ip {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        id: u16::from_be_bytes([i0, i1]),
        length,
        rest,
    })
}

#[inline]
fn ipv6(bytes: &[u8]) -> Option<Ip<'_>> {
    let (header, rest) = bytes.split_first_chunk::<8>()?;
    let [first, _, _, _, l0, l1, 6, _] = *header else { return None };
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if first >> 4 != 6 || length == 0 {
        return None;
    }
    Some(Ip {
        source: IpAddr::V6(Ipv6Addr::from(*source)),
        destination: IpAddr::V6(Ipv6Addr::from(*destination)),
        id: 0,
        length,
        rest,
    })
}
