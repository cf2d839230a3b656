use std::io;
use std::ops::Range;

use super::{Batch, Shared};
use crate::event::{Collector, Control, Output, Piece};
use crate::model::Timestamp;

/// A sink that stores events for the screen.
#[derive(Clone, Debug)]
pub struct Recorder {
    store: Shared,
}

impl Recorder {
    /// Creates a recorder that fills `store`.
    pub const fn new(store: Shared) -> Self {
        Recorder { store }
    }

    fn control(&self) -> Control {
        if self.store.stopped() { Control::Stop } else { Control::Continue }
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

impl Collector for Batch {
    type Piece = Batch;

    fn piece(&mut self) -> &mut Batch {
        self
    }
}

impl Output for Recorder {
    type Collector = Batch;

    fn collector(&self) -> Batch {
        Batch::default()
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
