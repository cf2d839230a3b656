use clap::builder::{PossibleValue, PossibleValuesParser};

use super::{args, trip};
use crate::export::{AnyFormat, Settings};

/// Write every event to a file or pipe, for programs
///
/// docs/ndjson.md of the project explains every field, and docs/ndjson.schema.json is the JSON Schema of a line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: args::Input,

    #[command(flatten)]
    output: args::Output,

    #[command(flatten)]
    end: args::Count,

    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "ndjson", value_parser = formats())]
    format: String,

    /// Write a record for each frame too
    #[arg(long)]
    frames: bool,

    /// Repeat URL, host, addresses and sub-protocol in every record, and give header fields by name
    #[arg(long)]
    wide: bool,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(AnyFormat::LIST.iter().map(|&(name, help)| PossibleValue::new(name).help(help)))
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let format = AnyFormat::new(&self.format, &Settings { frames: self.frames, wide: self.wide });
        let format = format.ok_or_else(|| anyhow::anyhow!("there is no format called {}", self.format))?;
        trip::run(&self.input, &self.output, self.end.count, format)
    }
}
