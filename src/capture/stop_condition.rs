use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The condition that ends a source that would never end on its own.
#[derive(Clone, Debug, Default)]
pub struct StopCondition {
    /// End when this is set: a signal arrived, or the output was closed.
    pub stopped: Arc<AtomicBool>,
    /// End after this long.
    pub duration: Option<Duration>,
    /// End when no packet arrived for this long.
    pub idle: Option<Duration>,
}

/// The state for checking whether the end has come.
#[derive(Debug)]
pub(super) struct Watch {
    until: StopCondition,
    begun: Instant,
    /// When the last packet arrived, in milliseconds since the start.
    last: AtomicU64,
    /// When the last check was made.
    looked: AtomicU64,
}

/// Checks are more frequent than this, in milliseconds. A longer interval means that blocked output kept us from
/// checking, or that the entire program was stopped: packets may have arrived.
const MAX_POLL_GAP: u64 = 1000;

impl Watch {
    pub(super) fn new(until: StopCondition) -> Watch {
        Watch { until, begun: Instant::now(), last: AtomicU64::new(0), looked: AtomicU64::new(0) }
    }

    /// Notes that a packet arrived.
    pub(super) fn packet(&self) {
        if self.until.idle.is_some() {
            self.last.store(self.milliseconds(), Ordering::Relaxed);
        }
    }

    /// Returns whether the end has come.
    pub(super) fn is_over(&self) -> bool {
        self.until.stopped.load(Ordering::Relaxed)
            || self.until.duration.is_some_and(|most| self.begun.elapsed() >= most)
            || self
                .until
                .idle
                .is_some_and(|most| u128::from(self.silence(self.milliseconds())) >= most.as_millis())
    }

    /// Returns for how many milliseconds checks were made and no packet arrived.
    fn silence(&self, now: u64) -> u64 {
        let away = now.saturating_sub(self.looked.swap(now, Ordering::Relaxed));
        if away > MAX_POLL_GAP {
            self.last.fetch_add(away, Ordering::Relaxed);
        }
        now.saturating_sub(self.last.load(Ordering::Relaxed))
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_what_somebody_waited_for() {
        let watch = Watch::new(StopCondition::default());
        assert_eq!([100, 900, 1800].map(|now| watch.silence(now)), [100, 900, 1800]);
        // The output blocked for five seconds.
        assert_eq!([6800, 7700].map(|now| watch.silence(now)), [1800, 2700]);
    }
}
