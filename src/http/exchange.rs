use std::collections::VecDeque;

use super::body::{Body, Next};
use super::asked::{Answered, Asked, Awaited};
use super::head::{self, BlankLine};
use super::held::{Early, Held};
use super::looks::{Looks, begins, is_frame, looks_like, tail_of_head};
use super::summary::{Summary, Upgrade};
use super::upgrade::{self, Evidence};
use super::{Handshake, Limits};
use crate::model::{Anomaly, At, Pair, Side};

/// Bounds how many keys of refused requests are remembered, to recognise a late answer to one of them.
const EARLIER_KEYS: usize = 4;
/// Bounds how many pushes a side looks for the next head after a gap.
const SEARCHES: u8 = 32;
/// Is what [`Exchanges`] has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// What came is not HTTP/1.x, or has stopped being: nothing more will be taken.
    NotHttp,
    /// A proxy granted CONNECT: what follows on both sides is a new conversation, for [`Exchanges::into_tunnel`].
    Tunnel,
    /// WebSocket begins: the following bytes of both sides are frames, those in [`Exchanges::take_early`] first.
    ///
    /// Where the handshake's response is `None`, it was lost: the server's bytes may begin inside a frame.
    Upgraded(Box<Handshake>),
    /// An upgrade was refused; the exchanges go on.
    Refused(Box<Handshake>),
    /// An upgrade was asked for and never answered.
    Unanswered(Box<Handshake>),
    /// Something was wrong; it comes before the output it belongs to.
    Anomaly {
        /// Whose bytes were wrong.
        side: Side,
        /// What was wrong.
        anomaly: Anomaly,
    },
}

/// Follows the HTTP/1.x exchanges of one connection before an upgrade, or without one (RFC 9112).
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
/// At rest it is about 150 bytes and no heap. It keeps an unfinished head, the head of an unanswered upgrade, held
/// bytes, and of ordinary exchanges nothing.
#[derive(Debug)]
pub struct Exchanges {
    limits: Limits,
    reading: Pair<Reading>,
    asked: Asked,
    outputs: VecDeque<Output>,
    rare: Option<Box<Rare>>,
    ended: Pair<bool>,
    /// The packet that carries what is pushed.
    carried: At,
    /// A head of this side may have been lost, so requests and responses may not match.
    lost: Pair<bool>,
    /// The client's bytes were captured from the first one on: an answer has its request.
    from_start: bool,
    over: bool,
}

/// Is what few connections need.
#[derive(Debug, Default)]
struct Rare {
    held: Pair<Held>,
    earlier: Vec<Box<str>>,
    authority: Option<Box<str>>,
}

/// Is where a side's bytes are.
#[derive(Debug)]
enum Reading {
    /// Between two exchanges.
    Start,
    /// In a head that comes in pieces.
    Head(Box<Gathered>),
    /// In a body.
    Body(Body),
    /// Behind a gap; so many pushes were searched.
    Lost(u8),
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    finder: BlankLine,
    /// The first line was seen to be one.
    line: bool,
}

impl Exchanges {
    /// Makes one for a connection, or for the inside of a tunnel, whose first bytes come next.
    pub fn new(limits: Limits) -> Self {
        Exchanges {
            limits,
            reading: Pair::from_fn(|_| Reading::Start),
            asked: Asked::default(),
            outputs: VecDeque::new(),
            rare: None,
            ended: Pair::default(),
            carried: At::default(),
            lost: Pair::default(),
            from_start: false,
            over: false,
        }
    }

    /// Says that the client's bytes were captured from the first one on: an answer whose request did not come yet
    /// was captured too early, and is held until it does.
    #[must_use]
    pub fn from_start(self) -> Self {
        Exchanges { from_start: true, ..self }
    }

    /// Makes one for the inside of the tunnel, which takes the host for URLs from the CONNECT request where the
    /// requests inside name none.
    ///
    /// Call [`take_early`](Self::take_early) before; it is the first to be pushed into the new one.
    #[must_use]
    pub fn into_tunnel(self) -> Self {
        let mut inside = Exchanges::new(self.limits);
        inside.from_start = self.from_start && !self.lost.client;
        if let Some(authority) = self.rare.and_then(|rare| rare.authority) {
            inside.rare().authority = Some(authority);
        }
        inside
    }

    /// Says which packet carries what is pushed from now on.
    pub const fn carried(&mut self, at: At) {
        self.carried = at;
    }

    /// Takes bytes of one side, and returns how many it used.
    ///
    /// That is fewer than all only when an output is pending after which the rest means something else
    /// ([`Output::Upgraded`], [`Output::Tunnel`], [`Output::NotHttp`]); from then on it uses none.
    pub fn push(&mut self, side: Side, bytes: &[u8]) -> usize {
        // The common case first: bytes of a body.
        if let Reading::Body(Body::Length(left)) = &mut self.reading[side]
            && !self.over
            && let Some(rest) = left.checked_sub(bytes.len() as u64)
            && rest > 0
        {
            *left = rest;
            return bytes.len();
        }
        let mut used = 0_usize;
        let mut fresh = true;
        while !self.over {
            let rest = bytes.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            let step = if self.waits(side) { self.hold(side, rest) } else { self.step(side, rest, fresh) };
            fresh = false;
            used = used.saturating_add(step);
            self.settle();
        }
        used
    }

    /// Hears that `length` bytes of one side are missing here.
    ///
    /// In a body of known length they are counted. Where a head may have been among them, that side looks for the
    /// next one at the beginning of each following push.
    pub fn gap(&mut self, side: Side, length: u64) {
        if self.over || length == 0 {
            return;
        }
        if self.waits(side) {
            self.hold_gap(side, length);
        } else {
            self.lose(side, length);
        }
        self.settle();
    }

    /// Hears that one side's stream ended; both sides end where the connection does.
    ///
    /// An upgrade is unanswered once the server's side has ended.
    pub fn end(&mut self, side: Side) {
        if self.over {
            return;
        }
        self.ended[side] = true;
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
    pub fn take_early(&mut self, side: Side) -> Vec<Early> {
        self.rare.as_mut().map_or_else(Vec::new, |rare| rare.held[side].take())
    }

    /// Tells whether this side lost its place in a gap and has not found the next head yet: its bytes may just as
    /// well be WebSocket that began in the gap.
    pub fn is_lost(&self, side: Side) -> bool {
        matches!(self.reading[side], Reading::Lost(_))
    }

    /// Returns how many bytes of heap it holds.
    pub fn allocated(&self) -> usize {
        let head = |side| match &self.reading[side] {
            Reading::Head(head) => size_of::<Gathered>().saturating_add(head.bytes.capacity()),
            _ => 0,
        };
        let last = match &self.asked.last {
            Some(Awaited::Connect(head) | Awaited::Upgrade(head)) => head.len(),
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
            .saturating_add(rare)
            .saturating_add(outputs)
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Tells whether this side's next bytes have no meaning before the other side's head is known.
    fn waits(&self, side: Side) -> bool {
        if !matches!(self.reading[side], Reading::Start) {
            return false;
        }
        match side {
            Side::Client => self.asked.last.is_some(),
            Side::Server => {
                self.asked.is_empty()
                    && match self.reading.client {
                        Reading::Head(_) => true,
                        Reading::Start => self.from_start && !self.lost.client && !self.ended.client,
                        Reading::Body(_) | Reading::Lost(_) => false,
                    }
                    // Frames follow the body of the request.
                    || matches!(self.asked.last, Some(Awaited::Upgrade(_)))
                        && matches!(self.reading.client, Reading::Body(Body::Length(_)))
                        && self.from_start
            }
        }
    }

    /// Goes on with what was held, as far as it may be read now, and with what the end of a stream decides.
    fn settle(&mut self) {
        loop {
            if self.over {
                return;
            }
            let ready = |side: &Side| {
                !self.waits(*side) && self.rare.as_ref().is_some_and(|rare| !rare.held[*side].is_empty())
            };
            let Some(side) = Side::BOTH.into_iter().find(ready) else {
                if self.ended.server && self.asked.last.is_some() {
                    self.unanswered();
                    continue;
                }
                return;
            };
            match self.rare().held[side].pop() {
                Some(Early::Gap(length)) => self.lose(side, length),
                Some(Early::Bytes(mut bytes, carried)) => {
                    let mut used = 0_usize;
                    let mut fresh = true;
                    while !self.over && used < bytes.len() && !self.waits(side) {
                        let rest = bytes.get(used..).unwrap_or_default();
                        used = used.saturating_add(self.step(side, rest, fresh));
                        fresh = false;
                    }
                    if used < bytes.len() {
                        bytes.drain(..used);
                        self.rare().held[side].put_back(bytes, carried);
                    }
                }
                None => {}
            }
        }
    }

    /// Keeps bytes until they have a meaning; returns how many.
    fn hold(&mut self, side: Side, bytes: &[u8]) -> usize {
        let limit = self.limits.early;
        let first = self.rare.as_ref().is_none_or(|rare| rare.held[side].is_empty());
        if side == Side::Server && first && begins(side, bytes) == Some(false) {
            // A server that speaks first speaks another protocol.
            self.refuse(side);
            return 0;
        }
        let carried = self.carried;
        let used = self.rare().held[side].push(bytes, carried, limit);
        if self.is_joined() {
            self.upgraded(None);
        } else if self.asks_again() {
            self.unanswered();
        } else if used < bytes.len() {
            self.overflow(side);
        }
        used
    }

    fn hold_gap(&mut self, side: Side, length: u64) {
        let limit = self.limits.early;
        if !self.rare().held[side].gap(length, limit) {
            self.overflow(side);
            self.settle();
            if !self.over {
                self.lose(side, length);
            }
        }
    }

    /// Gives up waiting: too much is held.
    fn overflow(&mut self, side: Side) {
        if side == Side::Server {
            // The request that the client began does not end: read the answer without it.
            self.reading.client = Reading::Lost(0);
            self.lost.client = true;
            return;
        }
        if self.speaks_frames() {
            // One direction alone was captured: the answer will not come.
            self.upgraded(None);
            return;
        }
        let value = self.limits.early as u64;
        self.tell(side, Anomaly::LimitReached { limit: "bytes held before the answer", value });
        self.unanswered();
        self.not_http();
    }

    /// Tells whether the client waits for an upgrade and what it sent meanwhile are frames.
    fn speaks_frames(&self) -> bool {
        let held = self.rare.as_ref().and_then(|rare| rare.held.client.first());
        matches!(self.asked.last, Some(Awaited::Upgrade(_)))
            && held.is_some_and(|bytes| is_frame(Side::Client, bytes))
    }

    /// Tells whether the answer to an upgrade was lost in a gap and the client took it for a 101.
    fn is_joined(&self) -> bool {
        self.is_lost(Side::Server) && self.speaks_frames()
    }

    /// Tells whether the answer to an upgrade was lost in a gap and the client took it for a refusal: it asks again.
    fn asks_again(&self) -> bool {
        let held = self.rare.as_ref().and_then(|rare| rare.held.client.first());
        self.lost.server
            && matches!(self.asked.last, Some(Awaited::Upgrade(_)))
            && held.is_some_and(|bytes| looks_like(bytes) == Looks::Request)
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
            Reading::Lost(_) => self.search(side, bytes, fresh),
        }
    }

    /// Looks for the next head behind a gap, at the beginning of a push only.
    fn search(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        let wanted = if side == Side::Client { Looks::Request } else { Looks::Response };
        if fresh && looks_like(bytes) == wanted {
            self.reading[side] = Reading::Start;
            return 0;
        }
        if side == Side::Server && matches!(self.asked.last, Some(Awaited::Upgrade(_))) {
            let tail = tail_of_head(bytes);
            if is_frame(Side::Server, bytes.get(tail..).unwrap_or_default()) {
                self.upgraded(None);
                return tail;
            }
        }
        match &mut self.reading[side] {
            Reading::Lost(searches) if *searches < SEARCHES => *searches = searches.saturating_add(1),
            _ => {
                if self.asked.last.is_some() {
                    self.unanswered();
                }
                self.not_http();
            }
        }
        bytes.len()
    }

    /// Reads on in a head; `gathered` is what came of it before.
    fn head(&mut self, side: Side, bytes: &[u8], gathered: Option<Box<Gathered>>) -> usize {
        let limit = self.limits.head;
        let before = gathered.as_ref().map_or(0, |gathered| gathered.bytes.len());
        // One byte beyond the limit is enough to know that it is exceeded.
        let window = bytes.get(..limit.saturating_sub(before).saturating_add(1)).unwrap_or(bytes);
        let mut gathered = gathered.unwrap_or_default();
        let end = gathered.finder.find(window).filter(|end| before.saturating_add(*end) <= limit);
        if before == 0 {
            if begins(side, window) == Some(false) {
                self.refuse(side);
                return 0;
            }
            if let Some(end) = end {
                self.whole(side, window.get(..end).unwrap_or(window));
                return end;
            }
        }
        let taken = window.get(..end.unwrap_or(window.len())).unwrap_or(window);
        gathered.bytes.extend_from_slice(taken);
        if before < 32 && begins(side, &gathered.bytes) == Some(false) {
            self.refuse(side);
            return 0;
        }
        if !gathered.line
            && taken.contains(&b'\n')
            && let Some((text, ..)) = head::line(&gathered.bytes)
        {
            gathered.line = match side {
                Side::Client => head::request_line(text).is_some(),
                Side::Server => head::status_line(text).is_some(),
            };
            if !gathered.line {
                self.refuse(side);
                return 0;
            }
        }
        if end.is_some() {
            self.whole(side, &gathered.bytes);
        } else if gathered.bytes.len() > limit {
            self.tell(side, Anomaly::LimitReached { limit: "HTTP head", value: limit as u64 });
            self.refuse(side);
        } else {
            self.reading[side] = Reading::Head(gathered);
        }
        taken.len()
    }

    /// Ends the exchanges: no head begins where one should.
    fn refuse(&mut self, side: Side) {
        if side == Side::Server && self.asked.last.is_some() {
            self.unanswered();
        }
        self.not_http();
    }

    fn whole(&mut self, side: Side, bytes: &[u8]) {
        let understood = match side {
            Side::Client => self.request(bytes),
            Side::Server => self.response(bytes),
        };
        if understood.is_none() {
            self.refuse(side);
        }
    }

    /// Takes the head of a request; returns `None` where it is none.
    fn request(&mut self, bytes: &[u8]) -> Option<()> {
        let (text, _, lines) = head::line(bytes)?;
        let line = head::request_line(text)?;
        let summary = Summary::read(lines);
        self.reading.client = summary.body().map_or(Reading::Start, Reading::Body);
        if matches!(self.reading.client, Reading::Body(Body::Length(0))) {
            self.reading.client = Reading::Start;
        }
        if summary.upgrade == Upgrade::WebSocket || summary.key {
            self.asked.last = Some(Awaited::Upgrade(bytes.into()));
        } else if line.method.eq_ignore_ascii_case(b"CONNECT") {
            self.asked.last = Some(Awaited::Connect(bytes.into()));
        } else {
            self.asked.push(line.method.eq_ignore_ascii_case(b"HEAD"));
        }
        Some(())
    }

    /// Takes the head of a response; returns `None` where it is none.
    fn response(&mut self, bytes: &[u8]) -> Option<()> {
        let (text, _, lines) = head::line(bytes)?;
        let status = head::status_line(text)?.status;
        let summary = Summary::read(lines);
        self.reading.server = Reading::Start;
        if status == 101 {
            self.switch(bytes, &summary);
            return Some(());
        }
        if status < 200 {
            return Some(());
        }
        if std::mem::take(&mut self.lost.server) {
            self.asked.keep_last();
        }
        let mut bodiless = matches!(status, 204 | 304);
        match self.asked.pop() {
            Answered::Head => bodiless = true,
            Answered::Awaited(Awaited::Connect(head)) if status < 300 => {
                self.rare().authority = upgrade::authority(&head);
                self.outputs.push_back(Output::Tunnel);
                self.over = true;
                return Some(());
            }
            Answered::Awaited(Awaited::Upgrade(head)) => self.refused(&head, bytes),
            Answered::Awaited(Awaited::Connect(_)) | Answered::Ordinary | Answered::Unknown => {}
        }
        if !bodiless {
            let body = summary.body().unwrap_or(Body::UntilClose);
            if body != Body::Length(0) {
                self.reading.server = Reading::Body(body);
            }
        }
        Some(())
    }

    /// Takes a 101: the end of HTTP, whatever comes.
    fn switch(&mut self, response: &[u8], summary: &Summary) {
        let websocket = summary.upgrade == Upgrade::WebSocket || summary.accept;
        match self.asked.last.take() {
            Some(Awaited::Upgrade(request)) => {
                let old = !summary.accept && (summary.old || upgrade::is_old(&request));
                if old {
                    self.tell(Side::Client, Anomaly::OldProtocol {});
                }
                if old || !websocket && summary.upgrade == Upgrade::Other {
                    self.refused(&request, response);
                    self.not_http();
                } else {
                    self.asked.last = Some(Awaited::Upgrade(request));
                    self.upgraded(Some(response));
                }
            }
            // A server alone cannot switch; but the request may not have been captured.
            None if websocket && !summary.old && (self.asked.is_empty() || self.lost.client) => {
                self.upgraded(Some(response));
            }
            _ => self.not_http(),
        }
    }

    fn upgraded(&mut self, response: Option<&[u8]>) {
        let request = match self.asked.last.take() {
            Some(Awaited::Upgrade(request)) => Some(request),
            _ => None,
        };
        let handshake = self.verify(request.as_deref(), response);
        if response.is_some() {
            let bytes = self.rare.as_ref().map_or(0, |rare| rare.held.client.bytes());
            if bytes > 0 {
                self.tell(Side::Client, Anomaly::DataBeforeHandshake { bytes });
            }
        }
        self.outputs.push_back(Output::Upgraded(handshake));
        self.over = true;
        self.reading = Pair::from_fn(|_| Reading::Start);
    }

    fn refused(&mut self, request: &[u8], response: &[u8]) {
        let handshake = self.verify(Some(request), Some(response));
        self.outputs.push_back(Output::Refused(handshake));
        if let Some(key) = upgrade::key(request) {
            let earlier = &mut self.rare().earlier;
            if earlier.len() == EARLIER_KEYS {
                earlier.remove(0);
            }
            earlier.push(key);
        }
    }

    /// Gives up the request that the client waits for.
    fn unanswered(&mut self) {
        if self.speaks_frames() && self.ended.server {
            // The client went on as after a 101: it got one, and the capture did not.
            self.upgraded(None);
            return;
        }
        if let Some(Awaited::Upgrade(request)) = self.asked.last.take() {
            let handshake = self.verify(Some(&request), None);
            self.outputs.push_back(Output::Unanswered(handshake));
        }
    }

    fn verify(&mut self, request: Option<&[u8]>, response: Option<&[u8]>) -> Box<Handshake> {
        let (earlier, authority) = match &self.rare {
            Some(rare) => (rare.earlier.as_slice(), rare.authority.as_deref()),
            None => (&[][..], None),
        };
        let (handshake, faults) = upgrade::verify(Evidence { request, response, earlier, authority });
        self.outputs.extend(faults.into_iter().map(|(side, anomaly)| Output::Anomaly { side, anomaly }));
        Box::new(handshake)
    }

    fn tell(&mut self, side: Side, anomaly: Anomaly) {
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
    fn lose(&mut self, side: Side, length: u64) {
        if let Reading::Body(body) = &mut self.reading[side] {
            match body.lose(length) {
                Some(Next::Done) => self.reading[side] = Reading::Start,
                Some(_) => {}
                None => self.lose_place(side),
            }
        } else {
            self.lose_place(side);
        }
    }

    fn lose_place(&mut self, side: Side) {
        self.reading[side] = Reading::Lost(0);
        self.lost[side] = true;
        if self.is_joined() {
            self.upgraded(None);
        } else if self.asks_again() {
            self.unanswered();
        }
    }
}

#[cfg(test)]
mod tests;
