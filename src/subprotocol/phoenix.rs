//! Phoenix channels, serializers V1 and V2 (Phoenix.Socket.V1.JSONSerializer, Phoenix.Socket.V2.JSONSerializer).
//!
//! V2 sends arrays `[join_ref, ref, topic, event, payload]`, and binary messages that begin with the lengths of these;
//! V1 sends objects with the same members.

use crate::model::Side;

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json::{self, Value};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static PHOENIX: Protocol = Protocol {
    url: |opening| opening.query("vsn").is_some() && opening.path().ends_with("/websocket"),
    members: &["topic", "event"],
    sign: |input, _| {
        if !input.is_text() {
            return Evidence::Neutral;
        }
        match Envelope::read(input) {
            Some(envelope) if envelope.event.as_deref().is_some_and(|it| it.starts_with("phx_")) => {
                Evidence::Sure
            }
            Some(envelope) if envelope.topic.is_some() => Evidence::Neutral,
            _ => Evidence::Against,
        }
    },
    ..Protocol::new("phoenix", |_| Box::new(Phoenix))
};

const NAME: &str = "phoenix";

/// The scope of refs.
const REFS: u64 = 1;

/// A decoder for Phoenix channels; its only state is the open questions.
#[derive(Debug)]
struct Phoenix;

/// The envelope of every message, in any encoding.
struct Envelope<'a> {
    join_ref: Option<std::borrow::Cow<'a, str>>,
    reference: Option<std::borrow::Cow<'a, str>>,
    topic: Option<std::borrow::Cow<'a, str>>,
    event: Option<std::borrow::Cow<'a, str>>,
    payload: Option<Value<'a>>,
}

impl<'a> Envelope<'a> {
    fn read(input: &Input<'a>) -> Option<Envelope<'a>> {
        let head = input.head();
        let members = match json::array(head) {
            Some(value) => {
                let mut items = value.items();
                let mut next = || items.next();
                [next(), next(), next(), next(), next()]
            }
            None => json::pick(head, input.is_whole(), ["join_ref", "ref", "topic", "event", "payload"])?,
        };
        let text = |at: usize| members.get(at).copied().flatten().and_then(|it| it.scalar());
        let envelope = Envelope {
            join_ref: text(0),
            reference: text(1),
            topic: text(2),
            event: text(3),
            payload: members.get(4).copied().flatten(),
        };
        (envelope.topic.is_some() && envelope.event.is_some() || !input.is_whole()).then_some(envelope)
    }
}

impl Decoder for Phoenix {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if !input.is_text() {
            return binary(input, out);
        }
        let Some(envelope) = Envelope::read(input) else { return out.contradiction() };
        let event = envelope.event.as_deref().unwrap_or_default();
        let kind = match (event, input.from, &envelope.reference) {
            ("phx_reply", ..) => "reply",
            (_, Side::Client, _) => "push",
            (_, Side::Server, None) => "broadcast",
            (_, Side::Server, Some(_)) => "push",
        };
        let mut unit = out.unit(NAME, kind);
        if !event.is_empty() {
            unit.name(event);
        }
        if let Some(reference) = &envelope.reference {
            unit.id(reference);
        }
        for (name, value) in [("topic", &envelope.topic), ("join_ref", &envelope.join_ref)] {
            if let Some(value) = value {
                unit.text(name, value);
            }
        }
        if !input.is_whole() && envelope.payload.is_none_or(|it| !it.whole) {
            unit.incomplete();
        }
        if let Some(payload) = envelope.payload.filter(|it| it.whole) {
            reply(&mut unit, kind, payload);
        }
        if matches!(event, "phx_error") {
            unit.static_error("phx_error");
        }
        let is_heartbeat = event == "heartbeat" && envelope.topic.as_deref() == Some("phoenix");
        if is_heartbeat || (kind == "reply" && envelope.topic.as_deref() == Some("phoenix")) {
            unit.heartbeat();
        }
        if let Some(reference) = &envelope.reference {
            match (kind, input.from) {
                ("reply", _) => {
                    unit.answer(REFS, &**reference);
                }
                (_, Side::Client) => unit.ask(REFS, &**reference),
                _ => {}
            }
        }
    }
}

/// Sets the payload; for a reply, its status and response.
fn reply(unit: &mut super::decoder::UnitBuilder<'_>, kind: &str, payload: Value<'_>) {
    if kind != "reply" {
        unit.body(Format::Json, payload.raw);
        return;
    }
    let [status, response] = json::pick(payload.raw, true, ["status", "response"]).unwrap_or_default();
    if let Some(status) = status.and_then(|it| it.text()) {
        unit.text("status", &status);
        if status == "error" {
            let reason = response.and_then(|it| it.get("reason")).and_then(|it| it.text());
            unit.error(&reason.unwrap_or("error".into()));
        }
    }
    if let Some(response) = response.filter(|it| it.whole) {
        unit.body(Format::Json, response.raw);
    }
}

/// The parts of a binary message: its kind, the lengths of the texts, the texts, and the payload.
struct Packed<'a> {
    kind: &'static str,
    names: &'static [&'static str],
    texts: Vec<&'a str>,
    payload: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Returns the kind of a message by its first byte, and the names of its texts.
    fn of(first: u8, from: Side) -> Option<Self> {
        let (kind, names): (_, &[&str]) = match (first, from) {
            // A push has a ref only if the client sends it.
            (0, Side::Client) => ("push", &["join_ref", "ref", "topic", "event"]),
            (0, Side::Server) => ("push", &["join_ref", "topic", "event"]),
            (1, _) => ("reply", &["join_ref", "ref", "topic", "status"]),
            (2, _) => ("broadcast", &["topic", "event"]),
            _ => return None,
        };
        Some(Packed { kind, names, texts: Vec::new(), payload: &[] })
    }

    /// Parses what follows the kind; returns `None` if the texts are incomplete or invalid.
    fn read(mut self, rest: &'a [u8]) -> Option<Self> {
        let (lengths, mut rest) = rest.split_at_checked(self.names.len())?;
        for length in lengths {
            let (text, behind) = rest.split_at_checked(usize::from(*length))?;
            self.texts.push(std::str::from_utf8(text).ok()?);
            rest = behind;
        }
        self.payload = rest;
        Some(self)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|it| *it == name)?;
        self.texts.get(at).copied().filter(|text| !text.is_empty())
    }
}

/// Emits a binary message.
fn binary(input: &Input<'_>, out: &mut Out<'_>) {
    let Some((first, rest)) = input.head().split_first() else { return };
    let Some(begun) = Packed::of(*first, input.from) else { return out.contradiction() };
    let kind = begun.kind;
    let Some(packed) = begun.read(rest) else {
        if input.is_whole() {
            return out.contradiction();
        }
        out.unit(NAME, kind).incomplete();
        return;
    };
    let mut unit = out.unit(NAME, kind);
    unit.name(packed.text("event").unwrap_or("phx_reply"));
    if let Some(reference) = packed.text("ref") {
        unit.id(reference);
    }
    for name in ["topic", "join_ref", "status"] {
        if let Some(value) = packed.text(name) {
            unit.text(name, value);
        }
    }
    let before = input.head().len().saturating_sub(packed.payload.len()) as u64;
    unit.body_of(Format::Binary, packed.payload, input.length.saturating_sub(before));
    if !input.is_whole() {
        unit.incomplete();
    }
    if packed.text("status") == Some("error") {
        unit.static_error("error");
    }
    match (kind, packed.text("ref"), input.from) {
        ("reply", Some(reference), _) => {
            unit.answer(REFS, reference);
        }
        ("push", Some(reference), Side::Client) => unit.ask(REFS, reference),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{lines_of, said};
    use super::super::{Opening, Reader};
    use super::*;
    use crate::websocket::Opcode;

    fn reader() -> Reader {
        let target = Some("/socket/websocket?vsn=2.0.0".into());
        Reader::new(Opening { target, ..Opening::default() })
    }

    #[test]
    fn pushes_replies_and_broadcasts() {
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, br#"["4","4","room:secret","phx_join",{}]"#),
            (
                Side::Server,
                br#"["4","4","room:secret","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]"#,
            ),
            (Side::Server, br#"[null,null,"room:lobby","shout",{"body":"x"}]"#),
            (Side::Client, br#"[null,"12","phoenix","heartbeat",{}]"#),
            (Side::Client, br#"{"topic":"a","event":"shout","payload":1,"ref":"9"}"#),
        ];
        assert_eq!(
            said(&mut reader(), messages),
            [
                "phoenix push name=phx_join id=4 role=question topic=room:secret join_ref=4 body={}",
                "phoenix reply name=phx_reply id=4 role=answer of=phx_join latency=1 error=unauthorized topic=room:secret join_ref=4 status=error body={\"reason\":\"unauthorized\"}",
                "phoenix broadcast name=shout topic=room:lobby body={\"body\":\"x\"}",
                "phoenix push name=heartbeat id=12 role=question heartbeat= topic=phoenix body={}",
                "phoenix push name=shout id=9 role=question topic=a body=1",
            ]
        );
    }

    #[test]
    fn binary_messages() {
        let mut reader = reader();
        let push = b"\x00\x01\x02\x0a\x06410room:lobbyupload\x05\x06";
        assert_eq!(
            lines_of(&mut reader, Side::Client, Opcode::BINARY, push, 1),
            ["phoenix push name=upload id=10 role=question topic=room:lobby join_ref=4 body=\u{5}\u{6}"]
        );
        let reply = b"\x01\x01\x02\x0a\x02410room:lobbyok\x01";
        assert_eq!(
            lines_of(&mut reader, Side::Server, Opcode::BINARY, reply, 2),
            [
                "phoenix reply name=phx_reply id=10 role=answer of=upload latency=1 topic=room:lobby join_ref=4 status=ok body=\u{1}"
            ]
        );
    }
}
