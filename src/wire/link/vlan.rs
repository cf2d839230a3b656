use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::layers::Id;
use super::super::next::{Found, Next};
use super::ethernet;

/// Reads a VLAN tag after its type field (IEEE 802.1Q §9.6, 802.1ad).
pub(super) fn read(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<4>("VLAN")?;
    let vlan = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
    Ok(ethernet::typed(u16::from_be_bytes([tag[2], tag[3]]), rest).with(Id::Vlan(vlan)))
}

/// Reads a bridge port extension tag (IEEE 802.1BR §7.5); it identifies ports, which differ by direction.
pub(super) fn e_tag(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<8>("E-TAG")?;
    Ok(ethernet::typed(u16::from_be_bytes([tag[6], tag[7]]), rest))
}

/// Reads VN-Tag, an older tag for the same purpose; it identifies ports, which differ by direction.
pub(super) fn vn_tag(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<6>("VN-Tag")?;
    Ok(ethernet::typed(u16::from_be_bytes([tag[4], tag[5]]), rest))
}

/// Reads a backbone service tag (IEEE 802.1Q §9.7, 802.1ah "MAC in MAC"), which is followed by the customer's entire
/// frame.
pub(super) fn i_tag(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<4>("I-TAG")?;
    let service = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]);
    Ok(Found::new(Next::Ethernet, rest).with(Id::Service(service)))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;
    use crate::model::Tunnel;

    #[test]
    fn one_tag_names_the_network() {
        let one = tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(1, 0x0800, &hello())));
        let two = tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(2, 0x0800, &hello())));
        assert!(one != two && one != Tunnel::NONE && two != Tunnel::NONE);
    }

    #[test]
    fn priority_bits_do_not_count() {
        let plain = tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(5, 0x0800, &hello())));
        assert_eq!(tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(0xf005, 0x0800, &hello()))), plain);
        is_plain(ETHERNET, &ethernet(0x8100, &vlan(0xe000, 0x0800, &hello())));
    }

    #[test]
    fn service_tag_around_customer_tag() {
        let inner = vlan(7, 0x86dd, &hello6());
        let both = tunnel_of(ETHERNET, &ethernet(0x88a8, &vlan(3, 0x8100, &inner)));
        assert_ne!(both, tunnel_of(ETHERNET, &ethernet(0x8100, &inner)));
        assert_ne!(both, tunnel_of(ETHERNET, &ethernet(0x88a8, &vlan(4, 0x8100, &inner))));
    }

    #[test]
    fn eight_tags_are_read_and_nine_are_not() {
        let stack = |depth: u16| {
            let innermost = vlan(depth, 0x0800, &hello());
            ethernet(0x8100, &(1..depth).rev().fold(innermost, |inner, id| vlan(id, 0x8100, &inner)))
        };
        for depth in 1..=8 {
            tunnel_of(ETHERNET, &stack(depth));
        }
        let deep = DecodeError::Depth { layer: "VLAN", offset: 14 + 8 * 4, limit: 8 };
        assert_eq!(decode(ETHERNET, &stack(9)), Seen::Unreadable(deep));
    }

    #[test]
    fn tags_of_an_inner_frame_are_counted_anew() {
        let six = |frame: &[u8]| (1..6).fold(vlan(6, 0x0800, frame), |inner, id| vlan(id, 0x8100, &inner));
        let inner = join(&[&[0, 0, 0x65, 0x58], &ethernet(0x8100, &six(&hello()))]);
        tunnel_of(ETHERNET, &ethernet(0x8100, &six(&ipv4(47, &inner))));
    }

    #[test]
    fn frame_within_a_backbone_frame() {
        let within = |service: u8, frame: &[u8]| {
            tunnel_of(ETHERNET, &ethernet(0x88e7, &join(&[&[0xf0, 0, 1, service], frame])))
        };
        let one = within(1, &ethernet(0x0800, &hello()));
        assert!(one != within(2, &ethernet(0x0800, &hello())) && one != Tunnel::NONE);
        // With a backbone tag before it and a customer's tag inside.
        let tagged = join(&[&[0, 0, 1, 1], &ethernet(0x8100, &vlan(7, 0x86dd, &hello6()))]);
        tunnel_of(ETHERNET, &ethernet(0x88a8, &vlan(3, 0x88e7, &tagged)));
        assert!(matches!(
            decode(ETHERNET, &ethernet(0x88e7, &[0; 3])),
            Seen::Unreadable(DecodeError::Short { layer: "I-TAG", .. })
        ));
    }

    #[test]
    fn port_extension_tags_are_passed_over() {
        is_plain(ETHERNET, &ethernet(0x893f, &join(&[&[0, 1, 0, 2, 0, 0, 0x08, 0x00], &hello()])));
        is_plain(ETHERNET, &ethernet(0x8926, &join(&[&[0, 1, 0, 2, 0x08, 0x00], &hello()])));
    }
}
