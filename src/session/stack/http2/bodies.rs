//! Ordinary exchanges of an HTTP/2 connection whose bodies carry messages.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::super::names::Names;
use super::super::polling::{BodyId, Polls};
use super::heads;
use crate::http::{Carrier, Exchange, Handshake, Request, Response, is_event_stream, is_polling, url_of};
use crate::http2::{End, Fields};
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::context::Context;
use crate::session::streamed::{Body, Finish, Streamed, Version};
use crate::streams::Format;

/// The conversations carried by bodies, and the requests that may begin one.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// The heads of unanswered requests, if any kind of body is wanted.
    asked: BTreeMap<u32, Box<Request>>,
    /// Server-sent event streams.
    events: BTreeMap<u32, (Streamed, Body)>,
    polls: Polls,
    names: Names,
    /// The streams whose bodies are delivered.
    delivered: BTreeSet<u32>,
}

/// The maximum number of unanswered requests whose heads are kept.
const MAX_ASKED: usize = 128;

/// The maximum number of streams remembered.
const MAX_DELIVERED: usize = 1024;

impl Bodies {
    /// Returns whether a conversation is open.
    pub(super) fn is_conversation(&self) -> bool {
        !self.events.is_empty() || !self.polls.is_empty()
    }

    /// Processes the head of a request or a response; returns whether its body is wanted.
    pub(super) fn head(&mut self, stream: u32, side: Side, fields: &Fields, cx: &mut Context<'_>) -> bool {
        let wanted = match side {
            Side::Client => self.request(stream, heads::request(fields).head, cx),
            Side::Server => {
                heads::response(fields).is_some_and(|response| self.response(stream, response.head, cx))
            }
        };
        if wanted {
            if self.delivered.len() >= MAX_DELIVERED {
                self.delivered.pop_first();
            }
            self.delivered.insert(stream);
        }
        wanted
    }

    /// Returns whether a body of this stream is, or was, read.
    pub(super) fn has(&self, stream: u32) -> bool {
        self.delivered.contains(&stream)
    }

    /// Processes bytes of a body.
    pub(super) fn bytes(&mut self, stream: u32, from: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match self.events.get_mut(&stream) {
            Some((conversation, body)) if from == Side::Server => {
                conversation.bytes(from, body, bytes, carried, cx);
            }
            // The request's body is not part of the conversation.
            Some(_) => {}
            None => {
                let id = BodyId { from, stream: Some(stream) };
                self.polls.bytes(id, bytes, carried, &mut self.names, cx);
            }
        }
    }

    /// Notes that bytes of a body are missing.
    pub(super) fn gap(&mut self, stream: u32, from: Side, lost: Lost, cx: &mut Context<'_>) {
        match self.events.get_mut(&stream) {
            Some((conversation, body)) if from == Side::Server => conversation.gap(from, body, lost, cx),
            Some(_) => {}
            None => {
                let id = BodyId { from, stream: Some(stream) };
                self.polls.gap(id, lost, &mut self.names, cx);
            }
        }
    }

    /// Reports an anomaly of a stream.
    pub(super) fn report(&mut self, stream: u32, side: Side, anomaly: &Anomaly, cx: &mut Context<'_>) {
        match self.events.get_mut(&stream) {
            Some((conversation, _)) => conversation.anomaly(Some(side), anomaly, cx),
            None => self.polls.report(Some(side), anomaly, cx),
        }
    }

    /// Notes that one side of a stream, or both, will send nothing more.
    pub(super) fn end(&mut self, stream: u32, side: Side, how: End, cx: &mut Context<'_>) {
        let whole = how == End::EndStream;
        if whole && side == Side::Client && self.events.contains_key(&stream) {
            return;
        }
        let finish = match how {
            End::EndStream => Finish::Whole,
            End::Reset(_) | End::GoAway(_) => Finish::Cut(Some(side)),
            End::Forgotten => Finish::Unseen,
        };
        self.end_events(stream, finish, cx);
        for from in Side::BOTH.into_iter().filter(|from| *from == side || !whole) {
            self.polls.end(BodyId { from, stream: Some(stream) }, whole, &mut self.names, cx);
        }
    }

    /// Ends all conversations.
    pub(super) fn close(&mut self, finish: Finish, cx: &mut Context<'_>) {
        while let Some((stream, _)) = self.events.first_key_value() {
            self.end_events(*stream, finish, cx);
        }
        self.polls.close(finish, &mut self.names, cx);
    }

    fn end_events(&mut self, stream: u32, finish: Finish, cx: &mut Context<'_>) {
        if let Some((mut conversation, body)) = self.events.remove(&stream) {
            let (whole, seen) = (finish == Finish::Whole, finish != Finish::Unseen);
            conversation.end_body(Side::Server, body, whole, seen, cx);
            conversation.close(finish, cx);
        }
    }

    fn request(&mut self, stream: u32, request: Request, cx: &mut Context<'_>) -> bool {
        let wanted = cx.shared.limits.http.wanted;
        if is_polling(&request.target) {
            cx.shared.count_stream(Carrier::Polling);
            if wanted.polling && &*request.method == "POST" {
                let exchange = exchange(Carrier::Polling, Some(request), None);
                let id = BodyId { from: Side::Client, stream: Some(stream) };
                self.polls.begin(id, exchange, &mut self.names, cx);
                return true;
            }
        }
        if wanted.any() {
            if self.asked.len() >= MAX_ASKED {
                self.asked.pop_first();
            }
            self.asked.insert(stream, Box::new(request));
        }
        false
    }

    fn response(&mut self, stream: u32, response: Response, cx: &mut Context<'_>) -> bool {
        let wanted = cx.shared.limits.http.wanted;
        let request = self.asked.remove(&stream).map(|request| *request);
        if response.status != 200 {
            return false;
        }
        let media_type = response.headers.iter().find(|field| &*field.name == "content-type");
        if media_type.is_some_and(|field| is_event_stream(&field.value)) {
            cx.shared.count_stream(Carrier::Sse);
            if !wanted.sse {
                return false;
            }
            let exchange = exchange(Carrier::Sse, request, Some(response));
            let body = Body::new(Format::Events, &exchange.heads, Side::Server, cx);
            let id = NonZeroU64::new(stream.into()).map_or(cx.conn, |stream| cx.conn.with_stream(stream));
            let conversation = Streamed::open(exchange, Version::Http2, id, cx);
            self.events.insert(stream, (conversation, body));
            return true;
        }
        let polls = |request: &Request| &*request.method == "GET" && is_polling(&request.target);
        if !wanted.polling || !request.as_ref().is_some_and(polls) {
            return false;
        }
        let exchange = exchange(Carrier::Polling, request, Some(response));
        let id = BodyId { from: Side::Server, stream: Some(stream) };
        self.polls.begin(id, exchange, &mut self.names, cx);
        true
    }
}

/// Creates the exchange from heads that include the pseudo-header fields.
fn exchange(carrier: Carrier, request: Option<Request>, response: Option<Response>) -> Exchange {
    let url = request.as_ref().and_then(|request| {
        let part = |name: &str| request.headers.iter().find(|field| &*field.name == name);
        let scheme = part(":scheme").map_or("http", |field| &*field.value);
        url_of(&request.target, scheme, part(":authority").map(|field| &*field.value))
    });
    Exchange { carrier, heads: Handshake::of_exchange(request, response, url) }
}
