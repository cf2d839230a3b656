//! Findings as a `JUnit` report: a test case for each rule.

use std::io::{self, Write};

use super::{FailurePolicy, Finding, Findings, Rules, text};
use crate::event::{Anomaly, Rule};

pub(super) fn write(
    found: &Findings,
    rules: &Rules,
    bar: &FailurePolicy,
    to: &mut dyn Write,
) -> io::Result<()> {
    let cases = || Anomaly::RULES.iter().filter(|rule| rules.includes(rule.code));
    let failed = |rule: &str| found.rules().get(rule).is_some_and(|(severity, _)| bar.fails(rule, *severity));
    let failures = cases().filter(|rule| failed(rule.code)).count();
    let totals = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", cases().count());
    writeln!(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(to, "<testsuites name=\"wirefin check\" {totals}>")?;
    writeln!(to, "  <testsuite name=\"wirefin check\" {totals} skipped=\"0\">")?;
    for Rule { code: rule, spec, sentence, .. } in cases() {
        let class = spec.unwrap_or("capture");
        write!(to, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"", xml(class), xml(rule))?;
        let Some((severity, times)) = found.rules().get(rule) else {
            writeln!(to, "/>")?;
            continue;
        };
        writeln!(to, ">")?;
        let listed = found.listed().iter().filter(|finding| finding.anomaly.code() == *rule);
        let lines: Vec<_> = listed.map(line).collect();
        let message = format!("{sentence} ({times} times)");
        if failed(rule) {
            writeln!(
                to,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                severity.name(),
                xml(&message),
                xml(&lines.join("\n"))
            )?;
        } else {
            writeln!(
                to,
                "      <system-out>{}</system-out>",
                xml(&format!("{message}\n{}", lines.join("\n")))
            )?;
        }
        writeln!(to, "    </testcase>")?;
    }
    writeln!(to, "  </testsuite>\n</testsuites>")
}

fn line(finding: &Finding) -> String {
    let (place, evidence) = (text::place(finding).join(", "), text::evidence(finding));
    if evidence.is_empty() { place } else { format!("{place}: {evidence}") }
}

/// Escapes text for an attribute or an element; characters that are not allowed in XML 1.0 are replaced.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn nothing_leaves_its_attribute() {
        assert_eq!(xml("a\"<b>&\n\u{1b}é"), "a&quot;&lt;b&gt;&amp;&#10;\u{fffd}é");
    }
}
