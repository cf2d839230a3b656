use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A side of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// A time: RFC 3339 in UTC with nine decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Time(
    #[schemars(regex(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$"), extend("format" = "date-time"))]
    pub String,
);

/// The name of an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
    #[serde(rename = "reserved-3")]
    Reserved3,
    #[serde(rename = "reserved-4")]
    Reserved4,
    #[serde(rename = "reserved-5")]
    Reserved5,
    #[serde(rename = "reserved-6")]
    Reserved6,
    #[serde(rename = "reserved-7")]
    Reserved7,
    #[serde(rename = "reserved-11")]
    Reserved11,
    #[serde(rename = "reserved-12")]
    Reserved12,
    #[serde(rename = "reserved-13")]
    Reserved13,
    #[serde(rename = "reserved-14")]
    Reserved14,
    #[serde(rename = "reserved-15")]
    Reserved15,
}

/// The severity of an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Severity {
    /// A limit of the capture or of wirefin.
    Note,
    /// A SHOULD was broken, or something is suspicious.
    Warning,
    /// A MUST was broken.
    Error,
}
