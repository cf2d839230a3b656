//! The command line.
pub mod screen;
