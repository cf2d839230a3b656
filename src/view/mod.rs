//! Events in words for human eyes.

mod close_code;
mod rfc3339;
#[cfg(test)]
pub(crate) mod samples;

pub use close_code::close_code_name;
pub use rfc3339::Rfc3339;
