//! GraphQL over WebSocket: graphql-transport-ws (the GraphQL over WebSocket Protocol) and its predecessor graphql-ws
//! (subscriptions-transport-ws).

use std::borrow::Cow;

use crate::model::{Anomaly, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::protocol::{Evidence, Protocol};
use super::unit::Format;

pub(super) static TRANSPORT: Protocol = Protocol {
    headers: &["graphql-transport-ws"],
    members: &["type"],
    sign: |input, _| sign(input, false),
    ..Protocol::new("graphql-transport-ws", |opening| {
        Box::new(GraphQl { legacy: false, named: opening.subprotocol.is_some() })
    })
};

pub(super) static LEGACY: Protocol = Protocol {
    headers: &["graphql-ws"],
    members: &["type"],
    sign: |input, _| sign(input, true),
    ..Protocol::new("graphql-ws", |opening| {
        Box::new(GraphQl { legacy: true, named: opening.subprotocol.is_some() })
    })
};

/// The scopes of questions.
const OPERATIONS: u64 = 1;
const CONNECTIONS: u64 = 2;
const PINGS: u64 = 3;

fn sign(input: &Input<'_>, legacy: bool) -> Evidence {
    let names = ["type", "id", "payload"];
    let Some([Some(kind), id, payload]) = json::pick(input.head(), input.is_whole(), names) else {
        return Evidence::Against;
    };
    let has = |member: &str| payload.is_some_and(|it| it.get(member).is_some());
    match kind.text().as_deref() {
        Some("subscribe") if !legacy && id.is_some() && has("query") => Evidence::Sure,
        Some("start") if legacy && id.is_some() && has("query") => Evidence::Sure,
        Some("next") if !legacy && id.is_some() && (has("data") || has("errors")) => Evidence::Weak,
        Some("data") if legacy && id.is_some() && (has("data") || has("errors")) => Evidence::Weak,
        // The client's next message shows which of the two it is.
        Some("connection_init" | "complete" | "connection_ack" | "ping" | "pong" | "ka") => Evidence::Neutral,
        _ => Evidence::Against,
    }
}

/// A decoder for both protocols.
#[derive(Debug)]
struct GraphQl {
    legacy: bool,
    /// Whether the handshake named the protocol.
    named: bool,
}

/// The members of a message.
struct Members<'a> {
    id: Option<Cow<'a, str>>,
    payload: Option<Value<'a>>,
    from: Side,
}

impl Decoder for GraphQl {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let whole = input.is_whole();
        let Some([kind, id, payload]) = json::pick(input.head(), whole, ["type", "id", "payload"]) else {
            if whole {
                out.contradiction();
            }
            return;
        };
        let Some(kind) = kind.and_then(|it| it.text()) else {
            if whole {
                out.contradiction();
            } else {
                out.unit(self.name(), "message").incomplete();
            }
            return;
        };
        self.dialect(&kind, out);
        let id = id.and_then(|it| it.scalar());
        let asked_twice = matches!(&*kind, "subscribe" | "start")
            && id.as_deref().is_some_and(|id| out.has_asked(OPERATIONS, id));
        if asked_twice {
            out.anomaly(Anomaly::GraphQlDuplicateId {});
        }
        let mut unit = out.unit(self.name(), "message");
        unit.kind(&kind);
        if !whole {
            unit.incomplete();
        }
        say(&mut unit, &kind, &Members { id, payload, from: input.from });
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let Some(code) = out.close else { return };
        let means = match code {
            4400 => "Bad Request",
            4401 => "Unauthorized",
            4403 => "Forbidden",
            4406 => "Subprotocol Not Acceptable",
            4408 => "Connection Initialisation Timeout",
            4409 => "Subscriber Already Exists",
            4429 => "Too Many Initialisation Requests",
            _ if (4400..=4499).contains(&code) => "refused",
            _ => return,
        };
        out.anomaly(Anomaly::GraphQlClosed { code, means });
    }
}

impl GraphQl {
    const fn name(&self) -> &'static str {
        if self.legacy { "graphql-ws" } else { "graphql-transport-ws" }
    }

    /// Determines which of the two it is from the words that only one of them has.
    fn dialect(&mut self, kind: &str, out: &mut Out<'_>) {
        let legacy = match kind {
            "start" | "start_ack" | "data" | "stop" | "ka" | "connection_terminate" | "connection_error" => {
                true
            }
            "subscribe" | "next" | "ping" | "pong" => false,
            _ => return,
        };
        if legacy != self.legacy && std::mem::replace(&mut self.named, false) {
            out.anomaly(Anomaly::GraphQlMisnamed { header: self.name() });
        }
        self.legacy = legacy;
    }
}

fn say(unit: &mut UnitBuilder<'_>, kind: &str, members: &Members<'_>) {
    let id = members.id.as_deref().unwrap_or_default();
    if !id.is_empty() {
        unit.id(id);
    }
    let payload = members.payload.filter(|it| it.shape != Shape::Null);
    match kind {
        "connection_init" => {
            if let Some(payload) = payload.filter(|it| it.whole) {
                unit.json("payload", payload.raw).secret(payload.raw);
            }
            unit.ask(CONNECTIONS, 0);
        }
        "connection_ack" => {
            unit.answer(CONNECTIONS, 0);
        }
        "connection_error" => {
            errors(unit, payload.and_then(|it| it.get("errors")).or(payload));
            unit.answer(CONNECTIONS, 0);
        }
        "subscribe" | "start" => {
            operation(unit, payload);
            unit.ask(OPERATIONS, id);
        }
        "next" | "data" => {
            if let Some(payload) = payload {
                errors(unit, payload.get("errors"));
                if payload.whole {
                    unit.body(Format::Json, payload.raw);
                }
            }
            unit.progress(OPERATIONS, id);
        }
        "error" => {
            errors(unit, payload.and_then(|it| it.get("errors")).or(payload));
            unit.answer(OPERATIONS, id);
        }
        "complete" if members.from == Side::Client => unit.cancel(OPERATIONS, id),
        "complete" => {
            unit.answer(OPERATIONS, id);
        }
        // AppSync confirms a subscription.
        "start_ack" => {
            unit.progress(OPERATIONS, id);
        }
        "stop" => unit.continues(OPERATIONS, id),
        "ping" => {
            unit.heartbeat();
            unit.ask(PINGS, 0);
        }
        "pong" => {
            unit.heartbeat();
            unit.answer(PINGS, 0);
        }
        "ka" => {
            unit.heartbeat();
        }
        _ => {}
    }
}

/// Sets the requested operation: its kind and its name, from `operationName` or from the document.
fn operation(unit: &mut UnitBuilder<'_>, payload: Option<Value<'_>>) {
    let Some(payload) = payload else { return };
    // AppSync has the operation as JSON in a string.
    let within = payload.get("data").and_then(|it| it.text());
    let (bytes, whole) = within.as_deref().map_or((payload.raw, payload.whole), |it| (it.as_bytes(), true));
    let Some([name, query, variables]) = json::pick(bytes, whole, ["operationName", "query", "variables"])
    else {
        return;
    };
    let query = query.and_then(|it| it.text());
    let (operation, in_document) = query.as_deref().map(definition).unwrap_or_default();
    if let Some(operation) = operation {
        unit.text("operation", operation);
    }
    let name = name.and_then(|it| it.text());
    if let Some(name) = name.as_deref().or(in_document) {
        unit.name(name);
    }
    if let Some(variables) = variables.filter(|it| it.whole) {
        unit.body(Format::Json, variables.raw);
    }
}

/// Parses the kind and the name of a document's first operation (GraphQL, "Document").
fn definition(document: &str) -> (Option<&'static str>, Option<&str>) {
    let mut rest = document;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.find('\n').and_then(|at| comment.get(at..)).unwrap_or_default(),
            None => break,
        }
    }
    if rest.starts_with('{') {
        return (Some("query"), None);
    }
    let Some(operation) = ["query", "mutation", "subscription"].into_iter().find(|it| rest.starts_with(it))
    else {
        return (None, None);
    };
    let rest = rest.get(operation.len()..).unwrap_or_default();
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return (None, None);
    }
    let name = rest.trim_start();
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    (Some(operation), name.get(..end).filter(|it| !it.is_empty()))
}

/// Sets the message of the first error, which may be in a list or stand alone.
fn errors(unit: &mut UnitBuilder<'_>, errors: Option<Value<'_>>) {
    let Some(errors) = errors else { return };
    let first = if errors.shape == Shape::Array { errors.items().next() } else { Some(errors) };
    let Some(first) = first else { return };
    let message = first.get("message").and_then(|it| it.text()).or_else(|| first.text());
    match message {
        Some(message) => unit.error(&message),
        None => unit.static_error("error"),
    };
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::super::{Opening, Reader};
    use super::*;
    use Side::{Client, Server};

    #[test]
    fn operations_are_named_by_their_document() {
        assert_eq!(definition("query Hello($n:Int){a}"), (Some("query"), Some("Hello")));
        assert_eq!(definition(" # why\n subscription{a}"), (Some("subscription"), None));
        assert_eq!(definition("{a}"), (Some("query"), None));
        assert_eq!(definition("queryable"), (None, None));
        assert_eq!(definition("fragment F on A{b}"), (None, None));
    }

    #[test]
    fn a_conversation_of_the_protocol() {
        let opening = Opening { subprotocol: Some("graphql-transport-ws".into()), ..Opening::default() };
        let messages: &[(Side, &[u8])] = &[
            (Client, br#"{"type":"connection_init","payload":{"token":"abc"}}"#),
            (Server, br#"{"type":"connection_ack"}"#),
            (
                Client,
                br#"{"id":"1","type":"subscribe","payload":{"query":"query Hello{h}","variables":{"n":3}}}"#,
            ),
            (Client, br#"{"id":"1","type":"subscribe","payload":{"query":"{h}"}}"#),
            (
                Server,
                br#"{"id":"1","type":"next","payload":{"data":{"h":null},"errors":[{"message":"boom"}]}}"#,
            ),
            (Server, br#"{"id":"1","type":"complete"}"#),
            (Client, br#"{"type":"ping"}"#),
            (Server, br#"{"type":"pong"}"#),
        ];
        assert_eq!(
            said(&mut Reader::new(opening), messages),
            [
                r#"graphql-transport-ws connection_init role=question payload=({"token":"abc"})"#,
                "graphql-transport-ws connection_ack role=answer latency=1",
                r#"graphql-transport-ws subscribe name=Hello id=1 role=question operation=query body={"n":3}"#,
                "graphql-transport-ws subscribe id=1 role=question operation=query",
                "! graphql-duplicate-id",
                r#"graphql-transport-ws next id=1 role=progress latency=1 error=boom body={"data":{"h":null},"errors":[{"message":"boom"}]}"#,
                "graphql-transport-ws complete id=1 role=answer latency=2",
                "graphql-transport-ws ping role=question heartbeat=",
                "graphql-transport-ws pong role=answer latency=1 heartbeat=",
            ]
        );
    }

    #[test]
    fn the_new_protocol_under_the_old_name() {
        let opening = Opening { subprotocol: Some("graphql-ws".into()), ..Opening::default() };
        let messages: &[(Side, &[u8])] = &[
            (Client, br#"{"type":"connection_init"}"#),
            (Client, br#"{"id":"1","type":"subscribe","payload":{"query":"{h}"}}"#),
        ];
        assert_eq!(
            said(&mut Reader::new(opening), messages),
            [
                "graphql-ws connection_init role=question",
                "graphql-transport-ws subscribe id=1 role=question operation=query",
                "! graphql-misnamed",
            ]
        );
    }

    #[test]
    fn appsync_has_the_operation_in_a_string() {
        let mut reader =
            Reader::new(Opening { subprotocol: Some("graphql-ws".into()), ..Opening::default() });
        let start = br#"{"id":"1","type":"start","payload":{"data":"{\"query\":\"subscription OnAdd { a }\",\"variables\":{}}","extensions":{}}}"#;
        let messages: &[(Side, &[u8])] = &[
            (Client, start),
            (Server, br#"{"id":"1","type":"start_ack"}"#),
            (Server, br#"{"id":"1","type":"error","payload":{"errors":[{"message":"no"}]}}"#),
        ];
        assert_eq!(
            said(&mut reader, messages),
            [
                "graphql-ws start name=OnAdd id=1 role=question operation=subscription body={}",
                "graphql-ws start_ack id=1 role=progress of=OnAdd latency=1",
                "graphql-ws error id=1 role=answer of=OnAdd latency=2 error=no",
            ]
        );
    }
}
