use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Severity, Side, Time, Wide};

/// An `anomaly` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// Time in RFC 3339, UTC, nine decimals; absent if it concerns no packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The same in seconds since 1970, accurate to a microsecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts: Option<f64>,
    /// The connection; absent if it concerns the entire capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// The stream, if the connection carries several conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet concerned; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// The packet at which it became known, if that is a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<u64>,
    /// The side whose bytes are concerned, if it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The stable name of the broken rule or of the finding.
    pub rule: String,
    /// `error`: a MUST was broken; `warning`: a SHOULD was broken, or something is suspicious; `note`: a limit of the
    /// capture or of wirefin.
    pub severity: Severity,
    /// The finding in a sentence.
    pub explanation: String,
    /// The section of the specification that contains the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// Details of the finding; their names depend on the rule.
    pub evidence: BTreeMap<String, EvidenceValue>,
    /// Added by `--wide`.
    #[serde(flatten)]
    pub wide: Wide,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EvidenceValue {
    /// A count, length, offset or code.
    Number(u64),
    /// A text, possibly from the wire.
    Text(String),
}
