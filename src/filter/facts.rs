use std::borrow::Cow;
use std::time::Duration;

use crate::event::{CloseBody, ConnId, Event, Kind, Opened, Severity};
use crate::model::{At, Endpoint, Side, Timestamp};
use crate::websocket::Opcode;

/// What a filter can ask about one row: a message, frame, anomaly, opening or closing.
///
/// What a row does not have is `None`, and comparisons with it are false. An event is turned into facts by
/// [`Facts::of`]; whoever keeps messages in another form fills them in.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Where in the capture.
    pub at: At,
    /// When the capture began.
    pub began: Timestamp,
    /// The connection.
    pub conn: Option<ConnId>,
    /// Its conversation.
    pub conversation: Option<&'a Conversation>,
    /// Who sent it, or whose bytes it is about.
    pub from: Option<Side>,
    /// What the message or frame is.
    pub opcode: Option<Opcode>,
    /// The payload's true length.
    pub len: Option<u64>,
    /// The payload's known bytes, fetched only if a test needs them.
    pub body: Option<&'a dyn Body>,
    /// The payload is to be read as text.
    pub is_text: bool,
    /// Every byte is known.
    pub complete: Option<bool>,
    /// It was sent compressed.
    pub compressed: Option<bool>,
    /// It was masked.
    pub masked: Option<bool>,
    /// How many frames carried it.
    pub frames: Option<u64>,
    /// A close frame's body, or how the conversation ended.
    pub close: Option<CloseBody<'a>>,
    /// A pong's round trip.
    pub rtt: Option<Duration>,
    /// The silence before a message.
    pub gap_before: Option<Duration>,
    /// An anomaly's code and how bad it is.
    pub anomaly: Option<(&'static str, Severity)>,
}

/// Has the bytes of a payload, or can fetch them.
pub trait Body {
    /// Returns the bytes; `None` where they are no longer to be had.
    fn bytes(&self) -> Option<Cow<'_, [u8]>>;
}

impl Body for &[u8] {
    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(self))
    }
}

impl<'a> Facts<'a> {
    /// Takes an event's facts; `began` is when the capture did.
    ///
    /// The silence before a message is for the caller to add.
    pub fn of(event: &'a Event<'_>, conversation: Option<&'a Conversation>, began: Timestamp) -> Self {
        let facts = Facts { at: event.at, began, conn: event.conn, conversation, ..Facts::default() };
        match &event.kind {
            Kind::Opened(_) => facts,
            Kind::Frame(frame) => Facts {
                from: Some(frame.from),
                opcode: Some(frame.header.opcode),
                len: Some(frame.header.length),
                masked: Some(frame.header.mask.is_some()),
                ..facts
            },
            Kind::Message(message) => Facts {
                from: Some(message.from),
                opcode: Some(message.opcode),
                len: Some(message.length),
                body: Some(&message.payload),
                is_text: message.text,
                complete: Some(message.is_complete()),
                compressed: Some(message.wire.compressed),
                masked: Some(message.wire.masked),
                frames: Some(message.wire.frames),
                close: message.close,
                rtt: message.rtt,
                ..facts
            },
            Kind::Anomaly { from, anomaly } => {
                Facts { from: *from, anomaly: Some((anomaly.code(), anomaly.severity())), ..facts }
            }
            Kind::Closed(closed) => Facts {
                from: closed.by,
                close: closed.code.map(|code| CloseBody { code, reason: &closed.reason }),
                ..facts
            },
        }
    }
}

/// What a filter can ask about a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// What was asked for; `None` where the handshake was not captured.
    pub url: Option<Box<str>>,
    /// The sub-protocol agreed on.
    pub subprotocol: Option<Box<str>>,
}

impl Conversation {
    /// Takes what there is from the opening.
    pub fn of(opened: &Opened) -> Self {
        let handshake = opened.handshake.as_deref();
        Conversation {
            client: opened.client,
            server: opened.server,
            url: handshake.and_then(|it| it.url.clone()),
            subprotocol: handshake.and_then(|it| it.subprotocol.clone()),
        }
    }

    /// Returns the URL's host, without port and brackets.
    pub fn host(&self) -> Option<&str> {
        let host = self.host_and_port()?;
        Some(match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((host, _)) => host,
            None => host.split_once(':').map_or(host, |(host, _)| host),
        })
    }

    /// Returns the URL's host as it was written, with the port where that is named.
    pub fn host_and_port(&self) -> Option<&str> {
        let (authority, _) = self.parts()?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
    }

    /// Returns the URL's path, without the query.
    pub fn path(&self) -> Option<&str> {
        let (_, target) = self.parts()?;
        let end = target.find(['?', '#']).unwrap_or(target.len());
        target.get(..end).map(|path| if path.is_empty() { "/" } else { path })
    }

    /// Cuts the URL behind its authority.
    fn parts(&self) -> Option<(&str, &str)> {
        let url = self.url.as_deref()?;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Endpoint = Endpoint::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

    #[test]
    fn host_and_path_of_any_url() {
        for (url, host, whole, path) in [
            ("ws://host:9001/path?x=1", "host", "host:9001", "/path"),
            ("ws://[fd00::1]:80/", "fd00::1", "[fd00::1]:80", "/"),
            ("wss://h", "h", "h", "/"),
            ("ws://h?q", "h", "h", "/"),
            ("ws://u:p@h:1/a/b#c", "h", "h:1", "/a/b"),
        ] {
            let it = Conversation { client: END, server: END, url: Some(url.into()), subprotocol: None };
            let told = (it.host(), it.host_and_port(), it.path());
            assert_eq!(told, (Some(host), Some(whole), Some(path)), "{url}");
        }
    }
}
