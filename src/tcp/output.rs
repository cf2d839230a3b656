use crate::model::{Anomaly, At, Side};

/// The reason why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapCause {
    /// They were never captured.
    Lost,
    /// The capture's snap length truncated them.
    SnapLength,
    /// A bound was reached and no more could be queued.
    Limit,
}

impl GapCause {
    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            GapCause::Lost => "lost",
            GapCause::SnapLength => "snap-length",
            GapCause::Limit => "limit",
        }
    }
}

/// The end of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Its sender finished sending.
    Fin,
    /// Its sender reset the connection.
    Reset,
}

impl End {
    /// Returns the word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            End::Fin => "fin",
            End::Reset => "reset",
        }
    }
}

/// One item of output. The bytes and gaps of one side, in order, form its complete stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The next bytes.
    Bytes {
        /// The sender.
        side: Side,
        /// Their offset in the sender's stream.
        start: u64,
        /// The bytes, never empty.
        bytes: &'o [u8],
        /// The packet that carried them.
        at: At,
    },
    /// Bytes that were already delivered, or given up, and came again: not part of the stream, but available for
    /// comparison.
    Duplicate {
        /// The sender.
        side: Side,
        /// Their offset in the sender's stream.
        start: u64,
        /// The bytes, never empty.
        bytes: &'o [u8],
    },
    /// The next bytes are unknown and will remain so.
    Gap {
        /// The sender.
        side: Side,
        /// The number of missing bytes, never zero.
        length: u64,
        /// The reason they are missing.
        cause: GapCause,
        /// The packet that revealed the loss: the first one after the gap.
        at: At,
    },
    /// An anomaly.
    Anomaly {
        /// The side whose stream it concerns.
        side: Side,
        /// The anomaly.
        anomaly: Anomaly,
    },
    /// The end of a stream; no output of this side follows.
    End {
        /// The side whose stream ended.
        side: Side,
        /// How it ended.
        how: End,
        /// The packet that ended it.
        at: At,
    },
}
