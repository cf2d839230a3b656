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

    /// Write of what a message means in its sub-protocol this much: names and fields, or what units carry, too
    #[arg(long, value_name = "HOW", default_value = "names", value_parser = ["names", "full"])]
    sub: String,

    /// Repeat URL, host, addresses and sub-protocol in every record, and give header fields by name
    #[arg(long)]
    wide: bool,

    /// Write a record for each TLS connection without keys too
    #[arg(long)]
    tls: bool,
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(AnyFormat::LIST.iter().map(|&(name, help)| PossibleValue::new(name).help(help)))
}

impl Args {
    fn settings(&self) -> Settings {
        Settings { frames: self.frames, wide: self.wide, bodies: self.sub == "full", tls: self.tls }
    }

    pub(super) fn run(&self) -> anyhow::Result<()> {
        let format = AnyFormat::new(&self.format, &self.settings());
        let format = format.ok_or_else(|| anyhow::anyhow!("there is no format called {}", self.format))?;
        trip::run(&self.input, &self.output, self.end.count, format)
    }
}
