//! Bytes of one side whose meaning depends on a head of the other side that has not been seen yet.

use super::{HttpTracker, Reading};
use crate::http::body::Body;
use crate::http::early_bytes::BufferedBytes;
use crate::http::pending::Awaited;
use crate::http::sniff::{Sniff, begins, is_frame, looks_like, tail_of_head};
use crate::model::{Anomaly, Lost, Side};

/// This many bytes are enough to recognise a request or a frame.
const TELLING: usize = 256;

impl HttpTracker {
    /// Returns whether the meaning of this side's next bytes depends on a head of the other side that is not known yet.
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

    /// Processes buffered bytes as far as that is possible now, and applies the effects of the end of a stream.
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

    /// Buffers bytes until their meaning is known; returns how many.
    pub(super) fn hold(&mut self, side: Side, bytes: &[u8], fresh: bool) -> usize {
        let limit = self.limits.early;
        let behind = matches!(self.reading[side], Reading::Behind);
        let first = self.rare.as_ref().is_none_or(|rare| rare.held[side].is_empty());
        if side == Side::Server && !behind && first && begins(side, bytes) == Some(false) {
            // A server that sends first does not speak HTTP.
            self.refuse(side);
            return 0;
        }
        if behind && fresh && looks_like(bytes) == Sniff::Response {
            // The earlier bytes were the rest of a previous response.
            self.rare().held[side].take();
            self.reading[side] = Reading::Start;
            return 0;
        }
        let carried = self.carried;
        let used = self.rare().held[side].push(bytes, carried, limit);
        if self.upgraded_in_gap() {
            self.upgraded(None);
        } else if self.client_sends_request() {
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

    /// Determines what the server's bytes are after a gap that may have contained its response; returns whether they
    /// were recognised.
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

    /// Stops waiting, because too much is buffered.
    pub(super) fn overflow(&mut self, side: Side) {
        if matches!(self.reading[side], Reading::Behind) {
            // Neither a response nor a frame begins here; whether a frame continues here is for others to find out.
            return self.not_http();
        }
        if side == Side::Server {
            // The client's unfinished request does not end: read the response without it.
            self.reading.client = Reading::Lost(0);
            self.lost.client = true;
            return;
        }
        if self.client_sends_frames() {
            // Only one direction was captured: the response will not come.
            self.upgraded(None);
            return;
        }
        let value = self.limits.early as u64;
        self.report(side, Anomaly::LimitReached { limit: "bytes held before the answer", value });
        self.unanswered();
        self.not_http();
    }

    /// Returns whether the client waits for an upgrade and has been sending frames meanwhile.
    pub(super) fn client_sends_frames(&self) -> bool {
        self.awaits_upgrade() && is_frame(Side::Client, &self.begun())
    }

    /// Returns whether the response to an upgrade was lost in a gap and was a 101, judging by the client's next bytes.
    pub(super) fn upgraded_in_gap(&self) -> bool {
        matches!(self.reading.server, Reading::Lost(_) | Reading::Behind) && self.client_sends_frames()
    }

    /// Returns whether the response to an upgrade was lost in a gap and was a refusal, because the client sends another
    /// request. A client that merely offered HTTP/2 does not have to wait.
    pub(super) fn client_sends_request(&self) -> bool {
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

    /// Returns the first bytes that the client sent while waiting.
    fn begun(&self) -> Vec<u8> {
        self.rare.as_ref().map_or_else(Vec::new, |rare| rare.held.client.first_run(TELLING))
    }
}
