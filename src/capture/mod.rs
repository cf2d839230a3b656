//! Where packets come from: files, pipes and, later, interfaces.
//!
//! A [`Source`] fills one [`Round`] after the other. A round is a block of the capture and the packets found in
//! it, borrowed from the block and never copied one by one.

mod round;

pub use round::{Record, Round};

use crate::model::Timestamp;

/// Says why *we* could not read: no file, no capture, an I/O error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("{file}: {source}")]
    Io {
        /// The file, or `-`.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Says what a [`Source`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The round holds at least one packet, secret or diagnostic.
    Filled,
    /// Nothing came for a while; capture time is now this. (The round may be empty.)
    Idle(Timestamp),
    /// Nothing will come any more. (The round may hold the last packets.)
    End,
}

/// Is where packets come from.
pub trait Source {
    /// Clears `round` and fills it with what comes next.
    ///
    /// It returns as soon as something is there, so that a pipe that grows is handled as it grows.
    fn next(&mut self, round: &mut Round) -> Result<Next, Error>;
}
