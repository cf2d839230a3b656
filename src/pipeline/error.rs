use std::io;

use crate::capture;

/// The reason why *we* could not continue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] capture::Error),
    /// Writing failed.
    #[error("cannot write the output")]
    Write(#[source] io::Error),
}
