//! The first bytes of a pair of streams, which say what the layer is.

use super::exchange::asker;
use super::http2::Http2;
use super::preamble::Pending;
use super::streams::HttpLayer;
use super::{Agreed, Beginning, Continuity, Layer, Stack};
use crate::http::{self, HttpTracker, Sniff};
use crate::http2;
use crate::model::{At, Side};
use crate::session::context::Context;

/// The state before the layer is known.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// Within a tunnel, what the CONNECT request named.
    pub(super) host: Option<Box<str>>,
    /// The bytes that came, too few to tell, by TCP's sides.
    pieces: Vec<(Side, Vec<u8>, At)>,
    /// They are known to be of no preamble.
    no_preamble: bool,
}

impl Start {
    /// Makes the one within a tunnel.
    pub(super) fn within(host: Option<Box<str>>) -> Self {
        Start { host, ..Start::default() }
    }

    /// Makes the one whose first bytes are known to be of no preamble.
    pub(super) fn without_preamble(host: Option<Box<str>>) -> Self {
        Start { host, no_preamble: true, ..Start::default() }
    }

    /// Returns the memory that it is and holds, in bytes.
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
    /// Takes first bytes.
    pub(super) fn begin(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if bytes.is_empty() {
            return; // As behind the answer of a proxy: what is within begins with the next ones.
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
            return self.introduce(side, bytes, carried, cx);
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

    /// Hears which protocol both sides agreed on for what comes first, as ALPN names it.
    #[cfg(feature = "tls")]
    pub(super) fn agree(&mut self, protocol: Option<&str>) {
        self.agreed = match protocol {
            Some("h2") => Agreed::Http2,
            Some("http/1.1") => Agreed::Http1,
            _ => Agreed::Nothing,
        };
    }

    /// Returns whether HTTP/2 was agreed on, and the first bytes do not show that HTTP/1.x is spoken all the same.
    fn is_http2(&self, start: &Start) -> bool {
        let speaks_http1 = |side: Side| asker(side, &start.of_side(side)).is_some();
        self.agreed == Agreed::Http2 && !Side::BOTH.into_iter().any(speaks_http1)
    }

    /// Decides by the first bytes although they are too few to tell, for no adjacent ones will come: they are of HTTP/1.x,
    /// unless HTTP/2 was agreed on.
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

    /// Goes on with HTTP/2.
    pub(super) fn begin_http2(&mut self, pieces: Vec<(Side, Vec<u8>, At)>, cx: &mut Context<'_>) {
        self.layer = Layer::Http2(Box::new(Http2::start(self.depth, cx.shared.limits.http2)));
        for (side, bytes, carried) in pieces {
            self.bytes(side, &bytes, carried, cx);
        }
    }

    /// Goes on with HTTP/1.x.
    ///
    /// Who sent SYN is the client; where both did (simultaneous open), it is who sends the request. Within another layer
    /// it is the client of that.
    fn begin_http(&mut self, start: Start, cx: &mut Context<'_>) {
        if self.depth == 0
            && let Some((side, bytes, _)) = start.pieces.first()
        {
            let role = cx.transport.role(*side);
            let may_answer = bytes.iter().zip(b"HTTP/1.").all(|(a, b)| a.eq_ignore_ascii_case(b));
            let client = match http::looks_like(bytes) {
                // Too few bytes to tell, but no server begins like this.
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
