//! The command line: arguments, files, progress and what is said on standard error.
//!
//! [`run`] does what the arguments ask and returns every failure; `main.rs` alone turns one into an exit code.

mod args;
mod check;
mod destination;
mod export;
mod input;
mod interfaces;
mod print;
mod progress;
mod report;
mod rights;
mod sandbox;
mod size;
mod stats;
mod stop;
mod trip;
mod view;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// The WebSocket analyzer for network traffic.
///
/// wirefin reads capture files (pcap and pcapng, plain, gzip or zstd), puts the TCP streams back together, finds the
/// WebSocket conversations in them, verifies their handshakes, and shows every message: in order, unmasked and
/// joined, with what was lost or broken named.
#[derive(Debug, Parser)]
#[command(
    name = "wirefin",
    bin_name = "wirefin",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Without a command, files are printed: `wirefin FILE` is `wirefin print FILE`."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    print: print::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    Print(print::Args),
    Export(export::Args),
    Stats(stats::Args),
    Check(check::Args),
    Rules(check::List),
    Interfaces(interfaces::Args),
    View(view::Args),
}

/// Does what `arguments`, the program's name first, ask.
///
/// # Errors
///
/// A [`clap::Error`] where the arguments are wrong or ask for help, which it knows how to print; anything else says
/// that we could not read or write.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Outcome> {
    let cli = Cli::try_parse_from(arguments)?;
    match cli.command {
        None => cli.print.run()?,
        Some(Command::Print(args)) => args.run()?,
        Some(Command::Export(args)) => args.run()?,
        Some(Command::Stats(args)) => args.run()?,
        Some(Command::Check(args)) => return args.run(),
        Some(Command::Rules(args)) => args.run()?,
        Some(Command::Interfaces(args)) => args.run()?,
        Some(Command::View(args)) => args.run()?,
    }
    Ok(Outcome::Fine)
}

/// Says how a run ended that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing more to say.
    Fine,
    /// `check` found what it looks for.
    Findings,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_file_is_printed() {
        let cli = Cli::try_parse_from(["wirefin", "-x", "a.pcap"]).unwrap();
        assert!(cli.command.is_none() && cli.print.hex);
        assert!(Cli::try_parse_from(["wirefin", "print"]).is_err());
    }
}
