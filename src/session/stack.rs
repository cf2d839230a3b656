//! The layers of a pair of streams.
//!
//! # Adding a layer
//!
//! A layer is a variant of [`Layer`] with its own state machine and, if it carries other protocols, a [`Stack`] for
//! them. `Start` creates it from the first bytes. The matches without a wildcard, here and in `memory`, then require
//! code for bytes, gaps, ends, memory and the inner stack. A layer passes on plaintext with [`Stack::bytes`], using
//! TCP's sides; a layer that is desynchronised passes on [`Lost::Unknown`] with [`Stack::gap`]. A layer that carries
//! several streams has a stack for each; while it pushes into one, it sets [`Context::conn`] to `conn.with_stream(…)`
//! and swaps in that stream's [`Context::conversation`].

#[cfg(feature = "tls")]
mod encrypted;
mod exchange;
mod http2;
mod keyless;
mod memory;
mod mid_stream;
mod names;
mod polling;
mod preamble;
mod start;
mod streams;
mod unknown_request;

use self::http2::Http2;
use self::mid_stream::MidStream;
use self::start::Start;
use self::streams::HttpLayer;

use super::context::Context;
use super::conversation::{Conversation, Ending};
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::tcp::{End, GapCause};

/// The layer of a pair of streams, which may contain another stack.
///
/// ```text
///   Start ── PROXY, SOCKS, uwsgi ──► Preamble ──► Tunnel: Start …
///     ├───── ClientHello ──────────► Encrypted: Start …
///     ├───── preface, ALPN h2 ─────► Http2: WebSocket … for each stream
///     │                                ▲ h2c
///     ├───── request ──────────────► Http ──── 101 ──────────► WebSocket
///     │                              │ │ │ └── without a key ► KeylessUpgrade ──► WebSocket or Opaque
///     │                              │ │ └──── CONNECT ──────► Tunnel: Start …
///     │                              │ └────── not HTTP ─────► Opaque
///     │                              │ not HTTP after a gap
///     ├───── gap ──────────────────► MidStream ── frames ────► WebSocket, Http2 or Encrypted
///     │                                └───────── none ──────► Unrecognised
///     └───── anything else ────────► UnknownRequest ── 101 ──► WebSocket, else Opaque
/// ```
///
/// Opaque is final. So is Unrecognised, unless a segment consists entirely of frames.
///
/// Sides are TCP's; [`TcpFacts::role`](super::transport::TcpFacts::role) determines which of them is the client.
#[derive(Debug)]
pub(super) struct Stack {
    layer: Layer,
    beginning: Beginning,
    continuity: Continuity,
    agreed: Alpn,
    /// The number of stacks that contain this one.
    depth: u8,
    /// Which sides have ended.
    ended: Pair<bool>,
    /// Whether the snap length truncated a head.
    head_truncated: bool,
    /// Anomalies found before a conversation was reported; boxed because most connections have none.
    held: Option<Box<Vec<(Option<Side>, Anomaly)>>>,
}

#[derive(Debug)]
enum Layer {
    /// No bytes, or too few to determine the layer; the bytes so far, if any.
    Start(Option<Box<Start>>),
    /// An incomplete PROXY header, SOCKS handshake or uwsgi request.
    Preamble(Box<preamble::Pending>),
    /// HTTP/1.x before an upgrade, or without one.
    Http(Box<HttpLayer>),
    /// The connection through a proxy.
    Tunnel(Box<Stack>),
    /// The client's bytes are not a known request: the server's response shows whether it is a WebSocket.
    UnknownRequest,
    /// An upgrade without a key was granted: the next bytes show whether it is a WebSocket.
    KeylessUpgrade(Box<keyless::KeylessUpgrade>),
    WebSocket(Box<Conversation>),
    /// HTTP/2, each of whose streams may be a WebSocket.
    Http2(Box<Http2>),
    /// TLS.
    #[cfg(feature = "tls")]
    Encrypted(Box<encrypted::Encrypted>),
    /// The beginning was not captured: frames are searched for.
    MidStream(Box<MidStream>),
    /// No frames were found.
    Unrecognised,
    /// Unreadable, or over.
    Opaque,
}

/// The state of a stream's beginning: the first captured bytes may not be the first ones sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Captured,
    NotCaptured,
}

/// The continuity of a stream, which is gapped if any bytes were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continuity {
    Whole,
    Gapped,
}

/// The protocol negotiated with ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpn {
    /// None, another one, or unknown.
    Nothing,
    Http1,
    Http2,
}

/// The maximum number of anomalies that wait for a conversation.
const MAX_HELD: usize = 32;

impl Stack {
    /// Creates the stack of a connection whose first bytes come next.
    pub(super) const fn start() -> Self {
        Stack::new(Layer::Start(None), Beginning::Captured, 0)
    }

    /// Creates the stack of a connection whose beginning was not captured.
    pub(super) fn mid_stream() -> Self {
        Stack::new(Layer::MidStream(Box::new(MidStream::new(None))), Beginning::NotCaptured, 0)
    }

    /// Creates the stack of a layer's stream at the given depth.
    const fn of_stream(layer: Layer, depth: u8) -> Self {
        Stack::new(layer, Beginning::NotCaptured, depth)
    }

    const fn new(layer: Layer, beginning: Beginning, depth: u8) -> Self {
        let ended = Pair { client: false, server: false };
        Stack {
            layer,
            beginning,
            continuity: Continuity::Whole,
            agreed: Alpn::Nothing,
            depth,
            ended,
            head_truncated: false,
            held: None,
        }
    }

    /// Creates a layer with an inner stack that starts with the next bytes; `host` is the destination requested for
    /// it. Layers deeper than [`Limits::layers`](super::Limits::layers) are not decoded.
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

    /// Returns whether nothing further can be found: it is not a WebSocket, or is over.
    pub(super) fn is_over(&self) -> bool {
        match &self.layer {
            Layer::Unrecognised | Layer::Opaque => true,
            Layer::Tunnel(inner) => inner.is_over(),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.inner().is_over() && !tls.is_waiting_for_keys(),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::UnknownRequest
            | Layer::KeylessUpgrade(_)
            | Layer::WebSocket(_)
            | Layer::Http2(_)
            | Layer::MidStream(_) => false,
        }
    }

    /// Returns whether no frames were found although it may still be a WebSocket.
    pub(super) const fn is_unrecognised(&self) -> bool {
        matches!(self.layer, Layer::Unrecognised)
    }

    /// Returns the inner stack of the layer, if it has exactly one, which handles queries that the layer does not
    /// handle itself.
    fn inner(&self) -> Option<&Stack> {
        match &self.layer {
            Layer::Tunnel(inner) => Some(inner),
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => Some(tls.inner()),
            Layer::Start(_)
            | Layer::Preamble(_)
            | Layer::Http(_)
            | Layer::KeylessUpgrade(_)
            | Layer::WebSocket(_)
            | Layer::Http2(_)
            | Layer::MidStream(_)
            | Layer::UnknownRequest
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

    /// Returns whether a TLS layer waits for keys.
    pub(super) fn is_waiting_for_keys(&self) -> bool {
        match &self.layer {
            #[cfg(feature = "tls")]
            Layer::Encrypted(tls) => tls.is_waiting_for_keys(),
            _ => self.inner().is_some_and(Stack::is_waiting_for_keys),
        }
    }

    /// Returns when [`Stack::advance`] must be called next.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.layer {
            Layer::WebSocket(conversation) => conversation.deadline(),
            Layer::Http2(http2) => http2.deadline(),
            _ => self.inner().and_then(Stack::deadline),
        }
    }

    /// Advances capture time to `now`.
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

    /// Gives up the bytes collected by searches in conversations, because no memory is left.
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

    /// Ends the search for a mid-stream conversation with the bytes available, because no memory is left.
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

    /// Processes bytes in order; `carried` is the packet they came in.
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
            Layer::Preamble(_) => self.push_preamble(side, bytes, carried, cx),
            Layer::UnknownRequest => self.answer(side, bytes, carried, cx),
            Layer::KeylessUpgrade(_) => self.check_keyless(side, bytes, carried, cx),
            Layer::MidStream(_) => self.search(side, bytes, carried, cx),
            Layer::Unrecognised | Layer::Opaque => {}
        }
    }

    /// Notes that bytes are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cause: &'static str, cx: &mut Context<'_>) {
        self.conclude_start(cx);
        self.continuity = Continuity::Gapped;
        match &mut self.layer {
            Layer::WebSocket(conversation) => conversation.gap(cx.transport.role(side), lost, cause, cx),
            Layer::Preamble(_) => self.preamble_gap(side, lost, cause, cx),
            Layer::KeylessUpgrade(_) => {
                self.accept_keyless(cx);
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
            Layer::Start(_) if self.agreed == Alpn::Http2 => {
                self.begin_http2(Vec::new(), cx);
                self.gap(side, lost, cause, cx);
            }
            // It may still be a WebSocket.
            Layer::Start(_) | Layer::UnknownRequest => self.layer = self.mid_stream_layer(cx),
            Layer::Unrecognised | Layer::Opaque => {}
        }
    }

    /// Notes that one side ended, or that both did.
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
            | Layer::UnknownRequest
            | Layer::KeylessUpgrade(_)
            | Layer::MidStream(_)
            | Layer::Unrecognised
            | Layer::Opaque => {}
        }
        // Data already sent may still be decrypted.
        let waits = self.is_waiting_for_keys();
        if (how == End::Reset || self.ended.client && self.ended.server) && !waits {
            self.close(Ending::Tcp(how.name()), cx);
        }
    }

    /// Notes that one side of this HTTP/2 stream, or `both`, will send nothing more; returns whether that ends the
    /// stream.
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

    /// Ends all layers.
    pub(super) fn close(&mut self, ending: Ending, cx: &mut Context<'_>) {
        self.conclude_start(cx);
        self.conclude_probe(cx);
        self.give_up_preamble(cx);
        self.accept_keyless(cx);
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
            | Layer::UnknownRequest
            | Layer::KeylessUpgrade(_)
            | Layer::MidStream(_)
            | Layer::Unrecognised
            | Layer::Opaque => {}
        }
    }

    /// Notes that more keys are known.
    #[cfg(not(feature = "tls"))]
    pub(super) const fn learn(&mut self, _: &mut Context<'_>) {}

    /// Counts records instead of holding them.
    #[cfg(not(feature = "tls"))]
    pub(super) const fn release_held(&mut self) {}

    /// Reports an anomaly of one side's stream, now or once a conversation is reported.
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
            | Layer::UnknownRequest
            | Layer::KeylessUpgrade(_)
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

    /// Reports the limits reached, because there will be no conversation to report them.
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
