//! Completion of filters from the contents of the capture.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rows::Rows;
use crate::event::Conversation;
use crate::filter::{self, Candidate, Field};
use crate::store::{EntryKind, Facts, PayloadLocation, Store};
use crate::text;

/// The number of messages examined for JSON members, and the number of their bytes.
const MESSAGES: usize = 300;
const BYTES: usize = 1 << 20;
/// The number of conversations and anomalies examined for values.
const LOOKED_AT: usize = 20_000;

/// Returns the completions at byte `cursor` of `text`, values from the capture first.
pub(super) fn candidates(store: &mut Store, rows: &Rows, text: &str, cursor: usize) -> Vec<Candidate> {
    let (mut codes, mut anomalies) = (false, false);
    let mut found = filter::complete_with(text, cursor, |field| {
        codes |= field == Field::CloseCode;
        anomalies |= field == Field::Anomaly;
        values(store, field)
    });
    if codes {
        for candidate in &mut found {
            candidate.about = candidate.text.parse().map_or("", text::close_code_name);
        }
    }
    if anomalies {
        let seen = anomalies_seen(store);
        for candidate in &mut found {
            if seen.contains(candidate.text.trim_matches('"')) {
                candidate.about = "seen here";
            }
        }
        found.sort_by_key(|candidate| candidate.about.is_empty());
        let mut told = BTreeSet::new();
        found.retain(|candidate| told.insert(candidate.text.clone()));
    }
    found.extend(members(store, rows, text, cursor));
    found
}

/// Returns values of a field that occur in the capture.
fn values(store: &Store, field: Field) -> Vec<String> {
    if field == Field::CloseCode {
        let closed = store.conversations().iter().take(LOOKED_AT).filter_map(|it| it.closed.as_deref()?.code);
        return closed.collect::<BTreeSet<u16>>().iter().map(u16::to_string).collect();
    }
    let values = store.conversations().iter().take(LOOKED_AT).filter_map(|conversation| {
        let opened = conversation.opened.as_deref()?;
        let known = Conversation::of(opened.opening());
        match field {
            Field::Host => known.host().map(str::to_owned),
            Field::Path => known.path().map(str::to_owned),
            Field::Url => known.url.as_deref().map(str::to_owned),
            Field::Subprotocol => known.subprotocol.as_deref().map(str::to_owned),
            Field::Conn => Some(conversation.id.packet.to_string()),
            _ => None,
        }
    });
    let all: BTreeSet<String> = values.collect();
    all.into_iter().take(1000).collect()
}

fn anomalies_seen(store: &Store) -> BTreeSet<&'static str> {
    let numbers = store.anomalies_from(0).take(LOOKED_AT);
    numbers.filter_map(|number| Some(store.entry(number)?.anomaly()?.0)).collect()
}

/// Returns the JSON members that occur at the position being typed: after `json.data.`, those of `data`.
fn members(store: &mut Store, rows: &Rows, text: &str, cursor: usize) -> Vec<Candidate> {
    let typed = text.get(..cursor).unwrap_or_default();
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | '!' | '{' | ',');
    let start = typed.rfind(ends).map_or(0, |at| at.saturating_add(1));
    let word = typed.get(start..).unwrap_or_default();
    let Some((place, prefix)) = word.rsplit_once('.').filter(|(place, _)| is_json(place)) else {
        return Vec::new();
    };
    let path: Vec<&str> = place.split(['.', '[', ']']).skip(1).filter(|step| !step.is_empty()).collect();
    let from = cursor.saturating_sub(prefix.len());
    let mut found: BTreeMap<String, (usize, &'static str)> = BTreeMap::new();
    // Independent of the filter, which is being typed.
    let length = rows.scope_length(store);
    let step = (length / MESSAGES).max(1);
    let mut left = BYTES;
    for at in (0..length).step_by(step) {
        let Some(number) = rows.scoped(store, at) else { break };
        let Some(entry) = store.entry(number).copied() else { break };
        let facts = entry.facts();
        let is_whole =
            entry.what() == EntryKind::Message && facts.has(Facts::TEXT) && !facts.has(Facts::MISSING);
        // Payloads in the file are not read back for completion.
        if !is_whole || entry.kept() as usize > left || store.kept(&entry) != PayloadLocation::Memory {
            continue;
        }
        left = left.saturating_sub(entry.kept() as usize);
        let Some(value) = store.payload(number, BYTES).and_then(|it| serde_json::from_slice(it).ok()) else {
            continue;
        };
        for (name, value) in members_at(&value, &path) {
            let count = found.entry(name.clone()).or_insert((0, kind(value)));
            count.0 = count.0.saturating_add(1);
        }
    }
    let mut found: Vec<_> = found.into_iter().filter(|(name, _)| is_plain(name)).collect();
    found.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let is_new = |name: &str| name.len() > prefix.len() && name.starts_with(prefix);
    found
        .into_iter()
        .filter(|(name, _)| is_new(name))
        .map(|(text, (_, about))| Candidate { text, replaces: from..cursor, about })
        .collect()
}

fn is_json(place: &str) -> bool {
    place.strip_prefix("json").is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Returns whether a name can be used in a filter without quotes.
fn is_plain(name: &str) -> bool {
    super::matcher::Matcher::parse(&format!("json.{name} == 1")).is_ok() && !name.contains(['.', '[', ' '])
}

/// Returns the members at a path within a value; a number or `*` selects array elements.
fn members_at<'v>(value: &'v Value, path: &[&str]) -> Vec<(&'v String, &'v Value)> {
    let mut value = value;
    for step in path {
        let next = match value {
            Value::Object(members) => members.get(*step),
            Value::Array(elements) => elements.get(step.parse().unwrap_or(0)),
            _ => None,
        };
        let Some(next) = next else { return Vec::new() };
        value = next;
    }
    value.as_object().map_or(Vec::new(), |members| members.iter().collect())
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
