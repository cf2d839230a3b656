//! HTTP/1.x up to the upgrade to WebSocket (RFC 6455 §4, RFC 7692 §7, RFC 9112).
//!
//! [`HttpTracker`] follows the requests and responses of one connection: heads are read, bodies are skipped without
//! being buffered, and ordinary traffic leaves no trace; bodies that carry messages are delivered if they are wanted. A
//! head that requests WebSocket, or grants it, is verified completely and becomes a [`Handshake`]. Parsing is lenient,
//! reporting is strict.
//!
//! `head` contains the nom parsers, which are stateless; `body` skips, `stream` delivers; `accept`, `extension` and
//! `deflate` each check one part of the handshake, and `upgrade` combines them.
//!
//! ```
//! use wirefin::http::{HttpTracker, Limits, Output};
//! use wirefin::model::Side;
//!
//! let mut http = HttpTracker::new(Limits::default());
//! http.push(
//!     Side::Client,
//!     b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
//! );
//! assert_eq!(http.next(), None);
//! http.push(
//!     Side::Server,
//!     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
//! );
//! let Some(Output::Upgraded(handshake)) = http.next() else { panic!("the upgrade was granted") };
//! assert!(handshake.accept.is_some_and(|accept| accept.valid));
//! ```

mod accept;
mod body;
mod chunks;
mod deflate;
mod drafts;
mod early_bytes;
mod exchange;
mod extended;
mod extension;
mod head;
mod pending;
mod sniff;
mod stream;
mod summary;
mod upgrade;

use std::sync::Arc;

use crate::model::{DeflateSide, Pair};

pub use chunks::Chunks;
pub use drafts::{Draft, draft, is_chunked};
pub use early_bytes::BufferedBytes;
pub use exchange::{HttpTracker, Output};
pub use extended::{Captured, verify_extended};
pub use sniff::{Sniff, is_frame, looks_like};
pub use stream::{BodyPart, Carrier, Exchange, Wanted, is_event_stream, is_polling, url_of};

/// Bounds on what [`HttpTracker`] keeps of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head that is read, in bytes.
    pub head: usize,
    /// The most bytes of one side that are buffered until the other side's head is known.
    pub early: usize,
    /// The bodies that are delivered; by default, none.
    pub wanted: Wanted,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { head: 64 << 10, early: 16 << 10, wanted: Wanted { sse: false, polling: false } }
    }
}

/// A header field: name and value as sent, without the white space around the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, in the sender's own case.
    pub name: Box<str>,
    /// The value; bytes that are not UTF-8 are decoded as ISO-8859-1 (RFC 9110 §5.5).
    pub value: Box<str>,
}

impl Field {
    /// Creates a field from the bytes sent.
    pub fn read(name: &[u8], value: &[u8]) -> Self {
        Field { name: head::text_of(name), value: head::text_of(value) }
    }
}

/// The head of a request (RFC 9112 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Box<str>,
    /// The target as sent: origin-form or absolute-form.
    pub target: Box<str>,
    /// The version number: `1.1`.
    pub version: Box<str>,
    /// The header fields in order.
    pub headers: Vec<Field>,
}

/// The head of a response (RFC 9112 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The version number: `1.1`.
    pub version: Box<str>,
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: Box<str>,
    /// The header fields in order.
    pub headers: Vec<Field>,
}

impl Field {
    fn allocated(fields: &[Field]) -> usize {
        let length = |field: &Field| {
            size_of::<Field>().saturating_add(field.name.len()).saturating_add(field.value.len())
        };
        fields.iter().map(length).fold(0, usize::saturating_add)
    }
}

impl Request {
    /// Returns the memory allocated on the heap, in bytes.
    pub fn allocated(&self) -> usize {
        Field::allocated(&self.headers).saturating_add(self.target.len())
    }
}

impl Handshake {
    /// Returns the memory that its heads have allocated on the heap, in bytes.
    pub fn allocated(&self) -> usize {
        let request = self.request.as_ref().map_or(0, Request::allocated);
        let response = self.response.as_ref().map_or(0, |response| Field::allocated(&response.headers));
        request.saturating_add(response)
    }
}

/// The server's response to the key (RFC 6455 §4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// `Sec-WebSocket-Key` of the request.
    pub key: Option<Box<str>>,
    /// `Sec-WebSocket-Accept` of the response.
    pub found: Option<Box<str>>,
    /// The value that the key requires.
    pub expected: Option<Box<str>>,
    /// Whether the two are equal.
    pub valid: bool,
}

/// An upgrade request and its response, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The request; `None` if only the response was captured.
    pub request: Option<Request>,
    /// The response; `None` if only the request was captured.
    pub response: Option<Response>,
    /// `ws://host:port/target`, assembled from the request; `None` without one, or if nothing names a host.
    pub url: Option<Arc<str>>,
    /// The key and the response to it; `None` if neither was sent.
    pub accept: Option<Accept>,
    /// The sub-protocol that the server selected.
    pub subprotocol: Option<Box<str>>,
    /// The negotiated compression, if any.
    pub deflate: Option<Pair<DeflateSide>>,
    /// Whether the negotiated compression is the older one, which compresses each frame separately (`deflate-frame` or
    /// `x-webkit-deflate-frame`), instead of `permessage-deflate`.
    pub per_frame: bool,
}
