//! Conversations carried by the bodies of a connection's HTTP/1.x exchanges.

use super::names::Names;
use super::polling::{BodyId, Polls};
use crate::http::{BodyPart, Carrier, Exchange, HttpTracker};
use crate::model::{Anomaly, At, Side};
use crate::session::context::Context;
use crate::session::streamed::{Body, Finish, Streamed, Version};
use crate::streams::Format;

/// HTTP/1.x on a connection, and the conversations carried by its bodies.
#[derive(Debug)]
pub(super) struct HttpLayer {
    pub(super) tracker: HttpTracker,
    /// `None` if no body carried messages.
    streams: Option<Box<Streams>>,
    /// The side that ended the connection first.
    ended_by: Option<Side>,
}

#[derive(Debug, Default)]
struct Streams {
    names: Names,
    /// The server-sent event stream.
    events: Option<(Streamed, Body)>,
    /// The long-polling conversations.
    polls: Polls,
}

impl HttpLayer {
    pub(super) fn new(tracker: HttpTracker) -> Self {
        HttpLayer { tracker, streams: None, ended_by: None }
    }

    /// Returns the memory it uses, including the heads it keeps, in bytes.
    pub(super) fn allocated(&self) -> usize {
        size_of::<HttpLayer>().saturating_add(self.tracker.allocated())
    }

    /// Notes that a side has finished sending.
    pub(super) fn end(&mut self, role: Side) {
        self.ended_by.get_or_insert(role);
        self.tracker.end(role);
    }

    /// Returns whether a conversation is open.
    pub(super) fn is_conversation(&self) -> bool {
        self.streams.as_ref().is_some_and(|it| it.events.is_some() || !it.polls.is_empty())
    }

    /// Reports an anomaly of one side's stream, in the conversation that is receiving messages.
    pub(super) fn report(&mut self, role: Option<Side>, anomaly: &Anomaly, cx: &mut Context<'_>) {
        let Some(streams) = &mut self.streams else { return };
        match &mut streams.events {
            Some((conversation, _)) => conversation.anomaly(role, anomaly, cx),
            None => streams.polls.report(role, anomaly, cx),
        }
    }

    /// Notes that this side reset the connection.
    pub(super) fn reset(&mut self, role: Side, cx: &mut Context<'_>) {
        self.ended_by.get_or_insert(role);
        self.close(true, cx);
        Side::BOTH.into_iter().for_each(|side| self.end(side));
    }

    /// Processes a part of a body sent by `from`.
    pub(super) fn body(&mut self, from: Side, part: BodyPart, cx: &mut Context<'_>) {
        let streams = self.streams.get_or_insert_default();
        match part {
            BodyPart::Begins(exchange) => streams.begin(from, *exchange, cx),
            BodyPart::Bytes(bytes, carried) => streams.bytes(from, &bytes, carried, cx),
            BodyPart::Gap(lost) => match &mut streams.events {
                Some((conversation, body)) if from == Side::Server => conversation.gap(from, body, lost, cx),
                _ => streams.polls.gap(BodyId::http1(from), lost, &mut streams.names, cx),
            },
            BodyPart::Ends { whole } if streams.events.is_some() && from == Side::Server => {
                streams.end_events(
                    if whole { Finish::Whole } else { Finish::Cut(self.ended_by.or(Some(from))) },
                    cx,
                );
            }
            BodyPart::Ends { whole } => streams.polls.end(BodyId::http1(from), whole, &mut streams.names, cx),
        }
    }

    /// Ends all conversations; `seen` means that the connection ended, and not just the capture.
    pub(super) fn close(&mut self, seen: bool, cx: &mut Context<'_>) {
        let finish = if seen { Finish::Cut(self.ended_by) } else { Finish::Unseen };
        if let Some(streams) = &mut self.streams {
            streams.end_events(finish, cx);
            streams.polls.close(finish, &mut streams.names, cx);
        }
    }
}

impl Streams {
    fn begin(&mut self, from: Side, exchange: Exchange, cx: &mut Context<'_>) {
        match exchange.carrier {
            Carrier::Sse => {
                let body = Body::new(Format::Events, &exchange.heads, from, cx);
                let id = self.names.next(None, cx);
                let conversation = Streamed::open(exchange, Version::Http1, id, cx);
                self.events = Some((conversation, body));
            }
            Carrier::Polling => self.polls.begin(BodyId::http1(from), exchange, &mut self.names, cx),
        }
    }

    fn bytes(&mut self, from: Side, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        match &mut self.events {
            Some((conversation, body)) if from == Side::Server => {
                conversation.bytes(from, body, bytes, carried, cx);
            }
            _ => self.polls.bytes(BodyId::http1(from), bytes, carried, &mut self.names, cx),
        }
    }

    fn end_events(&mut self, finish: Finish, cx: &mut Context<'_>) {
        if let Some((mut conversation, body)) = self.events.take() {
            let seen = finish != Finish::Unseen;
            conversation.end_body(Side::Server, body, finish == Finish::Whole, seen, cx);
            conversation.close(finish, cx);
        }
    }
}
