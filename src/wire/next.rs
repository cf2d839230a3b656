//! The result of reading a layer: the type of the next layer and its bytes.

use std::net::IpAddr;

use super::cursor::Cursor;
use super::layers::{Id, LayerStack};
use super::{DecodeError, Unread};
use crate::model::{Endpoint, LinkType};

/// The type of the next layer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Not decoded any further.
    Nothing(Unread),
    /// A packet of this link type.
    Link(LinkType),
    /// An Ethernet frame.
    Ethernet,
    /// The payload of an Ethernet type.
    EtherType(u16),
    /// An 802.11 frame whose control bytes may be in either order.
    Wireless,
    /// An LLC header (802.2).
    Llc,
    /// A PPP protocol field (RFC 1661).
    Ppp,
    /// An IP packet of the version in its first four bits.
    Ip,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// The payload of an IP protocol number.
    Transport(Transport),
    /// A fragment of the payload of an IP protocol number.
    Fragment(Piece),
    /// Bytes exported from a TCP connection.
    Pdu(Pdu),
}

/// The fields of an IP header that describe its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport {
    /// The protocol number.
    pub(super) protocol: u8,
    /// The sender.
    pub(super) source: IpAddr,
    /// The receiver.
    pub(super) destination: IpAddr,
    /// The identification field of IPv4; 0 for IPv6.
    pub(super) id: u16,
}

/// The header of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// The fields of the IP header around it.
    pub(super) transport: Transport,
    /// The datagram's identification.
    pub(super) id: u32,
    /// Its offset in the datagram's payload, in bytes.
    pub(super) start: u32,
    /// Whether more fragments follow.
    pub(super) more: bool,
    /// The type of the complete payload.
    pub(super) carried: Carried,
}

/// The type of a fragmented payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Carried {
    /// An IP datagram's payload.
    Payload,
    /// An Ethernet frame in a tunnel.
    Ethernet,
    /// An 802.11 frame in a tunnel.
    Wireless,
}

impl Carried {
    /// Returns the layer of the complete payload.
    pub(super) const fn next(self, transport: Transport) -> Next {
        match self {
            Carried::Payload => Next::Transport(transport),
            Carried::Ethernet => Next::Ethernet,
            Carried::Wireless => Next::Wireless,
        }
    }
}

/// A fragment with its bytes and the layers outside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) piece: Piece,
    pub(super) view: Cursor<'a>,
    pub(super) trail: LayerStack,
}

impl Fragment<'_> {
    /// Returns its payload's length on the wire.
    pub(super) fn length(&self) -> u32 {
        u32::try_from(self.view.bytes.len().saturating_add(self.view.cut)).unwrap_or(u32::MAX)
    }

    /// Returns its end offset.
    pub(super) fn end(&self) -> u32 {
        self.piece.start.saturating_add(self.length())
    }

    /// Rejects lengths that no host may send (RFC 791 §3.2, RFC 8200 §4.5).
    pub(super) fn checked(self) -> Result<Self, DecodeError> {
        const LAYER: &str = "IP fragment";
        /// The largest payload that a datagram's length field allows.
        const LARGEST: u32 = 65_535;
        let length = self.length();
        // All except the last one are multiples of eight.
        if length == 0 || (self.piece.more && !length.is_multiple_of(8)) {
            return Err(self.view.field(LAYER, "length", u64::from(length)));
        }
        if self.end() > LARGEST {
            return Err(self.view.field(LAYER, "end", u64::from(self.end())));
        }
        Ok(self)
    }
}

/// The result of reading a layer: the next layer and its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) next: Next,
    pub(super) rest: Cursor<'a>,
    pub(super) id: Option<Id>,
}

impl<'a> Found<'a> {
    pub(super) const fn new(next: Next, rest: Cursor<'a>) -> Self {
        Found { next, rest, id: None }
    }

    /// Creates a result whose next layer is not decoded.
    pub(super) const fn unread(unread: Unread, rest: Cursor<'a>) -> Self {
        Found::new(Next::Nothing(unread), rest)
    }

    /// Returns the bytes of the next layer.
    pub(super) const fn rest(&self) -> Cursor<'a> {
        self.rest
    }

    /// Adds the identifier carried by the layer.
    pub(super) const fn with(self, id: Id) -> Self {
        Found { id: Some(id), ..self }
    }
}

/// The endpoints of a payload exported from a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pdu {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
}

/// A reassembled datagram's payload and its next layer.
pub(super) struct Datagram {
    pub(super) next: Next,
    pub(super) bytes: Vec<u8>,
    pub(super) cut: usize,
    pub(super) trail: LayerStack,
}
