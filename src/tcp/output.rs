use crate::model::{Anomaly, At, Side};

/// The reason why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapCause {
    /// They were never captured.
    Lost,
    /// The capture's snap length cut them off.
    SnapLength,
    /// A bound was reached and no more could wait for them.
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
    /// Its sender said that it had no more to send.
    Fin,
    /// Its sender broke the connection off.
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

/// One thing that became readable. Bytes and gaps of one side, in order, are its stream without a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The next bytes.
    Bytes {
        /// Who sent them.
        side: Side,
        /// Where they stand in their side's stream.
        start: u64,
        /// The bytes, never empty.
        bytes: &'o [u8],
        /// The packet that carried them.
        at: At,
    },
    /// Bytes that were handed on before, or lost, came again: they are no part of the stream, but may be compared.
    Again {
        /// Who sent them.
        side: Side,
        /// Where they stand in their side's stream.
        start: u64,
        /// The bytes, never empty.
        bytes: &'o [u8],
    },
    /// The next bytes are not known and will not be.
    Gap {
        /// Who sent them.
        side: Side,
        /// How many, never zero.
        length: u64,
        /// Why they are missing.
        cause: GapCause,
        /// The packet that showed that they are missing: the first one behind them.
        at: At,
    },
    /// Something was wrong.
    Anomaly {
        /// Whose stream it concerns.
        side: Side,
        /// What.
        anomaly: Anomaly,
    },
    /// The stream ended; nothing of this side comes after.
    End {
        /// Whose stream.
        side: Side,
        /// How it ended.
        how: End,
        /// The packet that ended it.
        at: At,
    },
}
