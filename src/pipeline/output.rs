use std::io;
use std::ops::Range;

use crate::event::Sink;
use crate::model::Timestamp;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// More is wanted.
    Continue,
    /// Enough: the run ends as if the capture did.
    Stop,
}

/// What one thread makes of the events of some connections, before the parts are put in order.
pub trait Part: Sink + Send {
    /// What must be remembered of a shard's connections from one round to the next: several parts take turns.
    type Memory: Send;

    /// HttpTracker what is remembered: the events that follow are of another shard.
    fn exchange(&mut self, memory: &mut Self::Memory);

    /// Returns how far it is filled; what lies between two such marks belongs to one packet.
    fn mark(&self) -> usize;

    /// Forgets what it was filled with and keeps the memory.
    fn clear(&mut self);
}

/// Where the events of a run go.
pub trait Output {
    /// What a thread fills.
    type Part: Part;

    /// Makes an empty part; called after [`Output::start`].
    fn part(&self) -> Self::Part;

    /// Makes the memory of a shard that has seen nothing; called before anything else.
    fn memory(&self) -> <Self::Part as Part>::Memory;

    /// Hears the time of the first packet, before anything else.
    fn start(&mut self, _first: Timestamp) {}

    /// Takes the next piece, in packet order.
    fn take(&mut self, part: &Self::Part, range: Range<usize>) -> io::Result<Control>;

    /// Hears that the input pauses: what was taken is to be shown now.
    fn pause(&mut self) -> io::Result<Control>;

    /// Hears, after everything else, what one shard remembers in the end; what belongs to no shard comes last.
    fn remembered(&mut self, _memory: <Self::Part as Part>::Memory) {}
}
