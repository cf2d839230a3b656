use std::io;
use std::ops::Range;

use super::{Filter, Filtered};
use crate::event::{Collector, Control, Output};
use crate::model::Timestamp;

/// An output that forwards what matches a filter.
#[derive(Debug)]
pub struct FilteredOutput<O> {
    output: O,
    filter: Filter,
    began: Timestamp,
    matched: u64,
}

impl<O: Output> FilteredOutput<O> {
    /// Filters the input of `output`.
    pub const fn new(filter: Filter, output: O) -> Self {
        FilteredOutput { output, filter, began: Timestamp::from_nanos(0), matched: 0 }
    }

    /// Returns how many rows matched the filter.
    pub const fn matched(&self) -> u64 {
        self.matched
    }

    /// Returns the inner output.
    pub fn into_inner(self) -> O {
        self.output
    }
}

impl<C: Collector> Collector for Filtered<C> {
    type Piece = C::Piece;

    fn piece(&mut self) -> &mut C::Piece {
        self.sink_mut().piece()
    }
}

impl<O: Output> Output for FilteredOutput<O> {
    type Collector = Filtered<O::Collector>;

    fn start(&mut self, first: Timestamp) {
        self.began = first;
        self.output.start(first);
    }

    fn collector(&self) -> Self::Collector {
        Filtered::new(self.filter.clone(), self.output.collector(), self.began)
    }

    fn take(
        &mut self,
        piece: &<O::Collector as Collector>::Piece,
        range: Range<usize>,
    ) -> io::Result<Control> {
        self.output.take(piece, range)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.output.pause()
    }

    fn collected(&mut self, collector: Self::Collector) {
        self.matched = self.matched.saturating_add(collector.matched());
        self.output.collected(collector.into_sink());
    }
}
