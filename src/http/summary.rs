//! What a head says about the bytes after it and about an upgrade, read without allocating.

use super::body::Body;
use super::head::{self, Item};

/// The protocol named by `Upgrade` (RFC 9110 §7.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// The field is absent.
    #[default]
    Absent,
    /// Only other protocols.
    Other,
    /// Cleartext HTTP/2, possibly among others (RFC 7540 §3.2).
    Http2,
    /// WebSocket, possibly among others.
    WebSocket,
}

/// The relevant facts in the fields of a head.
// Four independent facts, not one state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Default)]
pub(super) struct Summary {
    length: Option<u64>,
    chunked: bool,
    pub(super) upgrade: Upgrade,
    /// `Sec-WebSocket-Key` is present.
    pub(super) key: bool,
    /// `Sec-WebSocket-Accept` is present.
    pub(super) accept: bool,
    /// A field of the drafts before RFC 6455 is present.
    pub(super) old: bool,
    /// The body is a stream of server-sent events.
    pub(super) events: bool,
}

impl Summary {
    /// Reads the lines after the first one.
    pub(super) fn read(lines: &[u8]) -> Self {
        let mut all = Summary::default();
        head::walk(lines, |item| {
            let Item::Field { name, value } = item else { return };
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            match name.len() {
                7 if is("upgrade") && head::contains_token(value, b"websocket") => {
                    all.upgrade = Upgrade::WebSocket;
                }
                7 if is("upgrade") && all.upgrade == Upgrade::WebSocket => {}
                7 if is("upgrade") && head::contains_token(value, b"h2c") => all.upgrade = Upgrade::Http2,
                7 if is("upgrade") && all.upgrade == Upgrade::Absent => all.upgrade = Upgrade::Other,
                14 if is("content-length") && all.length.is_none() => {
                    // A list of equal values counts as one value (RFC 9112 §6.3).
                    let first = value.split(|&b| b == b',').next().unwrap_or_default();
                    all.length = number(head::trim(first));
                }
                12 if is("content-type") => all.events = is_event_stream(value),
                17 if is("transfer-encoding") => all.chunked |= head::contains_token(value, b"chunked"),
                17 if is("sec-websocket-key") => all.key = true,
                20 if is("sec-websocket-accept") => all.accept = true,
                18 if is("sec-websocket-key1") => all.old = true,
                18 if is("websocket-location") => all.old = true,
                22 if is("sec-websocket-location") => all.old = true,
                _ => {}
            }
        });
        all
    }

    /// Returns the body that these fields declare, if any.
    pub(super) const fn body(&self) -> Option<Body> {
        match self.length {
            _ if self.chunked => Some(Body::CHUNKED),
            Some(length) => Some(Body::Length(length)),
            None => None,
        }
    }
}

/// Returns whether a media type is that of server-sent events, ignoring parameters.
pub(super) fn is_event_stream(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    head::trim(essence).eq_ignore_ascii_case(b"text/event-stream")
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, &b| n.checked_mul(10)?.checked_add(u64::from(b.wrapping_sub(b'0'))))
}
