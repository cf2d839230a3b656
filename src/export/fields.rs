//! Selected values, one line per message.

use std::sync::Arc;

use super::Format;
use crate::event::{Event, Kind, Message};
use crate::filter::{Error, Facts, Field, Shown, Subject, values};
use crate::model::Timestamp;
use crate::text::printable_string;
use crate::view::{Clock, Origin, Piece, dots, pieces};

/// A writer of the values that a user selected, one line per message; also one per anomaly if a field refers to
/// anomalies.
#[derive(Clone, Debug)]
pub struct Fields {
    parts: Arc<[Part]>,
    origin: Origin,
    /// Whether anomalies have lines.
    anomalies: bool,
}

#[derive(Clone, Debug)]
enum Part {
    /// Literal text.
    Words(Box<str>),
    Value(Subject),
}

/// The reason why a selection of fields is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A field is invalid.
    #[error("{0}\n{caret}", caret = .0.caret())]
    Field(#[from] Error),
    /// A brace is unmatched.
    #[error("a brace stands for itself where it is doubled: {{{{ or }}}}")]
    Brace,
}

impl Fields {
    /// Parses fields separated by commas; their values will be separated by tabs.
    ///
    /// # Errors
    ///
    /// Fails if one is neither a field nor a path into `json` or `sub`.
    pub fn columns(text: &str) -> Result<Fields, FieldsError> {
        let mut parts = Vec::new();
        for subject in Subject::list(text)? {
            if !parts.is_empty() {
                parts.push(Part::Words("\t".into()));
            }
            parts.push(Part::Value(subject));
        }
        Ok(Fields::new(parts))
    }

    /// Parses a text with fields in braces: `{time} {from} {text}`; `\t` and `\n` are a tab and a line feed.
    ///
    /// # Errors
    ///
    /// Fails if one is not a field, or a brace is unmatched.
    pub fn template(text: &str) -> Result<Fields, FieldsError> {
        let (mut parts, mut words, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '{' | '}' if after.starts_with(c) => {
                    words.push(c);
                    rest = after.get(1..).unwrap_or_default();
                }
                '{' => {
                    let start = text.len().saturating_sub(after.len());
                    let (subject, behind) =
                        Subject::first(after).map_err(|error| error.within(text, start))?;
                    if !words.is_empty() {
                        parts.push(Part::Words(std::mem::take(&mut words).into()));
                    }
                    parts.push(Part::Value(subject));
                    rest = behind.strip_prefix('}').ok_or(FieldsError::Brace)?;
                }
                '}' => return Err(FieldsError::Brace),
                '\\' if after.starts_with(['t', 'n', '\\']) => {
                    words.push(match after.as_bytes() {
                        [b't', ..] => '\t',
                        [b'n', ..] => '\n',
                        _ => '\\',
                    });
                    rest = after.get(1..).unwrap_or_default();
                }
                c => {
                    words.push(c);
                    rest = after;
                }
            }
        }
        if !words.is_empty() {
            parts.push(Part::Words(words.into()));
        }
        Ok(Fields::new(parts))
    }

    fn new(parts: Vec<Part>) -> Fields {
        let asks =
            |part: &Part| matches!(part, Part::Value(Subject::Field(Field::Anomaly | Field::Severity)));
        let anomalies = parts.iter().any(asks);
        let origin = Origin { clock: Clock::Relative, began: Timestamp::from_nanos(0) };
        Fields { parts: parts.into(), origin, anomalies }
    }

    /// Sets how times are shown.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Fields {
        Fields { origin: Origin { clock, ..self.origin }, ..self }
    }

    fn value(&self, subject: &Subject, event: &Event<'_>, facts: &Facts<'_>, out: &mut Vec<u8>) {
        if let (Subject::Field(Field::Text | Field::Payload), Kind::Message(message)) = (subject, &event.kind)
        {
            let is_text = message.text || *subject == Subject::Field(Field::Text);
            if message.text || !is_text {
                payload(message, out);
            }
            return;
        }
        let mut is_first = true;
        values(facts, subject, &mut |value| {
            if !std::mem::take(&mut is_first) {
                out.push(b',');
            }
            match value {
                Shown::Moment(_) => out.extend_from_slice(self.origin.shown(event).as_str().as_bytes()),
                Shown::Text(text) => escaped(&text, out),
            }
        });
    }
}

/// Appends a payload: text as text, bytes in hexadecimal, missing bytes as dots.
fn payload(message: &Message<'_>, out: &mut Vec<u8>) {
    for piece in pieces(message.payload, message.missing) {
        match piece {
            Piece::Known(_, known) if message.text => escaped(known, out),
            Piece::Known(_, known) => {
                out.extend(
                    known
                        .iter()
                        .flat_map(|byte| [byte >> 4, byte & 15])
                        .map(|nibble| b"0123456789abcdef".get(usize::from(nibble)).copied().unwrap_or(b'0')),
                );
            }
            Piece::Missing(hole) => out.extend_from_slice(dots(&hole).as_bytes()),
        }
    }
}

/// Appends text so that it remains one unambiguous value on one line: `\t`, `\n`, `\r` and `\\` are escaped, and
/// characters that control a terminal are replaced by visible ones.
fn escaped(text: &[u8], out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    if text.iter().all(is_plain) {
        return out.extend_from_slice(text);
    }
    for line in text.split_inclusive(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b'\\')) {
        let (words, mark) = match line.split_last() {
            Some((b'\t', words)) => (words, "\\t"),
            Some((b'\n', words)) => (words, "\\n"),
            Some((b'\r', words)) => (words, "\\r"),
            Some((b'\\', words)) => (words, "\\\\"),
            _ => (line, ""),
        };
        out.extend_from_slice(printable_string(words).as_bytes());
        out.extend_from_slice(mark.as_bytes());
    }
}

impl Format for Fields {
    fn wants_frames(&self) -> bool {
        false
    }

    fn start(&mut self, first: Timestamp) {
        self.origin.began = first;
    }

    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let is_shown = match event.kind {
            Kind::Message(_) => true,
            Kind::Anomaly { .. } => self.anomalies,
            _ => false,
        };
        if !is_shown {
            return;
        }
        let facts = Facts::of(event, self.origin.began);
        for part in &*self.parts {
            match part {
                Part::Words(words) => out.extend_from_slice(words.as_bytes()),
                Part::Value(subject) => self.value(subject, event, &facts, out),
            }
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::view::samples;
    use crate::websocket::Opcode;

    fn line(fields: &Fields, payload: &[u8]) -> String {
        let message = samples::message(Side::Client, Opcode::TEXT, payload);
        let mut fields = fields.clone();
        fields.start(samples::NOON);
        let mut out = Vec::new();
        fields.write(&samples::event(12, 1_500_000, Kind::Message(message)), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_have_tabs_between_them_and_values_none() {
        let fields = Fields::columns("time, from,len,json[\"a,b\"],text").unwrap();
        let text = br#"{"a,b": 1.10}"#;
        assert_eq!(line(&fields, text), "1.500000\tclient\t13\t1.10\t{\"a,b\": 1.10}\n");
        assert_eq!(line(&fields, b"a\tb\nc\\n\x1b"), "1.500000\tclient\t8\t\ta\\tb\\nc\\\\n␛\n");
        assert_eq!(line(&Fields::columns("json.l[*]").unwrap(), br#"{"l":[1,"x",[2]]}"#), "1,x,[2]\n");
        let big = br#"{"id":12345678901234567890123}"#;
        assert_eq!(line(&Fields::columns("json.id").unwrap(), big), "12345678901234567890123\n");
    }

    #[test]
    fn templates_hold_fields_in_braces() {
        let fields = Fields::template("{{{from}}} {opcode}\\t{json.a}!").unwrap();
        assert_eq!(line(&fields, br#"{"a":"b"}"#), "{client} text\tb!\n");
        assert_eq!(line(&Fields::template("plain").unwrap(), b""), "plain\n");
        assert_eq!(Fields::template("{from").unwrap_err(), FieldsError::Brace);
        assert_eq!(Fields::template("from}").unwrap_err(), FieldsError::Brace);
        assert!(matches!(Fields::template("{nonsense}"), Err(FieldsError::Field(_))));
        let error = Fields::columns("from,sise").unwrap_err().to_string();
        assert!(error.contains("column 6") && error.contains("from,sise"), "{error}");
        assert!(Fields::columns("").is_err() && Fields::columns("from,").is_err());
    }
}
