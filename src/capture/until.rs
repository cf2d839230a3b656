use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Says when a source that would never end is to end.
#[derive(Clone, Debug, Default)]
pub struct Until {
    /// End when somebody sets this: a signal came, or the output was closed.
    pub stopped: Arc<AtomicBool>,
    /// End after this long.
    pub duration: Option<Duration>,
    /// End when no packet came for this long.
    pub idle: Option<Duration>,
}

/// Watches whether the end has come.
#[derive(Debug)]
pub(super) struct Watch {
    until: Until,
    begun: Instant,
    /// When the last packet came, in milliseconds after the beginning.
    last: AtomicU64,
}

impl Watch {
    pub(super) fn new(until: Until) -> Watch {
        Watch { until, begun: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Hears that a packet came.
    pub(super) fn packet(&self) {
        if self.until.idle.is_some() {
            self.last.store(self.milliseconds(), Ordering::Relaxed);
        }
    }

    /// Tells whether the end has come.
    pub(super) fn is_over(&self) -> bool {
        self.until.stopped.load(Ordering::Relaxed)
            || self.until.duration.is_some_and(|most| self.begun.elapsed() >= most)
            || self.until.idle.is_some_and(|most| {
                let silent = self.milliseconds().saturating_sub(self.last.load(Ordering::Relaxed));
                u128::from(silent) >= most.as_millis()
            })
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
