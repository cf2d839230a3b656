//! Bytes in order → the upgrade to WebSocket (RFC 6455 §4, RFC 7692 §7, RFC 9112).
//!
//! [`HttpTracker`] follows the requests and responses of one connection: heads are read, bodies are skipped without
//! being kept, and ordinary traffic leaves no trace; bodies that carry messages are delivered where they are wanted. A head that asks for WebSocket, or grants it, is verified whole
//! and becomes a [`Handshake`]. It is lenient in what it reads and strict in what it reports.
//!
//! `head` holds the nom parsers, which know no state; `body` skips, `stream` delivers; `accept`, `extension` and `deflate` each check
//! one part of the handshake, and `upgrade` puts them together.
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
mod exchange;
mod extended;
mod extension;
mod head;
mod held;
mod looks;
mod pending;
mod stream;
mod summary;
mod upgrade;

use std::sync::Arc;

use crate::model::{DeflateSide, Pair};

pub use chunks::Chunks;
pub use drafts::{Draft, draft, is_chunked};
pub use exchange::{HttpTracker, Output};
pub use extended::{Captured, verify_extended};
pub use held::BufferedBytes;
pub use looks::{Sniff, is_frame, looks_like};
pub use stream::{BodyPart, Carrier, Exchange, Wanted, is_event_stream, is_polling, url_of};

/// The bounds of what [`HttpTracker`] keeps of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest head that is read, in bytes.
    pub head: usize,
    /// The most bytes of one side that are held back until the other side's head is known, in bytes.
    pub early: usize,
    /// Whose bodies are delivered: by default nobody's.
    pub wanted: Wanted,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { head: 64 << 10, early: 16 << 10, wanted: Wanted { sse: false, polling: false } }
    }
}

/// One header field: name and value as sent, the white space around the value taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, in the sender's own case.
    pub name: Box<str>,
    /// The value; bytes that are not UTF-8 are read as ISO-8859-1 (RFC 9110 §5.5).
    pub value: Box<str>,
}

impl Field {
    /// Makes a field of what was sent.
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
    /// The version's number: `1.1`.
    pub version: Box<str>,
    /// The header fields in order.
    pub headers: Vec<Field>,
}

/// The head of a response (RFC 9112 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The version's number: `1.1`.
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
    /// Returns how many bytes of heap it holds.
    pub fn allocated(&self) -> usize {
        Field::allocated(&self.headers).saturating_add(self.target.len())
    }
}

impl Handshake {
    /// Returns how many bytes of heap its heads hold.
    pub fn allocated(&self) -> usize {
        let request = self.request.as_ref().map_or(0, Request::allocated);
        let response = self.response.as_ref().map_or(0, |response| Field::allocated(&response.headers));
        request.saturating_add(response)
    }
}

/// The server's answer to the key (RFC 6455 §4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// `Sec-WebSocket-Key` of the request.
    pub key: Option<Box<str>>,
    /// `Sec-WebSocket-Accept` of the response.
    pub found: Option<Box<str>>,
    /// What the key demands.
    pub expected: Option<Box<str>>,
    /// The two are the same.
    pub valid: bool,
}

/// An upgrade request and its answer, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The request; `None` where only the answer was captured.
    pub request: Option<Request>,
    /// The answer; `None` where only the request was captured.
    pub response: Option<Response>,
    /// `ws://host:port/target`, put together from the request; `None` without one, or where nothing names a host.
    pub url: Option<Arc<str>>,
    /// The key and its answer; `None` where neither was sent.
    pub accept: Option<Accept>,
    /// The sub-protocol that the server chose.
    pub subprotocol: Option<Box<str>>,
    /// What was agreed for compression; `None` where it was not agreed on.
    pub deflate: Option<Pair<DeflateSide>>,
    /// The compression agreed on is the older one of each frame on its own, `deflate-frame` or
    /// `x-webkit-deflate-frame`, instead of `permessage-deflate`.
    pub per_frame: bool,
}
