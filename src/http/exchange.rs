use std::collections::VecDeque;

use super::body::{Body, Next};
use super::early_bytes::{BufferedBytes, EarlyBytes};
use super::head::BlankLine;
use super::pending::{Awaited, PendingRequests};
use super::sniff::{Sniff, looks_like};
use super::stream::{BodyPart, Carrier, Delivered};
use super::{Handshake, Limits};
use crate::model::{Anomaly, At, Lost, Pair, Side};

/// Bounds the number of pushes in which a side is searched for the next head after a gap.
const SEARCHES: u8 = 32;

/// The output of an [`HttpTracker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The bytes are not HTTP/1.x, or no longer: no further bytes are taken.
    NotHttp,
    /// A proxy granted CONNECT: what follows on both sides is another pair of streams, starting with those in
    /// [`HttpTracker::take_early`].
    Tunnel,
    /// WebSocket begins: the next bytes of both sides are frames, starting with those in [`HttpTracker::take_early`].
    ///
    /// If the handshake's response is `None`, it was lost: the server's bytes may begin inside a frame.
    Upgraded(Box<Handshake>),
    /// HTTP/2 begins, with the exchange that requested it as its first stream: the following bytes of both sides are
    /// its frames.
    Http2,
    /// An upgrade was refused; the exchanges continue.
    Refused(Box<Handshake>),
    /// An upgrade was requested and never answered.
    Unanswered(Box<Handshake>),
    /// A body that carries messages begins, whether or not it is wanted.
    Found(Carrier),
    /// A part of a wanted body.
    Body {
        /// The side that sends it.
        side: Side,
        /// The part.
        part: BodyPart,
    },
    /// An anomaly; it precedes the output to which it belongs.
    Anomaly {
        /// The side whose bytes are concerned.
        side: Side,
        /// The anomaly.
        anomaly: Anomaly,
    },
}

/// The HTTP/1.x exchanges of one connection before an upgrade, or without one (RFC 9112).
///
/// ```text
///              ┌──────────── body skipped ◄───────────┐
///              ▼                                      │
///   each side: Start ─► Head (in pieces) ─► whole ────┤
///              ▲                                      ├─► 101: Upgraded      ┐
///   gap ─► Lost┘ (next push that begins a head)       ├─► CONNECT 2xx: Tunnel├─ over
///                                                     └─► no head: NotHttp   ┘
/// ```
///
/// After each call of [`push`](Self::push), [`gap`](Self::gap) or [`end`](Self::end), poll [`next`](Self::next) until
/// it returns `None`. A client that requested an upgrade or a tunnel has to wait for the response: what it sends
/// earlier is buffered, within [`Limits::early`]. Conversely, a response captured before its request is complete
/// (packets may be reordered) is buffered until it is.
///
/// While idle, it takes about 220 bytes and no heap. It keeps an unfinished head, the head of an unanswered upgrade and
/// buffered bytes, but nothing of ordinary exchanges.
#[derive(Debug)]
pub struct HttpTracker {
    limits: Limits,
    reading: Pair<Reading>,
    pending: PendingRequests,
    outputs: VecDeque<Output>,
    rare: Option<Box<UncommonState>>,
    ended: Pair<bool>,
    /// The packet that contains the pushed bytes.
    carried: At,
    /// The packet at which they became readable.
    readable: At,
    /// The last packet whose bytes were processed, for each side.
    read_at: Pair<At>,
    /// Whether a head of this side may have been lost, so that requests and responses may not match.
    lost: Pair<bool>,
    /// Whether the client's bytes were captured from the first one on, so that every response has its request.
    from_start: bool,
    over: bool,
}

/// State that few connections need.
#[derive(Debug, Default)]
struct UncommonState {
    held: Pair<EarlyBytes>,
    earlier: Vec<Box<str>>,
    authority: Option<Box<str>>,
}

/// The position of a side's bytes within its messages.
#[derive(Debug)]
enum Reading {
    /// Between two exchanges.
    Start,
    /// In a head that arrives in pieces.
    Head(Box<PartialHead>),
    /// In a body.
    Body(Body),
    /// In a body that is delivered.
    Delivered(Box<Delivered>),
    /// After a gap; the number of pushes searched so far.
    Lost(u8),
    /// After a gap that may have contained the response to an upgrade: bytes are buffered until it is clear.
    Behind,
}

#[derive(Debug, Default)]
struct PartialHead {
    bytes: Vec<u8>,
    finder: BlankLine,
    /// Whether the first line was found to be valid.
    line: bool,
}

impl HttpTracker {
    /// Creates a tracker for a connection, or for the inside a tunnel, whose first bytes come next.
    pub fn new(limits: Limits) -> Self {
        HttpTracker {
            limits,
            reading: Pair::from_fn(|_| Reading::Start),
            pending: PendingRequests::default(),
            outputs: VecDeque::new(),
            rare: None,
            ended: Pair::default(),
            carried: At::default(),
            readable: At::default(),
            read_at: Pair::default(),
            lost: Pair::default(),
            from_start: false,
            over: false,
        }
    }

    /// Declares that the client's bytes were captured from the first one on: a response whose request has not come yet
    /// was captured too early, and is buffered until it has.
    #[must_use]
    pub fn from_start(self) -> Self {
        HttpTracker { from_start: true, ..self }
    }

    /// Uses `authority`, from the CONNECT request that opened the tunnel, as the host in URLs if requests name none.
    #[must_use]
    pub fn with_authority(mut self, authority: Option<Box<str>>) -> Self {
        if authority.is_some() {
            self.rare().authority = authority;
        }
        self
    }

    /// Takes the target of the CONNECT request that was granted.
    pub fn take_authority(&mut self) -> Option<Box<str>> {
        self.rare.as_mut().and_then(|rare| rare.authority.take())
    }

    /// Sets the packet that contains the bytes pushed from now on, and the packet at which they became readable.
    pub const fn carried(&mut self, at: At, readable: At) {
        (self.carried, self.readable) = (at, readable);
    }

    /// Returns the packet that completed the processed bytes of a side: at [`Output::Upgraded`], its head.
    pub fn read_at(&self, side: Side) -> At {
        self.read_at[side]
    }

    /// Pushes bytes of one side; returns how many were consumed.
    ///
    /// That is fewer than all only if an output is pending that changes the meaning of the rest ([`Output::Upgraded`],
    /// [`Output::Tunnel`], [`Output::Http2`], [`Output::NotHttp`]); from then on, none are consumed.
    pub fn push(&mut self, side: Side, bytes: &[u8]) -> usize {
        // The common case first: bytes of a body.
        if let Reading::Body(Body::Length(left)) = &mut self.reading[side]
            && !self.over
            && let Some(rest) = left.checked_sub(bytes.len() as u64)
            && rest > 0
        {
            *left = rest;
            self.read(side, self.readable);
            return bytes.len();
        }
        let mut used = 0_usize;
        let mut fresh = true;
        while !self.over {
            let rest = bytes.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let step = if self.waits(side) {
                self.hold(side, rest, fresh)
            } else {
                self.read(side, self.readable);
                self.step(side, rest, fresh)
            };
            fresh = false;
            used = used.saturating_add(step);
            self.settle();
        }
        used
    }

    /// Notes that bytes of one side are missing here.
    ///
    /// In a body of known length, they are counted if their number is known. If a head may have been among them, the
    /// start of each following push is searched for the next one.
    pub fn gap(&mut self, side: Side, lost: Lost) {
        if self.over || lost == Lost::Exact(0) {
            return;
        }
        if self.waits(side) {
            self.hold_gap(side, lost);
        } else {
            self.lose(side, lost);
        }
        self.settle();
    }

    /// Returns whether a head of a side has begun and is incomplete.
    pub fn is_head_under_way(&self, side: Side) -> bool {
        matches!(self.reading[side], Reading::Head(_))
    }

    /// Notes that one side's stream has ended; when the connection ends, both do.
    ///
    /// An upgrade is unanswered once the server's side has ended.
    pub fn end(&mut self, side: Side) {
        if self.over {
            return;
        }
        self.ended[side] = true;
        let held = self.rare.as_ref().is_some_and(|rare| !rare.held[side].is_empty());
        if matches!(self.reading[side], Reading::Behind) && held {
            self.overflow(side);
        }
        if let Reading::Delivered(body) = &self.reading[side] {
            let whole = body.ends_with_stream();
            self.outputs.push_back(Output::Body { side, part: BodyPart::Ends { whole } });
        }
        self.reading[side] = Reading::Start;
        self.settle();
    }

    /// Returns the next output.
    // Named as in every other module; an iterator would borrow what `push` needs.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes what `side` sent before [`Output::Upgraded`] or [`Output::Tunnel`]: the first bytes of what follows.
    pub fn take_early(&mut self, side: Side) -> Vec<BufferedBytes> {
        self.rare.as_mut().map_or_else(Vec::new, |rare| rare.held[side].take())
    }

    /// Returns whether this side is desynchronised after a gap and has not found the next head yet: its bytes may
    /// equally be a WebSocket that began in the gap. While an upgrade waits for its response, this tracker resolves
    /// that itself.
    pub fn is_lost(&self, side: Side) -> bool {
        matches!(self.reading[side], Reading::Lost(_))
    }

    /// Returns the memory allocated on the heap, in bytes.
    pub fn allocated(&self) -> usize {
        let head = |side| match &self.reading[side] {
            Reading::Head(head) => size_of::<PartialHead>().saturating_add(head.bytes.capacity()),
            Reading::Delivered(body) => size_of::<Delivered>().saturating_add(body.allocated()),
            _ => 0,
        };
        let last = match &self.pending.last {
            Some(Awaited::Connect(head) | Awaited::Upgrade(head) | Awaited::Http2(head)) => head.len(),
            None => 0,
        };
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let keys = rare.earlier.iter().map(|key| key.len().saturating_add(16)).sum::<usize>();
            let authority = rare.authority.as_ref().map_or(0, |text| text.len());
            size_of::<UncommonState>()
                .saturating_add(rare.held.client.allocated())
                .saturating_add(rare.held.server.allocated())
                .saturating_add(keys)
                .saturating_add(authority)
        });
        let outputs = self.outputs.capacity().saturating_mul(size_of::<Output>());
        head(Side::Client)
            .saturating_add(head(Side::Server))
            .saturating_add(last)
            .saturating_add(self.pending.allocated())
            .saturating_add(rare)
            .saturating_add(outputs)
    }

    /// Notes the packet of the bytes that are being processed.
    fn read(&mut self, side: Side, at: At) {
        self.read_at[side] = self.read_at[side].later(at);
    }

    fn rare(&mut self) -> &mut UncommonState {
        self.rare.get_or_insert_default()
    }

    /// Consumes at least one byte, or decides what the connection is.
    fn step(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        match &mut self.reading[side] {
            Reading::Start => {
                let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
                match bytes.get(blank..) {
                    Some(rest) if !rest.is_empty() => blank.saturating_add(self.head(side, rest, None)),
                    _ => blank,
                }
            }
            Reading::Head(gathered) => {
                let gathered = std::mem::take(gathered);
                self.reading[side] = Reading::Start;
                self.head(side, bytes, Some(gathered))
            }
            Reading::Body(body) => {
                let (used, next) = body.skip(bytes);
                match next {
                    Next::More => {}
                    Next::Done => self.reading[side] = Reading::Start,
                    Next::Broken => self.not_http(),
                }
                used
            }
            Reading::Delivered(_) => self.deliver(side, bytes, fresh),
            Reading::Lost(_) => self.search(side, bytes, fresh),
            // Its bytes are buffered and never get here.
            Reading::Behind => bytes.len(),
        }
    }

    /// Looks for the next head after a gap, at the start of a push only.
    fn search(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        let wanted = if side == Side::Client { Sniff::Request } else { Sniff::Response };
        if fresh && looks_like(bytes) == wanted {
            self.reading[side] = Reading::Start;
            return 0;
        }
        match &mut self.reading[side] {
            Reading::Lost(searches) if *searches < SEARCHES => *searches = searches.saturating_add(1),
            _ => {
                if self.pending.last.is_some() {
                    self.unanswered();
                }
                self.not_http();
            }
        }
        bytes.len()
    }

    fn report(&mut self, side: Side, anomaly: Anomaly) {
        self.outputs.push_back(Output::Anomaly { side, anomaly });
    }

    fn not_http(&mut self) {
        if self.over {
            return;
        }
        self.outputs.push_back(Output::NotHttp);
        self.over = true;
        self.reading = Pair::from_fn(|_| Reading::Start);
    }

    /// Continues after missing bytes.
    fn lose(&mut self, side: Side, lost: Lost) {
        match &mut self.reading[side] {
            Reading::Body(body) => match body.lose(lost) {
                Some(Next::Done) => self.reading[side] = Reading::Start,
                Some(_) => {}
                None => self.desynchronise(side),
            },
            Reading::Delivered(_) => self.lose_delivered(side, lost),
            _ => self.desynchronise(side),
        }
    }

    fn desynchronise(&mut self, side: Side) {
        self.reading[side] = Reading::Lost(0);
        self.lost[side] = true;
        if self.upgraded_in_gap() {
            self.upgraded(None);
        } else if self.client_sends_request() {
            self.unanswered();
        } else if side == Side::Server && self.awaits_upgrade() {
            self.reading.server = Reading::Behind;
        }
    }
}

mod delivery;
mod early;
mod heads;
#[cfg(test)]
mod tests;
