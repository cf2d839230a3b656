//! One test a case, named after it.

mod bytes;
mod control;
pub(super) mod tape;
