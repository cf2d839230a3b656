//! Heads, complete or in pieces: what they request and what they grant.

use super::{HttpTracker, Output, PartialHead, Reading};
use crate::http::Handshake;
use crate::http::body::Body;
use crate::http::head;
use crate::http::pending::{Answered, Awaited, is_head};
use crate::http::sniff::begins;
use crate::http::stream::{Carrier, is_polling, target};
use crate::http::summary::{Summary, Upgrade};
use crate::http::upgrade::{self, Evidence};
use crate::model::{Anomaly, Pair, Side};

/// Bounds the number of keys of refused requests that are kept, to recognise a late response to one of them.
const EARLIER_KEYS: usize = 4;

impl HttpTracker {
    /// Continues reading a head; `gathered` is the part collected so far.
    pub(super) fn head(&mut self, side: Side, bytes: &[u8], gathered: Option<Box<PartialHead>>) -> usize {
        let limit = self.limits.head;
        let before = gathered.as_ref().map_or(0, |gathered| gathered.bytes.len());
        // One byte beyond the limit is enough to know that it is exceeded.
        let window = bytes.get(..limit.saturating_sub(before).saturating_add(1)).unwrap_or(bytes);
        let mut gathered = gathered.unwrap_or_default();
        let end = gathered.finder.find(window).filter(|end| before.saturating_add(*end) <= limit);
        if before == 0 {
            if begins(side, window) == Some(false) {
                self.refuse(side);
                return 0;
            }
            if let Some(end) = end {
                self.whole(side, window.get(..end).unwrap_or(window));
                return end;
            }
        }
        let taken = window.get(..end.unwrap_or(window.len())).unwrap_or(window);
        gathered.bytes.extend_from_slice(taken);
        if before < 32 && begins(side, &gathered.bytes) == Some(false) {
            self.refuse(side);
            return 0;
        }
        if !gathered.line
            && taken.contains(&b'\n')
            && let Some((text, ..)) = head::line(&gathered.bytes)
        {
            gathered.line = match side {
                Side::Client => head::request_line(text).is_some(),
                Side::Server => head::status_line(text).is_some(),
            };
            if !gathered.line {
                self.refuse(side);
                return 0;
            }
        }
        if end.is_some() {
            self.whole(side, &gathered.bytes);
        } else if gathered.bytes.len() > limit {
            self.report(side, Anomaly::LimitReached { limit: "HTTP head", value: limit as u64 });
            self.refuse(side);
        } else {
            self.reading[side] = Reading::Head(gathered);
        }
        taken.len()
    }

    /// Ends HTTP, because no head begins where one should.
    pub(super) fn refuse(&mut self, side: Side) {
        if side == Side::Server && self.pending.last.is_some() {
            self.unanswered();
        }
        self.not_http();
    }

    pub(super) fn whole(&mut self, side: Side, bytes: &[u8]) {
        let understood = match side {
            Side::Client => self.request(bytes),
            Side::Server => self.response(bytes),
        };
        if understood.is_none() {
            self.refuse(side);
        }
    }

    /// Processes the head of a request; returns `None` if it is not one.
    pub(super) fn request(&mut self, bytes: &[u8]) -> Option<()> {
        let (text, _, lines) = head::line(bytes)?;
        let line = head::request_line(text)?;
        let summary = Summary::read(lines);
        self.reading.client = summary.body().map_or(Reading::Start, Reading::Body);
        if matches!(self.reading.client, Reading::Body(Body::Length(0))) {
            self.reading.client = Reading::Start;
        }
        if summary.upgrade == Upgrade::WebSocket || summary.key {
            self.pending.last = Some(Awaited::Upgrade(bytes.into()));
            if matches!(self.reading.server, Reading::Lost(_)) {
                self.reading.server = Reading::Behind;
            }
        } else if line.method.eq_ignore_ascii_case(b"CONNECT") {
            self.pending.last = Some(Awaited::Connect(bytes.into()));
        } else if summary.upgrade == Upgrade::Http2 {
            self.pending.last = Some(Awaited::Http2(bytes.into()));
        } else {
            self.ordinary(bytes, &line);
        }
        Some(())
    }

    /// Processes the head of a request that does not change the protocol; its body may be wanted.
    fn ordinary(&mut self, bytes: &[u8], line: &head::RequestLine<'_>) {
        let is_head = line.method.eq_ignore_ascii_case(b"HEAD");
        if self.limits.wanted.any() {
            self.pending.push_kept(is_head, bytes);
        } else {
            self.pending.push(is_head);
        }
        if !std::str::from_utf8(line.target).is_ok_and(is_polling) {
            return;
        }
        self.outputs.push_back(Output::Found(Carrier::Polling));
        if let (true, Reading::Body(body)) = (self.limits.wanted.polling, &self.reading.client) {
            let (body, exchange) = (*body, self.exchange_of(Carrier::Polling, Some(bytes), None));
            self.begin_delivery(Side::Client, body, exchange);
        }
    }

    /// Processes the head of a response; returns `None` if it is not one.
    pub(super) fn response(&mut self, bytes: &[u8]) -> Option<()> {
        let (text, _, lines) = head::line(bytes)?;
        let status = head::status_line(text)?.status;
        let summary = Summary::read(lines);
        self.reading.server = Reading::Start;
        if status == 101 {
            self.switch(bytes, &summary);
            return Some(());
        }
        if status < 200 {
            return Some(());
        }
        if std::mem::take(&mut self.lost.server) {
            self.pending.keep_last();
        }
        let mut bodiless = matches!(status, 204 | 304);
        let wanted = self.carries(status, &summary);
        let exchange = wanted.map(|carrier| self.exchange_of(carrier, self.pending.oldest(), Some(bytes)));
        match self.pending.pop() {
            Answered::Head => bodiless = true,
            Answered::Awaited(Awaited::Connect(head)) if status < 300 => {
                self.rare().authority = upgrade::authority(&head);
                self.outputs.push_back(Output::Tunnel);
                self.over = true;
                return Some(());
            }
            Answered::Awaited(Awaited::Upgrade(head)) => self.refused(&head, bytes),
            Answered::Awaited(_) | Answered::Ordinary | Answered::Unknown => {}
        }
        if !bodiless {
            let body = summary.body().unwrap_or(Body::UntilClose);
            match exchange {
                _ if body == Body::Length(0) => {}
                Some(exchange) => self.begin_delivery(Side::Server, body, exchange),
                None => self.reading.server = Reading::Body(body),
            }
        }
        Some(())
    }

    /// Returns how the body of a response carries messages, if it does and is wanted.
    fn carries(&mut self, status: u16, summary: &Summary) -> Option<Carrier> {
        if status == 200 && summary.events {
            self.outputs.push_back(Output::Found(Carrier::Sse));
            return self.limits.wanted.sse.then_some(Carrier::Sse);
        }
        let request = self.pending.oldest().filter(|_| self.limits.wanted.polling && status == 200)?;
        // The response to a POST is a mere acknowledgement.
        let is_get = request.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"GET "));
        let target = target(request)?;
        (is_get && is_polling(&target)).then_some(Carrier::Polling)
    }

    /// Processes a 101, which ends HTTP in any case.
    pub(super) fn switch(&mut self, response: &[u8], summary: &Summary) {
        let websocket = summary.upgrade == Upgrade::WebSocket || summary.accept;
        match self.pending.last.take() {
            Some(Awaited::Upgrade(request)) => {
                let old = !summary.accept && (summary.old || upgrade::is_draft(&request));
                if old {
                    self.report(Side::Client, Anomaly::OldProtocol {});
                }
                if !old && !websocket && summary.upgrade != Upgrade::Absent {
                    self.refused(&request, response);
                    self.not_http();
                } else {
                    self.pending.last = Some(Awaited::Upgrade(request));
                    self.upgraded(Some(response));
                }
            }
            // A server cannot switch on its own, but the request may not have been captured.
            None if websocket && !summary.old && (self.pending.is_empty() || self.lost.client) => {
                self.upgraded(Some(response));
            }
            _ if summary.upgrade == Upgrade::Http2 && !websocket => {
                self.outputs.push_back(Output::Http2);
                self.over = true;
                self.reading = Pair::from_fn(|_| Reading::Start);
            }
            _ => {
                if summary.upgrade == Upgrade::Other
                    && let Some(found) = upgrade::protocol(response)
                {
                    self.report(Side::Server, Anomaly::OtherUpgrade { found });
                }
                self.not_http();
            }
        }
    }

    pub(super) fn upgraded(&mut self, response: Option<&[u8]>) {
        let request = match self.pending.last.take() {
            Some(Awaited::Upgrade(request)) => Some(request),
            _ => None,
        };
        let handshake = self.verify(request.as_deref(), response);
        if response.is_some() {
            let bytes = self.rare.as_ref().map_or(0, |rare| rare.held.client.bytes());
            // The challenge of a draft before RFC 6455 is sent with the request.
            if bytes > 0 && crate::http::draft(&handshake).is_none() {
                self.report(Side::Client, Anomaly::DataBeforeHandshake { bytes });
            }
        }
        self.outputs.push_back(Output::Upgraded(handshake));
        self.over = true;
        self.reading = Pair::from_fn(|_| Reading::Start);
    }

    pub(super) fn refused(&mut self, request: &[u8], response: &[u8]) {
        let handshake = self.verify(Some(request), Some(response));
        self.outputs.push_back(Output::Refused(handshake));
        if let Some(key) = upgrade::key(request) {
            let earlier = &mut self.rare().earlier;
            if earlier.len() == EARLIER_KEYS {
                earlier.remove(0);
            }
            earlier.push(key);
        }
    }

    /// Gives up the request for whose response the client waits.
    pub(super) fn unanswered(&mut self) {
        if self.client_sends_frames() && self.ended.server {
            // The client continued as after a 101, so it received one that was not captured.
            self.upgraded(None);
            return;
        }
        match self.pending.last.take() {
            Some(Awaited::Upgrade(request)) => {
                let handshake = self.verify(Some(&request), None);
                self.outputs.push_back(Output::Unanswered(handshake));
            }
            Some(Awaited::Http2(request)) => self.pending.push(is_head(&request)),
            Some(Awaited::Connect(_)) | None => {}
        }
    }

    pub(super) fn verify(&mut self, request: Option<&[u8]>, response: Option<&[u8]>) -> Box<Handshake> {
        let (earlier, authority) = match &self.rare {
            Some(rare) => (rare.earlier.as_slice(), rare.authority.as_deref()),
            None => (&[][..], None),
        };
        let (handshake, faults) = upgrade::verify(Evidence { request, response, earlier, authority });
        self.outputs.extend(faults.into_iter().map(|(side, anomaly)| Output::Anomaly { side, anomaly }));
        Box::new(handshake)
    }
}
