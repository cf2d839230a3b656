//! Standard output, as it was when the program started.

/// Fails if standard output was closed when the program started: anything written to it would be lost.
///
/// # Errors
///
/// Fails if it was closed.
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
/// Fails if it cannot be written, or standard output is closed.
pub fn write_stdout(text: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    check_stdout()?;
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}
