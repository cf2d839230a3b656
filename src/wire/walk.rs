use std::net::IpAddr;

use super::cursor::Cursor;
use super::layers::{Id, LayerStack};
use super::link::Pdu;
use super::{DecodeError, Unread, ip, link, tcp, tunnel};
use crate::model::{LinkType, Segment};

/// How many VLAN tags may follow each other.
const TAGS: u8 = 8;
/// How many tunnels may lie in each other.
const TUNNELS: u8 = 8;

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
    fn checked(self) -> Result<Self, DecodeError> {
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
    next: Next,
    rest: Cursor<'a>,
    id: Option<Id>,
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

/// The end of a walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    Tcp(Segment<'a>),
    Other(Unread),
    Fragment(Fragment<'a>),
    Pdu(Pdu, Cursor<'a>),
}

/// Reads one layer after the other until one is TCP, a fragment, or leads nowhere.
///
/// It ends, for every layer takes at least a byte from the view, or turns a kind into one that does.
pub(super) fn walk(
    mut next: Next,
    mut view: Cursor<'_>,
    mut trail: LayerStack,
) -> Result<End<'_>, DecodeError> {
    loop {
        let found = match next {
            Next::Pdu(pdu) => return Ok(End::Pdu(pdu, view)),
            Next::Nothing(unread) => return Ok(End::Other(unread)),
            Next::Link(kind) => link::read(kind, view)?,
            Next::Ethernet => {
                trail.tags = 0;
                link::ethernet(view)?
            }
            Next::EtherType(kind) => link::ether_type(kind, view)?,
            Next::Wireless => link::wireless(view)?,
            Next::Llc => link::llc(view)?,
            Next::Ppp => link::ppp(view)?,
            Next::Ip => ip::by_version(view)?,
            Next::Ipv4 => {
                trail.enter("IPv4", &view)?;
                ip::v4(view)?
            }
            Next::Ipv6 => {
                trail.enter("IPv6", &view)?;
                ip::v6(view)?
            }
            Next::Transport(transport) if transport.protocol == tcp::PROTOCOL => {
                return tcp::read(view, &transport, trail.tunnel).map(End::Tcp);
            }
            Next::Transport(transport) => match ip::extension(&transport, view) {
                Some(found) => found?,
                None => tunnel::read(&transport, view)?,
            },
            Next::Fragment(piece) if !tunnel::may_lead_on(piece.transport.protocol) => {
                return Ok(End::Other(Unread::Protocol(piece.transport.protocol)));
            }
            Next::Fragment(piece) => return Fragment { piece, view, trail }.checked().map(End::Fragment),
        };
        if let Some(id) = found.id {
            if let Id::Vlan(_) = id {
                trail.tag(&view)?;
            }
            trail.add(id);
        }
        (next, view) = (found.next, found.rest);
    }
}

impl LayerStack {
    /// Counts an IP header.
    fn enter(&mut self, layer: &'static str, view: &Cursor<'_>) -> Result<(), DecodeError> {
        if self.headers > TUNNELS {
            return Err(DecodeError::Depth { layer, offset: view.offset, limit: TUNNELS });
        }
        self.headers = self.headers.saturating_add(1);
        Ok(())
    }

    /// Counts a VLAN tag.
    fn tag(&mut self, view: &Cursor<'_>) -> Result<(), DecodeError> {
        if self.tags >= TAGS {
            return Err(DecodeError::Depth { layer: "VLAN", offset: view.offset, limit: TAGS });
        }
        self.tags = self.tags.saturating_add(1);
        Ok(())
    }
}
