//! JSON-RPC 2.0 and its relatives: the Language Server Protocol and Ethereum, which use it unchanged; the Model Context
//! Protocol, which adds its own methods; the Chrome DevTools Protocol and tRPC, which omit `jsonrpc`.

use crate::model::{Anomaly, Side};

use super::decoder::{Decoder, Out, UnitBuilder};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::protocol::{Evidence, Opening, Protocol};
use super::unit::Format;

pub(super) static JSON_RPC: Protocol = Protocol {
    headers: &["jsonrpc", "json-rpc", "jsonrpc-2.0"],
    members: &["jsonrpc"],
    sign: |input, _| sign(Dialect::JsonRpc, input),
    inner: true,
    ..Protocol::new("json-rpc", |opening| JsonRpc::begin(Dialect::JsonRpc, opening))
};

pub(super) static MCP: Protocol = Protocol {
    headers: &["mcp"],
    members: &["jsonrpc"],
    sign: |input, _| sign(Dialect::Mcp, input),
    inner: true,
    ..Protocol::new("mcp", |opening| JsonRpc::begin(Dialect::Mcp, opening))
};

pub(super) static CDP: Protocol = Protocol {
    url: |opening| {
        let path = opening.path();
        ["browser", "page", "worker", "service_worker", "shared_worker", "other", "iframe"]
            .iter()
            .any(|kind| path.strip_prefix("/devtools/").is_some_and(|rest| rest.starts_with(kind)))
    },
    members: &["method", "id"],
    sign: |input, _| sign(Dialect::Cdp, input),
    ..Protocol::new("cdp", |opening| JsonRpc::begin(Dialect::Cdp, opening))
};

pub(super) static TRPC: Protocol = Protocol {
    url: |opening| opening.query("connectionParams") == Some("1") && opening.path().contains("trpc"),
    members: &["method", "result"],
    sign: |input, _| match json::pick(input.head(), input.is_whole(), ["jsonrpc", "id", "result"]) {
        // If the beginning of the stream was not captured, what subscriptions deliver.
        Some([None, Some(id), Some(result)])
            if id.shape == Shape::Number
                && result
                    .get("type")
                    .is_some_and(|it| it.is("data") || it.is("started") || it.is("stopped")) =>
        {
            Evidence::Weak
        }
        _ if matches!(input.head(), b"PING" | b"PONG") => Evidence::Neutral,
        _ => sign(Dialect::Trpc, input),
    },
    ..Protocol::new("trpc", |opening| JsonRpc::begin(Dialect::Trpc, opening))
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    JsonRpc,
    Mcp,
    Cdp,
    Trpc,
}

impl Dialect {
    const fn name(self) -> &'static str {
        match self {
            Dialect::JsonRpc => "json-rpc",
            Dialect::Mcp => "mcp",
            Dialect::Cdp => "cdp",
            Dialect::Trpc => "trpc",
        }
    }
}

/// The scopes of questions with a single answer, and of those with a stream of answers.
const CALLS: u64 = 1;
const STREAMS: u64 = 2;

fn sign(dialect: Dialect, input: &Input<'_>) -> Evidence {
    let head = input.head();
    let first = match json::first_byte(head) {
        Some(b'[') => json::array(head).and_then(|it| it.items().next()).map(|it| it.raw),
        Some(b'{') => Some(head),
        _ => None,
    };
    let names = ["jsonrpc", "method", "params", "id"];
    let Some([version, method, params, id]) = first.and_then(|it| json::pick(it, input.is_whole(), names))
    else {
        return Evidence::Against;
    };
    let is_2 = version.is_some_and(|it| it.is("2.0"));
    let named = method.and_then(|it| it.text());
    match dialect {
        Dialect::JsonRpc if is_2 => Evidence::Sure,
        Dialect::Mcp if is_2 => {
            let version = params.and_then(|it| it.get("protocolVersion"));
            let begins = method.is_some_and(|it| it.is("initialize")) && version.is_some();
            if begins || named.as_deref().is_some_and(is_mcp) { Evidence::Sure } else { Evidence::Against }
        }
        Dialect::Cdp if version.is_none() => match named {
            Some(method) if is_command(&method) => Evidence::Weak,
            None if id.is_some_and(|it| it.shape == Shape::Number) => Evidence::Neutral,
            _ => Evidence::Against,
        },
        Dialect::Trpc => match named.as_deref() {
            Some("query" | "mutation" | "subscription")
                if params.is_some_and(|it| it.get("path").is_some()) && id.is_some() =>
            {
                Evidence::Sure
            }
            _ => Evidence::Against,
        },
        _ => Evidence::Against,
    }
}

/// Returns whether a method is unique to the Model Context Protocol.
fn is_mcp(method: &str) -> bool {
    if memchr::memchr(b'/', method.as_bytes()).is_none() {
        return false;
    }
    let list = ["tools", "resources", "prompts"].iter().any(|it| method.strip_prefix(it) == Some("/list"));
    let calls = ["tools/call", "prompts/get", "resources/read", "sampling/createMessage"];
    list || calls.contains(&method)
        || ["progress", "message", "initialized", "cancelled"]
            .iter()
            .any(|it| method.strip_prefix("notifications/") == Some(*it))
}

/// Returns whether a method is named in the style of the DevTools Protocol: `Page.enable`.
fn is_command(method: &str) -> bool {
    method.split_once('.').is_some_and(|(domain, name)| {
        domain.starts_with(|c: char| c.is_ascii_uppercase())
            && domain.chars().all(|c| c.is_ascii_alphanumeric())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// A decoder for JSON-RPC; its only state is the open questions.
#[derive(Debug)]
struct JsonRpc {
    dialect: Dialect,
    /// Whether everything sent is known.
    whole: bool,
}

impl JsonRpc {
    fn begin(dialect: Dialect, opening: &Opening) -> Box<dyn Decoder> {
        Box::new(JsonRpc { dialect, whole: opening.target.is_some() })
    }
}

impl Decoder for JsonRpc {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        if self.dialect == Dialect::Trpc && matches!(head, b"PING" | b"PONG") {
            return heartbeat(head, out);
        }
        match json::first_byte(head) {
            Some(b'[') => {
                for item in json::array(head).iter().flat_map(Value::items) {
                    self.object(item.raw, item.whole, out);
                }
            }
            Some(b'{') => self.object(head, input.is_whole(), out),
            _ if input.length == 0 || !input.is_whole() => {}
            _ => out.contradiction(),
        }
        self.whole &= input.is_whole();
    }

    fn lost(&mut self, _: Side) {
        self.whole = false;
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let answers = out.unmatched_answers();
        // A subscription of tRPC continues for a while after it was stopped.
        if answers > 0 && self.whole && self.dialect != Dialect::Trpc {
            out.anomaly(Anomaly::JsonRpcUnasked { answers });
        }
    }
}

fn heartbeat(head: &[u8], out: &mut Out<'_>) {
    let ping = head == b"PING";
    let mut unit = out.unit("trpc", if ping { "PING" } else { "PONG" });
    unit.heartbeat();
    if ping {
        unit.ask(0, "PING");
    } else {
        unit.answer(0, "PING");
    }
}

/// The members that identify an object.
struct Members<'a> {
    id: Option<Value<'a>>,
    method: Option<Value<'a>>,
    params: Option<Value<'a>>,
    result: Option<Value<'a>>,
    error: Option<Value<'a>>,
    session: Option<Value<'a>>,
}

impl JsonRpc {
    fn object(&mut self, bytes: &[u8], whole: bool, out: &mut Out<'_>) {
        let names = ["id", "method", "params", "result", "error", "sessionId"];
        let Some([id, method, params, result, error, session]) = json::pick(bytes, whole, names) else {
            return out.contradiction();
        };
        let id = id.filter(|it| it.shape != Shape::Null);
        let named = method.and_then(|it| it.text());
        // A response that came first does not show the dialect.
        if self.dialect == Dialect::JsonRpc && named.as_deref().is_some_and(is_mcp) {
            self.dialect = Dialect::Mcp;
        }
        let members = Members { id, method, params, result, error, session };
        if self.dialect == Dialect::Trpc {
            return trpc(&members, bytes, whole, out);
        }
        if let Some(method) = named {
            self.call(&method, &members, whole, out);
        } else if result.is_some() || error.is_some() {
            self.answer(&members, whole, out);
        } else if whole {
            out.contradiction();
        } else {
            out.unit(self.dialect.name(), "message").incomplete();
        }
    }

    fn call(&self, method: &str, members: &Members<'_>, whole: bool, out: &mut Out<'_>) {
        let kind = match (self.dialect, members.id) {
            (Dialect::Cdp, Some(_)) => "command",
            (Dialect::Cdp, None) => "event",
            (_, Some(_)) => "request",
            // Its ID may be among the missing bytes.
            (_, None) if !whole => "call",
            (_, None) => "notification",
        };
        let mut unit = out.unit(self.dialect.name(), kind);
        unit.name(method);
        if !whole {
            unit.incomplete();
        }
        if self.dialect == Dialect::Mcp && method == "ping" {
            unit.heartbeat();
        }
        if let Some(params) = members.params {
            match (self.dialect, method) {
                (Dialect::Mcp, "tools/call" | "prompts/get") => {
                    text_of(&mut unit, "params.name", params, "name");
                }
                (Dialect::Mcp, "resources/read") => text_of(&mut unit, "params.uri", params, "uri"),
                (_, "$/cancelRequest") => text_of(&mut unit, "params.id", params, "id"),
                // What a subscription delivers, from Ethereum nodes and others.
                (Dialect::JsonRpc, _) if members.id.is_none() => {
                    text_of(&mut unit, "params.subscription", params, "subscription");
                }
                _ => {}
            }
            if params.whole {
                unit.body(Format::Json, params.raw);
            }
        }
        session(&mut unit, members.session);
        if let Some(id) = members.id {
            identify(&mut unit, id);
            unit.ask(scope(members.session), id.raw);
        }
    }

    fn answer(&self, members: &Members<'_>, whole: bool, out: &mut Out<'_>) {
        let kind = if members.error.is_some_and(|it| it.shape != Shape::Null) { "error" } else { "result" };
        let mut unit = out.unit(self.dialect.name(), kind);
        if !whole {
            unit.incomplete();
        }
        if kind == "error" {
            error(&mut unit, members.error);
        } else if let Some(result) = members.result {
            if self.dialect == Dialect::Mcp {
                tool_error(&mut unit, result);
            }
            if result.whole {
                unit.body(Format::Json, result.raw);
            }
        }
        session(&mut unit, members.session);
        if let Some(id) = members.id {
            identify(&mut unit, id);
            unit.answer(scope(members.session), id.raw);
        }
        if self.dialect == Dialect::Mcp && unit.current_of() == Some("ping") {
            unit.heartbeat();
        }
    }
}

fn text_of(unit: &mut UnitBuilder<'_>, field: &'static str, value: Value<'_>, member: &str) {
    if let Some(text) = value.get(member).and_then(|it| it.scalar()) {
        unit.text(field, &text);
    }
}

fn identify(unit: &mut UnitBuilder<'_>, id: Value<'_>) {
    if let Some(id) = id.scalar() {
        unit.id(&id);
    }
}

/// Sets the session of a target, within which IDs are numbered (DevTools Protocol, "flatten").
fn session(unit: &mut UnitBuilder<'_>, session: Option<Value<'_>>) {
    if let Some(session) = session.and_then(|it| it.text()) {
        unit.text("sessionId", &session);
    }
}

fn scope(session: Option<Value<'_>>) -> u64 {
    match session {
        Some(session) => ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(session.raw),
        None => CALLS,
    }
}

/// Sets an error object: its message, or its code if it has none (JSON-RPC 2.0 §5.1).
fn error(unit: &mut UnitBuilder<'_>, error: Option<Value<'_>>) {
    let Some(error) = error else { return };
    let Some([code, message, data]) = json::pick(error.raw, error.whole, ["code", "message", "data"]) else {
        unit.error(&error.text().unwrap_or_default());
        return;
    };
    let number = code.and_then(|it| it.signed());
    if let Some(number) = number {
        unit.signed("code", number);
    }
    match (message.and_then(|it| it.text()), number) {
        (Some(message), _) => unit.error(&message),
        (None, Some(number)) => unit.error(&number.to_string()),
        (None, None) => unit.static_error("error"),
    };
    if let Some(word) = data.and_then(|it| it.get("code")?.text()) {
        unit.text("data.code", &word);
    }
    if error.whole {
        unit.body(Format::Json, error.raw);
    }
}

/// Sets an error that a tool reports, which the protocol sends as a result (MCP, "Error Handling").
fn tool_error(unit: &mut UnitBuilder<'_>, result: Value<'_>) {
    let Some([failed, content]) = json::pick(result.raw, result.whole, ["isError", "content"]) else {
        return;
    };
    if failed.is_none_or(|it| it.shape != Shape::True) {
        return;
    }
    let text = content.and_then(|it| it.items().next()?.get("text")?.text());
    match text {
        Some(text) => unit.error(&text),
        None => unit.static_error("isError"),
    };
}

/// Emits an object of tRPC: the kind of the call is its method, the name its path.
fn trpc(members: &Members<'_>, bytes: &[u8], whole: bool, out: &mut Out<'_>) {
    let id = members.id.map(|it| it.raw);
    if let Some(method) = members.method.and_then(|it| it.text()) {
        let mut unit = out.unit("trpc", "call");
        unit.kind(&method);
        if let Some(path) = members.params.and_then(|it| it.get("path")?.text()) {
            unit.name(&path);
        }
        if let Some(input) = members.params.and_then(|it| it.get("input")).filter(|it| it.whole) {
            unit.body(Format::Json, input.raw);
        }
        if method == "connectionParams" {
            let data = json::pick(bytes, whole, ["data"]).and_then(|[data]| data).filter(|it| it.whole);
            if let Some(data) = data {
                unit.json("data", data.raw).secret(data.raw);
            }
        }
        if let Some(id) = members.id {
            identify(&mut unit, id);
        }
        match (&*method, id) {
            ("query" | "mutation", Some(id)) => unit.ask(CALLS, id),
            ("subscription", Some(id)) => unit.ask(STREAMS, id),
            _ => {}
        }
        return;
    }
    let kind = match members.result {
        _ if members.error.is_some() => "error".into(),
        Some(result) => result.get("type").and_then(|it| it.text()).unwrap_or_else(|| "result".into()),
        None if whole => return out.contradiction(),
        None => "message".into(),
    };
    let streams = id.is_some_and(|id| out.is_asked(STREAMS, id));
    let mut unit = out.unit("trpc", "answer");
    unit.kind(&kind);
    if members.error.is_some() {
        error(&mut unit, members.error);
    }
    if let Some(data) = members.result.and_then(|it| it.get("data")).filter(|it| it.whole) {
        unit.body(Format::Json, data.raw);
    }
    if let Some(id) = members.id {
        identify(&mut unit, id);
        match (&*kind, streams) {
            ("started" | "data", true) => unit.progress(STREAMS, id.raw),
            (_, true) => unit.answer(STREAMS, id.raw),
            (_, false) => unit.answer(CALLS, id.raw),
        };
    }
}
