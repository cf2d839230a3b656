use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use crate::model::LinkType;

const LAYER: &str = "PKTAP";
/// The length of the header's first version, which later ones extend.
const LENGTH: u32 = 108;
/// The link type in Apple's own files before the header had a number of its own.
const USER2: LinkType = LinkType(149);

/// Reads Apple's header of packets from any interface (`LINKTYPE_PKTAP`): its length, its kind, and the link type of
/// the packet that follows, in the byte order of the capturing host.
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<12>(LAYER)?;
    let [l0, l1, l2, l3, _, _, _, _, d0, d1, d2, d3] = *header;
    let (length, link) = ([l0, l1, l2, l3], [d0, d1, d2, d3]);
    // Lengths are small numbers, so the byte order is the one that gives the smaller number.
    let (length, link) = match (u32::from_le_bytes(length), u32::from_be_bytes(length)) {
        (little, big) if little <= big => (little, u32::from_le_bytes(link)),
        (_, big) => (big, u32::from_be_bytes(link)),
    };
    if length < LENGTH {
        return Err(view.field(LAYER, "header length", u64::from(length)));
    }
    let rest = view.skip(LAYER, usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(Found::new(Next::Link(LinkType(link)), rest))
}

/// Reads the same header under its earlier number; other uses of that number are not supported.
pub(super) fn of_user(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes {
        [108, 0, 0, 0, 1, 0, 0, 0, ..] | [0, 0, 0, 108, 0, 0, 0, 1, ..] => read(view),
        _ => Err(DecodeError::LinkType(USER2)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;
    use crate::model::LinkType;

    fn pktap(order: fn(u32) -> [u8; 4], length: u32, link: u32, packet: &[u8]) -> Vec<u8> {
        let rest = vec![0; length.max(12) as usize - 12];
        join(&[&order(length), &order(1), &order(link), &rest, packet])
    }

    #[test]
    fn either_byte_order_and_longer_headers() {
        for order in [u32::to_le_bytes, u32::to_be_bytes] {
            is_plain(258, &pktap(order, 108, 1, &ethernet(0x0800, &hello())));
            is_plain(258, &pktap(order, 156, 12, &hello()));
            is_plain(258, &pktap(order, 108, 0, &join(&[&[30, 0, 0, 0], &hello6()])));
        }
    }

    #[test]
    fn the_older_number_is_known_by_its_header() {
        is_plain(149, &pktap(u32::to_le_bytes, 108, 1, &ethernet(0x0800, &hello())));
        assert_eq!(decode(149, &hello()), Seen::Unreadable(DecodeError::LinkType(LinkType(149))));
    }

    #[test]
    fn a_header_too_short_is_unreadable() {
        assert!(matches!(
            decode(258, &pktap(u32::to_le_bytes, 60, 1, &[0; 80])),
            Seen::Unreadable(DecodeError::Field { layer: "PKTAP", .. })
        ));
    }
}
