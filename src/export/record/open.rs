use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::community_id;
use super::{Time, VERSION, number, stream};
use crate::event::{self, Event};
use crate::http;
use crate::model::{self, DeflateSide, Pair};

/// An `open` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Open<'a> {
    /// The version of this format: 1.
    #[schemars(extend("const" = VERSION))]
    pub v: u32,
    /// When: RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The connection: the number of its first packet in the capture.
    pub conn: u64,
    /// The stream; absent where the conversation has the connection to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that made it known, from 1.
    pub packet: u64,
    /// Who asked.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The connection's Community ID, version 1, seed 0.
    pub community_id: String,
    /// Always `null`, and there only where the handshake was not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<()>,
    /// What was asked for, put together from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// The upgrade request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request<'a>>,
    /// Its answer; a status other than 101 is a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response<'a>>,
    /// How the server answered the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept<'a>>,
    /// The sub-protocol that the server chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<&'a str>,
    /// What was agreed for permessage-deflate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflate: Option<Deflate>,
}

impl<'a> Open<'a> {
    pub(super) fn new(event: &Event<'a>, opened: &'a event::Opening) -> Self {
        let handshake = opened.handshake.as_deref();
        Open {
            v: VERSION,
            time: Time(event.at.time),
            conn: number(event.conn),
            stream: stream(event.conn),
            packet: event.at.packet,
            client: Endpoint::new(opened.client),
            server: Endpoint::new(opened.server),
            community_id: community_id(opened.client, opened.server),
            handshake: handshake.is_none().then_some(()),
            url: handshake.and_then(|it| it.url.as_deref()),
            request: handshake.and_then(|it| it.request.as_ref()).map(Request::new),
            response: handshake.and_then(|it| it.response.as_ref()).map(Response::new),
            accept: handshake.and_then(|it| it.accept.as_ref()).map(Accept::new),
            subprotocol: handshake.and_then(|it| it.subprotocol.as_deref()),
            deflate: handshake.and_then(|it| it.deflate).map(Deflate::new),
        }
    }
}

/// One end of the TCP connection.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Endpoint {
    /// The IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    pub(super) fn new(end: model::Endpoint) -> Self {
        Endpoint { ip: end.ip, port: end.port }
    }
}

/// The upgrade request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The target as sent.
    pub target: &'a str,
    /// The HTTP version's number.
    pub version: &'a str,
    /// Name and value of every field, in order and as sent.
    pub headers: Vec<[&'a str; 2]>,
}

impl<'a> Request<'a> {
    pub(super) fn new(request: &'a http::Request) -> Self {
        let http::Request { method, target, version, headers } = request;
        Request { method, target, version, headers: fields(headers) }
    }
}

/// The answer to the upgrade request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: &'a str,
    /// Name and value of every field, in order and as sent.
    pub headers: Vec<[&'a str; 2]>,
}

impl<'a> Response<'a> {
    pub(super) fn new(response: &'a http::Response) -> Self {
        let http::Response { version: _, status, reason, headers } = response;
        Response { status: *status, reason, headers: fields(headers) }
    }
}

fn fields(headers: &[http::Field]) -> Vec<[&str; 2]> {
    headers.iter().map(|field| [&*field.name, &*field.value]).collect()
}

/// How the server answered the key (RFC 6455 §4.2.2).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Accept<'a> {
    /// `Sec-WebSocket-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
    /// `Sec-WebSocket-Accept`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<&'a str>,
    /// What the key demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// Found is what was expected; left out where the key was not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
}

impl<'a> Accept<'a> {
    pub(super) fn new(accept: &'a http::Accept) -> Self {
        let http::Accept { key, found, expected, valid } = accept;
        // Without the request, nobody can tell.
        let valid = (key.is_some() || expected.is_some()).then_some(*valid);
        Accept { key: key.as_deref(), found: found.as_deref(), expected: expected.as_deref(), valid }
    }
}

/// What was agreed for permessage-deflate (RFC 7692 §7.1).
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deflate {
    /// The client begins each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server begins each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The base-2 logarithm of the client's window.
    #[schemars(range(min = 8, max = 15))]
    pub client_max_window_bits: u8,
    /// The base-2 logarithm of the server's window.
    #[schemars(range(min = 8, max = 15))]
    pub server_max_window_bits: u8,
}

impl Deflate {
    pub(super) fn new(deflate: Pair<DeflateSide>) -> Self {
        Deflate {
            client_no_context_takeover: deflate.client.no_context_takeover,
            server_no_context_takeover: deflate.server.no_context_takeover,
            client_max_window_bits: deflate.client.max_window_bits,
            server_max_window_bits: deflate.server.max_window_bits,
        }
    }
}
