//! Findings as SARIF 2.1.0, which code hosts show beside a change.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::{Finding, Findings, Rules, text};
use crate::event::{self, Anomaly, Severity};
use crate::text::write_json;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HELP: &str = "https://www.rfc-editor.org/rfc/rfc6455";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool,
    artifacts: Vec<Artifact<'a>>,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    information_uri: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Artifact<'a> {
    location: Uri<'a>,
}

#[derive(Clone, Copy, Serialize)]
struct Uri<'a> {
    uri: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'static str,
    level: &'static str,
    message: Text,
    locations: [Location<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    artifact_location: Uri<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

/// Writes the log; `input` names the capture.
pub(super) fn write(found: &Findings, rules: &Rules, input: &str, to: &mut dyn Write) -> io::Result<()> {
    let listed = Anomaly::RULES.iter().filter(|rule| rules.includes(rule.code));
    let driver = Driver {
        name: "wirefin",
        version: env!("CARGO_PKG_VERSION"),
        information_uri: HELP,
        rules: listed.map(rule).collect(),
    };
    let uri = uri(input);
    let at = Uri { uri: &uri };
    let run = Run {
        tool: Tool { driver },
        artifacts: vec![Artifact { location: at }],
        results: found.listed().iter().map(|finding| outcome(finding, at)).collect(),
    };
    write_json(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }, &mut *to)?;
    to.write_all(b"\n")
}

fn rule(rule: &event::Rule) -> Rule {
    let sentence = rule.sentence.to_owned();
    let full = rule.spec.map_or_else(|| sentence.clone(), |spec| format!("{sentence} ({spec})"));
    Rule {
        id: rule.code,
        short_description: Text { text: sentence },
        full_description: Text { text: full },
        default_configuration: Configuration { level: level(rule.severity) },
    }
}

fn outcome<'a>(finding: &Finding, at: Uri<'a>) -> Outcome<'a> {
    let (place, evidence) = (text::place(finding), text::evidence(finding));
    let mut message = format!("{}; {}", finding.anomaly, place.join(", "));
    if !evidence.is_empty() {
        message = format!("{message}: {evidence}");
    }
    let name = finding.conn.map(|conn| format!("conn {conn}, packet {}", finding.at.packet));
    Outcome {
        rule_id: finding.anomaly.code(),
        level: level(finding.anomaly.severity()),
        message: Text { text: message },
        locations: [Location {
            physical_location: Physical { artifact_location: at },
            logical_locations: name
                .map(|fully_qualified_name| Logical { fully_qualified_name })
                .into_iter()
                .collect(),
        }],
    }
}

/// Returns SARIF's level for a severity; both have the same three.
const fn level(severity: Severity) -> &'static str {
    severity.name()
}

/// Returns a path as a relative URI reference (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("a b/é#1.pcap"), "a%20b/%C3%A9%231.pcap");
    }
}
