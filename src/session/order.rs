use std::collections::VecDeque;

use crate::model::{Anomaly, At, Lost, Pair, Side};
use crate::tcp::End;

/// The output of TCP for both sides, put in wire order.
///
/// While one side has data queued after a gap, bytes that the other side sent after the first queued segment wait as
/// well: the bytes of the gap were sent before them.
///
/// ```text
///   client   3   5   ┆ gap ┆ 9  11         the server's 6 and 8 go on; its 10 waits until the gap is filled
///   server     4   6     8      10         or given up, and then comes between 9 and 11
/// ```
///
/// A byte counts as sent once those before it had been, so the positions of one side are monotonic.
#[derive(Debug, Default)]
pub(super) struct WireOrder {
    waiting: Option<Box<ReorderQueue>>,
    /// The packet up to which each side was readable.
    reached: Pair<At>,
    /// The packet up to which both sides were delivered.
    delivered_at: At,
    /// Whether exceeding the queue's limit was reported.
    limit_reported: bool,
}

#[derive(Debug, Default)]
struct ReorderQueue {
    sides: Pair<VecDeque<Readable>>,
    /// Anomalies, which wait for both sides.
    anomalies: VecDeque<(At, Side, Anomaly)>,
    /// The memory of the queue, in bytes.
    size: usize,
}

/// An item of TCP's output, and the packet at which it became readable.
#[derive(Debug)]
pub(super) struct Readable {
    pub(super) at: At,
    pub(super) what: StreamInput,
    /// Whether the bytes were authenticated, or no layer can authenticate them.
    pub(super) verified: bool,
}

#[derive(Debug)]
pub(super) enum StreamInput {
    /// Bytes, and the packet that carried them.
    Bytes(Box<[u8]>, At),
    /// Lost bytes, and the reason, if it was not reported yet.
    Gap(Lost, Option<&'static str>),
    End(End),
}

/// The next item to deliver.
#[derive(Debug)]
pub(super) enum Next {
    Readable(Side, Readable),
    Anomaly(At, Side, Anomaly),
}

/// The size of an entry in addition to its bytes.
const ENTRY: usize = size_of::<Readable>() + 16;

impl WireOrder {
    /// Creates the order of items after the packet `at`.
    pub(super) fn after(at: At) -> Self {
        WireOrder { reached: Pair { client: at, server: at }, delivered_at: at, ..WireOrder::default() }
    }

    /// Returns the packet at which data of a side carried `at` a packet became readable in order.
    pub(super) fn reach(&mut self, side: Side, at: At) -> At {
        self.reached[side] = self.reached[side].later(at);
        self.reached[side]
    }

    /// Returns the packet at which data queued after a gap of a side becomes readable, given its `first` packet.
    pub(super) fn behind(&self, side: Side, first: Option<At>) -> Option<At> {
        first.map(|first| self.reached[side].later(first))
    }

    /// Returns the packet at which the last delivered item was readable.
    pub(super) const fn delivered_at(&self) -> At {
        self.delivered_at
    }

    /// Returns whether an item readable `at` a packet must wait, either because the queue is not empty or because it
    /// comes after data queued `behind` a gap of the other side. Otherwise it must be delivered.
    pub(super) fn must_wait(&mut self, at: At, behind: Option<At>) -> bool {
        let waits = self.waiting.is_some() || is_behind(at, behind);
        if !waits {
            self.delivered_at = self.delivered_at.later(at);
        }
        waits
    }

    /// Queues an item.
    pub(super) fn wait(&mut self, side: Side, at: At, what: StreamInput, verified: bool) {
        let waiting = self.waiting.get_or_insert_default();
        waiting.size = waiting.size.saturating_add(what.size());
        waiting.sides[side].push_back(Readable { at, what, verified });
    }

    /// Queues an anomaly.
    pub(super) fn wait_to_report(&mut self, side: Side, at: At, anomaly: Anomaly) {
        let waiting = self.waiting.get_or_insert_default();
        waiting.size = waiting.size.saturating_add(ENTRY);
        let place = waiting.anomalies.partition_point(|(other, ..)| other.packet <= at.packet);
        waiting.anomalies.insert(place, (at, side, anomaly));
    }

    /// Queues a report that the queue exceeds its `limit`, once.
    pub(super) fn wait_to_report_limit(&mut self, side: Side, at: At, limit: usize) {
        if !std::mem::replace(&mut self.limit_reported, true) {
            let value = limit as u64;
            let limit = "bytes waiting for the other side";
            self.wait_to_report(side, at, Anomaly::LimitReached { limit, value });
        }
    }

    /// Returns the next item to deliver; `behind` is where the data queued after a gap of each side becomes readable.
    pub(super) fn next(&mut self, behind: Pair<Option<At>>) -> Option<Next> {
        let waiting = self.waiting.as_deref()?;
        let first = |side: Side| waiting.sides[side].front().map(|readable| readable.at.packet);
        let anomaly = waiting.anomalies.front().map(|(at, ..)| at.packet);
        let side = match (first(Side::Client), first(Side::Server)) {
            (Some(client), Some(server)) if server < client => Some(Side::Server),
            (Some(_), _) => Some(Side::Client),
            (None, Some(_)) => Some(Side::Server),
            (None, None) => None,
        };
        let at = side.and_then(first);
        if anomaly.is_some_and(|anomaly| at.is_none_or(|at| anomaly <= at)) {
            let (at, ..) = *waiting.anomalies.front()?;
            if Side::BOTH.into_iter().any(|side| is_behind(at, behind[side])) {
                return None;
            }
            let waiting = self.waiting.as_deref_mut()?;
            let (at, side, anomaly) = waiting.anomalies.pop_front()?;
            waiting.size = waiting.size.saturating_sub(ENTRY);
            self.release_if_empty();
            return Some(Next::Anomaly(at, side, anomaly));
        }
        let Some(side) = side else {
            self.waiting = None;
            return None;
        };
        if is_behind(waiting.sides[side].front()?.at, behind[!side]) {
            return None;
        }
        let waiting = self.waiting.as_deref_mut()?;
        let readable = waiting.sides[side].pop_front()?;
        waiting.size = waiting.size.saturating_sub(readable.what.size());
        self.delivered_at = self.delivered_at.later(readable.at);
        self.release_if_empty();
        Some(Next::Readable(side, readable))
    }

    /// Removes all queued items of one side.
    pub(super) fn take(&mut self, side: Side) -> VecDeque<Readable> {
        let Some(waiting) = &mut self.waiting else { return VecDeque::new() };
        let taken = std::mem::take(&mut waiting.sides[side]);
        let size = taken.iter().fold(0_usize, |sum, readable| sum.saturating_add(readable.what.size()));
        waiting.size = waiting.size.saturating_sub(size);
        self.release_if_empty();
        taken
    }

    /// Returns whether the queue is empty.
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// Returns the memory of the queue, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.size)
    }

    fn release_if_empty(&mut self) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.size == 0) {
            self.waiting = None;
        }
    }
}

/// Returns whether an item `at` a packet comes after data queued `behind` a gap.
fn is_behind(at: At, behind: Option<At>) -> bool {
    behind.is_some_and(|behind| at.packet > behind.packet)
}

impl StreamInput {
    fn size(&self) -> usize {
        match self {
            StreamInput::Bytes(bytes, _) => bytes.len().saturating_add(ENTRY),
            StreamInput::Gap(..) | StreamInput::End(_) => ENTRY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(packet: u64) -> At {
        At { packet, ..At::default() }
    }

    fn drain(order: &mut WireOrder, behind: Pair<Option<At>>) -> Vec<(Side, u64)> {
        let mut seen = Vec::new();
        while let Some(next) = order.next(behind) {
            seen.push(match next {
                Next::Readable(side, readable) => (side, readable.at.packet),
                Next::Anomaly(at, side, _) => (side, at.packet),
            });
        }
        seen
    }

    fn bytes() -> StreamInput {
        StreamInput::Bytes([0; 10].into(), at(0))
    }

    #[test]
    fn a_side_waits_for_what_the_other_sent_before() {
        let (client, server) = (Side::Client, Side::Server);
        let mut order = WireOrder::default();
        let behind = Pair { client: Some(at(9)), server: None };
        assert!(!order.must_wait(at(8), behind.client) && order.must_wait(at(10), behind.client));
        for packet in [10, 12] {
            let at = order.reach(server, at(packet));
            order.wait(server, at, bytes(), true);
        }
        order.wait_to_report(server, at(11), Anomaly::FragmentOverlap {});
        assert_eq!(drain(&mut order, behind), []);
        assert!(order.allocated() > 20);
        // The gap is given up.
        for packet in [9, 11] {
            let at = order.reach(client, at(packet));
            order.wait(client, at, bytes(), true);
        }
        let all = [(client, 9), (server, 10), (server, 11), (client, 11), (server, 12)];
        assert_eq!(drain(&mut order, Pair::default()), all);
        assert_eq!(order.allocated(), 0);
        assert!(!order.must_wait(at(13), None));
    }

    #[test]
    fn places_of_a_side_never_run_backwards() {
        let mut order = WireOrder::default();
        let places = [7, 5, 9].map(|packet| order.reach(Side::Client, at(packet)).packet);
        assert_eq!(places, [7, 7, 9]);
        // Data queued after a gap of the client is readable after what it sent before, whatever its packet.
        let behind = order.behind(Side::Client, Some(at(6)));
        assert!(!order.must_wait(at(8), behind) && order.must_wait(at(10), behind));
        assert_eq!(order.delivered_at(), at(8));
    }
}
