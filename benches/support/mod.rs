//! Traffic for measurements, made here: nothing is read from outside the repository.

mod loads;
mod tape;

pub use loads::{LOADS, deflate, frame, make, tick};
pub use tape::{SEGMENT, Talk, Tape};
