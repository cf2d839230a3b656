use std::collections::BTreeMap;

use super::super::clock::grouped;
use super::super::effect::Effect;
use super::super::words::{Role, sign, unshown};
use super::line::Line;
use crate::event::{Anomaly, Rule, Severity};
use crate::store::{Entry, Store};
use crate::text;

/// The maximum number of occurrences listed per rule; a filter shows the others.
const LISTED: usize = 100;

/// Lists the anomalies by rule, highest severity first, with the occurrences of each.
pub(super) fn lines(store: &Store, scope: Option<u32>) -> Vec<Line> {
    let mut rules: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for number in store.anomalies_from(0) {
        let Some(entry) = store.entry(number) else { continue };
        if let (true, Some((code, _))) = (scope.is_none() || entry.conversation() == scope, entry.anomaly()) {
            rules.entry(code).or_default().push(number);
        }
    }
    let mut lines = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        for rule in Anomaly::RULES.iter().filter(|rule| rule.severity == severity) {
            if let Some(found) = rules.get(rule.code) {
                wrap(store, &mut lines, rule, found);
            }
        }
    }
    let others = if scope.is_none() { unshown(store) } else { Vec::new() };
    if lines.is_empty() {
        lines.push(Line::of(Role::Good, "no anomaly was found"));
        lines.push(Line::default());
    }
    if !others.is_empty() {
        lines.push(Line::of(Role::Name, "Connections in which no WebSocket was found"));
        lines.extend(others.into_iter().map(|words| Line { words, ..Line::default() }));
    }
    lines
}

/// Adds a rule: the number of violations, its description, and their occurrences.
fn wrap(store: &Store, lines: &mut Vec<Line>, rule: &Rule, found: &[u32]) {
    let Rule { code, severity, .. } = *rule;
    let count = text::counted(found.len() as u64, "time");
    let heading = Line::of(Role::Severity(severity), format!("{} {code}", sign(severity)))
        .add(Role::Quiet, format!("  {}, {count}", severity.name()));
    lines.push(heading.to(Effect::Filter(format!("anomaly == \"{code}\""))));
    lines.push(Line::of(Role::Plain, format!("    {}", rule.sentence)));
    if let Some(spec) = rule.spec {
        let text = rule.text.trim().replace('`', "");
        lines.push(Line::of(Role::Quiet, format!("    {spec}: {text}")));
    }
    for number in found.iter().take(LISTED) {
        let Some(entry) = store.entry(*number) else { continue };
        let place = format!("    packet {}  {}", grouped(entry.packet()), of(store, entry));
        let mut line = Line::of(Role::Quiet, place);
        if let Some(stored) = store.anomaly_of(entry) {
            line = line.add(Role::Plain, format!("  {}", stored.anomaly));
        }
        lines.push(line.to(Effect::GoTo(*number)));
    }
    if found.len() > LISTED {
        let more = found.len().saturating_sub(LISTED) as u64;
        let words = format!("    and {} more: the line above lists all of them", grouped(more));
        lines.push(Line::of(Role::Quiet, words));
    }
    lines.push(Line::default());
}

/// Returns the conversation's name for an entry.
fn of(store: &Store, entry: &Entry) -> String {
    let conversation = store.conversation_with(entry);
    conversation.map_or(String::new(), |it| format!("#{} {}", it.id, it.name()))
}
