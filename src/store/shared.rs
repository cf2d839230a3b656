use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Bounds, Store};

/// The progress of filling a store.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// More events may follow.
    #[default]
    Filling,
    /// All events are stored.
    Complete,
    /// Filling ended early, for this reason.
    Failed(String),
}

/// A [`Store`] that one thread fills and another displays; clones share the same store.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    store: Mutex<Store>,
    phase: Mutex<Phase>,
    /// The number of changes.
    version: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    /// Creates an empty store.
    pub fn new(bounds: Bounds) -> Self {
        Shared(Arc::new(Inner { store: Mutex::new(Store::new(bounds)), ..Inner::default() }))
    }

    /// Locks the store; to be held only briefly.
    pub fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a range of a batch, then moves excess payloads from memory to the file, releasing the lock while writing.
    pub fn add(&self, batch: &Batch, range: Range<usize>) {
        let mut store = self.lock();
        store.add(batch, range);
        while let Some(job) = store.job() {
            drop(store);
            let done = job.run();
            store = self.lock();
            store.wrote(done);
        }
        drop(store);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Returns a number that changes when the store does.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    /// Returns the progress of filling.
    pub fn phase(&self) -> Phase {
        self.0.phase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the progress of filling.
    pub fn enter(&self, phase: Phase) {
        *self.0.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// Requests that filling stop.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// Returns whether a stop was requested.
    pub fn stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }
}
