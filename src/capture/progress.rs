use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The progress of reading, in bytes of the files as stored on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read: u64,
    /// Total bytes; `None` if a pipe is among the inputs.
    pub total: Option<u64>,
}

/// The [`Progress`] of a source that is owned elsewhere; clones share it.
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

    /// Returns the progress of reading.
    pub fn progress(&self) -> Progress {
        Progress { read: self.read.load(Ordering::Relaxed), total: self.total }
    }

    /// Returns whether reading ended before the inputs did, because that was requested.
    pub fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Notes that reading ends here, though there may be more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Wraps `inner` to count what is read.
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
