//! Totals of sub-protocol units: counts, errors and latencies by protocol, kind and name.

use ahash::RandomState;
use hashbrown::HashMap;
use serde::Serialize;

use super::histogram::{Quantiles, RttHistogram};
use crate::event::{Meaning, Unanswered, Unit};
use crate::subprotocol::Role;

/// The maximum number of kinds and names of a shard that are reported individually; other units are only counted.
const NAMES: usize = 1024;

/// The hasher of the keys, the same in all shards.
const HASHER: RandomState = RandomState::with_seeds(1, 2, 3, 4);

/// The totals of sub-protocol units.
#[derive(Debug, Default)]
pub(super) struct UnitSums {
    sums: HashMap<u64, UnitSum, RandomState>,
    others: u64,
}

/// The totals of one protocol, kind and name.
#[derive(Debug)]
struct UnitSum {
    protocol: Box<str>,
    kind: Box<str>,
    name: Box<str>,
    count: u64,
    errors: u64,
    questions: u64,
    unanswered: u64,
    latency: RttHistogram,
}

/// The totals of one protocol, kind and name.
#[derive(Clone, Debug, Serialize)]
pub struct UnitRow {
    /// The sub-protocol.
    pub protocol: Box<str>,
    /// The protocol's own term.
    pub kind: Box<str>,
    /// The event, method or topic; for an answer without a name, that of its question. Empty if there is none.
    pub name: Box<str>,
    /// The number of units.
    pub count: u64,
    /// How many of them report an error.
    pub errors: u64,
    /// How many questions were never answered, in conversations that were captured completely and to their end.
    pub unanswered: u64,
    /// The time from question to answer.
    pub latency: Option<Quantiles>,
}

impl UnitSums {
    /// Counts the units of a message.
    pub(super) fn add(&mut self, meaning: Meaning<'_>) {
        for unit in meaning.units() {
            self.unit(&unit);
        }
        self.others = self.others.saturating_add(meaning.more());
    }

    fn unit(&mut self, unit: &Unit<'_>) {
        let name = unit.name().or(unit.of()).unwrap_or_default();
        let Some(sum) = self.sum(unit.protocol(), unit.kind(), name) else {
            self.others = self.others.saturating_add(1);
            return;
        };
        sum.count = sum.count.saturating_add(1);
        sum.errors = sum.errors.saturating_add(u64::from(unit.error().is_some()));
        sum.questions = sum.questions.saturating_add(u64::from(unit.role() == Role::Question));
        if let Some(latency) = unit.latency() {
            sum.latency.record(latency);
        }
    }

    fn sum(&mut self, protocol: &str, kind: &str, name: &str) -> Option<&mut UnitSum> {
        let key = HASHER.hash_one((protocol, kind, name));
        if self.sums.len() >= NAMES && !self.sums.contains_key(&key) {
            return None;
        }
        Some(self.sums.entry(key).or_insert_with(|| UnitSum {
            protocol: protocol.into(),
            kind: kind.into(),
            name: name.into(),
            count: 0,
            errors: 0,
            questions: 0,
            unanswered: 0,
            latency: RttHistogram::default(),
        }))
    }

    /// Counts the questions that a conversation left unanswered, assigning each to the kind with the most questions of
    /// that name.
    pub(super) fn unanswered(&mut self, unanswered: &Unanswered) {
        let Some(protocol) = unanswered.protocol else { return };
        for name in &unanswered.names {
            let asked = self
                .sums
                .values_mut()
                .filter(|sum| *sum.protocol == *protocol && sum.questions > 0 && sum.name == *name);
            if let Some(sum) = asked.max_by(|a, b| (a.questions, &b.kind).cmp(&(b.questions, &a.kind))) {
                sum.unanswered = sum.unanswered.saturating_add(1);
            }
        }
    }

    /// Merges other totals.
    pub(super) fn absorb(&mut self, other: UnitSums) {
        self.others = self.others.saturating_add(other.others);
        for (key, theirs) in other.sums {
            match self.sums.get_mut(&key) {
                Some(mine) => {
                    mine.count = mine.count.saturating_add(theirs.count);
                    mine.errors = mine.errors.saturating_add(theirs.errors);
                    mine.questions = mine.questions.saturating_add(theirs.questions);
                    mine.unanswered = mine.unanswered.saturating_add(theirs.unanswered);
                    mine.latency.absorb(&theirs.latency);
                }
                None => {
                    self.sums.insert(key, theirs);
                }
            }
        }
    }

    /// Returns the totals, the most frequent first, and how many units are not included.
    pub(super) fn rows(
        self,
        quantiles: &mut dyn FnMut(&RttHistogram) -> Option<Quantiles>,
    ) -> (Vec<UnitRow>, u64) {
        let mut rows: Vec<_> = self
            .sums
            .into_values()
            .map(|sum| UnitRow {
                protocol: sum.protocol.clone(),
                kind: sum.kind,
                name: sum.name,
                count: sum.count,
                errors: sum.errors,
                unanswered: sum.unanswered,
                latency: quantiles(&sum.latency),
            })
            .collect();
        rows.sort_by(|a, b| {
            let names = |it: &UnitRow| (it.protocol.clone(), it.kind.clone(), it.name.clone());
            b.count.cmp(&a.count).then_with(|| names(a).cmp(&names(b)))
        });
        (rows, self.others)
    }
}
