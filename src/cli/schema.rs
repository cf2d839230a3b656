use crate::export::record::{Reader, columns_for, schema};
use anyhow::Context as _;

/// Print what readers of NDJSON need: the JSON Schema of a line, or its columns
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The kind of reader
    #[arg(long = "for", value_name = "READER", default_value = "jsonschema")]
    reader: For,

    /// The export to be read
    #[arg(default_value = "capture.ndjson")]
    file: String,
}

/// The kind of reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum For {
    #[value(help = "the JSON Schema (2020-12)")]
    Jsonschema,
    #[value(help = "a query")]
    Duckdb,
    #[value(help = "Python")]
    Polars,
    #[value(help = "Python")]
    Spark,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let text = match self.reader {
            For::Jsonschema => schema(),
            For::Duckdb => columns_for(Reader::DuckDb, &self.file),
            For::Polars => columns_for(Reader::Polars, &self.file),
            For::Spark => columns_for(Reader::Spark, &self.file),
        };
        super::stdout::write_stdout(text.as_bytes()).context("cannot write standard output")?;
        Ok(())
    }
}
