//! Everything the analyzer reports: the interface between the modules that decode traffic and those that present it.
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

/// The identity of a conversation: its connection and, if that carries several, its stream. It is written `4` or `4.3`.
///
/// It does not depend on the number of threads, and the user finds the packet in Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// The number of the connection's first packet in the capture.
    pub packet: NonZeroU64,
    /// The HTTP/2 stream (RFC 9113 §5.1.1); `None` if the conversation has its own connection.
    pub stream: Option<NonZeroU64>,
}

impl ConnId {
    /// Returns the ID of an entire connection.
    pub const fn new(packet: NonZeroU64) -> Self {
        ConnId { packet, stream: None }
    }

    /// Returns the ID of a stream of this connection.
    #[must_use]
    pub const fn with_stream(self, stream: NonZeroU64) -> Self {
        ConnId { stream: Some(stream), ..self }
    }

    /// Returns the stream identifier; `None` if the conversation has its own connection.
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

/// An event.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The connection; `None` if it concerns the entire capture.
    pub conn: Option<ConnId>,
    /// The packet that completed it, and its time.
    pub at: At,
    /// The packet at which it became known: that of `at`, or a later one if it depended on later bytes.
    pub known: u64,
    /// The conversation that it belongs to; `None` if there is none, or only an attempt that is not known yet.
    pub conversation: Option<&'a Conversation>,
    /// The kind of event.
    pub kind: Kind<'a>,
}

impl<'a> Event<'a> {
    /// Returns an event that was known immediately.
    pub const fn new(conn: Option<ConnId>, at: At, kind: Kind<'a>) -> Self {
        Event { conn, at, known: at.packet, conversation: None, kind }
    }
}

/// The kind of an event, with its data.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// A conversation began; a [`Kind::Closed`] follows.
    Opened(&'a Opening),
    /// An upgrade was refused or never answered; nothing follows except its anomalies.
    Rejected(&'a Rejected),
    /// A connection showed nothing, and will show nothing further.
    Unshown(&'a Unshown),
    /// A frame's header was read.
    Frame(Frame),
    /// A message or a control frame is complete, or no more of it will come.
    Message(Message<'a>),
    /// An anomaly.
    Anomaly {
        /// The sender of the bytes concerned, if it concerns one side.
        from: Option<Side>,
        /// The anomaly.
        anomaly: &'a Anomaly,
    },
    /// A conversation ended.
    Closed(&'a Closed),
}

/// The endpoints of a conversation and its opening handshake (RFC 6455 §1.3).
#[derive(Clone, Debug)]
pub struct Opening {
    /// The client.
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// The request and response; `None` if they were not captured.
    pub handshake: Option<Box<Handshake>>,
    /// The layers and proxies below the conversation; most have none.
    pub over: Option<Box<LowerLayers>>,
    /// The transport of the messages.
    pub transport: Transport,
}

impl Opening {
    /// Returns the opening of a WebSocket over HTTP/1.1, without TLS or proxy.
    pub const fn new(client: Endpoint, server: Endpoint, handshake: Option<Box<Handshake>>) -> Self {
        Opening { client, server, handshake, over: None, transport: Transport::WebSocket }
    }

    /// Returns the version of HTTP that opened it; `None` if unknown.
    pub fn http(&self) -> Option<&str> {
        if self.over.as_deref().is_some_and(|over| over.http2) {
            return Some("2");
        }
        let handshake = self.handshake.as_deref()?;
        let version = handshake.request.as_ref().map(|request| &*request.version);
        version.or_else(|| handshake.response.as_ref().map(|response| &*response.version))
    }
}

/// The transport of a conversation's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// A WebSocket (RFC 6455).
    #[default]
    WebSocket,
    /// Server-sent events.
    Sse,
    /// Bodies of HTTP requests and responses (long polling).
    Polling,
}

impl Transport {
    /// All transports.
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

/// The optional layers below a conversation: HTTP/2, TLS, a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LowerLayers {
    /// Whether it is a stream of an HTTP/2 connection (RFC 8441).
    pub http2: bool,
    /// The negotiated parameters of TLS.
    pub tls: Option<Tls>,
    /// The proxy that it came through.
    pub proxy: Option<Proxy>,
}

/// The negotiated parameters of TLS, as far as they were captured (RFC 8446 §4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The version number, such as `1.3`.
    pub version: Option<Box<str>>,
    /// The cipher suite's name.
    pub cipher: Option<Box<str>>,
    /// The server name requested by the client (RFC 6066 §3).
    pub sni: Option<Box<str>>,
    /// The application protocol chosen by the server (RFC 7301).
    pub alpn: Option<Box<str>>,
    /// The application protocols that the client offered, where the choice was not seen.
    pub offered: Option<Box<str>>,
    /// Whether it resumes an earlier connection, by session ID, ticket or pre-shared key.
    pub resumed: Option<bool>,
    /// Whether the client sent early data and the server accepted it (RFC 8446 §4.2.10).
    pub early_data: Option<bool>,
    /// The JA4 fingerprint of the client.
    pub ja4: Option<Box<str>>,
    /// The source of the keys: `keylog`, `dsb` or `pem`; `None` without keys.
    pub keys: Option<&'static str>,
}

/// A proxy between a client and a server, and the endpoints according to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The protocol: `connect`, `proxy-v1`, `proxy-v2`, `socks4`, `socks4a`, `socks5` or `uwsgi`.
    pub protocol: &'static str,
    /// The client behind the proxy.
    pub client: Option<Box<str>>,
    /// The server behind the proxy.
    pub server: Option<Box<str>>,
}

/// An upgrade that was refused or never answered.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The endpoints, and the request with its response, if any.
    pub opening: Opening,
    /// TCP ended, or the stream did; `false` where the capture ended first.
    pub ended: bool,
    /// Who ended TCP first, and how: `fin` or `reset`.
    pub tcp: Option<(Side, &'static str)>,
}

impl Rejected {
    /// Returns the status of the response, if there was one.
    pub fn status(&self) -> Option<u16> {
        let response = self.opening.handshake.as_deref()?.response.as_ref()?;
        Some(response.status)
    }

    /// Describes why there is no conversation.
    pub fn why(&self) -> String {
        match self.status() {
            Some(101) => "status 101, but no WebSocket follows".to_owned(),
            Some(status) => format!("status {status}"),
            None => match self.tcp {
                Some((by, how)) => format!("no answer before the {} ended TCP ({how})", by.name()),
                None if self.ended => "no answer before TCP ended".to_owned(),
                None => "no answer before the capture ended".to_owned(),
            },
        }
    }
}

/// A frame's header and position (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The sender.
    pub from: Side,
    /// The header.
    pub header: Header,
    /// Its offset in the sender's WebSocket bytes.
    pub offset: u64,
}

/// A message or control frame (RFC 6455 §5.4–5.6).
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The sender.
    pub from: Side,
    /// The opcode.
    pub opcode: Opcode,
    /// The message's number in its conversation, from 1.
    pub number: u64,
    /// The time since the previous message of its conversation; for the first one, since the opening.
    pub delta: Duration,
    /// The known payload bytes, unmasked and inflated; missing ones are omitted.
    pub payload: &'a [u8],
    /// The payload's actual length, including missing and dropped bytes.
    pub length: u64,
    /// Whether `payload` is text: a text or control frame whose known bytes are UTF-8.
    pub text: bool,
    /// The missing ranges of the payload; the length of the last one is `None` if unknown.
    pub missing: &'a [Missing],
    /// The number of leading bytes kept, if a limit truncated the payload.
    pub truncated_to: Option<u64>,
    /// A close frame's body (RFC 6455 §5.5.1).
    pub close: Option<CloseBody<'a>>,
    /// For a pong, the time since the ping that it answers (RFC 6455 §5.5.3).
    pub rtt: Option<Duration>,
    /// How its frames were found.
    pub framing: Framing,
    /// `false` if neither a checksum nor the history confirms the bytes shown.
    pub verified: bool,
    /// Its size on the wire.
    pub wire: Wire,
    /// Its meaning in the sub-protocol; `None` if that is unknown.
    pub meaning: Option<Meaning<'a>>,
    /// Additional fields of its transport, if that is not a WebSocket: names and values.
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

/// A message's frames and bytes on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The number of its frames.
    pub frames: u64,
    /// The number of bytes in those frames, including headers.
    pub bytes: u64,
    /// Whether it was sent compressed (RSV1).
    pub compressed: bool,
    /// Whether the payload shown is inflated; `false` for a compressed message shown as sent.
    pub inflated: bool,
    /// Whether its first frame was masked.
    pub masked: bool,
    /// The packet that carried its first byte, and its time.
    pub first: At,
}

/// The totals of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionTotals {
    /// The number of messages and control frames.
    pub messages: u64,
    /// The number of frames.
    pub frames: u64,
    /// The number of payload bytes, unmasked and inflated.
    pub bytes: u64,
    /// The number of WebSocket bytes on the wire, including headers.
    pub wire_bytes: u64,
}

/// The end of a conversation (RFC 6455 §7.1).
#[derive(Clone, Debug)]
pub struct Closed {
    /// The close code of a WebSocket; 1005 for a close frame without one, 1006 for no close frame. `None` if the
    /// capture ended first, if the code or the close frame was not captured ([`Closed::lost`]), and for other
    /// transports.
    pub code: Option<u16>,
    /// The reason given.
    pub reason: Box<str>,
    /// The side that sent the first close frame, or ended TCP without one; `None` if neither did, or if the evidence
    /// was lost.
    pub by: Option<Side>,
    /// Whether TCP ended and a close frame may have been lost before, so that there is no code.
    pub lost: bool,
    /// Whether both sides sent a close frame; for other transports, whether the announced end was reached.
    pub clean: bool,
    /// The side that ended its half of TCP (RFC 9293 §3.6.1) before the capture ended, if the other one had not.
    pub half_closed: Option<Side>,
    /// The time from the opening to the end.
    pub duration: Duration,
    /// The totals of each side.
    pub totals: Pair<DirectionTotals>,
    /// The sub-protocol's requests that were never answered.
    pub unanswered: Unanswered,
}

impl Closed {
    /// Returns whether the end was captured; otherwise the capture ended first.
    pub const fn is_seen(&self) -> bool {
        self.code.is_some() || self.by.is_some() || self.clean || self.lost
    }
}

/// A consumer of events.
pub trait Sink {
    /// Processes one event, whose data is borrowed only for this call.
    fn event(&mut self, event: &Event<'_>);

    /// Returns whether [`Kind::Frame`] events are wanted; they take time.
    fn wants_frames(&self) -> bool {
        false
    }
}

/// A sink for aggregation: several instances each process some of the connections, and are merged at the end.
pub trait Gather: Sink + Send {
    /// Creates an empty instance with the same settings; it takes almost no memory.
    #[must_use]
    fn fresh(&self) -> Self;

    /// Merges another instance. The order of merging makes no difference to the final result.
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
