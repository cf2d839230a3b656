use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::{self, Timestamp};
use crate::view::Rfc3339;

/// Name of a side.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Side {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Side {
    pub(super) fn new(side: model::Side) -> Self {
        match side {
            model::Side::Client => Side::Client,
            model::Side::Server => Side::Server,
        }
    }
}

/// A moment, shown as RFC 3339 in UTC with nine decimals.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(inline)]
pub struct Time(
    #[schemars(with = "String", regex(pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$"))] pub Timestamp,
);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = Vec::with_capacity(30);
        Rfc3339::default().write(self.0, &mut out);
        serializer.serialize_str(&String::from_utf8_lossy(&out))
    }
}

/// A time span, shown in seconds with one to nine decimals.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(inline)]
pub struct Seconds(#[schemars(with = "f64", range(min = 0))] pub Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

/// Lists the opcode names for the schema.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code, reason = "stands for a `&'static str` in the schema only")]
pub(super) enum OpcodeName {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
    #[schemars(rename = "reserved-3")]
    Reserved3,
    #[schemars(rename = "reserved-4")]
    Reserved4,
    #[schemars(rename = "reserved-5")]
    Reserved5,
    #[schemars(rename = "reserved-6")]
    Reserved6,
    #[schemars(rename = "reserved-7")]
    Reserved7,
    #[schemars(rename = "reserved-11")]
    Reserved11,
    #[schemars(rename = "reserved-12")]
    Reserved12,
    #[schemars(rename = "reserved-13")]
    Reserved13,
    #[schemars(rename = "reserved-14")]
    Reserved14,
    #[schemars(rename = "reserved-15")]
    Reserved15,
}

/// Lists the severities for the schema.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[allow(dead_code, reason = "stands for a `&'static str` in the schema only")]
pub(super) enum SeverityName {
    Note,
    Warning,
    Error,
}
