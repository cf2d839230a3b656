use super::super::{Layer, Stack};
use super::{Common, Orientation, heads};
use crate::event::{self, Kind, Rejected};
use crate::http::{Captured, Handshake, Request, Response, verify_extended};
use crate::http2::{End, ErrorCode, Fields};
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::conversation::{Conversation, Ending};
use crate::session::holdings::Holdings;
use crate::session::resync::FrameSearch;

/// A stream of an HTTP/2 connection that is, or may be, a WebSocket.
///
/// ```text
///               answered 2xx, or the answer is lost
///   request ─► PendingRequest ─────────────────────► Open: WebSocket
///                │ refused, reset, unanswered: rejected
///   bytes without a request that was captured ──────► Open: MidStream
///   request for another protocol ───────────────────► Other
/// ```
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) state: State,
    /// Its details, as passed along with every event.
    pub(super) conversation: Option<Box<event::Conversation>>,
    /// Its memory, as of the last [`update_accounting`](Self::update_accounting).
    pub(super) held: StreamHoldings,
}

/// The memory of streams, and the time of their next deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamHoldings {
    pub(super) memory: Holdings,
    pub(super) deadline: Option<Timestamp>,
}

impl StreamHoldings {
    /// Returns the combination of this and `other`.
    pub(super) fn and(self, other: StreamHoldings) -> StreamHoldings {
        let deadline = self.deadline.into_iter().chain(other.deadline).min();
        StreamHoldings { memory: self.memory.and(other.memory), deadline }
    }
}

#[derive(Debug, Default)]
pub(super) enum State {
    /// It is unknown, or over.
    #[default]
    Absent,
    /// A request without a response.
    PendingRequest(Box<PendingRequest>),
    /// Its contents.
    Open(Box<Stack>),
    /// Not a WebSocket; which sides have ended.
    Other(Pair<bool>),
}

/// An extended CONNECT request without a response.
#[derive(Debug)]
pub(super) struct PendingRequest {
    request: Captured<Request>,
    /// The memory of the request.
    memory: usize,
    evidence: Evidence,
    early: Vec<BufferedInput>,
    held: Vec<(Side, Anomaly)>,
}

/// The evidence that a request is for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Known,
    /// Its method or its protocol is unknown.
    Possible,
}

/// Bytes that the client sent before the response.
#[derive(Debug)]
enum BufferedInput {
    /// Bytes, the packet that carried them, and the one at which they were readable.
    Bytes {
        bytes: Vec<u8>,
        carried: At,
        readable: At,
    },
    Gap(Lost),
}

impl BufferedInput {
    const fn readable(&self) -> Option<At> {
        match self {
            BufferedInput::Bytes { readable, .. } => Some(*readable),
            BufferedInput::Gap(_) => None,
        }
    }
}

impl Stream {
    /// Returns whether a conversation on it was reported.
    pub(super) fn is_reported(&self) -> bool {
        matches!(&self.state, State::Open(stack) if stack.is_conversation())
    }

    /// Updates its memory and deadline, and returns whether they changed.
    pub(super) fn update_accounting(&mut self) -> bool {
        let conversation = self.conversation.as_ref().map_or(0, |conversation| conversation.allocated());
        let own = Holdings { state: size_of::<Stream>().saturating_add(conversation), ..Holdings::default() };
        let mut held = StreamHoldings { memory: own, deadline: None };
        match &self.state {
            State::PendingRequest(asked) => held.memory.waiting = asked.waiting(),
            State::Open(stack) => {
                held.memory.state = held.memory.state.saturating_add(size_of::<Stack>());
                held = held.and(StreamHoldings { memory: stack.holdings(), deadline: stack.deadline() });
            }
            State::Absent | State::Other(_) => {}
        }
        std::mem::replace(&mut self.held, held) != held
    }

    /// Runs `act` on its stack, if it has one.
    pub(super) fn on_stack(&mut self, cx: &mut Context<'_>, act: impl FnOnce(&mut Stack, &mut Context<'_>)) {
        if let State::Open(stack) = &mut self.state {
            act(stack, cx);
        }
    }

    pub(super) fn forget_early(&mut self) {
        if let State::PendingRequest(asked) = &mut self.state {
            asked.forget_early();
        }
    }

    /// Processes a request that is, or may be, for a WebSocket.
    pub(super) fn ask(&mut self, request: &Fields) {
        if !matches!(self.state, State::Absent) {
            return; // Its bytes came first.
        }
        let evidence = match heads::is_websocket(request) {
            Some(false) => return self.state = State::Other(Pair::default()),
            Some(true) => Evidence::Known,
            None => Evidence::Possible,
        };
        let request = heads::request(request);
        self.state = State::PendingRequest(Box::new(PendingRequest {
            memory: size_of::<PendingRequest>().saturating_add(request.head.allocated()),
            request,
            evidence,
            early: Vec::new(),
            held: Vec::new(),
        }));
    }

    /// Processes the response to the request.
    pub(super) fn answer(
        &mut self,
        response: &Fields,
        orientation: Orientation,
        common: &mut Common,
        cx: &mut Context<'_>,
    ) {
        let response = heads::response(response);
        let status = response.as_ref().map(|response| response.head.status);
        match std::mem::take(&mut self.state) {
            State::PendingRequest(asked) if status.is_some_and(|status| !(200..300).contains(&status)) => {
                asked.reject(response, true, common, cx);
            }
            State::PendingRequest(asked) => self.open(Some(asked), response, orientation, common, cx),
            State::Absent => self.open(None, response, orientation, common, cx),
            other => self.state = other,
        }
    }

    /// Creates the stack if bytes arrive although the request or its response was not captured.
    pub(super) fn settle(
        &mut self,
        side: Side,
        orientation: Orientation,
        common: &mut Common,
        cx: &mut Context<'_>,
    ) {
        match std::mem::take(&mut self.state) {
            // The client may send before the response; the server has responded before.
            State::PendingRequest(asked) if side == Side::Server => {
                self.open(Some(asked), None, orientation, common, cx);
            }
            State::Absent => self.open(None, None, orientation, common, cx),
            other => self.state = other,
        }
    }

    /// Creates the stack: a conversation, or a search for one if that is uncertain.
    fn open(
        &mut self,
        asked: Option<Box<PendingRequest>>,
        response: Option<Captured<Response>>,
        orientation: Orientation,
        common: &mut Common,
        cx: &mut Context<'_>,
    ) {
        let (mut request, mut early, mut faults, mut known) = (None, Vec::new(), Vec::new(), false);
        if let Some(asked) = asked {
            known = asked.evidence == Evidence::Known;
            (request, early, faults) = (Some(asked.request), asked.early, asked.held);
        }
        let captured = (request.is_some() || response.is_some(), response.is_some());
        let whole = response.as_ref().is_some_and(|response| response.whole);
        let now = cx.at;
        // Bytes that the client sent before the response belong to the conversation.
        let first = early.iter().find_map(BufferedInput::readable);
        cx.at = first.filter(|first| first.packet < now.packet).unwrap_or(now);
        let (handshake, more) = verify_extended(request, response);
        faults.extend(more);
        let agreed = match Deflate::agreed(&handshake) {
            // The field may be among the unknown ones.
            Deflate::Off if !whole => Deflate::Unknown,
            agreed => agreed,
        };
        let handshake = captured.0.then(|| Box::new(handshake));
        let layer = if known {
            let conversation = converse(handshake, agreed, captured.1, cx);
            for (side, anomaly) in faults {
                cx.anomaly(Some(side), &anomaly);
            }
            common.begin(cx);
            Layer::WebSocket(conversation)
        } else {
            let client = match orientation {
                Orientation::Known => Some(cx.transport.role(Side::Client)),
                Orientation::Assumed => None,
            };
            Layer::search_stream(client, handshake, agreed)
        };
        let mut stack = Box::new(Stack::of_stream(layer, common.depth));
        let side = cx.transport.role(Side::Client);
        for piece in early {
            cx.at = piece.readable().unwrap_or(cx.at);
            match piece {
                BufferedInput::Bytes { bytes, carried, .. } => stack.bytes(side, &bytes, carried, cx),
                BufferedInput::Gap(lost) => stack.gap(side, lost, "lost", cx),
            }
        }
        cx.at = now;
        self.state = State::Open(stack);
    }

    /// Processes bytes of the peer with the role `side`.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.state {
            State::PendingRequest(asked) => asked.hold(bytes, (carried, cx.at), cx.shared.limits.http.early),
            State::Open(stack) => stack.bytes(cx.transport.role(side), bytes, carried, cx),
            State::Absent | State::Other(_) => {}
        }
    }

    /// Notes that bytes of the peer with the role `side` are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        match &mut self.state {
            State::PendingRequest(asked) => asked.miss(lost),
            State::Open(stack) => stack.gap(cx.transport.role(side), lost, "lost", cx),
            State::Absent | State::Other(_) => {}
        }
    }

    /// Notes that one side of the stream, or both, will send nothing more.
    pub(super) fn end(&mut self, side: Side, how: End, common: &mut Common, cx: &mut Context<'_>) {
        let ending = match how {
            End::EndStream => Ending::Stream { by: "END_STREAM", code: None },
            End::Reset(code) => Ending::Stream { by: "RST_STREAM", code: code.map(ErrorCode::name) },
            End::GoAway(code) => Ending::Stream { by: "GOAWAY", code: Some(code.name()) },
            End::Forgotten => Ending::Unseen,
        };
        let both = how != End::EndStream;
        match &mut self.state {
            State::Open(stack) => {
                if stack.end_of_stream(cx.transport.role(side), both, ending, cx) {
                    self.state = State::Absent;
                }
            }
            // A client that has finished sending may still get a response.
            State::PendingRequest(_) if !both && side == Side::Client => {}
            State::PendingRequest(_) => {
                if let State::PendingRequest(asked) = std::mem::take(&mut self.state) {
                    asked.reject(None, ending != Ending::Unseen, common, cx);
                }
            }
            State::Other(ended) => {
                ended[side] = true;
                if both || ended[!side] {
                    self.state = State::Absent;
                }
            }
            State::Absent => {}
        }
    }

    /// Ends the stream with its connection.
    pub(super) fn close(&mut self, ending: Ending, common: &mut Common, cx: &mut Context<'_>) {
        match std::mem::take(&mut self.state) {
            State::PendingRequest(asked) => asked.reject(None, ending != Ending::Unseen, common, cx),
            State::Open(mut stack) => stack.close(ending, cx),
            State::Absent | State::Other(_) => {}
        }
    }

    /// Reports an anomaly, now or once the stream itself is reported.
    pub(super) fn report(&mut self, side: Side, anomaly: Anomaly, cx: &mut Context<'_>) {
        const HELD: usize = 8;
        match &mut self.state {
            State::Open(stack) => stack.report(cx.transport.role(side), anomaly, cx),
            State::PendingRequest(asked) if asked.held.len() < HELD => asked.held.push((side, anomaly)),
            // It comes right before the request it belongs to.
            State::Absent | State::PendingRequest(_) | State::Other(_) => {}
        }
    }
}

/// Starts a conversation with a known request.
fn converse(
    handshake: Option<Box<Handshake>>,
    deflate: Deflate,
    answered: bool,
    cx: &mut Context<'_>,
) -> Box<Conversation> {
    let opening = cx.opening(handshake);
    cx.begin(&opening);
    cx.emit(Kind::Opened(&opening));
    let mut conversation = Box::new(Conversation::new(cx.at, deflate));
    conversation.start_reader(opening.handshake.as_deref(), cx);
    if !answered {
        conversation.search(Side::Server, FrameSearch::mid_stream(Some(false)), cx);
    }
    conversation
}

impl PendingRequest {
    /// Reports that the request was refused or never answered.
    fn reject(
        self,
        response: Option<Captured<Response>>,
        ended: bool,
        common: &mut Common,
        cx: &mut Context<'_>,
    ) {
        if self.evidence == Evidence::Possible {
            return;
        }
        let (handshake, faults) = verify_extended(Some(self.request), response);
        let opening = cx.opening(Some(Box::new(handshake)));
        cx.begin(&opening);
        cx.emit(Kind::Rejected(&Rejected { opening, ended, tcp: None }));
        for (side, anomaly) in self.held.into_iter().chain(faults) {
            cx.anomaly(Some(side), &anomaly);
        }
        common.begin(cx);
    }

    /// Returns the memory of the request and the client's early bytes.
    fn waiting(&self) -> usize {
        let length = |early: &BufferedInput| match early {
            BufferedInput::Bytes { bytes, .. } => bytes.capacity(),
            BufferedInput::Gap(_) => 0,
        };
        let slots = self.early.capacity().saturating_mul(size_of::<BufferedInput>());
        self.early.iter().map(length).fold(slots.saturating_add(self.memory), usize::saturating_add)
    }

    /// Holds bytes of the client; those beyond the limit are lost.
    fn hold(&mut self, bytes: &[u8], (carried, readable): (At, At), limit: usize) {
        if self.waiting().saturating_add(bytes.len()).saturating_add(size_of::<BufferedInput>()) <= limit {
            self.early.push(BufferedInput::Bytes { bytes: bytes.to_vec(), carried, readable });
        } else {
            self.miss(Lost::Exact(bytes.len() as u64));
        }
    }

    fn miss(&mut self, more: Lost) {
        match self.early.last_mut() {
            Some(BufferedInput::Gap(lost)) => *lost = lost.and(more),
            _ => self.early.push(BufferedInput::Gap(more)),
        }
    }

    /// Drops the bytes that the client sent early.
    fn forget_early(&mut self) {
        for piece in std::mem::take(&mut self.early) {
            self.miss(match piece {
                BufferedInput::Bytes { bytes, .. } => Lost::Exact(bytes.len() as u64),
                BufferedInput::Gap(lost) => lost,
            });
        }
    }
}
