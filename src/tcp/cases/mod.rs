//! One test per case, named after it.

mod bytes;
mod checksums;
mod control;
mod duplicates;
pub(super) mod tape;
