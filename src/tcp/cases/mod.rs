//! One test per case, named after it.

mod again;
mod bytes;
mod checksums;
mod control;
pub(super) mod tape;
