use std::io;
use std::ops::Range;

use super::{Collector, Control, Event, Gather, Output, Sink};

/// An output that aggregates what can only be reported at the end.
#[derive(Debug)]
pub struct Reducer<G> {
    whole: G,
}

impl<G: Gather> Reducer<G> {
    /// Creates a reducer that aggregates into `whole`.
    pub const fn new(whole: G) -> Self {
        Reducer { whole }
    }

    /// Returns the result; to be called after the run.
    pub fn into_inner(self) -> G {
        self.whole
    }
}

/// The collector of one shard.
#[derive(Debug)]
pub struct Gathering<G> {
    part: G,
    nothing: (),
}

impl<G: Gather> Sink for Gathering<G> {
    fn event(&mut self, event: &Event<'_>) {
        self.part.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.part.wants_frames()
    }
}

impl<G: Gather> Collector for Gathering<G> {
    type Piece = ();

    fn piece(&mut self) -> &mut () {
        &mut self.nothing
    }
}

impl<G: Gather> Output for Reducer<G> {
    type Collector = Gathering<G>;

    fn collector(&self) -> Gathering<G> {
        Gathering { part: self.whole.fresh(), nothing: () }
    }

    fn take(&mut self, (): &(), _: Range<usize>) -> io::Result<Control> {
        Ok(Control::Continue)
    }

    fn pause(&mut self) -> io::Result<Control> {
        Ok(Control::Continue)
    }

    fn collected(&mut self, collector: Gathering<G>) {
        self.whole.absorb(collector.part);
    }
}
