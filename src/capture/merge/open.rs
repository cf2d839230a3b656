use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::file::{BLOCK, Reader};
use super::super::stop_condition::Watch;
use super::super::{Error, PacketBatch, ReadProgress, StopCondition};
use super::head::UNKNOWN;
use crate::model::Timestamp;

/// Returns the length of a regular file; `None` for an input that may block.
pub(super) fn regular_length(path: &Path) -> Result<Option<u64>, Error> {
    if is_standard_input(path) {
        return Ok(None);
    }
    let file = || path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| Error::Io { file: file(), source })?;
    if metadata.is_dir() {
        return Err(Error::Directory { file: file() });
    }
    Ok(metadata.is_file().then_some(metadata.len()))
}

pub(super) fn open_path(path: &Path, meter: &ReadProgress, watch: &Arc<Watch>) -> Result<Reader, Error> {
    if is_standard_input(path) {
        let failed = |source| Error::Io { file: "-".into(), source };
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
        return Ok(Reader::new(
            "-",
            meter.count(InterruptiblePipe { input: File::from(input), watch: Arc::clone(watch) }),
        ));
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok(Reader::new(name, meter.count(file))),
        Err(source) => Err(Error::Io { file: name, source }),
    }
}

/// A reader of a pipe that waits for data only until reading is to stop.
struct InterruptiblePipe {
    input: File,
    watch: Arc<Watch>,
}

impl Read for InterruptiblePipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !is_readable(&self.input, Duration::from_millis(100)) {
            if self.watch.is_over() {
                return Ok(0);
            }
        }
        self.input.read(into)
    }
}

/// Waits at most `wait` until there is something to read, including the end or an error.
pub(super) fn is_readable(input: &impl AsFd, wait: Duration) -> bool {
    let mut list = [PollFd::new(input, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    // An input that cannot be polled is read, which reports what is wrong.
    poll(&mut list, Some(&wait)).map_or_else(|error| error != rustix::io::Errno::INTR, |ready| ready > 0)
}

/// Opens a file, reads its first timestamp, and closes it again.
pub(super) fn first_stamp(path: &Path) -> Result<Timestamp, Error> {
    let mut reader =
        open_path(path, &ReadProgress::default(), &Arc::new(Watch::new(StopCondition::default())))?;
    let mut batch = PacketBatch::default();
    reader.prepare()?;
    while reader.fill(&mut batch, BLOCK)? {
        if let Some(record) = batch.records().next() {
            return Ok(record.at.time);
        }
    }
    Ok(UNKNOWN)
}

pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}
