use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};

const LAYER: &str = "frame relay";

/// Reads a frame relay header (`LINKTYPE_FRELAY`, ITU-T Q.922 §3.3), with the encapsulation of RFC 2427 or Cisco's,
/// which identifies the payload by an Ethernet type.
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    // The last byte of the two- to four-byte address is marked as the last.
    let length = match view.bytes {
        [_, last, ..] if last & 1 == 1 => 2,
        [_, _, last, ..] if last & 1 == 1 => 3,
        [_, _, _, last, ..] if last & 1 == 1 => 4,
        [_, _, _, last, ..] => return Err(view.field(LAYER, "address", u64::from(*last))),
        _ => return Err(view.short(LAYER, 4)),
    };
    let rest = view.skip(LAYER, length)?;
    let (rest, padded) = match rest.bytes {
        [0x03, 0x00, ..] => (rest.skip(LAYER, 2)?, true),
        [0x03, ..] => (rest.skip(LAYER, 1)?, false),
        _ => {
            let (kind, rest) = rest.split::<2>(LAYER)?;
            return Ok(Found::new(Next::EtherType(u16::from_be_bytes(*kind)), rest));
        }
    };
    let (protocol, rest) = rest.split::<1>(LAYER)?;
    match (*protocol, padded) {
        ([0xcc], _) => Ok(Found::new(Next::Ipv4, rest)),
        ([0x8e], _) => Ok(Found::new(Next::Ipv6, rest)),
        ([0x80], _) => snap(rest),
        _ => Ok(Found::unread(Unread::Plain("frame relay frames of another protocol"), rest)),
    }
}

/// Reads a SNAP header: an organisation and its payload type (RFC 2427 §4.2).
fn snap(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<5>(LAYER)?;
    match *header {
        [0, 0, 0, high, low] => Ok(Found::new(Next::EtherType(u16::from_be_bytes([high, low])), rest)),
        // Bridged Ethernet, with or without its frame check sequence, which IP's own length excludes.
        [0, 0x80, 0xc2, 0, 1 | 7] => Ok(Found::new(Next::Ethernet, rest)),
        _ => Ok(Found::unread(Unread::Hidden("frame relay frames of another organisation"), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn standard_encapsulation() {
        is_plain(107, &join(&[&[0x18, 0x41, 3, 0xcc], &hello()]));
        is_plain(107, &join(&[&[0x18, 0x41, 3, 0x8e], &hello6()]));
        is_plain(107, &join(&[&[0x18, 0x40, 0x01, 3, 0xcc], &hello()]));
        is_plain(107, &join(&[&[0x18, 0x40, 0x02, 0x01, 3, 0xcc], &hello()]));
        is_plain(107, &join(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], &hello()]));
        is_plain(107, &join(&[&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &ethernet(0x0800, &hello())]));
    }

    #[test]
    fn ciscos_encapsulation_and_a_direction() {
        is_plain(107, &join(&[&[0x18, 0x41, 8, 0], &hello()]));
        is_plain(206, &join(&[&[1, 0x18, 0x41, 8, 0], &hello()]));
    }

    #[test]
    fn an_address_that_never_ends_is_unreadable() {
        assert!(matches!(decode(107, &[0x18, 0x40, 0x40, 0x40, 3, 0xcc]), Seen::Unreadable(_)));
    }
}
