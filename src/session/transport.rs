use crate::event::LowerLayers;
use crate::model::{At, Endpoint, Flags, Pair, Segment, Side};
use crate::tcp::{CapturedAgain, End};

/// Facts about the TCP connection below a [`Stack`](super::stack::Stack).
///
/// TCP's sides are fixed by the first segment. Which of them is the client of the layers above may turn out later:
/// [`TcpFacts::role`] maps a side to its role.
#[derive(Debug)]
pub(super) struct TcpFacts {
    /// The addresses of TCP's sides.
    ends: Pair<Endpoint>,
    orientation: Orientation,
    /// How much of each of TCP's sides was captured.
    seen: Pair<Seen>,
    arrival: Arrival,
    /// Whether the first segment was the client's SYN, so that its bytes are known from the first one on.
    opened: bool,
    /// Whether TCP shows who opened it.
    directed: bool,
    /// The sender of the last segment, and how many bytes it acknowledges that were not captured yet.
    unseen: (Side, u64),
    /// The last packet.
    pub(super) last: At,
    /// The count of segments captured more than once.
    pub(super) again: CapturedAgain,
    /// The layers and proxies that conversations run over, if any.
    pub(super) over: Option<Box<LowerLayers>>,
    /// The length of the longest packet truncated by the snap length.
    pub(super) longest_truncated: u32,
    /// TCP's side that ended first, and how.
    pub(super) ended: Option<(Side, End)>,
    /// Whether a conversation on it was reported.
    pub(super) shown: bool,
}

/// The roles of TCP's sides in the layers above.
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
    /// Segments waited for others, or acknowledged data captured later.
    Disordered,
}

impl TcpFacts {
    /// Creates the facts of the connection that starts with `segment`.
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
            ended: None,
            shown: false,
        }
    }

    /// Returns TCP's side that sent a segment.
    pub(super) fn sender(&self, segment: &Segment<'_>) -> Side {
        if segment.flow.source == self.ends.client { Side::Client } else { Side::Server }
    }

    /// Returns the role of TCP's `side`, or TCP's side with the role `side`.
    pub(super) const fn role(&self, side: Side) -> Side {
        match (self.orientation, side) {
            (Orientation::AsConnected, side) => side,
            (Orientation::Reversed, Side::Client) => Side::Server,
            (Orientation::Reversed, Side::Server) => Side::Client,
        }
    }

    /// Swaps the roles, after the presumed client turned out to be the server.
    pub(super) const fn reverse(&mut self) {
        self.orientation = match self.orientation {
            Orientation::AsConnected => Orientation::Reversed,
            Orientation::Reversed => Orientation::AsConnected,
        };
    }

    /// Returns the address of the peer with this `role`.
    pub(super) fn end_of(&self, role: Side) -> Endpoint {
        self.ends[self.role(role)]
    }

    /// Returns whether TCP shows who opened the connection; otherwise the sender of the first segment is presumed to be
    /// the client.
    pub(super) const fn is_directed(&self) -> bool {
        self.directed
    }

    /// Notes a segment of TCP's `side`.
    pub(super) fn see(&mut self, side: Side, at: At) {
        self.last = at;
        self.seen[side] = Seen::Segments;
    }

    /// Returns whether segments of the peer with this `role` were captured.
    pub(super) fn saw(&self, role: Side) -> bool {
        self.seen[self.role(role)] == Seen::Segments
    }

    /// Notes that segments wait for others, or acknowledge data not captured yet.
    pub(super) const fn disorder(&mut self) {
        self.arrival = Arrival::Disordered;
    }

    /// Notes how many bytes the last segment, of TCP's `side`, acknowledges that were not captured yet.
    pub(super) const fn acknowledges(&mut self, side: Side, unseen: u64) {
        self.unseen = (side, unseen);
    }

    /// Returns how many plaintext bytes of the other side the last segment, of the peer with this `role`, acknowledges
    /// that were not captured yet: they were sent before it.
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
