use super::super::trail::Id;
use super::super::view::View;
use super::super::walk::{Found, Next};

/// Reads a VXLAN header (RFC 7348 §5).
pub(super) fn read(view: View<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("VXLAN").ok()?;
    let [flags, r1, r2, r3, v0, v1, v2, r4] = *header;
    // The network must be named; no other flag, or that of the group policy, which has the next bytes.
    let is_plain = flags == 0x08 && [r1, r2, r3, r4] == [0; 4];
    // Reserved bits are to be ignored, but then the frame inside must look like one.
    let is_extended = flags & 0x08 != 0 && looks_like_ethernet(rest.bytes);
    if !is_plain && !is_extended {
        return None;
    }
    Some(Found::new(Next::Ethernet, rest).with(Id::Vxlan(u32::from_be_bytes([0, v0, v1, v2]))))
}

/// Tells whether an Ethernet header and the start of an IP packet or a VLAN tag stand here.
fn looks_like_ethernet(bytes: &[u8]) -> bool {
    match bytes.get(12..) {
        Some([0x08, 0x00, first, ..]) => first >> 4 == 4,
        Some([0x86, 0xdd, first, ..]) => first >> 4 == 6,
        Some([0x81, 0x00, _, _, high, low, ..]) => matches!([*high, *low], [0x08, 0x00] | [0x86, 0xdd]),
        _ => false,
    }
}
