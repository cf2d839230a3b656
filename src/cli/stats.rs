use clap::builder::{PossibleValue, PossibleValuesParser};

use super::{args, trip};
use crate::stats::{self, Form, Stats};

/// Tell what a capture adds up to: conversations, sizes, rates, round trips
///
/// Percentiles come from a sketch of all values, not from averages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: args::Input,

    #[command(flatten)]
    output: args::Output,

    /// Write in this form
    #[arg(long, value_name = "FORM", default_value = "text", value_parser = forms())]
    format: String,

    /// Show the N conversations of most bytes; json and csv have all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
}

fn forms() -> PossibleValuesParser {
    PossibleValuesParser::new(Form::LIST.iter().map(|&(name, help, _)| PossibleValue::new(name).help(help)))
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let form = Form::named(&self.format).unwrap_or(Form::Text);
        let width = self.output.columns();
        trip::gather(&self.input, &self.output, Stats::new(), |stats, to| {
            stats::write(&stats.report(), form, self.top, width, to)
        })
    }
}
