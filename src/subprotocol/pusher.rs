//! Pusher Channels protocol 7 (Pusher, Laravel Reverb, soketi): events on channels, whose data is JSON in a string.

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static PUSHER: Protocol = Protocol {
    url: |opening| opening.path().contains("/app/") && opening.query("protocol").is_some(),
    members: &["event"],
    sign: |input, _| match json::pick(input.head(), input.is_whole(), ["event"]) {
        Some([Some(event)]) if event.is("pusher:connection_established") || event.is("pusher:subscribe") => {
            Evidence::Sure
        }
        Some([Some(event)]) if event.inner().starts_with(b"pusher") => Evidence::Weak,
        Some([Some(_)]) => Evidence::Neutral,
        _ => Evidence::Against,
    },
    ..Protocol::new("pusher", |_| Box::new(Pusher))
};

const NAME: &str = "pusher";

/// The scopes of subscriptions, pings and sign-in.
const SUBSCRIPTIONS: u64 = 1;
const PINGS: u64 = 2;
const SIGN_IN: u64 = 3;

/// A decoder for Pusher; its only state is the open questions.
#[derive(Debug)]
struct Pusher;

impl Decoder for Pusher {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some([event, channel, data]) =
            json::pick(input.head(), input.is_whole(), ["event", "channel", "data"])
        else {
            return out.contradiction();
        };
        let Some(event) = event.and_then(|it| it.text()) else {
            return if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(NAME, "event").incomplete();
            };
        };
        // The data is an object, or one in a string.
        let opened = data.and_then(|it| it.text());
        let data = opened.as_deref().and_then(|text| json::read(text.as_bytes())).or(data);
        let within = |name: &str| data.and_then(|it| it.get(name)).and_then(|it| it.scalar());
        let channel = channel.and_then(|it| it.text()).or_else(|| within("channel"));
        let mut unit = out.unit(NAME, "event");
        unit.name(&event);
        if let Some(channel) = &channel {
            unit.text("channel", channel);
        }
        if let Some(auth) = data.and_then(|it| it.get("auth")).filter(|it| it.inner() != b"") {
            unit.text("auth", &auth.text().unwrap_or_default()).secret(auth.inner());
        }
        for name in ["socket_id", "code"] {
            if let Some(value) = within(name) {
                unit.text(name, &value);
            }
        }
        if let Some(data) = data.filter(|it| it.whole) {
            let format = if data.shape == Shape::Text { Format::Text } else { Format::Json };
            unit.body(format, if format == Format::Text { data.inner() } else { data.raw });
        }
        if !input.is_whole() {
            unit.incomplete();
        }
        match &*event {
            "pusher:error" | "pusher:subscription_error" => {
                let message = within("message").or_else(|| within("error")).or_else(|| within("code"));
                unit.error(message.as_deref().unwrap_or("error"));
            }
            "pusher:ping" | "pusher:pong" => {
                unit.heartbeat();
            }
            _ => {}
        }
        pair(&mut unit, &event, channel.as_deref());
    }
}

/// Marks a unit as a question or as the answer to one.
fn pair(unit: &mut UnitBuilder<'_>, event: &str, channel: Option<&str>) {
    match (event, channel) {
        ("pusher:signin", _) => unit.ask(SIGN_IN, ""),
        ("pusher:signin_success", _) => {
            unit.answer(SIGN_IN, "");
        }
        ("pusher:subscribe", Some(channel)) => unit.ask(SUBSCRIPTIONS, channel),
        ("pusher_internal:subscription_succeeded" | "pusher:subscription_error", Some(channel)) => {
            unit.answer(SUBSCRIPTIONS, channel);
        }
        ("pusher:ping", _) => unit.ask(PINGS, ""),
        ("pusher:pong", _) => {
            unit.answer(PINGS, "");
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
    fn events_channels_and_errors() {
        let target = Some("/app/key1?protocol=7&client=js".into());
        let mut reader = Reader::new(Opening { target, ..Opening::default() });
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, br#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}"#),
            (
                Side::Client,
                br#"{"event":"pusher:subscribe","data":{"auth":"key1:sig","channel":"private-x"}}"#,
            ),
            (
                Side::Server,
                br#"{"event":"pusher:subscription_error","channel":"private-x","data":"{\"error\":\"no\"}"}"#,
            ),
            (Side::Server, br#"{"event":"news","channel":"c","data":"{\"t\":1}"}"#),
            (Side::Client, br#"{"event":"pusher:ping","data":{}}"#),
            (Side::Server, br#"{"event":"pusher:pong","data":"{}"}"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                r#"pusher event name=pusher:connection_established socket_id=1.2 body={"socket_id":"1.2"}"#,
                r#"pusher event name=pusher:subscribe role=question channel=private-x auth=(key1:sig) body={"auth":"key1:sig","channel":"private-x"}"#,
                r#"pusher event name=pusher:subscription_error role=answer of=pusher:subscribe latency=1 error=no channel=private-x body={"error":"no"}"#,
                r#"pusher event name=news channel=c body={"t":1}"#,
                "pusher event name=pusher:ping role=question heartbeat= body={}",
                "pusher event name=pusher:pong role=answer of=pusher:ping latency=1 heartbeat= body={}",
            ]
        );
    }
}
