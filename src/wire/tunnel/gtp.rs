use super::super::cursor::Cursor;
use super::super::next::{Found, Next};

const LAYER: &str = "GTP-U";
/// The message type of a user packet (3GPP TS 29.281 §7.1).
const PACKET: u8 = 255;
/// The flags for an extension header, a sequence number and an N-PDU number; any of them adds the space for all three.
const FIELDS: u8 = 0b111;
const EXTENSION: u8 = 0b100;

/// Reads a GTP-U header and its extension headers (3GPP TS 29.281 §5).
///
/// The tunnel endpoint identifier is not kept because each direction has its own.
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>(LAYER).ok()?;
    let [flags, kind, high, low, ..] = *header;
    // Version 1, protocol type not GTP', and a reserved bit that must be zero.
    if flags & 0b1111_1000 != 0b0011_0000 || kind != PACKET {
        return None;
    }
    // The length covers everything after the first eight bytes, and must match that of UDP.
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length != rest.bytes.len().checked_add(rest.cut)? {
        return None;
    }
    let rest = optional(flags, rest.limit(length))?;
    match rest.bytes.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Some(Found::new(Next::Ip, rest)),
        _ => None,
    }
}

/// Skips the optional fields: four bytes if any flag is set, then extension headers.
fn optional(flags: u8, view: Cursor<'_>) -> Option<Cursor<'_>> {
    if flags & FIELDS == 0 {
        return Some(view);
    }
    let (fields, mut rest) = view.split::<4>(LAYER).ok()?;
    let mut next = if flags & EXTENSION == 0 { 0 } else { fields[3] };
    // Each begins with its length in units of four and ends with the type of the next one.
    while next != 0 {
        let length = usize::from(*rest.bytes.first()?).checked_mul(4)?;
        next = *rest.bytes.get(length.checked_sub(1)?)?;
        rest = rest.skip(LAYER, length).ok()?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;

    fn gtp(flags: u8, kind: u8, tunnel: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        ipv4(17, &udp(2152, &join(&[&[flags, kind], &length, &[0, 0, 0, tunnel], payload])))
    }

    #[test]
    fn both_directions_are_one_connection_whatever_their_tunnel_ids() {
        is_plain(RAW, &gtp(0x30, 255, 1, &hello()));
        is_plain(RAW, &gtp(0x30, 255, 2, &hello6()));
    }

    #[test]
    fn sequence_numbers_and_extension_headers() {
        is_plain(RAW, &gtp(0x32, 255, 1, &join(&[&[0, 1, 0, 0], &hello()])));
        // A flag for an extension header, but none follows; one; two.
        is_plain(RAW, &gtp(0x34, 255, 1, &join(&[&[0, 0, 0, 0], &hello()])));
        is_plain(RAW, &gtp(0x34, 255, 1, &join(&[&[0, 0, 0, 0x85], &[1, 16, 9, 0], &hello()])));
        let two = [1, 16, 9, 0xc0, 2, 1, 1, 1, 1, 1, 1, 0];
        is_plain(RAW, &gtp(0x36, 255, 1, &join(&[&[0, 0, 0, 0x85], &two, &hello()])));
    }

    #[test]
    fn echo_requests_are_other() {
        assert_eq!(decode(RAW, &gtp(0x32, 1, 0, &[0, 0, 0, 0])), Seen::Other);
    }

    #[test]
    fn a_port_alone_is_no_tunnel() {
        assert_eq!(decode(RAW, &gtp(0x20, 255, 1, &hello())), Seen::Other);
        assert_eq!(decode(RAW, &gtp(0x38, 255, 1, &hello())), Seen::Other);
        assert_eq!(decode(RAW, &gtp(0x30, 255, 1, &[0x10; 60])), Seen::Other);
        let lying = join(&[&[0x30, 255, 0, 9, 0, 0, 0, 1], &hello()]);
        assert_eq!(decode(RAW, &ipv4(17, &udp(2152, &lying))), Seen::Other);
        // An extension header of length zero.
        assert_eq!(
            decode(RAW, &gtp(0x34, 255, 1, &join(&[&[0, 0, 0, 0x85], &[0; 4], &hello()]))),
            Seen::Other
        );
    }
}
