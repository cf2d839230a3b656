//! The NDJSON lines, written directly into a buffer; `super::record` defines their format as types.

mod objects;
mod open;
mod sub;
#[cfg(all(test, feature = "schema"))]
mod tests;

use super::Settings;
use super::string::string;
use super::text::{base64, boolean, epoch, hex, number, put, seconds, text};
use crate::event::{
    Anomaly, CloseBody, Closed, ConnId, Conversation, DirectionTotals, Event, Evidence, Frame, Framing, Kind,
    Message, Wire,
};
use crate::model::{At, Side, Timestamp};
use crate::text::{Rfc3339, close_code_name};

/// A writer of events as JSON objects without a line feed.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    clock: Rfc3339,
    /// Whether every line repeats what identifies its conversation, with header fields grouped by name.
    wide: bool,
    /// Whether units of sub-protocols are written with their bodies.
    bodies: bool,
    /// Whether TLS connections are included.
    tls: bool,
}

/// The length of a time, quotes included.
const TIME: usize = 32;

impl Lines {
    /// Creates the writer with the given settings.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "settings are lent, however few they are")]
    pub(super) fn new(settings: &Settings) -> Self {
        let &Settings { wide, bodies, tls, .. } = settings;
        Lines { clock: Rfc3339::default(), wide, bodies, tls }
    }

    /// Appends the object for `event`, or nothing if it was not requested.
    pub(super) fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match &event.kind {
            Kind::Opened(opening) => self.opened(event, opening, out),
            Kind::Rejected(rejected) => self.rejected(event, rejected, out),
            Kind::Unshown(unshown) => self.unshown(event, unshown, out),
            Kind::Frame(frame) => self.frame(event, frame, out),
            Kind::Message(message) => self.message(event, message, out),
            Kind::Anomaly { from, anomaly } => self.anomaly(event, *from, anomaly, out),
            Kind::Closed(closed) => self.closed(event, closed, out),
        }
    }

    fn message(&mut self, event: &Event<'_>, message: &Message<'_>, out: &mut Vec<u8>) {
        out.reserve((message.payload.len().saturating_mul(5) / 4).saturating_add(800));
        put(out, r#"{"type":"message","time":"#);
        let time = out.len();
        self.place(event, out);
        side(out, r#","from":"#, message.from);
        put(out, r#","opcode":""#);
        put(out, message.opcode.name());
        put(out, r#"","n":"#);
        number(out, message.number);
        put(out, r#","delta":"#);
        seconds(out, message.delta);
        put(out, r#","length":"#);
        number(out, message.length);
        payload(message, out);
        if let Some(rtt) = message.rtt {
            put(out, r#","rtt":"#);
            seconds(out, rtt);
        }
        missing(message, out);
        if message.framing == Framing::Searched {
            put(out, r#","framing":"searched""#);
        }
        if !message.verified {
            put(out, r#","verified":false"#);
        }
        wire(&message.wire, out);
        put(out, r#","first_time":"#);
        if message.wire.first.time == event.at.time {
            out.extend_from_within(time..time.saturating_add(TIME));
        } else {
            self.time(message.wire.first.time, out);
        }
        put(out, "}");
        if let Some(meaning) = message.meaning {
            sub::units(meaning, self.bodies, out);
        }
        sub::transport_fields(message.fields, out);
        self.end(event, out);
    }

    fn frame(&mut self, event: &Event<'_>, frame: &Frame, out: &mut Vec<u8>) {
        let header = frame.header;
        put(out, r#"{"type":"frame","time":"#);
        self.place(event, out);
        side(out, r#","from":"#, frame.from);
        put(out, r#","fin":"#);
        boolean(out, header.fin);
        put(out, r#","rsv":"#);
        number(out, header.rsv);
        put(out, r#","opcode":""#);
        put(out, header.opcode.name());
        put(out, r#"","masked":"#);
        boolean(out, header.mask.is_some());
        if let Some(key) = header.mask {
            put(out, r#","mask":""#);
            hex(out, key);
            put(out, r#"""#);
        }
        put(out, r#","length":"#);
        number(out, header.length);
        put(out, r#","header_length":"#);
        number(out, header.header_length);
        put(out, r#","offset":"#);
        number(out, frame.offset);
        self.end(event, out);
    }

    fn anomaly(&mut self, event: &Event<'_>, from: Option<Side>, anomaly: &Anomaly, out: &mut Vec<u8>) {
        put(out, r#"{"type":"anomaly""#);
        if event.at.packet != 0 {
            put(out, r#","time":"#);
            self.place(event, out);
        } else if let Some(conn) = event.conn {
            name(conn, out);
        }
        if let Some(from) = from {
            side(out, r#","from":"#, from);
        }
        put(out, r#","rule":""#);
        put(out, anomaly.code());
        put(out, r#"","severity":""#);
        put(out, anomaly.severity().name());
        put(out, r#"","explanation":"#);
        string(out, &anomaly.to_string());
        if let Some(spec) = anomaly.spec() {
            put(out, r#","spec":"#);
            string(out, spec);
        }
        put(out, r#","evidence":{"#);
        let mut comma = "";
        anomaly.evidence(|name, value| {
            put(out, comma);
            comma = ",";
            string(out, name);
            put(out, ":");
            match value {
                Evidence::Number(value) => number(out, value),
                Evidence::Text(value) => string(out, &value),
            }
        });
        put(out, "}");
        self.end(event, out);
    }

    fn closed(&mut self, event: &Event<'_>, closed: &Closed, out: &mut Vec<u8>) {
        put(out, r#"{"type":"close","time":"#);
        self.place(event, out);
        if let Some(code) = closed.code {
            put(out, r#","code":"#);
            number(out, code);
        }
        reason(out, &closed.reason);
        if let Some(by) = closed.by {
            side(out, r#","by":"#, by);
        }
        put(out, r#","clean":"#);
        boolean(out, closed.clean);
        if let Some(half) = closed.half_closed {
            side(out, r#","half_closed":"#, half);
        }
        put(out, r#","duration":"#);
        seconds(out, closed.duration);
        put(out, r#","client_totals":"#);
        totals(out, closed.totals.client);
        put(out, r#","server_totals":"#);
        totals(out, closed.totals.server);
        self.end(event, out);
    }

    /// Appends the values of `time`, `ts`, `conn` and so on, the first without its name.
    fn place(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let At { packet, time } = event.at;
        self.time(time, out);
        put(out, r#","ts":"#);
        epoch(out, time);
        if let Some(conn) = event.conn {
            name(conn, out);
        }
        put(out, r#","packet":"#);
        number(out, packet);
        if event.known != packet {
            put(out, r#","known":"#);
            number(out, event.known);
        }
    }

    fn time(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        put(out, r#"""#);
        self.clock.write(time, out);
        put(out, r#"""#);
    }

    /// Ends a line, with the identification of its conversation if that was requested.
    fn end(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.wide
            && let Some(conversation) = event.conversation
        {
            wide(conversation, out);
        }
        put(out, "}");
    }
}

/// Appends `conn`, and `stream` if there is one.
fn name(conn: ConnId, out: &mut Vec<u8>) {
    put(out, r#","conn":"#);
    number(out, conn.packet.get());
    if let Some(stream) = conn.stream {
        put(out, r#","stream":"#);
        number(out, stream.get());
    }
}

/// Appends the identification of a conversation.
fn wide(conversation: &Conversation, out: &mut Vec<u8>) {
    objects::ends(conversation.client, conversation.server, out);
    text(r#","url":"#, conversation.url.as_deref(), out);
    text(r#","host":"#, conversation.host(), out);
    text(r#","subprotocol":"#, conversation.subprotocol.as_deref(), out);
}

/// Appends the `wire` object up to the time, which the caller may have formatted already.
fn wire(wire: &Wire, out: &mut Vec<u8>) {
    put(out, r#","wire":{"frames":"#);
    number(out, wire.frames);
    put(out, r#","bytes":"#);
    number(out, wire.bytes);
    put(
        out,
        match (wire.compressed, wire.inflated) {
            (false, _) => r#","compressed":false,"masked":"#,
            (true, true) => r#","compressed":true,"masked":"#,
            (true, false) => r#","compressed":true,"inflated":false,"masked":"#,
        },
    );
    boolean(out, wire.masked);
    put(out, r#","first_packet":"#);
    number(out, wire.first.packet);
}

fn payload(message: &Message<'_>, out: &mut Vec<u8>) {
    if let Some(close) = &message.close {
        if !shows_all(close, message.payload) {
            put(out, r#","base64":"#);
            base64(out, message.payload);
        }
        put(out, r#","close":{"code":"#);
        number(out, close.code);
        put(out, r#","name":"#);
        string(out, close_code_name(close.code));
        reason(out, close.reason);
        put(out, "}");
        return;
    }
    if message.text
        && let Ok(text) = std::str::from_utf8(message.payload)
    {
        put(out, r#","text":"#);
        string(out, text);
    } else {
        put(out, r#","base64":"#);
        base64(out, message.payload);
    }
}

/// Returns whether the payload consists of only a close body's code and reason.
fn shows_all(close: &CloseBody<'_>, payload: &[u8]) -> bool {
    match payload {
        [] => true,
        [high, low, reason @ ..] => {
            u16::from_be_bytes([*high, *low]) == close.code && reason == close.reason.as_bytes()
        }
        [_] => false,
    }
}

fn missing(message: &Message<'_>, out: &mut Vec<u8>) {
    if !message.is_complete() {
        put(out, r#","complete":false,"missing":["#);
        let mut comma = "[";
        for range in message.missing {
            put(out, comma);
            comma = ",[";
            number(out, range.offset);
            put(out, ",");
            match range.length {
                Some(length) => number(out, length),
                None => put(out, "null"),
            }
            put(out, "]");
        }
        put(out, "]");
    }
    if let Some(kept) = message.truncated_to {
        put(out, r#","truncated_to":"#);
        number(out, kept);
    }
}

fn totals(out: &mut Vec<u8>, totals: DirectionTotals) {
    put(out, r#"{"messages":"#);
    number(out, totals.messages);
    put(out, r#","frames":"#);
    number(out, totals.frames);
    put(out, r#","bytes":"#);
    number(out, totals.bytes);
    put(out, r#","wire_bytes":"#);
    number(out, totals.wire_bytes);
    put(out, "}");
}

fn reason(out: &mut Vec<u8>, reason: &str) {
    text(r#","reason":"#, Some(reason).filter(|reason| !reason.is_empty()), out);
}

fn side(out: &mut Vec<u8>, key: &str, side: Side) {
    put(out, key);
    put(
        out,
        match side {
            Side::Client => r#""client""#,
            Side::Server => r#""server""#,
        },
    );
}
