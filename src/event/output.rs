use std::io;
use std::ops::Range;

use super::Sink;
use crate::model::Timestamp;

/// The decision of an output whether the run continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Continue the run.
    Continue,
    /// Stop the run, as if the capture had ended.
    Stop,
}

/// The output for some events, before it is put in packet order.
pub trait Piece: Default + Send {
    /// Returns how far it is filled; everything between two such marks belongs to one packet.
    fn mark(&self) -> usize;

    /// Returns its approximate size in bytes.
    fn bytes(&self) -> usize;

    /// Clears it and keeps the memory, up to a bound.
    fn clear(&mut self);
}

/// The piece of outputs that write nothing before the end.
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
    /// The type of output that it produces.
    type Piece: Piece;

    /// Returns the output produced so far; it may be swapped for an empty one.
    fn piece(&mut self) -> &mut Self::Piece;
}

/// A destination of a run's events.
pub trait Output {
    /// The type of a shard's collector.
    type Collector: Collector;

    /// Notes the time of the first packet, before anything else.
    fn start(&mut self, _first: Timestamp) {}

    /// Creates the collector of a shard.
    fn collector(&self) -> Self::Collector;

    /// Writes a range of a piece; ranges come in packet order.
    fn take(
        &mut self,
        piece: &<Self::Collector as Collector>::Piece,
        range: Range<usize>,
    ) -> io::Result<Control>;

    /// Notes that the input pauses: everything written so far must be shown now.
    fn pause(&mut self) -> io::Result<Control>;

    /// Notes that an entire batch was written.
    fn delivered(&mut self) {}

    /// Takes back each collector, after everything else.
    fn collected(&mut self, _collector: Self::Collector) {}
}

/// The counts shown to the user in one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// The number of WebSocket conversations.
    pub conversations: u64,
    /// The number of messages and control frames.
    pub messages: u64,
    /// The number of anomalies.
    pub anomalies: u64,
}
