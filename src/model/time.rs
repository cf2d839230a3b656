use std::time::Duration;

/// A moment of the capture: nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted.
///
/// The range reaches to the year 2262; arithmetic saturates, for stamps come from the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that can be expressed; a deadline that never comes.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// Makes a stamp from nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// Makes a stamp from whole seconds and nanoseconds, saturating.
    pub const fn new(seconds: i64, nanos: u32) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Returns nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the time since `earlier`, zero where stamps run backwards.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(if nanos < 0 { 0 } else { nanos.cast_unsigned() })
    }

    /// Returns the moment `wait` later, saturating.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)))
    }
}
