use std::collections::BTreeMap;

use super::super::clock::grouped;
use super::super::state::Effect;
use super::super::unshown;
use super::super::words::Role;
use super::Line;
use crate::event::{Anomaly, Severity};
use crate::store::{Entry, Store};
use crate::view;

/// How many places of one rule are listed; the filter shows the others.
const LISTED: usize = 100;

/// Lists what is wrong by the rule that was broken, the worst first, with the places of each.
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
        for (at, (code, grade, spec)) in Anomaly::ALL.iter().enumerate() {
            if let Some(found) = rules.get(code).filter(|_| *grade == severity) {
                rule(store, &mut lines, (at, code, severity, *spec), found);
            }
        }
    }
    let others = if scope.is_none() { unshown::lines(store) } else { Vec::new() };
    if lines.is_empty() {
        lines.push(Line::default().add(Role::Good, "no anomaly was found"));
        lines.push(Line::default());
    }
    if !others.is_empty() {
        lines.push(Line::title("Connections in which no WebSocket was found"));
        lines.extend(others.into_iter().map(|words| Line { words, leads: None }));
    }
    lines
}

/// Adds one rule: how often it was broken, what it says, and where.
fn rule(
    store: &Store,
    lines: &mut Vec<Line>,
    (at, code, severity, spec): (usize, &str, Severity, Option<&str>),
    found: &[u32],
) {
    let count = view::counted(found.len() as u64, "time");
    let heading = Line::default()
        .add(Role::Severity(severity), format!("{} {code}", sign(severity)))
        .add(Role::Quiet, format!("  {}, {count}", severity.name()));
    lines.push(heading.to(Effect::Filter(format!("anomaly == \"{code}\""))));
    let sentence = Anomaly::SENTENCES.get(at).copied().unwrap_or_default();
    lines.push(Line::default().add(Role::Plain, format!("    {sentence}")));
    if let Some(spec) = spec {
        let rule = Anomaly::RULES.get(at).map_or("", |rule| rule.trim()).replace('`', "");
        lines.push(Line::default().add(Role::Quiet, format!("    {spec}: {rule}")));
    }
    for number in found.iter().take(LISTED) {
        let Some(entry) = store.entry(*number) else { continue };
        let place = format!("    packet {}  {}", grouped(entry.packet()), of(store, entry));
        let mut line = Line::default().add(Role::Quiet, place);
        if let Some(remark) = store.remark(entry) {
            line = line.add(Role::Plain, format!("  {}", remark.anomaly));
        }
        lines.push(line.to(Effect::GoTo(*number)));
    }
    if found.len() > LISTED {
        let more = found.len().saturating_sub(LISTED) as u64;
        let words = format!("    and {} more: the line above lists all of them", grouped(more));
        lines.push(Line::default().add(Role::Quiet, words));
    }
    lines.push(Line::default());
}

/// Names the conversation of an entry.
fn of(store: &Store, entry: &Entry) -> String {
    let conversation = entry.conversation().and_then(|slot| store.conversations().get(slot as usize));
    conversation.map_or(String::new(), |it| format!("#{} {}", it.id, it.name()))
}

const fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✖",
        Severity::Warning => "▲",
        Severity::Note => "◆",
    }
}
