use std::io;
use std::ops::Range;

use super::{Control, Output, Part};
use crate::filter::{self, Filter, Filtered};
use crate::model::Timestamp;

/// Lets through to another output what a filter lets through.
#[derive(Debug)]
pub struct FilteredOutput<O> {
    output: O,
    filter: Filter,
    began: Timestamp,
}

impl<O: Output> FilteredOutput<O> {
    /// Filters what goes to `output`.
    pub const fn new(filter: Filter, output: O) -> Self {
        FilteredOutput { output, filter, began: Timestamp::from_nanos(0) }
    }

    /// Returns the output behind the filter.
    pub fn into_inner(self) -> O {
        self.output
    }
}

impl<P: Part> Part for Filtered<P> {
    type Memory = (filter::Memory, P::Memory);

    fn exchange(&mut self, (mine, theirs): &mut Self::Memory) {
        Filtered::exchange(self, mine);
        self.sink_mut().exchange(theirs);
    }

    fn mark(&self) -> usize {
        self.sink().mark()
    }

    fn clear(&mut self) {
        self.sink_mut().clear();
    }
}

impl<O: Output> Output for FilteredOutput<O> {
    type Part = Filtered<O::Part>;

    fn start(&mut self, first: Timestamp) {
        self.began = first;
        self.output.start(first);
    }

    fn part(&self) -> Self::Part {
        Filtered::new(self.filter.clone(), self.output.part(), self.began)
    }

    fn memory(&self) -> (filter::Memory, <O::Part as Part>::Memory) {
        (filter::Memory::default(), self.output.memory())
    }

    fn take(&mut self, part: &Self::Part, range: Range<usize>) -> io::Result<Control> {
        self.output.take(part.sink(), range)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.output.pause()
    }

    fn remembered(&mut self, (_, memory): (filter::Memory, <O::Part as Part>::Memory)) {
        self.output.remembered(memory);
    }
}
