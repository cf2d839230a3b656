//! Conversion of header blocks to the heads of an opening handshake.

use crate::http::{Captured, Field, Request, Response};
use crate::http2::{Fields, Lookup};

/// The placeholder for an unknown name or value.
const UNKNOWN: &[u8] = b"?";

/// Returns whether a request is for a WebSocket (RFC 8441 §5); `None` if too little of it is known.
pub(super) fn is_websocket(request: &Fields) -> Option<bool> {
    match (request.find(b":method"), request.find(b":protocol")) {
        (_, Lookup::Value(protocol)) => Some(protocol.eq_ignore_ascii_case(b"websocket")),
        (Lookup::Value(b"CONNECT") | Lookup::Unknown, Lookup::Unknown) => {
            // No other request has this field.
            let asks = matches!(request.find(b"sec-websocket-version"), Lookup::Value(_));
            asks.then_some(true)
        }
        _ => Some(false),
    }
}

/// Returns a request's head, including the pseudo-header fields.
pub(super) fn request(fields: &Fields) -> Captured<Request> {
    let part = |name: &[u8]| Field::read(name, fields.find(name).value().unwrap_or(UNKNOWN)).value;
    let head = Request {
        method: part(b":method"),
        target: part(b":path"),
        version: "2".into(),
        headers: headers(fields),
    };
    Captured { head, whole: is_whole(fields) }
}

/// Returns a response's head; `None` if its status is unknown.
pub(super) fn response(fields: &Fields) -> Option<Captured<Response>> {
    let status = std::str::from_utf8(fields.find(b":status").value()?).ok()?.parse().ok()?;
    let head = Response { version: "2".into(), status, reason: "".into(), headers: headers(fields) };
    Some(Captured { head, whole: is_whole(fields) })
}

fn is_whole(fields: &Fields) -> bool {
    fields.unknown() == 0 && !fields.is_truncated()
}

fn headers(fields: &Fields) -> Vec<Field> {
    fields
        .iter()
        .map(|field| Field::read(field.name.unwrap_or(UNKNOWN), field.value.unwrap_or(UNKNOWN)))
        .collect()
}
