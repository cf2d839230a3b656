use super::super::view::View;
use super::super::walk::{Found, Next};

const LAYER: &str = "GTP-U";
/// The message type of a packet on its way (3GPP TS 29.281 §7.1).
const PACKET: u8 = 255;
/// An extension header, a sequence number or an N-PDU number is there, and with it the place of all three.
const FIELDS: u8 = 0b111;
const EXTENSION: u8 = 0b100;

/// Reads a GTP-U header and its extension headers (3GPP TS 29.281 §5).
///
/// The tunnel's number is not kept: each direction has its own.
pub(super) fn read(view: View<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>(LAYER).ok()?;
    let [flags, kind, high, low, ..] = *header;
    // Version 1, the protocol type that is not GTP', a reserved bit that must be zero.
    if flags & 0b1111_1000 != 0b0011_0000 || kind != PACKET {
        return None;
    }
    // The length counts all behind the first eight bytes, and UDP's must agree.
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

/// Leaves the optional fields out: four bytes where any flag is set, then extension headers.
fn optional(flags: u8, view: View<'_>) -> Option<View<'_>> {
    if flags & FIELDS == 0 {
        return Some(view);
    }
    let (fields, mut rest) = view.split::<4>(LAYER).ok()?;
    let mut next = if flags & EXTENSION == 0 { 0 } else { fields[3] };
    // Each begins with its length in units of four and ends with the type of what follows.
    while next != 0 {
        let length = usize::from(*rest.bytes.first()?).checked_mul(4)?;
        next = *rest.bytes.get(length.checked_sub(1)?)?;
        rest = rest.skip(LAYER, length).ok()?;
    }
    Some(rest)
}
