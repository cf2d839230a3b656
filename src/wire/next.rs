//! What a layer leads to: the nouns of a packet's walk.

use std::net::IpAddr;

use super::cursor::Cursor;
use super::layers::{Id, LayerStack};
use super::{DecodeError, Unread};
use crate::model::{Endpoint, LinkType};

/// The kind of the next bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Nothing that is read.
    Nothing(Unread),
    /// A packet of this link type.
    Link(LinkType),
    /// An Ethernet frame.
    Ethernet,
    /// What an Ethernet type names.
    EtherType(u16),
    /// An 802.11 frame whose control bytes may stand in either order.
    Wireless,
    /// A logical link control header (802.2).
    Llc,
    /// A point-to-point protocol field (RFC 1661).
    Ppp,
    /// An IP packet of the version its first four bits name.
    Ip,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// What an IP protocol number names.
    Transport(Transport),
    /// A piece of what an IP protocol number names.
    Fragment(Piece),
    /// Bytes that were exported from a TCP connection.
    Pdu(Pdu),
}

/// The description of a payload in its IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transport {
    /// The protocol number.
    pub(super) protocol: u8,
    /// Who sent it.
    pub(super) source: IpAddr,
    /// For whom it is.
    pub(super) destination: IpAddr,
    /// The datagram's number, where every datagram has one.
    pub(super) id: u16,
}

/// The header of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// What the IP header around it says.
    pub(super) transport: Transport,
    /// The datagram's number.
    pub(super) id: u32,
    /// Where in the datagram's payload it belongs, in bytes.
    pub(super) start: u32,
    /// Whether it is not the last.
    pub(super) more: bool,
    /// What the whole is.
    pub(super) carried: Carried,
}

/// The kind of payload that is cut into fragments.
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
    /// Returns how to go on with the whole.
    pub(super) const fn next(self, transport: Transport) -> Next {
        match self {
            Carried::Payload => Next::Transport(transport),
            Carried::Ethernet => Next::Ethernet,
            Carried::Wireless => Next::Wireless,
        }
    }
}

/// A fragment with its bytes and the way it came.
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

    /// Returns where the byte behind it belongs.
    pub(super) fn end(&self) -> u32 {
        self.piece.start.saturating_add(self.length())
    }

    /// Refuses lengths that no host may send (RFC 791 §3.2, RFC 8200 §4.5).
    pub(super) fn checked(self) -> Result<Self, DecodeError> {
        const LAYER: &str = "IP fragment";
        /// The largest payload that a datagram's length field lets it have.
        const LARGEST: u32 = 65_535;
        let length = self.length();
        // All but the last one are multiples of eight.
        if length == 0 || (self.piece.more && !length.is_multiple_of(8)) {
            return Err(self.view.field(LAYER, "length", u64::from(length)));
        }
        if self.end() > LARGEST {
            return Err(self.view.field(LAYER, "end", u64::from(self.end())));
        }
        Ok(self)
    }
}

/// The result of a layer: what comes next, and its bytes.
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

    /// Ends the way: what comes next is not read.
    pub(super) const fn unread(unread: Unread, rest: Cursor<'a>) -> Self {
        Found::new(Next::Nothing(unread), rest)
    }

    /// Returns the bytes of what comes next.
    pub(super) const fn rest(&self) -> Cursor<'a> {
        self.rest
    }

    /// Adds the identifier that the layer carried.
    pub(super) const fn with(self, id: Id) -> Self {
        Found { id: Some(id), ..self }
    }
}

/// The origin of a payload that was exported from a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pdu {
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
}

/// A reassembled datagram's payload and how to go on with it.
pub(super) struct Datagram {
    pub(super) next: Next,
    pub(super) bytes: Vec<u8>,
    pub(super) cut: usize,
    pub(super) trail: LayerStack,
}
