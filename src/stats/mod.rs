//! Summary statistics of a capture: conversations, totals, rates, round trips.
//!
//! [`Stats`] is a sink that counts events, at a few nanoseconds per message; [`Report`] is the result, and is written
//! as text, JSON or CSV. `histogram` and `timeline` store distributions compactly. The counts do not depend on the
//! order of connections, so the report does not depend on the number of threads.
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

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Tables and charts for people.
    Text,
    /// One JSON object.
    Json,
    /// One line per conversation.
    Csv,
}

impl ReportFormat {
    /// Lists every format: its name and its description.
    pub const LIST: &'static [(&'static str, &'static str, ReportFormat)] = &[
        ("text", "tables and drawings for people", ReportFormat::Text),
        ("json", "one JSON object with everything", ReportFormat::Json),
        ("csv", "one line a conversation", ReportFormat::Csv),
    ];

    /// Returns the format called `name`; `None` if there is none.
    pub fn named(name: &str) -> Option<ReportFormat> {
        ReportFormat::LIST.iter().find(|(known, ..)| *known == name).map(|(.., form)| *form)
    }
}

/// Writes a report; the text shows the `top` conversations by bytes, the other formats show all.
///
/// `width` is the number of columns available for the text; `None` means unlimited.
///
/// # Errors
///
/// Fails if it cannot be written.
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
