//! Engine.IO 3 and 4 (the Engine.IO protocol, revisions 3 and 4), which carries Socket.IO.
//!
//! A text message is a packet: a digit for its type, followed by the data. A binary message is the data of a `message`
//! packet; in revision 3 it begins with the type, 4.

use std::time::Duration;

use base64::Engine as _;

use crate::model::{Anomaly, At, Pair, Side};
use crate::websocket::Opcode;

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json;
use super::protocol::{Evidence, Opening, Protocol};
use super::socketio::{SocketIo, announces, is_packed_packet, is_packet};
use super::unit::Format;

pub(super) static SOCKET_IO: Protocol = Protocol {
    url: |opening| {
        opening.query("EIO").is_some_and(|it| matches!(it, "3" | "4"))
            && opening.query("transport").is_none_or(|it| matches!(it, "websocket" | "polling"))
    },
    sign,
    ..Protocol::new("socket.io", |opening| Box::new(EngineIo::new(opening)))
};

const NAME: &str = "engine.io";

/// The scope of pings in the table of questions.
const PINGS: u64 = 1;

fn sign(input: &Input<'_>, _: &Opening) -> Evidence {
    let head = input.head();
    if !input.is_text() {
        return if is_packed_packet(head) { Evidence::Sure } else { Evidence::Neutral };
    }
    match (input.from, head) {
        (Side::Server, _) if head.starts_with(b"0{\"sid\":") => Evidence::Sure,
        (Side::Client, b"2probe") => Evidence::Sure,
        // A single digit proves nothing.
        (_, b"2" | b"3" | b"6") => Evidence::Neutral,
        // The placeholders for attachments are unique to it, and so is the way in which attachments are announced.
        (_, [b'4', rest @ ..]) if is_packet(rest) && announces(rest) => Evidence::Sure,
        // An attachment in base64, which may be any word.
        (_, [b'b', b'4', ..]) => Evidence::Neutral,
        (_, [b'4', rest @ ..]) if is_packet(rest) => Evidence::Weak,
        _ => Evidence::Against,
    }
}

/// A decoder for Engine.IO, which passes the contents of messages on to Socket.IO.
#[derive(Debug)]
struct EngineIo {
    /// 3 or 4, once the URL or the direction of pings shows it.
    revision: Option<u8>,
    inner: SocketIo,
    ping_timeout: Option<Duration>,
    /// The maximum size of a message from the client, in bytes.
    max_payload: Option<u64>,
    pings: Pair<Option<At>>,
}

impl EngineIo {
    fn new(opening: &Opening) -> Self {
        let revision = opening.query("EIO").and_then(|it| it.parse().ok());
        EngineIo {
            revision,
            inner: SocketIo::new(opening.target.is_some()),
            ping_timeout: None,
            max_payload: None,
            pings: Pair::default(),
        }
    }

    fn text(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        let Some((kind, data)) = head.split_first() else {
            if input.length == 0 {
                out.contradiction();
            }
            return;
        };
        match kind {
            b'0' => self.open(data, input, out),
            b'1' => unit(out, "close", data, input),
            b'2' => self.ping(data, input, out),
            b'3' => self.pong(data, input, out),
            b'4' => {
                // The server of Socket.IO sends an ID only since its clients use revision 4.
                if self.revision.is_none() && input.from == Side::Server && data.starts_with(b"0{\"sid\"") {
                    self.revision = Some(4);
                }
                self.payload(input, out);
                self.inner.text(input, data, out);
            }
            b'b' if self.revision != Some(4) && data.first() == Some(&b'4') => self.base64(data, input, out),
            b'5' => unit(out, "upgrade", data, input),
            b'6' => unit(out, "noop", data, input),
            _ => out.contradiction(),
        }
    }

    /// Processes a binary message in base64, from clients without support for binary messages (revision 3, `b4`).
    fn base64(&mut self, data: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let text = data.get(1..).unwrap_or_default();
        let known = text.get(..text.len() & !3).unwrap_or_default();
        let text = if input.is_whole() { text } else { known };
        let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(text) else {
            return out.contradiction();
        };
        let missing = input.length.saturating_sub(text.len() as u64).saturating_sub(2);
        let length = (bytes.len() as u64).saturating_add((missing / 4).saturating_mul(3));
        let inner = Input { bytes: &bytes, missing: &[], length, opcode: Opcode::BINARY, ..*input };
        self.inner.binary(&inner, &bytes, out);
    }

    fn open(&mut self, data: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let names = ["sid", "pingInterval", "pingTimeout", "maxPayload", "upgrades"];
        let Some([sid, interval, timeout, payload, upgrades]) = json::pick(data, input.is_whole(), names)
        else {
            return out.contradiction();
        };
        let number = |value: Option<json::Value<'_>>| value.and_then(|it| it.number());
        if sid.is_some() {
            self.inner.set_carried();
        }
        self.ping_timeout = number(timeout).map(Duration::from_millis);
        self.max_payload = number(payload);
        let mut unit = out.unit(NAME, "open");
        if let Some(sid) = sid.and_then(|it| it.text()) {
            unit.text("sid", &sid);
        }
        for (name, value) in [("pingInterval", interval), ("pingTimeout", timeout), ("maxPayload", payload)] {
            if let Some(value) = number(value) {
                unit.number(name, value);
            }
        }
        if let Some(upgrades) = upgrades.filter(|it| it.whole) {
            unit.json("upgrades", upgrades.raw);
        }
    }

    fn ping(&mut self, data: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let probe = !data.is_empty();
        // In revision 3 the client sends pings, in revision 4 the server; the probe comes from the client in both.
        if !probe {
            let revision = if input.from == Side::Server { 4 } else { 3 };
            match self.revision {
                None => self.revision = Some(revision),
                Some(known) if known != revision => {
                    out.anomaly(Anomaly::EngineIoPingSide { revision: known });
                }
                Some(_) => {}
            }
            self.pings[input.from] = Some(input.at);
        }
        let mut unit = out.unit(NAME, "ping");
        if probe {
            unit.text("data", &String::from_utf8_lossy(data));
        }
        unit.heartbeat();
        unit.ask(PINGS, data);
    }

    fn pong(&mut self, data: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
        let ping = self.pings[!input.from].take();
        if let (Some(ping), Some(timeout), true) = (ping, self.ping_timeout, data.is_empty()) {
            let late = input.first.time.since(ping.time);
            if late > timeout {
                let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
                out.anomaly(Anomaly::EngineIoPongLate { after: millis(late), timeout: millis(timeout) });
            }
        }
        let mut unit = out.unit(NAME, "pong");
        if !data.is_empty() {
            unit.text("data", &String::from_utf8_lossy(data));
        }
        unit.heartbeat();
        unit.answer(PINGS, data);
    }

    /// Checks the length of a message against the maximum announced by the server.
    fn payload(&self, input: &Input<'_>, out: &mut Out<'_>) {
        if let Some(most) = self.max_payload
            && input.from == Side::Client
            && input.length > most
        {
            out.anomaly(Anomaly::EngineIoPayload { length: input.length, most });
        }
    }
}

fn unit(out: &mut Out<'_>, kind: &'static str, data: &[u8], input: &Input<'_>) {
    let mut unit = out.unit(NAME, kind);
    if !data.is_empty() {
        unit.body_of(Format::Text, data, input.length.saturating_sub(1));
    }
}

impl Decoder for EngineIo {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if input.is_text() {
            return self.text(input, out);
        }
        self.payload(input, out);
        let data = match (self.revision, input.head()) {
            (Some(3), [4, data @ ..]) => data,
            (Some(3), _) => return out.contradiction(),
            // Whether that byte belongs to Engine.IO or to the attachment is unknown.
            (None, [4, ..]) => return self.inner.unsure(input, out),
            (None, [_, ..]) => {
                self.revision = Some(4);
                input.head()
            }
            (_, data) => data,
        };
        self.inner.binary(input, data, out);
    }

    fn lost(&mut self, from: Side) {
        self.pings[!from] = None;
        self.inner.lost(from);
    }
}
