use std::fmt;

use super::DecodeError;
use crate::model::LinkType;

/// The content of a packet that is not decoded any further, as identified by the last header read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unread {
    /// A link type that is not supported.
    Link(u32),
    /// An Ethernet type (IEEE 802 numbers).
    EtherType(u16),
    /// An 802.2 service access point.
    ServiceAccessPoint(u8),
    /// A PPP protocol (IANA "Point-to-Point Protocol Field Assignments").
    Ppp(u16),
    /// An IP protocol (IANA "Protocol Numbers").
    Protocol(u8),
    /// UDP with this port, the lower of the two.
    Port(u16),
    /// Content without a number that may hold TCP.
    Hidden(&'static str),
    /// Content without a number that holds no TCP.
    Plain(&'static str),
}

/// Names of Ethernet types that are not read.
const ETHER_TYPES: &[(u16, &str)] = &[
    (0x0806, "ARP"),
    (0x0842, "Wake-on-LAN"),
    (0x2000, "CDP"),
    (0x22ea, "SRP"),
    (0x22f4, "IS-IS over TRILL"),
    (0x4305, "B.A.T.M.A.N."),
    (0x6559, "frame relay"),
    (0x8035, "RARP or Cisco SLARP"),
    (0x809b, "AppleTalk"),
    (0x80f3, "AppleTalk ARP"),
    (0x8137, "IPX"),
    (0x8808, "Ethernet flow control"),
    (0x8809, "LACP and other slow protocols"),
    (0x8863, "PPPoE discovery"),
    (0x888e, "802.1X"),
    (0x8892, "PROFINET"),
    (0x88a2, "ATA over Ethernet"),
    (0x88a4, "EtherCAT"),
    (0x88c7, "802.11i pre-authentication"),
    (0x88cc, "LLDP"),
    (0x88e5, "MACsec, encrypted"),
    (0x88f5, "MVRP"),
    (0x88f7, "PTP"),
    (0x88fb, "PRP supervision"),
    (0x8902, "connectivity fault management"),
    (0x8906, "Fibre Channel over Ethernet"),
    (0x8915, "RoCE"),
    (0x892d, "HSR supervision"),
    (0x9000, "Ethernet loopback test"),
];

/// Ethernet types that cannot carry TCP.
const WITHOUT_TCP: &[u16] = &[
    0x0806, 0x0842, 0x2000, 0x8035, 0x809b, 0x80f3, 0x8137, 0x8808, 0x8809, 0x8863, 0x888e, 0x8892, 0x88a2,
    0x88a4, 0x88c7, 0x88cc, 0x88f5, 0x88f7, 0x88fb, 0x8902, 0x8906, 0x892d, 0x9000,
];

/// Names of IP protocols that are not read.
const PROTOCOLS: &[(u8, &str)] = &[
    (1, "ICMP"),
    (2, "IGMP"),
    (17, "UDP"),
    (33, "DCCP"),
    (50, "ESP, encrypted"),
    (58, "ICMPv6"),
    (59, "no next header"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (94, "IP in IP with another header"),
    (97, "EtherIP"),
    (103, "PIM"),
    (108, "IPComp"),
    (112, "VRRP"),
    (115, "L2TPv3"),
    (132, "SCTP"),
];

/// UDP ports of encrypted traffic, or of tunnels that are not read.
const TUNNEL_PORTS: &[(u16, &str)] = &[
    (443, "QUIC, encrypted"),
    (500, "IKE, encrypted"),
    (1194, "OpenVPN, encrypted"),
    (1701, "L2TP"),
    (3544, "Teredo"),
    (4341, "LISP data"),
    (4342, "LISP control"),
    (4433, "QUIC or DTLS, encrypted"),
    (4500, "ESP in UDP, encrypted"),
    (5246, "CAPWAP control"),
    (5247, "CAPWAP data"),
    (6080, "GUE"),
    (6636, "MPLS over DTLS, encrypted"),
    (37008, "TZSP"),
    (41641, "Tailscale, encrypted"),
    (51820, "WireGuard, encrypted"),
];

/// UDP ports of other protocols.
const OTHER_PORTS: &[(u16, &str)] = &[
    (53, "DNS"),
    (67, "DHCP"),
    (68, "DHCP"),
    (69, "TFTP"),
    (123, "NTP"),
    (137, "NetBIOS"),
    (138, "NetBIOS"),
    (161, "SNMP"),
    (162, "SNMP"),
    (514, "syslog"),
    (520, "RIP"),
    (546, "DHCPv6"),
    (547, "DHCPv6"),
    (1900, "SSDP"),
    (2055, "NetFlow"),
    (3478, "STUN"),
    (3702, "WS-Discovery"),
    (4739, "IPFIX"),
    (5353, "mDNS"),
    (5355, "LLMNR"),
    (6343, "sFlow"),
];

/// Names of 802.2 service access points that are not read.
const ACCESS_POINTS: &[(u8, &str)] = &[
    (0x00, "LLC test"),
    (0x42, "spanning tree"),
    (0xaa, "SNAP of another organisation"),
    (0xe0, "IPX"),
    (0xf0, "NetBIOS"),
    (0xfe, "IS-IS"),
];

impl Unread {
    /// Returns the content of a packet whose decoding failed because of its link type.
    pub const fn of_error(stop: &DecodeError) -> Option<Unread> {
        match stop {
            DecodeError::LinkType(link) => Some(Unread::Link(link.0)),
            _ => None,
        }
    }

    /// Returns whether it may contain a TCP connection, encrypted or in a tunnel that is not read.
    ///
    /// Unknown Ethernet types count as such; unknown UDP ports do not, because they are too common.
    pub fn may_hide_tcp(self) -> bool {
        match self {
            Unread::Link(_) | Unread::Hidden(_) => true,
            Unread::EtherType(kind) => !WITHOUT_TCP.contains(&kind),
            Unread::Protocol(protocol) => matches!(protocol, 50 | 94 | 97 | 108 | 115),
            Unread::Port(port) => find(TUNNEL_PORTS, port).is_some(),
            Unread::ServiceAccessPoint(_) | Unread::Ppp(_) | Unread::Plain(_) => false,
        }
    }

    /// Returns a description with the count, such as `22 packets of EtherType 0x88e5 (MACsec, encrypted)`.
    pub fn counted(self, packets: u64) -> String {
        match self {
            Unread::Hidden(name) | Unread::Plain(name) => format!("{packets} {name}"),
            _ if packets == 1 => format!("1 packet of {self}"),
            _ => format!("{packets} packets of {self}"),
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Unread::Link(link) => return write!(f, "link type {}", LinkType(link)),
            Unread::EtherType(kind) => {
                write!(f, "EtherType {kind:#06x}")?;
                find(ETHER_TYPES, kind)
            }
            Unread::ServiceAccessPoint(point) => {
                write!(f, "802.2 service access point {point:#04x}")?;
                find(ACCESS_POINTS, point)
            }
            Unread::Ppp(protocol) => return write!(f, "PPP protocol {protocol:#06x}"),
            Unread::Protocol(protocol) => {
                write!(f, "IP protocol {protocol}")?;
                find(PROTOCOLS, protocol)
            }
            Unread::Port(port) => {
                write!(f, "UDP port {port}")?;
                find(TUNNEL_PORTS, port).or_else(|| find(OTHER_PORTS, port))
            }
            Unread::Hidden(name) | Unread::Plain(name) => return f.write_str(name),
        };
        name.map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

fn find<N: Copy + PartialEq>(names: &[(N, &'static str)], number: N) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_what_they_name() {
        let said = |unread: Unread| unread.counted(22);
        assert_eq!(said(Unread::EtherType(0x88e5)), "22 packets of EtherType 0x88e5 (MACsec, encrypted)");
        assert_eq!(said(Unread::EtherType(0x0999)), "22 packets of EtherType 0x0999");
        assert_eq!(said(Unread::Protocol(50)), "22 packets of IP protocol 50 (ESP, encrypted)");
        assert_eq!(said(Unread::Port(51820)), "22 packets of UDP port 51820 (WireGuard, encrypted)");
        assert_eq!(said(Unread::Port(53)), "22 packets of UDP port 53 (DNS)");
        assert_eq!(said(Unread::Link(147)), "22 packets of link type 147 (USER0)");
        assert_eq!(said(Unread::Hidden("protected 802.11 frames")), "22 protected 802.11 frames");
        assert_eq!(Unread::Protocol(1).counted(1), "1 packet of IP protocol 1 (ICMP)");
    }

    #[test]
    fn what_cannot_hold_tcp_is_told_from_what_may() {
        for unread in
            [Unread::EtherType(0x88e5), Unread::EtherType(0x1234), Unread::Protocol(50), Unread::Port(4500)]
        {
            assert!(unread.may_hide_tcp(), "{unread}");
        }
        for unread in [Unread::EtherType(0x0806), Unread::Protocol(1), Unread::Port(53), Unread::Port(40000)]
        {
            assert!(!unread.may_hide_tcp(), "{unread}");
        }
    }

    #[test]
    fn the_tables_name_each_number_once() {
        fn twice<N: Copy + PartialEq>(names: &[(N, &str)]) -> bool {
            names
                .iter()
                .enumerate()
                .any(|(n, (number, _))| names[..n].iter().any(|(other, _)| other == number))
        }
        assert!(!twice(ETHER_TYPES) && !twice(PROTOCOLS) && !twice(ACCESS_POINTS));
        assert!(!twice(&[TUNNEL_PORTS, OTHER_PORTS].concat()));
        assert!(WITHOUT_TCP.iter().all(|kind| find(ETHER_TYPES, *kind).is_some()));
    }
}
