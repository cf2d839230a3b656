//! The pager, which shows output longer than the terminal one page at a time.

use std::io::{self, BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The size of the write buffer: small, so that the first page appears at once.
const BUFFER: usize = 16 << 10;

/// `less`, showing what is written to it.
#[derive(Debug)]
pub(super) struct Pager {
    to: BufWriter<ChildStdin>,
    process: Child,
}

impl Pager {
    /// Starts the pager. This must happen before the program is confined, because it cannot start other programs
    /// afterwards. Returns `None` if there is no pager, or none is wanted.
    ///
    /// It is configured to pass colours and short outputs through (`-FRX`), and neither to run commands nor to open
    /// files (`LESSSECURE`), because its input is untrusted.
    pub(super) fn start() -> Option<Pager> {
        let unwanted = |name: &str, words: &[&str]| {
            std::env::var(name).is_ok_and(|value| words.contains(&value.as_str()))
        };
        if unwanted("PAGER", &["", "cat"]) || unwanted("TERM", &["", "dumb"]) {
            return None;
        }
        let mut less = Command::new("less");
        less.arg("-FRX")
            .env("LESSSECURE", "1")
            .env_remove("LESSOPEN")
            .env_remove("LESSCLOSE")
            .env_remove("LESS");
        let mut process = less.stdin(Stdio::piped()).spawn().ok()?;
        let to = BufWriter::with_capacity(BUFFER, process.stdin.take()?);
        Some(Pager { to, process })
    }

    /// Ends its input, and waits until the user quits it.
    pub(super) fn close(self) -> io::Result<()> {
        let Pager { to, mut process } = self;
        let written = to.into_inner().map(drop).map_err(std::io::IntoInnerError::into_error);
        process.wait()?;
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
