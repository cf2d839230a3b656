#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // fractions of a time span: a float is precise enough, and `as` saturates

use crate::event::{Opcode, Severity};
use crate::model::{Pair, Side, Timestamp};

/// The number of buckets; the resolution is the finest at which the capture fits into them.
const BUCKETS: usize = 4096;
/// The initial width of a bucket, in nanoseconds.
const FIRST_WIDTH: u64 = 1 << 17;

/// The notable events in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// A conversation began.
    pub opened: bool,
    /// A conversation ended.
    pub closed: bool,
    /// Bytes are missing from the capture.
    pub gap: bool,
    /// The highest severity of an anomaly.
    pub worst: Option<Severity>,
}

/// The event counts of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Messages and control frames of each side.
    pub messages: Pair<u32>,
    /// Notable events.
    pub marks: Marks,
}

impl Column {
    /// Adds the counts of another span.
    pub fn add(&mut self, other: &Column) {
        for side in Side::BOTH {
            self.messages[side] = self.messages[side].saturating_add(other.messages[side]);
        }
        self.marks.opened |= other.marks.opened;
        self.marks.closed |= other.marks.closed;
        self.marks.gap |= other.marks.gap;
        self.marks.worst = self.marks.worst.max(other.marks.worst);
    }

    /// Counts one entry.
    pub(super) fn count(&mut self, entry: &super::Entry) {
        match entry.what {
            super::EntryKind::Message => {
                if let Some(side) = entry.from() {
                    self.messages[side] = self.messages[side].saturating_add(1);
                }
                self.marks.closed |= entry.opcode() == Opcode::CLOSE;
            }
            super::EntryKind::Opened => self.marks.opened = true,
            super::EntryKind::Closed => self.marks.closed = true,
            super::EntryKind::Anomaly => {
                self.marks.gap |= entry.is_gap();
                self.marks.worst = self.marks.worst.max(entry.anomaly().map(|(_, severity)| severity));
            }
        }
    }
}

/// Message counts over time, in buckets that widen as the capture grows, so that the memory use is constant.
#[derive(Debug)]
pub(super) struct Rates {
    start: Option<Timestamp>,
    width: u64,
    buckets: Vec<Column>,
}

impl Default for Rates {
    fn default() -> Self {
        Rates { start: None, width: FIRST_WIDTH, buckets: Vec::new() }
    }
}

impl Rates {
    /// Returns the bucket of `time`, widening the buckets if necessary.
    pub(super) fn at(&mut self, time: Timestamp) -> Option<&mut Column> {
        let start = *self.start.get_or_insert(time);
        let since = u64::try_from(time.since(start).as_nanos()).unwrap_or(u64::MAX);
        let mut at = since.checked_div(self.width)?;
        while at >= BUCKETS as u64 {
            self.halve();
            at = since.checked_div(self.width)?;
        }
        let at = usize::try_from(at).ok()?;
        if self.buckets.len() <= at {
            self.buckets.resize(at.saturating_add(1), Column::default());
        }
        self.buckets.get_mut(at)
    }

    /// Merges adjacent buckets in pairs.
    fn halve(&mut self) {
        let joined = self.buckets.chunks(2).map(|pair| {
            pair.iter().fold(Column::default(), |mut sum, bucket| {
                sum.add(bucket);
                sum
            })
        });
        self.buckets = joined.collect();
        self.width = self.width.saturating_mul(2);
    }

    /// Returns the width of a bucket in nanoseconds.
    pub(super) const fn width(&self) -> u64 {
        self.width
    }

    /// Sums the buckets into `columns` equal columns between `from` and `to`; a bucket counts for the column that
    /// contains its middle.
    pub(super) fn columns(&self, from: Timestamp, to: Timestamp, columns: usize) -> Vec<Column> {
        let mut sums = vec![Column::default(); columns];
        let Some(start) = self.start else { return sums };
        let span = between(from, to).max(1.0);
        let scale = columns as f64 / span;
        for (n, bucket) in self.buckets.iter().enumerate() {
            if bucket == &Column::default() {
                continue;
            }
            let begin = between(from, start) + n as f64 * self.width as f64;
            let middle = begin + self.width as f64 / 2.0;
            // Rounding may put the last bucket just past the last column.
            let column = ((middle * scale) as usize).min(columns.saturating_sub(1));
            if middle >= 0.0
                && begin <= span
                && let Some(sum) = sums.get_mut(column)
            {
                sum.add(bucket);
            }
        }
        sums
    }
}

/// Returns the nanoseconds between two moments; an absolute time would exceed the precision of a float.
fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.as_nanos().saturating_sub(from.as_nanos()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_message_is_lost_at_any_resolution(
            steps in prop::collection::vec(0_u64..1 << 40, 1..300), columns in 1_usize..200,
        ) {
            let mut rates = Rates::default();
            let mut time = Timestamp::from_nanos(1 << 60);
            let start = time;
            for step in &steps {
                time = time.plus(std::time::Duration::from_nanos(*step));
                rates.at(time).unwrap().messages.client += 1;
            }
            prop_assert!(rates.buckets.len() <= BUCKETS);
            let sums = rates.columns(start, time, columns);
            let sum: u32 = sums.iter().map(|column| column.messages.client).sum();
            prop_assert_eq!(sum as usize, steps.len());
        }
    }
}
