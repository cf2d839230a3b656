//! The `wirefin` program: parses arguments, runs, and turns an error into an exit code.

fn main() {}
