use super::super::cursor::Cursor;
use super::super::next::{Found, Next};
use super::super::{DecodeError, Unread};
use super::hdlc;

const LAYER: &str = "PPP";

/// Reads a PPP header (RFC 1661 §2), with or without the address and control bytes of RFC 1662.
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes {
        [0xff, 0x03, ..] => protocol(view.skip(LAYER, 2)?),
        _ => protocol(view),
    }
}

/// Reads a PPP header of a serial line (`LINKTYPE_PPP`); some routers write Cisco's HDLC instead.
pub(super) fn serial(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes {
        [0x0f | 0x8f, 0x00, _, _, ..] => hdlc::read(view),
        _ => read(view),
    }
}

/// Reads the header of a Linux PPP daemon's log (`LINKTYPE_PPP_PPPD`), whose address byte is the direction.
pub(super) fn with_direction(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes {
        [0x00 | 0x01, 0x03, ..] => protocol(view.skip(LAYER, 2)?),
        [0x00 | 0x01, ..] => read(view.skip(LAYER, 1)?),
        _ => read(view),
    }
}

/// Reads a bridged frame (RFC 3518 §4.2): flags and the MAC type.
fn bridged(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (header, rest) = view.split::<2>(LAYER)?;
    match *header {
        // The frame check sequence is beyond IP's own length.
        [_, 1] => Ok(Found::new(Next::Ethernet, rest)),
        _ => Ok(Found::unread(Unread::Hidden("PPP bridged frames that are not Ethernet"), rest)),
    }
}

/// Returns how to report a protocol that is not read: compressed or encrypted datagrams may hold TCP, control packets
/// may not.
const fn unread(protocol: u16) -> Unread {
    match protocol {
        0x0053 | 0x0055 => Unread::Hidden("encrypted PPP packets"),
        0x00fb | 0x00fd => Unread::Hidden("compressed PPP packets"),
        0x002d | 0x002f | 0x0061..=0x0069 => Unread::Hidden("PPP packets with compressed headers"),
        0x003d => Unread::Hidden("PPP multilink fragments"),
        _ => Unread::Ppp(protocol),
    }
}

/// Reads a protocol field of two bytes, or of one if it is odd (RFC 1661 §2).
fn protocol(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (protocol, rest) = match *view.bytes {
        [low, ..] if low & 1 == 1 => (u16::from(low), view.skip(LAYER, 1)?),
        [high, low, ..] => (u16::from_be_bytes([high, low]), view.skip(LAYER, 2)?),
        _ => return Err(view.short(LAYER, 2)),
    };
    let next = match protocol {
        0x0021 => Next::Ipv4,
        0x0057 => Next::Ipv6,
        0x0031 => return bridged(rest),
        0x0281 => Next::EtherType(0x8847),
        0x0283 => Next::EtherType(0x8848),
        _ => Next::Nothing(unread(protocol)),
    };
    Ok(Found::new(next, rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    #[test]
    fn ppp_with_and_without_address_and_control() {
        is_plain(9, &join(&[&[0xff, 3, 0, 0x21], &hello()]));
        is_plain(9, &join(&[&[0, 0x21], &hello()]));
        is_plain(50, &join(&[&[0xff, 3, 0, 0x57], &hello6()]));
    }

    #[test]
    fn a_protocol_field_of_one_byte() {
        is_plain(9, &join(&[&[0xff, 3, 0x21], &hello()]));
        is_plain(9, &join(&[&[0x57], &hello6()]));
    }

    #[test]
    fn a_log_with_the_direction() {
        for direction in [0, 1] {
            is_plain(166, &join(&[&[direction, 3, 0, 0x21], &hello()]));
        }
    }

    #[test]
    fn labels_in_ppp() {
        is_plain(9, &join(&[&[0xff, 3, 0x02, 0x81, 0, 1, 1, 64], &hello()]));
    }

    #[test]
    fn link_control_is_other() {
        assert_eq!(decode(9, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]), Seen::Other);
    }
}
