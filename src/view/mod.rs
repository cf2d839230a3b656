//! Events in words for human eyes.

mod close_code;
mod printable;
mod rfc3339;
#[cfg(test)]
pub(crate) mod samples;
mod units;

pub use close_code::close_code_name;
pub use printable::{Shown, printable, printable_string};
pub use rfc3339::Rfc3339;
pub use units::{bytes, count, span};
