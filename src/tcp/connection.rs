use std::sync::Arc;

use super::Limits;
use super::arrival::{Arrival, Rest, Task};
use super::duplicates::{CapturedAgain, Newest};
use super::half::{Half, Phase};
use crate::model::{At, Flags, Pair, Segment, Side, Timestamp};

/// A TCP connection, both directions (RFC 9293).
///
/// Without queued segments it allocates no memory.
#[derive(Debug)]
pub struct Connection {
    pub(super) halves: Pair<Half>,
    pub(super) limits: Arc<Limits>,
    /// When a reset was delivered; [`Timestamp::MAX`] if none was.
    pub(super) reset: Timestamp,
    again: CapturedAgain,
}

impl Connection {
    /// Creates a connection with nothing seen yet.
    pub fn new(limits: &Limits) -> Self {
        Connection::sharing(Arc::new(limits.in_range()))
    }

    /// Creates a connection that shares its limits, already passed through [`Limits::in_range`], with others, because
    /// there may be very many.
    pub fn sharing(limits: Arc<Limits>) -> Self {
        Connection { halves: Pair::default(), limits, reset: Timestamp::MAX, again: CapturedAgain::default() }
    }

    /// Returns whether `segment` begins another connection between the same two endpoints: a SYN whose sequence number
    /// differs from that of this side's SYN, or does not fit its first bytes (RFC 9293 §3.4.3).
    ///
    /// The caller then finishes this connection and creates a new one.
    pub fn is_reuse(&self, side: Side, segment: &Segment<'_>) -> bool {
        segment.flags.has(Flags::SYN)
            && !segment.flags.has(Flags::RST)
            && self.halves[side].is_other_syn(segment.seq)
            && !self.would_discard(side, segment)
    }

    /// Returns whether a segment has a wrong checksum that means damage.
    fn would_discard(&self, side: Side, segment: &Segment<'_>) -> bool {
        let [own, other] = [side, !side].map(|side| self.halves[side].checksums);
        own.would_discard(segment, other, self.limits.checksums)
    }

    /// Processes one segment and returns the work it requires.
    #[inline]
    pub(super) fn receive<'a>(&mut self, side: Side, segment: &Segment<'a>, at: At) -> Arrival<'a> {
        const SPECIAL: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
        let window = self.limits.window;
        let (half, other) = self.halves.split_mut(side);
        if let Some(mismatch) = half.checksums.judge(segment, other.checksums, self.limits.checksums) {
            let rest = Rest { bytes: segment.payload, at, ..Rest::default() };
            return Arrival { task: Task::Discard(mismatch), rest, again: None };
        }
        if segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST) {
            other.acknowledge(segment.ack, half.has_isn, at, window);
        }
        if segment.flags.0 & SPECIAL.0 == 0 && segment.cut == 0 {
            if segment.payload.is_empty() {
                return Arrival::default();
            }
            if half.waiting.is_none() && half.next == segment.seq && half.phase == Phase::Open {
                half.newest = Newest::new(segment.stamp, at.time);
                let rest = Rest { start: half.position, bytes: segment.payload, at, ..Rest::default() };
                return Arrival { task: Task::Deliver, rest, again: None };
            }
        }
        Arrival::place(half, segment, at, window, &mut self.again)
    }

    /// Returns when [`Connection::advance`] has something to do; `None` if nothing is queued, and [`Timestamp::MAX`] if
    /// the gap is not acknowledged.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.halves.client.waiting.is_none() && self.halves.server.waiting.is_none() {
            return None;
        }
        let reset = self.reset_seen();
        let [client, server] = Side::BOTH.map(|side| self.halves[side].deadline(reset, &self.limits));
        client.into_iter().chain(server).min()
    }

    /// Returns the first packet queued after a gap in a direction.
    pub fn behind_gap(&self, side: Side) -> Option<At> {
        Some(self.halves[side].waiting.as_ref()?.front()?.at)
    }

    /// Returns the memory allocated for queued segments, in bytes.
    pub fn waiting(&self) -> usize {
        self.halves.client.allocated().saturating_add(self.halves.server.allocated())
    }

    /// Returns the count of segments captured more than once.
    pub const fn captured_again(&self) -> CapturedAgain {
        self.again
    }

    /// Returns whether the capture's order differs from what the peers saw: bytes are queued after a gap, or were
    /// acknowledged but not captured.
    pub fn is_disordered(&self) -> bool {
        let disordered =
            |half: &Half| half.waiting.is_some() || half.phase == Phase::Open && half.acked > half.position;
        disordered(&self.halves.client) || disordered(&self.halves.server)
    }

    /// Returns how many bytes of a side were acknowledged but not captured yet.
    pub(super) fn unseen(&self, side: Side) -> u64 {
        let half = &self.halves[side];
        half.acked.saturating_sub(half.position)
    }

    /// Swaps the sides, after a wrong guess of the client.
    pub fn swap(&mut self) {
        self.halves.swap();
    }

    /// Returns whether the connection was reset, even after a FIN, where no output reports it.
    pub fn is_reset(&self) -> bool {
        self.reset != Timestamp::MAX
    }

    /// Returns whether both directions have ended, or one was reset.
    ///
    /// After a reset, bytes of the other direction may still be queued after a gap: [`Connection::finish`] delivers
    /// them.
    pub fn is_closed(&self) -> bool {
        self.is_reset() || Side::BOTH.iter().all(|&side| self.halves[side].phase == Phase::Ended)
    }

    /// Returns when a reset was first seen in either direction, delivered or still queued.
    pub(super) fn reset_seen(&self) -> Timestamp {
        let waiting = |side: Side| self.halves[side].waiting.as_ref().and_then(|waiting| waiting.rst);
        Side::BOTH.into_iter().filter_map(waiting).map(|rst| rst.at.time).fold(self.reset, Timestamp::min)
    }
}
