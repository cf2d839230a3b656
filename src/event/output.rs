use std::io;
use std::ops::Range;

use super::Sink;
use crate::model::Timestamp;

/// The answer of an output: whether the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// More is wanted.
    Continue,
    /// Enough: the run ends as if the capture did.
    Stop,
}

/// Output made of some events, before it is put in packet order.
pub trait Piece: Default + Send {
    /// Returns how far it is filled; what lies between two such marks belongs to one packet.
    fn mark(&self) -> usize;

    /// Returns about how many bytes it takes.
    fn bytes(&self) -> usize;

    /// Forgets what it was filled with and keeps the memory, up to a bound.
    fn clear(&mut self);
}

/// The piece of those who make nothing before the end.
impl Piece for () {
    fn mark(&self) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        0
    }

    fn clear(&mut self) {}
}

/// A collector of the events of one shard's connections.
pub trait Collector: Sink + Send {
    /// The type of what is made of the events.
    type Piece: Piece;

    /// Returns what was made of the events so far; it may be exchanged for an empty one.
    fn piece(&mut self) -> &mut Self::Piece;
}

/// A destination of a run's events.
pub trait Output {
    /// The type of a shard's collector.
    type Collector: Collector;

    /// Hears the time of the first packet, before anything else.
    fn start(&mut self, _first: Timestamp) {}

    /// Makes the collector of a shard.
    fn collector(&self) -> Self::Collector;

    /// Takes a range of a piece; ranges come in packet order.
    fn take(
        &mut self,
        piece: &<Self::Collector as Collector>::Piece,
        range: Range<usize>,
    ) -> io::Result<Control>;

    /// Hears that the input pauses: what was taken is to be shown now.
    fn pause(&mut self) -> io::Result<Control>;

    /// Hears that all of a batch was taken.
    fn delivered(&mut self) {}

    /// Takes the collectors back, one after the other, after everything else.
    fn collected(&mut self, _collector: Self::Collector) {}
}

/// The counts that a user reads in a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// WebSocket conversations.
    pub conversations: u64,
    /// Messages and control frames.
    pub messages: u64,
    /// Anomalies.
    pub anomalies: u64,
}
