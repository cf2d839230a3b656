//! What a capture adds up to: conversations, totals, rates, round trips.
//!
//! [`Stats`] counts while events pass and costs a few nanoseconds a message; [`Report`] is what it comes to, and writes
//! itself as text, JSON or CSV. `sketch` and `timeline` remember distributions in little memory. Counting is the same
//! in any order of connections, so the report does not depend on the number of threads.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::event::Reducer;
//! use wirefin::pipeline::{Options, run};
//! use wirefin::stats::Stats;
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let mut stats = Reducer::new(Stats::new());
//! run(&mut files, &Options::default(), &mut stats)?;
//! assert_eq!(stats.into_inner().report().conversations.len(), 1);
//! # Ok::<(), wirefin::pipeline::Error>(())
//! ```

mod csv;
mod histogram;
mod report;
mod row;
mod shard;
mod text;
mod timeline;
mod units;

pub use histogram::Quantiles;
pub use report::{Conversation, DirectionTotals, Report, Streams};
pub use shard::Stats;
pub use units::UnitRow;

use std::io::{self, Write};

/// Name of a form in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Tables and drawings for people.
    Text,
    /// One JSON object.
    Json,
    /// One line a conversation.
    Csv,
}

impl ReportFormat {
    /// Lists every form: its name and what it is.
    pub const LIST: &'static [(&'static str, &'static str, ReportFormat)] = &[
        ("text", "tables and drawings for people", ReportFormat::Text),
        ("json", "one JSON object with everything", ReportFormat::Json),
        ("csv", "one line a conversation", ReportFormat::Csv),
    ];

    /// Returns the form called `name`; `None` where there is none.
    pub fn named(name: &str) -> Option<ReportFormat> {
        ReportFormat::LIST.iter().find(|(known, ..)| *known == name).map(|(.., form)| *form)
    }
}

/// Writes a report; the text shows the `top` conversations of most bytes, the other forms show all.
///
/// `width` is how many columns there are for the text; `None` where it may be as wide as it likes.
///
/// # Errors
///
/// It cannot be written.
pub fn write(
    report: &Report,
    form: ReportFormat,
    top: usize,
    width: Option<usize>,
    to: &mut dyn Write,
) -> io::Result<()> {
    match form {
        ReportFormat::Text => to.write_all(text::text(report, top, width.unwrap_or(usize::MAX)).as_bytes()),
        ReportFormat::Json => {
            crate::text::write_json(report, &mut *to)?;
            to.write_all(b"\n")
        }
        ReportFormat::Csv => to.write_all(csv::csv(report).as_bytes()),
    }
}
