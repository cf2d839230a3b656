use std::net::{IpAddr, Ipv6Addr};

use etherparse::err::{ip_auth, ipv4, ipv6};
use etherparse::{IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice};

use super::Stop;
use super::view::View;
use super::walk::{Found, Next, Piece, Transport};

/// IP protocol numbers that are read here (IANA "Protocol Numbers").
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

/// Tells IPv4 from IPv6 by the first four bits.
pub(super) fn by_version(view: View<'_>) -> Result<Found<'_>, Stop> {
    match view.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Found::new(Next::Ipv4, view)),
        Some(6) => Ok(Found::new(Next::Ipv6, view)),
        Some(version) => Err(view.field("IP", "version", u64::from(version))),
        None => Err(view.short("IP", 1)),
    }
}

/// Reads an IPv4 header and its options (RFC 791 §3.1).
pub(super) fn v4(view: View<'_>) -> Result<Found<'_>, Stop> {
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
    // Zero where the sender left cutting to the network card: the packet is larger than the field can say.
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
    };
    let next = if header.is_fragmenting_payload() {
        Next::Fragment(Piece {
            transport,
            id: u32::from(header.identification()),
            start: u32::from(header.fragments_offset().value()).saturating_mul(8),
            more: header.more_fragments(),
        })
    } else {
        Next::Transport(transport)
    };
    Ok(Found::new(next, rest))
}

/// Reads an IPv6 header (RFC 8200 §3).
pub(super) fn v6(view: View<'_>) -> Result<Found<'_>, Stop> {
    const LAYER: &str = "IPv6";
    let header = Ipv6HeaderSlice::from_slice(view.bytes).map_err(|error| match error {
        ipv6::HeaderSliceError::Len(error) => view.short(LAYER, error.required_len),
        ipv6::HeaderSliceError::Content(ipv6::HeaderError::UnexpectedVersion { version_number }) => {
            view.field(LAYER, "version", u64::from(version_number))
        }
    })?;
    let mut rest = view.skip(LAYER, header.slice().len())?;
    // Zero in jumbograms (RFC 2675 §3) and where the sender left cutting to the network card.
    if let length @ 1.. = header.payload_length() {
        rest = rest.limit(usize::from(length));
    }
    let transport = Transport {
        protocol: header.next_header().0,
        source: IpAddr::V6(header.source_addr()),
        destination: IpAddr::V6(header.destination_addr()),
    };
    Ok(Found::new(Next::Transport(transport), rest))
}

/// Reads an extension header (RFC 8200 §4); `None` where the protocol number names none.
pub(super) fn extension<'a>(transport: &Transport, view: View<'a>) -> Option<Result<Found<'a>, Stop>> {
    match transport.protocol {
        // IPv4 knows this one alone (RFC 4302).
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

fn skipped<'a>(transport: &Transport, view: View<'a>) -> Result<Found<'a>, Stop> {
    const LAYER: &str = "IPv6 extension";
    let header =
        Ipv6RawExtHeaderSlice::from_slice(view.bytes).map_err(|error| view.short(LAYER, error.required_len))?;
    let mut next = Transport { protocol: header.next_header().0, ..*transport };
    if let (number::ROUTING, Some(last)) = (transport.protocol, last_stop(header.slice())) {
        next.destination = IpAddr::V6(last);
    }
    Ok(Found::new(Next::Transport(next), view.skip(LAYER, header.slice().len())?))
}

/// Returns where a packet with a routing header will end, while it is not there yet (RFC 8200 §4.4).
fn last_stop(header: &[u8]) -> Option<Ipv6Addr> {
    let (&[_, _, kind, left, ..], addresses) = header.split_first_chunk::<8>()?;
    if left == 0 {
        return None;
    }
    let address = match kind {
        // Source route and home address: the last one of the list (RFC 8200 §4.4, RFC 6275 §6.4).
        0 | 2 => addresses.last_chunk::<16>(),
        // Segment routing: the list runs backwards (RFC 8754 §2).
        4 => addresses.first_chunk::<16>(),
        _ => None,
    };
    address.map(|address| Ipv6Addr::from(*address))
}

fn authentication<'a>(transport: &Transport, view: View<'a>) -> Result<Found<'a>, Stop> {
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

fn fragment<'a>(transport: &Transport, view: View<'a>) -> Result<Found<'a>, Stop> {
    const LAYER: &str = "IPv6 fragment";
    let header =
        Ipv6FragmentHeaderSlice::from_slice(view.bytes).map_err(|error| view.short(LAYER, error.required_len))?;
    let rest = view.skip(LAYER, header.slice().len())?;
    let transport = Transport { protocol: header.next_header().0, ..*transport };
    // An "atomic" fragment is whole on its own and never joined with others (RFC 6946 §4).
    let next = if header.is_fragmenting_payload() {
        Next::Fragment(Piece {
            transport,
            id: header.identification(),
            start: u32::from(header.fragment_offset().value()).saturating_mul(8),
            more: header.more_fragments(),
        })
    } else {
        Next::Transport(transport)
    };
    Ok(Found::new(next, rest))
}
