use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// How many bytes a chunk has.
pub(super) const CHUNK: usize = 4 << 20;
const CHUNK_64: u64 = CHUNK as u64;

/// How many chunks read back from the file are kept.
const CACHED: usize = 2;

/// The place of a payload's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// In memory.
    Memory,
    /// In the temporary file.
    File,
    /// Nowhere: dropped to stay within the bounds.
    Dropped,
}

/// Payloads one after the other: the newest in memory, older ones in a file, the oldest nowhere.
///
/// A place is an offset into all bytes ever written. Bytes of one payload lie in one chunk unless they are more
/// than a chunk holds.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// The chunks in memory, oldest first; all but the last are complete.
    chunks: VecDeque<Arc<Vec<u8>>>,
    /// The number of the first chunk in memory.
    first: u64,
    /// The number of the first chunk that is not dropped.
    oldest: u64,
    /// How many payload bytes lie in each chunk from the oldest on: what stands behind payloads is not counted, nor
    /// what is free.
    held: VecDeque<u64>,
    /// How many payload bytes were dropped, and how many lie in the file.
    dropped: u64,
    filed: u64,
    end: u64,
    spool: Option<Arc<File>>,
    /// How many chunks the file may hold; chunk `n` lies in slot `n` modulo it.
    slots: Option<u64>,
    failed: Option<io::Error>,
    cache: VecDeque<(u64, Arc<Vec<u8>>)>,
    scratch: Vec<u8>,
}

/// A chunk that is to be written to the file, by whoever does not hold the store.
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
        // At a place, not where the file stands: the screen reads the same file meanwhile.
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
    /// Appends a payload and what stands behind it, in one piece where they fit in a chunk, and tells their place.
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

    /// Begins a chunk; what is free in the last one stays so.
    fn begin(&mut self) {
        self.end = self.next().saturating_mul(CHUNK_64);
        self.chunks.push_back(Arc::new(Vec::with_capacity(CHUNK)));
        self.held.push_back(0);
    }

    /// Returns the number that the next chunk will have.
    fn next(&self) -> u64 {
        self.first.saturating_add(self.chunks.len() as u64)
    }

    /// Returns the memory taken, in bytes.
    pub(super) fn allocated(&self) -> u64 {
        (self.chunks.len().saturating_add(self.cache.len()) as u64).saturating_mul(CHUNK_64)
    }

    /// Returns how many payload bytes lie in the file, and how many were dropped.
    pub(super) const fn spooled(&self) -> (u64, u64) {
        (self.filed, self.dropped)
    }

    /// Takes chunk `first`, the oldest in memory, as one that lies in the file from now on.
    fn leave(&mut self) {
        let at = usize::try_from(self.first.saturating_sub(self.oldest)).unwrap_or(usize::MAX);
        self.filed = self.filed.saturating_add(self.held.get(at).copied().unwrap_or(0));
        self.chunks.pop_front();
        self.first = self.first.saturating_add(1);
    }

    /// Drops the chunks before `oldest`, all of which have left memory.
    fn drop_before(&mut self, oldest: u64) {
        while self.oldest < oldest {
            let gone = self.held.pop_front().unwrap_or(0);
            self.filed = self.filed.saturating_sub(gone);
            self.dropped = self.dropped.saturating_add(gone);
            self.oldest = self.oldest.saturating_add(1);
        }
        self.cache.retain(|(number, _)| *number >= oldest);
    }

    /// Returns why the file cannot be used, once.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// Returns the oldest chunk in memory as a job, if there is more in memory than `memory` allows.
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
        // Its slot may hold the oldest chunk of the file, which goes before it is written over.
        self.drop_before(self.first.saturating_add(1).saturating_sub(slots));
        let chunk = Arc::clone(self.chunks.front()?);
        Some(Job { file, chunk, number: self.first, slot })
    }

    /// Hears how a job went.
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

    /// Returns where `length` bytes at `place` are.
    pub(super) fn kept(&self, place: u64) -> PayloadLocation {
        match place / CHUNK_64 {
            number if number >= self.first => PayloadLocation::Memory,
            number if number >= self.oldest => PayloadLocation::File,
            _ => PayloadLocation::Dropped,
        }
    }

    /// Lends the bytes at `place`; `None` where they were dropped or cannot be read back.
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

    /// Reads a chunk back from the file where that is where it is.
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

/// Reads from `start` on until `bytes` are full or the file ends, and tells how much that was.
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

/// Makes a file that has no name, so that it is gone when we are, however we end.
///
/// It lies in the folder that `TMPDIR` names; else in `/var/tmp` rather than `/tmp`, which often is memory.
pub fn unlinked_file() -> io::Result<File> {
    match std::env::var_os("TMPDIR") {
        Some(chosen) => tempfile::tempfile_in(chosen),
        None => tempfile::tempfile_in("/var/tmp").or_else(|_| tempfile::tempfile()),
    }
}
