use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// The place in the capture that a line belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Time in RFC 3339, UTC, nine decimals.
    pub time: Time,
    /// The same in seconds since 1970, accurate to a microsecond.
    pub ts: f64,
    /// The connection: the number of its first packet in the capture.
    pub conn: u64,
    /// The stream, if the connection carries several conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that completed it, from 1.
    pub packet: u64,
    /// The packet at which it became known, if that is a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<u64>,
}

/// The members that `--wide` repeats on every line of a conversation, except those that a line has anyway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Wide {
    /// The client's endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Endpoint>,
    /// The server's endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Endpoint>,
    /// The requested URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The URL's host, without port and brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The sub-protocol that the server selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<String>,
}

/// One endpoint of the TCP connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// The TCP port.
    pub port: u16,
}
