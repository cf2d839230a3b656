//! Generated traffic for measurements: nothing is read from outside the repository.

#![allow(dead_code, unused_imports, reason = "shared by benches that use different parts")]

mod loads;
mod seal;
mod tape;

pub(crate) use loads::{LOADS, deflate, frame, make, tick};
pub(crate) use tape::{SEGMENT, Talk, Tape};
