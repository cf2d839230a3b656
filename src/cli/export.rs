use super::plan::Request;
use super::{Outcome, args, run};
use crate::export::{AnyFormat, Settings};

/// Write every event to a file or pipe, for programs
///
/// `wirefin schema` prints the JSON Schema of a line, which explains every field.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    end: args::Count,

    /// Write in this format
    #[arg(long, value_name = "FORMAT", default_value = "ndjson", value_parser = args::one_of(formats()))]
    format: &'static str,

    /// Write a record for each frame too
    #[arg(long)]
    frames: bool,

    /// Write this much of a message's meaning in its sub-protocol: names and fields, or bodies too
    #[arg(long, value_name = "HOW", default_value = "names")]
    sub: Sub,

    /// Repeat URL, host, addresses and sub-protocol in every record, and group header fields by name
    #[arg(long)]
    wide: bool,

    /// Write a record for each TLS connection without keys too
    #[arg(long)]
    tls: bool,

    #[command(flatten)]
    request: Request,
}

/// The level of detail of a message's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sub {
    #[value(help = "names, ids and fields")]
    Names,
    #[value(help = "also the bodies of units")]
    Full,
}

fn formats() -> Vec<(&'static str, &'static str, &'static str)> {
    AnyFormat::LIST.iter().map(|&(name, help)| (name, help, name)).collect()
}

impl Args {
    fn settings(&self) -> Settings {
        Settings { frames: self.frames, wide: self.wide, bodies: self.sub == Sub::Full, tls: self.tls }
    }

    pub(super) fn run(&self) -> anyhow::Result<Outcome> {
        let format = AnyFormat::new(self.format, &self.settings());
        let format = format.ok_or_else(|| anyhow::anyhow!("there is no format called {}", self.format))?;
        run::write(&self.request.plan()?.stop_after(self.end.count), format)
    }
}
