use std::io::{self, Cursor, Read};

use super::decompress::Compression;
use super::format::Format;
use super::found::{Fault, Found, Problems, StopReason};
use super::unknown::looks_like;
use super::{Error, PacketBatch};
use crate::model::Anomaly;

/// The block size for files that deliver data as fast as it is read.
///
/// Blocks of 1 MiB were no faster, and this size leaves room in a core's cache for the stages that process the packets.
pub(super) const BLOCK: usize = 256 * 1024;
/// A batch whose memory grew beyond this because of one large record releases it.
const KEPT: usize = 2 * 1024 * 1024;
/// Appended to messages that contain an offset in a compressed file.
const AFTER: &str = " (the offset counts bytes after decompression)";
/// The initial block size, and that for a pipe that trickles.
const SMALL_BLOCK: usize = 16 * 1024;

/// A reader of one capture, block by block.
///
/// A block is read directly into the batch; only the start of an incomplete record is carried over to the next one.
pub(super) struct Reader {
    name: Box<str>,
    input: Box<dyn Read + Send>,
    compression: Option<Compression>,
    format: Option<Format>,
    /// Bytes read and not yet parsed.
    tail: Vec<u8>,
    /// The offset of `tail` in the file, after decompression.
    offset: u64,
    /// The current block size, adapted to the amounts of earlier reads.
    block: usize,
    problems: Problems,
    ended: bool,
}

impl Reader {
    /// Creates a reader without reading anything yet.
    pub(super) fn new(name: impl Into<Box<str>>, input: Box<dyn Read + Send>) -> Reader {
        Reader {
            name: name.into(),
            input,
            compression: None,
            format: None,
            tail: Vec::new(),
            offset: 0,
            block: SMALL_BLOCK,
            problems: Problems::default(),
            ended: false,
        }
    }

    /// Reads up to the end of the file header, unless that was done before.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        if self.format.is_some() {
            return Ok(());
        }
        self.read_at_least(4)?;
        if let Some(compression) = Compression::of(&self.tail) {
            let raw = std::mem::replace(&mut self.input, Box::new(io::empty()));
            let start = Cursor::new(std::mem::take(&mut self.tail));
            self.input = compression.reader(start.chain(raw));
            self.compression = Some(compression);
            self.read_at_least(4)?;
        }
        if self.tail.is_empty() {
            return Err(Error::Empty { file: self.file() });
        }
        loop {
            match Format::recognise(&self.tail) {
                Ok((format, length)) => {
                    self.tail.drain(..length);
                    self.offset = length as u64;
                    self.format = Some(format);
                    return Ok(());
                }
                Err(Fault::More { layer, needed }) => {
                    if !self.read_at_least(needed)? {
                        let had = self.tail.len();
                        return Err(Error::Short { file: self.file(), layer, needed, had });
                    }
                }
                Err(Fault::Unknown) => {
                    return Err(Error::NotCapture { file: self.file(), looks: looks_like(&self.tail) });
                }
                Err(Fault::Damaged { layer, offset, problem }) => {
                    return Err(Error::Header {
                        file: self.file(),
                        layer,
                        offset,
                        problem: self.placed(problem),
                    });
                }
            }
        }
    }

    /// Fills `batch` with the records that follow; returns `false` at the end.
    ///
    /// Timestamps are those of the file, and a packet's number is its distance from the packet before: 1, or more if
    /// there are numbered blocks in between.
    ///
    /// It reads only once if that yields something, and at most `most` bytes unless one record is larger. If the file
    /// has [nothing yet](not_yet), it also returns `false`, and can be called again.
    pub(super) fn fill(&mut self, batch: &mut PacketBatch, most: usize) -> Result<bool, Error> {
        batch.items.clear();
        if self.ended {
            batch.bytes.clear();
            return Ok(false);
        }
        match self.prepare() {
            Err(Error::Io { source, .. }) if is_not_yet(&source) => {
                batch.bytes.clear();
                return Ok(false);
            }
            prepared => prepared?,
        }
        let mut filled = self.begin(batch);
        let (mut done, mut last) = (0, false);
        loop {
            let needed = self.parse(batch, filled, &mut done, last);
            self.tell(batch);
            let something = !batch.is_empty();
            if something || self.ended {
                batch.bytes.truncate(filled);
                self.keep(&batch.bytes, done);
                return Ok(something);
            }
            let room = self.make_room(batch, filled, done.saturating_add(needed), most);
            match read(&mut self.input, room) {
                Ok(0) => last = true,
                Ok(count) => {
                    self.learn(count, room.len());
                    filled = filled.saturating_add(count);
                }
                Err(source) if is_not_yet(&source) => {
                    batch.bytes.truncate(filled);
                    self.keep(&batch.bytes, done);
                    return Ok(false);
                }
                Err(source) => match self.compression {
                    // Data that the decompressor rejects is the file's fault.
                    Some(compression) if source.raw_os_error().is_none() => {
                        self.problems.end(filled, compression.problem(&source));
                        self.ended = true;
                    }
                    _ => {
                        self.ended = true;
                        return Err(Error::Io { file: self.file(), source });
                    }
                },
            }
        }
    }

    /// Moves the bytes carried over to the start of the batch.
    fn begin(&mut self, batch: &mut PacketBatch) -> usize {
        if batch.bytes.capacity() > KEPT {
            // It contained an unusually large record.
            batch.bytes = Vec::new();
        }
        // The rest of the batch will be overwritten: clearing it would mean zeroing it again.
        if batch.bytes.len() < self.tail.len() {
            batch.bytes.resize(self.tail.len(), 0);
        }
        if let Some((start, _)) = batch.bytes.split_at_mut_checked(self.tail.len()) {
            start.copy_from_slice(&self.tail);
        }
        self.tail.len()
    }

    /// Parses the records in the batch's first `filled` bytes, starting at `done`; returns how many bytes the next one
    /// needs.
    fn parse(&mut self, batch: &mut PacketBatch, filled: usize, done: &mut usize, last: bool) -> usize {
        let Some(format) = &mut self.format else { return 0 };
        if self.ended {
            return 0;
        }
        let bytes = batch.bytes.get(..filled).unwrap_or_default();
        let mut found = Found { items: &mut batch.items, problems: &mut self.problems };
        let read = format.records(bytes, *done, last, &mut found);
        *done = read.consumed;
        match read.stop {
            StopReason::Fault => 0,
            StopReason::Lost | StopReason::Joined => {
                self.ended = true;
                0
            }
            StopReason::More(needed) => {
                let had = filled.saturating_sub(read.consumed);
                if last && had > 0 {
                    let unit = format.unit();
                    let problem =
                        format!("the file ends inside a {unit}: {needed} bytes are needed, {had} are there");
                    self.problems.end(read.consumed, problem);
                }
                self.ended = last;
                needed
            }
        }
    }

    /// Moves the problems found to the batch.
    fn tell(&mut self, batch: &mut PacketBatch) {
        let noted: Vec<_> = self.problems.drain().collect();
        for (at, problem) in noted {
            batch.push_diagnostic(Anomaly::CaptureDamaged {
                file: self.name.clone(),
                offset: self.offset.saturating_add(at as u64),
                problem: self.placed(problem).into_boxed_str(),
            });
        }
    }

    /// Adds that the offset counts decompressed bytes: in a compressed file, the place cannot be found by its position
    /// on disk.
    fn placed(&self, problem: String) -> String {
        if self.compression.is_some() { problem + AFTER } else { problem }
    }

    /// Carries over the bytes that were not parsed.
    fn keep(&mut self, bytes: &[u8], done: usize) {
        self.tail.clear();
        if !self.ended {
            self.tail.extend_from_slice(bytes.get(done..).unwrap_or_default());
        }
        self.offset = self.offset.saturating_add(done as u64);
    }

    /// Returns the room after the `filled` bytes, enough for `whole` bytes in total, but never much more than was
    /// already received: a false length must not cost memory.
    fn make_room<'a>(
        &self,
        batch: &'a mut PacketBatch,
        filled: usize,
        whole: usize,
        most: usize,
    ) -> &'a mut [u8] {
        let block = self.block.min(most).max(filled.saturating_add(SMALL_BLOCK / 2));
        let size = whole.min(filled.saturating_mul(2)).max(block);
        if batch.bytes.len() < size {
            batch.bytes.resize(size, 0);
        }
        batch.bytes.get_mut(filled..size).unwrap_or_default()
    }

    /// Doubles the block size if a read filled its buffer, and halves it if a read returned little.
    fn learn(&mut self, count: usize, asked: usize) {
        if count == asked {
            self.block = self.block.saturating_mul(2).min(BLOCK);
        } else if count < asked / 4 {
            self.block = (self.block / 2).max(SMALL_BLOCK);
        }
    }

    /// Reads into `tail` until it holds `length` bytes; returns `false` if the file ends before.
    fn read_at_least(&mut self, length: usize) -> Result<bool, Error> {
        while self.tail.len() < length {
            let had = self.tail.len();
            self.tail.resize(had.saturating_add(SMALL_BLOCK), 0);
            let outcome = read(&mut self.input, self.tail.get_mut(had..).unwrap_or_default());
            self.tail.truncate(had.saturating_add(*outcome.as_ref().unwrap_or(&0)));
            match outcome {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(source) => {
                    let file = self.file();
                    return Err(match self.compression {
                        Some(compression) if source.raw_os_error().is_none() => {
                            Error::Compression { file, problem: compression.problem(&source) }
                        }
                        _ => Error::Io { file, source },
                    });
                }
            }
        }
        Ok(true)
    }

    /// Returns the name of the file in errors and diagnostics.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn file(&self) -> String {
        self.name.to_string()
    }
}

/// Returns the error of an input that has nothing yet and does not block.
pub(super) fn not_yet() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

/// Distinguishes this error from the same one returned by the system, which is a failure.
fn is_not_yet(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock && error.raw_os_error().is_none()
}

/// Reads once, and repeats the call only if a signal interrupted it.
fn read(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.map(|count| count.min(into.len())),
        }
    }
}

#[cfg(test)]
mod tests;
