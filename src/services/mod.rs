//! Sub-protocols defined by rules in the filter language: those that ship with wirefin, and the user's own.
//!
//! A rule file is TOML, with one `[[subprotocol]]` per protocol. `docs/subprotocols.md` documents its keys.
//!
//! ```
//! use wirefin::services;
//! use wirefin::subprotocol::Service;
//!
//! let rules = services::parse("[[subprotocol]]\nname = 'trading'\nwhen = 'path == \"/feed\"'\nkind = 'json.op'\n")?;
//! assert_eq!(rules[0].name(), "trading");
//! assert!(services::parse("[[subprotocol]]\nname = 1\n").is_err());
//! # Ok::<(), services::Error>(())
//! ```

mod irc;
#[cfg(feature = "protobuf")]
mod proto;

#[cfg(feature = "protobuf")]
pub use proto::{ProtoError, ProtoFiles};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::event::{Conversation, Transport};
use crate::filter::{Expr, Facts, Filter, Step, Subject, places};
use crate::model::{Endpoint, Pair, Side};
use crate::subprotocol::{Described, Opening, Schema, Service, Settings, Split};
use crate::websocket::Opcode;

/// The rules that ship with wirefin.
const SHIPPED: &str = include_str!("shipped.toml");

/// Bounds the size of a unit that is parsed, in bytes; the contents of longer ones are ignored.
const MAX_UNIT: usize = 1 << 20;

/// An error in a rule file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not valid TOML, or contains unknown keys.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// The value of a key is invalid.
    #[error("sub-protocol {name}, key {key}: {why}")]
    Key {
        /// The sub-protocol.
        name: String,
        /// The key.
        key: &'static str,
        /// The reason why its value is invalid.
        why: String,
    },
}

/// Returns the default settings: every sub-protocol is decoded, including those of the shipped rules.
pub fn settings() -> Arc<Settings> {
    static SETTINGS: LazyLock<Arc<Settings>> =
        LazyLock::new(|| Arc::new(Settings { services: shipped(), ..Settings::default() }));
    SETTINGS.clone()
}

/// Returns the services that ship with wirefin.
pub fn shipped() -> Vec<Arc<dyn Service>> {
    parse(SHIPPED).unwrap_or_default()
}

/// Parses a rule file.
///
/// # Errors
///
/// Fails if it is not a valid rule file; the error names the key and the reason.
pub fn parse(text: &str) -> Result<Vec<Arc<dyn Service>>, Error> {
    parse_typed(text, None)
}

/// Parses a rule file whose key `proto` refers to the types of `schema`.
///
/// # Errors
///
/// Fails like [`parse`], and if there is no such type.
pub fn parse_typed(text: &str, schema: Option<&Arc<dyn Schema>>) -> Result<Vec<Arc<dyn Service>>, Error> {
    let file: File = toml::from_str(text)?;
    let rules = file.subprotocol.into_iter().map(|it| Rules::of(it, schema));
    rules.map(|it| it.map(|it| Arc::new(it) as Arc<dyn Service>)).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    subprotocol: Vec<Section>,
}

/// A protocol in a rule file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    name: String,
    when: Option<String>,
    or_first: Option<String>,
    format: Option<String>,
    proto: Option<Proto>,
    split: Option<String>,
    kind: Option<String>,
    kinds: BTreeMap<String, String>,
    unit: Option<String>,
    id: Option<String>,
    question: Option<String>,
    answer: Option<String>,
    error: Option<String>,
    error_if: Option<String>,
    heartbeat: Option<String>,
    secret: Vec<String>,
    body: Option<String>,
}

/// The Protocol Buffers message types: one for both sides, or one for each.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Proto {
    Both(String),
    Each {
        #[serde(default)]
        client: Option<String>,
        #[serde(default)]
        server: Option<String>,
    },
}

/// A location in a unit: the value there, or the name of the member itself.
#[derive(Debug)]
enum Place {
    Value(Vec<Step>),
    Member(Box<str>),
}

/// The compiled rules of a protocol.
#[derive(Debug)]
struct Rules {
    name: &'static str,
    when: Option<Filter>,
    or_first: Option<Filter>,
    irc: bool,
    /// The type of each side's binary messages.
    proto: Pair<Option<String>>,
    schema: Option<Arc<dyn Schema>>,
    split: Split,
    kind: Vec<Place>,
    kinds: BTreeMap<String, String>,
    unit: Vec<Place>,
    id: Vec<Place>,
    question: Option<Filter>,
    answer: Option<Filter>,
    error: Vec<Place>,
    error_if: Option<Filter>,
    heartbeat: Option<Filter>,
    secret: Vec<(&'static str, Place)>,
    body: Vec<Place>,
}

impl Rules {
    fn of(it: Section, schema: Option<&Arc<dyn Schema>>) -> Result<Self, Error> {
        let fault = |key, why: String| Error::Key { name: it.name.clone(), key, why };
        let filter = |key, text: &Option<String>| {
            let parsed = text.as_deref().map(Filter::parse).transpose();
            parsed.map_err(|error| fault(key, error.to_string()))
        };
        let find = |key, text: &Option<String>| {
            let places = text.as_deref().map(|text| text.split('|').map(|it| place(it.trim())).collect());
            places.unwrap_or_else(|| Ok(Vec::new())).map_err(|why| fault(key, why))
        };
        if it.name.is_empty() || it.name == "off" {
            return Err(fault("name", "a name is needed".into()));
        }
        let secret = it.secret.iter().map(|text| {
            let name = text.rsplit(['.', '@']).next().unwrap_or(text);
            place(text).map(|place| (leak(name), place)).map_err(|why| fault("secret", why))
        });
        let proto = match &it.proto {
            None => Pair::default(),
            Some(Proto::Both(both)) => Pair::from_fn(|_| Some(both.clone())),
            Some(Proto::Each { client, server }) => Pair { client: client.clone(), server: server.clone() },
        };
        let unknown = |name: &&String| schema.is_some_and(|schema| !schema.has(name));
        if let Some(name) = [&proto.client, &proto.server].into_iter().flatten().find(unknown) {
            return Err(fault("proto", format!("there is no message type {name} in the .proto files")));
        }
        Ok(Rules {
            name: leak(&it.name),
            proto,
            schema: schema.cloned(),
            when: filter("when", &it.when)?,
            or_first: filter("or_first", &it.or_first)?,
            irc: match it.format.as_deref() {
                None | Some("json") => false,
                Some("irc") => true,
                Some(other) => return Err(fault("format", format!("{other} is neither json nor irc"))),
            },
            split: split(it.split.as_deref()).map_err(|why| fault("split", why))?,
            kind: find("kind", &it.kind)?,
            unit: find("unit", &it.unit)?,
            id: find("id", &it.id)?,
            question: filter("question", &it.question)?,
            answer: filter("answer", &it.answer)?,
            error: find("error", &it.error)?,
            error_if: filter("error_if", &it.error_if)?,
            heartbeat: filter("heartbeat", &it.heartbeat)?,
            secret: secret.collect::<Result<_, _>>()?,
            body: find("body", &it.body)?,
            kinds: it.kinds,
        })
    }

    /// Returns the body to which tests and locations apply: the unit itself, or its conversion to JSON.
    fn body_of(&self, from: Side, text: &[u8]) -> Option<(Vec<u8>, Json)> {
        if self.irc {
            let json = irc::parse(text)?;
            return Some((json.to_string().into_bytes(), json));
        }
        if let (Some(message), Some(schema)) = (&self.proto[from], &self.schema)
            && let Some(text) = schema.json(message, text)
        {
            let json = serde_json::from_str(&text).ok()?;
            return Some((text.into_bytes(), json));
        }
        Some((text.to_vec(), serde_json::from_slice(text).ok()?))
    }
}

/// Leaks a word, so that it lives as long as the program: rules are read only once.
fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}

/// Parses the name of the way in which a message is split into units.
fn split(name: Option<&str>) -> Result<Split, String> {
    Ok(match name {
        None | Some("none") => Split::None,
        Some("lines") => Split::Lines,
        Some("rs") => Split::Records,
        Some("array") => Split::Array,
        Some("counted") => Split::Counted,
        Some(other) => return Err(format!("{other} is not one of none, lines, rs, array and counted")),
    })
}

/// Parses a location: `json.a[0].b`, or `json@name` for the name itself if the member is present.
fn place(text: &str) -> Result<Place, String> {
    if let Some(name) = text.strip_prefix("json@") {
        return Ok(Place::Member(name.into()));
    }
    let filter = Filter::parse(text).map_err(|error| error.to_string())?;
    match filter.expr() {
        Expr::Test(test) if matches!(test.how, crate::filter::How::Is) => match &test.subject {
            Subject::Json(steps) => Ok(Place::Value(steps.clone())),
            _ => Err(format!("{text} is no place in JSON")),
        },
        _ => Err(format!("{text} is no place in JSON")),
    }
}

/// Returns the first value that is present and not null.
fn first<'j>(list: &'j [Place], json: &'j Json) -> Option<std::borrow::Cow<'j, Json>> {
    use std::borrow::Cow;
    list.iter().find_map(|place| match place {
        Place::Value(steps) => {
            let mut found = None;
            places(json, steps, &mut |value| {
                if found.is_none() && !value.is_null() {
                    found = Some(value);
                }
            });
            found.map(Cow::Borrowed)
        }
        Place::Member(name) => json.get(&**name).map(|_| Cow::Owned(Json::from(&**name))),
    })
}

/// Returns the value at a location as text: that of a string, or a number's digits.
fn text_of(list: &[Place], json: &Json) -> Option<String> {
    match first(list, json)?.as_ref() {
        Json::String(text) => Some(text.clone()),
        it @ (Json::Number(_) | Json::Bool(_)) => Some(it.to_string()),
        _ => None,
    }
}

impl Service for Rules {
    fn name(&self) -> &'static str {
        self.name
    }

    fn split(&self) -> Split {
        self.split
    }

    fn opens(&self, opening: &Opening) -> bool {
        let Some(when) = &self.when else { return false };
        let nowhere = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let url = opening.target.as_deref().map(|target| {
            let host = opening.host.as_deref().unwrap_or("unknown");
            if target.contains("://") { target.into() } else { format!("ws://{host}{target}").into() }
        });
        let about = Conversation {
            client: nowhere,
            server: nowhere,
            url,
            subprotocol: opening.subprotocol.clone(),
            http: None,
            tls: None,
            proxy: None,
            transport: Transport::WebSocket,
        };
        when.matches(&Facts { conversation: Some(&about), ..Facts::default() })
    }

    fn begins(&self, from: Side, text: &[u8]) -> bool {
        let Some(test) = &self.or_first else { return false };
        let unit = match self.split {
            Split::Lines => text.split(|byte| *byte == b'\n').next().unwrap_or_default(),
            _ => text,
        };
        unit.len() <= MAX_UNIT && self.body_of(from, unit).is_some_and(|(body, _)| ask(test, from, &body))
    }

    fn describe(&self, from: Side, text: &[u8]) -> Option<Described> {
        if text.len() > MAX_UNIT {
            return Some(Described::default());
        }
        let Some((body, json)) = self.body_of(from, text) else {
            let is_protobuf = self.proto[from].is_some();
            return is_protobuf.then(|| Described { is_protobuf, ..Described::default() });
        };
        let is = |test: &Option<Filter>| test.as_ref().is_some_and(|test| ask(test, from, &body));
        let mut kind = text_of(&self.kind, &json);
        if let Some(name) = kind.as_ref().and_then(|kind| self.kinds.get(kind)) {
            kind = Some(name.clone());
        }
        let failed = self.error_if.is_none() || is(&self.error_if);
        let secrets = self.secret.iter().filter_map(|(name, place)| {
            text_of(std::slice::from_ref(place), &json).map(|value| (*name, value))
        });
        Some(Described {
            kind,
            name: text_of(&self.unit, &json),
            id: text_of(&self.id, &json),
            question: is(&self.question),
            answer: is(&self.answer),
            error: if failed { text_of(&self.error, &json) } else { None },
            heartbeat: is(&self.heartbeat),
            secrets: secrets.collect(),
            // Anything that was not sent as JSON is shown as converted.
            body: match &self.proto[from] {
                Some(_) if self.body.is_empty() => String::from_utf8(body).ok(),
                _ => first(&self.body, &json).map(|value| value.to_string()),
            },
            is_protobuf: false,
        })
    }
}

/// Applies a test to a unit.
fn ask(test: &Filter, from: Side, body: &[u8]) -> bool {
    let facts = Facts {
        from: Some(from),
        opcode: Some(Opcode::TEXT),
        body: Some(&body),
        is_text: true,
        len: Some(body.len() as u64),
        ..Facts::default()
    };
    test.matches(&facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(service: &str, from: Side, text: &str) -> Described {
        let all = shipped();
        let it = all.iter().find(|it| it.name() == service).unwrap();
        it.describe(from, text.as_bytes()).unwrap()
    }

    #[test]
    fn the_shipped_rules_are_understood() {
        assert_eq!(parse(SHIPPED).unwrap().len(), 11);
    }

    #[test]
    fn a_call_and_its_failure() {
        let call =
            described("homeassistant", Side::Client, r#"{"id":3,"type":"call_service","service":"on"}"#);
        assert_eq!((call.name.as_deref(), call.id.as_deref()), (Some("on"), Some("3")));
        assert!(call.question && !call.answer && call.error.is_none());
        let failed = described(
            "homeassistant",
            Side::Server,
            r#"{"id":3,"type":"result","success":false,"error":{"code":"x","message":"Unknown."}}"#,
        );
        assert!(failed.answer && !failed.question);
        assert_eq!(failed.error.as_deref(), Some("Unknown."));
        let login = described("homeassistant", Side::Client, r#"{"type":"auth","access_token":"abc"}"#);
        assert_eq!(login.secrets, [("access_token", "abc".to_owned())]);
    }

    #[test]
    fn numbers_have_names_and_members_are_kinds() {
        assert_eq!(described("ably", Side::Server, r#"{"action":0}"#).kind.as_deref(), Some("HEARTBEAT"));
        assert!(described("ably", Side::Server, r#"{"action":0}"#).heartbeat);
        let rpc = described("centrifugo", Side::Client, r#"{"rpc":{"method":"add"},"id":3}"#);
        assert_eq!((rpc.kind.as_deref(), rpc.name.as_deref()), (Some("rpc"), Some("add")));
    }

    #[test]
    fn lines_of_irc() {
        let said = described("twitch-irc", Side::Server, "@id=1 :ann!a@b PRIVMSG #chan :hello wörld");
        assert_eq!((said.kind.as_deref(), said.name.as_deref()), (Some("PRIVMSG"), Some("#chan")));
        assert_eq!(said.body.as_deref(), Some("\"hello wörld\""));
        assert_eq!(
            described("twitch-irc", Side::Client, "PASS oauth:x").secrets,
            [("password", "oauth:x".to_owned())]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let fault = |text: &str| parse(text).unwrap_err().to_string();
        assert!(fault("[[subprotocol]]\nname = 'a'\nwhen = 'colour == 1'").contains("key when"));
        assert!(fault("[[subprotocol]]\nname = 'a'\nid = 'len'").contains("no place in JSON"));
        assert!(fault("[[subprotocol]]\nname = 'a'\nsplit = 'words'").contains("words is not one of"));
        assert!(fault("[[subprotocol]]\nname = 'a'\nwho = 'b'").contains("who"));
        assert!(fault("[[subprotocol]]\nkind = 'json.a'").contains("a name is needed"));
    }
}
