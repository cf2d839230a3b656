//! JSON protocols in which one member, or the first item, identifies the type of a message: Meteor's DDP, nostr, and
//! the hot module replacement of Vite and webpack-dev-server.

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::protocol::{Evidence, Opening, Protocol};
use super::unit::Format;

pub(super) static DDP: Protocol = Protocol {
    members: &["msg", "server_id"],
    sign: |input, _| match json::pick(
        input.head(),
        input.is_whole(),
        ["msg", "version", "support", "server_id", "id", "collection", "methods"],
    ) {
        Some([Some(msg), Some(_), Some(_), ..]) if msg.is("connect") => Evidence::Sure,
        Some([Some(msg), ..]) if msg.is("connected") || msg.is("sub") || msg.is("ready") => Evidence::Weak,
        Some([Some(msg), _, _, _, Some(_), collection, _])
            if ["method", "result", "unsub", "nosub"].iter().any(|it| msg.is(it))
                || (collection.is_some() && ["added", "changed", "removed"].iter().any(|it| msg.is(it))) =>
        {
            Evidence::Weak
        }
        Some([Some(msg), .., Some(_)]) if msg.is("updated") => Evidence::Weak,
        // The server's greeting, which has only this member.
        Some([None, None, None, Some(_), ..])
            if json::read(input.head()).is_some_and(|it| it.members().count() == 1)
                && input.from == crate::model::Side::Server =>
        {
            Evidence::Sure
        }
        Some([Some(_), ..]) => Evidence::Neutral,
        _ => Evidence::Against,
    },
    inner: true,
    ..Protocol::new("ddp", |_| Box::new(TypedJson { say: ddp }))
};

pub(super) static NOSTR: Protocol = Protocol {
    headers: &["nostr"],
    sign: |input, _| {
        let Some(value) = json::array(input.head()) else {
            return Evidence::Against;
        };
        let mut items = value.items();
        match (items.next(), items.next()) {
            // An event's key and signature are hexadecimal strings of fixed length.
            (Some(kind), Some(event)) if kind.is("EVENT") && event.shape == Shape::Object => {
                let sig = event.get("sig").map_or(0, |it| it.inner().len());
                if sig == 128 { Evidence::Sure } else { Evidence::Against }
            }
            // Two texts from a relay, the first of which is a word of the protocol.
            (Some(kind), Some(text))
                if text.shape == Shape::Text
                    && ["AUTH", "NOTICE", "EOSE"].iter().any(|it| kind.is(it))
                    && items.next().is_none()
                    && input.from == crate::model::Side::Server =>
            {
                Evidence::Sure
            }
            (Some(kind), Some(text))
                if text.shape == Shape::Text && NOSTR_KINDS.iter().any(|it| kind.is(it)) =>
            {
                Evidence::Weak
            }
            _ => Evidence::Against,
        }
    },
    ..Protocol::new("nostr", |_| Box::new(TypedJson { say: nostr }))
};

pub(super) static VITE: Protocol = Protocol {
    headers: &["vite-hmr", "vite-ping"],
    members: &["type"],
    sign: |input, _| match json::pick(input.head(), input.is_whole(), ["type", "updates", "event"]) {
        Some([Some(kind), Some(updates), _])
            if kind.is("update") && updates.items().any(|it| it.get("acceptedPath").is_some()) =>
        {
            Evidence::Sure
        }
        Some([Some(kind), _, Some(event)])
            if kind.is("custom") && event.text().is_some_and(|it| it.starts_with("vite:")) =>
        {
            Evidence::Sure
        }
        Some([Some(kind), ..])
            if ["connected", "custom", "full-reload", "prune", "error", "ping"]
                .iter()
                .any(|it| kind.is(it)) =>
        {
            Evidence::Neutral
        }
        _ => Evidence::Against,
    },
    ..Protocol::new("vite-hmr", |_| Box::new(TypedJson { say: hot }))
};

pub(super) static WEBPACK: Protocol = Protocol {
    members: &["type"],
    sign: |input, opening: &Opening| {
        let Some([Some(kind)]) = json::pick(input.head(), input.is_whole(), ["type"]) else {
            return Evidence::Against;
        };
        let known = ["hot", "liveReload", "hash", "invalid", "still-ok", "overlay", "reconnect", "progress"];
        let is_known = known.iter().any(|it| kind.is(it));
        match opening.path() {
            // The first messages have only the type, on the server's own path.
            "/ws" if kind.is("hot") || kind.is("liveReload") => Evidence::Sure,
            "/ws" | "" if is_known => Evidence::Weak,
            _ if kind.is("ok") || kind.is("progress-update") => Evidence::Neutral,
            _ => Evidence::Against,
        }
    },
    ..Protocol::new("webpack-hmr", |_| Box::new(TypedJson { say: webpack }))
};

const NOSTR_KINDS: [&str; 13] = [
    "EVENT",
    "REQ",
    "CLOSE",
    "OK",
    "EOSE",
    "CLOSED",
    "NOTICE",
    "AUTH",
    "COUNT",
    "NEG-OPEN",
    "NEG-MSG",
    "NEG-CLOSE",
    "NEG-ERR",
];

/// The scopes of calls, of subscriptions and of pings.
const CALLS: u64 = 1;
const SUBSCRIPTIONS: u64 = 2;
const PINGS: u64 = 3;

/// A decoder for one of them; its only state is the open questions.
#[derive(Debug)]
struct TypedJson {
    /// Emits a message's value; returns `false` if it does not belong to the protocol.
    say: fn(&Input<'_>, Value<'_>, &mut Out<'_>) -> bool,
}

impl Decoder for TypedJson {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let is_said = json::read(input.head()).is_some_and(|value| (self.say)(input, value, out));
        if !is_said && input.is_whole() && input.length > 0 {
            out.contradiction();
        }
    }
}

/// Adds what every object has: its body, and whether it is incomplete.
fn finish(unit: &mut UnitBuilder<'_>, input: &Input<'_>, body: Option<Value<'_>>) {
    if let Some(body) = body.filter(|it| it.whole) {
        unit.body(Format::Json, body.raw);
    }
    if !input.is_whole() {
        unit.incomplete();
    }
}

/// Emits a message of Meteor's Distributed Data Protocol (DDP specification, version 1).
fn ddp(input: &Input<'_>, _: Value<'_>, out: &mut Out<'_>) -> bool {
    let names = [
        "msg",
        "id",
        "method",
        "name",
        "collection",
        "params",
        "result",
        "error",
        "subs",
        "session",
        "fields",
    ];
    let Some([msg, id, method, name, collection, params, result, error, subs, session, fields]) =
        json::pick(input.head(), input.is_whole(), names)
    else {
        return false;
    };
    let Some(kind) = msg.and_then(|it| it.text()) else {
        // The server's greeting.
        let greeting = json::pick(input.head(), input.is_whole(), ["server_id"]);
        if let Some([Some(_)]) = greeting {
            out.unit("ddp", "server_id");
        }
        return matches!(greeting, Some([Some(_)]));
    };
    let id = id.and_then(|it| it.scalar());
    let first_sub = subs.and_then(|it| it.items().next()).and_then(|it| it.text());
    let mut unit = out.unit("ddp", "message");
    unit.kind(&kind);
    for value in [method, name, collection] {
        if let Some(value) = value.and_then(|it| it.text()) {
            unit.name(&value);
            break;
        }
    }
    if let Some(id) = &id {
        unit.id(id);
    }
    if let Some(session) = session.and_then(|it| it.text()) {
        unit.text("session", &session);
    }
    if let Some(subs) = subs.filter(|it| it.whole) {
        unit.json("subs", subs.raw);
    }
    if let Some(error) = error {
        let reason = ["reason", "message", "error"].into_iter().find_map(|name| error.get(name)?.scalar());
        unit.error(reason.as_deref().unwrap_or("error"));
    }
    if &*kind == "error"
        && let Some([reason]) = json::pick(input.head(), input.is_whole(), ["reason"])
    {
        unit.error(reason.and_then(|it| it.text()).as_deref().unwrap_or("error"));
    }
    finish(&mut unit, input, params.or(result).or(error).or(fields));
    pair_ddp(&mut unit, &kind, id.as_deref(), first_sub.as_deref());
    true
}

/// Makes a DDP message a question or an answer, depending on its kind; `first_sub` is the first subscription it names.
fn pair_ddp(unit: &mut UnitBuilder<'_>, kind: &str, id: Option<&str>, first_sub: Option<&str>) {
    match kind {
        "connect" => unit.ask(CALLS, "connect"),
        "connected" | "failed" => {
            unit.answer(CALLS, "connect");
            if kind == "failed" {
                unit.static_error("failed");
            }
        }
        "method" => unit.ask(CALLS, (1, id)),
        "result" => {
            unit.answer(CALLS, (1, id));
        }
        "sub" => unit.ask(SUBSCRIPTIONS, id),
        "nosub" => {
            unit.answer(SUBSCRIPTIONS, id);
        }
        "ready" => {
            unit.answer(SUBSCRIPTIONS, first_sub);
        }
        "ping" => {
            unit.heartbeat();
            unit.ask(PINGS, id);
        }
        "pong" => {
            unit.heartbeat();
            unit.answer(PINGS, id);
        }
        _ => {}
    }
}

/// Emits a message of nostr (NIP-01, NIP-42, NIP-45, NIP-77).
fn nostr(input: &Input<'_>, value: Value<'_>, out: &mut Out<'_>) -> bool {
    let mut items = value.items();
    let Some(kind) = items.next() else { return false };
    let Some(kind) = NOSTR_KINDS.into_iter().find(|it| kind.is(it)) else { return false };
    let [second, third, fourth] = [items.next(), items.next(), items.next()];
    let [word, text] = [second, fourth].map(|it| it.and_then(|it| it.text()));
    let event = [second, third].into_iter().flatten().find(|it| it.shape == Shape::Object);
    let event_id = event.and_then(|it| it.get("id")).and_then(|it| it.text());
    let mut unit = out.unit("nostr", kind);
    if let Some(kind) = event.and_then(|it| it.get("kind")).and_then(|it| it.scalar()) {
        unit.text("event.kind", &kind);
    }
    // A relay's messages about a subscription contain its name, a client's publications the ID of the event.
    if let Some(id) = word.as_ref().filter(|_| !matches!(kind, "NOTICE" | "AUTH")).or(event_id.as_ref()) {
        unit.id(id);
    }
    finish(&mut unit, input, event);
    match kind {
        "NOTICE" => {
            unit.error(word.as_deref().unwrap_or("notice"));
        }
        "OK" if third.is_some_and(|it| it.shape == Shape::False) => {
            unit.error(text.as_deref().unwrap_or("refused"));
        }
        "CLOSED" | "NEG-ERR" => {
            unit.error(third.and_then(|it| it.text()).as_deref().unwrap_or("closed"));
        }
        _ => {}
    }
    match (kind, second.map(|it| it.shape)) {
        ("EVENT" | "AUTH", Some(Shape::Object)) => unit.ask(CALLS, event_id.as_deref()),
        ("OK", _) => {
            unit.answer(CALLS, word.as_deref());
        }
        ("REQ" | "COUNT", _) if input.from == crate::model::Side::Client => {
            unit.ask(SUBSCRIPTIONS, word.as_deref());
        }
        ("EVENT", Some(Shape::Text)) => {
            unit.progress(SUBSCRIPTIONS, word.as_deref());
        }
        ("EOSE" | "CLOSED" | "COUNT", _) => {
            unit.answer(SUBSCRIPTIONS, word.as_deref());
        }
        _ => {}
    }
    true
}

/// Emits a message of Vite's hot module replacement.
fn hot(input: &Input<'_>, _: Value<'_>, out: &mut Out<'_>) -> bool {
    say_type("vite-hmr", input, out)
}

/// Emits a message of webpack-dev-server.
fn webpack(input: &Input<'_>, _: Value<'_>, out: &mut Out<'_>) -> bool {
    say_type("webpack-hmr", input, out)
}

fn say_type(protocol: &'static str, input: &Input<'_>, out: &mut Out<'_>) -> bool {
    let names = ["type", "event", "data", "err", "updates", "path"];
    let Some([Some(kind), event, data, err, updates, path]) =
        json::pick(input.head(), input.is_whole(), names)
    else {
        return false;
    };
    let Some(kind) = kind.text() else { return false };
    let mut unit = out.unit(protocol, "message");
    unit.kind(&kind);
    let changed = updates.and_then(|it| it.items().next()).and_then(|it| it.get("path"));
    if let Some(name) = event.or(path).or(changed).and_then(|it| it.text()) {
        unit.name(&name);
    }
    if kind == "error" {
        unit.error(&err.and_then(|it| it.get("message")).and_then(|it| it.text()).unwrap_or("error".into()));
    } else if kind == "errors" {
        unit.static_error("errors");
    } else if kind == "ping" || kind == "pong" {
        unit.heartbeat();
    }
    finish(&mut unit, input, data.or(updates).or(err));
    true
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::super::tests::said;
    use super::*;
    use crate::model::Side;

    #[test]
    fn ddp_calls_and_subscriptions() {
        let mut reader = Reader::new(Opening::default());
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, br#"{"msg":"connect","version":"1","support":["1"]}"#),
            (Side::Server, br#"{"msg":"connected","session":"S1"}"#),
            (Side::Client, br#"{"msg":"sub","id":"0","name":"tasks","params":[]}"#),
            (Side::Server, br#"{"msg":"added","collection":"tasks","id":"t1","fields":{"a":1}}"#),
            (Side::Server, br#"{"msg":"ready","subs":["0"]}"#),
            (Side::Client, br#"{"msg":"method","id":"3","method":"fail","params":[]}"#),
            (Side::Server, br#"{"msg":"result","id":"3","error":{"error":500,"reason":"no"}}"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                "ddp connect role=question",
                "ddp connected role=answer latency=1 session=S1",
                "ddp sub name=tasks id=0 role=question body=[]",
                "ddp added name=tasks id=t1 body={\"a\":1}",
                "ddp ready role=answer of=tasks latency=2 subs=[\"0\"]",
                "ddp method name=fail id=3 role=question body=[]",
                "ddp result id=3 role=answer of=fail latency=1 error=no body={\"error\":500,\"reason\":\"no\"}",
            ]
        );
    }

    #[test]
    fn nostr_events_and_subscriptions() {
        let event = format!(r#"{{"id":"e1","kind":1,"sig":"{}"}}"#, "a".repeat(128));
        let publish = format!(r#"["EVENT",{event}]"#);
        let stored = format!(r#"["EVENT","s",{event}]"#);
        let mut reader = Reader::new(Opening::default());
        let messages: &[(Side, &[u8])] = &[
            (Side::Client, publish.as_bytes()),
            (Side::Server, br#"["OK","e1",false,"blocked"]"#),
            (Side::Client, br#"["REQ","s",{"kinds":[1]}]"#),
            (Side::Server, stored.as_bytes()),
            (Side::Server, br#"["EOSE","s"]"#),
        ];
        let lines: Vec<_> = said(&mut reader, messages)
            .iter()
            .map(|it| it.split(" body").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "nostr EVENT id=e1 role=question event.kind=1",
                "nostr OK id=e1 role=answer latency=1 error=blocked",
                "nostr REQ id=s role=question",
                "nostr EVENT id=s role=progress latency=1 event.kind=1",
                "nostr EOSE id=s role=answer latency=2",
            ]
        );
    }

    #[test]
    fn hot_module_replacement() {
        let opening = Opening { subprotocol: Some("vite-hmr".into()), ..Opening::default() };
        let mut reader = Reader::new(opening);
        let messages: &[(Side, &[u8])] = &[
            (Side::Server, br#"{"type":"update","updates":[{"type":"js-update","path":"/a.js"}]}"#),
            (Side::Client, br#"{"type":"custom","event":"my:event","data":{"x":1}}"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                r#"vite-hmr update name=/a.js body=[{"type":"js-update","path":"/a.js"}]"#,
                r#"vite-hmr custom name=my:event body={"x":1}"#,
            ]
        );
    }
}
