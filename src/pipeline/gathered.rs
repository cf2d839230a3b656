use std::io;
use std::ops::Range;

use super::{Control, Output, Part};
use crate::event::{Event, Gather, Sink};

/// Gathers what can only be told in the end.
#[derive(Debug)]
pub struct Reducer<G> {
    whole: G,
}

impl<G: Gather> Reducer<G> {
    /// Gathers into `whole`.
    pub const fn new(whole: G) -> Self {
        Reducer { whole }
    }

    /// Returns what was gathered; to be called after the run.
    pub fn into_inner(self) -> G {
        self.whole
    }
}

/// What is gathered of the shard at hand.
#[derive(Debug)]
pub struct Gathering<G>(Box<G>);

impl<G: Gather> Sink for Gathering<G> {
    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.0.wants_frames()
    }
}

impl<G: Gather> Part for Gathering<G> {
    type Memory = Box<G>;

    fn exchange(&mut self, memory: &mut Box<G>) {
        std::mem::swap(&mut self.0, memory);
    }

    /// Returns 0: there is nothing to put in order.
    fn mark(&self) -> usize {
        0
    }

    fn clear(&mut self) {}
}

impl<G: Gather> Output for Reducer<G> {
    type Part = Gathering<G>;

    fn part(&self) -> Gathering<G> {
        Gathering(self.memory())
    }

    fn memory(&self) -> Box<G> {
        Box::new(self.whole.fresh())
    }

    fn take(&mut self, _: &Gathering<G>, _: Range<usize>) -> io::Result<Control> {
        Ok(Control::Continue)
    }

    fn pause(&mut self) -> io::Result<Control> {
        Ok(Control::Continue)
    }

    fn remembered(&mut self, memory: Box<G>) {
        self.whole.absorb(*memory);
    }
}
