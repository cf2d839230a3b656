//! WAMP v2 (the Web Application Messaging Protocol), serialised as JSON, MessagePack or CBOR, optionally batched.

use std::collections::VecDeque;

use crate::model::{Anomaly, Pair, Side};

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::json::{self, Shape, Value};
use super::packed::{Packing, write_json};
use super::protocol::{Evidence, Opening, Protocol};
use super::unit::Format;

pub(super) static WAMP: Protocol = Protocol {
    headers: &["wamp.2.json*", "wamp.2.msgpack*", "wamp.2.cbor*"],
    sign,
    ..Protocol::new("wamp", |opening| {
        let chosen = opening.subprotocol.as_deref().unwrap_or("wamp.2.json");
        let packing = match chosen {
            it if it.contains("msgpack") => Some(Packing::MessagePack),
            it if it.contains("cbor") => Some(Packing::Cbor),
            _ => None,
        };
        Box::new(Wamp {
            packing,
            named: opening.subprotocol.is_some(),
            batched: chosen.ends_with(".batched"),
            uris: VecDeque::new(),
            asked: Pair::default(),
            lossy: false,
            wrong_opcode: None,
        })
    })
};

const NAME: &str = "wamp";

/// Bounds the number of IDs whose URIs are stored.
const MAX_URIS: usize = 256;

/// Bounds the size of a message that is judged on its own, in bytes.
const MAX_SIGN: usize = 4096;

/// Bounds the JSON text of a packed message, in bytes.
const MAX_TEXT: usize = 64 << 10;

/// A part of a message after its code (WAMP v2, "Message Codes and Direction").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Realm,
    Session,
    Dict,
    Request,
    /// The code of the message to which an ERROR refers.
    About,
    Uri,
    /// The ID of a subscription, registration or publication.
    Id(&'static str),
    Signature,
    Args,
    Kwargs,
}

use Part::{About, Args, Dict, Id, Kwargs, Realm, Request, Session, Signature, Uri};

/// A message type: its code, its name and its parts.
type Kind = (u64, &'static str, &'static [Part]);

const KINDS: &[Kind] = &[
    (1, "HELLO", &[Realm, Dict]),
    (2, "WELCOME", &[Session, Dict]),
    (3, "ABORT", &[Dict, Uri, Args, Kwargs]),
    (4, "CHALLENGE", &[Signature, Dict]),
    (5, "AUTHENTICATE", &[Signature, Dict]),
    (6, "GOODBYE", &[Dict, Uri]),
    (8, "ERROR", &[About, Request, Dict, Uri, Args, Kwargs]),
    (16, "PUBLISH", &[Request, Dict, Uri, Args, Kwargs]),
    (17, "PUBLISHED", &[Request, Id("publication")]),
    (32, "SUBSCRIBE", &[Request, Dict, Uri]),
    (33, "SUBSCRIBED", &[Request, Id("subscription")]),
    (34, "UNSUBSCRIBE", &[Request, Id("subscription")]),
    (35, "UNSUBSCRIBED", &[Request]),
    (36, "EVENT", &[Id("subscription"), Id("publication"), Dict, Args, Kwargs]),
    (48, "CALL", &[Request, Dict, Uri, Args, Kwargs]),
    (49, "CANCEL", &[Request, Dict]),
    (50, "RESULT", &[Request, Dict, Args, Kwargs]),
    (64, "REGISTER", &[Request, Dict, Uri]),
    (65, "REGISTERED", &[Request, Id("registration")]),
    (66, "UNREGISTER", &[Request, Id("registration")]),
    (67, "UNREGISTERED", &[Request]),
    (68, "INVOCATION", &[Request, Id("registration"), Dict, Args, Kwargs]),
    (69, "INTERRUPT", &[Request, Dict]),
    (70, "YIELD", &[Request, Dict, Args, Kwargs]),
];

/// A decoder for WAMP.
#[derive(Debug)]
struct Wamp {
    /// `None` for JSON.
    packing: Option<Packing>,
    /// Whether the serialisation is known, from the handshake or from the first message.
    named: bool,
    batched: bool,
    /// The URIs of registrations and subscriptions, by the name of the kind and the ID.
    uris: VecDeque<(&'static str, Box<str>, Box<str>)>,
    /// Whether frames were lost.
    lossy: bool,
    /// The opcode of the current message, if it does not match the serialisation.
    wrong_opcode: Option<u8>,
    /// The URIs that each side asked to register or subscribe to, by request, until the answer arrives.
    asked: Pair<VecDeque<(Box<str>, Box<str>)>>,
}

/// Judges whether a message may belong to WAMP by its parts: an array of a code and what that code requires.
fn sign(input: &Input<'_>, _: &Opening) -> Evidence {
    if !input.is_whole() || input.bytes.len() > MAX_SIGN {
        return Evidence::Neutral;
    }
    if let Some(parts) = batch(input) {
        return judge_batch(&parts, input);
    }
    judge_one(input)
}

/// Judges one message.
fn judge_one(input: &Input<'_>) -> Evidence {
    let mut text = String::new();
    let json = match packing_of(input) {
        None => input.bytes,
        Some(packing) => {
            if !write_json(packing, input.bytes, MAX_TEXT, &mut text) {
                return Evidence::Against;
            }
            text.as_bytes()
        }
    };
    let Some(value) = json::array(json) else {
        return Evidence::Against;
    };
    let mut items = value.items();
    let code = items.next().and_then(|it| it.number());
    let Some((_, kind, parts)) = KINDS.iter().find(|(of, ..)| Some(*of) == code) else {
        return Evidence::Against;
    };
    let mut weighty = matches!(*kind, "EVENT" | "INVOCATION");
    for part in *parts {
        let Some(item) = items.next() else {
            if matches!(part, Args | Kwargs) {
                break;
            }
            return Evidence::Against;
        };
        let fits = match part {
            Session | Request | About | Id(_) => item.shape == Shape::Number,
            Dict => item.shape == Shape::Object,
            // Some send null for those that are not there.
            Args => matches!(item.shape, Shape::Array | Shape::Null),
            Kwargs => matches!(item.shape, Shape::Object | Shape::Null),
            Realm | Signature => item.shape == Shape::Text,
            Uri => item.text().is_some_and(|uri| uri.contains('.')),
        };
        weighty |= *part == Uri;
        if !fits {
            return Evidence::Against;
        }
    }
    match items.next() {
        Some(_) => Evidence::Against,
        None if weighty => Evidence::Weak,
        None => Evidence::Neutral,
    }
}

/// Splits a batch of packed messages, each with a four-byte length prefix; returns `None` if it is not a batch.
fn batch<'a>(input: &Input<'a>) -> Option<Vec<&'a [u8]>> {
    let (mut rest, mut parts) = (input.head(), Vec::new());
    // The first length is less than 16 MiB, and no array begins with such a byte.
    if input.is_text() || !input.is_whole() || rest.first() != Some(&0) {
        return None;
    }
    while !rest.is_empty() {
        let (length, behind) = rest.split_at_checked(4)?;
        let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let (part, behind) = behind.split_at_checked(length)?;
        parts.push(part);
        rest = behind;
    }
    Some(parts)
}

/// Judges the messages of a batch: all of them must belong to WAMP.
fn judge_batch(parts: &[&[u8]], input: &Input<'_>) -> Evidence {
    let mut evidence = Evidence::Neutral;
    for part in parts {
        let alone = Input { bytes: part, length: part.len() as u64, ..*input };
        match judge_one(&alone) {
            Evidence::Against => return Evidence::Against,
            Evidence::Weak | Evidence::Sure => evidence = Evidence::Weak,
            Evidence::Neutral => {}
        }
    }
    evidence
}

/// Determines the serialisation from a message: text is JSON, and the other two encode arrays differently.
fn packing_of(input: &Input<'_>) -> Option<Packing> {
    match input.head().first() {
        _ if input.is_text() => None,
        Some(0x90..=0x9f | 0xdc) => {
            Some(Packing::MessagePack).filter(|it| is_one(*it, input)).or(Some(Packing::Cbor))
        }
        _ => Some(Packing::Cbor),
    }
}

/// Returns whether a message is exactly one value.
fn is_one(packing: Packing, input: &Input<'_>) -> bool {
    let mut cursor = super::packed::Cursor::new(packing, input.head());
    cursor.skip().is_some_and(|value| value.len() as u64 == input.length)
}

impl Decoder for Wamp {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        if !self.named {
            let parts = batch(input);
            let first = parts.as_ref().and_then(|parts| parts.first().copied()).unwrap_or(input.bytes);
            let alone = Input { bytes: first, length: first.len() as u64, ..*input };
            self.batched |= parts.is_some();
            (self.named, self.packing) = (true, packing_of(&alone));
        }
        // After a loss, the opcode may be that of a fragment whose beginning is unknown.
        let is_wrong = !self.lossy && input.is_whole() && input.is_text() != self.packing.is_none();
        self.wrong_opcode = is_wrong.then_some(input.opcode.0);
        let head = input.head();
        let whole = input.is_whole();
        match (self.packing, self.batched) {
            (None, false) => self.json(head, whole, input.from, out),
            (None, true) => {
                // The specification has U+001E; Autobahn interprets its digits as octal.
                for part in head.split(|byte| matches!(byte, 0x1e | 0x18)).filter(|part| !part.is_empty()) {
                    self.json(part, whole, input.from, out);
                }
            }
            (Some(packing), false) => self.packed(packing, head, whole, input.from, out),
            (Some(packing), true) => {
                let mut rest = head;
                while let Some((length, body)) = rest.split_at_checked(4) {
                    let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
                    let (part, behind) = body.split_at_checked(length).unwrap_or((body, &[]));
                    self.packed(packing, part, part.len() == length, input.from, out);
                    rest = behind;
                }
            }
        }
    }

    fn lost(&mut self, _: Side) {
        self.lossy = true;
    }

    fn allocated(&self) -> usize {
        let uris = self.uris.iter().map(|(_, id, uri)| id.len().saturating_add(uri.len()).saturating_add(48));
        let asked = [&self.asked.client, &self.asked.server];
        let asked = asked
            .into_iter()
            .flatten()
            .map(|(id, uri)| id.len().saturating_add(uri.len()).saturating_add(32));
        uris.chain(asked).fold(0, usize::saturating_add)
    }
}

impl Wamp {
    /// Parses a packed message by converting it to JSON.
    fn packed(&mut self, packing: Packing, bytes: &[u8], whole: bool, from: Side, out: &mut Out<'_>) {
        let mut text = String::new();
        let written = write_json(packing, bytes, MAX_TEXT, &mut text);
        self.json(text.as_bytes(), whole && written, from, out);
    }

    fn json(&mut self, bytes: &[u8], whole: bool, from: Side, out: &mut Out<'_>) {
        let Some(value) = json::array(bytes) else {
            return out.contradiction();
        };
        let mut items = value.items();
        let code = items.next().and_then(|it| it.number());
        let Some((_, kind, parts)) = KINDS.iter().find(|(of, ..)| Some(*of) == code) else {
            return out.contradiction();
        };
        if let Some(opcode) = self.wrong_opcode.take() {
            out.anomaly(Anomaly::WampOpcode { opcode });
        }
        let mut unit = out.unit(NAME, kind);
        let mut said = MessageParts::default();
        for part in *parts {
            let before = items.rest();
            let Some(item) = items.next() else { break };
            said.part(*part, item, before, &mut unit);
        }
        if !whole {
            unit.incomplete();
        }
        let uri = self.uri(kind, &said, from);
        let uri =
            said.uri.as_deref().filter(|_| *kind != "ERROR").or(said.detailed.as_deref()).or(uri.as_deref());
        if let Some(uri) = uri {
            unit.name(uri);
        }
        said.errors(kind, &mut unit);
        said.pair(kind, &mut unit);
        if said.progress {
            unit.flag("progress", true);
        }
        if *kind == "ERROR"
            && let Some(about) = said.about.and_then(|about| KINDS.iter().find(|(of, ..)| *of == about))
        {
            unit.text("request_type", about.1);
        }
    }

    /// Stores and looks up the URIs of IDs.
    fn uri(&mut self, kind: &str, said: &MessageParts, from: Side) -> Option<Box<str>> {
        let request = said.request.clone().unwrap_or_default();
        match kind {
            "SUBSCRIBE" | "REGISTER" => {
                let asked = &mut self.asked[from];
                if asked.len() >= MAX_URIS {
                    asked.pop_front();
                }
                asked.push_back((request, said.uri.clone().unwrap_or_default()));
                None
            }
            "SUBSCRIBED" | "REGISTERED" => {
                let asked = &mut self.asked[!from];
                let at = asked.iter().position(|(of, _)| *of == request)?;
                let (_, uri) = asked.remove(at)?;
                let (name, id) = said.id.clone()?;
                if self.uris.len() >= MAX_URIS {
                    self.uris.pop_front();
                }
                self.uris.retain(|(of, known, _)| (*of, known) != (name, &id));
                self.uris.push_back((name, id, uri.clone()));
                Some(uri)
            }
            _ => {
                let (name, id) = said.id.as_ref()?;
                let known = self.uris.iter().find(|(of, known, _)| (of, known) == (name, id));
                known.map(|(.., uri)| uri.clone())
            }
        }
    }
}

/// The values of a message's parts.
#[derive(Debug, Default)]
struct MessageParts {
    request: Option<Box<str>>,
    /// Whether the options say that more of the same answer follows.
    progress: bool,
    /// Whether the publisher requests an acknowledgement.
    acknowledge: bool,
    /// The procedure or the topic named in the details, if a pattern was registered or subscribed to.
    detailed: Option<Box<str>>,
    about: Option<u64>,
    uri: Option<Box<str>>,
    /// The first ID apart from the request: that of a registration or a subscription.
    id: Option<(&'static str, Box<str>)>,
}

impl MessageParts {
    fn part(
        &mut self,
        part: Part,
        item: Value<'_>,
        from_here: &[u8],
        unit: &mut super::decoder::UnitBuilder<'_>,
    ) {
        if part == Dict {
            return self.options(item);
        }
        let scalar = item.scalar();
        let Some(text) = scalar.as_deref() else {
            if part == Args && item.whole {
                // Arguments and keyword arguments, as sent.
                unit.body(Format::JsonItems, from_here);
            }
            return;
        };
        match part {
            Realm => {
                unit.name(text).text("realm", text);
            }
            Session => {
                unit.text("session", text);
            }
            Request => {
                unit.id(text);
                self.request = Some(text.into());
            }
            About => self.about = item.number(),
            Uri => self.uri = Some(text.into()),
            Id(name) => {
                unit.text(name, text);
                self.id.get_or_insert((name, text.into()));
            }
            Signature => {
                unit.text("signature", text).secret(item.inner());
            }
            Dict | Args | Kwargs => {}
        }
    }

    /// Extracts from options or details whatever determines which question is answered, and how.
    fn options(&mut self, item: Value<'_>) {
        let is_set = |name: &str| item.get(name).is_some_and(|it| it.shape == Shape::True);
        (self.progress, self.acknowledge) = (is_set("progress"), is_set("acknowledge"));
        let named = item.get("procedure").or_else(|| item.get("topic"));
        self.detailed = named.and_then(|it| it.text()).map(Into::into);
    }

    fn errors(&self, kind: &str, unit: &mut super::decoder::UnitBuilder<'_>) {
        let uri = self.uri.as_deref().unwrap_or_default();
        match kind {
            "ERROR" | "ABORT" => {
                unit.error(if uri.is_empty() { "error" } else { uri });
            }
            // Orderly closing, and the reply of older routers to it.
            "GOODBYE"
                if !uri.starts_with("wamp.close.")
                    && !uri.ends_with("close_realm")
                    && !uri.ends_with("goodbye_and_out")
                    && !uri.is_empty() =>
            {
                unit.error(uri);
            }
            _ => {}
        }
    }

    /// Pairs questions and answers; the IDs of each kind are numbered independently.
    fn pair(&self, kind: &str, unit: &mut super::decoder::UnitBuilder<'_>) {
        let id = self.request.as_deref().unwrap_or_default();
        let about = if kind == "ERROR" { self.about.unwrap_or(0) } else { 0 };
        let (asks, scope) = match (kind, about) {
            ("HELLO", _) => (true, 1),
            ("CHALLENGE", _) => {
                unit.progress(1, id);
                return;
            }
            ("AUTHENTICATE", _) => return unit.continues(1, id),
            ("WELCOME" | "ABORT", _) => (false, 1),
            ("CALL", _) => (true, 48),
            ("CANCEL", _) => return unit.continues(48, id),
            ("RESULT", _) if self.progress => {
                unit.progress(48, id);
                return;
            }
            ("RESULT", _) => (false, 48),
            ("INVOCATION", _) => (true, 68),
            ("INTERRUPT", _) => return unit.continues(68, id),
            ("YIELD", _) if self.progress => {
                unit.progress(68, id);
                return;
            }
            ("YIELD", _) => (false, 68),
            ("PUBLISH", _) if self.acknowledge => (true, 16),
            ("SUBSCRIBE" | "UNSUBSCRIBE" | "REGISTER" | "UNREGISTER", _) => (true, 32),
            ("SUBSCRIBED" | "UNSUBSCRIBED" | "REGISTERED" | "UNREGISTERED", _) => (false, 32),
            // A publication without acknowledgement has no answer, so it is not a question.
            ("PUBLISHED", _) => (false, 16),
            ("ERROR", 32 | 34 | 64 | 66) => (false, 32),
            ("ERROR", about) => (false, about),
            _ => return,
        };
        if asks {
            unit.ask(scope, id);
        } else {
            unit.answer(scope, id);
        }
    }
}

#[cfg(test)]
mod tests;
