use super::cursor::Cursor;
use super::layers::{Id, LayerStack};
use super::next::{Fragment, Next, Pdu};
use super::{DecodeError, Unread, ip, link, tcp, tunnel};
use crate::model::Segment;

/// The maximum number of consecutive VLAN tags.
const TAGS: u8 = 8;
/// The maximum nesting depth of tunnels.
const TUNNELS: u8 = 8;

/// The result of a walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    Tcp(Segment<'a>),
    Other(Unread),
    Fragment(Fragment<'a>),
    Pdu(Pdu, Cursor<'a>),
}

/// Reads one layer after another until it reaches TCP, a fragment, or content that is not decoded further.
///
/// It terminates because every layer consumes at least a byte from the view, or yields a type whose layer does.
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
