//! ERSPAN: frames that a switch mirrors in GRE (draft-foschiano-erspan).
//!
//! The session identifies the mirror that sent a frame, not the frame's network: a port's two directions may be
//! mirrored in two sessions, and the sessions of two ports may show the same connection. So it does not distinguish
//! networks; the VLAN tags of the mirrored frames do.

use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// The GRE protocol of types I and II.
pub(super) const TYPE_1_AND_2: u16 = 0x88be;
/// The GRE protocol of type III.
pub(super) const TYPE_3: u16 = 0x22eb;

const LAYER: &str = "ERSPAN";

/// Reads a mirrored frame of type I, which has no header, or II (draft-foschiano-erspan §4.1, §4.2); they are
/// distinguished by GRE's sequence number.
pub(super) fn v1_or_v2(view: Cursor<'_>, with_sequence: bool) -> Result<Found<'_>, DecodeError> {
    if !with_sequence {
        return Ok(Found::new(Next::Ethernet, view));
    }
    let (header, rest) = view.split::<8>(LAYER)?;
    match header[0] >> 4 {
        1 => Ok(Found::new(Next::Ethernet, rest)),
        version => Err(view.field(LAYER, "version", u64::from(version))),
    }
}

/// Reads a mirrored packet of type III (draft-foschiano-erspan §4.3).
pub(super) fn v3(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (first, rest) = view.split::<8>(LAYER)?;
    let (last, mut rest) = rest.split::<4>(LAYER)?;
    if first[0] >> 4 != 2 {
        return Err(view.field(LAYER, "version", u64::from(first[0] >> 4)));
    }
    // A platform-specific subheader.
    if last[3] & 1 == 1 {
        rest = rest.skip(LAYER, 8)?;
    }
    let next = match (last[2] >> 2) & 0x1f {
        0 => Next::Ethernet,
        2 => Next::Ip,
        _ => Next::Nothing(Unread::Hidden("ERSPAN packets of another frame type")),
    };
    Ok(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use super::*;

    fn gre(sequence: bool, protocol: u16, payload: &[u8]) -> Vec<u8> {
        let protocol = protocol.to_be_bytes();
        let header: &[u8] = if sequence { &[0x10, 0] } else { &[0, 0] };
        let number: &[u8] = if sequence { &[0, 0, 0, 1] } else { &[] };
        ipv4(47, &join(&[header, &protocol, number, payload]))
    }

    fn frame() -> Vec<u8> {
        ethernet(0x0800, &hello())
    }

    #[test]
    fn type_one_has_no_header() {
        is_plain(RAW, &gre(false, TYPE_1_AND_2, &frame()));
    }

    #[test]
    fn neither_the_session_nor_its_vlan_keeps_the_directions_of_a_connection_apart() {
        for (vlan, session) in [(1, 1), (1, 2), (2, 1)] {
            let header = [0x10, vlan, 0x08, session, 0, 0, 0, 1];
            is_plain(RAW, &gre(true, TYPE_1_AND_2, &join(&[&header, &frame()])));
            let header = [0x20, vlan, 0, session, 1, 2, 3, 4, 0, 0, 0, 0];
            is_plain(RAW, &gre(true, TYPE_3, &join(&[&header, &frame()])));
        }
    }

    #[test]
    fn the_vlan_of_a_mirrored_frame_keeps_networks_apart() {
        let mirrored = |network| {
            let frame = ethernet(0x8100, &vlan(network, 0x0800, &hello()));
            tunnel_of(RAW, &gre(true, TYPE_1_AND_2, &join(&[&[0x10, 0, 0, 1, 0, 0, 0, 1], &frame])))
        };
        assert_ne!(mirrored(10), mirrored(20));
        assert_eq!(mirrored(10), mirrored(10));
    }

    #[test]
    fn type_three_with_and_without_subheader() {
        let first = [0x20, 0, 0, 5, 1, 2, 3, 4];
        is_plain(RAW, &gre(true, TYPE_3, &join(&[&first, &[0, 0, 0, 0], &frame()])));
        is_plain(RAW, &gre(true, TYPE_3, &join(&[&first, &[0, 0, 0, 1], &[7; 8], &frame()])));
        // Frame type 2: an IP packet.
        is_plain(RAW, &gre(true, TYPE_3, &join(&[&first, &[0, 0, 8, 0], &hello()])));
    }

    #[test]
    fn another_version_is_unreadable() {
        let packet = gre(true, TYPE_1_AND_2, &join(&[&[0x50, 0, 0, 1, 0, 0, 0, 1], &frame()]));
        let stop = DecodeError::Field { layer: "ERSPAN", offset: 28, field: "version", value: 5 };
        assert_eq!(decode(RAW, &packet), Seen::Unreadable(stop));
    }
}
