//! Findings for people.

use std::io::{self, Write};

use super::{Finding, Findings};
use crate::event::Severity;
use crate::text::{count, printable_string};

pub(super) fn write(found: &Findings, to: &mut dyn Write) -> io::Result<()> {
    for finding in found.listed() {
        paragraph(finding, to)?;
    }
    if !found.listed().is_empty() {
        writeln!(to)?;
    }
    let more = found.unlisted();
    if more > 0 {
        writeln!(to, "{} more of the same kinds not shown", count(more, "finding"))?;
    }
    for (code, (severity, times)) in found.rules() {
        writeln!(to, "{times:>8}  {:7}  {code}", severity.name())?;
    }
    let [notes, warnings, errors] =
        Severity::ALL.map(|severity| count(found.count(severity), severity.name()));
    let (conversations, refused, broken) = found.conversations();
    let conversations = count(conversations.saturating_add(refused), "conversation");
    if found.unjudged() > 0 {
        let unjudged = count(found.unjudged(), "connection");
        let why: Vec<_> = found.why_unjudged().map(|(words, times)| format!("{times} {words}")).collect();
        writeln!(to, "{unjudged} could not be judged ({}): see wirefin explain", why.join(", "))?;
    }
    if found.judged_in_part() > 0 {
        let conversations = count(found.judged_in_part(), "conversation");
        writeln!(
            to,
            "{conversations} could be judged only in part, because not all of it is known: see wirefin explain"
        )?;
    }
    if found.rules().is_empty() {
        writeln!(to, "no rule broken in {conversations}")
    } else {
        writeln!(to, "{errors}, {warnings}, {notes} in {broken} of {conversations}")
    }
}

fn paragraph(finding: &Finding, to: &mut dyn Write) -> io::Result<()> {
    let anomaly = &finding.anomaly;
    write!(to, "{}: {}", anomaly.severity().name(), anomaly.code())?;
    for part in place(finding) {
        write!(to, ", {part}")?;
    }
    write!(to, "\n  {anomaly}")?;
    if let Some(spec) = anomaly.spec() {
        write!(to, " ({spec})")?;
    }
    let evidence = evidence(finding);
    if !evidence.is_empty() {
        write!(to, "\n  {evidence}")?;
    }
    writeln!(to)
}

/// Describes who is responsible for a finding and where it was found, in parts.
pub(super) fn place(finding: &Finding) -> Vec<String> {
    let Finding { conn, url, at, from, .. } = finding;
    let mut parts = Vec::new();
    parts.extend(from.map(|from| from.name().to_owned()));
    parts.extend(conn.map(|conn| format!("conn {conn}")));
    parts.extend((at.packet != 0).then(|| format!("packet {}", at.packet)));
    parts.extend(url.as_ref().map(|url| printable_string(url.as_bytes())));
    parts
}

/// Lists the evidence in one line; text may come from the wire.
pub(super) fn evidence(finding: &Finding) -> String {
    printable_string(finding.anomaly.evidence_words().as_bytes())
}
