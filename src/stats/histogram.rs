use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// A compact distribution of time spans.
///
/// While there are few distinct values, each is kept with its count. Beyond that, values that share their eight leading
/// bits are merged (within 0.4 %), which leaves at most a few thousand and in practice a few dozen.
#[derive(Clone, Debug, Default)]
pub(super) struct RttHistogram {
    /// Nanoseconds and their counts, sorted.
    values: Vec<(u64, u64)>,
    rough: bool,
    most: u64,
    least: Option<u64>,
}

/// How many distinct values are kept exactly.
const EXACT: usize = 64;
/// How many leading bits distinguish values beyond that.
const BITS: u32 = 8;

/// The quantiles that describe a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// The number of values.
    pub count: u64,
    /// The minimum.
    #[serde(serialize_with = "seconds")]
    pub min: Duration,
    /// The median.
    #[serde(serialize_with = "seconds")]
    pub median: Duration,
    /// The 99th percentile.
    #[serde(serialize_with = "seconds")]
    pub p99: Duration,
    /// The maximum.
    #[serde(serialize_with = "seconds")]
    pub max: Duration,
}

/// Writes a time span in seconds.
pub(super) fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

impl RttHistogram {
    pub(super) fn record(&mut self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.most = self.most.max(nanos);
        self.least = Some(self.least.map_or(nanos, |least| least.min(nanos)));
        self.add(nanos, 1);
    }

    /// Merges another distribution.
    pub(super) fn absorb(&mut self, other: &RttHistogram) {
        if other.rough {
            self.coarsen();
        }
        self.most = self.most.max(other.most);
        self.least = self.least.into_iter().chain(other.least).min();
        for (nanos, count) in &other.values {
            self.add(*nanos, *count);
        }
    }

    fn add(&mut self, nanos: u64, count: u64) {
        let nanos = if self.rough { rough(nanos) } else { nanos };
        match self.values.binary_search_by_key(&nanos, |(nanos, _)| *nanos) {
            Ok(at) => {
                if let Some((_, so_far)) = self.values.get_mut(at) {
                    *so_far = so_far.saturating_add(count);
                }
            }
            Err(at) => {
                self.values.insert(at, (nanos, count));
                if self.values.len() > EXACT {
                    self.coarsen();
                }
            }
        }
    }

    fn coarsen(&mut self) {
        if std::mem::replace(&mut self.rough, true) {
            return;
        }
        for (nanos, count) in std::mem::take(&mut self.values) {
            self.add(nanos, count);
        }
    }

    /// Returns the quantiles; `None` if nothing was recorded. `scratch` provides memory.
    pub(super) fn quantiles(&self, scratch: &mut Histogram<u64>) -> Option<Quantiles> {
        let least = self.least?;
        scratch.reset();
        for (nanos, count) in &self.values {
            // It grows as needed, and its limit of 584 years cannot be exceeded.
            let _ = scratch.record_n((*nanos).max(1), *count);
        }
        let at = |quantile| {
            let near = scratch.value_at_quantile(quantile);
            let known = if self.rough { &[][..] } else { &self.values };
            let exact = known.iter().map(|(nanos, _)| *nanos);
            let exact = exact.rev().find(|nanos| scratch.equivalent((*nanos).max(1), near));
            Duration::from_nanos(exact.unwrap_or(near).clamp(least, self.most))
        };
        Some(Quantiles {
            count: scratch.len(),
            min: Duration::from_nanos(least),
            median: at(0.5),
            p99: at(0.99),
            max: Duration::from_nanos(self.most),
        })
    }
}

/// Creates a histogram for [`RttHistogram::quantiles`].
pub(super) fn scratch() -> Option<Histogram<u64>> {
    Histogram::new(3).ok()
}

/// Returns the middle of the values that share their leading bits with this one.
const fn rough(nanos: u64) -> u64 {
    let drop = (u64::BITS.saturating_sub(nanos.leading_zeros())).saturating_sub(BITS);
    let low = (nanos >> drop) << drop;
    if drop == 0 { low } else { low | 1 << drop.saturating_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(sketch: &RttHistogram) -> Option<Quantiles> {
        sketch.quantiles(&mut scratch().unwrap())
    }

    fn of(values: &[u64]) -> RttHistogram {
        let mut sketch = RttHistogram::default();
        for nanos in values {
            sketch.record(Duration::from_nanos(*nanos));
        }
        sketch
    }

    #[test]
    fn few_values_are_reported_exactly() {
        assert_eq!(listed(&RttHistogram::default()), None);
        let listed = listed(&of(&[412_345, 1, 999_999_999, 412_345, 500_000_001])).unwrap();
        let nanos = [listed.min, listed.median, listed.p99, listed.max].map(|span| span.as_nanos());
        assert_eq!((listed.count, nanos), (5, [1, 412_345, 999_999_999, 999_999_999]));
    }

    #[test]
    fn memory_is_bounded() {
        let mut sketch = RttHistogram::default();
        let mut nanos: u64 = 1;
        for n in 0..2_000_000_u64 {
            nanos = nanos.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n);
            sketch.record(Duration::from_nanos(nanos >> (nanos % 50)));
        }
        assert!(sketch.values.len() <= 64 * 128, "{}", sketch.values.len());
        assert_eq!(listed(&sketch).unwrap().count, 2_000_000);
    }

    proptest! {
        #[test]
        fn quantiles_are_near_those_of_the_sorted_values(mut values in proptest::collection::vec(0_u64..10_000_000_000, 1..400)) {
            let listed = listed(&of(&values)).unwrap();
            values.sort_unstable();
            for (quantile, span) in [(50, listed.median), (99, listed.p99)] {
                let rank = (values.len() * quantile).div_ceil(100).max(1);
                let (want, nanos) = (values[rank - 1] as f64, span.as_nanos() as f64);
                prop_assert!((nanos - want).abs() <= want * 0.006 + 1.0, "{quantile}: {nanos} for {want}");
            }
            prop_assert_eq!(listed.min.as_nanos(), u128::from(values[0]));
            prop_assert_eq!(listed.max.as_nanos(), u128::from(values[values.len() - 1]));
        }

        #[test]
        fn parts_put_together_in_any_order_are_the_whole(values in proptest::collection::vec(0_u64..1_000_000_000_000, 1..300), cut in 0_usize..300) {
            let (a, b) = values.split_at(cut.min(values.len()));
            let (mut one, mut other) = (of(a), of(b));
            one.absorb(&of(b));
            other.absorb(&of(a));
            prop_assert_eq!(listed(&one), listed(&of(&values)));
            prop_assert_eq!(listed(&other), listed(&one));
        }
    }
}
