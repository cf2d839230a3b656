use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Endpoint, Place, VERSION};

/// An `open` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// The upgrade request and its circumstances.
    #[serde(flatten)]
    pub upgrade: Upgrade,
    /// Always `null`, and present only if the handshake was not captured.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub handshake: Option<()>,
    /// The server's response to the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<Accept>,
    /// The sub-protocol that the server selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<String>,
    /// The parameters agreed on for permessage-deflate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deflate: Option<Deflate>,
    /// The transport of the messages: `websocket`, `sse` or `polling`.
    pub transport: String,
}

/// A `rejected` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The upgrade request and its circumstances.
    #[serde(flatten)]
    pub upgrade: Upgrade,
    /// Whether there was a response.
    pub answered: bool,
    /// Why there is no conversation, in words.
    pub why: String,
}

/// The members that `open` and `rejected` lines share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upgrade {
    /// The version of this format: 2.
    #[schemars(extend("const" = VERSION))]
    pub v: u32,
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The client's endpoint.
    pub client: Endpoint,
    /// The server's endpoint.
    pub server: Endpoint,
    /// The connection's Community ID, version 1, seed 0.
    pub community_id: String,
    /// The HTTP version of the request: `1.1` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The requested URL, assembled from the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The URL's host (with `--wide`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The upgrade request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The negotiated TLS parameters, if the connection is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The proxy between the two endpoints, if there was one that announced itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
}

/// A `tls` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TlsLine {
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// The client's endpoint.
    pub client: Endpoint,
    /// The server's endpoint.
    pub server: Endpoint,
    /// The negotiated parameters.
    pub tls: Tls,
}

/// Distinguishes `null` from an absent member.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<()>, D::Error> {
    <()>::deserialize(deserializer).map(Some)
}

/// The upgrade request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The target as sent.
    pub target: String,
    /// The HTTP version's number.
    pub version: String,
    /// The header fields.
    pub headers: Headers,
}

/// The response to the upgrade request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The header fields.
    pub headers: Headers,
}

/// Header fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Headers {
    /// Name and value of every field, in order and as sent.
    List(Vec<(String, String)>),
    /// With `--wide`: for each name in lower case, its values in order.
    ByName(BTreeMap<String, Vec<String>>),
}

/// The server's response to the key (RFC 6455 §4.2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accept {
    /// `Sec-WebSocket-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Sec-WebSocket-Accept`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The value that the key requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Whether both values are equal; absent if the key or the response was not captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
}

/// The parameters agreed on for permessage-deflate (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// The negotiated TLS parameters, as far as they were seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tls {
    /// The version's number: `1.3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The cipher suite's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// The server name that the client requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// The application protocol that the server selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The JA4 fingerprint of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// Whether it resumes an earlier session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// Whether the client sent early data, and the server accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_data: Option<bool>,
    /// The origin of the keys: `keylog`, `dsb` or `pem`; `null` without keys.
    pub keys: Option<String>,
}

/// A proxy between a client and a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    /// How it was recognised: `connect`, `proxy-v1`, `proxy-v2`, `socks4`, `socks4a`, `socks5` or `uwsgi`.
    pub protocol: String,
    /// The client behind the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The server behind the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}
