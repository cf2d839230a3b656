//! Conversations of Engine.IO's long polling: many requests and responses, associated by session.

use super::names::Names;
use crate::http::Exchange;
use crate::model::{Anomaly, At, Lost, Side};
use crate::session::context::Context;
use crate::session::streamed::{Body, Finish, Streamed, Version};
use crate::streams::Format;

/// The conversations of a connection, and the current bodies.
///
/// ```text
///   request without sid ─► response: `0{"sid":…}` ─► conversation ◄── requests and responses with its sid
/// ```
#[derive(Debug, Default)]
pub(super) struct Polls {
    /// The conversations, most recently used last.
    all: Vec<Polled>,
    bodies: Vec<(BodyId, Poll)>,
}

/// The identity of a current body: its sender and, over HTTP/2, its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyId {
    pub(super) from: Side,
    pub(super) stream: Option<u32>,
}

impl BodyId {
    /// Returns the identity of the body sent by a side of HTTP/1.x.
    pub(super) const fn http1(from: Side) -> Self {
        BodyId { from, stream: None }
    }

    const fn version(self) -> Version {
        if self.stream.is_some() { Version::Http2 } else { Version::Http1 }
    }
}

#[derive(Debug)]
struct Polled {
    sid: Option<Box<str>>,
    conversation: Streamed,
}

/// A current body.
#[derive(Debug)]
struct Poll {
    body: Body,
    of: Owner,
}

/// The conversation that a body belongs to.
#[derive(Debug)]
enum Owner {
    /// The conversation of this session.
    Session(Option<Box<str>>),
    /// A conversation identified by the body's first packet; with the exchange, and the part of the packet received.
    New(Box<Exchange>, Vec<(Vec<u8>, At)>),
}

/// The maximum number of conversations of a connection reported at the same time.
const MAX_SESSIONS: usize = 64;

/// The maximum number of bytes searched for a session ID.
const MAX_OPEN: usize = 1024;

impl Polls {
    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty() && self.bodies.is_empty()
    }

    /// Reports an anomaly in the most recently used conversation.
    pub(super) fn report(&mut self, role: Option<Side>, anomaly: &Anomaly, cx: &mut Context<'_>) {
        if let Some(last) = self.all.last_mut() {
            last.conversation.anomaly(role, anomaly, cx);
        }
    }

    /// Starts a body sent by `from`.
    pub(super) fn begin(&mut self, id: BodyId, exchange: Exchange, names: &mut Names, cx: &mut Context<'_>) {
        let target = exchange.heads.request.as_ref().map(|request| &*request.target).unwrap_or_default();
        let revision = if query(target, "EIO") == Some("3") { 3 } else { 4 };
        let sid = query(target, "sid").map(Box::from);
        let body = Body::new(Format::EngineIo { revision }, &exchange.heads, id.from, cx);
        let of = if sid.is_some() || id.from == Side::Client {
            self.find(sid.clone(), (id, exchange), names, cx);
            Owner::Session(sid)
        } else {
            Owner::New(Box::new(exchange), Vec::new())
        };
        self.end(id, false, names, cx);
        self.bodies.push((id, Poll { body, of }));
    }

    /// Processes bytes of the body sent by `from`.
    pub(super) fn bytes(
        &mut self,
        id: BodyId,
        bytes: &[u8],
        carried: At,
        names: &mut Names,
        cx: &mut Context<'_>,
    ) {
        let Some((_, poll)) = self.bodies.iter_mut().find(|(of, _)| *of == id) else { return };
        if let Owner::New(_, early) = &mut poll.of {
            early.push((bytes.to_vec(), carried));
            if session(early).is_some() || early.iter().map(|(it, _)| it.len()).sum::<usize>() > MAX_OPEN {
                self.know(id, names, cx);
            }
            return;
        }
        if let Some((conversation, body)) = self.at_hand(id) {
            conversation.bytes(id.from, body, bytes, carried, cx);
        }
    }

    /// Notes that bytes of the body are missing.
    pub(super) fn gap(&mut self, id: BodyId, lost: Lost, names: &mut Names, cx: &mut Context<'_>) {
        self.know(id, names, cx);
        if let Some((conversation, body)) = self.at_hand(id) {
            conversation.gap(id.from, body, lost, cx);
        }
    }

    /// Ends the body.
    pub(super) fn end(&mut self, id: BodyId, whole: bool, names: &mut Names, cx: &mut Context<'_>) {
        self.end_body(id, whole, true, names, cx);
    }

    /// Ends all conversations.
    pub(super) fn close(&mut self, finish: Finish, names: &mut Names, cx: &mut Context<'_>) {
        let finish = match finish {
            Finish::Cut(by) if self.bodies.is_empty() => Finish::Between(by),
            _ => finish,
        };
        while let Some(&(id, _)) = self.bodies.first() {
            self.end_body(id, false, finish != Finish::Unseen, names, cx);
        }
        for polled in std::mem::take(&mut self.all) {
            polled.conversation.close(finish, cx);
        }
    }

    fn end_body(&mut self, id: BodyId, whole: bool, seen: bool, names: &mut Names, cx: &mut Context<'_>) {
        self.know(id, names, cx);
        let Some(at) = self.bodies.iter().position(|(of, _)| *of == id) else { return };
        let (_, Poll { body, of }) = self.bodies.remove(at);
        let Owner::Session(sid) = of else { return };
        match self.all.iter_mut().rfind(|polled| polled.sid == sid) {
            Some(polled) => polled.conversation.end_body(id.from, body, whole, seen, cx),
            None => body.discard(cx),
        }
    }

    /// Starts the conversation identified by a body's first packet, and processes the bytes received so far.
    fn know(&mut self, id: BodyId, names: &mut Names, cx: &mut Context<'_>) {
        let Some((_, poll)) = self.bodies.iter_mut().find(|(of, _)| *of == id) else { return };
        if let Owner::Session(_) = poll.of {
            return;
        }
        let Owner::New(exchange, early) = std::mem::replace(&mut poll.of, Owner::Session(None)) else {
            return;
        };
        let sid = session(&early);
        poll.of = Owner::Session(sid.clone());
        self.find(sid, (id, *exchange), names, cx);
        for (bytes, carried) in early {
            if let Some((conversation, body)) = self.at_hand(id) {
                conversation.bytes(id.from, body, &bytes, carried, cx);
            }
        }
    }

    /// Marks the conversation of a session as most recently used, or creates it.
    fn find(
        &mut self,
        sid: Option<Box<str>>,
        (by, exchange): (BodyId, Exchange),
        names: &mut Names,
        cx: &mut Context<'_>,
    ) {
        if let Some(at) = self.all.iter().position(|polled| polled.sid == sid) {
            let polled = self.all.remove(at);
            self.all.push(polled);
            return;
        }
        if self.all.len() >= MAX_SESSIONS {
            let oldest = self.all.remove(0);
            let mut conversation = oldest.conversation;
            let anomaly =
                Anomaly::LimitReached { limit: "sessions of a connection", value: MAX_SESSIONS as u64 };
            conversation.anomaly(None, &anomaly, cx);
            conversation.close(Finish::Unseen, cx);
        }
        let id = names.next(by.stream, cx);
        let mut conversation = Streamed::open(exchange, by.version(), id, cx);
        conversation.set_session(sid.clone());
        self.all.push(Polled { sid, conversation });
    }

    /// Returns the body sent by `from` and its conversation.
    fn at_hand(&mut self, id: BodyId) -> Option<(&mut Streamed, &mut Body)> {
        let (_, poll) = self.bodies.iter_mut().find(|(of, _)| *of == id)?;
        let Poll { body, of: Owner::Session(sid) } = poll else { return None };
        let polled = self.all.iter_mut().rfind(|polled| polled.sid == *sid)?;
        Some((&mut polled.conversation, body))
    }
}

/// Returns the value of a parameter in a target's query.
fn query<'a>(target: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Returns the session ID in the `open` packet, as far as it was received.
fn session(early: &[(Vec<u8>, At)]) -> Option<Box<str>> {
    const NAME: &[u8] = b"\"sid\":\"";
    let start: Vec<u8> = early.iter().flat_map(|(bytes, _)| bytes).copied().take(MAX_OPEN).collect();
    let at = memchr::memmem::find(&start, NAME)?.saturating_add(NAME.len());
    let rest = start.get(at..)?;
    let sid = rest.get(..memchr::memchr(b'"', rest)?)?;
    std::str::from_utf8(sid).ok().map(Box::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_the_query_or_by_the_first_packet() {
        assert_eq!(query("/socket.io/?EIO=4&transport=polling&t=x&sid=a-B_1", "sid"), Some("a-B_1"));
        assert_eq!(query("/socket.io/?xsid=1&EIO=3", "sid"), None);
        let at = At::default();
        let pieces = [(b"96:0{\"sid\":\"lv_".to_vec(), at), (b"VI\",\"up".to_vec(), at)];
        assert_eq!(session(&pieces).as_deref(), Some("lv_VI"));
        assert_eq!(session(&pieces[..1]), None);
    }
}
