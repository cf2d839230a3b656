use std::time::Duration;

/// A point in capture time: nanoseconds since 1970-01-01 00:00 UTC, ignoring leap seconds.
///
/// The range extends to the year 2262; arithmetic saturates because timestamps come from untrusted input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest representable time, used as a deadline that never comes.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Creates a timestamp from nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// Creates a timestamp from seconds and nanoseconds, saturating.
    pub const fn new(seconds: i64, nanos: u32) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Returns the nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(if nanos < 0 { 0 } else { nanos.cast_unsigned() })
    }

    /// Returns the time `wait` later, saturating.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)))
    }
}
