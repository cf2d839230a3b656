//! What one side sent before its meaning is known: held until the other side's head tells.

use super::{HttpTracker, Reading};
use crate::http::body::Body;
use crate::http::held::BufferedBytes;
use crate::http::looks::{Sniff, begins, is_frame, looks_like, tail_of_head};
use crate::http::pending::Awaited;
use crate::model::{Anomaly, Lost, Side};

/// So many bytes tell whether a request or a frame begins.
const TELLING: usize = 256;

impl HttpTracker {
    /// Returns whether this side's next bytes have no meaning before the other side's head is known.
    pub(super) fn waits(&self, side: Side) -> bool {
        match self.reading[side] {
            Reading::Start => {}
            Reading::Behind => return true,
            Reading::Head(_) | Reading::Body(_) | Reading::Delivered(_) | Reading::Lost(_) => return false,
        }
        match side {
            Side::Client => self.pending.last.is_some(),
            Side::Server => {
                self.pending.is_empty()
                    && match self.reading.client {
                        Reading::Head(_) => true,
                        Reading::Start => self.from_start && !self.lost.client && !self.ended.client,
                        Reading::Body(_) | Reading::Delivered(_) | Reading::Lost(_) | Reading::Behind => false,
                    }
                    // Frames follow the body of the request.
                    || self.awaits_upgrade()
                        && matches!(self.reading.client, Reading::Body(Body::Length(_)))
                        && self.from_start
            }
        }
    }

    /// Goes on with what was held, as far as it may be read now, and with what the end of a stream decides.
    pub(super) fn settle(&mut self) {
        loop {
            if self.over {
                return;
            }
            let ready = |side: &Side| {
                !self.waits(*side) && self.rare.as_ref().is_some_and(|rare| !rare.held[*side].is_empty())
            };
            let Some(side) = Side::BOTH.into_iter().find(ready) else {
                if self.ended.server && self.pending.last.is_some() {
                    self.unanswered();
                    continue;
                }
                return;
            };
            match self.rare().held[side].pop() {
                Some(BufferedBytes::Gap(lost)) => self.lose(side, lost),
                Some(BufferedBytes::Bytes(mut bytes, carried)) => {
                    let mut used = 0_usize;
                    let mut fresh = true;
                    self.read(side, carried);
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
    pub(super) fn hold(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        let limit = self.limits.early;
        let behind = matches!(self.reading[side], Reading::Behind);
        let first = self.rare.as_ref().is_none_or(|rare| rare.held[side].is_empty());
        if side == Side::Server && !behind && first && begins(side, bytes) == Some(false) {
            // A server that speaks first speaks another protocol.
            self.refuse(side);
            return 0;
        }
        if behind && fresh && looks_like(bytes) == Sniff::Response {
            // What came before was the rest of an earlier answer.
            self.rare().held[side].take();
            self.reading[side] = Reading::Start;
            return 0;
        }
        let carried = self.carried;
        let used = self.rare().held[side].push(bytes, carried, limit);
        if self.is_joined() {
            self.upgraded(None);
        } else if self.asks_again() {
            self.unanswered();
        } else if !(behind && self.recognise()) && used < bytes.len() {
            self.overflow(side);
        }
        used
    }

    pub(super) fn hold_gap(&mut self, side: Side, lost: Lost) {
        let limit = self.limits.early;
        if !self.rare().held[side].gap(lost, limit) {
            self.overflow(side);
            self.settle();
            if !self.over {
                self.lose(side, lost);
            }
        }
    }

    /// Reports what the server's bytes behind a gap are that may have held its answer, as soon as they are enough.
    fn recognise(&mut self) -> bool {
        let held = &mut self.rare.get_or_insert_default().held.server;
        let bytes = held.last_run(self.limits.early);
        if looks_like(&bytes) == Sniff::Response {
            held.keep_last_run(0);
            self.reading.server = Reading::Start;
            return true;
        }
        let tail = tail_of_head(&bytes);
        let frame = is_frame(Side::Server, bytes.get(tail..).unwrap_or_default());
        if frame {
            held.keep_last_run(tail);
            self.upgraded(None);
        }
        frame
    }

    /// Gives up waiting: too much is held.
    pub(super) fn overflow(&mut self, side: Side) {
        if matches!(self.reading[side], Reading::Behind) {
            // Neither an answer nor frames begin here; whether they go on here, others have to tell.
            return self.not_http();
        }
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
        self.report(side, Anomaly::LimitReached { limit: "bytes held before the answer", value });
        self.unanswered();
        self.not_http();
    }

    /// Returns whether the client waits for an upgrade and what it sent meanwhile are frames.
    pub(super) fn speaks_frames(&self) -> bool {
        self.awaits_upgrade() && is_frame(Side::Client, &self.begun())
    }

    /// Returns whether the answer to an upgrade was lost in a gap and the client took it for a 101.
    pub(super) fn is_joined(&self) -> bool {
        matches!(self.reading.server, Reading::Lost(_) | Reading::Behind) && self.speaks_frames()
    }

    /// Returns whether the answer to an upgrade was lost in a gap and the client took it for a refusal: it asks again. An
    /// offer of HTTP/2 makes nobody wait who asks for more.
    pub(super) fn asks_again(&self) -> bool {
        let may = match self.pending.last {
            Some(Awaited::Upgrade(_)) => self.lost.server,
            Some(Awaited::Http2(_)) => true,
            Some(Awaited::Connect(_)) | None => false,
        };
        may && looks_like(&self.begun()) == Sniff::Request
    }

    pub(super) fn awaits_upgrade(&self) -> bool {
        matches!(self.pending.last, Some(Awaited::Upgrade(_)))
    }

    /// Returns the first bytes that the client sent while it waited.
    fn begun(&self) -> Vec<u8> {
        self.rare.as_ref().map_or_else(Vec::new, |rare| rare.held.client.first_run(TELLING))
    }
}
