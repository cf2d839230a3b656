use super::{Tls, Transport};
use crate::model::{Endpoint, Side};

/// A TCP connection without a WebSocket, and what it was instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unshown {
    /// The side that opened it, as far as is known.
    pub client: Endpoint,
    /// The side that accepted it.
    pub server: Endpoint,
    /// Whether it is known which side opened it.
    pub directed: bool,
    /// The protocol, and therefore the reason that nothing of it is shown.
    pub reason: Reason,
    /// The number of bytes of both sides that were not captured.
    pub lost: u64,
    /// The snap length that would have captured its packets completely, if one was truncated.
    pub snap_length: Option<u32>,
}

/// The reason that a connection showed no WebSocket: what it was instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// TLS without matching keys.
    Tls(Box<Tls>),
    /// TLS that was decrypted but contained no WebSocket.
    Decrypted(Box<Tls>),
    /// HTTP/1.x without an upgrade to WebSocket.
    Http(Box<Http>),
    /// HTTP/2 without a WebSocket.
    Http2 {
        /// All of it was read.
        read: bool,
    },
    /// Another protocol, by name.
    Protocol(&'static str),
    /// Only the bytes of this side were captured.
    OneSide(Side),
    /// Neither side sent data.
    Silent,
    /// The beginning was not captured, and no frames were found.
    MidStream,
    /// Bytes that were not recognised.
    Unknown,
}

/// The first exchange of an HTTP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// The requested host.
    pub host: Option<Box<str>>,
    /// The request target.
    pub target: Option<Box<str>>,
    /// The status of the response.
    pub status: Option<u16>,
    /// Another protocol that the connection was upgraded to, such as `tcp` or `SPDY/3.1`.
    pub upgrade: Option<Box<str>>,
    /// Another protocol whose upgrade was offered without success, such as `h2c`.
    pub offered: Option<Box<str>>,
    /// Messages were carried nevertheless, by this transport.
    pub transport: Option<Transport>,
}

impl Reason {
    /// The names in the order in which they are reported, each with words for a count of them.
    pub const NAMES: [(&'static str, &'static str); 9] = [
        ("tls", "TLS without keys"),
        ("http2", "HTTP/2"),
        ("one-direction", "captured in one direction only"),
        ("mid-stream", "joined mid-stream"),
        ("unknown", "unknown"),
        ("http", "HTTP without a WebSocket"),
        ("tls-decrypted", "TLS without a WebSocket"),
        ("other-protocol", "another protocol"),
        ("no-data", "without data"),
    ];

    /// Returns the stable name used in `explain --format json`.
    pub const fn name(&self) -> &'static str {
        match self {
            Reason::Tls(_) => "tls",
            Reason::Decrypted(_) => "tls-decrypted",
            Reason::Http(_) => "http",
            Reason::Http2 { .. } => "http2",
            Reason::Protocol(_) => "other-protocol",
            Reason::OneSide(_) => "one-direction",
            Reason::Silent => "no-data",
            Reason::MidStream => "mid-stream",
            Reason::Unknown => "unknown",
        }
    }
}

impl Unshown {
    /// Returns whether it may contain a WebSocket nevertheless.
    pub fn may_be_websocket(&self) -> bool {
        match &self.reason {
            // If the negotiated application protocol carries no WebSocket, there is none.
            Reason::Tls(tls) => {
                tls.alpn.as_deref().is_none_or(|alpn| matches!(alpn, "http/1.1" | "http/1.0" | "h2"))
            }
            Reason::Http2 { read } => !read,
            Reason::OneSide(_) | Reason::MidStream => true,
            Reason::Unknown => self.lost > 0,
            // A WebSocket begins with a request.
            Reason::Decrypted(_) | Reason::Http(_) | Reason::Protocol(_) | Reason::Silent => false,
        }
    }
}
