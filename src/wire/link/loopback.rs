use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

/// Reads a BSD loopback header (`LINKTYPE_NULL`): an address family in the byte order of the capturing host, which may
/// be either.
pub(super) fn null(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<4>("BSD loopback")?;
    // Families are small numbers, so the byte order is the one that gives the smaller number.
    let family = u32::from_le_bytes(*header).min(u32::from_be_bytes(*header));
    Ok(Found::new(by_family(family), rest))
}

/// Reads an OpenBSD loopback header (`LINKTYPE_LOOP`): the family in network byte order.
pub(super) fn network_order(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<4>("OpenBSD loopback")?;
    Ok(Found::new(by_family(u32::from_be_bytes(*header)), rest))
}

/// Returns the layer of an address family: IPv4 is 2 everywhere, IPv6 is 10, 23, 24, 28 or 30 depending on the
/// operating system.
pub(super) fn by_family(family: u32) -> Next {
    match family {
        2 => Next::Ipv4,
        10 | 23 | 24 | 28 | 30 => Next::Ipv6,
        _ => Next::Nothing(Unread::Plain("packets of another address family")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn null_in_either_byte_order() {
        is_plain(0, &join(&[&[2, 0, 0, 0], &hello()]));
        is_plain(0, &join(&[&[0, 0, 0, 2], &hello()]));
    }

    #[test]
    fn null_knows_every_systems_number_of_ipv6() {
        for family in [10, 23, 24, 28, 30] {
            is_plain(0, &join(&[&[family, 0, 0, 0], &hello6()]));
            is_plain(0, &join(&[&[0, 0, 0, family], &hello6()]));
        }
    }

    #[test]
    fn loop_is_in_network_byte_order() {
        is_plain(108, &join(&[&[0, 0, 0, 2], &hello()]));
        assert_eq!(decode(108, &join(&[&[2, 0, 0, 0], &hello()])), Seen::Other);
    }

    #[test]
    fn another_family_is_other() {
        assert_eq!(decode(0, &join(&[&[7, 0, 0, 0], &hello()])), Seen::Other);
    }
}
