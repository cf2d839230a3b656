//! The values of a subject, for display rather than comparison.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::compare::{Fact, Row};
use super::expr::{Step, Subject};
use super::{Facts, Field, walk};
use crate::event::Meaning;
use crate::model::Timestamp;
use crate::websocket::Opcode;

/// A value to be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown<'a> {
    /// Text that may come from the wire.
    Text(Cow<'a, [u8]>),
    /// A time, which the caller formats.
    Moment(Timestamp),
}

impl Shown<'_> {
    fn owned(text: String) -> Shown<'static> {
        Shown::Text(text.into_bytes().into())
    }
}

/// Calls `each` with every value that `subject` has in a row; most have one or none.
pub fn values(facts: &Facts<'_>, subject: &Subject, each: &mut dyn FnMut(Shown<'_>)) {
    let row = Row::new(facts);
    match subject {
        Subject::Json(steps) => {
            if let Some(body) = facts.body.and_then(super::Body::bytes)
                && let Ok(json) = serde_json::from_slice::<&serde_json::value::RawValue>(&body)
            {
                raw(json, steps, each);
            }
        }
        Subject::Sub(steps) => {
            for unit in row.units() {
                walk(unit, steps, &mut |value| each(Shown::owned(plain(value))));
            }
        }
        Subject::Field(Field::Latency) => {
            let units = facts.meaning.into_iter().flat_map(Meaning::units);
            for latency in units.filter_map(|unit| unit.latency()) {
                each(shown(&Fact::Span(latency)));
            }
        }
        Subject::Field(Field::Opcode) => {
            if let Some(Opcode(number)) = facts.opcode {
                each(Shown::Text(Opcode(number).name().as_bytes().into()));
            }
        }
        Subject::Field(field) => {
            row.facts_of(*field).iter().flatten().for_each(|fact| each(shown(fact)));
        }
    }
}

fn shown<'a>(fact: &Fact<'a>) -> Shown<'a> {
    match fact {
        Fact::Whole(number) => Shown::owned(number.to_string()),
        Fact::Truth(truth) => Shown::owned(truth.to_string()),
        Fact::Bytes(bytes) => Shown::Text((*bytes).into()),
        Fact::Span(span) => Shown::owned(format!("{}.{:09}", span.as_secs(), span.subsec_nanos())),
        Fact::Moment(time) => Shown::Moment(*time),
        Fact::Side(side) => Shown::Text(side.name().as_bytes().into()),
        Fact::Transport(transport) => Shown::Text(transport.name().as_bytes().into()),
        Fact::Severity(severity) => Shown::Text(severity.name().as_bytes().into()),
        Fact::Address(address) => Shown::owned(address.to_string()),
    }
}

/// Returns a string without its quotes, and any other value as JSON.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Walks JSON as it was sent, so that numbers keep all of their digits.
fn raw(at: &serde_json::value::RawValue, steps: &[Step], each: &mut dyn FnMut(Shown<'_>)) {
    type Members<'a> = std::collections::BTreeMap<Cow<'a, str>, &'a serde_json::value::RawValue>;
    type Elements<'a> = Vec<&'a serde_json::value::RawValue>;
    let text = at.get();
    let Some((step, rest)) = steps.split_first() else {
        let string = text.starts_with('"').then(|| serde_json::from_str::<String>(text).ok()).flatten();
        return match string {
            Some(string) => each(Shown::owned(string)),
            None => each(Shown::Text(text.as_bytes().into())),
        };
    };
    match step {
        Step::Key(key) => {
            if let Ok(members) = serde_json::from_str::<Members<'_>>(text)
                && let Some(member) = members.get(&**key)
            {
                raw(member, rest, each);
            }
        }
        Step::Index(_) | Step::Each => {
            let Ok(elements) = serde_json::from_str::<Elements<'_>>(text) else { return };
            let chosen = match step {
                Step::Index(index) => elements.get(*index..index.saturating_add(1)).unwrap_or_default(),
                _ => &elements,
            };
            for element in chosen {
                raw(element, rest, each);
            }
        }
    }
}
