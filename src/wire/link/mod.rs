//! Link layers, one file each: each function takes a view and returns what comes next.
//!
//! The two lists below are complete; adding a link layer takes a file and a line in one of them.

mod batman;
mod dsa;
mod erf;
mod ethernet;
mod fddi;
mod firewire;
mod frame_relay;
mod hdlc;
mod ieee80211;
mod linux;
mod llc;
mod loopback;
mod macsec;
mod mpls;
mod nflog;
mod nsh;
mod openbsd;
mod pdu;
mod pktap;
mod ppi;
mod ppp;
mod pppoe;
mod prism;
mod radiotap;
mod tags;
mod token_ring;
mod trill;
mod vlan;

pub(super) use ethernet::read as ethernet;
pub(super) use llc::read as llc;
pub(super) use mpls::{is_ethernet, read as mpls};
pub(super) use nsh::read as nsh;
pub(super) use ppp::read as ppp;

use super::cursor::Cursor;
use super::next::{Found, Next};
use super::{DecodeError, Unread};
use crate::model::LinkType;

/// Reads a packet's first layer by its number in the `LINKTYPE_` registry of the tcpdump group.
pub(super) fn read(link: LinkType, view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match link.0 {
        0 => loopback::null(view),
        1 => ethernet::read(view),
        6 => token_ring::read(view),
        9 => ppp::serial(view),
        10 => fddi::read(view),
        12 | 14 | 101 => Ok(Found::new(Next::Ip, view)),
        50 | 104 => hdlc::read(view),
        51 => pppoe::read(view),
        105 => ieee80211::read(view),
        107 => frame_relay::read(view),
        108 => loopback::network_order(view),
        109 => openbsd::encapsulated(view),
        113 => linux::v1(view),
        117 => openbsd::filter_log(view),
        119 | 163 => prism::read(view),
        127 => radiotap::read(view),
        138 => firewire::apple(view),
        149 => pktap::of_user(view),
        166 => ppp::with_direction(view),
        204 => ppp::read(view.skip("PPP", 1)?),
        192 => ppi::read(view),
        197 => erf::read(view),
        // A direction byte precedes the header.
        205 => hdlc::read(view.skip("HDLC", 1)?),
        206 => frame_relay::read(view.skip("frame relay", 1)?),
        228 => Ok(Found::new(Next::Ipv4, view)),
        229 => Ok(Found::new(Next::Ipv6, view)),
        239 => nflog::read(view),
        252 => pdu::read(view),
        258 => pktap::read(view),
        276 => linux::v2(view),
        281 | 284 => dsa::read(view, dsa::TagPlace::Inside),
        282 => dsa::read(view, dsa::TagPlace::Before),
        285 => dsa::read(view, dsa::TagPlace::InsideTyped),
        _ => Err(DecodeError::LinkType(link)),
    }
}

/// Reads an 802.11 frame carried by a tunnel.
pub(super) fn wireless(view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    ieee80211::read_as(view, ieee80211::HeaderLayout::MaybeSwapped)
}

/// Reads the payload of an Ethernet type (IEEE 802 numbers).
pub(super) fn ether_type(kind: u16, view: Cursor<'_>) -> Result<Found<'_>, DecodeError> {
    match kind {
        0x0800 => Ok(Found::new(Next::Ipv4, view)),
        0x86dd => Ok(Found::new(Next::Ipv6, view)),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => vlan::read(view),
        0x8847 | 0x8848 => mpls::read(view),
        0x8864 => pppoe::read(view),
        0x880b => ppp::read(view),
        0x6558 => Ok(Found::new(Next::Ethernet, view)),
        0x22f3 => trill::read(view),
        0x4305 => batman::read(view),
        0x6559 => frame_relay::read(view),
        0x88e5 => macsec::read(view),
        0x8909 => tags::cisco_metadata(view),
        0x8988 => tags::cisco_time(view),
        0x892f => tags::redundancy(view),
        0x894f => nsh::read(view),
        0x893f => vlan::e_tag(view),
        0x8926 => vlan::vn_tag(view),
        0x88e7 => vlan::i_tag(view),
        kind => Ok(Found::unread(Unread::EtherType(kind), view)),
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
        assert_eq!(
            DecodeError::LinkType(LinkType(147)).to_string(),
            "link type 147 (USER0) is not supported"
        );
    }
}
