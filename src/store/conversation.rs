use crate::event::{self, Closed, ConnId, DirectionTotals, Opcode, Opening, Rejected, Severity};
use crate::model::{At, Pair, Side, Timestamp};

/// The state of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Messages may follow.
    Open,
    /// The conversation has ended.
    Closed,
    /// The upgrade was refused or never answered.
    Failed,
}

/// A conversation and its statistics.
#[derive(Debug)]
pub struct Conversation {
    /// The connection.
    pub id: ConnId,
    /// The current state.
    pub state: State,
    /// The upgrade; `None` if only an anomaly named the connection.
    pub opened: Option<Box<Attempt>>,
    /// The identity of the conversation in outputs, by the store entry from which it applies: one for each upgrade.
    pub(super) names: Vec<(u32, event::Conversation)>,
    /// Earlier upgrades that were refused on the same connection.
    pub(super) earlier: Vec<Attempt>,
    /// The times of the first and the last event.
    pub times: (Timestamp, Timestamp),
    /// The end of the conversation.
    pub closed: Option<Box<Closed>>,
    /// The totals of each side so far.
    pub totals: Pair<DirectionTotals>,
    /// The numbers of anomalies of severity note, warning and error.
    pub anomalies: [u64; 3],
    /// The numbers of its entries.
    pub(super) entries: Vec<u32>,
    /// Frame headers of incomplete messages: data and control frames of each side.
    pub(super) pending: Pair<[Pending; 2]>,
}

/// An upgrade and its outcome.
#[derive(Clone, Debug)]
pub enum Attempt {
    /// The upgrade was accepted.
    Opened(Opening),
    /// The upgrade was refused or never answered.
    Rejected(Rejected),
}

impl Attempt {
    /// Returns the endpoints and the handshake.
    pub const fn opening(&self) -> &Opening {
        match self {
            Attempt::Opened(opening) => opening,
            Attempt::Rejected(rejected) => &rejected.opening,
        }
    }

    /// Returns whether the upgrade was accepted.
    pub const fn is_granted(&self) -> bool {
        matches!(self, Attempt::Opened(_))
    }

    /// Returns the event of the upgrade.
    pub const fn kind(&self) -> event::Kind<'_> {
        match self {
            Attempt::Opened(opening) => event::Kind::Opened(opening),
            Attempt::Rejected(rejected) => event::Kind::Rejected(rejected),
        }
    }
}

/// The encoded frame headers of an unfinished message.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) count: usize,
    pub(super) bytes: Vec<u8>,
}

impl Conversation {
    pub(super) fn new(id: ConnId, at: At) -> Self {
        Conversation {
            id,
            state: State::Open,
            opened: None,
            names: Vec::new(),
            earlier: Vec::new(),
            times: (at.time, at.time),
            closed: None,
            totals: Pair::default(),
            anomalies: [0; 3],
            entries: Vec::new(),
            pending: Pair::default(),
        }
    }

    /// Returns the headers of the message or control frame that a frame of `from` belongs to.
    pub(super) fn pending(&mut self, from: Side, opcode: Opcode) -> &mut Pending {
        let [data, control] = &mut self.pending[from];
        if opcode.is_control() { control } else { data }
    }

    /// Returns whether the conversation ran over TLS.
    pub fn is_secured(&self) -> bool {
        let over = self.opened.as_deref().and_then(|attempt| attempt.opening().over.as_ref());
        over.is_some_and(|over| over.tls.is_some())
    }

    /// Returns host and path, or the server's address if the handshake is unknown.
    pub fn name(&self) -> String {
        let Some(opened) = &self.opened else { return format!("connection {}", self.id) };
        let handshake = opened.opening().handshake.as_ref();
        match handshake.and_then(|handshake| handshake.url.as_deref()) {
            Some(url) => url.split_once("://").map_or(url, |(_, rest)| rest).to_owned(),
            None => opened.opening().server.to_string(),
        }
    }

    /// Returns the identity of the conversation in outputs, as of entry `number` of the store.
    pub fn named_at(&self, number: u32) -> Option<&event::Conversation> {
        let after = self.names.partition_point(|(from, _)| *from <= number);
        Some(&self.names.get(after.checked_sub(1)?)?.1)
    }

    /// Returns the negotiated sub-protocol.
    pub fn subprotocol(&self) -> Option<&str> {
        self.opened.as_ref()?.opening().handshake.as_ref()?.subprotocol.as_deref()
    }

    /// Returns the number of messages and control frames of both sides.
    pub const fn messages(&self) -> u64 {
        self.totals.client.messages.saturating_add(self.totals.server.messages)
    }

    /// Returns the number of payload bytes of both sides.
    pub const fn bytes(&self) -> u64 {
        self.totals.client.bytes.saturating_add(self.totals.server.bytes)
    }

    /// Returns the highest severity among its anomalies.
    pub fn worst(&self) -> Option<Severity> {
        match self.anomalies {
            [0, 0, 0] => None,
            [_, 0, 0] => Some(Severity::Note),
            [_, _, 0] => Some(Severity::Warning),
            _ => Some(Severity::Error),
        }
    }

    /// Returns the number of its entries.
    pub const fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Returns the store's number of its entry at index `at`.
    pub fn entry(&self, at: usize) -> Option<u32> {
        self.entries.get(at).copied()
    }

    /// Returns how many of its entries precede entry `number` of the store.
    pub fn place_of(&self, number: u32) -> usize {
        self.entries.partition_point(|entry| *entry < number)
    }

    /// Returns the approximate memory use in bytes, including the handshake.
    pub(super) fn weight(&self) -> usize {
        let heads = |opened: &Attempt| {
            let handshake = opened.opening().handshake.as_ref();
            let request = handshake.and_then(|h| h.request.as_ref()).map(|r| (&r.headers, r.target.len()));
            let response = handshake.and_then(|h| h.response.as_ref()).map(|r| (&r.headers, r.reason.len()));
            [request, response].into_iter().flatten().fold(512, |sum: usize, (headers, line)| {
                headers.iter().fold(sum.saturating_add(line), |sum, field| {
                    sum.saturating_add(32).saturating_add(field.name.len()).saturating_add(field.value.len())
                })
            })
        };
        self.opened.as_deref().map_or(0, heads).saturating_add(size_of::<Conversation>())
    }
}
