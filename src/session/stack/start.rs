//! Detection of the layer from the first bytes of a pair of streams.

use super::exchange::asker;
use super::http2::Http2;
use super::preamble::Pending;
use super::streams::HttpLayer;
use super::{Alpn, Beginning, Continuity, Layer, Stack};
use crate::http::{self, HttpTracker, Sniff};
use crate::http2;
use crate::model::{At, Side};
use crate::session::context::Context;

/// The state before the layer is known.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// Within a tunnel, the destination in the CONNECT request.
    pub(super) host: Option<Box<str>>,
    /// The bytes so far, too few to determine the layer, by TCP's sides.
    pieces: Vec<(Side, Vec<u8>, At)>,
    /// Whether they are known not to be a preamble.
    no_preamble: bool,
}

impl Start {
    /// Creates the state within a tunnel.
    pub(super) fn within(host: Option<Box<str>>) -> Self {
        Start { host, ..Start::default() }
    }

    /// Creates the state for first bytes known not to be a preamble.
    pub(super) fn without_preamble(host: Option<Box<str>>) -> Self {
        Start { host, no_preamble: true, ..Start::default() }
    }

    /// Returns the memory it uses, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let pieces = self.pieces.capacity().saturating_mul(size_of::<(Side, Vec<u8>, At)>());
        let bytes = self.pieces.iter().map(|(_, bytes, _)| bytes.capacity());
        bytes.fold(size_of::<Start>().saturating_add(pieces), usize::saturating_add)
    }

    fn of_side(&self, side: Side) -> Vec<u8> {
        self.pieces
            .iter()
            .filter(|(from, ..)| *from == side)
            .flat_map(|(_, bytes, _)| bytes)
            .copied()
            .collect()
    }
}

impl Stack {
    /// Processes the first bytes.
    pub(super) fn begin(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if bytes.is_empty() {
            return; // For example after a proxy's response: the tunnel starts with the next bytes.
        }
        #[cfg(feature = "tls")]
        if super::encrypted::begins(bytes) {
            return self.begin_tls(side, bytes, cx.at, cx);
        }
        let mut start = match &mut self.layer {
            Layer::Start(start) => start.take().unwrap_or_default(),
            _ => Box::default(),
        };
        let is_first = start.pieces.is_empty() && !start.no_preamble;
        if is_first && Stack::may_be_preamble(cx.transport.role(side), bytes) {
            self.layer = Layer::Preamble(Box::new(Pending::new(start.host.take())));
            return self.push_preamble(side, bytes, carried, cx);
        }
        start.pieces.push((side, bytes.to_vec(), carried));
        match http2::looks_like(&start.of_side(side)) {
            http2::Sniff::NeedMore => self.layer = Layer::Start(Some(start)),
            http2::Sniff::Http2(sender) => {
                if self.depth == 0 && sender != cx.transport.role(side) {
                    cx.transport.reverse();
                }
                self.begin_http2(start.pieces, cx);
            }
            http2::Sniff::Neither if self.is_http2(&start) => self.begin_http2(start.pieces, cx),
            http2::Sniff::Neither => self.begin_http(*start, cx),
        }
    }

    /// Sets the protocol that ALPN negotiated for the first bytes.
    #[cfg(feature = "tls")]
    pub(super) fn agree(&mut self, protocol: Option<&str>) {
        self.agreed = match protocol {
            Some("h2") => Alpn::Http2,
            Some("http/1.1") => Alpn::Http1,
            _ => Alpn::Nothing,
        };
    }

    /// Returns whether HTTP/2 was negotiated, and the first bytes are not HTTP/1.x nevertheless.
    fn is_http2(&self, start: &Start) -> bool {
        let speaks_http1 = |side: Side| asker(side, &start.of_side(side)).is_some();
        self.agreed == Alpn::Http2 && !Side::BOTH.into_iter().any(speaks_http1)
    }

    /// Decides from too few first bytes, because no adjacent ones will come: they are HTTP/1.x, unless HTTP/2 was
    /// negotiated.
    pub(super) fn conclude_start(&mut self, cx: &mut Context<'_>) {
        if let Layer::Start(start) = &mut self.layer
            && let Some(start) = start.take_if(|start| !start.pieces.is_empty())
        {
            if self.is_http2(&start) {
                self.begin_http2(start.pieces, cx);
            } else {
                self.begin_http(*start, cx);
            }
        }
    }

    /// Continues with HTTP/2.
    pub(super) fn begin_http2(&mut self, pieces: Vec<(Side, Vec<u8>, At)>, cx: &mut Context<'_>) {
        self.layer = Layer::Http2(Box::new(Http2::start(self.depth, cx.shared.limits.http2)));
        for (side, bytes, carried) in pieces {
            self.bytes(side, &bytes, carried, cx);
        }
    }

    /// Continues with HTTP/1.x.
    ///
    /// The client is the side that sent the SYN; if both did (simultaneous open), the one that sends the request.
    /// Within another layer it is the client of that.
    fn begin_http(&mut self, start: Start, cx: &mut Context<'_>) {
        if self.depth == 0
            && let Some((side, bytes, _)) = start.pieces.first()
        {
            let role = cx.transport.role(*side);
            let may_answer = bytes.iter().zip(b"HTTP/1.").all(|(a, b)| a.eq_ignore_ascii_case(b));
            let client = match http::looks_like(bytes) {
                // Too few bytes to decide, but no server begins like this.
                Sniff::NeedMore if !may_answer => role,
                _ => asker(role, bytes).unwrap_or(Side::Client),
            };
            if client == Side::Server {
                cx.transport.reverse();
            }
        }
        let whole = (self.beginning, self.continuity) == (Beginning::Captured, Continuity::Whole);
        let mut tracker = HttpTracker::new(cx.shared.limits.http).with_authority(start.host);
        if whole && cx.transport.saw(Side::Client) {
            tracker = tracker.from_start();
        }
        self.layer = Layer::Http(Box::new(HttpLayer::new(tracker)));
        for (side, bytes, carried) in start.pieces {
            self.bytes(side, &bytes, carried, cx);
        }
    }
}
