use std::sync::Arc;

use super::Limits;
use super::again::{CapturedAgain, Newest};
use super::delivery::{Delivery, Rest, Task};
use super::half::{Half, Phase, Place};
use super::reassembly_queue::split;
use crate::model::{At, Flags, Pair, Segment, Side, Timestamp};

/// One TCP connection, both directions (RFC 9293).
///
/// At rest it holds no memory but itself.
#[derive(Debug)]
pub struct Connection {
    pub(super) halves: Pair<Half>,
    pub(super) limits: Arc<Limits>,
    /// When a reset was handed on; [`Timestamp::MAX`] where none was.
    pub(super) reset: Timestamp,
    again: CapturedAgain,
}

impl Connection {
    /// Makes a connection of which nothing was seen yet.
    pub fn new(limits: &Limits) -> Self {
        Connection::sharing(Arc::new(limits.in_range()))
    }

    /// Makes a connection that shares its limits, made by [`Limits::in_range`], with others: there may be very many.
    pub fn sharing(limits: Arc<Limits>) -> Self {
        Connection { halves: Pair::default(), limits, reset: Timestamp::MAX, again: CapturedAgain::default() }
    }

    /// Tells whether `segment` begins another connection between the same two endpoints: it is a SYN with another
    /// number than this side's SYN had, or than its first bytes allow (RFC 9293 §3.4.3).
    ///
    /// The caller then finishes this connection and makes a new one.
    pub fn is_reuse(&self, side: Side, segment: &Segment<'_>) -> bool {
        segment.flags.has(Flags::SYN)
            && !segment.flags.has(Flags::RST)
            && self.halves[side].is_other_syn(segment.seq)
            && !self.would_discard(side, segment)
    }

    /// Tells whether a segment's checksum is wrong, and means something.
    fn would_discard(&self, side: Side, segment: &Segment<'_>) -> bool {
        let [own, other] = [side, !side].map(|side| self.halves[side].checksums);
        own.would_discard(segment, other, self.limits.checksums)
    }

    /// Takes one segment. What it made readable is to be drained before the next call.
    pub fn push<'c, 'a>(&'c mut self, side: Side, segment: &Segment<'a>, at: At) -> Delivery<'c, 'a> {
        const SPECIAL: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
        let window = self.limits.window;
        let (half, other) = self.halves.split_mut(side);
        if let Some(mismatch) = half.checksums.judge(segment, other.checksums, self.limits.checksums) {
            let rest = Rest { bytes: segment.payload, at, ..Rest::default() };
            return Delivery::new(self, side, Task::Discard(mismatch), rest);
        }
        if segment.flags.has(Flags::ACK) && !segment.flags.has(Flags::RST) {
            other.acknowledge(segment.ack, half.has_isn, at, window);
        }
        if segment.flags.0 & SPECIAL.0 == 0 && segment.cut == 0 {
            if segment.payload.is_empty() {
                return Delivery::new(self, side, Task::Nothing, Rest::default());
            }
            if half.waiting.is_none() && half.next == segment.seq && half.phase == Phase::Open {
                half.newest = Newest::new(segment.stamp, at.time);
                let rest = Rest { start: half.position, bytes: segment.payload, at, ..Rest::default() };
                return Delivery::new(self, side, Task::HandOn, rest);
            }
        }
        let (task, rest, again) = take(half, segment, at, window, &mut self.again);
        Delivery::new(self, side, task, rest).with_again(again)
    }

    /// Takes note that capture time is now `now`: gaps whose grace is over are given up.
    pub fn advance(&mut self, now: Timestamp) -> Delivery<'_, 'static> {
        let due = self.deadline().is_some_and(|deadline| deadline <= now);
        let task = if due { Task::Advance(now) } else { Task::Nothing };
        Delivery::new(self, Side::Client, task, Rest::default())
    }

    /// Returns when [`Connection::advance`] has something to do; `None` when no gap waits, and
    /// [`Timestamp::MAX`] when one waits that nobody has acknowledged.
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.halves.client.waiting.is_none() && self.halves.server.waiting.is_none() {
            return None;
        }
        let reset = self.reset_seen();
        let [client, server] = Side::BOTH.map(|side| self.halves[side].deadline(reset, &self.limits));
        client.into_iter().chain(server).min()
    }

    /// Gives up every gap, for the capture ends or the connection is forgotten.
    ///
    /// What the other side has acknowledged and nobody saw is named too. A single number there is taken for a FIN
    /// that was not captured.
    pub fn finish(&mut self) -> Delivery<'_, 'static> {
        Delivery::new(self, Side::Client, Task::Finish, Rest::default())
    }

    /// Gives up the oldest gap of the fuller side now, because a bound outside was reached.
    pub fn shed_load(&mut self) -> Delivery<'_, 'static> {
        let fuller = if self.halves.server.allocated() > self.halves.client.allocated() {
            Side::Server
        } else {
            Side::Client
        };
        Delivery::new(self, fuller, Task::Relieve, Rest::default())
    }

    /// Returns the first packet that waits behind a gap in a direction.
    pub fn behind_gap(&self, side: Side) -> Option<At> {
        Some(self.halves[side].waiting.as_ref()?.front()?.at)
    }

    /// Returns how many bytes of memory the waiting segments hold, as allocated.
    pub fn waiting(&self) -> usize {
        self.halves.client.allocated().saturating_add(self.halves.server.allocated())
    }

    /// Counts the segments that were captured more than once.
    pub const fn captured_again(&self) -> CapturedAgain {
        self.again
    }

    /// Tells whether the capture shows things in another order than the peers saw them: bytes wait behind a gap, or
    /// were acknowledged and have not been captured.
    pub fn is_disordered(&self) -> bool {
        let disordered =
            |half: &Half| half.waiting.is_some() || half.phase == Phase::Open && half.acked > half.position;
        disordered(&self.halves.client) || disordered(&self.halves.server)
    }

    /// Returns how many bytes of a side the other one has acknowledged that were not captured yet.
    pub(super) fn unseen(&self, side: Side) -> u64 {
        let half = &self.halves[side];
        half.acked.saturating_sub(half.position)
    }

    /// `HttpTracker` the sides, which were guessed the wrong way round.
    pub fn swap(&mut self) {
        self.halves.swap();
    }

    /// Tells whether the connection was reset, also behind a FIN, where no output tells of it.
    pub fn is_reset(&self) -> bool {
        self.reset != Timestamp::MAX
    }

    /// Tells whether both directions have ended, or one was reset.
    ///
    /// After a reset, bytes of the other direction may still wait behind a gap: [`Connection::finish`] hands them on.
    pub fn is_closed(&self) -> bool {
        self.is_reset() || Side::BOTH.iter().all(|&side| self.halves[side].phase == Phase::Ended)
    }

    /// Returns when a reset was first seen in either direction, obeyed or still waiting.
    pub(super) fn reset_seen(&self) -> Timestamp {
        let waiting = |side: Side| self.halves[side].waiting.as_ref().and_then(|waiting| waiting.rst);
        Side::BOTH.into_iter().filter_map(waiting).map(|rst| rst.at.time).fold(self.reset, Timestamp::min)
    }
}

/// Works out where the segment stands and what there is to do with it; FIN and RST are noted where they stand.
fn take<'a>(
    half: &mut Half,
    segment: &Segment<'a>,
    at: At,
    window: u32,
    again: &mut CapturedAgain,
) -> (Task, Rest<'a>, Option<(u64, &'a [u8])>) {
    let nothing = (Task::Nothing, Rest::default(), None);
    let flags = segment.flags;
    if flags.has(Flags::RST) {
        half.start(segment.seq, window);
        let Some(offset) = half.place_reset(segment.seq, window) else {
            return nothing;
        };
        let mark = half.mark(offset, at);
        half.waiting.get_or_insert_default().rst.get_or_insert(mark);
        return (Task::Reset, Rest::default(), None);
    }
    let mut seq = segment.seq;
    if flags.has(Flags::SYN) {
        if !half.synchronise(seq, window) {
            return nothing;
        }
        seq = seq.plus(1);
    }
    let length = (segment.payload.len() as u64).saturating_add(u64::from(segment.cut));
    if half.phase == Phase::Ended || (length == 0 && !flags.has(Flags::FIN)) {
        return nothing;
    }
    if half.phase == Phase::Hinted && length == 1 && seq.before(half.next) && !flags.has(Flags::FIN) {
        return nothing; // A keep-alive probe: it repeats a byte that was acknowledged (RFC 9293 §3.8.4).
    }
    half.start(seq, window);
    let (start, task) = match half.place(seq, length, window) {
        Place::Stray => return nothing,
        Place::Near(ahead) => (ahead, Task::Push),
        Place::Jump(ahead) => (i64::from(ahead), Task::Jump),
    };
    if length > 0 && task == Task::Push {
        if !half.knows(start, length) {
            half.newest.see(segment.stamp, at.time);
        } else if half.newest.is_copy(segment.stamp, at.time, start.saturating_add_unsigned(length) >= 0) {
            again.count(at);
        }
    }
    // What was handed on before is dropped; a retransmission may begin before it and reach beyond.
    let old = if start < 0 { start.unsigned_abs() } else { 0 };
    let end = half.position.saturating_add_signed(start.saturating_add_unsigned(length));
    let mut rest = Rest {
        start: half.position.saturating_add(u64::try_from(start).unwrap_or(0)),
        bytes: segment.payload,
        cut: u64::from(segment.cut),
        at,
    };
    rest.skip(old.min(length));
    // One byte right before the position, not pushed, is a keep-alive probe, whose value says nothing (RFC 9293 §3.8.4).
    let is_probe = length == 1 && old == 1 && !flags.has(Flags::PSH);
    let again = if is_probe { None } else { known(half.position, old, segment.payload) };
    if flags.has(Flags::FIN) && old <= length {
        let mark = half.mark(end, at);
        // Of two that differ the nearer one stands: the receiver would come to it first.
        let fin = &mut half.waiting.get_or_insert_default().fin;
        *fin = fin.filter(|known| known.offset <= end).or(Some(mark));
    }
    if let Some(waiting) = &mut half.waiting {
        // Its sender went on behind the reset, so it did not send that one.
        waiting.rst = waiting.rst.filter(|rst| end <= rst.offset);
    }
    (task, rest, again)
}

/// Returns those bytes of a segment that begins `old` bytes before `position` which stand before it, and where.
fn known(position: u64, old: u64, payload: &[u8]) -> Option<(u64, &[u8])> {
    // What comes from before a capture began in the middle stands nowhere.
    let unplaced = old.saturating_sub(position);
    let (_, placed) = split(payload, unplaced);
    let (bytes, _) = split(placed, old.saturating_sub(unplaced));
    (!bytes.is_empty()).then_some((position.saturating_sub(old), bytes))
}
