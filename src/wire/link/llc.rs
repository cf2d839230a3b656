use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// Reads an LLC header and a SNAP header if one follows (IEEE 802.2, RFC 1042).
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<3>("LLC")?;
    match *header {
        // SNAP, unnumbered information.
        [0xaa, 0xaa, 0x03] => {
            let (snap, rest) = rest.split::<5>("SNAP")?;
            match *snap {
                // Encapsulated Ethernet, per RFC 1042 or bridge tunnelling (802.1H).
                [0, 0, 0 | 0xf8, high, low] => {
                    Ok(Found::new(Next::EtherType(u16::from_be_bytes([high, low])), rest))
                }
                // Cisco's own protocols, for example CDP.
                [0, 0, 0x0c, high, low] => {
                    Ok(Found::unread(Unread::EtherType(u16::from_be_bytes([high, low])), rest))
                }
                _ => Ok(Found::unread(Unread::ServiceAccessPoint(0xaa), rest)),
            }
        }
        // IP has a service access point of its own (RFC 948).
        [0x06, 0x06, 0x03] => Ok(Found::new(Next::Ipv4, rest)),
        [point, ..] => Ok(Found::unread(Unread::ServiceAccessPoint(point), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn frame(header: &[u8]) -> Vec<u8> {
        let frame = join(&[header, &hello()]);
        join(&[&ethernet(u16::try_from(frame.len()).unwrap(), &frame), &[0; 4]])
    }

    #[test]
    fn snap_carries_an_ethernet_type() {
        is_plain(ETHERNET, &frame(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]));
        is_plain(ETHERNET, &frame(&[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0]));
    }

    #[test]
    fn ip_has_its_own_service_access_point() {
        is_plain(ETHERNET, &frame(&[6, 6, 3]));
    }

    #[test]
    fn spanning_tree_and_foreign_organisations_are_other() {
        assert_eq!(decode(ETHERNET, &frame(&[0x42, 0x42, 3])), Seen::Other);
        assert_eq!(decode(ETHERNET, &frame(&[0xaa, 0xaa, 3, 0, 0, 12, 8, 0])), Seen::Other);
    }
}
