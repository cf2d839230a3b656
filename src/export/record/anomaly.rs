use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Severity, Side, Time, Wide};

/// An `anomaly` line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// When: RFC 3339, UTC, nine decimals; absent where it concerns no packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The same in seconds since 1970, good to a microsecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts: Option<f64>,
    /// The connection; absent where it concerns the whole capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// The stream, where the connection carries several conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that it is about; absent where it concerns none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// The packet at which it became known, where that is a later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<u64>,
    /// Whose bytes it was about, where one side is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The stable name of the rule that was broken, or of what was found.
    pub rule: String,
    /// `error`: a MUST was broken; `warning`: a SHOULD, or suspicious; `note`: a limit of the capture or of ours.
    pub severity: Severity,
    /// The same in a sentence.
    pub explanation: String,
    /// Where the rule stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// What was found, by names that depend on the rule.
    pub evidence: BTreeMap<String, EvidenceValue>,
    /// What `--wide` adds.
    #[serde(flatten)]
    pub wide: Wide,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EvidenceValue {
    /// A count, length, offset or code.
    Number(u64),
    /// A text, perhaps from the wire.
    Text(String),
}
