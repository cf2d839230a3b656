//! The command line: arguments, files, progress and messages on standard error.
//!
//! [`run()`] executes a command and returns every failure; only `main.rs` turns one into an exit code.
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
mod outcome;
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
mod stdout;
mod stop;
mod subprotocols;
#[cfg(feature = "tui")]
mod view;

use std::ffi::OsString;

use anyhow::Context as _;
use clap::CommandFactory as _;

pub use outcome::Outcome;
use parse::{Cli, Command};
pub use stdout::{check_stdout, write_stdout};

/// Executes the command given by `arguments`, which begin with the program's name.
///
/// # Errors
///
/// Returns a [`clap::Error`] if the arguments are invalid or request help; it can print itself. Any other error means
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

/// Shows the input on the screen if there is one, unless an option was given that only print supports.
fn bare(args: print::Args) -> anyhow::Result<Outcome> {
    #[cfg(feature = "tui")]
    if args.is_plain() && view::is_possible() {
        let (input, selection) = args.into_input();
        return view::Args::of(input, selection).run().map(|()| Outcome::Fine);
    }
    args.run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

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
