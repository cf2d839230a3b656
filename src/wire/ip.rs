use std::net::{IpAddr, Ipv6Addr};

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::DecodeError;
use super::cursor::Cursor;
use super::next::{Carried, Found, Next, Piece, Transport};

/// The IP protocol numbers handled here (IANA "Protocol Numbers").
mod number {
    pub(super) const HOP_BY_HOP: u8 = 0;
    pub(super) const ROUTING: u8 = 43;
    pub(super) const FRAGMENT: u8 = 44;
    pub(super) const AUTHENTICATION: u8 = 51;
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
    pub(super) const MOBILITY: u8 = 135;
    pub(super) const HOST_IDENTITY: u8 = 139;
    pub(super) const SHIM6: u8 = 140;
}

/// Distinguishes IPv4 from IPv6 by the first four bits.
pub(super) fn by_version(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Found::new(Next::Ipv4, view)),
        Some(6) => Ok(Found::new(Next::Ipv6, view)),
        Some(version) => Err(view.field("IP", "version", u64::from(version))),
        None => Err(view.short("IP", 1)),
    }
}

/// Reads an IPv4 header and its options (RFC 791 §3.1).
pub(super) fn v4(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    const LAYER: &str = "IPv4";
    let header = Ipv4HeaderSlice::from_slice(view.bytes).map_err(|error| match error {
        ipv4::HeaderSliceError::Len(error) => view.short(LAYER, error.required_len),
        ipv4::HeaderSliceError::Content(ipv4::HeaderError::UnexpectedVersion { version_number }) => {
            view.field(LAYER, "version", u64::from(version_number))
        }
        ipv4::HeaderSliceError::Content(ipv4::HeaderError::HeaderLengthSmallerThanHeader { ihl }) => {
            view.field(LAYER, "header length", u64::from(ihl))
        }
    })?;
    let header_length = header.slice().len();
    let mut rest = view.skip(LAYER, header_length)?;
    // Zero if the sender left segmentation to the network card: the packet is larger than the field can express.
    if let total @ 1.. = header.total_len() {
        let Some(length) = usize::from(total).checked_sub(header_length) else {
            return Err(view.field(LAYER, "total length", u64::from(total)));
        };
        rest = rest.limit(length);
    }
    let transport = Transport {
        protocol: header.protocol().0,
        source: IpAddr::V4(header.source_addr()),
        destination: IpAddr::V4(header.destination_addr()),
        id: header.identification(),
    };
    let next = if header.is_fragmenting_payload() {
        Next::Fragment(Piece {
            transport,
            id: u32::from(header.identification()),
            start: u32::from(header.fragments_offset().value()).saturating_mul(8),
            more: header.more_fragments(),
            carried: Carried::Payload,
        })
    } else {
        Next::Transport(transport)
    };
    Ok(Found::new(next, rest))
}

/// Reads an IPv6 header (RFC 8200 §3).
pub(super) fn v6(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    const LAYER: &str = "IPv6";
    let header = Ipv6HeaderSlice::from_slice(view.bytes).map_err(|error| match error {
        ipv6::HeaderSliceError::Len(error) => view.short(LAYER, error.required_len),
        ipv6::HeaderSliceError::Content(ipv6::HeaderError::UnexpectedVersion { version_number }) => {
            view.field(LAYER, "version", u64::from(version_number))
        }
    })?;
    let mut rest = view.skip(LAYER, header.slice().len())?;
    // Zero in jumbograms (RFC 2675 §3) and if the sender left segmentation to the network card.
    if let length @ 1.. = header.payload_length() {
        rest = rest.limit(usize::from(length));
    }
    let transport = Transport {
        protocol: header.next_header().0,
        source: IpAddr::V6(header.source_addr()),
        destination: IpAddr::V6(header.destination_addr()),
        id: 0,
    };
    Ok(Found::new(Next::Transport(transport), rest))
}

/// Reads an extension header (RFC 8200 §4); returns `None` if the protocol number is not that of one.
pub(super) fn extension<'a>(
    transport: &Transport,
    view: Cursor<'a>,
) -> Option<Result<Found<'a>, DecodeError>> {
    match transport.protocol {
        // The only one that IPv4 has (RFC 4302).
        number::AUTHENTICATION => Some(authentication(transport, view)),
        _ if transport.source.is_ipv4() => None,
        number::FRAGMENT => Some(fragment(transport, view)),
        number::HOP_BY_HOP
        | number::ROUTING
        | number::DESTINATION_OPTIONS
        | number::MOBILITY
        | number::HOST_IDENTITY
        | number::SHIM6 => Some(skipped(transport, view)),
        _ => None,
    }
}

fn skipped<'a>(transport: &Transport, view: Cursor<'a>) -> Result<Found<'a>, DecodeError> {
    const LAYER: &str = "IPv6 extension";
    let header = Ipv6RawExtHeaderSlice::from_slice(view.bytes)
        .map_err(|error| view.short(LAYER, error.required_len))?;
    let mut next = Transport { protocol: header.next_header().0, ..*transport };
    if let (number::ROUTING, Some(last)) = (transport.protocol, last_stop(header.slice())) {
        next.destination = IpAddr::V6(last);
    }
    Ok(Found::new(Next::Transport(next), view.skip(LAYER, header.slice().len())?))
}

/// Returns the final destination in a routing header, while the packet has not reached it yet (RFC 8200 §4.4).
fn last_stop(header: &[u8]) -> Option<Ipv6Addr> {
    let (&[_, _, kind, left, ..], addresses) = header.split_first_chunk::<8>()?;
    if left == 0 {
        return None;
    }
    let address = match kind {
        // Source route and home address: the last address of the list (RFC 8200 §4.4, RFC 6275 §6.4).
        0 | 2 => addresses.last_chunk::<16>(),
        // Segment routing: the list is in reverse order (RFC 8754 §2).
        4 => addresses.first_chunk::<16>(),
        _ => None,
    };
    address.map(|address| Ipv6Addr::from(*address))
}

fn authentication<'a>(transport: &Transport, view: Cursor<'a>) -> Result<Found<'a>, DecodeError> {
    const LAYER: &str = "AH";
    let header = IpAuthHeaderSlice::from_slice(view.bytes).map_err(|error| match error {
        ip_auth::HeaderSliceError::Len(error) => view.short(LAYER, error.required_len),
        ip_auth::HeaderSliceError::Content(ip_auth::HeaderError::ZeroPayloadLen) => {
            view.field(LAYER, "payload length", 0)
        }
    })?;
    let next = Transport { protocol: header.next_header().0, ..*transport };
    Ok(Found::new(Next::Transport(next), view.skip(LAYER, header.slice().len())?))
}

fn fragment<'a>(transport: &Transport, view: Cursor<'a>) -> Result<Found<'a>, DecodeError> {
    const LAYER: &str = "IPv6 fragment";
    let header = Ipv6FragmentHeaderSlice::from_slice(view.bytes)
        .map_err(|error| view.short(LAYER, error.required_len))?;
    let rest = view.skip(LAYER, header.slice().len())?;
    let transport = Transport { protocol: header.next_header().0, ..*transport };
    // An "atomic" fragment is complete and never joined with others (RFC 6946 §4).
    let next = if header.is_fragmenting_payload() {
        Next::Fragment(Piece {
            transport,
            id: header.identification(),
            start: u32::from(header.fragment_offset().value()).saturating_mul(8),
            more: header.more_fragments(),
            carried: Carried::Payload,
        })
    } else {
        Next::Transport(transport)
    };
    Ok(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn with_total_length(length: u16) -> Vec<u8> {
        let mut packet = hello();
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        packet
    }

    fn extension(next: u8, words: u8, payload: &[u8]) -> Vec<u8> {
        join(&[&[next, words], &vec![0; 6 + usize::from(words) * 8], payload])
    }

    #[test]
    fn options_of_ipv4() {
        for words in 1..=10_u8 {
            let length = usize::from(words) * 4;
            let mut packet = with_total_length(45 + u16::try_from(length).unwrap());
            packet[0] = 0x45 + words;
            packet.splice(20..20, vec![1; length]);
            is_plain(RAW, &packet);
            is_plain(ETHERNET, &ethernet(0x0800, &packet));
        }
    }

    #[test]
    fn a_header_length_that_is_too_small() {
        let mut packet = hello();
        packet[0] = 0x44;
        let stop = DecodeError::Field { layer: "IPv4", offset: 14, field: "header length", value: 4 };
        assert_eq!(decode(ETHERNET, &ethernet(0x0800, &packet)), Seen::Unreadable(stop));
    }

    #[test]
    fn options_cut_by_the_snap_length() {
        let mut packet = hello();
        packet[0] = 0x4f;
        let stop = DecodeError::Short { layer: "IPv4", offset: 0, needed: 60, had: 45 };
        assert_eq!(decode(RAW, &packet), Seen::Unreadable(stop));
    }

    #[test]
    fn total_length_zero_means_the_rest_of_the_packet() {
        is_plain(ETHERNET, &ethernet(0x0800, &with_total_length(0)));
        let segment = decode_cut(RAW, &with_total_length(0), 42).tcp();
        assert_eq!((&segment.payload[..], segment.cut), (&b"he"[..], 3));
    }

    #[test]
    fn a_total_length_below_the_headers_is_unreadable() {
        for length in 1..20 {
            let stop = DecodeError::Field {
                layer: "IPv4",
                offset: 0,
                field: "total length",
                value: u64::from(length),
            };
            assert_eq!(decode(RAW, &with_total_length(length)), Seen::Unreadable(stop));
        }
    }

    #[test]
    fn a_total_length_that_promises_more_counts_as_cut() {
        let segment = decode(RAW, &with_total_length(1500)).tcp();
        assert_eq!((&segment.payload[..], segment.cut), (&b"hello"[..], 1455));
    }

    #[test]
    fn a_total_length_that_promises_less_ends_the_payload() {
        let segment = decode(RAW, &with_total_length(42)).tcp();
        assert_eq!((&segment.payload[..], segment.cut), (&b"he"[..], 0));
    }

    #[test]
    fn every_extension_header_alone_and_all_in_a_row() {
        for kind in [0, 43, 60, 135, 139, 140] {
            for words in [0, 1, 5] {
                is_plain(RAW, &ipv6(kind, &extension(6, words, &tcp(b"hello"))));
            }
        }
        let authentication = join(&[&[6, 4, 0, 0], &[0; 20], &tcp(b"hello")]);
        is_plain(RAW, &ipv6(51, &authentication));
        is_plain(RAW, &ipv4(51, &authentication));
        let row = extension(
            60,
            0,
            &extension(43, 1, &extension(44, 2, &join(&[&[51, 0, 0, 0, 0, 0, 0, 9], &authentication]))),
        );
        is_plain(ETHERNET, &ethernet(0x86dd, &ipv6(0, &row)));
    }

    #[test]
    fn an_extension_header_longer_than_the_packet() {
        let stop = DecodeError::Short { layer: "IPv6 extension", offset: 40, needed: 2048, had: 33 };
        let mut packet = ipv6(60, &extension(6, 0, &tcp(b"hello")));
        packet[41] = 0xff;
        assert_eq!(decode(RAW, &packet), Seen::Unreadable(stop));
    }

    #[test]
    fn extension_headers_are_of_ipv6_only() {
        assert_eq!(decode(RAW, &ipv4(60, &extension(6, 0, &tcp(b"hello")))), Seen::Other);
    }

    #[test]
    fn an_atomic_fragment_is_whole() {
        is_plain(RAW, &ipv6_piece(6, 1, 0, &tcp(b"hello")));
    }

    #[test]
    fn a_source_route_names_where_the_packet_will_end() {
        let route = |kind: u8, left: u8| {
            let mut first = [0_u8; 16];
            let mut second = [0_u8; 16];
            (first[15], second[15]) = (7, 8);
            let header = join(&[&[6, 4, kind, left, 0, 0, 0, 0], &first, &second]);
            let flow = decode(RAW, &ipv6(43, &join(&[&header, &tcp(b"hello")]))).tcp().flow;
            match flow.destination.ip {
                IpAddr::V6(ip) => ip.octets()[15],
                IpAddr::V4(_) => 0,
            }
        };
        assert_eq!([route(0, 1), route(2, 1), route(4, 1)], [8, 8, 7]);
        assert_eq!([route(0, 0), route(2, 0), route(4, 0), route(3, 1)], [2; 4]);
    }

    #[test]
    fn payload_length_zero_means_the_rest_of_the_packet() {
        let mut packet = hello6();
        packet[4..6].fill(0);
        is_plain(ETHERNET, &ethernet(0x86dd, &packet));
        let mut jumbo = ipv6(0, &extension(6, 0, &tcp(b"hello")));
        jumbo[4..6].fill(0);
        is_plain(RAW, &jumbo);
    }

    #[test]
    fn icmp_and_what_it_quotes_are_other() {
        assert_eq!(decode(RAW, &ipv4(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &hello()]))), Seen::Other);
        assert_eq!(decode(RAW, &ipv6(58, &join(&[&[1, 0, 0, 0, 0, 0, 0, 0], &hello6()]))), Seen::Other);
    }

    #[test]
    fn encrypted_packets_are_other() {
        assert_eq!(decode(RAW, &ipv4(50, &[0; 40])), Seen::Other);
        assert_eq!(decode(RAW, &ipv6(50, &[0; 40])), Seen::Other);
    }

    #[test]
    fn ether_types_and_versions_must_agree() {
        let stop = DecodeError::Field { layer: "IPv4", offset: 14, field: "version", value: 6 };
        assert_eq!(decode(ETHERNET, &ethernet(0x0800, &hello6())), Seen::Unreadable(stop));
    }
}
