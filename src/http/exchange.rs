use std::collections::VecDeque;

use super::body::{Body, Next};
use super::head::BlankLine;
use super::held::{BufferedBytes, EarlyBytes};
use super::looks::{Sniff, looks_like};
use super::pending::{Awaited, PendingRequests};
use super::stream::{BodyPart, Carrier, Delivered};
use super::{Handshake, Limits};
use crate::model::{Anomaly, At, Lost, Pair, Side};

/// Bounds how many pushes a side looks for the next head after a gap.
const SEARCHES: u8 = 32;

/// The output of an [`HttpTracker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// What came is not HTTP/1.x, or has stopped being: nothing more will be taken.
    NotHttp,
    /// A proxy granted CONNECT: what follows on both sides is another pair of streams, those in
    /// [`HttpTracker::take_early`] first.
    Tunnel,
    /// WebSocket begins: the following bytes of both sides are frames, those in [`HttpTracker::take_early`] first.
    ///
    /// Where the handshake's response is `None`, it was lost: the server's bytes may begin inside a frame.
    Upgraded(Box<Handshake>),
    /// HTTP/2 begins, its first stream being the exchange that asked for it: the following bytes of both sides are
    /// its frames.
    Http2,
    /// An upgrade was refused; the exchanges go on.
    Refused(Box<Handshake>),
    /// An upgrade was asked for and never answered.
    Unanswered(Box<Handshake>),
    /// A body that carries messages begins, whether it is wanted or not.
    Found(Carrier),
    /// A part of a body that is wanted.
    Body {
        /// Who sends it.
        side: Side,
        /// What came of it.
        part: BodyPart,
    },
    /// Something was wrong; it comes before the output it belongs to.
    Anomaly {
        /// Whose bytes were wrong.
        side: Side,
        /// What was wrong.
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
/// After each call of [`push`](Self::push), [`gap`](Self::gap) or [`end`](Self::end), ask
/// [`next`](Self::next) until it answers `None`. A client that asked for an upgrade or a tunnel has to wait for the
/// answer: what it sends before is held, within [`Limits::early`]. The other way round, an answer that comes before
/// its request is whole (packets do change places) is held until it is.
///
/// At rest it is about 220 bytes and no heap. It keeps an unfinished head, the head of an unanswered upgrade, held
/// bytes, and of ordinary exchanges nothing.
#[derive(Debug)]
pub struct HttpTracker {
    limits: Limits,
    reading: Pair<Reading>,
    pending: PendingRequests,
    outputs: VecDeque<Output>,
    rare: Option<Box<Rare>>,
    ended: Pair<bool>,
    /// The packet that carries what is pushed.
    carried: At,
    /// The packet at which that was readable.
    readable: At,
    /// The last packet of each side's bytes that were read.
    read_at: Pair<At>,
    /// A head of this side may have been lost, so requests and responses may not match.
    lost: Pair<bool>,
    /// The client's bytes were captured from the first one on: an answer has its request.
    from_start: bool,
    over: bool,
}

/// The state that few connections need.
#[derive(Debug, Default)]
struct Rare {
    held: Pair<EarlyBytes>,
    earlier: Vec<Box<str>>,
    authority: Option<Box<str>>,
}

/// The place of a side's bytes in its messages.
#[derive(Debug)]
enum Reading {
    /// Between two exchanges.
    Start,
    /// In a head that comes in pieces.
    Head(Box<PartialHead>),
    /// In a body.
    Body(Body),
    /// In a body that is delivered.
    Delivered(Box<Delivered>),
    /// Behind a gap; so many pushes were searched.
    Lost(u8),
    /// Behind a gap that may have held the answer to an upgrade: what comes is held until it tells.
    Behind,
}

#[derive(Debug, Default)]
struct PartialHead {
    bytes: Vec<u8>,
    finder: BlankLine,
    /// The first line was seen to be one.
    line: bool,
}

impl HttpTracker {
    /// Makes one for a connection, or for the inside of a tunnel, whose first bytes come next.
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

    /// Says that the client's bytes were captured from the first one on: an answer whose request did not come yet
    /// was captured too early, and is held until it does.
    #[must_use]
    pub fn from_start(self) -> Self {
        HttpTracker { from_start: true, ..self }
    }

    /// Takes the host for URLs from `authority` where requests name none: that of the CONNECT request which made the
    /// tunnel.
    #[must_use]
    pub fn with_authority(mut self, authority: Option<Box<str>>) -> Self {
        if authority.is_some() {
            self.rare().authority = authority;
        }
        self
    }

    /// Gives what the CONNECT request named that was granted.
    pub fn take_authority(&mut self) -> Option<Box<str>> {
        self.rare.as_mut().and_then(|rare| rare.authority.take())
    }

    /// Says which packet carries what is pushed from now on, and at which it was readable.
    pub const fn carried(&mut self, at: At, readable: At) {
        (self.carried, self.readable) = (at, readable);
    }

    /// Returns the packet that completed a side's bytes that were read: at [`Output::Upgraded`], its head.
    pub fn read_at(&self, side: Side) -> At {
        self.read_at[side]
    }

    /// Takes bytes of one side, and returns how many it used.
    ///
    /// That is fewer than all only when an output is pending after which the rest means something else
    /// ([`Output::Upgraded`], [`Output::Tunnel`], [`Output::Http2`], [`Output::NotHttp`]); from then on it uses none.
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

    /// Hears that bytes of one side are missing here.
    ///
    /// In a body of known length they are counted, where their number is known. Where a head may have been among them, that side looks for the
    /// next one at the beginning of each following push.
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

    /// Returns whether a head of a side has begun and is not whole.
    pub fn is_head_under_way(&self, side: Side) -> bool {
        matches!(self.reading[side], Reading::Head(_))
    }

    /// Hears that one side's stream ended; both sides end where the connection does.
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

    /// Returns what there is to say next.
    // Named as every stop names it; `for` would borrow what `push` needs.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Gives what `side` sent before [`Output::Upgraded`] or [`Output::Tunnel`] was known: the first bytes of what
    /// follows.
    pub fn take_early(&mut self, side: Side) -> Vec<BufferedBytes> {
        self.rare.as_mut().map_or_else(Vec::new, |rare| rare.held[side].take())
    }

    /// Returns whether this side lost its place in a gap and has not found the next head yet: its bytes may just as
    /// well be WebSocket that began in the gap. Where an upgrade waits for its answer, that is known better here.
    pub fn is_lost(&self, side: Side) -> bool {
        matches!(self.reading[side], Reading::Lost(_))
    }

    /// Returns how many bytes of heap it holds.
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
            size_of::<Rare>()
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

    /// Notes the packet of bytes that are read now.
    fn read(&mut self, side: Side, at: At) {
        self.read_at[side] = self.read_at[side].later(at);
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Takes at least one byte, or decides what the connection is.
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
            // It waits, and is not stepped.
            Reading::Behind => bytes.len(),
        }
    }

    /// Sniff for the next head behind a gap, at the beginning of a push only.
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

    /// Goes on behind missing bytes.
    fn lose(&mut self, side: Side, lost: Lost) {
        match &mut self.reading[side] {
            Reading::Body(body) => match body.lose(lost) {
                Some(Next::Done) => self.reading[side] = Reading::Start,
                Some(_) => {}
                None => self.lose_place(side),
            },
            Reading::Delivered(_) => self.lose_delivered(side, lost),
            _ => self.lose_place(side),
        }
    }

    fn lose_place(&mut self, side: Side) {
        self.reading[side] = Reading::Lost(0);
        self.lost[side] = true;
        if self.is_joined() {
            self.upgraded(None);
        } else if self.asks_again() {
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
