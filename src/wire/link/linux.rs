use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// Netlink messages, whose protocol field is not an Ethernet type.
const NETLINK: u16 = 824;

/// Reads a Linux cooked header (`LINKTYPE_LINUX_SLL`).
pub(super) fn v1(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<16>("Linux cooked")?;
    Ok(cooked(u16::from_be_bytes([header[2], header[3]]), u16::from_be_bytes([header[14], header[15]]), rest))
}

/// Reads a Linux cooked header, version 2 (`LINKTYPE_LINUX_SLL2`).
pub(super) fn v2(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<20>("Linux cooked v2")?;
    Ok(cooked(u16::from_be_bytes([header[8], header[9]]), u16::from_be_bytes([header[0], header[1]]), rest))
}

fn cooked(hardware: u16, protocol: u16, rest: Cursor<'_>) -> Found<'_> {
    let next = match (hardware, protocol) {
        (NETLINK, _) => Next::Nothing(Unread::Plain("netlink messages")),
        // Linux's own number for an 802.2 frame.
        (_, 0x0004) => Next::Llc,
        (_, 0x0600..) => Next::EtherType(protocol),
        _ => Next::Nothing(Unread::EtherType(protocol)),
    };
    Found::new(next, rest)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn v1(hardware: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
        join(&[
            &[0, 4],
            &hardware.to_be_bytes(),
            &[0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
            &protocol.to_be_bytes(),
            payload,
        ])
    }

    fn v2(hardware: u16, protocol: u16, payload: &[u8]) -> Vec<u8> {
        let interface = [0, 0, 0, 0, 0, 3];
        let address = [4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        join(&[&protocol.to_be_bytes(), &interface, &hardware.to_be_bytes(), &address, payload])
    }

    #[test]
    fn both_versions_carry_both_versions_of_ip() {
        is_plain(113, &v1(1, 0x0800, &hello()));
        is_plain(113, &v1(772, 0x86dd, &hello6()));
        is_plain(276, &v2(1, 0x0800, &hello()));
        is_plain(276, &v2(772, 0x86dd, &hello6()));
    }

    #[test]
    fn a_tag_behind_a_cooked_header_counts() {
        let tagged = tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(9, 0x0800, &hello())));
        assert_eq!(tunnel_of(113, &v1(1, 0x8100, &vlan(9, 0x0800, &hello()))), tagged);
        assert_eq!(tunnel_of(276, &v2(1, 0x8100, &vlan(9, 0x0800, &hello()))), tagged);
    }

    #[test]
    fn llc_has_a_number_of_the_kernel() {
        is_plain(113, &v1(1, 4, &join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello()])));
    }

    #[test]
    fn netlink_is_other_whatever_its_protocol_says() {
        assert_eq!(decode(113, &v1(824, 0x0800, &hello())), Seen::Other);
    }
}
