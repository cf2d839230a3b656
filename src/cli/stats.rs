use super::plan::Request;
use super::{Outcome, args, run};
use crate::stats::{self, ReportFormat, Stats, Streams};

/// Summarise a capture: conversations, sizes, rates, round trips
///
/// Percentiles are computed from a histogram of all values, not from averages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = args::one_of(ReportFormat::LIST.to_vec()))]
    format: ReportFormat,

    /// Show the N conversations with the most bytes; json and csv include all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,

    #[command(flatten)]
    request: Request,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        let width = self.request.output.columns();
        let plan = self.request.plan()?;
        run::gather(&plan, Stats::new(), |stats, end, to| {
            let summary = &end.summary;
            let streams = Streams { sse: summary.event_streams, polling_requests: summary.polls };
            let report = stats::Report { streams, ..stats.report() };
            stats::write(&report, self.format, self.top, width, to).map(|()| Outcome::Fine)
        })
    }
}
