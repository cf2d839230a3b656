//! Words, times, units and safe text, shared by output for people and for programs.
//!
//! ```
//! use std::time::Duration;
//! use wirefin::text;
//!
//! assert_eq!(text::counted(20_000, "frame"), "20,000 frames");
//! assert_eq!(text::span(Duration::from_micros(1500)), "1.5 ms");
//! assert_eq!(text::close_code_name(1001), "going away");
//! assert_eq!(text::printable_string(b"\x1b[2J"), "␛[2J", "a terminal shows it and does not obey");
//! ```

mod close_code;
mod json;
mod near;
mod printable;
mod rfc3339;
mod shorten;
mod units;
mod wrap;
mod zone;

pub use close_code::close_code_name;
pub use json::{is_obeyed, write_json};
pub use near::{is_near, nearest};
pub use printable::{Shown, printable, printable_string};
pub use rfc3339::{Rfc3339, eight_digits};
pub use shorten::beginning;
pub use units::{bytes, count, counted, grouped, span};
pub use wrap::wrap;
pub use zone::{Day, Zone};
