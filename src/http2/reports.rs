use std::collections::VecDeque;

use super::output::{End, Output};
use super::stream::{Kind, Streams};
use crate::model::{Anomaly, Lost, Pair, Side};

/// The reports about a connection's streams that have not been drained yet.
#[derive(Debug)]
pub(super) struct Reports {
    pub(super) streams: Streams,
    queue: VecDeque<Output<'static>>,
}

impl Reports {
    pub(super) fn new(streams: Streams) -> Self {
        Reports { streams, queue: VecDeque::new() }
    }

    pub(super) fn say(&mut self, output: Output<'static>) {
        self.queue.push_back(output);
    }

    pub(super) fn next(&mut self) -> Option<Output<'static>> {
        self.queue.pop_front()
    }

    /// Reports an anomaly in a side's frames, and its stream if that is delivered.
    pub(super) fn anomaly(&mut self, side: Side, stream: u32, anomaly: Anomaly) {
        let stream = self.streams.get(stream).filter(|stream| stream.delivers()).map(|stream| stream.id);
        self.say(Output::Anomaly { side, stream, anomaly });
    }

    /// Reports a gap before a side's first bytes on a stream whose HEADERS were not captured: other bytes may be lost.
    pub(super) fn place(&mut self, side: Side, stream: u32) {
        if self.streams.find(stream).is_some_and(|stream| stream.place(side)) {
            self.say(Output::DataGap { stream, side, lost: Lost::Unknown { least: 0 } });
        }
    }

    /// Reports that bytes of a side may be missing on every stream, because frames are.
    pub(super) fn miss(&mut self, side: Side, lost: Lost) {
        let open = self.streams.iter_mut().filter(|stream| stream.is_read(side));
        let open: Vec<_> = open.map(|stream| stream.id).collect();
        for stream in open {
            self.say(Output::DataGap { stream, side, lost });
        }
    }

    /// Notes that a side has finished sending on a stream.
    pub(super) fn end(&mut self, side: Side, id: u32) {
        let Some(stream) = self.streams.find(id) else { return };
        let reports = stream.delivers() && !stream.has_ended(side);
        stream.end(side);
        if reports {
            self.say(Output::Ended { stream: id, side, how: End::EndStream });
        }
    }

    /// Closes a stream for both sides; reports bytes as missing on the sides that are being searched for frames.
    pub(super) fn close(&mut self, side: Side, id: u32, how: End, searched: Pair<bool>) {
        let Some(stream) = self.streams.find(id) else { return };
        let reports = stream.delivers();
        let missed = Pair::from_fn(|side| searched[side] && stream.is_read(side));
        stream.end(side);
        stream.close();
        for side in Side::BOTH.into_iter().filter(|side| missed[*side]) {
            self.say(Output::DataGap { stream: id, side, lost: Lost::Unknown { least: 0 } });
        }
        if reports {
            self.say(Output::Ended { stream: id, side, how });
        }
    }

    /// Adds a stream; reports the one evicted for it when `limit` is reached.
    pub(super) fn add(&mut self, id: u32, kind: Kind, limit: usize) {
        let evicted = self.streams.add(id, kind).1;
        if let Some(evicted) = evicted.filter(super::stream::Stream::delivers) {
            let anomaly = Anomaly::LimitReached { limit: "h2-streams", value: limit as u64 };
            self.say(Output::Anomaly { side: Side::Client, stream: Some(evicted.id), anomaly });
            self.say(Output::Ended { stream: evicted.id, side: Side::Client, how: End::Forgotten });
        }
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let queue = self.queue.capacity().saturating_mul(size_of::<Output<'_>>());
        self.streams.allocated().saturating_add(queue)
    }

    /// Releases memory that is not needed while idle.
    pub(super) fn rest(&mut self) {
        self.queue = VecDeque::new();
    }
}
