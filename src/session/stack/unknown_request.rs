//! Requests in an unknown form, as a web server may forward them: an HTTP 101 response reveals what they asked for.

use super::streams::HttpLayer;
use super::{Layer, Stack};
use crate::http::{HttpTracker, Sniff, looks_like};
use crate::model::{At, Side};
use crate::session::context::Context;

impl Stack {
    /// Processes bytes of a connection whose client did not send HTTP: the server's first bytes decide.
    pub(super) fn answer(&mut self, side: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        if cx.transport.role(side) == Side::Client || bytes.is_empty() {
            return;
        }
        let is_answer = matches!(looks_like(bytes), Sniff::Response | Sniff::NeedMore);
        // If segments arrived out of order, apparent non-requests may be parts of one.
        if is_answer && cx.transport.is_in_order() {
            self.layer = Layer::Http(Box::new(HttpLayer::new(HttpTracker::new(cx.shared.limits.http))));
            self.bytes(side, bytes, carried, cx);
        } else {
            self.layer = Layer::Opaque;
        }
    }
}
