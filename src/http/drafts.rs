use super::{Handshake, Request, Response};

/// A protocol before RFC 6455, identified by its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// draft-hixie-thewebsocketprotocol-75: no key at all.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76: two keys, and a challenge after the heads.
    Hixie76,
}

/// Returns the draft before RFC 6455 that a handshake follows, if any.
pub fn draft(handshake: &Handshake) -> Option<Draft> {
    of(handshake.request.as_ref(), handshake.response.as_ref())
}

/// Returns the same for the two heads.
pub(super) fn of(request: Option<&Request>, response: Option<&Response>) -> Option<Draft> {
    let asked = |name| request.is_some_and(|request| has(&request.headers, name));
    let answered = |name| response.is_some_and(|response| has(&response.headers, name));
    if asked("Sec-WebSocket-Key") || answered("Sec-WebSocket-Accept") {
        return None;
    }
    if asked("Sec-WebSocket-Key1") || answered("Sec-WebSocket-Location") {
        return Some(Draft::Hixie76);
    }
    answered("WebSocket-Location").then_some(Draft::Hixie75)
}

fn has(headers: &[super::Field], name: &str) -> bool {
    headers.iter().any(|field| field.name.eq_ignore_ascii_case(name))
}

/// Returns whether the response announces chunked bytes, which a 101 must not do (RFC 9112 §6.1).
pub fn is_chunked(handshake: &Handshake) -> bool {
    let fields = handshake.response.iter().flat_map(|response| &response.headers);
    let contains_token =
        |value: &str| value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("chunked"));
    fields
        .filter(|field| field.name.eq_ignore_ascii_case("Transfer-Encoding"))
        .any(|field| contains_token(&field.value))
}
