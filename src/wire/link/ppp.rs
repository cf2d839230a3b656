use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::walk::{Found, Next};

const LAYER: &str = "PPP";

/// Reads a point-to-point header (RFC 1661 §2), with the address and control bytes of RFC 1662 or without.
pub(in super::super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match view.bytes {
        [0xff, 0x03, ..] => protocol(view.skip(LAYER, 2)?),
        _ => protocol(view),
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

/// Reads a protocol field of two bytes, or of one where it is odd (RFC 1661 §2).
fn protocol(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (protocol, rest) = match *view.bytes {
        [low, ..] if low & 1 == 1 => (u16::from(low), view.skip(LAYER, 1)?),
        [high, low, ..] => (u16::from_be_bytes([high, low]), view.skip(LAYER, 2)?),
        _ => return Err(view.short(LAYER, 2)),
    };
    let next = match protocol {
        0x0021 => Next::Ipv4,
        0x0057 => Next::Ipv6,
        0x0281 => Next::EtherType(0x8847),
        0x0283 => Next::EtherType(0x8848),
        _ => Next::Nothing,
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
