use crate::model::{At, SenderClock, Seq, Timestamp};

/// A count of segments with data that were captured again: on another interface, or on both sides of a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapturedAgain {
    /// How many.
    pub segments: u64,
    /// The packet of the first of them.
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

/// The facts known of the segment that one side has sent last, of those with data.
///
/// A copy of an old segment was sent before it, and a retransmission after it: no more than this need be remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newest {
    stamp: SenderClock,
    time: Timestamp,
}

/// How far behind the newest one a copy's number can be: those of hosts that draw lots seldom fall so near.
const NEAR: u16 = 1024;
/// How long after the newest segment a copy may come where it does not say when it was sent, in nanoseconds: no host
/// sends again as soon.
const SOON: i64 = 2_000_000;

impl Newest {
    #[inline]
    pub(super) const fn new(stamp: SenderClock, time: Timestamp) -> Newest {
        Newest { stamp, time }
    }

    /// Hears of a segment with new bytes.
    pub(super) fn see(&mut self, stamp: SenderClock, time: Timestamp) {
        if self.is_later(stamp) != Some(false) {
            *self = Newest::new(stamp, time);
        }
    }

    /// Returns whether a segment of which all bytes are known is a copy of the packet that brought them, not one that was
    /// sent for them again; `is_last` says that no bytes behind it were handed on.
    pub(super) fn is_copy(&self, stamp: SenderClock, time: Timestamp, is_last: bool) -> bool {
        self.is_later(stamp).map_or_else(
            || {
                let soon = time.as_nanos().saturating_sub(self.time.as_nanos()) <= SOON;
                soon && (is_last || stamp.clock != 0)
            },
            |later| !later,
        )
    }

    /// Returns whether what bears `stamp` was sent later; `None` where neither the clock nor the number can tell.
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

    /// Distinguishes a copy from a retransmission `micros` after the newest segment.
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
        // Both go round.
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
