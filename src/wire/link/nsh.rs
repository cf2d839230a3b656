use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "NSH";

/// Reads a network service header (RFC 8300 §2); its service path is specific to one direction.
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, _) = view.split::<8>(LAYER)?;
    let [flags, length, _, protocol, ..] = *header;
    if flags >> 6 != 0 {
        return Err(view.field(LAYER, "version", u64::from(flags >> 6)));
    }
    let length = usize::from(length & 0x3f).saturating_mul(4);
    if length < header.len() {
        return Err(view.field(LAYER, "length", u64::try_from(length).unwrap_or_default()));
    }
    let next = match protocol {
        1 => Next::Ipv4,
        2 => Next::Ipv6,
        3 => Next::Ethernet,
        4 => Next::EtherType(0x894f),
        5 => Next::EtherType(0x8847),
        _ => Next::Nothing(Unread::Hidden("NSH packets of another protocol")),
    };
    Ok(Found::new(next, view.skip(LAYER, length)?))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn nsh(length: u8, protocol: u8, rest: &[u8]) -> Vec<u8> {
        ethernet(0x894f, &join(&[&[0x0f, 0xc0 | length, 2, protocol, 0, 0, 7, 255], rest]))
    }

    #[test]
    fn what_a_service_path_carries() {
        is_plain(ETHERNET, &nsh(2, 1, &hello()));
        is_plain(ETHERNET, &nsh(6, 1, &join(&[&[9; 16], &hello()])));
        is_plain(ETHERNET, &nsh(2, 2, &hello6()));
        is_plain(ETHERNET, &nsh(2, 3, &ethernet(0x0800, &hello())));
        is_plain(ETHERNET, &nsh(2, 4, &join(&[&[0, 2, 2, 1, 0, 0, 7, 254], &hello()])));
        is_plain(ETHERNET, &nsh(2, 5, &join(&[&[0, 1, 1, 64], &hello()])));
        assert_eq!(decode(ETHERNET, &nsh(2, 9, &hello())), Seen::Other);
    }

    #[test]
    fn a_header_too_short_for_its_path_is_unreadable() {
        assert!(matches!(decode(ETHERNET, &nsh(1, 1, &hello())), Seen::Unreadable(_)));
    }
}
