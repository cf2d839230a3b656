//! The command line: arguments, files, progress and what is said on standard error.
//!
//! [`run()`] does what the arguments ask and returns every failure; `main.rs` alone turns one into an exit code.
//!
//! ```
//! use wirefin::cli;
//!
//! let outcome = cli::run(["wirefin", "rules"].map(Into::into))?;
//! assert_eq!(outcome.code(), 0);
//! assert!(cli::run(["wirefin", "rules", "--no-such-flag"].map(Into::into)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod check;
mod completions;
mod conflicts;
mod destination;
mod explain;
mod export;
mod input;
#[cfg(feature = "live")]
mod interfaces;
mod man;
mod monitored;
mod pager;
mod parse;
mod plan;
mod print;
mod privileges;
mod progress;
mod report;
mod run;
mod sandbox;
mod schema;
#[cfg(target_os = "linux")]
mod seccomp;
mod selection;
mod size;
mod stats;
mod stop;
#[cfg(feature = "tui")]
mod view;

use std::ffi::OsString;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};

/// What is said below the help.
const AFTER_HELP: &str = "Without a command, `wirefin FILE` is `wirefin view FILE` on a terminal, and with a flag that only view has. Elsewhere, and with a flag that only print has, it is `wirefin print FILE`. `wirefin help filter` explains the language of -Y.";

/// The WebSocket analyzer for network traffic.
///
/// wirefin reads capture files (pcap and pcapng, plain, gzip, zstd or lz4), puts the TCP streams back together, finds the
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
    after_long_help = format!("{AFTER_HELP}\n\n{}", exit_codes()),
    after_help = AFTER_HELP
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
    Explain(explain::Args),
    Rules(check::List),
    #[cfg(feature = "live")]
    Interfaces(interfaces::Args),
    #[cfg(feature = "tui")]
    View(view::Args),
    Schema(schema::Args),
    Man(man::Args),
    Completions(completions::Args),
}

/// Fails where standard output was closed when the program started: what is written to it would be lost.
///
/// # Errors
///
/// Where it was.
pub fn check_stdout() -> std::io::Result<()> {
    if stdout_at_start::was_closed() {
        return Err(std::io::Error::other("it is closed"));
    }
    Ok(())
}

/// Writes text to standard output.
///
/// # Errors
///
/// Where it cannot be written, or standard output is closed.
pub fn write_stdout(text: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    check_stdout()?;
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Does what `arguments`, the program's name first, ask.
///
/// # Errors
///
/// A [`clap::Error`] where the arguments are wrong or ask for help, which it knows how to print; anything else says
/// that we could not read or write.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Outcome> {
    stop::fail_on_abort()?;
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(help) = parse::filter_help(&arguments) {
        write_stdout(help.as_bytes()).context("cannot write standard output")?;
        return Ok(Outcome::Fine);
    }
    let cli = parse::parse(&arguments)?;
    match cli.command {
        None => return bare(cli.print),
        Some(Command::Print(args)) => return args.run(),
        Some(Command::Export(args)) => return args.run(),
        Some(Command::Stats(args)) => return args.run(),
        Some(Command::Check(args)) => return args.run(),
        Some(Command::Explain(args)) => return args.run(),
        Some(Command::Rules(args)) => args.run()?,
        #[cfg(feature = "live")]
        Some(Command::Interfaces(args)) => args.run()?,
        #[cfg(feature = "tui")]
        Some(Command::View(args)) => args.run()?,
        Some(Command::Schema(args)) => args.run()?,
        Some(Command::Man(args)) => args.run(Cli::command())?,
        Some(Command::Completions(args)) => args.run(Cli::command())?,
    }
    Ok(Outcome::Fine)
}

/// Shows the input on the screen where there is one, unless something was asked for that only print does.
fn bare(args: print::Args) -> anyhow::Result<Outcome> {
    #[cfg(feature = "tui")]
    if args.is_plain() && view::is_possible() {
        let (input, selection) = args.into_input();
        return view::Args::of(input, selection).run().map(|()| Outcome::Fine);
    }
    args.run()
}

/// The outcome of a run that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing more to say.
    Fine,
    /// `check` found what it looks for.
    Findings,
    /// `check` found nothing, but could not judge everything.
    Unjudged,
    /// A filter matched nothing, and the user wants to know.
    NoMatch,
    /// A signal, by its number, ended it before its files were read to their end.
    Interrupted(u8),
}

impl Outcome {
    /// Returns the exit code that tells it, of those in the list in `--help`.
    pub const fn code(self) -> u8 {
        match self {
            Outcome::Fine => 0,
            Outcome::Findings | Outcome::NoMatch => 1,
            Outcome::Unjudged => 3,
            Outcome::Interrupted(signal) => 128_u8.saturating_add(signal),
        }
    }
}

/// What the exit codes say. Where several hold, 2 stands before 1 before 3.
const EXIT_CODES: [(&str, &str); 5] = [
    ("0", "all went well; Ctrl-C of a live capture included"),
    ("1", "check found a broken rule; or, with --exit-code, a filter matched nothing"),
    (
        "2",
        "wrong use, or an input or output failed: a damaged or truncated input, too, after what is good of it was written",
    ),
    ("3", "check found nothing, but not everything could be judged"),
    ("130, 143", "files were not read to their end because of SIGINT (Ctrl-C) or SIGTERM"),
];

/// Lists the exit codes below the help.
fn exit_codes() -> String {
    let line = |(code, words): &(&str, &str)| format!("\n  {code:<8}  {words}");
    format!(
        "Exit codes (where several hold, 2 stands before 1 before 3):{}",
        EXIT_CODES.iter().map(line).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_file_is_shown_unless_only_print_does_what_is_asked() {
        for (arguments, plain) in [("", true), ("-Yrtt", true), ("-x", false), ("-v", false), ("-c1", false)]
        {
            let arguments =
                ["wirefin", "a.pcap"].into_iter().chain((!arguments.is_empty()).then_some(arguments));
            let cli = Cli::try_parse_from(arguments.clone()).unwrap();
            assert!(
                cli.command.is_none() && cli.print.is_plain() == plain,
                "{:?}",
                arguments.collect::<Vec<_>>()
            );
        }
        assert!(Cli::try_parse_from(["wirefin", "print"]).is_err());
    }
}
