//! The meaning of messages: events, calls and packets of the protocols that run over WebSocket.
//!
//! A [`Reader`] accompanies a conversation. It determines once which sub-protocol is in use: by the
//! `Sec-WebSocket-Protocol` that the server selected, else by the URL, else by the first messages; never by the format
//! alone. For each text or binary message it then returns the [`Meaning`]: the units that end in it, with the
//! protocol's own terms for their kind, name and ID, and, for answers, their latency.
//!
//! ```text
//!   message ─► choice ─► decoder ─► units         unit     what every output may show
//!                 │         │         ▲           pairs    questions and their answers
//!             registry   stream, json,│           stream   packets that ignore message boundaries
//!                        msgpack …    └─ pairs    choice   header → URL → first messages
//! ```
//!
//! ```
//! use wirefin::model::{At, Side};
//! use wirefin::subprotocol::{Input, Opening, Reader};
//! use wirefin::websocket::Opcode;
//!
//! let opening = Opening { subprotocol: Some("graphql-transport-ws".into()), ..Opening::default() };
//! let mut reader = Reader::new(opening);
//! let bytes = br#"{"type":"subscribe","id":"7","payload":{"query":"subscription { price }"}}"#;
//! let (length, at) = (bytes.len() as u64, At::default());
//! let (from, opcode) = (Side::Client, Opcode::TEXT);
//! let meaning = reader.message(&Input { from, opcode, bytes, missing: &[], length, first: at, at });
//! let units: Vec<_> = meaning.units().map(|unit| (unit.kind(), unit.id())).collect();
//! assert_eq!(units, [("subscribe", Some("7"))]);
//! ```
//!
//! # How to add a sub-protocol
//!
//! 1. One file `name.rs` with a type that implements `decoder::Decoder`, and a `static NAME: Protocol` that defines how
//!    it is recognised: `headers` (values of `Sec-WebSocket-Protocol`), `url`, and `sign`, which judges one message by
//!    its first bytes: `Sure` only if nothing else begins like this, `Weak` if three messages must agree.
//!    `Protocol::new` provides defaults for the rest; `members` saves judging the JSON objects of others.
//! 2. One line in `registry.rs`, and `mod name;` here.
//! 3. `message` reads what it needs (`json::pick`, `packed::Cursor`, `stream::Stream`) from [`Input::head`] or
//!    [`Input::bytes`], and emits each unit at once: `out.unit("name", "KIND").name(…).id(…).text("field", …).body(…)`,
//!    then `ask`, `answer` or `progress` with the protocol's own ID. Fields have the names used in the specification,
//!    and none of the names that every unit has (`protocol kind name id role latency of error fields body`). Passwords
//!    and tokens are marked with `secret`.
//! 4. A message that cannot belong to the protocol is `out.contradiction()`; a violation of the protocol is an anomaly.
//!    After `lost`, nothing is guessed: what may have been lost is unknown until the protocol's own rules resolve it,
//!    and a missing counterpart is not reported as a fault.
//! 5. Unit tests with messages from the specification, the property test of all decoders (`tests.rs`, one line), and
//!    the names and counts of a capture in `tests/subprotocols.rs`.

mod actioncable;
mod cbor;
mod choice;
mod decoder;
mod discord;
mod engineio;
mod graphql;
mod grpc;
mod input;
mod json;
mod jsonrpc;
mod jupyter;
mod kubernetes;
mod mqtt;
mod msgpack;
mod ocpp;
mod packed;
mod pairs;
mod phoenix;
mod protobuf;
mod protocol;
mod pusher;
mod registry;
mod rfb;
mod schema;
mod search;
mod service;
mod settings;
mod show;
mod signalr;
mod sip;
mod socketio;
mod sockjs;
mod stomp;
mod stream;
#[cfg(test)]
mod tests;
mod token;
mod tunnel;
mod typed_json;
mod unit;
mod wamp;
mod xmpp;
mod yjs;

pub use input::Input;
pub use pairs::Unanswered;
pub use protocol::Opening;
pub use schema::Schema;
pub use service::{Described, Service, Split};
pub use settings::Settings;
pub use show::{write_body, write_guess};
pub use unit::{Body, Earlier, Field, Format, MAX_UNITS, Meaning, Role, StoredMeaning, Unit, Value};

use std::sync::Arc;

use crate::model::{At, Side};

use choice::Choice;
use decoder::Out;
use pairs::Pairs;
use registry::PROTOCOLS;
use unit::Units;

/// Returns the names of the supported sub-protocols.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|protocol| protocol.name)
}

/// A reader of the meaning of one conversation's messages.
#[derive(Debug)]
pub struct Reader {
    choice: Choice,
    pairs: Pairs,
    units: Units,
    /// Whether frames were lost, so that an unanswered question may have been answered.
    lossy: bool,
}

impl Reader {
    /// Creates a reader for a conversation that begins with `opening`.
    pub fn new(opening: Opening) -> Self {
        Self::choosing(&Settings::shared(), opening)
    }

    /// Creates a reader that applies the user's settings.
    pub fn choosing(settings: &Arc<Settings>, opening: Opening) -> Self {
        Self::with(Choice::new(settings, opening))
    }

    /// Creates a reader for the sub-protocol with this name; returns `None` if there is none.
    pub fn named(name: &str, opening: &Opening) -> Option<Self> {
        Self::named_in(&Settings::shared(), name, opening)
    }

    /// Creates a reader for the sub-protocol with this name, which may be one of the user's own.
    pub fn named_in(settings: &Settings, name: &str, opening: &Opening) -> Option<Self> {
        Choice::named(settings, name, opening).map(Self::with)
    }

    fn with(choice: Choice) -> Self {
        Reader { choice, pairs: Pairs::default(), units: Units::default(), lossy: false }
    }

    /// Returns the sub-protocol's name, once it is known.
    pub fn protocol(&self) -> Option<&'static str> {
        self.choice.name()
    }

    /// Returns whether the messages have no meaning and never will, so that the reader can be dropped.
    pub const fn is_plain(&self) -> bool {
        self.choice.is_plain()
    }

    /// Processes a text or binary message and returns its meaning.
    pub fn message<'a>(&'a mut self, input: &Input<'a>) -> Meaning<'a> {
        self.units.clear();
        let mut out = Out {
            units: &mut self.units,
            pairs: &mut self.pairs,
            payload: input.bytes,
            from: input.from,
            first: input.first,
            at: input.at,
            inside: None,
            depth: 0,
            contradictions: 0,
            close: None,
        };
        self.choice.message(input, &mut out);
        self.units.drop_beyond();
        self.units.move_earlier_units_last();
        Meaning::new(&self.units, input.bytes)
    }

    /// Notes that an unknown number of frames of one side was lost before the next message.
    pub fn lost(&mut self, from: Side) {
        self.lossy = true;
        self.choice.lost(from);
    }

    /// Notes that the conversation has ended; returns what follows from its end: anomalies, and usually no units.
    ///
    /// `seen` means that it ended on the wire: if only the capture ended, nothing is reported as missing. `close` is
    /// the code of the first close frame.
    pub fn end(&mut self, at: At, seen: bool, close: Option<u16>) -> (Meaning<'_>, Unanswered) {
        self.units.clear();
        if !seen {
            return (Meaning::new(&self.units, &[]), Unanswered::default());
        }
        let mut out = Out {
            units: &mut self.units,
            pairs: &mut self.pairs,
            payload: &[],
            from: Side::Client,
            first: at,
            at,
            inside: None,
            depth: 0,
            contradictions: 0,
            close,
        };
        self.choice.end(&mut out);
        let unanswered = if self.lossy { Unanswered::default() } else { self.pairs.end() };
        let unanswered = Unanswered { protocol: self.choice.name(), ..unanswered };
        (Meaning::new(&self.units, &[]), unanswered)
    }

    /// Returns the memory allocated beyond its own size, in bytes.
    pub fn allocated(&self) -> usize {
        self.choice.allocated().saturating_add(self.pairs.allocated()).saturating_add(self.units.allocated())
    }
}
