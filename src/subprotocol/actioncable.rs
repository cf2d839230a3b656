//! Action Cable (Ruby on Rails), `actioncable-v1-json`.

use super::choice::{Evidence, Protocol};
use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json;
use super::unit::Format;

pub(super) static ACTION_CABLE: Protocol = Protocol {
    headers: &["actioncable-v1-json", "actioncable-v1.1-json"],
    members: &["identifier", "type"],
    sign: |input, _| {
        let names = ["identifier", "command", "type", "message"];
        match json::pick(input.head(), input.is_whole(), names) {
            // The identifier is JSON within a string and names a channel.
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

/// The scope of subscriptions.
const SUBSCRIPTIONS: u64 = 1;

/// A decoder of Action Cable; it keeps no state but the questions.
#[derive(Debug)]
struct ActionCable;

impl Decoder for ActionCable {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let names = ["type", "command", "identifier", "message", "data", "reason", "reconnect"];
        let Some([kind, command, identifier, message, data, reason, reconnect]) =
            json::pick(input.head(), input.is_whole(), names)
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
            let named =
                json::read(channel.as_bytes()).and_then(|it| it.get("channel")).and_then(|it| it.text());
            unit.name(named.as_deref().unwrap_or(channel)).text("identifier", channel);
        }
        if let Some(reason) = reason.and_then(|it| it.text()) {
            unit.text("reason", &reason);
        }
        if let Some(reconnect) = reconnect {
            unit.flag("reconnect", reconnect.shape == json::Shape::True);
        }
        if let Some(body) = message.or(data).filter(|it| it.whole) {
            unit.body(Format::Json, body.raw);
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        match word {
            "ping" => {
                unit.heartbeat();
            }
            "reject_subscription" => {
                unit.static_error("rejected");
            }
            "disconnect" => {
                let reason = reason.and_then(|it| it.text());
                unit.error(reason.as_deref().unwrap_or("disconnect"));
            }
            _ => {}
        }
        if let Some(channel) = &channel {
            match word {
                "subscribe" => unit.ask(SUBSCRIPTIONS, &**channel),
                "confirm_subscription" | "reject_subscription" => {
                    unit.answer(SUBSCRIPTIONS, &**channel);
                }
                _ => {}
            }
        }
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
}
