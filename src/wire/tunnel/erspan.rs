use super::super::Stop;
use super::super::trail::Id;
use super::super::view::View;
use super::super::walk::{Found, Next};

/// The GRE protocol of types I and II.
pub(super) const TYPE_1_AND_2: u16 = 0x88be;
/// The GRE protocol of type III.
pub(super) const TYPE_3: u16 = 0x22eb;

const LAYER: &str = "ERSPAN";

/// Reads a mirrored frame of type I, which has no header, or II (draft-foschiano-erspan §4.1, §4.2); GRE's
/// sequence number tells them apart.
pub(super) fn v1_or_v2(view: View<'_>, with_sequence: bool) -> Result<Found<'_>, Stop> {
    if !with_sequence {
        return Ok(Found::new(Next::Ethernet, view));
    }
    let (header, rest) = view.split::<8>(LAYER)?;
    match header[0] >> 4 {
        1 => Ok(Found::new(Next::Ethernet, rest).with(session(*header))),
        version => Err(view.field(LAYER, "version", u64::from(version))),
    }
}

/// Reads a mirrored packet of type III (draft-foschiano-erspan §4.3).
pub(super) fn v3(view: View<'_>) -> Result<Found<'_>, Stop> {
    let (first, rest) = view.split::<8>(LAYER)?;
    let (last, mut rest) = rest.split::<4>(LAYER)?;
    if first[0] >> 4 != 2 {
        return Err(view.field(LAYER, "version", u64::from(first[0] >> 4)));
    }
    // A subheader of the platform.
    if last[3] & 1 == 1 {
        rest = rest.skip(LAYER, 8)?;
    }
    let next = match (last[2] >> 2) & 0x1f {
        0 => Next::Ethernet,
        2 => Next::Ip,
        _ => Next::Nothing,
    };
    Ok(Found::new(next, rest).with(session(*first)))
}

fn session([_, _, high, low, ..]: [u8; 8]) -> Id {
    Id::Erspan(u16::from_be_bytes([high, low]) & 0x03ff)
}
