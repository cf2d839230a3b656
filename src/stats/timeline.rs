use std::time::Duration;

use crate::model::{Pair, Side, Timestamp};

/// Message counts over time in a bounded number of slots, whose width doubles when the time range outgrows them.
///
/// Slots begin at multiples of their width since 1970, so that two timelines can be merged, and the result depends only
/// on the times counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// The base-2 logarithm of the width, in nanoseconds.
    shift: u32,
    /// The index of the first slot since 1970.
    first: i64,
    slots: Vec<Pair<u64>>,
}

/// The maximum number of slots.
const SLOTS: usize = 256;
/// The narrowest slot is about a millisecond.
const NARROWEST: u32 = 20;

impl Timeline {
    pub(super) fn add(&mut self, time: Timestamp, side: Side) {
        let slot = self.reach(time);
        if let Some(slot) = self.slots.get_mut(slot) {
            let count = &mut slot[side];
            *count = count.saturating_add(1);
        }
    }

    /// Extends the slots to include a time and returns its slot.
    fn reach(&mut self, time: Timestamp) -> usize {
        if self.slots.is_empty() {
            self.shift = NARROWEST;
            self.first = time.as_nanos() >> self.shift;
            self.slots.push(Pair::default());
        }
        loop {
            let number = time.as_nanos() >> self.shift;
            let last = self.first.saturating_add_unsigned(self.slots.len() as u64).saturating_sub(1);
            let (low, high) = (number.min(self.first), number.max(last));
            let span = usize::try_from(high.saturating_sub(low)).unwrap_or(usize::MAX).saturating_add(1);
            if span > SLOTS {
                self.widen();
                continue;
            }
            let before = usize::try_from(self.first.saturating_sub(low)).unwrap_or(0);
            if before > 0 {
                self.slots.splice(..0, std::iter::repeat_n(Pair::default(), before));
                self.first = low;
            }
            self.slots.resize(span.max(self.slots.len()), Pair::default());
            return usize::try_from(number.saturating_sub(self.first)).unwrap_or(0);
        }
    }

    /// Doubles the width of the slots.
    fn widen(&mut self) {
        let first = self.first >> 1;
        let mut slots: Vec<Pair<u64>> = Vec::with_capacity(self.slots.len());
        for (number, slot) in (self.first..).zip(&self.slots) {
            let at = usize::try_from((number >> 1).saturating_sub(first)).unwrap_or(0);
            slots.resize(slots.len().max(at.saturating_add(1)), Pair::default());
            if let Some(wide) = slots.get_mut(at) {
                add(wide, slot);
            }
        }
        (self.shift, self.first, self.slots) = (self.shift.saturating_add(1), first, slots);
    }

    /// Merges another timeline.
    pub(super) fn absorb(&mut self, mut other: Timeline) {
        if other.slots.is_empty() {
            return;
        }
        if self.slots.is_empty() {
            *self = other;
            return;
        }
        while self.shift < other.shift {
            self.widen();
        }
        while self.shift > other.shift {
            other.widen();
        }
        let last = other.first.saturating_add_unsigned(other.slots.len() as u64).saturating_sub(1);
        for number in [other.first, last] {
            self.reach(Timestamp::from_nanos(number.saturating_mul(1 << other.shift)));
        }
        while self.shift > other.shift {
            other.widen();
        }
        for (number, slot) in (other.first..).zip(&other.slots) {
            let at = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
            if let Some(mine) = self.slots.get_mut(at) {
                add(mine, slot);
            }
        }
    }

    /// Returns the width of a slot.
    pub(super) const fn width(&self) -> Duration {
        Duration::from_nanos(1 << if self.shift < 63 { self.shift } else { 63 })
    }

    /// Returns the start of the first slot.
    pub(super) const fn start(&self) -> Timestamp {
        Timestamp::from_nanos(self.first.saturating_mul(1 << if self.shift < 62 { self.shift } else { 62 }))
    }

    /// Returns the slots, the first and the last of which are not empty.
    pub(super) fn slots(&self) -> &[Pair<u64>] {
        &self.slots
    }
}

fn add(to: &mut Pair<u64>, from: &Pair<u64>) {
    for side in Side::BOTH {
        to[side] = to[side].saturating_add(from[side]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(times: &[i64]) -> Timeline {
        let mut timeline = Timeline::default();
        times.iter().for_each(|nanos| timeline.add(Timestamp::from_nanos(*nanos), Side::Server));
        timeline
    }

    fn listed(timeline: &Timeline) -> (Duration, Timestamp, Vec<u64>) {
        (timeline.width(), timeline.start(), timeline.slots().iter().map(|slot| slot.server).collect())
    }

    proptest! {
        #[test]
        fn it_depends_on_nothing_but_the_times(
            mut times in proptest::collection::vec((0_i64..1 << 50, 0_u32..40), 1..60), cut in 0_usize..60,
        ) {
            let mut times: Vec<_> = times.drain(..).map(|(time, shift)| time >> shift).collect();
            let whole = of(&times);
            prop_assert!(whole.slots().len() <= SLOTS);
            prop_assert_eq!(whole.slots().iter().map(|slot| slot.server).sum::<u64>(), times.len() as u64);
            let (a, b) = times.split_at(cut.min(times.len()));
            let (mut one, mut other) = (of(a), of(b));
            one.absorb(of(b));
            other.absorb(of(a));
            prop_assert_eq!(listed(&one), listed(&whole));
            prop_assert_eq!(listed(&other), listed(&whole));
            times.sort_unstable();
            prop_assert_eq!(listed(&of(&times)), listed(&whole));
        }
    }

    #[test]
    fn the_ends_of_time_are_counted() {
        let timeline = of(&[i64::MIN, i64::MAX, 0]);
        assert_eq!(timeline.slots().iter().map(|slot| slot.server).sum::<u64>(), 3);
    }
}
