//! What the bytes of a pair of streams are, and what stands on them.
//!
//! # Adding a layer
//!
//! A layer is a variant of [`Layer`] that holds a machine of its own and, where other protocols stand on it, a
//! [`Stack`] for them. `Start` makes it where the first bytes say so; the matches without a wildcard, here and in
//! `memory`, then ask for what the layer does with bytes, gaps and ends, what it takes, and which stack it holds. Plain bytes that a layer makes are handed
//! on with [`Stack::bytes`], the sides being TCP's; a layer that loses its place hands on [`Lost::Unknown`] with
//! [`Stack::gap`]. A layer that carries several streams has a stack for each; while it pushes into one, it sets
//! [`Context::conn`] to `conn.with_stream(…)` and lends its [`Context::conversation`].

#[cfg(feature = "tls")]
mod encrypted;
mod exchange;
mod http2;
mod memory;
mod mid_stream;
mod names;
mod polling;
mod preamble;
mod start;
mod streams;
mod unasked;
mod unproved;

use self::http2::Http2;
use self::mid_stream::MidStream;
use self::start::Start;
use self::streams::HttpLayer;

use super::context::Context;
use super::conversation::{Conversation, Ending};
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::tcp::{End, GapCause};

/// The layer that the bytes of a pair of streams are; it may hold another stack.
///
/// ```text
///                 request             101
///   Start ────────────────► Http ──────────────► WebSocket
///     │                     │ │ │ CONNECT             ▲
///     │ gap         no HTTP │ │ └────► Tunnel: Start …│
///     ▼        behind a gap │ │                       │
///   MidStream ◄─────────────┘ │ no HTTP               │
///     │  │                    ▼                       │
///     │  │                  Opaque                    │
///     │  └──────────── frames found ──────────────────┘
///     ▼
///   Unrecognised: nothing convinced in so many bytes, as in the middle of a long message
/// ```
///
/// Unasked stands between Http and Opaque: where the client's first bytes are no HTTP, the server's may still grant an upgrade.
/// A preamble (PROXY, SOCKS, uwsgi) stands between Start and a tunnel. Opaque is the end of it. So is Unrecognised until a segment comes that is frames from end to end.
///
/// Sides are TCP's; [`TcpFacts::role`](super::transport::TcpFacts::role) says who of them is the client.
#[derive(Debug)]
pub(super) struct Stack {
    layer: Layer,
    beginning: Beginning,
    continuity: Continuity,
    agreed: Agreed,
    /// How many stacks hold this one.
    depth: u8,
    /// Which sides have ended.
    ended: Pair<bool>,
    /// The snap length truncated a head.
    head_truncated: bool,
    /// What was wrong before a conversation was reported; boxed, for most have none.
    held: Option<Box<Vec<(Option<Side>, Anomaly)>>>,
}

#[derive(Debug)]
enum Layer {
    /// No byte has come, or too few; what there is, if anything.
    Start(Option<Box<Start>>),
    /// A PROXY header, SOCKS or a uwsgi request, not whole yet.
    Preamble(Box<preamble::Pending>),
    /// HTTP/1.x before an upgrade, or without one.
    Http(Box<HttpLayer>),
    /// What a proxy was asked to connect to.
    Tunnel(Box<Stack>),
    /// The client's bytes are no request that is known: what the server answers says whether it is a WebSocket.
    Unasked,
    /// An upgrade without a key was granted: what follows says whether it is WebSocket.
    Unproved(Box<unproved::Unproved>),
    WebSocket(Box<Conversation>),
    /// HTTP/2, each of whose streams may be a WebSocket.
    Http2(Box<Http2>),
    /// TLS.
    #[cfg(feature = "tls")]
    Encrypted(Box<encrypted::Encrypted>),
    /// The beginning was not captured: frames are looked for.
    MidStream(Box<MidStream>),
    /// Frames were looked for in vain.
    Unrecognised,
    /// Nothing that can be read, or over.
    Opaque,
}

/// The knowledge whether the first bytes captured were the first to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Captured,
    NotCaptured,
}

/// The continuity of a stream: whether bytes were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    Whole,
    Gapped,
}

/// The protocol that both sides agreed on (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreed {
    /// Nothing, or something else, or it is not known.
    Nothing,
    Http1,
    Http2,
}

/// Bounds the anomalies that wait for a conversation.
const MAX_HELD: usize = 32;

impl Stack {
    /// Makes the stack of a connection whose first bytes come next.
    pub(super) const fn start() -> Self {
        Stack::new(Layer::Start(None), Beginning::Captured, 0)
    }

    /// Makes the stack of a connection whose beginning was not captured.
    pub(super) fn mid_stream() -> Self {
        Stack::new(Layer::MidStream(Box::new(MidStream::new(None))), Beginning::NotCaptured, 0)
    }

    /// Makes the stack of one of the streams of a layer, at a depth.
    const fn of_stream(layer: Layer, depth: u8) -> Self {
        Stack::new(layer, Beginning::NotCaptured, depth)
    }

    const fn new(layer: Layer, beginning: Beginning, depth: u8) -> Self {
        let ended = Pair { client: false, server: false };
        Stack {
            layer,
            beginning,
            continuity: Continuity::Whole,
            agreed: Agreed::Nothing,
            depth,
            ended,
            head_truncated: false,
            held: None,
        }
    }

    /// Makes the layer that holds another stack, which begins with the next bytes; `host` is what the request for it
    /// named. At the bound of [`Limits::layers`](super::Limits::layers) nothing is looked into any further.
    fn tunnel(&mut self, host: Option<Box<str>>, cx: &mut Context<'_>) -> Layer {
        let depth = self.depth.saturating_add(1);
        let limit = cx.shared.limits.layers;
        if depth > limit {
            self.hold(None, Anomaly::LimitReached { limit: "layers within each other", value: limit.into() });
            self.report_limits(cx);
            return Layer::Opaque;
        }
        let beginning = match self.continuity {
            Continuity::Whole => self.beginning,
            Continuity::Gapped => Beginning::NotCaptured,
        };
        let start = Layer::Start(Some(Box::new(Start::within(host))));
        Layer::Tunnel(Box::new(Stack::new(start, beginning, depth)))
    }

    /// Returns whether nothing more can come of it: it is no WebSocket, or it is over.
    pub(super) fn is_over(&self) -> bool {
        match &self.layer {
            Layer::Unrecognised | Layer::Opaque => true,
            Layer::Tunnel(inner) => inner.is_over(),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.inner().is_over() && !tls.is_waiting_for_keys(),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::Unasked
            | Layer::Unproved(_)
            | Layer::WebSocket(_)
            | Layer::Http2(_)
            | Layer::MidStream(_) => false,
        }
    }

    /// Returns whether frames were looked for in vain, so that it may be a WebSocket all the same.
    pub(super) const fn is_unrecognised(&self) -> bool {
        matches!(self.layer, Layer::Unrecognised)
    }

    /// Returns the one stack that the layer holds, if it holds one: it is asked what the layer does not answer itself.
    fn inner(&self) -> Option<&Stack> {
        match &self.layer {
            Layer::Tunnel(inner) => Some(inner),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => Some(tls.inner()),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::Unproved(_)
            | Layer::WebSocket(_)
            | Layer::Http2(_)
            | Layer::MidStream(_)
            | Layer::Unasked
            | Layer::Unrecognised
            | Layer::Opaque => None,
        }
    }

    fn inner_mut(&mut self) -> Option<&mut Stack> {
        match &mut self.layer {
            Layer::Tunnel(inner) => Some(inner),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => Some(tls.inner_mut()),
            _ => None,
        }
    }

    /// Returns whether it carries a WebSocket.
    pub(super) fn is_conversation(&self) -> bool {
        match &self.layer {
            Layer::WebSocket(_) => true,
            Layer::Http(exchanges) => exchanges.is_conversation(),
            Layer::Http2(http2) => http2.is_conversation(),
            _ => self.inner().is_some_and(Stack::is_conversation),
        }
    }

    /// Returns whether TLS waits for keys.
    pub(super) fn is_waiting_for_keys(&self) -> bool {
        match &self.layer {
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.is_waiting_for_keys(),
            _ => self.inner().is_some_and(Stack::is_waiting_for_keys),
        }
    }

    /// Returns when [`Stack::advance`] has something to do.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.layer {
            Layer::WebSocket(conversation) => conversation.deadline(),
            Layer::Http2(http2) => http2.deadline(),
            _ => self.inner().and_then(Stack::deadline),
        }
    }

    /// Hears that capture time is now `now`.
    pub(super) fn advance(&mut self, now: Timestamp, cx: &mut Context<'_>) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.advance(now, cx),
            Layer::Http2(http2) => http2.advance(now, cx),
            _ => {
                if let Some(inner) = self.inner_mut() {
                    inner.advance(now, cx);
                }
            }
        }
    }

    /// Gives up what conversations gathered where frames are looked for: no more memory is to be had.
    pub(super) fn stop_gathering(&mut self, cx: &mut Context<'_>) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.stop_gathering(cx),
            Layer::Tunnel(inner) => inner.stop_gathering(cx),
            Layer::Http2(http2) => http2.stop_gathering(cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.inner_mut().stop_gathering(cx),
            _ => {}
        }
    }

    /// Concludes a search for a conversation joined late with what there is: no more memory is to be had.
    pub(super) fn stop_searching(&mut self, cx: &mut Context<'_>) {
        match &mut self.layer {
            Layer::Tunnel(inner) => return inner.stop_searching(cx),
            Layer::Http2(http2) => return http2.stop_searching(cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => return tls.inner_mut().stop_searching(cx),
            _ => {}
        }
        self.conclude_search(cx);
        if let Layer::MidStream(_) = self.layer {
            self.layer = Layer::Unrecognised;
        }
    }

    /// Takes bytes in order; `carried` is the packet they came in.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => {
                conversation.bytes(cx.transport.role(side), bytes, carried, cx);
            }
            Layer::Http(_) => self.exchange(side, bytes, carried, cx),
            Layer::Tunnel(inner) => inner.bytes(side, bytes, carried, cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(_) => self.decrypt(side, bytes, cx.at, cx),
            Layer::Start(_) => self.begin(side, bytes, carried, cx),
            Layer::Http2(_) => self.frames(side, bytes, carried, cx),
            Layer::Preamble(_) => self.introduce(side, bytes, carried, cx),
            Layer::Unasked => self.answer(side, bytes, carried, cx),
            Layer::Unproved(_) => self.prove(side, bytes, carried, cx),
            Layer::MidStream(_) => self.search(side, bytes, carried, cx),
            Layer::Unrecognised | Layer::Opaque => {}
        }
    }

    /// Hears that bytes are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        self.conclude_start(cx);
        self.continuity = Continuity::Gapped;
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.gap(cx.transport.role(side), lost, cause, cx),
            Layer::Preamble(_) => self.introduce_gap(side, lost, cause, cx),
            Layer::Unproved(_) => {
                self.believe(cx);
                self.gap(side, lost, cause, cx);
            }
            Layer::Http(_) => {
                self.head_truncated |=
                    cause == GapCause::SnapLength.name() && self.is_head_under_way(side, cx);
                self.exchange_gap(side, lost, cx);
            }
            Layer::Tunnel(inner) => inner.gap(side, lost, cause, cx),
            Layer::Http2(http2) => http2.gap(side, lost, cx),
            Layer::MidStream(search) => search.gap(side, lost, cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(_) => self.decrypt_gap(side, lost, cx),
            // The start was lost.
            Layer::Start(_) if self.agreed == Agreed::Http2 => {
                self.begin_http2(Vec::new(), cx);
                self.gap(side, lost, cause, cx);
            }
            // It may be a WebSocket all the same.
            Layer::Start(_) | Layer::Unasked => self.layer = self.mid_stream_layer(cx),
            Layer::Unrecognised | Layer::Opaque => {}
        }
    }

    /// Hears that a side ended, or both did.
    pub(super) fn end(&mut self, side: Side, how: End, cx: &mut Context<'_>) {
        self.conclude_start(cx);
        self.ended[side] = true;
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.end(cx.transport.role(side), how, cx),
            Layer::Http(_) => self.exchange_end(side, how, cx),
            Layer::Tunnel(inner) => inner.end(side, how, cx),
            Layer::Http2(http2) => http2.end(side, how, cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(_) => self.decrypt_end(side, how, cx),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Unasked
            | Layer::Unproved(_)
            | Layer::MidStream(_)
            | Layer::Unrecognised
            | Layer::Opaque => {}
        }
        // What was sent may yet be read.
        let waits = self.is_waiting_for_keys();
        if (how == End::Reset || self.ended.client && self.ended.server) && !waits {
            self.close(Ending::Tcp(how.name()), cx);
        }
    }

    /// Hears that a side sends no more on the stream that this is, or that `both` do not; returns whether that is the end
    /// of it.
    fn end_of_stream(&mut self, side: Side, both: bool, ending: Ending, cx: &mut Context<'_>) -> bool {
        self.ended[side] = true;
        if let Layer::WebSocket(conversation) = &mut self.layer {
            conversation.end(cx.transport.role(side), End::Fin, cx);
        }
        let over = both || self.ended.client && self.ended.server;
        if over {
            self.close(ending, cx);
        }
        over
    }

    /// Ends whatever there is.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        self.conclude_start(cx);
        self.conclude_probe(cx);
        self.no_preamble(cx);
        self.believe(cx);
        self.conclude_search(cx);
        self.exchange_over(ending, cx);
        match std::mem::replace(&mut self.layer, Layer::Opaque) {
            Layer::WebSocket(mut conversation) => {
                let again = cx.transport.again;
                if again.segments > 0 {
                    let (segments, first) = (again.segments, again.first);
                    cx.anomaly(None, &Anomaly::CapturedTwice { segments, first });
                }
                conversation.close(ending, cx);
            }
            Layer::Tunnel(mut inner) => inner.close(ending, cx),
            Layer::Http2(mut http2) => http2.close(ending, cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(mut tls) => tls.close(ending, cx),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::Unasked
            | Layer::Unproved(_)
            | Layer::MidStream(_)
            | Layer::Unrecognised
            | Layer::Opaque => {}
        }
    }

    /// Hears that the keys known have become more.
    #[cfg(not(feature = "tls"))]
    pub(super) const fn learn(&mut self, _: &mut Context<'_>) {}

    /// Counts records instead of holding them.
    #[cfg(not(feature = "tls"))]
    pub(super) const fn release_held(&mut self) {}

    /// Reports what is wrong with a side's stream, now or when there is a conversation.
    pub(super) fn report(&mut self, side: Side, anomaly: Anomaly, cx: &mut Context<'_>) {
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.report(cx.transport.role(side), anomaly, cx),
            Layer::Tunnel(inner) => inner.report(side, anomaly, cx),
            Layer::Http2(http2) => http2.report(Some(cx.transport.role(side)), anomaly, cx),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.inner_mut().report(side, anomaly, cx),
            Layer::Http(exchanges) if exchanges.is_conversation() => {
                exchanges.report(Some(cx.transport.role(side)), &anomaly, cx);
            }
            Layer::Unrecognised | Layer::Opaque => {}
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::Unasked
            | Layer::Unproved(_)
            | Layer::MidStream(_) => {
                self.hold(Some(side), anomaly);
            }
        }
    }

    fn hold(&mut self, side: Option<Side>, anomaly: Anomaly) {
        let held = self.held.get_or_insert_default();
        if held.len() < MAX_HELD {
            held.push((side, anomaly));
        }
    }

    fn report_held(&mut self, cx: &mut Context<'_>) {
        for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
            let side = side.map(|side| cx.transport.role(side));
            cx.anomaly(side, &anomaly);
        }
    }

    /// Reports what was given up for a bound, where no conversation will.
    fn report_limits(&mut self, cx: &mut Context<'_>) {
        if let Some(held) = &mut self.held {
            held.retain(|(_, anomaly)| {
                matches!(anomaly, Anomaly::LimitReached { .. } | Anomaly::OtherUpgrade { .. })
            });
        }
        self.report_held(cx);
    }

    /// Ends the sides of a layer that ended before the layer was known.
    fn end_sides(&mut self, cx: &mut Context<'_>) {
        for side in Side::BOTH {
            match &mut self.layer {
                Layer::WebSocket(conversation) if self.ended[side] => {
                    conversation.end(cx.transport.role(side), End::Fin, cx);
                }
                Layer::Tunnel(inner) if self.ended[side] => inner.end(side, End::Fin, cx),
                _ => {}
            }
        }
    }
}
