use std::collections::VecDeque;

use crate::event::ConnId;
use crate::model::{Anomaly, Side};
use crate::tcp::Differences;

/// The connection and side that sent some bytes.
type Owner = (ConnId, Side);

/// The bounds on all remembered bytes, on those of one segment, and on segments: the memory of all shards should fit in
/// a cache.
const ROOM: usize = 16 << 10;
const OF_ONE: usize = 1536;
const SEGMENTS: usize = 128;

/// Copies of the bytes that the connections of a shard delivered last.
///
/// The first copy of a byte wins, and bytes in order are delivered at once. But different bytes sent with the same
/// sequence numbers a little later, as by an attacker, must be reported. So the beginnings of the last segments are
/// remembered, as many as fit in a small ring.
#[derive(Debug, Default)]
pub(super) struct Recent {
    bytes: Vec<u8>,
    /// The oldest first, which is the next one to be overwritten.
    segments: VecDeque<RecentBytes>,
    /// The position for the next bytes.
    next: usize,
    /// The last report, so that repeated copies are reported only once.
    reported: Option<(Owner, Differences)>,
}

#[derive(Clone, Copy, Debug)]
struct RecentBytes {
    conn: ConnId,
    start: u64,
    /// Their position in the ring.
    at: u32,
    length: u16,
    side: Side,
}

impl RecentBytes {
    const fn begin(&self) -> usize {
        self.at as usize
    }

    const fn end(&self) -> usize {
        self.begin().saturating_add(self.length as usize)
    }
}

impl Recent {
    /// Remembers delivered bytes, which begin at `start` in their side's stream.
    pub(super) fn keep(&mut self, (conn, side): Owner, start: u64, bytes: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.resize(ROOM, 0);
        }
        let bytes = bytes.get(..OF_ONE).unwrap_or(bytes);
        if self.next.saturating_add(bytes.len()) > ROOM {
            while self.segments.front().is_some_and(|kept| kept.begin() >= self.next) {
                self.segments.pop_front();
            }
            self.next = 0;
        }
        let (begin, end) = (self.next, self.next.saturating_add(bytes.len()));
        let is_over = |kept: &RecentBytes| kept.begin() < end && kept.end() > begin;
        while self.segments.len() >= SEGMENTS || self.segments.front().is_some_and(is_over) {
            self.segments.pop_front();
        }
        let Some(room) = self.bytes.get_mut(begin..end) else { return };
        room.copy_from_slice(bytes);
        let (Ok(at), Ok(length)) = (u32::try_from(begin), u16::try_from(bytes.len())) else { return };
        self.segments.push_back(RecentBytes { conn, start, at, length, side });
        self.next = end;
    }

    /// Compares bytes that came again with the first copies, as far as those are remembered.
    pub(super) fn differs(&mut self, (conn, side): Owner, start: u64, bytes: &[u8]) -> Option<Anomaly> {
        let end = start.saturating_add(bytes.len() as u64);
        // The bytes of one side are in stream order.
        let mut differences = Differences::default();
        for kept in self.segments.iter().filter(|kept| (kept.conn, kept.side) == (conn, side)) {
            let (from, to) = (start.max(kept.start), end.min(kept.start.saturating_add(kept.length.into())));
            if from >= to {
                continue;
            }
            let copy = self.bytes.get(kept.begin()..kept.end()).unwrap_or_default();
            differences.compare(from, behind(copy, kept.start, from), behind(bytes, start, from));
        }
        let anomaly = differences.anomaly()?;
        let reporting = Some(((conn, side), differences));
        (std::mem::replace(&mut self.reported, reporting) != reporting).then_some(anomaly)
    }
}

/// Returns the part from offset `from` of bytes that begin at `start`.
fn behind(bytes: &[u8], start: u64, from: u64) -> &[u8] {
    let skipped = usize::try_from(from.saturating_sub(start)).unwrap_or(usize::MAX);
    bytes.get(skipped..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;

    const FIRST: ConnId = ConnId::new(NonZero::<u64>::MIN);
    const ONE: Owner = (FIRST, Side::Client);
    const OTHER: Owner = (FIRST, Side::Server);

    const fn differs(offset: u64, length: u64) -> Anomaly {
        Anomaly::OverlapDiffers { offset, length }
    }

    #[test]
    fn bytes_that_differ_are_counted_over_the_segments_they_cover() {
        let mut recent = Recent::default();
        recent.keep(ONE, 10, b"abcd");
        recent.keep(OTHER, 10, b"____");
        recent.keep(ONE, 14, b"efgh");
        assert_eq!(recent.differs(ONE, 10, b"abcdefgh"), None);
        assert_eq!(recent.differs(ONE, 12, b"cdef"), None);
        assert_eq!(recent.differs(ONE, 12, b"cDEf"), Some(differs(13, 2)));
        assert_eq!(recent.differs(ONE, 12, b"cXEf"), None, "reported already");
        assert_eq!(recent.differs(ONE, 5, b"_____aXcdefgh___"), Some(differs(11, 1)));
        assert_eq!(recent.differs((ConnId::new(NonZero::<u64>::MAX), Side::Client), 12, b"cDEf"), None);
    }

    #[test]
    fn what_was_overwritten_is_not_compared() {
        let mut recent = Recent::default();
        let mut kept = Vec::new();
        for n in 0..1000_u64 {
            let bytes = vec![n as u8; 100 + (n % 7) as usize * 300];
            recent.keep(ONE, n * 10_000, &bytes);
            kept.push(bytes);
            let mut known = |n: usize| {
                let other: Vec<u8> = kept[n].iter().map(|byte| !byte).collect();
                assert_eq!(recent.differs(ONE, n as u64 * 10_000, &kept[n]), None, "{n}");
                recent.differs(ONE, n as u64 * 10_000, &other).is_some()
            };
            let last = kept.len() - 1;
            assert!(known(last) && (last < 10 || known(last - 10)), "{n}");
            assert!(last < 40 || !known(last - 40), "{n}");
        }
        assert!(recent.bytes.len() == ROOM && recent.segments.len() <= SEGMENTS);
    }
}
