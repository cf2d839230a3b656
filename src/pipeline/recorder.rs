use std::io;
use std::ops::Range;

use super::{Collector, Control, Error, Options, Output, Piece, Summary, run};
use crate::capture::Source;
use crate::event::{Event, Sink};
use crate::model::Timestamp;
use crate::store::{Batch, Phase, Shared};

/// An output that keeps events in a store, for the screen.
#[derive(Clone, Debug)]
pub struct Recorder {
    store: Shared,
}

impl Recorder {
    /// Fills `store`.
    pub const fn new(store: Shared) -> Self {
        Recorder { store }
    }

    fn control(&self) -> Control {
        if self.store.stopped() { Control::Stop } else { Control::Continue }
    }
}

/// Collects the events of a shard.
#[derive(Debug, Default)]
pub struct Records(Batch);

impl Sink for Records {
    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.0.wants_frames()
    }
}

impl Collector for Records {
    type Piece = Batch;

    fn piece(&mut self) -> &mut Batch {
        &mut self.0
    }
}

impl Piece for Batch {
    fn mark(&self) -> usize {
        Batch::mark(self)
    }

    fn bytes(&self) -> usize {
        self.size()
    }

    fn clear(&mut self) {
        Batch::clear(self);
    }
}

impl Output for Recorder {
    type Collector = Records;

    fn collector(&self) -> Records {
        Records::default()
    }

    fn start(&mut self, first: Timestamp) {
        self.store.lock().begin(first);
    }

    fn take(&mut self, batch: &Batch, range: Range<usize>) -> io::Result<Control> {
        if !range.is_empty() {
            self.store.add(batch, range);
        }
        Ok(self.control())
    }

    fn pause(&mut self) -> io::Result<Control> {
        Ok(self.control())
    }
}

/// Fills `store` from `source` until it ends or the store is told to stop, and leaves the outcome there too.
pub fn record(source: &mut dyn Source, options: &Options, store: &Shared) -> Result<Summary, Error> {
    let result = run(source, options, &mut Recorder::new(store.clone()));
    store.enter(match &result {
        Ok(_) => Phase::Complete,
        Err(e) => Phase::Failed(e.to_string()),
    });
    result
}
