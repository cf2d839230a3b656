//! Everything the analyzer can say: the waist between the stops that take traffic apart and those that show it.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::event::{Event, Gather, Kind, Reducer, Sink};
//! use wirefin::pipeline::{Options, run};
//!
//! /// How many messages there are.
//! struct Messages(u64);
//!
//! impl Sink for Messages {
//!     fn event(&mut self, event: &Event<'_>) {
//!         if let Kind::Message(_) = event.kind {
//!             self.0 += 1;
//!         }
//!     }
//! }
//!
//! impl Gather for Messages {
//!     fn fresh(&self) -> Self {
//!         Messages(0)
//!     }
//!
//!     fn absorb(&mut self, other: Self) {
//!         self.0 += other.0;
//!     }
//! }
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let mut output = Reducer::new(Messages(0));
//! run(&mut files, &Options::default(), &mut output)?;
//! assert!(output.into_inner().0 > 2);
//! # Ok::<(), wirefin::pipeline::Error>(())
//! ```

mod conversation;
mod count_map;
mod list;
mod output;
mod reducer;
mod unshown;

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

pub use self::conversation::Conversation;
pub use self::count_map::CountMap;
pub use self::list::BoundedList;
pub use self::output::{Collector, Control, Output, Piece, RunStats};
pub use self::reducer::{Gathering, Reducer};
pub use self::unshown::{Http, Reason, Unshown};
pub use crate::http::{Field, Handshake};
pub use crate::model::{Anomaly, Evidence, Rule, Severity};
use crate::model::{At, Endpoint, Pair, Side};
pub use crate::subprotocol::{Meaning, Role, StoredMeaning, Unanswered, Unit, Value};
pub use crate::websocket::{CloseBody, Header, Missing, Opcode};

/// Name of a conversation: its connection and, where that carries several, its stream. It is written `4` or `4.3`.
///
/// The name is the same however many threads looked, and the user finds the packet in Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// The number of the connection's first packet in the capture.
    pub packet: NonZeroU64,
    /// The HTTP/2 stream (RFC 9113 §5.1.1); `None` where the conversation has the connection to itself.
    pub stream: Option<NonZeroU64>,
}

impl ConnId {
    /// Returns the name of a connection as a whole.
    pub const fn new(packet: NonZeroU64) -> Self {
        ConnId { packet, stream: None }
    }

    /// Returns the name of a stream of this connection.
    #[must_use]
    pub const fn with_stream(self, stream: NonZeroU64) -> Self {
        ConnId { stream: Some(stream), ..self }
    }

    /// Returns the number of the stream; `None` where the conversation has the connection to itself.
    pub fn stream(self) -> Option<u64> {
        self.stream.map(NonZeroU64::get)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream {
            Some(stream) => write!(f, "{}.{stream}", self.packet),
            None => write!(f, "{}", self.packet),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The connection; `None` where it concerns the capture as a whole.
    pub conn: Option<ConnId>,
    /// Where in the capture: the packet that completed it, and when.
    pub at: At,
    /// The packet at which it became known: that of `at`, or a later one where bytes had to be waited for.
    pub known: u64,
    /// The conversation that it belongs to; `None` where there is none, or only an attempt was made that is not known
    /// yet.
    pub conversation: Option<&'a Conversation>,
    /// What happened.
    pub kind: Kind<'a>,
}

impl<'a> Event<'a> {
    /// Returns an event that was known at once.
    pub const fn new(conn: Option<ConnId>, at: At, kind: Kind<'a>) -> Self {
        Event { conn, at, known: at.packet, conversation: None, kind }
    }
}

/// The kind of an event, with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// A conversation began; a [`Kind::Closed`] follows.
    Opened(&'a Opening),
    /// An upgrade was refused or never answered; its anomalies follow, and nothing else.
    Rejected(&'a Rejected),
    /// A connection showed nothing, and no more will come of it.
    Unshown(&'a Unshown),
    /// A frame's header was read.
    Frame(Frame),
    /// A message or a control frame is complete, or all of it that there will be.
    Message(Message<'a>),
    /// Something was wrong.
    Anomaly {
        /// Whose bytes it was about, where one side is meant.
        from: Option<Side>,
        /// What was wrong.
        anomaly: &'a Anomaly,
    },
    /// A conversation ended.
    Closed(&'a Closed),
}

/// The ends of a conversation and its opening handshake (RFC 6455 §1.3).
#[derive(Clone, Debug)]
pub struct Opening {
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The request and its answer; `None` where they were not captured.
    pub handshake: Option<Box<Handshake>>,
    /// What the connection ran through and over, where that is out of the ordinary; most have nothing of it.
    pub over: Option<Box<Over>>,
    /// How messages are carried.
    pub transport: Transport,
}

impl Opening {
    /// Returns an opening of a WebSocket by HTTP/1.1, without TLS or proxy.
    pub const fn new(client: Endpoint, server: Endpoint, handshake: Option<Box<Handshake>>) -> Self {
        Opening { client, server, handshake, over: None, transport: Transport::WebSocket }
    }

    /// Returns the version of HTTP that opened it; `None` where nobody can tell.
    pub fn http(&self) -> Option<&str> {
        if self.over.as_deref().is_some_and(|over| over.http2) {
            return Some("2");
        }
        let handshake = self.handshake.as_deref()?;
        let version = handshake.request.as_ref().map(|request| &*request.version);
        version.or_else(|| handshake.response.as_ref().map(|response| &*response.version))
    }
}

/// The transport that carries messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A WebSocket (RFC 6455).
    #[default]
    WebSocket,
    /// Server-sent events.
    Sse,
    /// Bodies of HTTP requests and responses, as before an upgrade.
    Polling,
}

impl Transport {
    /// Lists all.
    pub const ALL: [Transport; 3] = [Transport::WebSocket, Transport::Sse, Transport::Polling];

    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::WebSocket => "websocket",
            Transport::Sse => "sse",
            Transport::Polling => "polling",
        }
    }
}

/// The layers below a conversation that are out of the ordinary: HTTP/2, TLS, a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over {
    /// It is a stream of an HTTP/2 connection (RFC 8441).
    pub http2: bool,
    /// What TLS agreed on.
    pub tls: Option<Tls>,
    /// The proxy that it came through.
    pub proxy: Option<Proxy>,
}

/// The parameters that TLS agreed on, as far as they were seen (RFC 8446 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The version's number: `1.3`.
    pub version: Option<Box<str>>,
    /// The cipher suite's name.
    pub cipher: Option<Box<str>>,
    /// The name that the client asked for (RFC 6066 §3).
    pub sni: Option<Box<str>>,
    /// The application protocol that the server chose (RFC 7301).
    pub alpn: Option<Box<str>>,
    /// It resumes an earlier connection: by session id, ticket or pre-shared key.
    pub resumed: Option<bool>,
    /// The client sent early data, and the server took it (RFC 8446 §4.2.10).
    pub early_data: Option<bool>,
    /// The JA4 fingerprint of the client.
    pub ja4: Option<Box<str>>,
    /// Where the keys came from: `keylog`, `dsb` or `pem`; `None` without any.
    pub keys: Option<&'static str>,
}

/// A proxy between a client and a server, and the ends as the proxy names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it said so: `connect`, `proxy-v1`, `proxy-v2`, `socks4`, `socks4a`, `socks5` or `uwsgi`.
    pub protocol: &'static str,
    /// The client behind the proxy.
    pub client: Option<Box<str>>,
    /// The server behind the proxy.
    pub server: Option<Box<str>>,
}

/// An upgrade that was refused or never answered.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The ends, and the request with what answer there was.
    pub opening: Opening,
    /// TCP ended; `false` where the capture ended first.
    pub ended: bool,
}

impl Rejected {
    /// Returns the status of the answer; `None` without one.
    pub fn status(&self) -> Option<u16> {
        let response = self.opening.handshake.as_deref()?.response.as_ref()?;
        Some(response.status)
    }

    /// Says why there is no conversation.
    pub fn why(&self) -> String {
        match self.status() {
            Some(101) => "status 101, but no WebSocket follows".to_owned(),
            Some(status) => format!("status {status}"),
            None if self.ended => "no answer before TCP ended".to_owned(),
            None => "no answer before the capture ended".to_owned(),
        }
    }
}

/// One frame's header and place (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Who sent it.
    pub from: Side,
    /// The header.
    pub header: Header,
    /// Its place in the sender's WebSocket bytes.
    pub offset: u64,
}

/// One message or control frame (RFC 6455 §5.4–5.6).
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub opcode: Opcode,
    /// Which message of its conversation it is, from 1.
    pub number: u64,
    /// The time since the message before it in its conversation; of the first one, since the opening.
    pub delta: Duration,
    /// The payload bytes that are known, unmasked and inflated; missing ones are absent.
    pub payload: &'a [u8],
    /// The payload's true length, counting missing and dropped bytes.
    pub length: u64,
    /// Whether `payload` is to be read as text: a text or control frame whose known bytes are UTF-8.
    pub text: bool,
    /// Ranges of the payload that are not known, as offset and length; the last length is `None` where it cannot be
    /// told.
    pub missing: &'a [Missing],
    /// How many leading bytes a limit let us keep, where it cut the rest.
    pub truncated_to: Option<u64>,
    /// A close frame's body (RFC 6455 §5.5.1).
    pub close: Option<CloseBody<'a>>,
    /// For a pong, the time since the ping it answers (RFC 6455 §5.5.3).
    pub rtt: Option<Duration>,
    /// How its frames were found.
    pub framing: Framing,
    /// `false` where no checksum or history vouches for the bytes shown.
    pub verified: bool,
    /// What it took on the wire.
    pub wire: Wire,
    /// What it means in the sub-protocol that is spoken; `None` where none is known.
    pub meaning: Option<Meaning<'a>>,
    /// What its transport says beside the payload, where that is no WebSocket: names and values.
    pub fields: &'a [(&'static str, Value<'a>)],
}

/// The way in which the frames of a message were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// By counting from the handshake.
    #[default]
    Counted,
    /// By searching for headers, after bytes were lost.
    Searched,
}

impl Framing {
    /// Returns its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Framing::Counted => "counted",
            Framing::Searched => "searched",
        }
    }
}

impl Message<'_> {
    /// Returns whether every byte of the payload is known and kept.
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// The frames and bytes that a message took on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// How many frames carried it.
    pub frames: u64,
    /// How many bytes those frames had, headers included.
    pub bytes: u64,
    /// Whether it was sent compressed (RSV1).
    pub compressed: bool,
    /// Whether the payload shown is inflated; `false` for a compressed message that is shown as sent.
    pub inflated: bool,
    /// Whether its first frame was masked.
    pub masked: bool,
    /// The packet that carried its first byte, and when.
    pub first: At,
}

/// The sums of what one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionTotals {
    /// Messages and control frames.
    pub messages: u64,
    /// Frames.
    pub frames: u64,
    /// Payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// WebSocket bytes on the wire, headers included.
    pub wire_bytes: u64,
}

/// The end of a conversation (RFC 6455 §7.1).
#[derive(Clone, Debug)]
pub struct Closed {
    /// The close code of a WebSocket; 1005 for a close frame without one, 1006 for no close frame. `None` where the
    /// capture ended first, where the code or the close frame was not captured ([`Closed::lost`]), and for other
    /// transports.
    pub code: Option<u16>,
    /// The reason given.
    pub reason: Box<str>,
    /// Who sent the first close frame, or ended TCP without one; `None` where nobody did, or what would tell was lost.
    pub by: Option<Side>,
    /// TCP ended, and whether a close frame came before it was lost: then there is no code.
    pub lost: bool,
    /// Both sides sent a close frame; of other transports, it came to the end that was announced.
    pub clean: bool,
    /// The side that ended its half of TCP (RFC 9293 §3.6.1) before the capture ended; the other had not ended its own.
    pub half_closed: Option<Side>,
    /// From the opening to the end.
    pub duration: Duration,
    /// What each side sent.
    pub totals: Pair<DirectionTotals>,
    /// The sub-protocol's questions that were never answered.
    pub unanswered: Unanswered,
}

impl Closed {
    /// Returns whether the end was seen; else the capture ended first.
    pub const fn is_seen(&self) -> bool {
        self.code.is_some() || self.by.is_some() || self.clean || self.lost
    }
}

/// A consumer of events, one after the other.
pub trait Sink {
    /// Takes one event; what it lends is gone when this returns.
    fn event(&mut self, event: &Event<'_>);

    /// Returns whether [`Kind::Frame`] events are wanted; they cost time.
    fn wants_frames(&self) -> bool {
        false
    }
}

/// A sink that adds up: several see some of the connections each, and in the end one takes in the others.
pub trait Gather: Sink + Send {
    /// Makes one with the same settings that has seen nothing; it takes next to no memory.
    #[must_use]
    fn fresh(&self) -> Self;

    /// Adds what another saw. The order in which several are absorbed makes no difference to what is reported in the end.
    fn absorb(&mut self, other: Self);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn event(&mut self, event: &Event<'_>) {
        (**self).event(event);
    }

    fn wants_frames(&self) -> bool {
        (**self).wants_frames()
    }
}
