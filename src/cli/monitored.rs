//! An output with progress and early termination.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::plan::Choice;
use super::progress::Progress;
use crate::capture::Saver;
use crate::event::{Collector, Control, Kind, Output, Rejected};
use crate::model::Timestamp;
use crate::pipeline::Hook;

/// An output that shows progress while it is filled.
pub(super) struct Monitored<O> {
    pub(super) output: O,
    pub(super) progress: Progress,
    pub(super) saver: Option<Saver>,
    /// Whether it goes to standard output, which its reader may close.
    pub(super) stdout: bool,
    /// Stops the source.
    pub(super) stop: Arc<AtomicBool>,
    /// Whether the reader has closed the output.
    pub(super) closed: bool,
}

impl<O> Monitored<O> {
    /// Returns a hook that is called for every conversation that begins or is refused, and saves the packets of those
    /// chosen.
    pub(super) fn hook(&self, choice: Choice) -> Hook {
        let (progress, saver) = (self.progress.clone(), self.saver.clone());
        Arc::new(move |event| {
            let (Kind::Opened(opening) | Kind::Rejected(Rejected { opening, .. })) = event.kind else {
                return;
            };
            if matches!(event.kind, Kind::Opened(_)) {
                progress.count();
            }
            if let Some(saver) = saver.as_ref().filter(|_| choice.takes(event)) {
                saver.keep(opening.client, opening.server);
            }
        })
    }

    /// Treats a pipe closed by its reader as the end, not as a failure.
    fn stop_if_closed(&mut self, result: io::Result<Control>) -> io::Result<Control> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(Control::Stop)
            }
            other => other,
        }
    }

    /// Stops the source if packets go to standard output and its reader has closed it: what was seen is still reported.
    fn stop_if_packets_are_unwanted(&self) {
        let Some(saver) = self.saver.as_ref().filter(|saver| saver.is_stdout()) else { return };
        if saver.is_closed() || is_closed() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Returns whether standard output was closed by its reader, without writing to it.
fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut list = [PollFd::new(&stdout, PollFlags::empty())];
    let ready = poll(&mut list, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
    ready && list[0].revents().contains(PollFlags::ERR)
}

impl<O: Output> Output for Monitored<O> {
    type Collector = O::Collector;

    fn collector(&self) -> O::Collector {
        self.output.collector()
    }

    fn start(&mut self, first: Timestamp) {
        self.output.start(first);
    }

    fn take(
        &mut self,
        piece: &<O::Collector as Collector>::Piece,
        range: Range<usize>,
    ) -> io::Result<Control> {
        if self.closed {
            return Ok(Control::Stop);
        }
        let result = self.output.take(piece, range);
        self.stop_if_closed(result)
    }

    fn delivered(&mut self) {
        self.progress.show();
        self.output.delivered();
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.stop_if_packets_are_unwanted();
        if self.closed || self.stdout && is_closed() {
            self.closed = true;
            return Ok(Control::Stop);
        }
        let result = self.output.pause();
        self.stop_if_closed(result)
    }

    fn collected(&mut self, collector: O::Collector) {
        self.output.collected(collector);
    }
}
