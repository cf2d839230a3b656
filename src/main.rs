//! The `wirefin` program: runs what the command line asks, and turns an error into an exit code.
//!
//! [`wirefin::cli::Outcome::code`] says which; 2 is a wrong use or a failure to read or write.

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

/// Returns whether the reader of our output has seen enough, which is no failure.
///
/// Packets that are saved are another matter: who asked for them wants all.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let saving = error.downcast_ref::<wirefin::capture::Error>().is_some();
    let mut causes = error.chain();
    !saving
        && causes.any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
        })
}

/// Says what went wrong, with its causes, and returns the exit code.
fn fail(error: &anyhow::Error) -> ExitCode {
    // Where the terminal is gone, there is nobody to tell: results of writing are dropped.
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
        // Some errors tell their cause themselves.
        if !text.ends_with(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    // Our own words may be several lines, as where a filter is shown with its fault.
    let lines: Vec<_> = text.lines().map(|line| printable_string(line.as_bytes())).collect();
    let _ = writeln!(io::stderr(), "wirefin: {}", lines.join("\n"));
    ExitCode::from(2)
}
