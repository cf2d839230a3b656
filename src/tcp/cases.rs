//! One test a case, named after it.

use std::time::Duration;

use super::{Connection, Delivery, End, GapCause, Limits, Output};
use crate::model::{Anomaly, At, Endpoint, Flags, Flow, Segment, Seq, Side, Timestamp, Tunnel};

/// What came out, without the packets' times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Bytes(Side, Vec<u8>),
    Gap(Side, u64, GapCause),
    Anomaly(Side, Anomaly),
    End(Side, End),
}

/// Drains a delivery; neighbouring bytes of one side become one.
pub(super) fn drain(mut delivery: Delivery<'_, '_>, seen: &mut Vec<Seen>) {
    while let Some(output) = delivery.next() {
        match output {
            Output::Bytes { side, bytes, .. } => {
                assert!(!bytes.is_empty());
                match seen.last_mut() {
                    Some(Seen::Bytes(last, run)) if *last == side => run.extend_from_slice(bytes),
                    _ => seen.push(Seen::Bytes(side, bytes.to_vec())),
                }
            }
            Output::Gap { side, length, cause, .. } => {
                assert!(length > 0);
                seen.push(Seen::Gap(side, length, cause));
            }
            Output::Anomaly { side, anomaly } => seen.push(Seen::Anomaly(side, anomaly)),
            Output::End { side, how, .. } => seen.push(Seen::End(side, how)),
        }
    }
}
