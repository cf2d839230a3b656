//! Tags between an Ethernet type and the next one that do not identify a network.

use super::super::DecodeError;
use super::super::cursor::Cursor;
use super::super::next::Found;
use super::ethernet;

/// Reads Cisco's metadata tag, which carries a security group: version, length in units of four, options.
pub(super) fn cisco_metadata(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    const LAYER: &str = "Cisco metadata";
    let (header, rest) = view.split::<2>(LAYER)?;
    let [version, length] = *header;
    if version != 1 || length == 0 {
        return Err(view.field(LAYER, "version and length", u64::from(u16::from_be_bytes(*header))));
    }
    let rest = rest.skip(LAYER, usize::from(length).saturating_mul(4))?;
    let (kind, rest) = rest.split::<2>(LAYER)?;
    Ok(ethernet::typed(u16::from_be_bytes(*kind), rest))
}

/// Reads Cisco's time tag: six bytes of time.
pub(super) fn cisco_time(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<8>("Cisco TTag")?;
    Ok(ethernet::typed(u16::from_be_bytes([tag[6], tag[7]]), rest))
}

/// Reads the tag of high-availability seamless redundancy (IEC 62439-3 §5.7): path, length and sequence number.
///
/// Each frame is sent both ways around the ring; the duplicate is detected like a packet captured twice.
pub(super) fn redundancy(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    let (tag, rest) = view.split::<6>("HSR")?;
    Ok(ethernet::typed(u16::from_be_bytes([tag[4], tag[5]]), rest))
}

#[cfg(test)]
mod tests {
    use super::super::super::DecodeError;
    use super::super::super::sample::*;

    #[test]
    fn a_security_group_tag_leads_on() {
        is_plain(ETHERNET, &ethernet(0x8909, &join(&[&[1, 1, 0, 1, 0, 7, 8, 0], &hello()])));
        is_plain(
            ETHERNET,
            &ethernet(0x8909, &join(&[&[1, 2, 0, 1, 0, 7, 0, 2, 0, 0, 0x86, 0xdd], &hello6()])),
        );
        let stop = DecodeError::Field {
            layer: "Cisco metadata",
            offset: 14,
            field: "version and length",
            value: 0x0201,
        };
        let other = ethernet(0x8909, &join(&[&[2, 1, 0, 1, 0, 7, 8, 0], &hello()]));
        assert_eq!(decode(ETHERNET, &other), Seen::Unreadable(stop));
    }

    #[test]
    fn a_security_group_tag_stands_behind_a_vlan_tag() {
        let tag = join(&[&[1, 1, 0, 1, 0, 7, 8, 0], &hello()]);
        let tagged = tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(9, 0x8909, &tag)));
        assert_eq!(tagged, tunnel_of(ETHERNET, &ethernet(0x8100, &vlan(9, 0x0800, &hello()))));
    }

    #[test]
    fn a_time_tag_leads_on() {
        is_plain(ETHERNET, &ethernet(0x8988, &join(&[&[0, 1, 2, 3, 4, 5, 8, 0], &hello()])));
    }

    #[test]
    fn frames_of_a_redundant_ring() {
        is_plain(ETHERNET, &ethernet(0x892f, &join(&[&[0x10, 74, 0, 9, 8, 0], &hello()])));
    }

    #[test]
    fn the_trailer_of_parallel_redundancy_is_not_payload() {
        let trailer = [0, 9, 0xa0, 74, 0x88, 0xfb];
        is_plain(ETHERNET, &join(&[&ethernet(0x0800, &hello()), &trailer]));
    }
}
