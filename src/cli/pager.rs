//! The pager: what is longer than the terminal is shown a page at a time.

use std::io::{self, BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// How many bytes are handed over at once: little, so that the first page comes at once.
const BUFFER: usize = 16 << 10;

/// `less`, which shows what is written to it.
#[derive(Debug)]
pub(super) struct Pager {
    to: BufWriter<ChildStdin>,
    process: Child,
}

impl Pager {
    /// Starts it: before the program is shut in, for it starts no other one then. `None` where there is none, or none is wanted.
    ///
    /// It is told to keep colours and short outputs as they are (`-FRX`), and neither to run commands nor to open files
    /// (`LESSSECURE`), for what it shows comes from strangers.
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

    /// Ends what it shows, and waits until the user has seen enough of it.
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
