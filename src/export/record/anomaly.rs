use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::value::SeverityName;
use super::{Side, Time, stream};
use crate::event::{self, Event, Evidence};
use crate::model;

/// An `anomaly` line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Anomaly<'a> {
    /// When: RFC 3339, UTC, nine decimals; absent where it concerns no packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// The connection; absent where it concerns the whole capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<u64>,
    /// The stream; absent where the conversation has the connection to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// The packet that made it known; absent where it concerns none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// Whose bytes it was about, where one side is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// The stable name of what was wrong.
    pub code: &'static str,
    /// `error`: a MUST was broken; `warning`: a SHOULD, or suspicious; `note`: a limit of the capture or of ours.
    #[schemars(with = "SeverityName")]
    pub severity: &'static str,
    /// The same in a sentence.
    pub text: String,
    /// Where the rule stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<&'static str>,
    /// What was found, by names that depend on the code.
    #[schemars(with = "std::collections::BTreeMap<String, EvidenceValue<'_>>")]
    pub evidence: EvidenceMap<'a>,
}

impl<'a> Anomaly<'a> {
    pub(super) fn new(event: &Event<'_>, from: Option<model::Side>, anomaly: &'a event::Anomaly) -> Self {
        let mut evidence = Vec::new();
        anomaly.evidence(|name, value| evidence.push((name, EvidenceValue::new(value))));
        let packet = event.at.packet;
        Anomaly {
            time: (packet != 0).then_some(Time(event.at.time)),
            conn: event.conn.map(|conn| conn.packet.get()),
            stream: stream(event.conn),
            packet: (packet != 0).then_some(packet),
            from: from.map(Side::new),
            code: anomaly.code(),
            severity: anomaly.severity().name(),
            text: anomaly.to_string(),
            spec: anomaly.spec(),
            evidence: EvidenceMap(evidence),
        }
    }
}

/// An anomaly's evidence, in the order in which it is declared.
#[derive(Debug)]
pub struct EvidenceMap<'a>(pub Vec<(&'static str, EvidenceValue<'a>)>);

impl Serialize for EvidenceMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// One piece of evidence.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EvidenceValue<'a> {
    /// A count, length, offset or code.
    Number(u64),
    /// A text, perhaps from the wire.
    Text(std::borrow::Cow<'a, str>),
}

impl<'a> EvidenceValue<'a> {
    pub(super) fn new(value: Evidence<'a>) -> Self {
        match value {
            Evidence::Number(number) => EvidenceValue::Number(number),
            Evidence::Text(text) => EvidenceValue::Text(text),
        }
    }
}
