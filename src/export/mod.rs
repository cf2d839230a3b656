//! Events for files and pipes: one file per format, one line in the list.
//!
//! A format converts events to bytes and cannot fail; its caller decides where the bytes go. `record` (with the feature
//! `schema`) contains the NDJSON promise as types.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::export::{AnyFormat, Formatted, Settings};
//! use wirefin::pipeline::{Options, run};
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let format = AnyFormat::new("ndjson", &Settings::default()).ok_or("there is no such format")?;
//! let mut output = Formatted::new(format, Vec::new(), None);
//! run(&mut files, &Options::default(), &mut output)?;
//! let lines = output.finish()?;
//! assert!(lines.starts_with(br#"{"type":"open","v":2"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod community;
mod fields;
mod formatted;
mod json;
mod line;
mod ndjson;
mod print;
#[cfg(feature = "schema")]
pub mod record;
pub mod string;
mod text;

pub use community::community_id;
pub use fields::{Fields, FieldsError};
pub use formatted::{Formatted, Formatter, Text};
pub use json::Json;
pub use ndjson::Ndjson;
pub use print::Print;

use crate::event::Event;
use crate::model::Timestamp;
use crate::text::Day;

/// The version of the NDJSON promise, included in every `open` and `rejected` line.
pub const VERSION: u32 = 2;

/// The settings common to all formats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Show frames too.
    pub frames: bool,
    /// Make every line self-contained by repeating what identifies its conversation.
    pub wide: bool,
    /// Include the bodies of sub-protocol units.
    pub bodies: bool,
    /// Include TLS connections without readable content.
    pub tls: bool,
}

/// One output format: how a record is written and what surrounds the records.
///
/// A clone continues from the state of the original; if several are used, each one receives complete connections.
pub trait Format: Send + Clone {
    /// Returns the text before the first record.
    fn begin(&self) -> &'static [u8] {
        b""
    }

    /// Returns the text between two records.
    fn separator(&self) -> &'static [u8] {
        b""
    }

    /// Returns the text after the last record.
    fn end(&self) -> &'static [u8] {
        b""
    }

    /// Returns whether [`crate::event::Kind::Frame`] events are shown; they cost time.
    fn wants_frames(&self) -> bool;

    /// Sets the start of the capture, which is the time of its first packet; called before any event and before any
    /// clone.
    fn start(&mut self, _first: Timestamp) {}

    /// Appends the preface of the output, if there is one and there are records.
    fn preface(&self, _out: &mut Vec<u8>) {}

    /// Returns the day of a moment, if the output names days; [`Format::name_day`] does so when it changes.
    fn day(&self, _time: Timestamp) -> Option<Day> {
        None
    }

    /// Appends the line that names a day.
    fn name_day(&self, _day: Day, _out: &mut Vec<u8>) {}

    /// Appends one record to `out`, or nothing if the event is not shown.
    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>);
}

/// Defines the list of formats: each has a file, and a line here.
macro_rules! formats {
    ($($name:literal, $description:literal => $format:ident;)*) => {
        /// Any one of the formats.
        #[derive(Clone, Debug)]
        pub enum AnyFormat {
            $( #[doc = $description] $format($format), )*
        }

        impl AnyFormat {
            /// Lists every format: its name and its description.
            pub const LIST: &'static [(&'static str, &'static str)] = &[$( ($name, $description) ),*];

            /// Creates the format called `name`; `None` if there is none.
            pub fn new(name: &str, settings: &Settings) -> Option<Self> {
                match name {
                    $( $name => Some(AnyFormat::$format($format::new(settings))), )*
                    _ => None,
                }
            }
        }

        impl Format for AnyFormat {
            fn begin(&self) -> &'static [u8] {
                match self { $( AnyFormat::$format(format) => format.begin(), )* }
            }

            fn separator(&self) -> &'static [u8] {
                match self { $( AnyFormat::$format(format) => format.separator(), )* }
            }

            fn end(&self) -> &'static [u8] {
                match self { $( AnyFormat::$format(format) => format.end(), )* }
            }

            fn wants_frames(&self) -> bool {
                match self { $( AnyFormat::$format(format) => format.wants_frames(), )* }
            }

            fn start(&mut self, first: Timestamp) {
                match self { $( AnyFormat::$format(format) => format.start(first), )* }
            }

            fn preface(&self, out: &mut Vec<u8>) {
                match self { $( AnyFormat::$format(format) => format.preface(out), )* }
            }

            fn day(&self, time: Timestamp) -> Option<Day> {
                match self { $( AnyFormat::$format(format) => format.day(time), )* }
            }

            fn name_day(&self, day: Day, out: &mut Vec<u8>) {
                match self { $( AnyFormat::$format(format) => format.name_day(day, out), )* }
            }

            fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
                match self { $( AnyFormat::$format(format) => format.write(event, out), )* }
            }
        }
    };
}

formats! {
    "ndjson", "one JSON object a line" => Ndjson;
    "json", "one JSON array of the same objects" => Json;
}
