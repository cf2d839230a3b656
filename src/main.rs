//! The `wirefin` program: runs the command line and turns its outcome into an exit code.
//!
//! Exit codes are defined by [`wirefin::cli::Outcome::code`]; 2 means wrong usage or a failure to read or write.

use std::io::{self, Write};
use std::process::ExitCode;

use wirefin::text::printable_string;

fn main() -> ExitCode {
    match wirefin::cli::run(std::env::args_os()) {
        Ok(outcome) => match io::stdout().flush() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                fail(&anyhow::Error::new(error).context("cannot write standard output"))
            }
            _ => ExitCode::from(outcome.code()),
        },
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Returns whether the error is a closed output pipe, which is not a failure.
///
/// A failure to save packets always is one, because the user asked for all of them.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let saving = error.downcast_ref::<wirefin::capture::Error>().is_some();
    let mut causes = error.chain();
    !saving
        && causes.any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
        })
}

/// Prints the error and its causes, and returns the exit code.
fn fail(error: &anyhow::Error) -> ExitCode {
    // If the terminal is gone, the message cannot be shown anywhere: results of writing are ignored.
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        let is_open = if usage.use_stderr() { Ok(()) } else { wirefin::cli::check_stdout() };
        let printed = is_open.and_then(|()| usage.print()).and_then(|()| io::stdout().flush());
        return match printed {
            Err(error) if !usage.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = writeln!(io::stderr(), "wirefin: cannot write standard output: {error}");
                ExitCode::from(2)
            }
            _ => ExitCode::from(if usage.use_stderr() { 2 } else { 0 }),
        };
    }
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors already include their cause.
        if !text.ends_with(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    // A message may have several lines, for example a filter with its error marked.
    let lines: Vec<_> = text.lines().map(|line| printable_string(line.as_bytes())).collect();
    let _ = writeln!(io::stderr(), "wirefin: {}", lines.join("\n"));
    ExitCode::from(2)
}
