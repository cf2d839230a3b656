use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use crate::model::LinkType;

const LAYER: &str = "TZSP";

/// Reads a `TaZmen` Sniffer Protocol header, used by access points and routers for mirroring: types 0 and 1 are
/// packets, followed by tags up to the end tag.
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, mut rest) = view.split::<4>(LAYER).ok()?;
    let [1, 0 | 1, high, low] = *header else { return None };
    let next = match u16::from_be_bytes([high, low]) {
        1 => Next::Ethernet,
        4 => Next::Ppp,
        5 => Next::Link(LinkType(10)),
        7 => Next::Ip,
        18 => Next::Link(LinkType(105)),
        119 => Next::Link(LinkType(119)),
        127 => Next::Link(LinkType(163)),
        _ => return None,
    };
    loop {
        rest = match *rest.bytes {
            [1, ..] => return Some(Found::new(next, rest.skip(LAYER, 1).ok()?)),
            [0, ..] => rest.skip(LAYER, 1).ok()?,
            [_, length, ..] => rest.skip(LAYER, usize::from(length).checked_add(2)?).ok()?,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn tzsp(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
        ipv4(17, &udp(port, &join(&[header, inner])))
    }

    #[test]
    fn a_mirrored_frame_behind_any_tags() {
        let frame = ethernet(0x0800, &hello());
        is_plain(RAW, &tzsp(37008, &[1, 0, 0, 1, 1], &frame));
        is_plain(RAW, &tzsp(37008, &[1, 1, 0, 1, 0, 0, 10, 1, 0xc0, 0x29, 2, 5, 5, 1], &frame));
        is_plain(RAW, &tzsp(37008, &[1, 0, 0, 7, 1], &hello6()));
    }

    #[test]
    fn a_frame_of_the_air() {
        let frame = join(&[&[8, 1], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello()]);
        is_plain(RAW, &tzsp(37008, &[1, 0, 0, 18, 1], &frame));
    }

    #[test]
    fn a_vlan_tag_inside_counts() {
        let tagged = ethernet(0x8100, &vlan(5, 0x0800, &hello()));
        assert_eq!(tunnel_of(RAW, &tzsp(37008, &[1, 0, 0, 1, 1], &tagged)), tunnel_of(ETHERNET, &tagged));
    }

    #[test]
    fn keep_alives_and_tags_without_end_are_other() {
        assert_eq!(decode(RAW, &tzsp(37008, &[1, 4, 0, 0], &[])), Seen::Other);
        assert_eq!(decode(RAW, &tzsp(37008, &[1, 0, 0, 1, 0, 0, 10], &[])), Seen::Other);
        assert_eq!(decode(RAW, &tzsp(37008, &[2, 0, 0, 1, 1], &ethernet(0x0800, &[0; 40]))), Seen::Other);
    }
}
