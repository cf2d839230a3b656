use super::plan::Request;
use super::{Outcome, report, run};
use crate::explain::{self, Explain, WriteOptions};

/// Explain why a connection shows no messages, or not all of them
///
/// One paragraph for each TCP connection of the capture: what it is, why nothing or not everything of it is shown, and
/// what would help; for a conversation also what was agreed on, its heartbeat, and how it ended. More than 50 are
/// grouped by reason and server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ExplanationFormat,

    /// List each connection, however many there are
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    request: Request,
}

/// The format of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ExplanationFormat {
    #[value(help = "one paragraph per connection")]
    Text,
    #[value(help = "one JSON object")]
    Json,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        let plan = self.request.plan()?.explaining();
        if plan.filters_messages() {
            anyhow::bail!(
                "explain describes whole connections: filter only by what is known when one begins, \
                 such as conn, host, path, client.ip or tls"
            );
        }
        let manner = match self.format {
            ExplanationFormat::Text => WriteOptions::Text { all: self.all, filtered: plan.filter.is_some() },
            ExplanationFormat::Json => WriteOptions::Json,
        };
        let shown = self.request.input.also();
        run::gather(&plan, Explain::new(), |explain, end, to| {
            let summary = &end.summary;
            let notes: Vec<_> =
                report::of_capture(summary).into_iter().chain(report::streams(summary, shown)).collect();
            explain::write(&explain.explanation(), manner, &notes, to).map(|()| Outcome::Fine)
        })
    }
}
