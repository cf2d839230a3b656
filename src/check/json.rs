//! Findings as one JSON object.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{Finding, Findings};
use crate::event::{Evidence, Severity};
use crate::text::{Rfc3339, write_json};

pub(super) fn write(found: &Findings, to: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<_> = found.listed().iter().map(|finding| Value::from(object(finding))).collect();
    let rules: Map<_, _> =
        found.rules().iter().map(|(code, (_, times))| ((*code).to_owned(), (*times).into())).collect();
    let (conversations, refused, broken) = found.conversations();
    let whole = serde_json::json!({
        "v": 2,
        "findings": findings,
        "rules": rules,
        "errors": found.count(Severity::Error),
        "warnings": found.count(Severity::Warning),
        "notes": found.count(Severity::Note),
        "conversations": conversations,
        "refused": refused,
        "broken": broken,
        "unjudged": found.unjudged(),
        "judged_in_part": found.judged_in_part(),
    });
    write_json(&whole, &mut *to)?;
    to.write_all(b"\n")
}

/// Returns a finding as an object; values that do not apply are omitted.
fn object(finding: &Finding) -> Map<String, Value> {
    let Finding { conn, url, at, from, anomaly } = finding;
    let mut evidence = Map::new();
    anomaly.evidence(|name, value| {
        let value = match value {
            Evidence::Number(number) => Value::from(number),
            Evidence::Text(text) => Value::from(&*text),
        };
        evidence.insert(name.to_owned(), value);
    });
    let mut time = Vec::new();
    Rfc3339::default().write(at.time, &mut time);
    let known = at.packet != 0;
    let time = known.then(|| String::from_utf8_lossy(&time).into_owned());
    let fields = [
        ("rule", Some(Value::from(anomaly.code()))),
        ("severity", Some(anomaly.severity().name().into())),
        ("conn", conn.map(|conn| conn.packet.get().into())),
        ("stream", conn.and_then(|conn| conn.stream).map(|stream| stream.get().into())),
        ("url", url.as_deref().map(Value::from)),
        ("packet", known.then(|| at.packet.into())),
        ("time", time.map(Value::from)),
        ("from", from.map(|from| from.name().into())),
        ("explanation", Some(anomaly.to_string().into())),
        ("spec", anomaly.spec().map(Value::from)),
        ("evidence", Some(Value::from(evidence))),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
