use super::super::trail::Id;
use super::super::view::View;
use super::super::walk::{Found, Next};

/// Reads a Geneve header and its options (RFC 8926 §3.4, §3.5).
pub(super) fn read(view: View<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("Geneve").ok()?;
    let [lengths, flags, p0, p1, v0, v1, v2, reserved] = *header;
    // Version 0, and six bits and a byte that must be zero.
    if lengths >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let (mut options, _) = rest.bytes.split_at_checked(usize::from(lengths & 0x3f).checked_mul(4)?)?;
    let rest = rest.skip("Geneve", options.len()).ok()?;
    // The options must fill their place exactly.
    while let Some(([_, _, _, length], after)) = options.split_first_chunk::<4>() {
        options = after.get(usize::from(length & 0x1f).checked_mul(4)?..)?;
    }
    let next = match u16::from_be_bytes([p0, p1]) {
        kind @ (0x6558 | 0x0800 | 0x86dd) => Next::EtherType(kind),
        _ => Next::Nothing,
    };
    Some(Found::new(next, rest).with(Id::Geneve(u32::from_be_bytes([0, v0, v1, v2]))))
}
