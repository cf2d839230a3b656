use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    last: Instant,
}

impl Watch {
    pub(super) fn new(until: Until) -> Watch {
        let now = Instant::now();
        Watch { until, begun: now, last: now }
    }

    /// Hears that a packet came.
    pub(super) fn packet(&mut self) {
        if self.until.idle.is_some() {
            self.last = Instant::now();
        }
    }

    /// Tells whether the end has come.
    pub(super) fn is_over(&self) -> bool {
        self.until.stopped.load(Ordering::Relaxed)
            || self.until.duration.is_some_and(|most| self.begun.elapsed() >= most)
            || self.until.idle.is_some_and(|most| self.last.elapsed() >= most)
    }
}
