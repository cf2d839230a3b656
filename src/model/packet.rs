use std::fmt;

use super::Timestamp;

/// A link-layer type as numbered in pcap files (the LINKTYPE_ registry).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback, address family in the capturing host's byte order.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Raw IP; the first nibble is the version.
    pub const RAW: LinkType = LinkType(101);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// The names of link types (the LINKTYPE_ registry); the names of 147 to 162 are in [`LinkType::name`].
const NAMES: &[(u32, &str)] = &[
    (0, "BSD loopback"),
    (1, "Ethernet"),
    (3, "AX.25"),
    (6, "token ring"),
    (7, "ARCNET"),
    (8, "SLIP"),
    (9, "PPP"),
    (10, "FDDI"),
    (11, "RFC 1483 ATM"),
    (50, "PPP with HDLC"),
    (51, "PPPoE"),
    (99, "Symantec Enterprise Firewall"),
    (100, "RFC 1483 ATM"),
    (101, "raw IP"),
    (104, "Cisco HDLC"),
    (105, "802.11"),
    (107, "frame relay"),
    (108, "OpenBSD loopback"),
    (109, "OpenBSD ENC"),
    (113, "Linux cooked"),
    (114, "LocalTalk"),
    (117, "OpenBSD pflog"),
    (119, "802.11 with Prism header"),
    (120, "Aironet"),
    (122, "IP over Fibre Channel"),
    (123, "SunATM"),
    (127, "802.11 with radiotap"),
    (129, "ARCNET of Linux"),
    (130, "Juniper MLPPP"),
    (131, "Juniper MLFR"),
    (132, "Juniper encryption services"),
    (133, "Juniper GGSN"),
    (134, "Juniper MFR"),
    (135, "Juniper ATM2"),
    (136, "Juniper services"),
    (137, "Juniper ATM1"),
    (138, "IP over IEEE 1394"),
    (139, "MTP2 with pseudo-header"),
    (140, "MTP2"),
    (141, "MTP3"),
    (142, "SCCP"),
    (143, "DOCSIS"),
    (144, "IrDA"),
    (163, "802.11 with AVS header"),
    (164, "Juniper monitoring"),
    (165, "BACnet MS/TP"),
    (166, "PPP of pppd"),
    (169, "GPRS LLC"),
    (177, "LAPD of Linux"),
    (178, "Juniper Ethernet"),
    (179, "Juniper PPP"),
    (180, "Juniper frame relay"),
    (181, "Juniper Cisco HDLC"),
    (187, "Bluetooth HCI"),
    (189, "USB of Linux"),
    (190, "CAN 2.0B"),
    (192, "PPI"),
    (195, "802.15.4"),
    (197, "ERF"),
    (201, "Bluetooth HCI with direction"),
    (202, "AX.25 KISS"),
    (203, "LAPD"),
    (204, "PPP with direction"),
    (205, "Cisco HDLC with direction"),
    (206, "frame relay with direction"),
    (209, "I2C of Linux"),
    (212, "LIN"),
    (220, "USB of Linux, padded"),
    (224, "Fibre Channel FC-2"),
    (226, "Solaris IPNET"),
    (227, "SocketCAN"),
    (228, "raw IPv4"),
    (229, "raw IPv6"),
    (230, "802.15.4 without FCS"),
    (231, "D-Bus"),
    (235, "DVB-CI"),
    (236, "MUX27010"),
    (237, "STANAG 5066"),
    (239, "NFLOG"),
    (240, "netANALYZER"),
    (241, "transparent netANALYZER"),
    (242, "IP over InfiniBand"),
    (243, "MPEG-2 transport stream"),
    (245, "NFC LLCP"),
    (247, "InfiniBand"),
    (248, "SCTP"),
    (249, "USBPcap"),
    (250, "RTAC serial"),
    (251, "Bluetooth Low Energy"),
    (252, "Wireshark's exported PDUs"),
    (253, "netlink"),
    (254, "Bluetooth monitor of Linux"),
    (258, "Apple PKTAP"),
    (259, "EPON"),
    (265, "RDS"),
    (266, "USB of macOS"),
    (271, "vSockets"),
    (274, "Ethernet mPackets"),
    (272, "Nordic BLE sniffer"),
    (276, "Linux cooked v2"),
    (280, "VPP dispatch"),
    (281, "Broadcom DSA"),
    (282, "Broadcom DSA in front"),
    (283, "802.15.4 TAP"),
    (284, "Marvell DSA"),
    (285, "Marvell EDSA"),
    (287, "Z-Wave"),
    (288, "USB 2.0"),
    (289, "ATSC ALP"),
    (290, "ETW"),
];

impl LinkType {
    /// Returns the short name from the registry.
    pub fn name(self) -> Option<&'static str> {
        /// Numbers reserved for private use.
        const USER: [&str; 16] = [
            "USER0", "USER1", "USER2", "USER3", "USER4", "USER5", "USER6", "USER7", "USER8", "USER9",
            "USER10", "USER11", "USER12", "USER13", "USER14", "USER15",
        ];
        let user = self.0.checked_sub(147).and_then(|n| USER.get(usize::try_from(n).ok()?));
        let listed = || NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| name);
        user.or_else(listed).copied()
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

/// A position in the capture: a packet and its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The packet's number, from 1, as in Wireshark.
    pub packet: u64,
    /// The packet's time, made monotonic.
    pub time: Timestamp,
}

impl At {
    /// Returns the later of two positions.
    #[must_use]
    pub const fn later(self, other: At) -> At {
        if other.packet > self.packet { other } else { self }
    }
}

/// One captured packet, borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The packet's position in the capture.
    pub at: At,
    /// The link-layer type of the packet.
    pub link: LinkType,
    /// The length on the wire; greater than that of `data` if the snap length truncated the packet.
    pub original_length: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}
