//! MQTT 3.1, 3.1.1 and 5 over WebSocket (MQTT 5.0 §6.0, OASIS 2019; MQTT 3.1.1, OASIS 2014).
//!
//! A packet may begin and end anywhere in a message: the most widely used JavaScript client sends every field as a
//! separate message. [`Mqtt`] therefore reads a byte stream per side.

mod packet;
mod say;
mod words;

use std::time::Duration;

use hashbrown::HashMap;

use crate::model::{Anomaly, At, Pair, Side};

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::protocol::{Evidence, Opening, Protocol};
use super::stream::{Framing, Measure, Next, Packet, Stream};

use packet::{AUTH, CONNACK, CONNECT, DISCONNECT, PUBLISH, PUBREL, SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE};

pub(super) static MQTT: Protocol = Protocol {
    headers: &["mqtt", "mqttv3.1", "mqttv3.1.1", "mqttv5", "mqtt-v5"],
    sign,
    searched: true,
    ..Protocol::new(NAME, |opening| Box::new(Mqtt::new(opening)))
};

const NAME: &str = "mqtt";

/// Bounds the number of topic aliases kept per side.
const MAX_ALIASES: usize = 1024;

/// Bounds the stored part of a topic that has an alias, in bytes.
const MAX_TOPIC: usize = 512;

fn sign(input: &Input<'_>, _: &Opening) -> Evidence {
    let head = input.head();
    if input.is_text() {
        return Evidence::Against;
    }
    // The protocol name may be a separate message.
    let begins = head.first() == Some(&0x10) && (named(head, 2) || named(head, 3));
    if input.from == Side::Client && (begins || matches!(head, b"MQTT" | b"MQIsdp")) {
        return Evidence::Sure;
    }
    // A partial packet is no evidence, nor is one without a body.
    let whole = packet::measure(head) == Measure::Length(input.length) && input.is_whole();
    let (first, body) = (head.first().copied().unwrap_or_default(), packet::body(head));
    let framing = OneSide { from: input.from, version: None };
    if whole && !body.is_empty() && matches!(first >> 4, PUBLISH | SUBACK | SUBSCRIBE) && framing.fits(head) {
        Evidence::Weak
    } else {
        Evidence::Neutral
    }
}

/// Returns whether the protocol name is at this offset.
fn named(head: &[u8], at: usize) -> bool {
    let rest = head.get(at..).unwrap_or_default();
    rest.starts_with(b"\x00\x04MQTT") || rest.starts_with(b"\x00\x06MQIsdp")
}

/// The framing of one side's packets.
#[derive(Clone, Copy, Debug)]
struct OneSide {
    from: Side,
    version: Option<u8>,
}

impl Framing for OneSide {
    fn measure(&self, head: &[u8]) -> Measure {
        packet::measure(head)
    }

    fn fits(&self, bytes: &[u8]) -> bool {
        let Some(first) = bytes.first().copied() else { return false };
        let theirs = match first >> 4 {
            CONNECT | SUBSCRIBE | UNSUBSCRIBE | packet::PINGREQ => self.from == Side::Client,
            CONNACK | SUBACK | UNSUBACK | packet::PINGRESP => self.from == Side::Server,
            AUTH => self.version.is_none_or(|version| version == 5),
            DISCONNECT => self.from == Side::Client || self.version.is_none_or(|version| version == 5),
            _ => true,
        };
        let body = packet::body(bytes);
        let fits = match self.version {
            Some(version) => packet::fits(first, body, version == 5),
            None => packet::fits(first, body, true) || packet::fits(first, body, false),
        };
        theirs && packet::flags_fit(first) && fits
    }
}

/// A decoder for MQTT.
#[derive(Debug)]
struct Mqtt {
    streams: Pair<Stream>,
    session: Session,
}

/// The parameters negotiated on an MQTT connection.
#[derive(Debug, Default)]
struct Session {
    /// 3 (3.1), 4 (3.1.1) or 5; `None` if CONNECT was not seen and nothing else showed the version.
    version: Option<u8>,
    aliases: Pair<HashMap<u16, Box<str>, ahash::RandomState>>,
    /// The maximum interval between two packets of the client.
    keep_alive: Option<Duration>,
    last: Option<At>,
    /// The maximum size of the packets that a side accepts, in bytes.
    most: Pair<Option<u64>>,
    /// Whether a DISCONNECT was sent, or the connection was refused.
    disconnected: bool,
    connected: bool,
    /// Whether anything was lost.
    lossy: bool,
    text_said: bool,
}

impl Mqtt {
    fn new(opening: &Opening) -> Self {
        let mut streams = Pair::<Stream>::default();
        let mut session = Session::default();
        if opening.subprotocol.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("mqttv3.1")) {
            session.version = Some(3);
        }
        // If the handshake was not seen, the first message may begin in the middle of a packet.
        if opening.target.is_none() {
            session.lossy = true;
            Side::BOTH.into_iter().for_each(|side| streams[side].lose());
        }
        Mqtt { streams, session }
    }
}

impl Decoder for Mqtt {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let session = &mut self.session;
        if input.is_text() {
            // It is not part of the stream, and no broker accepts it.
            out.contradiction();
            if !std::mem::replace(&mut session.text_said, true) {
                out.anomaly(Anomaly::MqttText {});
            }
            return;
        }
        if !input.missing.is_empty() {
            session.lossy = true;
        }
        let framing = OneSide { from: input.from, version: session.version };
        let part = self.streams[input.from].message(input, &framing, |next| match next {
            Next::Packet(packet) => session.packet(&packet, input, out),
            Next::Lost => session.lost_place(input.from, out),
        });
        if part {
            out.part();
        }
    }

    fn lost(&mut self, from: Side) {
        self.streams[from].lose();
        self.session.lost(from);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        for side in Side::BOTH {
            self.streams[side].report_rest(NAME, out);
        }
        let session = &self.session;
        if session.connected && !session.disconnected && !session.lossy {
            out.anomaly(Anomaly::MqttNoDisconnect {});
        }
    }

    fn allocated(&self) -> usize {
        let aliases = |side: Side| self.session.aliases[side].capacity().saturating_mul(MAX_TOPIC);
        let of = |side| self.streams[side].allocated().saturating_add(aliases(side));
        of(Side::Client).saturating_add(of(Side::Server))
    }
}

impl Session {
    /// Notes that packets of one side may be lost, and with them the aliases they defined.
    fn lost(&mut self, from: Side) {
        self.lossy = true;
        self.aliases[from].clear();
        self.last = None;
    }

    /// Notes that the bytes do not lead to the start of a packet.
    fn lost_place(&mut self, from: Side, out: &mut Out<'_>) {
        if !self.lossy {
            out.contradiction();
            out.anomaly(Anomaly::MqttMalformed { packet: "Reserved" });
        }
        self.lost(from);
    }

    fn packet(&mut self, packet: &Packet<'_>, input: &Input<'_>, out: &mut Out<'_>) {
        let first = packet.bytes.first().copied().unwrap_or_default();
        let kind = packet::KINDS.get(usize::from(first >> 4)).copied().unwrap_or_default();
        let body = packet::body(packet.bytes);
        self.learn(first, packet, body);
        if packet.is_whole() {
            let five = self.version == Some(5);
            if self.version.is_some() && !packet::fits(first, body, five) {
                out.contradiction();
                out.anomaly(Anomaly::MqttMalformed { packet: kind });
                return;
            }
            if !packet::flags_fit(first) && self.version != Some(3) {
                out.anomaly(Anomaly::MqttFlags { packet: kind, flags: first & 0x0f });
            }
        }
        if let Some(most) = self.most[!input.from]
            && packet.length > most
        {
            out.anomaly(Anomaly::MqttPacketTooLarge { length: packet.length, most });
        }
        if input.from == Side::Client {
            self.silence(packet, input, out);
        }
        say::packet(self, packet, input, out);
    }

    /// Determines the version if CONNECT was not seen: the format of a packet may fit only one.
    fn learn(&mut self, first: u8, packet: &Packet<'_>, body: &[u8]) {
        if first >> 4 == CONNECT {
            let mut reader = packet::Reader::new(body);
            self.version = reader.text().and_then(|_| reader.byte()).map(|it| it & 0x7f);
        } else if self.version.is_none() && packet.is_whole() {
            match (packet::fits(first, body, true), packet::fits(first, body, false)) {
                (true, false) => self.version = Some(5),
                (false, true) => self.version = Some(4),
                _ => {}
            }
        }
    }

    /// Checks how long the client was silent (MQTT 5.0 §3.1.2.10).
    fn silence(&mut self, packet: &Packet<'_>, input: &Input<'_>, out: &mut Out<'_>) {
        if let (Some(last), Some(keep_alive)) = (self.last, self.keep_alive) {
            let silent = packet.first.time.since(last.time);
            if silent > keep_alive.saturating_add(keep_alive.checked_div(2).unwrap_or_default()) {
                out.anomaly(Anomaly::MqttKeepAlive {
                    silent: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX),
                    keep_alive: keep_alive.as_secs(),
                });
            }
        }
        self.last = Some(input.at);
    }

    /// Stores the meaning of an alias; returns the topic it represents (MQTT 5.0 §3.3.2.3.4).
    fn alias(&mut self, from: Side, alias: u16, topic: &str) -> Option<&str> {
        let known = &mut self.aliases[from];
        if !topic.is_empty() && (known.len() < MAX_ALIASES || known.contains_key(&alias)) {
            let topic: String = topic.chars().take(MAX_TOPIC / 4).collect();
            known.insert(alias, topic.into());
        }
        known.get(&alias).map(|it| &**it)
    }
}

/// Returns the scope of the questions answered by a kind of packet.
const fn scope(kind: u8) -> u64 {
    match kind {
        packet::PUBREC | PUBREL | packet::PUBCOMP => 0x105,
        _ => 0x100 | kind as u64,
    }
}

#[cfg(test)]
mod tests;
