//! Action Cable (Ruby on Rails), `actioncable-v1-json`, and `AnyCable`'s extended variant, also as MessagePack.

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json;
use super::packed::{Packing, write_json};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static ACTION_CABLE: Protocol = Protocol {
    headers: &["actioncable-v1*"],
    members: &["identifier", "type"],
    sign: |input, _| {
        let names = ["identifier", "command", "type", "message"];
        match json::pick(input.head(), input.is_whole(), names) {
            // The identifier is JSON in a string and names a channel.
            Some([Some(identifier), ..])
                if identifier.text().is_some_and(|it| it.starts_with("{\"channel\":")) =>
            {
                Evidence::Sure
            }
            Some([None, None, Some(kind), _]) if kind.is("welcome") || kind.is("ping") => Evidence::Neutral,
            _ => Evidence::Against,
        }
    },
    ..Protocol::new("actioncable", |_| Box::new(ActionCable))
};

const NAME: &str = "actioncable";

/// Bounds the JSON text of a packed message, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// The scope of subscriptions.
const SUBSCRIPTIONS: u64 = 1;

/// A decoder for Action Cable; its only state is the open questions.
#[derive(Debug)]
struct ActionCable;

impl Decoder for ActionCable {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if input.is_text() || json::first_byte(input.head()) == Some(b'{') {
            return say(input.head(), input, out);
        }
        let mut text = String::new();
        if write_json(Packing::MessagePack, input.head(), MAX_TEXT, &mut text) {
            say(text.as_bytes(), input, out);
        } else if input.is_whole() {
            out.contradiction();
        } else {
            out.unit(NAME, "message").incomplete();
        }
    }
}

/// Emits a message, given as JSON or converted to it.
fn say(json: &[u8], input: &Input<'_>, out: &mut Out<'_>) {
    let names = ["type", "command", "identifier", "message", "data", "reason", "reconnect"];
    let Some([kind, command, identifier, message, data, reason, reconnect]) =
        json::pick(json, input.is_whole(), names)
    else {
        return out.contradiction();
    };
    let word = kind.or(command).and_then(|it| it.text());
    let channel = identifier.and_then(|it| it.text());
    let word = match (word.as_deref(), &channel) {
        (Some(word), _) => word,
        (None, Some(_)) => "message",
        (None, None) if input.is_whole() => return out.contradiction(),
        (None, None) => "unknown",
    };
    let mut unit = out.unit(NAME, "message");
    unit.kind(word);
    if let Some(channel) = &channel {
        let named = json::read(channel.as_bytes()).and_then(|it| it.get("channel")).and_then(|it| it.text());
        unit.name(named.as_deref().unwrap_or(channel)).text("identifier", channel);
    }
    if let Some(reason) = reason.and_then(|it| it.text()) {
        unit.text("reason", &reason);
    }
    if let Some(reconnect) = reconnect {
        unit.flag("reconnect", reconnect.shape == json::Shape::True);
    }
    // The action of a channel is in the data, which is JSON in a string.
    if let Some(data) = data.and_then(|it| it.text())
        && let Some(action) = json::read(data.as_bytes()).and_then(|it| it.get("action")?.text())
    {
        unit.text("action", &action);
    }
    if let Some(body) = message.or(data).filter(|it| it.whole) {
        unit.body(Format::Json, body.raw);
    }
    if !input.is_whole() {
        unit.incomplete();
    }
    let reason = reason.and_then(|it| it.text());
    judge(&mut unit, word, channel.as_deref(), reason.as_deref());
}

/// Sets the error, and the role of a message in an exchange.
fn judge(unit: &mut UnitBuilder<'_>, word: &str, channel: Option<&str>, reason: Option<&str>) {
    match (word, channel) {
        ("ping" | "pong", _) => {
            unit.heartbeat();
        }
        ("disconnect", _) => {
            unit.error(reason.unwrap_or("disconnect"));
        }
        ("subscribe", Some(channel)) => unit.ask(SUBSCRIPTIONS, channel),
        ("reject_subscription", channel) => {
            unit.static_error("rejected");
            unit.answer(SUBSCRIPTIONS, channel.unwrap_or_default());
        }
        ("confirm_subscription", Some(channel)) => {
            unit.answer(SUBSCRIPTIONS, channel);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use crate::model::Side;

    #[test]
    fn subscriptions_messages_and_pings() {
        let mut reader =
            Reader::new(Opening { subprotocol: Some("actioncable-v1-json".into()), ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, br#"{"type":"welcome"}"#),
            (
                Side::Client,
                br#"{"command":"subscribe","identifier":"{\"channel\":\"Chat\",\"room\":\"4\"}"}"#,
            ),
            (
                Side::Server,
                br#"{"identifier":"{\"channel\":\"Chat\",\"room\":\"4\"}","type":"reject_subscription"}"#,
            ),
            (Side::Server, br#"{"identifier":"{\"channel\":\"Chat\"}","message":{"n":1}}"#),
            (Side::Server, br#"{"type":"ping","message":1795810992}"#),
            (Side::Server, br#"{"type":"disconnect","reason":"server_restart","reconnect":false}"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                "actioncable welcome",
                r#"actioncable subscribe name=Chat role=question identifier={"channel":"Chat","room":"4"}"#,
                r#"actioncable reject_subscription name=Chat role=answer of=Chat latency=1 error=rejected identifier={"channel":"Chat","room":"4"}"#,
                r#"actioncable message name=Chat identifier={"channel":"Chat"} body={"n":1}"#,
                "actioncable ping heartbeat= body=1795810992",
                "actioncable disconnect error=server_restart reason=server_restart reconnect=false",
            ]
        );
    }

    #[test]
    fn anycable_packs_the_same() {
        let subprotocol = Some("actioncable-v1-ext-msgpack".into());
        let mut reader = Reader::new(Opening { subprotocol, ..Opening::default() });
        // {"command":"message","identifier":"{\"channel\":\"C\"}","data":"{\"action\":\"hi\"}"}, {"type":"pong"}
        let packed =
            b"\x83\xa7command\xa7message\xaaidentifier\xaf{\"channel\":\"C\"}\xa4data\xaf{\"action\":\"hi\"}";
        let messages: &[(Side, &[u8])] = &[(Side::Client, packed), (Side::Client, b"\x81\xa4type\xa4pong")];
        let lines = said(&mut reader, messages);
        assert!(
            lines[0].starts_with("actioncable message name=C identifier={\"channel\":\"C\"} action=hi"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "actioncable pong heartbeat=");
    }
}
