use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The progress of reading, in bytes of the files as they lie on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Bytes there are; `None` where a pipe is among the inputs.
    pub total: Option<u64>,
}

/// The [`Progress`] of a source that somebody else holds; clones share it.
#[derive(Clone, Debug, Default)]
pub struct ReadProgress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
    stopped: Arc<AtomicBool>,
}

impl ReadProgress {
    pub(super) fn new(total: Option<u64>) -> ReadProgress {
        ReadProgress { total, ..ReadProgress::default() }
    }

    /// Returns how far reading came.
    pub fn progress(&self) -> Progress {
        Progress { read: self.read.load(Ordering::Relaxed), total: self.total }
    }

    /// Returns whether reading ended before the inputs did, because that was asked for.
    pub fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Hears that reading ends here, though there may be more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Counts what is read through `inner`.
    pub(super) fn count(&self, inner: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        Box::new(CountingReader { inner, read: Arc::clone(&self.read) })
    }
}

struct CountingReader<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
