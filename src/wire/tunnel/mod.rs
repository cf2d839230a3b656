//! Tunnels, one file each: they take a view and return what comes next.
//!
//! The two lists below are what there is. A UDP port alone makes no tunnel: a reader behind one looks whether
//! the header has the form it must have, and answers `None` where it does not.

mod erspan;
mod geneve;
mod gre;
mod gtp;
mod udp;
mod vxlan;

use super::view::View;
use super::walk::{Found, Next, Transport};
use super::{Stop, link};

/// Reads what an IP protocol number names (IANA "Protocol Numbers").
pub(super) fn read<'a>(transport: &Transport, view: View<'a>) -> Result<Found<'a>, Stop> {
    match transport.protocol {
        // IP in IP (RFC 2003, RFC 4213, RFC 2473).
        4 => Ok(Found::new(Next::Ipv4, view)),
        41 => Ok(Found::new(Next::Ipv6, view)),
        17 => Ok(udp::read(view)),
        47 => gre::read(view),
        // RFC 4023.
        137 => link::mpls(view),
        _ => Ok(Found::nothing(view)),
    }
}

/// Tells whether what this protocol number names may lead to TCP: fragments of nothing else are worth keeping.
pub(super) const fn may_lead_on(protocol: u8) -> bool {
    // TCP and the list above, then IPv6's extension headers and AH.
    matches!(protocol, 6 | 4 | 41 | 17 | 47 | 137 | 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140)
}

/// Reads what a UDP port may name (IANA "Service Name and Transport Protocol Port Number Registry").
fn port(port: u16, view: View<'_>) -> Option<Found<'_>> {
    match port {
        2152 => gtp::read(view),
        // The second one is Linux's own, older than the registered.
        4789 | 8472 => vxlan::read(view),
        6081 => geneve::read(view),
        _ => None,
    }
}
