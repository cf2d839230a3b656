//! Writes a capture to standard output: `cargo run --release --example make_load -- LOAD COUNT > FILE`.

#[path = "mod.rs"]
mod support;

use std::io::{self, BufWriter};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, count) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok()));
    if let (Some(name), Some(count)) = (name, count) {
        match support::make(&name, count, BufWriter::with_capacity(1 << 20, io::stdout().lock())) {
            Ok(true) => return ExitCode::SUCCESS,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Err(error) => eprintln!("make_load: {error}"),
            Ok(false) => {}
        }
    }
    eprintln!("make_load LOAD COUNT > FILE; COUNT counts");
    for (name, what) in support::LOADS {
        eprintln!("  {name:<14}{what}");
    }
    ExitCode::from(2)
}
