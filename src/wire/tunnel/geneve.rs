use super::super::Unread;
use super::super::cursor::Cursor;
use super::super::layers::Id;
use super::super::next::{Found, Next};

/// Reads a Geneve header and its options (RFC 8926 §3.4, §3.5).
pub(super) fn read(view: Cursor<'_>) -> Option<Found<'_>> {
    let (header, rest) = view.split::<8>("Geneve").ok()?;
    let [lengths, flags, p0, p1, v0, v1, v2, reserved] = *header;
    // Version 0; six bits and a byte must be zero.
    if lengths >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let (mut options, _) = rest.bytes.split_at_checked(usize::from(lengths & 0x3f).checked_mul(4)?)?;
    let rest = rest.skip("Geneve", options.len()).ok()?;
    // The options must fill their space exactly.
    while let Some(([_, _, _, length], after)) = options.split_first_chunk::<4>() {
        options = after.get(usize::from(length & 0x1f).checked_mul(4)?..)?;
    }
    let next = match u16::from_be_bytes([p0, p1]) {
        kind @ (0x6558 | 0x0800 | 0x86dd | 0x8847 | 0x894f) => Next::EtherType(kind),
        kind => Next::Nothing(Unread::EtherType(kind)),
    };
    Some(Found::new(next, rest).with(Id::Geneve(u32::from_be_bytes([0, v0, v1, v2]))))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::*;
    use crate::model::Tunnel;

    fn geneve(header: [u8; 8], rest: &[u8]) -> Vec<u8> {
        ipv4(17, &udp(6081, &join(&[&header, rest])))
    }

    #[test]
    fn a_frame_and_both_versions_of_ip() {
        let frame = tunnel_of(RAW, &geneve([0, 0, 0x65, 0x58, 0, 0, 1, 0], &ethernet(0x0800, &hello())));
        assert_eq!(tunnel_of(RAW, &geneve([0, 0, 8, 0, 0, 0, 1, 0], &hello())), frame);
        assert_eq!(tunnel_of(RAW, &geneve([0, 0, 0x86, 0xdd, 0, 0, 1, 0], &hello6())), frame);
        assert_ne!(frame, Tunnel::NONE);
        assert_ne!(tunnel_of(RAW, &geneve([0, 0, 8, 0, 0, 0, 2, 0], &hello())), frame);
    }

    #[test]
    fn options_are_passed_over() {
        let options = [0, 1, 0, 1, 9, 9, 9, 9, 0, 2, 0, 0];
        tunnel_of(RAW, &geneve([3, 0x40, 8, 0, 0, 0, 1, 0], &join(&[&options, &hello()])));
    }

    #[test]
    fn a_port_alone_is_no_tunnel() {
        for header in [
            [0x40, 0, 8, 0, 0, 0, 1, 0],
            [0, 1, 8, 0, 0, 0, 1, 0],
            [0, 0, 8, 0, 0, 0, 1, 1],
            // Options that do not fill their space.
            [1, 0, 8, 0, 0, 0, 1, 0],
            [63, 0, 8, 0, 0, 0, 1, 0],
        ] {
            assert_eq!(decode(RAW, &geneve(header, &join(&[&[0, 0, 0, 1], &hello()]))), Seen::Other);
        }
    }
}
