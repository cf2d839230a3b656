//! HTTP/1.x on a pair of streams: up to an upgrade or a tunnel, or without either.

use std::collections::VecDeque;

use super::http2::Http2;
use super::preamble::note;
use super::streams::HttpLayer;
use super::{Continuity, Layer, Stack};
use crate::event::{Kind, Rejected};
use crate::http::{self, BufferedBytes, Handshake, Sniff};
use crate::model::{Anomaly, At, Lost, Pair, Side};
use crate::proxy::Proxied;
use crate::session::compression::Deflate;
use crate::session::context::Context;
use crate::session::conversation::{Conversation, Ending};
use crate::session::resync::FrameSearch;
use crate::tcp::End;

/// Returns the client, if these first bytes of `side` are a request or a response.
pub(super) fn asker(side: Side, bytes: &[u8]) -> Option<Side> {
    match http::looks_like(bytes) {
        Sniff::Request => Some(side),
        Sniff::Response => Some(!side),
        Sniff::Neither | Sniff::NeedMore => None,
    }
}

/// The packets at which a conversation begins, in wire order.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpgradePackets {
    /// The packet at which it opens: that of the response, or of the first frame, if that was captured earlier.
    opened: At,
    /// The packets that completed the request and the response, by TCP's sides.
    pub(super) heads: Pair<At>,
}

impl UpgradePackets {
    /// Determines the packets for a conversation, of which the `early` bytes, by TCP's sides, were held until it was
    /// known.
    fn new(
        handshake: &Handshake,
        heads: Pair<At>,
        early: &Pair<Vec<BufferedBytes>>,
        cx: &Context<'_>,
    ) -> UpgradePackets {
        let first = |side: Side| {
            let carried = early[side].iter().find_map(BufferedBytes::at)?;
            Some(heads[side].later(carried))
        };
        if handshake.response.is_none() {
            // The response was lost, but was sent before the first of these.
            let first = Side::BOTH.into_iter().filter_map(first).min_by_key(|at| at.packet).unwrap_or(cx.at);
            return UpgradePackets { opened: first, heads };
        }
        let answered = heads[cx.transport.role(Side::Server)];
        // The challenge of a draft before RFC 6455 is not a frame.
        let first = first(cx.transport.role(Side::Client)).filter(|_| http::draft(handshake).is_none());
        let opened = first.filter(|first| first.packet < answered.packet).unwrap_or(answered);
        UpgradePackets { opened, heads }
    }
}

/// Sets the scheme of a URL accessed over TLS (RFC 6455 §3).
fn name_scheme(handshake: &mut Handshake, cx: &Context<'_>) {
    let is_secure = cx.transport.over.as_ref().is_some_and(|over| over.tls.is_some());
    if let Some(rest) = handshake.url.as_deref().and_then(|url| url.strip_prefix("ws://"))
        && is_secure
    {
        handshake.url = Some(format!("wss://{rest}").into());
    }
}

impl Stack {
    /// Passes bytes to the HTTP exchanges and processes the output.
    pub(super) fn exchange(&mut self, side: Side, mut bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        let Layer::Http(mut exchanges) = std::mem::replace(&mut self.layer, Layer::Opaque) else { return };
        exchanges.tracker.carried(carried, cx.at);
        let role = cx.transport.role(side);
        loop {
            let used = exchanges.tracker.push(role, bytes);
            bytes = bytes.get(used..).unwrap_or_default();
            while let Some(output) = exchanges.tracker.next() {
                let over = matches!(
                    output,
                    http::Output::NotHttp
                        | http::Output::Tunnel
                        | http::Output::Upgraded(_)
                        | http::Output::Http2
                );
                let tracker = &mut exchanges.tracker;
                let early = over.then(|| Pair::from_fn(|side| tracker.take_early(cx.transport.role(side))));
                let heads = Pair::from_fn(|side| tracker.read_at(cx.transport.role(side)));
                if over {
                    exchanges.close(true, cx);
                }
                let layer = self.conclude(output, &mut exchanges, early.as_ref(), cx);
                if let (Some(layer), Some(early)) = (layer, early) {
                    self.layer = layer;
                    self.replay(early, heads, cx);
                    self.end_sides(cx);
                    return self.bytes(side, bytes, carried, cx);
                }
            }
            if bytes.is_empty() || used == 0 {
                break;
            }
        }
        self.layer = Layer::Http(exchanges);
    }

    /// Returns whether the next bytes of a side belong to an incomplete head.
    pub(super) fn is_head_under_way(&self, side: Side, cx: &Context<'_>) -> bool {
        matches!(&self.layer, Layer::Http(exchanges) if exchanges.tracker.is_head_under_way(cx.transport.role(side)))
    }

    /// Notes that bytes of HTTP exchanges are lost.
    pub(super) fn exchange_gap(&mut self, side: Side, lost: Lost, cx: &mut Context<'_>) {
        let role = cx.transport.role(side);
        if let Layer::Http(exchanges) = &mut self.layer {
            exchanges.tracker.gap(role, lost);
        }
        self.exchange(side, &[], cx.at, cx);
        if let Layer::Http(exchanges) = &mut self.layer
            && exchanges.tracker.is_lost(role)
        {
            exchanges.close(true, cx);
            // The next head and frames are both searched for: the gap may have contained an upgrade.
            self.layer = self.mid_stream_layer(cx);
        }
    }

    /// Notes that one side of HTTP exchanges ended, or that both did.
    pub(super) fn exchange_end(&mut self, side: Side, how: End, cx: &mut Context<'_>) {
        if let Layer::Http(exchanges) = &mut self.layer {
            let role = cx.transport.role(side);
            if how == End::Reset {
                exchanges.reset(role, cx);
            } else {
                exchanges.end(role);
            }
        }
        self.exchange(side, &[], cx.at, cx);
    }

    /// Ends the HTTP exchanges, because no more bytes will come.
    pub(super) fn exchange_over(&mut self, ending: Ending, cx: &mut Context<'_>) {
        if let Layer::Http(exchanges) = &mut self.layer {
            exchanges.close(ending != Ending::Unseen, cx);
            for side in Side::BOTH {
                exchanges.tracker.end(side);
            }
            self.exchange(Side::Client, &[], cx.at, cx);
        }
    }

    /// Processes the output of the HTTP exchanges; returns the next layer if they are over. `early` are the bytes of
    /// that layer that arrived before it was known.
    fn conclude(
        &mut self,
        output: http::Output,
        exchanges: &mut HttpLayer,
        early: Option<&Pair<Vec<BufferedBytes>>>,
        cx: &mut Context<'_>,
    ) -> Option<Layer> {
        match output {
            http::Output::NotHttp => Some(self.no_http(exchanges, cx)),
            http::Output::Http2 => {
                let limits = cx.shared.limits.http2;
                Some(Layer::Http2(Box::new(Http2::upgraded(self.depth, limits))))
            }
            http::Output::Tunnel => {
                let host = exchanges.tracker.take_authority();
                note(Proxied { protocol: "connect", client: None, server: host.clone() }, cx);
                Some(self.tunnel(host, cx))
            }
            http::Output::Upgraded(mut handshake) => {
                name_scheme(&mut handshake, cx);
                let heads = Pair::from_fn(|side| exchanges.tracker.read_at(cx.transport.role(side)));
                let packets = UpgradePackets::new(&handshake, heads, early?, cx);
                Some(if Stack::is_keyless(&handshake) {
                    Stack::keyless(handshake, packets)
                } else {
                    self.upgrade(handshake, packets, cx)
                })
            }
            http::Output::Found(carrier) => {
                cx.shared.count_stream(carrier);
                None
            }
            http::Output::Body { side, part } => {
                exchanges.body(side, part, cx);
                if exchanges.is_conversation() {
                    for (side, anomaly) in self.held.take().into_iter().flat_map(|held| *held) {
                        exchanges.report(side.map(|side| cx.transport.role(side)), &anomaly, cx);
                    }
                }
                None
            }
            http::Output::Anomaly { side, anomaly } => {
                // If segments arrived out of order, the response may only seem to be late.
                let is_early = matches!(anomaly, Anomaly::DataBeforeHandshake { .. });
                if !is_early || cx.transport.is_in_order() {
                    self.hold(Some(cx.transport.role(side)), anomaly);
                }
                None
            }
            http::Output::Refused(mut handshake) | http::Output::Unanswered(mut handshake) => {
                name_scheme(&mut handshake, cx);
                self.reject(handshake, cx);
                None
            }
        }
    }

    /// Returns the layer for bytes that turned out not to be HTTP.
    fn no_http(&mut self, exchanges: &HttpLayer, cx: &mut Context<'_>) -> Layer {
        self.report_limits(cx);
        // After a gap it may still be a WebSocket whose handshake was lost.
        let is_answered = exchanges.tracker.read_at(Side::Server).packet > 0;
        match self.continuity {
            Continuity::Gapped => self.mid_stream_layer(cx),
            Continuity::Whole if is_answered || !cx.transport.is_opened() => Layer::Opaque,
            Continuity::Whole => Layer::UnknownRequest,
        }
    }

    /// Reports an upgrade that was refused, never answered, or followed by something other than WebSocket.
    pub(super) fn reject(&mut self, handshake: Box<Handshake>, cx: &mut Context<'_>) {
        let opening = cx.opening(Some(handshake));
        cx.begin(&opening);
        let ended = self.ended.client || self.ended.server;
        let tcp = cx.transport.ended.map(|(side, how)| (cx.transport.role(side), how.name()));
        cx.emit(Kind::Rejected(&Rejected { opening, ended, tcp }));
        self.report_held(cx);
    }

    /// Starts a conversation after the server switched protocols.
    pub(super) fn upgrade(
        &mut self,
        handshake: Box<Handshake>,
        packets: UpgradePackets,
        cx: &mut Context<'_>,
    ) -> Layer {
        let now = std::mem::replace(&mut cx.at, packets.opened);
        let deflate = Deflate::agreed(&handshake);
        let (asked, answered) = (handshake.request.is_some(), handshake.response.is_some());
        let opening = cx.opening(Some(handshake));
        cx.begin(&opening);
        cx.emit(Kind::Opened(&opening));
        let limit = cx.shared.limits.message;
        let heads = Pair::from_fn(|side| packets.heads[cx.transport.role(side)]);
        let conversation = Conversation::new(cx.at, deflate).behind_heads(heads);
        let mut conversation = Box::new(conversation.agreed(opening.handshake.as_deref(), limit));
        conversation.start_reader(opening.handshake.as_deref(), cx);
        if !answered {
            conversation.search(Side::Server, FrameSearch::mid_stream(None), cx);
        }
        if !asked {
            // The start of the client's frames is unknown: the rest of the request may come before the first frame.
            conversation.search(Side::Client, FrameSearch::mid_stream(None), cx);
        }
        if self.head_truncated {
            cx.anomaly(None, &Anomaly::HandshakeTruncated { snap_length: cx.transport.longest_truncated });
        }
        self.report_held(cx);
        cx.at = now;
        Layer::WebSocket(conversation)
    }

    /// Delivers the bytes held until their layer was known, by TCP's sides, in wire order. Those of each side follow
    /// its head.
    pub(super) fn replay(&mut self, early: Pair<Vec<BufferedBytes>>, heads: Pair<At>, cx: &mut Context<'_>) {
        let now = cx.at;
        let Pair { client, server } = early;
        let mut pieces =
            Pair { client: readable(client, heads.client), server: readable(server, heads.server) };
        loop {
            let first = |side: Side| pieces[side].front().map(|(at, _)| at.packet);
            let side = match (first(Side::Client), first(Side::Server)) {
                (Some(client), Some(server)) if server < client => Side::Server,
                (None, _) => Side::Server,
                _ => Side::Client,
            };
            let Some((at, piece)) = pieces[side].pop_front() else { break };
            cx.at = at;
            match piece {
                BufferedBytes::Bytes(bytes, carried) => self.bytes(side, &bytes, carried, cx),
                BufferedBytes::Gap(lost) => self.gap(side, lost, "lost", cx),
            }
        }
        cx.at = now;
    }
}

/// Returns the pieces of a side, each with the packet at which it was readable; a gap is readable at the bytes after
/// it.
fn readable(pieces: Vec<BufferedBytes>, head: At) -> VecDeque<(At, BufferedBytes)> {
    let mut reached = head;
    let mut readable = VecDeque::with_capacity(pieces.len());
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let carried = piece.at().or_else(|| pieces.peek().and_then(BufferedBytes::at));
        reached = reached.later(carried.unwrap_or_default());
        readable.push_back((reached, piece));
    }
    readable
}
