//! Verification of the opening handshake by extended CONNECT (RFC 8441 §4, §5).
//!
//! There is no key and no accept value, no `Upgrade` and no `Connection`: `:protocol` replaces all of them. What RFC
//! 6455 says about the version, sub-protocols and extensions still applies.

use std::sync::Arc;

use super::upgrade::{
    Faults, check_extensions, check_offers, check_protocol_list, check_subprotocol, check_websocket_version,
    clip, joined, values,
};
use super::{Field, Handshake, Request, Response};
use crate::model::{Anomaly, Side};

/// The placeholder for unknown names and values.
const UNKNOWN: &str = "?";

/// A head decoded from header blocks, as far as its fields are known; unknown names and values are `?`.
#[derive(Clone, Debug)]
pub struct Captured<T> {
    /// The head; its fields include the pseudo-header fields.
    pub head: T,
    /// Whether all fields are known.
    pub whole: bool,
}

/// Checks an extended CONNECT request and its response; each anomaly comes with the side whose bytes are concerned.
pub fn verify_extended(
    request: Option<Captured<Request>>,
    response: Option<Captured<Response>>,
) -> (Handshake, Vec<(Side, Anomaly)>) {
    let mut faults = Faults::default();
    if let Some(request) = &request {
        check_fields(&request.head.headers, REQUEST, &mut faults);
        check_request(request, &mut faults);
    }
    faults.side = Side::Server;
    let offered = request.as_ref().filter(|request| request.whole).map(|request| &request.head);
    let mut handshake = Handshake {
        url: request.as_ref().and_then(|request| url(&request.head)),
        request: None,
        response: None,
        accept: None,
        subprotocol: None,
        deflate: None,
        per_frame: false,
    };
    if let Some(response) = &response {
        check_fields(&response.head.headers, RESPONSE, &mut faults);
        if (200..300).contains(&response.head.status) {
            handshake.subprotocol = check_subprotocol(offered, &response.head, &mut faults);
            (handshake.deflate, handshake.per_frame) = check_extensions(offered, &response.head, &mut faults);
        }
    }
    handshake.request = request.map(|request| request.head);
    handshake.response = response.map(|response| response.head);
    (handshake, faults.all)
}

/// The pseudo-header fields allowed in each head (RFC 9113 §8.3, RFC 8441 §4).
const REQUEST: &[&str] = &[":method", ":scheme", ":authority", ":path", ":protocol"];
const RESPONSE: &[&str] = &[":status"];
/// Connection-specific fields of HTTP/1.1 (RFC 9113 §8.2.2).
const OF_CONNECTION: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Checks the syntax of fields in HTTP/2 (RFC 9113 §8.2, §8.3); each rule is reported once per head.
fn check_fields(fields: &[Field], pseudo: &[&str], faults: &mut Faults) {
    let is_pseudo = |field: &&Field| field.name.starts_with(':');
    let first_other = fields.iter().position(|field| &*field.name != UNKNOWN && !is_pseudo(&field));
    let behind = fields.iter().skip(first_other.unwrap_or(fields.len())).find(is_pseudo);
    let stranger = fields.iter().filter(is_pseudo).find(|field| !pseudo.contains(&&*field.name));
    let again = pseudo.iter().find_map(|name| fields.iter().filter(|field| &&*field.name == name).nth(1));
    for (field, problem) in [
        (behind, "it stands behind other fields"),
        (stranger, "it is not defined here"),
        (again, "it stands twice"),
    ] {
        if let Some(field) = field {
            faults.push(Anomaly::H2PseudoHeader { name: clip(&field.name), problem });
        }
    }
    if let Some(field) = fields.iter().find(|field| field.name.bytes().any(|byte| byte.is_ascii_uppercase()))
    {
        faults.push(Anomaly::H2FieldName { name: clip(&field.name) });
    }
    if let Some(field) = fields.iter().find(|field| OF_CONNECTION.contains(&&*field.name)) {
        faults.push(Anomaly::H2ConnectionHeader { name: clip(&field.name) });
    }
}

/// Checks what a client must send.
fn check_request(request: &Captured<Request>, faults: &mut Faults) {
    let headers = &request.head.headers;
    // What appears to be missing may be among the unknown fields.
    if request.whole {
        for name in [":scheme", ":path", ":authority"] {
            if values(headers, name).next().is_none() {
                faults.push(Anomaly::H2PseudoHeader { name: name.into(), problem: "it is missing" });
            }
        }
        check_websocket_version(headers, faults);
    }
    if let Some(found) = joined(headers, "sec-websocket-protocol") {
        check_protocol_list(&found, faults);
    }
    check_offers(headers, faults);
}

/// Assembles the URL (RFC 8441 §5): `https` represents `wss`.
fn url(request: &Request) -> Option<Arc<str>> {
    let part = |name| values(&request.headers, name).next().filter(|value| *value != UNKNOWN);
    let scheme = if part(":scheme")? == "https" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}{}", part(":authority")?, part(":path")?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeflateSide;

    const FIELDS: [(&str, &str); 8] = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat?x=1"),
        (":authority", "example.com:8443"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, other"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ];

    fn fields(all: &[(&str, &str)]) -> Vec<Field> {
        all.iter().map(|(name, value)| Field { name: (*name).into(), value: (*value).into() }).collect()
    }

    fn request(all: &[(&str, &str)], whole: bool) -> Option<Captured<Request>> {
        let head = Request {
            method: "CONNECT".into(),
            target: "/chat?x=1".into(),
            version: "2".into(),
            headers: fields(all),
        };
        Some(Captured { head, whole })
    }

    fn response(status: u16, all: &[(&str, &str)]) -> Option<Captured<Response>> {
        let head = Response { version: "2".into(), status, reason: "".into(), headers: fields(all) };
        Some(Captured { head, whole: true })
    }

    fn codes(all: &[(Side, Anomaly)]) -> Vec<(Side, &'static str)> {
        all.iter().map(|(side, anomaly)| (*side, anomaly.code())).collect()
    }

    #[test]
    fn a_handshake_that_is_right() {
        let answer = [
            (":status", "200"),
            ("sec-websocket-protocol", "chat"),
            ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits=11"),
        ];
        let (handshake, faults) = verify_extended(request(&FIELDS, true), response(200, &answer));
        assert_eq!(codes(&faults), []);
        assert_eq!(handshake.url.as_deref(), Some("wss://example.com:8443/chat?x=1"));
        assert_eq!(handshake.subprotocol.as_deref(), Some("chat"));
        let client = DeflateSide { max_window_bits: 11, ..DeflateSide::default() };
        assert_eq!(handshake.deflate.map(|sides| sides.client), Some(client));
        assert!(handshake.accept.is_none() && !handshake.per_frame);
    }

    #[test]
    fn rules_of_http_1_do_not_hold_and_those_of_the_version_do() {
        let (handshake, faults) =
            verify_extended(request(&FIELDS[..5], true), response(204, &[(":status", "204")]));
        assert_eq!(codes(&faults), [(Side::Client, "missing-header")]);
        assert!(handshake.subprotocol.is_none() && handshake.deflate.is_none());
        let mut other = FIELDS;
        other[5].1 = "8";
        let (_, faults) = verify_extended(request(&other, true), None);
        assert_eq!(codes(&faults), [(Side::Client, "bad-websocket-version")]);
    }

    #[test]
    fn fields_that_do_not_belong_in_http_2() {
        let mut all = FIELDS.to_vec();
        all.extend([
            ("Upgrade", "websocket"),
            ("connection", "Upgrade"),
            (":path", "/again"),
            (":status", "200"),
        ]);
        let (_, faults) =
            verify_extended(request(&all, true), response(403, &[(":status", "403"), ("upgrade", "x")]));
        let (client, server) = (Side::Client, Side::Server);
        let pseudo = (client, "h2-pseudo-header");
        let expected = [
            pseudo,
            pseudo,
            pseudo,
            (client, "h2-field-name"),
            (client, "h2-connection-header"),
            (server, "h2-connection-header"),
        ];
        assert_eq!(codes(&faults), expected);
    }

    #[test]
    fn what_is_missing_is_said_only_where_all_is_known() {
        let mut all = FIELDS[..3].to_vec();
        let (_, faults) = verify_extended(request(&all, true), None);
        let pseudo = (Side::Client, "h2-pseudo-header");
        assert_eq!(codes(&faults), [pseudo, pseudo, (Side::Client, "missing-header")]);
        all.push(("?", "?"));
        let answer = [(":status", "200"), ("sec-websocket-protocol", "chat")];
        let (handshake, faults) = verify_extended(request(&all, false), response(200, &answer));
        assert_eq!(codes(&faults), []);
        assert_eq!((handshake.url, handshake.subprotocol.as_deref()), (None, Some("chat")));
    }
}
