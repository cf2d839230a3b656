use etherparse::UdpHeaderSlice;

use super::super::view::View;
use super::super::walk::Found;

/// Reads a UDP header (RFC 768) and tries the tunnels that its ports name.
pub(super) fn read(view: View<'_>) -> Found<'_> {
    tunnelled(view).unwrap_or(Found::nothing(view))
}

fn tunnelled(view: View<'_>) -> Option<Found<'_>> {
    let header = UdpHeaderSlice::from_slice(view.bytes).ok()?;
    let header_length = header.slice().len();
    let mut rest = view.skip("UDP", header_length).ok()?;
    // Zero in jumbograms (RFC 2675 §4) and where the sender left cutting to the network card.
    if let length @ 1.. = header.length() {
        rest = rest.limit(usize::from(length).checked_sub(header_length)?);
    }
    super::port(header.destination_port(), rest).or_else(|| super::port(header.source_port(), rest))
}
