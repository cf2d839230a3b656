use super::{Tls, Transport};
use crate::model::{Endpoint, Side};

/// A TCP connection in which no WebSocket was found, and what it was instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unshown {
    /// Who opened it, as far as is known.
    pub client: Endpoint,
    /// Who was connected to.
    pub server: Endpoint,
    /// It is known which of both opened it.
    pub directed: bool,
    /// What it was, and so why nothing of it is shown.
    pub reason: Reason,
    /// How many bytes of both sides were not captured.
    pub lost: u64,
    /// How many bytes of one packet the snap length cut off at most.
    pub cut: u64,
}

/// The reason why a connection showed no WebSocket: what it was instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// TLS, and no keys are at hand that fit.
    Tls(Box<Tls>),
    /// TLS that was decrypted, and no WebSocket in it.
    Decrypted(Box<Tls>),
    /// HTTP/1.x without an upgrade to WebSocket.
    Http(Box<Http>),
    /// HTTP/2 without a WebSocket.
    Http2,
    /// Another protocol, by name.
    Protocol(&'static str),
    /// Only what this side sent was captured.
    OneSide(Side),
    /// Neither side sent data.
    Silent,
    /// The beginning was not captured, and no frames were found.
    MidStream,
    /// Bytes that are nothing we know.
    Unknown,
}

/// The first exchange of an HTTP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// The host that was asked.
    pub host: Option<Box<str>>,
    /// The target that was asked for.
    pub target: Option<Box<str>>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Another protocol that the connection was upgraded to: `tcp`, `SPDY/3.1`.
    pub upgrade: Option<Box<str>>,
    /// Another protocol to which an upgrade was offered in vain: `h2c`.
    pub offered: Option<Box<str>>,
    /// Messages were carried all the same, by other means.
    pub transport: Option<Transport>,
}

impl Reason {
    /// Lists the names, in the order in which they are reported, each with words for a count of them.
    pub const NAMES: [(&'static str, &'static str); 9] = [
        ("tls", "TLS without keys"),
        ("http2", "HTTP/2"),
        ("one-direction", "captured in one direction only"),
        ("mid-stream", "joined mid-stream"),
        ("unknown", "unknown"),
        ("http", "HTTP without an upgrade"),
        ("tls-decrypted", "TLS without a WebSocket"),
        ("other-protocol", "another protocol"),
        ("no-data", "without data"),
    ];

    /// Returns the stable name, as in `explain --format json`.
    pub const fn name(&self) -> &'static str {
        match self {
            Reason::Tls(_) => "tls",
            Reason::Decrypted(_) => "tls-decrypted",
            Reason::Http(_) => "http",
            Reason::Http2 => "http2",
            Reason::Protocol(_) => "other-protocol",
            Reason::OneSide(_) => "one-direction",
            Reason::Silent => "no-data",
            Reason::MidStream => "mid-stream",
            Reason::Unknown => "unknown",
        }
    }

    /// Returns whether it may hold a WebSocket all the same.
    pub fn may_be_websocket(&self) -> bool {
        match self {
            // With an application protocol that was agreed on and carries no WebSocket, it is none.
            Reason::Tls(tls) => {
                tls.alpn.as_deref().is_none_or(|alpn| matches!(alpn, "http/1.1" | "http/1.0" | "h2"))
            }
            Reason::Http2 | Reason::OneSide(_) | Reason::MidStream => true,
            // A WebSocket begins with a request.
            Reason::Decrypted(_)
            | Reason::Http(_)
            | Reason::Protocol(_)
            | Reason::Silent
            | Reason::Unknown => false,
        }
    }
}
