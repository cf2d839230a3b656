use super::Limits;
use super::checksums::Checksums;
use super::duplicates::Newest;
use super::reassembly_queue::{Mark, ReassemblyQueue};
use crate::model::{At, Seq, Timestamp};

/// The number of consecutive segments far outside the window that move the stream there.
const STRAYS: u8 = 4;

/// The state of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing was seen of it.
    #[default]
    Unknown,
    /// The other side acknowledged `next`, but no byte was seen, so it is only a hint.
    Hinted,
    /// The stream has started: `next` is the sequence number of the byte at `position`.
    Open,
    /// FIN or RST was delivered: nothing follows.
    Ended,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The stream offset of the next byte to deliver: the number of bytes delivered or given up.
    pub(super) position: u64,
    /// The stream offset up to which the other side has acknowledged.
    pub(super) acked: u64,
    /// The packet with that acknowledgment.
    pub(super) acked_at: At,
    /// The segments queued after a gap.
    pub(super) waiting: Option<Box<ReassemblyQueue>>,
    /// The sequence number of the byte at `position`.
    pub(super) next: Seq,
    /// The sequence number of the SYN, if `has_isn`.
    isn: Seq,
    /// The sequence number following the last segment outside the window.
    stray: Seq,
    stray_run: u8,
    /// The data segment that was sent last.
    pub(super) newest: Newest,
    pub(super) checksums: Checksums,
    pub(super) phase: Phase,
    pub(super) has_isn: bool,
    /// Whether the other side has acknowledged anything, that is, whether it was captured.
    pub(super) has_acks: bool,
    /// Whether reaching a bound has been reported.
    pub(super) limit_reported: bool,
}

/// The position of a segment in its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// This many bytes after `position`, or before it if negative.
    Near(i64),
    /// Outside the window: stale or forged.
    Stray,
    /// Outside the window, this many bytes after `position`, but accepted.
    Jump(u32),
}

impl Half {
    /// Advances the position by `bytes`.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        self.next = self.next.plus((bytes & 0xffff_ffff) as u32);
    }

    /// Returns whether this SYN begins another connection.
    pub(super) fn is_other_syn(&self, seq: Seq) -> bool {
        if self.has_isn {
            return seq != self.isn;
        }
        match self.phase {
            Phase::Unknown | Phase::Hinted => false,
            // Data was seen first: the SYN may have been captured late, if its number is just before the start.
            Phase::Open | Phase::Ended => {
                let start = Seq(self.next.0.wrapping_sub((self.position & 0xffff_ffff) as u32));
                !(0..=0xffff).contains(&start.distance(seq.plus(1)))
            }
        }
    }

    /// Records the SYN's sequence number; returns false if it belongs to another connection.
    pub(super) fn synchronise(&mut self, seq: Seq, window: u32) -> bool {
        if self.is_other_syn(seq) {
            return false;
        }
        self.isn = seq;
        self.has_isn = true;
        self.start(seq.plus(1), window);
        true
    }

    /// Starts the stream at `seq`, if not started yet.
    pub(super) fn start(&mut self, seq: Seq, window: u32) {
        match self.phase {
            Phase::Unknown => {}
            Phase::Hinted => {
                let acked = u32::try_from(self.next.distance(seq)).unwrap_or(0);
                self.acked = if acked <= window { u64::from(acked) } else { 0 };
            }
            Phase::Open | Phase::Ended => return,
        }
        self.next = seq;
        self.phase = Phase::Open;
    }

    /// Processes an acknowledgment by the other side; `handshake` means that its SYN was seen, so that its first
    /// acknowledgment reveals where this side's bytes begin.
    pub(super) fn acknowledge(&mut self, ack: Seq, handshake: bool, at: At, window: u32) {
        match self.phase {
            Phase::Open => {}
            Phase::Ended => return,
            Phase::Unknown | Phase::Hinted => {
                if self.phase == Phase::Unknown || self.next.before(ack) {
                    self.next = ack;
                    self.acked_at = at;
                }
                let first = self.phase == Phase::Unknown && handshake;
                self.phase = if first { Phase::Open } else { Phase::Hinted };
                self.has_acks = true;
                return;
            }
        }
        let ahead = ack.distance(self.next);
        if ahead.unsigned_abs() > window {
            return;
        }
        self.has_acks = true;
        let acked = self.position.saturating_add_signed(i64::from(ahead));
        if acked > self.acked {
            if let Some(waiting) = &mut self.waiting {
                waiting.acknowledge(self.acked, acked, at.time);
            }
            self.acked = acked;
            self.acked_at = at;
        }
    }

    /// Determines the position of `length` bytes from `seq` on.
    pub(super) fn place(&mut self, seq: Seq, length: u64, window: u32) -> Placement {
        let ahead = i64::from(seq.distance(self.next));
        let lead = i64::try_from(self.acked.saturating_sub(self.position)).unwrap_or(0);
        let window = i64::from(window);
        let last = lead.saturating_add(window);
        if ahead >= window.saturating_neg() && ahead.saturating_add_unsigned(length) <= last {
            self.stray_run = 0;
            return Placement::Near(ahead);
        }
        let Some(length) =
            u32::try_from(length).ok().filter(|&length| length > 0 && i64::from(length) <= window)
        else {
            return Placement::Stray;
        };
        self.stray_run =
            if self.stray_run > 0 && self.stray == seq { self.stray_run.saturating_add(1) } else { 1 };
        self.stray = seq.plus(length);
        if self.stray_run < STRAYS {
            return Placement::Stray;
        }
        self.stray_run = 0;
        Placement::Jump(seq.0.wrapping_sub(self.next.0))
    }

    /// Returns whether all of the `length` bytes starting `ahead` bytes after `position` (before it if negative) have
    /// been seen.
    pub(super) fn knows(&self, ahead: i64, length: u64) -> bool {
        let Some(start) = self.position.checked_add_signed(ahead) else { return false };
        let end = start.saturating_add(length);
        let rest = start.max(self.position)..end;
        rest.is_empty() || self.waiting.as_ref().is_some_and(|waiting| waiting.knows(rest))
    }

    /// Returns the stream offset of a RST with this sequence number if the receiver may have accepted it.
    ///
    /// RFC 9293 §3.10.7.4 requires it to be in the receiver's window, which begins at what it has acknowledged.
    pub(super) fn place_reset(&self, seq: Seq, window: u32) -> Option<u64> {
        let ahead = i64::from(seq.distance(self.next));
        let back = i64::try_from(self.position.saturating_sub(self.acked)).unwrap_or(i64::MAX);
        let lead = i64::try_from(self.acked.saturating_sub(self.position)).unwrap_or(0);
        let first = if self.has_acks { back.min(i64::from(window)).saturating_neg() } else { 0 };
        (first..=lead.saturating_add(i64::from(window)))
            .contains(&ahead)
            .then(|| self.position.saturating_add(u64::try_from(ahead).unwrap_or(0)))
    }

    /// Notes a reset with this sequence number; `None` if it is not accepted.
    pub(super) fn note_reset(&mut self, seq: Seq, window: u32, at: At) -> Option<()> {
        let mark = self.mark(self.place_reset(seq, window)?, at);
        self.waiting.get_or_insert_default().rst.get_or_insert(mark);
        Some(())
    }

    /// Notes where a segment ends, and its FIN if it has one.
    pub(super) fn note_end(&mut self, end: u64, fin: bool, at: At) {
        if fin {
            let mark = self.mark(end, at);
            // If two FINs differ, the earlier one wins: the receiver would reach it first.
            let fin = &mut self.waiting.get_or_insert_default().fin;
            *fin = fin.filter(|known| known.offset <= end).or(Some(mark));
        }
        if let Some(waiting) = &mut self.waiting {
            // Its sender sent data beyond the reset, so the reset is not its own.
            waiting.rst = waiting.rst.filter(|rst| end <= rst.offset);
        }
    }

    /// Creates a mark at `offset`, acknowledged or not.
    pub(super) fn mark(&self, offset: u64, at: At) -> Mark {
        let acked = self.has_acks && offset <= self.acked;
        Mark { offset, at, acked: if acked { self.acked_at.time } else { Timestamp::MAX } }
    }

    /// Returns when the oldest gap is given up; [`Timestamp::MAX`] if that is unknown, `None` without a gap.
    pub(super) fn deadline(&self, reset: Timestamp, limits: &Limits) -> Option<Timestamp> {
        let front = self.waiting.as_ref()?.front()?;
        let acked = front.acked.plus(limits.grace);
        let reset = reset.plus(limits.grace);
        let lonely = if self.has_acks { Timestamp::MAX } else { front.at.time.plus(limits.lonely_grace) };
        Some(acked.min(reset).min(lonely))
    }

    /// Releases the memory of delivered bytes.
    pub(super) fn release(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.release(self.position);
            if waiting.is_empty() {
                self.waiting = None;
            }
        }
    }

    /// Returns the memory allocated for queued segments, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.allocated())
    }
}
