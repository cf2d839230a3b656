//! Sub-protocols that are defined by rules instead of code.

use std::fmt;
use std::sync::Arc;

use crate::model::{At, Pair, Side};

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::protocol::Opening;
use super::unit::Format;

/// The scope of questions: rules distinguish only one kind.
const QUESTIONS: u64 = 1;

/// Bounds the size of a unit in counted parts, in bytes.
const MAX_PARTS: usize = 64 << 10;

/// The way in which a message is split into units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// It is a single unit.
    #[default]
    None,
    /// One unit per line.
    Lines,
    /// One unit before each record separator (U+001E).
    Records,
    /// One unit per element of a JSON array.
    Array,
    /// A message that is a number announces how many messages the next unit consists of.
    Counted,
}

/// The description of a unit by rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Its kind, in the protocol's terms.
    pub kind: Option<String>,
    /// The event, method or channel.
    pub name: Option<String>,
    /// The ID given by its sender.
    pub id: Option<String>,
    /// Whether it asks for an answer.
    pub question: bool,
    /// Whether it is an answer.
    pub answer: bool,
    /// The error.
    pub error: Option<String>,
    /// Whether it only keeps the connection alive.
    pub heartbeat: bool,
    /// Passwords and tokens: names and values of fields.
    pub secrets: Vec<(&'static str, String)>,
    /// The content, as JSON.
    pub body: Option<String>,
    /// Whether it is a Protocol Buffers message of unknown type.
    pub is_protobuf: bool,
}

/// A sub-protocol defined by rules.
pub trait Service: fmt::Debug + Send + Sync {
    /// Returns its name.
    fn name(&self) -> &'static str;

    /// Returns how messages are split into units.
    fn split(&self) -> Split;

    /// Returns whether the handshake identifies it.
    fn opens(&self, opening: &Opening) -> bool;

    /// Returns whether one of the first messages identifies it.
    fn begins(&self, from: Side, text: &[u8]) -> bool;

    /// Describes a unit; returns `None` if it does not belong to this protocol.
    fn describe(&self, from: Side, text: &[u8]) -> Option<Described>;
}

/// A decoder that applies the rules of a service.
#[derive(Debug)]
pub(super) struct ServiceDecoder {
    service: Arc<dyn Service>,
    parts: Pair<Parts>,
}

/// A unit that arrives in counted parts.
#[derive(Debug, Default)]
struct Parts {
    left: u64,
    bytes: Vec<u8>,
    first: At,
    messages: u32,
    lost: bool,
}

impl ServiceDecoder {
    pub(super) fn new(service: Arc<dyn Service>) -> Self {
        ServiceDecoder { service, parts: Pair::default() }
    }

    /// Processes a part of a unit in counted parts, or their number.
    fn counted(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        let parts = &mut self.parts[input.from];
        if parts.left == 0 {
            let number = std::str::from_utf8(head).ok().and_then(|it| it.parse::<u64>().ok());
            let Some(number) = number.filter(|number| input.is_whole() && (1..1 << 20).contains(number))
            else {
                return self.unit(input, head, (input.first, 1), out);
            };
            *parts = Parts { left: number, first: input.first, messages: 1, ..Parts::default() };
            return out.part();
        }
        parts.left = parts.left.saturating_sub(1);
        parts.messages = parts.messages.saturating_add(1);
        parts.lost |= !input.is_whole() || parts.bytes.len().saturating_add(head.len()) > MAX_PARTS;
        if !parts.lost {
            parts.bytes.extend_from_slice(head);
        }
        if parts.left > 0 {
            return out.part();
        }
        let parts = std::mem::take(parts);
        let from_first = (parts.first, parts.messages);
        if parts.lost {
            let mut unit = out.unit(self.service.name(), "message");
            unit.took(parts.first, parts.messages).incomplete();
            return;
        }
        self.unit(input, &parts.bytes, from_first, out);
    }

    fn unit(&self, input: &Input<'_>, text: &[u8], took: (At, u32), out: &mut Out<'_>) {
        if text.is_empty() {
            return;
        }
        let name = self.service.name();
        let Some(said) = self.service.describe(input.from, text) else {
            if input.is_whole() {
                out.contradiction();
            } else {
                out.unit(name, "message").incomplete();
            }
            return;
        };
        let mut unit = out.unit(name, "message");
        unit.took(took.0, took.1);
        if let Some(kind) = &said.kind {
            unit.kind(kind);
        }
        if let Some(name) = &said.name {
            unit.name(name);
        }
        if let Some(error) = &said.error {
            unit.error(error);
        }
        if said.heartbeat {
            unit.heartbeat();
        }
        for (name, value) in &said.secrets {
            unit.text(name, value);
            // Its position in the message, if it is there unescaped.
            let place = memchr::memmem::find(input.bytes, value.as_bytes());
            let raw = place.and_then(|at| input.bytes.get(at..)?.get(..value.len()));
            unit.secret(raw.unwrap_or(value.as_bytes()));
        }
        if said.is_protobuf {
            unit.body_of(Format::Protobuf, text, input.length);
        } else if let Some(body) = &said.body {
            unit.body(Format::Json, body.as_bytes());
        }
        if let Some(id) = &said.id {
            unit.id(id);
            if said.question {
                unit.ask(QUESTIONS, id.as_str());
            } else if said.answer {
                unit.answer(QUESTIONS, id.as_str());
            }
        }
    }
}

impl Decoder for ServiceDecoder {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let head = input.head();
        let whole = (input.first, 1);
        match self.service.split() {
            Split::None => self.unit(input, head, whole, out),
            Split::Lines => {
                let lines = head.split(|byte| *byte == b'\n');
                lines.for_each(|line| self.unit(input, line.trim_ascii_end(), whole, out));
            }
            Split::Records => {
                head.split(|byte| *byte == 0x1e).for_each(|it| self.unit(input, it, whole, out));
            }
            Split::Array => match super::json::array(head) {
                Some(array) => array.items().for_each(|item| self.unit(input, item.raw, whole, out)),
                None => self.unit(input, head, whole, out),
            },
            Split::Counted => self.counted(input, out),
        }
    }

    fn lost(&mut self, from: Side) {
        // A number may have been lost, or one of the parts it counts.
        let parts = &mut self.parts[from];
        *parts = Parts::default();
    }

    fn allocated(&self) -> usize {
        self.parts.client.bytes.capacity().saturating_add(self.parts.server.bytes.capacity())
    }
}
