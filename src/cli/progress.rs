use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::capture::{self, ReadProgress};
use crate::text::{bytes, count};

/// Smaller files are read before the progress could be followed.
const LARGE: u64 = 64 << 20;

/// How often the line is rewritten.
const EVERY: Duration = Duration::from_millis(200);

/// A line on standard error that shows the progress, if that is a terminal and reading takes long.
///
/// Clones share the same line.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// `None` if nothing is to be shown.
    meter: Option<ReadProgress>,
    conversations: Arc<AtomicU64>,
    started: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Creates a progress that is never shown.
    pub(super) fn none() -> Self {
        Progress { meter: None, conversations: Arc::default(), started: Instant::now(), shown: None }
    }

    /// Creates the progress measured by `meter`.
    pub(super) fn new(meter: ReadProgress) -> Self {
        let large = meter.progress().total.is_some_and(|total| total >= LARGE);
        let wanted = large && io::stderr().is_terminal();
        Progress { meter: wanted.then_some(meter), ..Progress::none() }
    }

    /// Counts a conversation.
    pub(super) fn count(&self) {
        self.conversations.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the line, unless it was written just now.
    pub(super) fn show(&mut self) {
        let Some(meter) = &self.meter else { return };
        let now = Instant::now();
        if now.duration_since(self.shown.unwrap_or(self.started)) < EVERY {
            return;
        }
        self.shown = Some(now);
        let conversations = self.conversations.load(Ordering::Relaxed);
        let line = line(meter.progress(), now.duration_since(self.started), conversations);
        // If standard error is closed, there is nowhere to report that.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
    }

    /// Erases the line.
    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(progress: capture::Progress, elapsed: Duration, conversations: u64) -> String {
    let capture::Progress { read, total } = progress;
    let rate = u128::from(read) * 1000 / elapsed.as_millis().max(1);
    let rate = bytes(u64::try_from(rate).unwrap_or(u64::MAX));
    let of = match total {
        Some(total) => {
            let percent = u128::from(read) * 100 / u128::from(total.max(1));
            format!(" of {} ({percent} %)", bytes(total))
        }
        None => String::new(),
    };
    format!("{}{of}, {rate}/s, {}", bytes(read), count(conversations, "conversation"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_bytes_rate_and_conversations() {
        let progress = capture::Progress { read: 412_000_000, total: Some(1_000_000_000) };
        assert_eq!(
            line(progress, Duration::from_secs(2), 12),
            "412.0 MB of 1.0 GB (41 %), 206.0 MB/s, 12 conversations"
        );
        let progress = capture::Progress { read: 5000, total: None };
        assert_eq!(line(progress, Duration::ZERO, 1), "5.0 kB, 5.0 MB/s, 1 conversation");
    }
}
