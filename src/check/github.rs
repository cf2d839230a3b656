//! Findings as workflow commands, which GitHub shows as annotations.

use std::io::{self, Write};

use super::{Findings, text};
use crate::event::Severity;
use crate::text::count;

/// Writes an annotation for each finding and a summary; `input` names the capture.
pub(super) fn write(found: &Findings, input: &str, to: &mut dyn Write) -> io::Result<()> {
    for finding in found.listed() {
        let word = match finding.anomaly.severity() {
            Severity::Note => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let (place, evidence) = (text::place(finding).join(", "), text::evidence(finding));
        let message = format!("{}; {place}\n{evidence}", finding.anomaly);
        let title = format!("wirefin: {}", finding.anomaly.code());
        writeln!(
            to,
            "::{word} file={},title={}::{}",
            property(input),
            property(&title),
            data(message.trim_end())
        )?;
    }
    let [notes, warnings, errors] =
        Severity::ALL.map(|severity| count(found.count(severity), severity.name()));
    writeln!(to, "{errors}, {warnings}, {notes}")
}

/// Escapes the text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn nothing_ends_a_command() {
        assert_eq!((data("a%b\nc:d"), property("a:b,c\r")), ("a%25b%0Ac:d".into(), "a%3Ab%2Cc%0D".into()));
    }
}
