//! Conversations whose messages are carried by the bodies of HTTP exchanges.

use super::context::Context;
use super::meaning::MeaningReader;
use crate::event::{self, Closed, ConnId, DirectionTotals, Framing, Kind, Message, Value, Wire};
use crate::http::{Carrier, Exchange, Handshake};
use crate::model::{Anomaly, At, Lost, Pair, Side, Timestamp};
use crate::streams::{BodyMessage, BodyReader, EventFacts, Format, Output};
use crate::subprotocol::Input;
use crate::websocket::{Missing, Opcode};

/// A conversation with its details, as passed along with every event, and its totals.
#[derive(Debug)]
pub(super) struct Streamed {
    id: ConnId,
    named: Option<Box<event::Conversation>>,
    opened: Timestamp,
    /// The time of the last message, or of the opening.
    last: Timestamp,
    /// The capture position that its events have reached.
    reached: At,
    totals: Pair<DirectionTotals>,
    meaning: Option<Box<MeaningReader>>,
    /// The session of long polling.
    sid: Option<Box<str>>,
}

/// A body being read, and its part of the memory of all unfinished messages.
#[derive(Debug)]
pub(super) struct Body {
    reader: BodyReader,
    held: usize,
}

/// The end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// As the framing of its body announced.
    Whole,
    /// Between two bodies, by this side.
    Between(Option<Side>),
    /// Prematurely, by this side or by a connection reset.
    Cut(Option<Side>),
    /// The capture ended, or the connection was dropped because of a limit.
    Unseen,
}

/// The version of HTTP that carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

impl Streamed {
    /// Creates a conversation identified by `id`, and reports its opening.
    pub(super) fn open(exchange: Exchange, version: Version, id: ConnId, cx: &mut Context<'_>) -> Self {
        let Exchange { carrier, heads } = exchange;
        let mut it = Streamed {
            id,
            named: None,
            opened: cx.at.time,
            last: cx.at.time,
            reached: cx.at,
            totals: Pair::default(),
            meaning: None,
            sid: None,
        };
        it.within(cx, |it, cx| {
            let mut heads = Box::new(heads);
            let is_secure = cx.transport.over.as_ref().is_some_and(|over| over.tls.is_some());
            if let Some(rest) = heads.url.as_deref().and_then(|url| url.strip_prefix("http://"))
                && is_secure
            {
                heads.url = Some(format!("https://{rest}").into());
            }
            let mut opening = cx.opening(Some(heads));
            opening.transport = match carrier {
                Carrier::Sse => event::Transport::Sse,
                Carrier::Polling => event::Transport::Polling,
            };
            if let Some(over) = &mut opening.over {
                over.http2 = version == Version::Http2;
            }
            cx.begin(&opening);
            it.meaning = MeaningReader::of(opening.handshake.as_deref(), cx);
            cx.emit(Kind::Opened(&opening));
        });
        it
    }

    /// Sets the session that it belongs to.
    pub(super) fn set_session(&mut self, sid: Option<Box<str>>) {
        self.sid = sid;
    }

    /// Processes bytes of a body of this conversation sent by `from`.
    pub(super) fn bytes(
        &mut self,
        from: Side,
        body: &mut Body,
        bytes: &[u8],
        carried: At,
        cx: &mut Context<'_>,
    ) {
        let totals = &mut self.totals[from];
        totals.wire_bytes = totals.wire_bytes.saturating_add(bytes.len() as u64);
        if carried.packet > self.reached.packet {
            self.reached = carried;
        }
        body.push(bytes, carried, cx);
        self.drain(from, body, cx);
    }

    /// Notes that bytes of a body are missing.
    pub(super) fn gap(&mut self, from: Side, body: &mut Body, lost: Lost, cx: &mut Context<'_>) {
        let (length, least) = match lost {
            Lost::Exact(length) => (Some(length), None),
            Lost::AtMost(_) | Lost::Unknown { .. } => (None, Some(lost.least())),
        };
        let offset = body.reader.offset();
        self.anomaly(Some(from), &Anomaly::Gap { offset, length, least, cause: "lost" }, cx);
        if let Some(meaning) = &mut self.meaning {
            meaning.lost(from);
        }
        body.reader.gap(lost);
        body.account(cx);
        self.drain(from, body, cx);
    }

    /// Ends a body; `whole` means that it ended as its framing announced, and `seen` that its end was captured.
    pub(super) fn end_body(
        &mut self,
        from: Side,
        mut body: Body,
        whole: bool,
        seen: bool,
        cx: &mut Context<'_>,
    ) {
        body.reader.end(whole);
        body.account(cx);
        while let Some(output) = body.reader.next() {
            // At the end of the capture, neither side broke anything off.
            if seen || output != Output::Unfinished {
                self.report(from, output, body.reader.is_encoded(), cx);
            }
        }
        cx.shared.held = cx.shared.held.saturating_sub(body.held);
    }

    /// Reports an anomaly.
    pub(super) fn anomaly(&mut self, from: Option<Side>, anomaly: &Anomaly, cx: &mut Context<'_>) {
        self.within(cx, |_, cx| cx.anomaly(from, anomaly));
    }

    /// Reports the end of the conversation.
    pub(super) fn close(mut self, finish: Finish, cx: &mut Context<'_>) {
        if cx.at.packet > self.reached.packet {
            self.reached = cx.at;
        }
        self.within(cx, |it, cx| {
            let unanswered = MeaningReader::end(&mut it.meaning, finish != Finish::Unseen, None, cx);
            let by = match finish {
                Finish::Whole => Some(Side::Server),
                Finish::Cut(by) | Finish::Between(by) => by,
                Finish::Unseen => None,
            };
            cx.emit(Kind::Closed(&Closed {
                code: None,
                reason: "".into(),
                by,
                lost: false,
                clean: matches!(finish, Finish::Whole | Finish::Between(_)),
                half_closed: None,
                duration: cx.at.time.since(it.opened),
                totals: it.totals,
                unanswered,
            }));
        });
    }

    /// Reports the output of a body's reader.
    fn drain(&mut self, from: Side, body: &mut Body, cx: &mut Context<'_>) {
        while let Some(output) = body.reader.next() {
            self.report(from, output, body.reader.is_encoded(), cx);
        }
    }

    fn report(&mut self, from: Side, output: Output, is_encoded: bool, cx: &mut Context<'_>) {
        let anomaly = match output {
            Output::Message(message) => return self.message(from, &message, is_encoded, cx),
            Output::Unfinished => Anomaly::BodyUnfinished {},
            Output::Skipped { bytes } => Anomaly::BodySkipped { skipped: bytes },
            Output::Unreadable { cause } => Anomaly::BodyUnreadable { cause },
            Output::TooLong { limit } => {
                Anomaly::LimitReached { limit: "field of a server-sent event", value: limit as u64 }
            }
        };
        self.anomaly(Some(from), &anomaly, cx);
    }

    fn message(&mut self, from: Side, message: &BodyMessage, is_encoded: bool, cx: &mut Context<'_>) {
        let BodyMessage { text: is_text, bytes, length, is_whole, facts, first, size } = message;
        let truncated = (bytes.len() as u64) < *length;
        let bytes = if *is_text && (truncated || !is_whole) { whole_characters(bytes) } else { bytes };
        let missing = [Missing { offset: *length, length: None }];
        let missing = if *is_whole { &[][..] } else { &missing[..] };
        let sid = self.sid.take();
        let fields = fields(sid.as_deref(), facts);
        let wire = Wire {
            frames: 0,
            bytes: *size,
            compressed: is_encoded,
            inflated: is_encoded,
            masked: false,
            first: *first,
        };
        let opcode = if *is_text { Opcode::TEXT } else { Opcode::BINARY };
        let totals = &mut self.totals[from];
        totals.messages = totals.messages.saturating_add(1);
        totals.bytes = totals.bytes.saturating_add(*length);
        let number = self.totals.client.messages.saturating_add(self.totals.server.messages);
        let at = self.reached;
        let delta = at.time.since(std::mem::replace(&mut self.last, at.time));
        let mut reader = self.meaning.take();
        self.within(cx, |_, cx| {
            let (length, first) = (*length, *first);
            let input = Input { from, opcode, bytes, missing, length, first, at };
            let meaning = reader.as_mut().map(|reader| reader.message(&input));
            cx.emit(Kind::Message(Message {
                from,
                opcode,
                number,
                delta,
                payload: bytes,
                length,
                text: *is_text && std::str::from_utf8(bytes).is_ok(),
                missing,
                truncated_to: truncated.then_some(bytes.len() as u64),
                close: None,
                rtt: None,
                framing: Framing::Counted,
                verified: cx.verified,
                wire,
                meaning,
                fields: &fields,
            }));
            for anomaly in meaning.iter().flat_map(|it| it.anomalies()) {
                cx.anomaly(Some(from), anomaly);
            }
            if truncated {
                cx.anomaly(Some(from), &Anomaly::MessageTruncated { kept: bytes.len() as u64 });
            }
            MeaningReader::settle(&mut reader, cx);
        });
        (self.meaning, self.sid) = (reader, sid);
    }

    /// Runs `act` with events attributed to this conversation, at the packet it has reached.
    fn within(&mut self, cx: &mut Context<'_>, act: impl FnOnce(&mut Self, &mut Context<'_>)) {
        let (conn, at) = (cx.conn, cx.at);
        (cx.conn, cx.at) = (self.id, self.reached);
        std::mem::swap(cx.conversation, &mut self.named);
        act(self, cx);
        std::mem::swap(cx.conversation, &mut self.named);
        (cx.conn, cx.at) = (conn, at);
    }
}

impl Body {
    /// Creates the reader of a body with the given `heads`: that of the response, or of the request alone.
    pub(super) fn new(format: Format, heads: &Handshake, from: Side, cx: &Context<'_>) -> Self {
        let fields = match from {
            Side::Client => heads.request.as_ref().map(|request| &request.headers),
            Side::Server => heads.response.as_ref().map(|response| &response.headers),
        };
        let coding = fields
            .into_iter()
            .flatten()
            .find(|field| field.name.eq_ignore_ascii_case("content-encoding"))
            .map(|field| &*field.value);
        Body { reader: BodyReader::new(format, coding, cx.shared.limits.message), held: 0 }
    }

    fn push(&mut self, bytes: &[u8], carried: At, cx: &mut Context<'_>) {
        self.reader.push(bytes, carried);
        self.account(cx);
        if cx.shared.held > cx.shared.limits.messages {
            self.reader.give_up("the unfinished messages take too much memory");
            self.account(cx);
        }
    }

    /// Releases its memory.
    pub(super) fn discard(self, cx: &mut Context<'_>) {
        cx.shared.held = cx.shared.held.saturating_sub(self.held);
    }

    /// Counts its memory as part of that of all unfinished messages.
    fn account(&mut self, cx: &mut Context<'_>) {
        let others = cx.shared.held.saturating_sub(self.held);
        self.held = self.reader.allocated();
        cx.shared.held = others.saturating_add(self.held);
    }
}

/// Returns the additional fields of a message.
fn fields<'a>(sid: Option<&'a str>, facts: &'a EventFacts) -> Vec<(&'static str, Value<'a>)> {
    let texts = [("sid", sid), ("event", facts.event.as_deref()), ("id", facts.id.as_deref())];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, Value::Text(text?))));
    texts.chain(facts.retry.map(|retry| ("retry", Value::Number(retry)))).collect()
}

/// Removes an incomplete character from the end of the bytes.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(fault) if fault.error_len().is_none() => bytes.get(..fault.valid_up_to()).unwrap_or(bytes),
        _ => bytes,
    }
}
