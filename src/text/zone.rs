use crate::model::Timestamp;

/// A time zone: the offsets of local time from UTC, and the times at which they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The times in seconds since 1970 at which an offset begins, in order, and the offsets in seconds east.
    changes: &'static [(i64, i32)],
    /// Whether it is UTC and named so.
    is_utc: bool,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone { changes: &[], is_utc: true };

    /// Creates a zone from its changes, which are in order; the first offset also applies before it.
    pub const fn new(changes: &'static [(i64, i32)]) -> Self {
        Zone { changes, is_utc: false }
    }

    /// Returns how many seconds local time is ahead of UTC.
    pub fn offset(self, time: Timestamp) -> i32 {
        let second = time.as_nanos().div_euclid(1_000_000_000);
        let next = self.changes.partition_point(|(since, _)| *since <= second);
        self.changes.get(next.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }

    /// Returns the time at which UTC has the same wall-clock time as this zone at `time`.
    pub fn shifted(self, time: Timestamp) -> Timestamp {
        let offset = i64::from(self.offset(time)).saturating_mul(1_000_000_000);
        Timestamp::from_nanos(time.as_nanos().saturating_add(offset))
    }

    /// Returns the day of a time.
    pub fn day(self, time: Timestamp) -> Day {
        let day = self.shifted(time).as_nanos().div_euclid(86_400_000_000_000);
        Day { day, offset: (!self.is_utc).then(|| self.offset(time)) }
    }
}

/// A day of a zone, at one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Counted from 1970.
    day: i64,
    /// In seconds; `None` in UTC.
    offset: Option<i32>,
}

impl Day {
    /// Returns its name: `2024-02-29 UTC`, `2024-02-29 +01:00`.
    pub fn name(self) -> String {
        let noon = self.day.saturating_mul(86_400_000_000_000);
        let mut text = Vec::new();
        super::Rfc3339::default().write(Timestamp::from_nanos(noon), &mut text);
        text.truncate(10);
        format!("{} {}", String::from_utf8_lossy(&text), self.zone())
    }

    /// Returns the name of its offset.
    pub fn zone(self) -> String {
        let Some(offset) = self.offset else { return "UTC".to_owned() };
        let minutes = offset.unsigned_abs() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_hold_from_their_second_on() {
        // Berlin in 2026: summer time begins at 2026-03-29T01:00:00Z.
        let zone = Zone::new(&[(1_761_440_400, 3600), (1_774_746_000, 7200)]);
        let at = |second: i64| Timestamp::from_nanos(second * 1_000_000_000);
        assert_eq!(
            [0, 1_774_745_999, 1_774_746_000].map(|second| zone.offset(at(second))),
            [3600, 3600, 7200]
        );
        assert_eq!(zone.day(at(1_774_745_999)).name(), "2026-03-29 +01:00");
        assert_eq!(zone.day(at(1_774_746_000)).name(), "2026-03-29 +02:00");
        assert_eq!(Zone::UTC.day(at(1_774_745_999)).name(), "2026-03-29 UTC");
        assert_eq!(Zone::new(&[(0, -34_200)]).day(at(1_774_745_999)).name(), "2026-03-28 -09:30");
    }
}
