use crate::event::Over;
use crate::model::{At, Endpoint, Flags, Pair, Segment, Side};
use crate::tcp::CapturedAgain;

/// Facts about the TCP connection below a [`Stack`](super::stack::Stack).
///
/// TCP's sides are fixed by the first segment. Who of them is the client of what stands above may turn out later:
/// [`TcpFacts::role`] says which part a side plays.
#[derive(Debug)]
pub(super) struct TcpFacts {
    /// The addresses, by TCP's sides.
    ends: Pair<Endpoint>,
    orientation: Orientation,
    /// How far each of TCP's sides was captured.
    seen: Pair<Seen>,
    arrival: Arrival,
    /// The first segment was the client's SYN: its bytes are known from the first one on.
    opened: bool,
    /// TCP says who opened it.
    directed: bool,
    /// Who sent the last segment, and how many bytes it acknowledges that were not captured yet.
    unseen: (Side, u64),
    /// The last packet.
    pub(super) last: At,
    /// What was captured more than once.
    pub(super) again: CapturedAgain,
    /// What conversations run through and over, where that is out of the ordinary.
    pub(super) over: Option<Box<Over>>,
    /// The length of the longest of the packets that the snap length truncated.
    pub(super) longest_truncated: u32,
    /// A conversation on it was reported.
    pub(super) shown: bool,
}

/// The part that TCP's sides play above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orientation {
    /// TCP's client is the client.
    AsConnected,
    /// TCP's client is the server.
    Reversed,
}

/// The extent to which a side was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Seen {
    #[default]
    Nothing,
    Segments,
}

/// The order in which segments arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    InOrder,
    /// Segments waited for others, or answered what was captured later.
    Disordered,
}

impl TcpFacts {
    /// Makes the facts of the connection that begins with `segment`.
    pub(super) fn new(segment: &Segment<'_>, at: At) -> Self {
        let (from, to) = (segment.flow.source, segment.flow.destination);
        let ends = if segment.flags.has(Flags::SYN) && segment.flags.has(Flags::ACK) {
            Pair { client: to, server: from }
        } else {
            Pair { client: from, server: to }
        };
        TcpFacts {
            ends,
            orientation: Orientation::AsConnected,
            seen: Pair::default(),
            arrival: Arrival::InOrder,
            opened: segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK),
            directed: segment.flags.has(Flags::SYN),
            unseen: (Side::Client, 0),
            last: at,
            again: CapturedAgain::default(),
            over: None,
            longest_truncated: 0,
            shown: false,
        }
    }

    /// Returns TCP's side that sent a segment.
    pub(super) fn sender(&self, segment: &Segment<'_>) -> Side {
        if segment.flow.source == self.ends.client { Side::Client } else { Side::Server }
    }

    /// Returns the part that TCP's `side` plays; also TCP's side that plays the part of `side`.
    pub(super) const fn role(&self, side: Side) -> Side {
        match (self.orientation, side) {
            (Orientation::AsConnected, side) => side,
            (Orientation::Reversed, Side::Client) => Side::Server,
            (Orientation::Reversed, Side::Server) => Side::Client,
        }
    }

    /// Learns that who was taken for the client is the server, and the other way round.
    pub(super) const fn reverse(&mut self) {
        self.orientation = match self.orientation {
            Orientation::AsConnected => Orientation::Reversed,
            Orientation::Reversed => Orientation::AsConnected,
        };
    }

    /// Returns the address of who plays `role`.
    pub(super) fn end_of(&self, role: Side) -> Endpoint {
        self.ends[self.role(role)]
    }

    /// Returns whether TCP says who opened the connection; otherwise who sent the first segment is taken for the client.
    pub(super) const fn is_directed(&self) -> bool {
        self.directed
    }

    /// Notes a segment of TCP's `side`.
    pub(super) fn see(&mut self, side: Side, at: At) {
        self.last = at;
        self.seen[side] = Seen::Segments;
    }

    /// Returns whether segments of who plays `role` were captured.
    pub(super) fn saw(&self, role: Side) -> bool {
        self.seen[self.role(role)] == Seen::Segments
    }

    /// Notes that segments wait for others, or answer what was not captured yet.
    pub(super) const fn disorder(&mut self) {
        self.arrival = Arrival::Disordered;
    }

    /// Notes how many bytes the last segment, of TCP's `side`, acknowledges that were not captured yet.
    pub(super) const fn acknowledges(&mut self, side: Side, unseen: u64) {
        self.unseen = (side, unseen);
    }

    /// Returns how many plain bytes of the other side the last segment, of who plays `role`, acknowledges that were not
    /// captured yet: they were sent before it.
    pub(super) fn unseen_by(&self, role: Side) -> u64 {
        let is_plain = self.over.as_ref().is_none_or(|over| over.tls.is_none() && !over.http2);
        let (side, unseen) = self.unseen;
        if is_plain && side == self.role(role) { unseen } else { 0 }
    }

    /// Returns whether the first segment was the client's SYN.
    pub(super) const fn is_opened(&self) -> bool {
        self.opened
    }

    /// Returns whether all segments came in the order in which they were sent.
    pub(super) fn is_in_order(&self) -> bool {
        self.arrival == Arrival::InOrder
    }
}
