//! Security-relevant properties of a handshake or a message: they break no rule of the protocol, and whether they are
//! intended is for a person to decide.

use crate::event::{Anomaly, Message, Opening};
use crate::http::{Field, Request};
use crate::model::Side;

/// Names of URL parameters that contain secrets.
const SECRETS: &[&str] = &[
    "access_token",
    "apikey",
    "api_key",
    "auth",
    "authorization",
    "id_token",
    "jwt",
    "password",
    "passwd",
    "secret",
    "session",
    "sessionid",
    "sid_token",
    "ticket",
    "token",
];

/// The minimum length of an element of Sec-WebSocket-Protocol to be considered a token rather than a name, in
/// characters.
const TOKEN: usize = 24;

/// The minimum length, and the minimum ratio to its length on the wire, of a suspicious message.
const INFLATED: u64 = 1 << 20;
const RATIO: u64 = 200;

/// Checks an opening.
pub(super) fn of_opening(opening: &Opening, found: &mut dyn FnMut(Option<Side>, Anomaly)) {
    let Some(handshake) = opening.handshake.as_deref() else { return };
    let Some(request) = &handshake.request else { return };
    let is_clear = opening.over.as_deref().is_none_or(|over| over.tls.is_none());
    let is_local = opening.client.ip.is_loopback() && opening.server.ip.is_loopback();
    let has = |name: &str| values(request, name).next().is_some();
    if is_clear && !is_local {
        for field in ["Authorization", "Cookie"] {
            if has(field) {
                found(Some(Side::Client), Anomaly::CredentialsInClear { field });
            }
        }
    }
    if has("Cookie") {
        origin(request, handshake.url.as_deref(), found);
    }
    if let Some(parameter) = secret_parameter(&request.target) {
        found(Some(Side::Client), Anomaly::TokenInUrl { parameter: parameter.into() });
    }
    let offered = values(request, "Sec-WebSocket-Protocol").flat_map(|value| value.split(','));
    if let Some(token) = offered.map(str::trim).find(|name| is_token(name)) {
        found(Some(Side::Client), Anomaly::TokenInSubprotocol { length: token.len() as u64 });
    }
}

/// Checks the origin of a request with cookies (RFC 6455 §10.2).
fn origin(request: &Request, url: Option<&str>, found: &mut dyn FnMut(Option<Side>, Anomaly)) {
    let Some(origin) = values(request, "Origin").next() else {
        return found(Some(Side::Client), Anomaly::OriginMissing {});
    };
    let authority = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
    };
    let host = |authority: &str| match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => authority.to_owned(),
    };
    let Some(asked) = url.map(authority) else { return };
    let from = authority(origin);
    if host(&from) != host(&asked) {
        found(Some(Side::Server), Anomaly::OriginForeign { origin: origin.into(), host: asked.into() });
    }
}

/// Checks a message.
pub(super) fn of_message(message: &Message<'_>) -> Option<Anomaly> {
    let wire = message.wire.bytes;
    let is_bomb = message.wire.compressed
        && message.length >= INFLATED
        && message.length.checked_div(wire).is_some_and(|ratio| ratio >= RATIO);
    is_bomb.then_some(Anomaly::CompressionRatio { wire, length: message.length })
}

fn values<'a>(request: &'a Request, name: &'a str) -> impl Iterator<Item = &'a str> {
    let is_so = move |field: &&Field| field.name.eq_ignore_ascii_case(name);
    request.headers.iter().filter(is_so).map(|field| &*field.value)
}

/// Returns the first parameter of a target whose name suggests a secret.
fn secret_parameter(target: &str) -> Option<&str> {
    let (_, query) = target.split_once('?')?;
    let pairs = query.split(['&', ';']).filter_map(|pair| pair.split_once('='));
    let is_secret = |name: &str| SECRETS.iter().any(|known| known.eq_ignore_ascii_case(name));
    pairs.filter(|(_, value)| !value.is_empty()).map(|(name, _)| name).find(|name| is_secret(name))
}

/// Returns whether an offered sub-protocol looks like a token: long, with digits and both cases.
fn is_token(name: &str) -> bool {
    let has = |is: fn(&u8) -> bool| name.as_bytes().iter().any(is);
    name.len() >= TOKEN
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;
    use crate::websocket::Opcode;

    fn judged(target: &str, url: &str, fields: &[(&str, &str)]) -> Vec<&'static str> {
        let mut opening = samples::opened();
        if let Some(handshake) = &mut opening.handshake {
            handshake.url = Some(url.into());
            if let Some(request) = &mut handshake.request {
                request.target = target.into();
                let field = |&(name, value): &(&str, &str)| Field { name: name.into(), value: value.into() };
                request.headers = fields.iter().map(field).collect();
            }
        }
        let mut found = Vec::new();
        of_opening(&opening, &mut |_, anomaly| found.push(anomaly.code()));
        found
    }

    #[test]
    fn an_ordinary_handshake_is_nothing_to_speak_of() {
        assert_eq!(judged("/chat?room=1&token=", "ws://h/chat", &[("Origin", "http://other")]), [""; 0]);
        let fields = [("Sec-WebSocket-Protocol", "graphql-transport-ws, v12.stomp, soap")];
        assert_eq!(judged("/", "ws://h/", &fields), [""; 0]);
    }

    #[test]
    fn cookies_want_an_origin_of_the_same_host() {
        let with = |origin| judged("/", "ws://Shop.example:8080/", &[("cookie", "a=b"), ("origin", origin)]);
        assert_eq!(with("http://shop.example"), ["credentials-in-clear"]);
        assert_eq!(with("https://evil.example"), ["credentials-in-clear", "origin-foreign"]);
        assert_eq!(with("null"), ["credentials-in-clear", "origin-foreign"]);
        assert_eq!(judged("/", "ws://h/", &[("Cookie", "a")]), ["credentials-in-clear", "origin-missing"]);
    }

    #[test]
    fn secrets_are_found_where_they_are_logged() {
        assert_eq!(judged("/ws?a=1&Token=abc", "ws://h/", &[]), ["token-in-url"]);
        let fields = [("Sec-WebSocket-Protocol", "json, eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30")];
        assert_eq!(judged("/", "ws://h/", &fields), ["token-in-subprotocol"]);
        assert_eq!(judged("/", "ws://h/", &[("Authorization", "Basic eA==")]), ["credentials-in-clear"]);
    }

    #[test]
    fn a_message_that_grows_two_hundred_times_is_suspicious() {
        let mut message = samples::message(Side::Client, Opcode::TEXT, b"");
        (message.length, message.wire.bytes, message.wire.compressed) = (10 << 20, 10_000, true);
        assert_eq!(of_message(&message).map(|anomaly| anomaly.code()), Some("compression-ratio"));
        message.wire.bytes = 1 << 20;
        assert_eq!(of_message(&message), None);
    }
}
