use super::checksums::Mismatch;
use super::duplicates::CapturedAgain;
use super::half::{Half, Phase, Placement};
use super::reassembly_queue::split;
use crate::model::{At, Flags, Segment, Timestamp};

/// The work to be done for an arriving segment.
#[derive(Debug, Default)]
pub(super) struct Arrival<'a> {
    pub(super) task: Task,
    pub(super) rest: Rest<'a>,
    /// Bytes that were delivered before, and their offset.
    pub(super) again: Option<(u64, &'a [u8])>,
}

impl From<Task> for Arrival<'_> {
    fn from(task: Task) -> Self {
        Arrival { task, ..Arrival::default() }
    }
}

impl<'a> Arrival<'a> {
    /// Determines the position of the segment and what to do with it; notes FIN and RST at their positions.
    pub(super) fn place(
        half: &mut Half,
        segment: &Segment<'a>,
        at: At,
        window: u32,
        again: &mut CapturedAgain,
    ) -> Self {
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            half.start(segment.seq, window);
            return half.note_reset(segment.seq, window, at).map_or(Task::Nothing, |()| Task::Reset).into();
        }
        let mut seq = segment.seq;
        if flags.has(Flags::SYN) {
            if !half.synchronise(seq, window) {
                return Arrival::default();
            }
            seq = seq.plus(1);
        }
        let length = (segment.payload.len() as u64).saturating_add(u64::from(segment.cut));
        if half.phase == Phase::Ended || (length == 0 && !flags.has(Flags::FIN)) {
            return Arrival::default();
        }
        if half.phase == Phase::Hinted && length == 1 && seq.before(half.next) && !flags.has(Flags::FIN) {
            // A keep-alive probe repeats a byte that was acknowledged (RFC 9293 §3.8.4).
            return Arrival::default();
        }
        half.start(seq, window);
        let (start, task) = match half.place(seq, length, window) {
            Placement::Stray => return Arrival::default(),
            Placement::Near(ahead) => (ahead, Task::Push),
            Placement::Jump(ahead) => (i64::from(ahead), Task::Jump),
        };
        if length > 0 && task == Task::Push {
            if !half.knows(start, length) {
                half.newest.see(segment.stamp, at.time);
            } else if half.newest.is_copy(segment.stamp, at.time, start.saturating_add_unsigned(length) >= 0)
            {
                again.count(at);
            }
        }
        // Bytes already delivered are dropped; a retransmission may begin before the position and extend beyond it.
        let old = if start < 0 { start.unsigned_abs() } else { 0 };
        let mut rest = Rest {
            start: half.position.saturating_add(u64::try_from(start).unwrap_or(0)),
            bytes: segment.payload,
            cut: u64::from(segment.cut),
            at,
        };
        rest.skip(old.min(length));
        // A single byte right before the position without PSH is a keep-alive probe, whose value is meaningless (RFC
        // 9293 §3.8.4).
        let is_probe = length == 1 && old == 1 && !flags.has(Flags::PSH);
        let again = if is_probe { None } else { known(half.position, old, segment.payload) };
        let end = half.position.saturating_add_signed(start.saturating_add_unsigned(length));
        half.note_end(end, flags.has(Flags::FIN) && old <= length, at);
        Arrival { task, rest, again }
    }
}

/// The unprocessed part of a segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest<'a> {
    /// Its offset in the stream.
    pub(super) start: u64,
    pub(super) bytes: &'a [u8],
    /// The number of truncated bytes that follow.
    pub(super) cut: u64,
    pub(super) at: At,
}

impl<'a> Rest<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.cut == 0
    }

    /// Removes at most `length` bytes from the front and returns them.
    pub(super) fn take(&mut self, length: u64) -> &'a [u8] {
        let (taken, rest) = split(self.bytes, length);
        self.start = self.start.saturating_add(taken.len() as u64);
        self.bytes = rest;
        taken
    }

    /// Drops `length` bytes from the front, including truncated ones; `start` does not change.
    pub(super) fn skip(&mut self, length: u64) {
        let (skipped, rest) = split(self.bytes, length);
        self.bytes = rest;
        self.cut = self.cut.saturating_sub(length.saturating_sub(skipped.len() as u64));
    }

    /// Drops everything before `position`.
    pub(super) fn skip_to(&mut self, position: u64) {
        let old = position.saturating_sub(self.start);
        if old > 0 && !self.is_empty() {
            self.skip(old);
            self.start = position;
        }
    }
}

/// The task of a [`Delivery`](super::Delivery).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Task {
    /// Nothing (left) to do.
    #[default]
    Nothing,
    /// Deliver the rest directly: it is in order and nothing is queued.
    Deliver,
    /// Discard the rest because its checksum is wrong.
    Discard(Mismatch),
    /// Merge the rest with the queue.
    Push,
    /// Like `Push`, and give up every gap before the rest.
    Jump,
    /// Deliver a RST if everything before it was delivered.
    Reset,
    /// Give up the gaps whose deadline has passed, on both sides.
    Advance(Timestamp),
    /// Give up the oldest gap.
    ShedOldest,
    /// Give up every gap, on both sides.
    Finish,
}

/// Returns the bytes before `position` of a segment that begins `old` bytes before it, and their offset.
fn known(position: u64, old: u64, payload: &[u8]) -> Option<(u64, &[u8])> {
    // Bytes from before the start of a mid-stream capture have no offset.
    let unplaced = old.saturating_sub(position);
    let (_, placed) = split(payload, unplaced);
    let (bytes, _) = split(placed, old.saturating_sub(unplaced));
    (!bytes.is_empty()).then_some((position.saturating_sub(old), bytes))
}
