mod late;

use super::compression::Deflate;
use super::context::{Context, Shared};
use super::conversation::{Conversation, Ending};
use super::resync::Search;
use crate::event::{self, ConnId, Kind, Opening, Rejected, Sink};
use crate::http::{self, BufferedBytes, Handshake, HttpTracker, Sniff};
use crate::model::{Anomaly, At, Endpoint, Lost, Pair, Segment, Side, Timestamp};
use crate::tcp::{self, CapturedAgain, Delivery, End, Output};

/// One TCP connection, and which layer its bytes are.
///
/// ```text
///                          request                101
///   SYN ─────► Start ──────────────► Http ─────────────────► WebSocket
///                │ ▲                  │ │                        ▲
///     no HTTP    │ └──────────────────┘ │ no HTTP                │ frames found
///                ▼      CONNECT         ▼                        │
///             Nothing ◄─────────────────┴──────── Late ──────────┘
///                                                  ▲
///   no SYN ────────────────────────────────────────┘
/// ```
///
/// Where nothing convinces in so many bytes, as in the middle of a long message, Late becomes Hopeless, which is as good
/// as Nothing until a segment comes that is frames from end to end.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: tcp::Connection,
    upper: Upper,
    /// What is told of the conversation, or of the last upgrade that was refused, with every event.
    conversation: Option<Box<event::Conversation>>,
}

/// What stands above TCP.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not exclude each other")]
struct Upper {
    id: ConnId,
    /// Who TCP's client and server are; `flipped` where it turned out the other way round.
    ends: Pair<Endpoint>,
    flipped: bool,
    /// A SYN was captured: it says where both sides' bytes begin.
    from_start: bool,
    /// Which sides' segments were captured.
    seen: Pair<bool>,
    /// Bytes were lost.
    gapped: bool,
    /// Segments waited for others, or answered what was captured later.
    disordered: bool,
    layer: Layer,
    /// What was wrong before the conversation was told of; boxed, for most have none.
    held: Option<Box<Vec<(Option<Side>, Anomaly)>>>,
    ended: Pair<bool>,
    last: At,
    /// What was captured more than once.
    again: CapturedAgain,
}

#[derive(Debug)]
enum Layer {
    Start,
    Late(Box<Pair<Search>>),
    Http(Box<HttpTracker>),
    WebSocket(Box<Conversation>),
    /// Frames were looked for in vain.
    Hopeless,
    Nothing,
}

/// Returns who asks, where these first bytes of `side` are a request or a response.
fn asker(side: Side, bytes: &[u8]) -> Option<Side> {
    match http::looks_like(bytes) {
        Sniff::Request => Some(side),
        Sniff::Response => Some(!side),
        Sniff::Neither | Sniff::NeedMore => None,
    }
}

/// Bounds the anomalies that wait for a conversation to be told of.
const MAX_HELD: usize = 32;

impl Connection {
    /// Makes the connection that begins with `segment`.
    pub(super) fn new(id: ConnId, segment: &Segment<'_>, at: At, shared: &Shared) -> Self {
        use crate::model::Flags;
        let (from, to) = (segment.flow.source, segment.flow.destination);
        let syn = segment.flags.has(Flags::SYN);
        let ends = if syn && segment.flags.has(Flags::ACK) {
            Pair { client: to, server: from }
        } else {
            Pair { client: from, server: to }
        };
        let layer = if syn { Layer::Start } else { Layer::joined_late() };
        Connection {
            tcp: tcp::Connection::sharing(shared.tcp.clone()),
            upper: Upper {
                id,
                ends,
                flipped: false,
                from_start: syn,
                seen: Pair::default(),
                gapped: false,
                disordered: false,
                layer,
                held: None,
                ended: Pair::default(),
                last: at,
                again: CapturedAgain::default(),
            },
            conversation: None,
        }
    }

    /// Tells whether `segment` begins another connection between the same endpoints.
    pub(super) fn is_reuse(&self, segment: &Segment<'_>) -> bool {
        self.tcp.is_reuse(self.tcp_side(segment), segment)
    }

    /// Tells whether nothing more can come of it: it is no WebSocket, or it is over.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self.upper.layer, Layer::Nothing | Layer::Hopeless)
    }

    /// Tells whether frames were looked for in vain, so that it may be a WebSocket all the same.
    pub(super) const fn is_hopeless(&self) -> bool {
        matches!(self.upper.layer, Layer::Hopeless)
    }

    /// Tells whether it is a WebSocket.
    pub(super) const fn is_conversation(&self) -> bool {
        matches!(self.upper.layer, Layer::WebSocket(_))
    }

    /// Returns what is told of the conversation, where there is one.
    pub(super) fn conversation(&self) -> Option<&event::Conversation> {
        self.conversation.as_deref()
    }

    /// Returns when [`Connection::advance`] has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.tcp.deadline()
    }

    /// Returns the memory that waits out of order, or is searched in a conversation, in bytes.
    pub(super) fn waiting(&self) -> usize {
        let searched = match &self.upper.layer {
            Layer::WebSocket(conversation) => conversation.searched_bytes(),
            _ => 0,
        };
        self.tcp.waiting().saturating_add(searched)
    }

    /// Returns the memory that is searched for a conversation joined late, in bytes.
    pub(super) fn searched(&self) -> usize {
        match &self.upper.layer {
            Layer::Late(searches) => searches.client.allocated().saturating_add(searches.server.allocated()),
            _ => 0,
        }
    }

    /// Decides a search for a conversation joined late with what there is: no more memory is to be had.
    pub(super) fn stop_searching(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        let at = self.upper.last;
        self.upper.decide_late(&mut Context::new(sink, shared, self.upper.id, at, &mut self.conversation));
        if let Layer::Late(_) = self.upper.layer {
            self.upper.layer = Layer::Hopeless;
        }
    }

    /// Gives back the memory of inflaters but for their windows; `false` where one was in use since the last call.
    pub(super) fn rest(&mut self) -> bool {
        match &mut self.upper.layer {
            Layer::WebSocket(conversation) => conversation.rest(),
            _ => true,
        }
    }

    /// Takes the next segment.
    pub(super) fn push(&mut self, segment: &Segment<'_>, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let side = self.tcp_side(segment);
        self.upper.last = at;
        self.upper.seen[side] = true;
        let delivery = self.tcp.push(side, segment, at);
        self.upper
            .drain(delivery, &mut Context::new(sink, shared, self.upper.id, at, &mut self.conversation));
        self.upper.disordered |= self.tcp.is_disordered();
        self.upper.again = self.tcp.captured_again();
    }

    /// Hears that capture time is now `time`.
    pub(super) fn advance(&mut self, time: Timestamp, shared: &mut Shared, sink: &mut dyn Sink) {
        let at = At { packet: self.upper.last.packet, time };
        let delivery = self.tcp.advance(time);
        self.upper
            .drain(delivery, &mut Context::new(sink, shared, self.upper.id, at, &mut self.conversation));
    }

    /// Gives up what waits, because a bound was reached; tells whether that helped.
    pub(super) fn relieve(&mut self, shared: &mut Shared, sink: &mut dyn Sink) -> bool {
        let before = self.waiting();
        let at = self.upper.last;
        let delivery = self.tcp.relieve();
        self.upper
            .drain(delivery, &mut Context::new(sink, shared, self.upper.id, at, &mut self.conversation));
        // What waited may be searched now, and hold as much.
        if self.waiting() >= before
            && let Layer::WebSocket(conversation) = &mut self.upper.layer
        {
            conversation.stop_gathering();
        }
        self.waiting() < before
    }

    /// Tells all there is to tell: no more segments will come.
    pub(super) fn finish(mut self, at: At, shared: &mut Shared, sink: &mut dyn Sink) {
        let mut cx = Context::new(sink, shared, self.upper.id, at, &mut self.conversation);
        let delivery = self.tcp.finish();
        self.upper.drain(delivery, &mut cx);
        self.upper.close(Ending::Unseen, &mut cx);
    }

    fn tcp_side(&self, segment: &Segment<'_>) -> Side {
        if segment.flow.source == self.upper.ends.client { Side::Client } else { Side::Server }
    }
}

impl Upper {
    fn drain(&mut self, mut delivery: Delivery<'_, '_>, cx: &mut Context<'_>) {
        while let Some(output) = delivery.next() {
            match output {
                Output::Bytes { side, start, bytes, at } => {
                    cx.shared.recent.keep((self.id, side), start, bytes);
                    self.bytes(side, bytes, at, cx);
                }
                Output::Again { side, start, bytes } => {
                    if let Some(anomaly) = cx.shared.recent.differs((self.id, side), start, bytes) {
                        self.tell(side, anomaly, cx);
                    }
                }
                Output::Gap { side, length, cause, .. } => {
                    self.gap(side, Lost::Exact(length), cause.name(), cx)
                }
                Output::Anomaly { side, anomaly } => self.tell(side, anomaly, cx),
                Output::End { side, how, .. } => self.end(side, how, cx),
            }
        }
    }

    /// Tells what is wrong with the stream of TCP's `side`, now or when there is a conversation.
    fn tell(&mut self, side: Side, anomaly: Anomaly, cx: &mut Context<'_>) {
        let side = Some(self.real(side));
        match self.layer {
            Layer::WebSocket(_) => cx.anomaly(side, &anomaly),
            Layer::Nothing | Layer::Hopeless => {}
            _ => self.hold(side, anomaly),
        }
    }

    /// Hears that bytes of TCP's `side` are lost.
    fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        let side = self.real(side);
        self.gapped = true;
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.gap(side, lost, cause, cx),
            Layer::Http(exchanges) => {
                exchanges.gap(side, lost);
                self.exchanged(side, &[], cx.at, cx);
                if let Layer::Http(exchanges) = &self.layer
                    && exchanges.is_lost(side)
                {
                    // The next head is looked for, and frames as well: the gap may have held an upgrade.
                    self.layer = Layer::joined_late();
                }
            }
            Layer::Late(searches) => searches[side].gap(lost),
            // The start was lost: it may be a WebSocket all the same.
            Layer::Start => self.layer = Layer::joined_late(),
            Layer::Nothing | Layer::Hopeless => {}
        }
    }

    fn real(&self, side: Side) -> Side {
        if self.flipped { !side } else { side }
    }

    /// Learns that who was taken for the client is the server, and the other way round.
    fn flip(&mut self) {
        self.flipped = !self.flipped;
        self.ended.swap();
        for (side, _) in self.held.iter_mut().flat_map(|held| held.iter_mut()) {
            *side = side.map(|side| !side);
        }
    }

    fn hold(&mut self, side: Option<Side>, anomaly: Anomaly) {
        let held = self.held.get_or_insert_default();
        if held.len() < MAX_HELD {
            held.push((side, anomaly));
        }
    }

    /// Takes bytes in order from TCP's `side`.
    fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let side = self.real(side);
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.bytes(side, bytes, carried, cx),
            Layer::Http(_) => self.exchanged(side, bytes, carried, cx),
            Layer::Start => self.start(side, bytes, carried, cx),
            Layer::Late(_) => self.late(side, bytes, carried, cx),
            Layer::Nothing | Layer::Hopeless => {}
        }
    }

    /// Takes a connection's first bytes.
    ///
    /// Who sent SYN is the client; where both did (simultaneous open), it is who sends the request.
    fn start(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let may_answer = bytes.iter().zip(b"HTTP/1.").all(|(a, b)| a.eq_ignore_ascii_case(b));
        let client = match http::looks_like(bytes) {
            // Too few bytes to tell, but no server begins like this.
            Sniff::NeedMore if !may_answer => side,
            _ => asker(side, bytes).unwrap_or(Side::Client),
        };
        let side = if client == Side::Client {
            side
        } else {
            self.flip();
            !side
        };
        let exchanges = HttpTracker::new(cx.shared.limits.http);
        let from_start = self.from_start && !self.gapped && self.seen[self.real(Side::Client)];
        let exchanges = if from_start { exchanges.from_start() } else { exchanges };
        self.layer = Layer::Http(Box::new(exchanges));
        self.exchanged(side, bytes, carried, cx);
    }

    /// Gives bytes to the HTTP exchanges and acts on what they say.
    fn exchanged(&mut self, side: Side, mut bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Layer::Http(mut exchanges) = std::mem::replace(&mut self.layer, Layer::Nothing) else { return };
        exchanges.carried(carried);
        // Who is who may turn out on the way.
        let sender = self.real(side);
        loop {
            let used = exchanges.push(side, bytes);
            bytes = bytes.get(used..).unwrap_or_default();
            while let Some(output) = exchanges.next() {
                match output {
                    http::Output::NotHttp => {
                        self.tell_limits(cx);
                        // Behind a gap it may still be a WebSocket, its handshake lost.
                        if self.gapped {
                            let early = Pair::from_fn(|side| exchanges.take_early(side));
                            self.layer = Layer::joined_late();
                            self.replay(early, cx);
                            self.bytes(sender, bytes, carried, cx);
                        }
                        return;
                    }
                    http::Output::Tunnel => {
                        let early = Pair::from_fn(|side| exchanges.take_early(side));
                        self.layer = Layer::Http(Box::new(exchanges.into_tunnel()));
                        self.replay(early, cx);
                        return self.bytes(sender, bytes, carried, cx);
                    }
                    // Where segments came out of order, the answer may only seem to be late.
                    http::Output::Anomaly { anomaly: Anomaly::DataBeforeHandshake { .. }, .. }
                        if self.disordered => {}
                    http::Output::Anomaly { side, anomaly } => self.hold(Some(side), anomaly),
                    http::Output::Refused(handshake) | http::Output::Unanswered(handshake) => {
                        let opening = self.opening(Some(handshake));
                        cx.begin(&opening);
                        let ended = self.ended.client || self.ended.server;
                        cx.say(Kind::Rejected(&Rejected { opening, ended }));
                        self.tell_held(cx);
                    }
                    http::Output::Upgraded(handshake) => {
                        let early = Pair::from_fn(|side| exchanges.take_early(side));
                        self.upgraded(handshake, early, cx);
                        return self.bytes(sender, bytes, carried, cx);
                    }
                }
            }
            if bytes.is_empty() || used == 0 {
                break;
            }
        }
        self.layer = Layer::Http(exchanges);
    }

    /// Begins a conversation, for the server switched protocols, with the bytes that came early.
    fn upgraded(&mut self, handshake: Box<Handshake>, early: Pair<Vec<BufferedBytes>>, cx: &mut Context<'_>) {
        let now = cx.at;
        let deflate = Deflate::agreed(&handshake);
        let (asked, answered) = (handshake.request.is_some(), handshake.response.is_some());
        if !answered {
            // The answer was lost, and it came before the first of these.
            let first = Side::BOTH.map(|side| early[side].first()).into_iter().flatten();
            cx.at = first.filter_map(BufferedBytes::at).min_by_key(|at| at.packet).unwrap_or(now);
        }
        let opening = self.opening(Some(handshake));
        cx.begin(&opening);
        cx.say(Kind::Opened(&opening));
        let mut conversation = Box::new(Conversation::new(cx.at.time, deflate));
        if !answered {
            conversation.search(Side::Server, Search::joined_late(), cx);
        }
        if !asked {
            // Where the client's bytes begin is not known: the rest of the request may come before the first frame.
            conversation.search(Side::Client, Search::joined_late(), cx);
        }
        self.layer = Layer::WebSocket(conversation);
        self.tell_held(cx);
        cx.at = now;
        self.replay(early, cx);
        self.end_sides(cx);
    }

    /// Gives on what was held back until its meaning was known.
    fn replay(&mut self, early: Pair<Vec<BufferedBytes>>, cx: &mut Context<'_>) {
        let now = cx.at;
        let Pair { client, server } = early;
        // Who is who may turn out on the way.
        for (side, pieces) in [(self.real(Side::Client), client), (self.real(Side::Server), server)] {
            for piece in pieces {
                match piece {
                    BufferedBytes::Bytes(bytes, carried) => {
                        cx.at = carried;
                        self.bytes(side, &bytes, carried, cx);
                    }
                    BufferedBytes::Gap(lost) => self.gap(side, lost, "lost", cx),
                }
            }
        }
        cx.at = now;
    }

    fn opening(&self, handshake: Option<Box<Handshake>>) -> Opening {
        Opening::new(self.end_of(Side::Client), self.end_of(Side::Server), handshake)
    }

    fn end_of(&self, side: Side) -> Endpoint {
        self.ends[self.real(side)]
    }

    fn tell_held(&mut self, cx: &mut Context<'_>) {
        for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
            cx.anomaly(side, &anomaly);
        }
    }

    /// Tells what was given up for a bound, where no conversation will tell it.
    fn tell_limits(&mut self, cx: &mut Context<'_>) {
        for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
            if matches!(anomaly, Anomaly::LimitReached { .. }) {
                cx.anomaly(side, &anomaly);
            }
        }
    }

    /// Hears that TCP's `side` ended, or both did.
    fn end(&mut self, side: Side, how: End, cx: &mut Context<'_>) {
        let side = self.real(side);
        self.ended[side] = true;
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.end(side, cx),
            Layer::Http(exchanges) => {
                exchanges.end(side);
                if how == End::Reset {
                    exchanges.end(!side);
                }
                self.exchanged(side, &[], cx.at, cx);
            }
            Layer::Start | Layer::Late(_) | Layer::Hopeless | Layer::Nothing => {}
        }
        if how == End::Reset || self.ended.client && self.ended.server {
            self.close(Ending::Tcp(how.name()), cx);
        }
    }

    /// Ends the sides of a conversation that TCP ended before it was known to be one.
    fn end_sides(&mut self, cx: &mut Context<'_>) {
        let Layer::WebSocket(conversation) = &mut self.layer else { return };
        for side in Side::BOTH {
            if self.ended[side] {
                conversation.end(side, cx);
            }
        }
    }

    /// Ends whatever there is.
    fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        self.decide_late(cx);
        if let Layer::Http(exchanges) = &mut self.layer {
            for side in Side::BOTH {
                exchanges.end(side);
            }
            self.exchanged(Side::Client, &[], cx.at, cx);
        }
        if let Layer::WebSocket(mut conversation) = std::mem::replace(&mut self.layer, Layer::Nothing) {
            let CapturedAgain { segments, first } = self.again;
            if segments > 0 {
                cx.anomaly(None, &Anomaly::CapturedTwice { segments, first });
            }
            conversation.close(ending, cx);
        }
    }
}
