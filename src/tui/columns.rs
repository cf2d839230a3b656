//! Additional columns of the timeline, chosen by the user from the fields of the filter language.

use std::time::Duration;

use super::clock::{self, TimeForm};
use super::matcher::ParseError;
use super::rows::RowOrder;
use super::text;
use crate::filter::{Candidate, Facts, Field, Kind, Shown, Subject, values};
use crate::store::{EntryKind, Store, Wanted};
use crate::text::span;

/// The maximum size of a payload that is examined for a value each time its row is drawn.
const LOOKED_AT: u64 = 1 << 20;

/// The fields shown for every message.
#[derive(Debug, Default)]
pub(super) struct ChosenColumns {
    subjects: Vec<Subject>,
    /// The text they were parsed from.
    pub(super) text: String,
    wanted: Wanted,
}

/// A column: its heading, its width, and the order selected by its heading.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) head: String,
    pub(super) width: u16,
    pub(super) order: Option<RowOrder>,
}

impl ChosenColumns {
    /// Parses fields separated by commas; an empty text yields none.
    pub(super) fn parse(text: &str) -> Result<ChosenColumns, ParseError> {
        let text: String = text.split_whitespace().collect();
        if text.is_empty() {
            return Ok(ChosenColumns::default());
        }
        let subjects = Subject::list(&text).map_err(|error| ParseError::of(&error))?;
        let wanted = Wanted {
            payload: subjects.iter().any(Subject::needs_body),
            meaning: subjects.iter().any(Subject::needs_meaning),
        };
        Ok(ChosenColumns { subjects, text, wanted })
    }

    /// Returns the columns that fit into `room`.
    pub(super) fn shown(&self, room: u16) -> Vec<Column> {
        let mut left = room;
        let fits = |column: &Column| {
            left.checked_sub(column.width.saturating_add(1)).is_some_and(|rest| {
                left = rest;
                true
            })
        };
        self.subjects.iter().map(Column::of).take_while(fits).collect()
    }

    /// Returns the values of a message in each column; they may contain bytes from the wire.
    pub(super) fn values(&self, store: &mut Store, number: u32, time: TimeForm) -> Vec<Vec<u8>> {
        let Some(entry) = store.entry(number).copied().filter(|it| it.what() == EntryKind::Message) else {
            return Vec::new();
        };
        let (began, is_long) = (store.began(), u64::from(entry.kept()) > LOOKED_AT);
        let wanted = Wanted { payload: self.wanted.payload && !is_long, ..self.wanted };
        let found = store.with_event(number, wanted, |event| {
            let facts = Facts::of(event, began);
            let value = |subject: &Subject| {
                let mut out = Vec::new();
                if is_long && subject.needs_body() {
                    return "too long".into();
                }
                values(&facts, subject, &mut |value| {
                    if !out.is_empty() {
                        out.push(b',');
                    }
                    match value {
                        Shown::Moment(moment) => {
                            out.extend_from_slice(clock::of_day(time.shifted(moment), 6).as_bytes());
                        }
                        Shown::Text(text) if subject.kind() == Kind::Span => {
                            out.extend_from_slice(format_span(&text).as_bytes());
                        }
                        Shown::Text(text) => out.extend_from_slice(&text),
                    }
                });
                out
            };
            self.subjects.iter().map(value).collect()
        });
        found.unwrap_or_default()
    }
}

impl Column {
    fn of(subject: &Subject) -> Column {
        let head = subject.to_string();
        let width = text::columns(&head).clamp(9, 20);
        let order = match subject {
            Subject::Field(Field::Len) => Some(RowOrder::Size),
            Subject::Field(Field::Rtt) => Some(RowOrder::RoundTrip),
            Subject::Field(Field::GapBefore) => Some(RowOrder::Gap),
            Subject::Field(Field::Latency) => Some(RowOrder::Latency),
            _ => None,
        };
        Column { head, width, order }
    }
}

/// Formats a number of seconds like the time spans in rows.
fn format_span(seconds: &[u8]) -> String {
    let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok());
    let found = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    found.map_or(String::new(), span)
}

/// Returns the fields that can be completed at byte `cursor` of a text.
pub(super) fn candidates(text: &str, cursor: usize) -> Vec<Candidate> {
    let typed = text.get(..cursor).unwrap_or_default();
    let start = typed.rfind([',', ' ']).map_or(0, |at| at.saturating_add(1));
    let word = typed.get(start..).unwrap_or_default();
    let fields = Field::ALL.iter().filter(|field| field.name().starts_with(word) && field.name() != word);
    fields
        .map(|field| Candidate {
            text: field.name().to_owned(),
            replaces: start..cursor,
            about: field.about(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_fields_of_the_filter_language() {
        let columns = ChosenColumns::parse("json.type, rtt").unwrap();
        assert_eq!((columns.text.as_str(), columns.wanted.payload), ("json.type,rtt", true));
        let heads = |room| columns.shown(room).into_iter().map(|it| it.head).collect::<Vec<_>>();
        assert_eq!(heads(40), ["json.type", "rtt"]);
        assert_eq!(heads(19), ["json.type"]);
        assert_eq!(ChosenColumns::parse("len,many").unwrap_err().column, 4);
        assert_eq!(format_span(b"0.000412000"), "412 µs");
    }

    #[test]
    fn fields_are_completed_behind_a_comma() {
        let found = candidates("len,clo", 7);
        let found: Vec<_> = found.iter().map(|it| (it.text.as_str(), it.replaces.clone())).collect();
        assert_eq!(found, [("close.code", 4..7), ("close.reason", 4..7)]);
    }
}
