//! Link layers, one file each: they take a view and return what comes next.
//!
//! The two lists below are what there is; a link layer is a file and a line in one of them.

mod ethernet;
mod fddi;
mod hdlc;
mod ieee80211;
mod linux;
mod llc;
mod loopback;
mod mpls;
mod nflog;
mod ppi;
mod ppp;
mod pppoe;
mod radiotap;
mod vlan;

pub(super) use ethernet::read as ethernet;
pub(super) use llc::read as llc;
pub(super) use mpls::read as mpls;
pub(super) use ppp::read as ppp;

use super::DecodeError;
use super::cursor::Cursor;
use super::walk::{Found, Next};
use crate::model::LinkType;

/// Reads a packet's first layer, named as in the `LINKTYPE_` registry of the tcpdump group.
pub(super) fn read(link: LinkType, view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match link.0 {
        0 => loopback::null(view),
        1 => ethernet::read(view),
        9 => ppp::read(view),
        10 => fddi::read(view),
        12 | 14 | 101 => Ok(Found::new(Next::Ip, view)),
        50 | 104 => hdlc::read(view),
        51 => pppoe::read(view),
        105 => ieee80211::read(view),
        108 => loopback::network_order(view),
        113 => linux::v1(view),
        127 => radiotap::read(view),
        166 => ppp::with_direction(view),
        192 => ppi::read(view),
        228 => Ok(Found::new(Next::Ipv4, view)),
        229 => Ok(Found::new(Next::Ipv6, view)),
        239 => nflog::read(view),
        276 => linux::v2(view),
        _ => Err(DecodeError::LinkType(link)),
    }
}

/// Reads what an Ethernet type names (IEEE 802 numbers).
pub(super) fn ether_type(kind: u16, view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match kind {
        0x0800 => Ok(Found::new(Next::Ipv4, view)),
        0x86dd => Ok(Found::new(Next::Ipv6, view)),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => vlan::read(view),
        0x8847 | 0x8848 => mpls::read(view),
        0x8864 => pppoe::read(view),
        0x880b => ppp::read(view),
        0x6558 => Ok(Found::new(Next::Ethernet, view)),
        0x893f => vlan::e_tag(view),
        0x8926 => vlan::vn_tag(view),
        0x88e7 => vlan::i_tag(view),
        _ => Ok(Found::nothing(view)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::DecodeError;
    use super::super::sample::*;
    use crate::model::LinkType;

    #[test]
    fn raw_ip_of_either_version() {
        for link in [12, 14, 101] {
            is_plain(link, &hello());
            is_plain(link, &hello6());
        }
        is_plain(228, &hello());
        is_plain(229, &hello6());
    }

    #[test]
    fn raw_ip_of_another_version_is_unreadable() {
        let stop = DecodeError::Field { layer: "IP", offset: 0, field: "version", value: 5 };
        assert_eq!(decode(RAW, &[0x50; 40]), Seen::Unreadable(stop));
        assert!(matches!(decode(228, &hello6()), Seen::Unreadable(DecodeError::Field { layer: "IPv4", .. })));
        assert!(matches!(
            decode(229, &[0x40; 40]),
            Seen::Unreadable(DecodeError::Field { layer: "IPv6", .. })
        ));
    }

    #[test]
    fn an_unknown_link_type_is_named() {
        let seen = decode(147, &hello());
        assert_eq!(seen, Seen::Unreadable(DecodeError::LinkType(LinkType(147))));
        assert_eq!(DecodeError::LinkType(LinkType(147)).to_string(), "link type 147 is not supported");
    }
}
