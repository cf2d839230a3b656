use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::size::Size;
use crate::pipeline;

/// Names what is read, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Input {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; `-` is standard input
    ///
    /// Several files are read as one capture, in the order of time.
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    /// Keep this much of a message; of a longer one, say what was cut
    ///
    /// The units are K, M and G, of 1024.
    #[arg(long, value_name = "SIZE", default_value = "16M")]
    max_message: Size,

    /// Analyze on this many threads; the output is the same for any number [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Say nothing on standard error but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl Input {
    /// Returns what the pipeline is told.
    pub(super) fn options(&self) -> pipeline::Options {
        let mut options = pipeline::Options::default();
        options.limits.message = self.max_message.0;
        options.limits.messages = options.limits.messages.max(self.max_message.0.saturating_mul(4));
        options.threads = self.threads.unwrap_or(options.threads);
        options
    }
}

/// Names where the output goes, and when it ends.
#[derive(Debug, clap::Args)]
pub(super) struct Output {
    /// Write to a file instead of standard output
    ///
    /// It gets its name when it is whole; until then, what had the name stays as it was.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Stop after N messages
    #[arg(short, long, value_name = "N")]
    pub(super) count: Option<u64>,
}
