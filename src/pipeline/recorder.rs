use std::io;
use std::ops::Range;

use super::{Control, Error, Options, Output, Part, Summary, run};
use crate::capture::Source;
use crate::model::Timestamp;
use crate::store::{Batch, Phase, Shared};

/// Keeps events in a store, for the screen.
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

impl Part for Batch {
    type Memory = ();

    fn exchange(&mut self, (): &mut ()) {}

    fn mark(&self) -> usize {
        Batch::mark(self)
    }

    fn clear(&mut self) {
        Batch::clear(self);
    }
}

impl Output for Recorder {
    type Part = Batch;

    fn part(&self) -> Batch {
        Batch::default()
    }

    fn memory(&self) {}

    fn start(&mut self, first: Timestamp) {
        self.store.lock().begin(first);
    }

    fn take(&mut self, part: &Batch, range: Range<usize>) -> io::Result<Control> {
        if !range.is_empty() {
            self.store.add(part, range);
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
