//! The clock of this computer, which live captures read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}

pub(super) fn before(time: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos().saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
}
