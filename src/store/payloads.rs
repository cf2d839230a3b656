use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// The size of a chunk, in bytes.
pub(super) const CHUNK: usize = 4 << 20;
const CHUNK_64: u64 = CHUNK as u64;

/// The number of cached chunks read back from the file.
const CACHED: usize = 2;

/// The location of a payload's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// In memory.
    Memory,
    /// In the temporary file.
    File,
    /// Dropped to stay within the bounds.
    Dropped,
}

/// Payloads in order of arrival: the newest in memory, older ones in a file, the oldest dropped.
///
/// A place is an offset into all bytes ever written. A payload is contained in a single chunk unless it is larger than
/// a chunk.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// The chunks in memory, oldest first; all except the last are complete.
    chunks: VecDeque<Arc<Vec<u8>>>,
    /// The number of the first chunk in memory.
    first: u64,
    /// The number of the first chunk that was not dropped.
    oldest: u64,
    /// The number of payload bytes in each chunk, from the oldest on; data after payloads and free space are not
    /// counted.
    held: VecDeque<u64>,
    /// The number of payload bytes dropped, and the number in the file.
    dropped: u64,
    filed: u64,
    end: u64,
    spool: Option<Arc<File>>,
    /// The maximum number of chunks in the file; chunk `n` is in slot `n` modulo this number.
    slots: Option<u64>,
    failed: Option<io::Error>,
    cache: VecDeque<(u64, Arc<Vec<u8>>)>,
    scratch: Vec<u8>,
}

/// A chunk to be written to the file without holding the store.
#[derive(Debug)]
pub(super) struct Job {
    file: Arc<File>,
    chunk: Arc<Vec<u8>>,
    number: u64,
    slot: u64,
}

impl Job {
    /// Writes the chunk.
    pub(super) fn run(self) -> Done {
        // Positioned, because the screen reads the same file meanwhile.
        let result = self.file.write_all_at(&self.chunk, self.slot.saturating_mul(CHUNK_64));
        Done { number: self.number, result }
    }
}

/// The result of a [`Job`].
#[derive(Debug)]
pub(super) struct Done {
    number: u64,
    result: io::Result<()>,
}

impl Payloads {
    /// Appends a payload and the data after it, in one piece if it fits in a chunk, and returns its place.
    pub(super) fn push(&mut self, parts: [&[u8]; 3]) -> u64 {
        let length = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        let used = self.chunks.back().map_or(CHUNK, |chunk| chunk.len());
        if length > CHUNK.saturating_sub(used) && length <= CHUNK {
            self.begin();
        }
        if self.end.is_multiple_of(CHUNK_64) && length > 0 && self.end / CHUNK_64 >= self.next() {
            self.begin();
        }
        let place = self.end;
        for (n, mut part) in parts.into_iter().enumerate() {
            while !part.is_empty() {
                let room = self.chunks.back().map_or(0, |chunk| CHUNK.saturating_sub(chunk.len()));
                if room == 0 {
                    self.begin();
                    continue;
                }
                let (now, later) = part.split_at_checked(room).unwrap_or((part, &[]));
                if let Some(chunk) = self.chunks.back_mut() {
                    Arc::make_mut(chunk).extend_from_slice(now);
                }
                if let Some(held) = self.held.back_mut().filter(|_| n == 0) {
                    *held = held.saturating_add(now.len() as u64);
                }
                self.end = self.end.saturating_add(now.len() as u64);
                part = later;
            }
        }
        place
    }

    /// Begins a chunk, leaving the free space of the last one unused.
    fn begin(&mut self) {
        self.end = self.next().saturating_mul(CHUNK_64);
        self.chunks.push_back(Arc::new(Vec::with_capacity(CHUNK)));
        self.held.push_back(0);
    }

    /// Returns the number of the next chunk.
    fn next(&self) -> u64 {
        self.first.saturating_add(self.chunks.len() as u64)
    }

    /// Returns the memory use in bytes.
    pub(super) fn allocated(&self) -> u64 {
        (self.chunks.len().saturating_add(self.cache.len()) as u64).saturating_mul(CHUNK_64)
    }

    /// Returns the number of payload bytes in the file and the number dropped.
    pub(super) const fn spooled(&self) -> (u64, u64) {
        (self.filed, self.dropped)
    }

    /// Removes the oldest chunk from memory and counts it as being in the file.
    fn leave(&mut self) {
        let at = usize::try_from(self.first.saturating_sub(self.oldest)).unwrap_or(usize::MAX);
        self.filed = self.filed.saturating_add(self.held.get(at).copied().unwrap_or(0));
        self.chunks.pop_front();
        self.first = self.first.saturating_add(1);
    }

    /// Drops the chunks before `oldest`, none of which is in memory any more.
    fn drop_before(&mut self, oldest: u64) {
        while self.oldest < oldest {
            let gone = self.held.pop_front().unwrap_or(0);
            self.filed = self.filed.saturating_sub(gone);
            self.dropped = self.dropped.saturating_add(gone);
            self.oldest = self.oldest.saturating_add(1);
        }
        self.cache.retain(|(number, _)| *number >= oldest);
    }

    /// Takes the error that makes the file unusable, if any.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// Returns a job for the oldest chunk in memory if memory use exceeds `memory`.
    pub(super) fn job(&mut self, memory: u64, spool: u64) -> Option<Job> {
        if self.chunks.len() < 3 || self.allocated() <= memory {
            return None;
        }
        let slots = spool / CHUNK_64;
        if slots > 0 && self.spool.is_none() && self.failed.is_none() {
            match unlinked_file() {
                Ok(file) => (self.spool, self.slots) = (Some(Arc::new(file)), Some(slots)),
                Err(e) => self.failed = Some(e),
            }
        }
        let (Some(file), Some(slot)) = (self.spool.clone(), self.first.checked_rem(slots)) else {
            self.forget();
            return self.job(memory, 0);
        };
        // Its slot may hold the oldest chunk of the file, which is dropped before it is overwritten.
        self.drop_before(self.first.saturating_add(1).saturating_sub(slots));
        let chunk = Arc::clone(self.chunks.front()?);
        Some(Job { file, chunk, number: self.first, slot })
    }

    /// Takes the result of a job.
    pub(super) fn done(&mut self, done: Done) {
        if done.number != self.first {
            return;
        }
        match done.result {
            Ok(()) => self.leave(),
            Err(e) => {
                self.failed = Some(e);
                self.forget();
            }
        }
    }

    /// Drops the oldest chunk in memory and all before it.
    fn forget(&mut self) {
        self.leave();
        self.drop_before(self.first);
        self.cache.clear();
    }

    /// Returns the location of the bytes at `place`.
    pub(super) fn kept(&self, place: u64) -> PayloadLocation {
        match place / CHUNK_64 {
            number if number >= self.first => PayloadLocation::Memory,
            number if number >= self.oldest => PayloadLocation::File,
            _ => PayloadLocation::Dropped,
        }
    }

    /// Returns the bytes at `place`, or `None` if they were dropped or cannot be read back.
    pub(super) fn read(&mut self, place: u64, length: usize) -> Option<&[u8]> {
        if length == 0 {
            return Some(&[]);
        }
        let offset = usize::try_from(place % CHUNK_64).ok()?;
        let number = place / CHUNK_64;
        if offset.saturating_add(length) <= CHUNK {
            self.load(number)?;
            return self.chunk(number)?.get(offset..offset.saturating_add(length));
        }
        self.scratch.clear();
        let (mut number, mut offset) = (number, offset);
        while self.scratch.len() < length {
            self.load(number)?;
            let wanted = length.saturating_sub(self.scratch.len());
            let mut scratch = std::mem::take(&mut self.scratch);
            let chunk = self.chunk(number)?;
            let piece = chunk.get(offset..offset.saturating_add(wanted).min(chunk.len())).unwrap_or_default();
            let nothing = piece.is_empty();
            scratch.extend_from_slice(piece);
            self.scratch = scratch;
            if nothing {
                return None;
            }
            (number, offset) = (number.saturating_add(1), 0);
        }
        Some(&self.scratch)
    }

    fn chunk(&self, number: u64) -> Option<&Vec<u8>> {
        match number.checked_sub(self.first) {
            Some(at) => self.chunks.get(usize::try_from(at).ok()?).map(|chunk| &**chunk),
            None => self.cache.iter().find(|(other, _)| *other == number).map(|(_, chunk)| &**chunk),
        }
    }

    /// Reads a chunk back from the file unless it is in memory.
    fn load(&mut self, number: u64) -> Option<()> {
        if number >= self.first || self.cache.iter().any(|(other, _)| *other == number) {
            return Some(());
        }
        if number < self.oldest {
            return None;
        }
        let slots = self.slots?;
        let file = self.spool.as_deref()?;
        let mut chunk = if self.cache.len() >= CACHED {
            self.cache.pop_front().and_then(|(_, chunk)| Arc::try_unwrap(chunk).ok()).unwrap_or_default()
        } else {
            Vec::new()
        };
        chunk.resize(CHUNK, 0);
        let start = number.checked_rem(slots)?.saturating_mul(CHUNK_64);
        let read = fill(file, &mut chunk, start).ok()?;
        chunk.truncate(read);
        self.cache.push_back((number, Arc::new(chunk)));
        Some(())
    }
}

/// Reads from offset `start` until `bytes` is full or the file ends, and returns the number of bytes read.
fn fill(file: &File, bytes: &mut [u8], start: u64) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, start.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// Creates a file without a name, so that it disappears with the process however that ends.
///
/// It is created in `TMPDIR`; by default in `/var/tmp` rather than `/tmp`, which is often in memory.
pub fn unlinked_file() -> io::Result<File> {
    match std::env::var_os("TMPDIR") {
        Some(chosen) => tempfile::tempfile_in(chosen),
        None => tempfile::tempfile_in("/var/tmp").or_else(|_| tempfile::tempfile()),
    }
}
