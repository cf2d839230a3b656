use crate::model::{At, SenderClock, Seq, Timestamp};

/// A count of data segments captured more than once: on another interface, or on both sides of a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapturedAgain {
    /// The number of such segments.
    pub segments: u64,
    /// The packet of the first one.
    pub first: u64,
}

impl CapturedAgain {
    pub(super) fn count(&mut self, at: At) {
        if self.segments == 0 {
            self.first = at.packet;
        }
        self.segments = self.segments.saturating_add(1);
    }
}

/// The sender counters and the time of a side's newest data segment.
///
/// A copy of an old segment was sent before it, and a retransmission after it: nothing more needs to be remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newest {
    stamp: SenderClock,
    time: Timestamp,
}

/// The maximum distance of a copy's IP identification behind the newest one; random identifications are rarely this
/// close.
const NEAR: u16 = 1024;
/// The maximum time in nanoseconds from the newest segment to a copy without sender counters: no host retransmits that
/// soon.
const SOON: i64 = 2_000_000;

impl Newest {
    #[inline]
    pub(super) const fn new(stamp: SenderClock, time: Timestamp) -> Newest {
        Newest { stamp, time }
    }

    /// Notes a segment with new bytes.
    pub(super) fn see(&mut self, stamp: SenderClock, time: Timestamp) {
        if self.is_later(stamp) != Some(false) {
            *self = Newest::new(stamp, time);
        }
    }

    /// Returns whether a segment with no new bytes is a copy of the packet that carried them, rather than a
    /// retransmission; `is_last` means that no later bytes have been delivered.
    pub(super) fn is_copy(&self, stamp: SenderClock, time: Timestamp, is_last: bool) -> bool {
        self.is_later(stamp).map_or_else(
            || {
                let soon = time.as_nanos().saturating_sub(self.time.as_nanos()) <= SOON;
                soon && (is_last || stamp.clock != 0)
            },
            |later| !later,
        )
    }

    /// Returns whether the segment with `stamp` was sent later; `None` if neither the clock nor the identification can
    /// tell.
    fn is_later(&self, stamp: SenderClock) -> Option<bool> {
        let newest = self.stamp;
        if newest.clock != 0 && stamp.clock != 0 && newest.clock != stamp.clock {
            return Some(Seq(newest.clock).before(Seq(stamp.clock)));
        }
        (newest.id != 0 && stamp.id != 0).then(|| newest.id.wrapping_sub(stamp.id) >= NEAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWEST: SenderClock = SenderClock { clock: 1000, id: 500 };

    /// Returns whether a segment `micros` after the newest one is a copy rather than a retransmission.
    fn is_copy(newest: SenderClock, stamp: SenderClock, micros: i64, is_last: bool) -> bool {
        let newest = Newest::new(newest, Timestamp::from_nanos(0));
        newest.is_copy(stamp, Timestamp::from_nanos(micros * 1000), is_last)
    }

    #[test]
    fn what_was_sent_before_the_newest_is_a_copy_however_late_it_comes() {
        for micros in [0, 100, 1_000_000] {
            assert!(is_copy(NEWEST, NEWEST, micros, true));
            assert!(is_copy(NEWEST, SenderClock { clock: 1000, id: 499 }, micros, false));
            assert!(is_copy(NEWEST, SenderClock { clock: 999, id: 7000 }, micros, false));
            assert!(!is_copy(NEWEST, SenderClock { clock: 1000, id: 501 }, micros, true));
            assert!(!is_copy(NEWEST, SenderClock { clock: 1001, id: 500 }, micros, true));
        }
        // Both wrap around.
        assert!(is_copy(SenderClock { clock: 5, id: 1 }, SenderClock { clock: u32::MAX, id: 9 }, 0, false));
        assert!(!is_copy(SenderClock { clock: u32::MAX, id: 1 }, SenderClock { clock: 5, id: 1 }, 0, false));
        assert!(is_copy(SenderClock { clock: 0, id: 2 }, SenderClock { clock: 0, id: 65_535 }, 0, false));
    }

    #[test]
    fn number_alone_tells_where_there_is_no_clock() {
        let of = |id| SenderClock { clock: 0, id };
        assert!(is_copy(of(500), of(500), 9000, false) && is_copy(of(500), of(400), 9000, false));
        assert!(!is_copy(of(500), of(501), 0, true) && !is_copy(of(500), of(30_000), 0, true));
    }

    #[test]
    fn where_there_is_no_number_a_copy_comes_at_once() {
        let of = |clock| SenderClock { clock, id: 0 };
        assert!(is_copy(of(7), of(7), 1900, false) && !is_copy(of(7), of(7), 2100, true));
        assert!(is_copy(of(0), of(0), 1900, true) && !is_copy(of(0), of(0), 1900, false));
        assert!(!is_copy(of(0), of(0), 2100, true));
    }
}
