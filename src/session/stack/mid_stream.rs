//! Mid-stream captures: the handshake is missing, and frames are searched for.

use super::exchange::asker;
use super::http2::Http2;
use super::{Alpn, Layer, Stack};
use crate::event::{Handshake, Kind};
use crate::model::{Anomaly, At, Lost, Pair, Side};
use crate::proxy;
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::conversation::Conversation;
use crate::session::detector::is_mqtt;
use crate::session::resync::{Found, FrameSearch};
use crate::websocket::Opcode;

/// The position at which the frames of a mid-stream capture begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// Where a search finds them.
    Found,
    /// With the first byte.
    First,
}

/// The prospect of more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Expected,
    NotExpected,
}

/// The number of answered pings required if nothing else was sent.
const HEARTBEATS: u32 = 2;

/// The number of bytes that must include an HTTP/2 frame header, if frames have at most the default maximum size (RFC
/// 9113 §4.2).
const LONGEST_FRAME: u64 = 16_384 + 2 * 9;

/// Returns the side that masks, given whether `side` does.
const fn client_of(side: Side, masked: bool) -> Side {
    match (side, masked) {
        (side, true) => side,
        (Side::Client, false) => Side::Server,
        (Side::Server, false) => Side::Client,
    }
}

/// Returns whether unmasked frames found on a side may be a server's: the other side's bytes may be a client's. This
/// excludes MQTT, whose SUBSCRIBE looks like a frame.
fn may_be_server(searches: &Pair<FrameSearch>, side: Side) -> bool {
    !searches[!side].contradicts_client(&searches[side])
        && !is_mqtt(searches[side].start(), searches[!side].start())
}

/// Returns the side that masks, if only pings and pongs were sent and several pings were answered.
fn heartbeats(searches: &Pair<FrameSearch>) -> Option<Side> {
    let mut frames = Vec::new();
    let mut client = None;
    for side in Side::BOTH {
        let controls = searches[side].controls()?;
        for control in &controls {
            if *client.get_or_insert(client_of(side, control.masked)) != client_of(side, control.masked) {
                return None;
            }
        }
        frames.extend(controls.into_iter().map(|control| (side, control)));
    }
    frames.sort_by_key(|(_, control)| control.at.packet);
    let (mut asked, mut answered) = (Pair::<Option<&[u8]>>::default(), 0_u32);
    for (side, control) in &frames {
        match control.opcode {
            Opcode::PING => asked[*side] = Some(&control.payload),
            Opcode::PONG if asked[!*side] == Some(&control.payload) => {
                asked[!*side] = None;
                answered = answered.saturating_add(1);
            }
            _ => return None,
        }
    }
    client.filter(|_| answered >= HEARTBEATS)
}

/// A search for the protocol of a stream whose beginning was not captured.
#[derive(Debug)]
pub(super) struct MidStream {
    /// The searches for WebSocket frames, by TCP's sides.
    searches: Pair<FrameSearch>,
    http2: Probe,
    /// The known part of the handshake.
    handshake: Option<Box<Handshake>>,
    deflate: Deflate,
}

/// The search for HTTP/2 frames.
#[derive(Debug)]
enum Probe {
    /// No bytes have come.
    Untried,
    Searching(Box<Http2>),
    /// It is not HTTP/2.
    Excluded,
}

impl MidStream {
    /// Creates the search for a connection; `client` is TCP's side known to be the client's.
    pub(super) fn new(client: Option<Side>) -> Self {
        let masked = |side| client.map(|client| side == client);
        MidStream {
            searches: Pair::from_fn(|side| FrameSearch::mid_stream(masked(side))),
            http2: Probe::Untried,
            handshake: None,
            deflate: Deflate::Unknown,
        }
    }

    /// Returns the memory being searched, in bytes.
    pub(super) fn searched(&self) -> usize {
        let http2 = if let Probe::Searching(http2) = &self.http2 { http2.searched() } else { 0 };
        let Pair { client, server } = &self.searches;
        client.allocated().saturating_add(server.allocated()).saturating_add(http2)
    }

    /// Notes that bytes are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        self.searches[side].gap(lost);
        if let Probe::Searching(http2) = &mut self.http2 {
            http2.gap(side, lost, cx);
        }
    }

    /// Searches for HTTP/2 in more bytes; returns the layer if frames are found.
    fn probe(
        &mut self,
        side: Side,
        bytes: &[u8],
        carried: At,
        depth: u8,
        cx: &mut Context<'_>,
    ) -> Option<Box<Http2>> {
        if matches!(self.http2, Probe::Untried) {
            let limits = cx.shared.limits.http2;
            self.http2 = Probe::Searching(Box::new(Http2::mid_stream(depth, limits)));
        }
        let Probe::Searching(http2) = &mut self.http2 else { return None };
        http2.bytes(side, bytes, carried, cx);
        if http2.is_searching() { None } else { self.take_http2() }
    }

    fn take_http2(&mut self) -> Option<Box<Http2>> {
        match std::mem::replace(&mut self.http2, Probe::Excluded) {
            Probe::Searching(http2) => Some(http2),
            Probe::Untried | Probe::Excluded => None,
        }
    }

    /// Returns whether enough bytes were examined.
    fn is_exhausted(&self) -> bool {
        let exhausted = |search: &FrameSearch| search.is_exhausted() || search.captured() == 0;
        exhausted(&self.searches.client) && exhausted(&self.searches.server)
    }

    /// Returns whether frames found on a side may belong to a stream of HTTP/2.
    ///
    /// A DATA frame may contain many. But few of them begin at segment boundaries, because its header precedes the
    /// first.
    fn may_be_http2(&self, side: Side, found: Found, more: More) -> bool {
        let Probe::Searching(http2) = &self.http2 else { return false };
        let search = &self.searches[side];
        let is_short = more == More::Expected && search.captured() < LONGEST_FRAME;
        http2.is_likely() || !found.in_segments && (is_short || http2.is_possible())
    }
}

impl Layer {
    /// Creates the layer of an HTTP/2 stream that may be a WebSocket; `client` is TCP's side that is the client's, if
    /// known.
    pub(super) fn search_stream(
        client: Option<Side>,
        handshake: Option<Box<Handshake>>,
        deflate: Deflate,
    ) -> Self {
        let search = MidStream { http2: Probe::Excluded, handshake, deflate, ..MidStream::new(client) };
        Layer::MidStream(Box::new(search))
    }
}

impl Stack {
    /// Creates the layer that searches for frames in both directions.
    ///
    /// On a connection, the mask identifies the client. Within another layer, the client is known.
    pub(super) fn mid_stream_layer(&self, cx: &Context<'_>) -> Layer {
        let client = (self.depth > 0).then(|| cx.transport.role(Side::Client));
        let mut search = MidStream::new(client);
        if self.agreed == Alpn::Http1 {
            search.http2 = Probe::Excluded;
        }
        Layer::MidStream(Box::new(search))
    }

    /// Processes bytes of a stream whose beginning was not captured.
    pub(super) fn search(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        #[cfg(feature = "tls")]
        if self.join_tls(side, bytes, cx.at, cx) {
            return;
        }
        let Layer::MidStream(search) = &mut self.layer else { return };
        if asker(side, bytes).is_some() || proxy::is_header(bytes) {
            return self.begin(side, bytes, carried, cx);
        }
        if let Some(http2) = search.probe(side, bytes, carried, self.depth, cx) {
            return self.found_http2(http2, cx);
        }
        let searches = &mut search.searches;
        searches[side].reach(cx.at);
        searches[side].push(bytes, carried);
        let found = searches[side].find().filter(|found| found.masked || may_be_server(searches, side));
        // The contents of HTTP/2 may be consecutive WebSocket frames.
        if let Some(found) = found.filter(|found| !search.may_be_http2(side, *found, More::Expected)) {
            self.join(client_of(side, found.masked), Beginning::Found, cx);
        } else if let Some(client) = heartbeats(&search.searches) {
            self.join(client, Beginning::First, cx);
        } else if search.is_exhausted() {
            self.layer = Layer::Unrecognised;
        }
    }

    /// Continues with HTTP/2 whose beginning was not captured.
    fn found_http2(&mut self, mut http2: Box<Http2>, cx: &mut Context<'_>) {
        for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
            http2.report(side.map(|side| cx.transport.role(side)), anomaly, cx);
        }
        self.layer = Layer::Http2(http2);
    }

    /// Continues with a conversation whose handshake was not captured; `client` is TCP's side that masks.
    fn join(&mut self, client: Side, beginning: Beginning, cx: &mut Context<'_>) {
        let Layer::MidStream(search) = std::mem::replace(&mut self.layer, Layer::Opaque) else { return };
        if cx.transport.role(client) == Side::Server {
            cx.transport.reverse();
        }
        let MidStream { mut searches, handshake, deflate, .. } = *search;
        let first = Side::BOTH
            .into_iter()
            .filter_map(|side| searches[side].first_readable())
            .min_by_key(|at| at.packet);
        if cx.transport.role(Side::Client) == Side::Server {
            searches.swap();
        }
        let now = cx.at;
        cx.at = first.unwrap_or(now);
        let began = cx.at;
        let missing = handshake.is_none();
        let opening = cx.opening(handshake);
        cx.begin(&opening);
        cx.emit(Kind::Opened(&opening));
        if self.head_truncated {
            cx.anomaly(None, &Anomaly::HandshakeTruncated { snap_length: cx.transport.longest_truncated });
        } else if missing {
            cx.anomaly(None, &Anomaly::MissingHandshake {});
        }
        let mut conversation = Box::new(Conversation::new(began, deflate).mid_stream());
        conversation.start_reader(opening.handshake.as_deref(), cx);
        let Pair { client, server } = searches;
        for (role, search) in [(Side::Client, client), (Side::Server, server)] {
            let first = search.all();
            conversation.search(role, search, cx);
            if beginning == Beginning::First {
                conversation.found(role, first, cx);
            }
        }
        cx.at = now;
        conversation.process_waiting(cx);
        for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
            match side {
                Some(side) => conversation.report(cx.transport.role(side), anomaly, cx),
                None => cx.anomaly(None, &anomaly),
            }
        }
        self.layer = Layer::WebSocket(conversation);
        self.end_sides(cx);
    }

    /// Starts the most likely conversation, if none was found with certainty.
    pub(super) fn conclude_search(&mut self, cx: &mut Context<'_>) {
        let Layer::MidStream(search) = &mut self.layer else { return };
        let best = Side::BOTH.into_iter().find_map(|side| {
            let found = search.searches[side].best()?;
            let fits = found.masked || may_be_server(&search.searches, side);
            (fits && !search.may_be_http2(side, found, More::NotExpected)).then_some((side, found))
        });
        if let Some((side, found)) = best {
            self.join(client_of(side, found.masked), Beginning::Found, cx);
        }
    }

    /// Concludes the search for HTTP/2, because no more bytes will come.
    pub(super) fn conclude_probe(&mut self, cx: &mut Context<'_>) {
        let Layer::MidStream(search) = &mut self.layer else { return };
        let Some(mut http2) = search.take_http2() else { return };
        for side in Side::BOTH {
            http2.finish(side, cx);
        }
        if !http2.is_empty() {
            self.found_http2(http2, cx);
        } else if let Layer::MidStream(search) = &mut self.layer {
            search.http2 = Probe::Searching(http2);
        }
    }
}
