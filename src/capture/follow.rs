//! A capture file that somebody else is still writing.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::decompress::Compression;
use super::file::{BLOCK, Reader, not_yet};
use super::identity::folder;
use super::stop_condition::Watch;
use super::{Error, Item, Next, PacketBatch, Source, StopCondition};
use crate::model::{Anomaly, Timestamp};

/// How often a file at whose end we are is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a file may be gone before that is reported: whoever renames it takes a moment to begin the next one.
const GONE: Duration = Duration::from_secs(1);
/// How much of a file's beginning names it: its header and the stamp of its first packet, at least.
const HEAD: usize = 512;

/// A source that reads a capture file as it grows, and goes on with the file that follows it when it is rotated.
///
/// ```text
///   read ─► the end of what is there ─┬─ it grew ──────────────────────────────► read on
///                                     ├─ another of its family began later ────► read the rest, then that one
///                                     └─ it was written over before we were done ► say so, read the new one
/// ```
///
/// A file's family are those beside it whose names differ in numbers alone, a number at the very end included that
/// others do not have: `a.pcap`, `a.pcap1`, `a.pcap2` as `tcpdump -C` writes, rings of `-W`, stamps of
/// `-G`, `a_00001_20260101.pcapng` of dumpcap. Of the family, the next one is that whose first packet is the
/// earliest, but not earlier than the first packet of the file at hand, and that was not read before. One that was
/// written to since then and that we may not read could be it: that is reported once, and so is that the file at hand was
/// taken away and none has followed.
pub struct Follow {
    path: PathBuf,
    family: String,
    reader: Reader,
    tail: Arc<Tail>,
    /// Files read, each by its inode and its beginning.
    read: HashSet<(u64, Vec<u8>)>,
    watch: Arc<Watch>,
    notes: Arc<Notes>,
    packets: u64,
    latest: Timestamp,
    flush: bool,
    /// That the file at hand was written over was said.
    reported: bool,
}

/// The state that the file at hand and those who look at it share.
struct Tail {
    path: PathBuf,
    file: File,
    inode: u64,
    /// When the file was last written to as it was opened: its packets cannot be earlier if it has none yet.
    opened: Timestamp,
    /// What it begins with, once it has a packet.
    beginning: OnceLock<Beginning>,
    family: String,
    watch: Arc<Watch>,
    notes: Arc<Notes>,
    /// It was written over while it was read.
    overwritten: AtomicBool,
    /// Since when there is no file of its name.
    gone: Mutex<Option<Instant>>,
}

/// The faults of files that are to be reported, each of them once.
#[derive(Default)]
struct Notes(Mutex<(HashSet<PathBuf>, Vec<Anomaly>)>);

impl Notes {
    fn note(&self, path: &Path, problem: impl Into<Box<str>>) {
        let (reported, pending) = &mut *self.lock();
        if reported.insert(path.to_owned()) {
            let file = path.display().to_string().into();
            pending.push(Anomaly::NotFollowed { file, problem: problem.into() });
        }
    }

    fn is_empty(&self) -> bool {
        self.lock().1.is_empty()
    }

    fn take(&self) -> Vec<Anomaly> {
        std::mem::take(&mut self.lock().1)
    }

    fn lock(&self) -> MutexGuard<'_, (HashSet<PathBuf>, Vec<Anomaly>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follow {
    /// Opens the file; where there is none of that name, the oldest of its family.
    pub fn open(path: &Path, until: StopCondition) -> Result<Follow, Error> {
        let (watch, notes) = (Arc::new(Watch::new(until)), Arc::new(Notes::default()));
        let family = family(path);
        let begin = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => oldest(path, &family)?,
            // What is wrong otherwise is reported where it is opened.
            _ => path.to_owned(),
        };
        let read = HashSet::new();
        let (reader, tail) = start(&begin, &family, (&watch, &notes), &read)?;
        Ok(Follow {
            path: begin,
            family,
            reader,
            tail,
            read,
            watch,
            notes,
            packets: 0,
            latest: Timestamp::from_nanos(i64::MIN),
            flush: false,
            reported: false,
        })
    }

    /// Returns the folder in which files are looked for.
    pub fn folder(&self) -> &Path {
        folder(&self.path)
    }

    /// Lists the files that may be read when `path` is followed, as far as they are there.
    pub fn family(path: &Path) -> Vec<PathBuf> {
        members(path, &family(path)).unwrap_or_default()
    }

    /// Returns whether a file of this name would be read when `path` is followed.
    pub fn is_of_family(path: &Path, name: &Path) -> bool {
        let folders = [path, name].map(|path| folder(path).canonicalize().ok());
        folders[0] == folders[1] && family(path) == family(name)
    }

    /// Goes on with the next file, unless there is something to tell first; `false` at the end.
    fn turn(&mut self) -> Result<bool, Error> {
        loop {
            if self.watch.is_over() {
                return Ok(false);
            }
            if !self.notes.is_empty() {
                return Ok(true);
            }
            let overwritten = self.tail.overwritten.load(Ordering::Relaxed);
            let next = if overwritten { Some(self.tail.path.clone()) } else { None };
            if let Some(next) = next.or_else(|| successor(&self.tail, &self.read)) {
                if let Some(beginning) = self.tail.beginning() {
                    self.read.insert((beginning.inode, beginning.head.clone()));
                }
                match start(&next, &self.family, (&self.watch, &self.notes), &self.read) {
                    Ok((reader, tail)) => {
                        (self.reader, self.tail, self.path, self.reported) = (reader, tail, next, false);
                        return Ok(true);
                    }
                    // It was taken away, or has no header yet: look again.
                    Err(Error::Io { .. } | Error::Empty { .. } | Error::Short { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Source for Follow {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        loop {
            if self.watch.is_over() {
                batch.clear();
                return Ok(Next::End);
            }
            if std::mem::take(&mut self.flush) && self.tail.is_at_end() {
                // What was handed on is to be shown before we wait.
                batch.clear();
                return Ok(Next::Idle(self.latest));
            }
            let filled = self.reader.fill(batch, BLOCK)?;
            let overwritten =
                self.tail.overwritten.load(Ordering::Relaxed) && !std::mem::replace(&mut self.reported, true);
            if overwritten {
                drop_diagnostics(batch);
                batch.push_diagnostic(Anomaly::CaptureDamaged {
                    file: self.path.display().to_string().into(),
                    offset: self.tail.position(),
                    problem: "the file was written over before all of it was read".into(),
                });
            }
            let over = self.watch.is_over();
            if over {
                // A record that we no longer wait for is not a damaged one.
                drop_diagnostics(batch);
            }
            let is_filled = filled && !(over && batch.is_empty());
            let notes = self.notes.take();
            let noted = !notes.is_empty();
            notes.into_iter().for_each(|note| batch.push_diagnostic(note));
            if is_filled || overwritten || noted {
                break;
            }
            if !self.turn()? {
                batch.clear();
                return Ok(Next::End);
            }
        }
        self.flush = true;
        let mut records = batch.records_mut().peekable();
        if records.peek().is_some() {
            self.watch.packet();
        }
        for record in records {
            self.packets = self.packets.saturating_add(record.at.packet);
            self.latest = self.latest.max(record.at.time);
            record.at.packet = self.packets;
            record.at.time = self.latest;
        }
        Ok(Next::Filled)
    }
}

fn drop_diagnostics(batch: &mut PacketBatch) {
    batch.items.retain(|item| !matches!(item, Item::Diagnostic(_)));
}

/// Opens a file that is to be read from its beginning; waits for its header.
fn start(
    path: &Path,
    family: &str,
    (watch, notes): (&Arc<Watch>, &Arc<Notes>),
    read: &HashSet<(u64, Vec<u8>)>,
) -> Result<(Reader, Arc<Tail>), Error> {
    let name = path.display().to_string();
    let failed = |source| Error::Io { file: name.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::Directory { file: name });
    }
    let tail = Arc::new(Tail {
        path: path.to_owned(),
        inode: metadata.ino(),
        opened: written(&metadata),
        beginning: OnceLock::new(),
        family: family.to_owned(),
        watch: Arc::clone(watch),
        notes: Arc::clone(notes),
        overwritten: AtomicBool::new(false),
        gone: Mutex::new(None),
        file,
    });
    tail.beginning();
    let seen = read.clone();
    Ok((Reader::new(name, Box::new(Growing { tail: Arc::clone(&tail), seen })), tail))
}

/// A reader of the file at hand; its end is the end only when another file has begun.
struct Growing {
    tail: Arc<Tail>,
    seen: HashSet<(u64, Vec<u8>)>,
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut last = false;
        loop {
            let position = (&self.tail.file).stream_position()?;
            let count = (&self.tail.file).read(into)?;
            if self.tail.is_overwritten(position) {
                self.tail.overwritten.store(true, Ordering::Relaxed);
                return Ok(0);
            }
            if count > 0 || last || self.tail.watch.is_over() {
                return Ok(count);
            }
            // Who begins the next file is done with this one: what there is now is all of it.
            last = self.tail.is_replaced() || successor(&self.tail, &self.seen).is_some();
            if !last {
                self.tail.heed_absence();
                // What is compressed cannot be left in the middle: there, it is told with what comes next.
                if !self.tail.notes.is_empty() && !self.tail.is_compressed() {
                    return Err(not_yet());
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

impl Tail {
    fn position(&self) -> u64 {
        (&self.file).stream_position().unwrap_or(0)
    }

    fn is_at_end(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.len() <= self.position())
    }

    /// Returns whether the file holds something else than what was read of it up to `position`.
    fn is_overwritten(&self, position: u64) -> bool {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() < position) {
            return true;
        }
        let Some(beginning) = self.beginning() else { return false };
        let mut head = vec![0; beginning.head.len()];
        !(self.file.read_exact_at(&mut head, 0).is_ok() && head == beginning.head)
    }

    /// Returns what the file begins with, as it was when it was first looked at; `None` while it has no packet.
    fn beginning(&self) -> Option<&Beginning> {
        if self.beginning.get().is_none() {
            // Through another descriptor, whose position is its own.
            let beginning = File::open(&self.path).ok().and_then(|file| Beginning::read(&file));
            if let Some(beginning) = beginning.filter(|it| it.inode == self.inode) {
                let _ = self.beginning.set(beginning);
            }
        }
        self.beginning.get()
    }

    /// Returns whether another file has this name now, and has packets.
    fn is_replaced(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.ino() != self.inode)
            && self.look(&self.path).is_some()
    }

    /// Looks what another file begins with; notes where that is not allowed.
    fn look(&self, path: &Path) -> Option<Beginning> {
        Beginning::of(path).unwrap_or_else(|error| {
            let least = self.beginning().map_or(self.opened, |it| it.first);
            // What was written last before our first packet is not what follows.
            if fs::metadata(path).map_or(true, |metadata| written(&metadata) >= least) {
                self.notes.note(path, format!("it cannot be read: {error}"));
            }
            None
        })
    }

    /// Notes that the file was taken away, once that has lasted.
    fn heed_absence(&self) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let is_gone =
            fs::symlink_metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !is_gone {
            *gone = None;
        } else if gone.get_or_insert_with(Instant::now).elapsed() >= GONE {
            self.notes.note(&self.path, "it was deleted or renamed, and none has followed yet");
        }
    }

    fn is_compressed(&self) -> bool {
        self.beginning().is_some_and(|it| Compression::of(&it.head).is_some())
    }
}

fn written(metadata: &fs::Metadata) -> Timestamp {
    Timestamp::new(metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0))
}

/// Finds the file whose first packet is the earliest, for where there is none of the name.
fn oldest(path: &Path, family: &str) -> Result<PathBuf, Error> {
    let mut oldest: Option<(Timestamp, PathBuf)> = None;
    let mut fault = Error::Io { file: path.display().to_string(), source: rustix::io::Errno::NOENT.into() };
    for member in members(path, family).unwrap_or_default() {
        match Beginning::of(&member) {
            Ok(Some(it)) if oldest.as_ref().is_none_or(|(first, _)| it.first < *first) => {
                oldest = Some((it.first, member));
            }
            Ok(_) => {}
            Err(source) => fault = Error::Io { file: member.display().to_string(), source },
        }
    }
    oldest.map(|(_, path)| path).ok_or(fault)
}

/// Finds the file that follows.
fn successor(tail: &Tail, read: &HashSet<(u64, Vec<u8>)>) -> Option<PathBuf> {
    let this = tail.beginning();
    let least = this.map_or(tail.opened, |it| it.first);
    let candidate = |path: PathBuf| {
        let beginning = tail.look(&path)?;
        let is = |inode: u64, head: &[u8]| inode == beginning.inode && beginning.head.starts_with(head);
        let known = is(tail.inode, this.map_or(&[], |it| &it.head))
            || read.iter().any(|(inode, head)| is(*inode, head));
        (!known && beginning.first >= least).then_some((beginning.first, path))
    };
    let members = members(&tail.path, &tail.family).unwrap_or_else(|error| {
        tail.notes.note(folder(&tail.path), format!("what lies in it cannot be listed: {error}"));
        Vec::new()
    });
    members.into_iter().filter_map(candidate).min().map(|(_, path)| path)
}

/// The first bytes of a file.
#[derive(Debug)]
struct Beginning {
    inode: u64,
    head: Vec<u8>,
    first: Timestamp,
}

impl Beginning {
    /// Opens a file for it: a descriptor that others read through would be moved. Fails only where that is not allowed.
    fn of(path: &Path) -> io::Result<Option<Beginning>> {
        // Opening a pipe would wait for who writes to it.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(None);
        }
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
            file => Ok(file.ok().and_then(|file| Beginning::read(&file))),
        }
    }

    /// Reads up to the first packet; `None` where there is none yet.
    fn read(file: &File) -> Option<Beginning> {
        let inode = file.metadata().ok()?.ino();
        let mut reader = Reader::new("", Box::new(file.try_clone().ok()?.take(BLOCK as u64)));
        let mut batch = PacketBatch::default();
        let mut first = None;
        while first.is_none() && reader.fill(&mut batch, BLOCK).ok()? {
            first = batch.records().next().map(|record| record.at.time);
        }
        let first = first?;
        let mut head = vec![0; HEAD];
        let count = file.read_at(&mut head, 0).ok()?;
        head.truncate(count);
        Some(Beginning { inode, head, first })
    }
}

/// Lists the files of a family.
fn members(path: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    // As `path` is spelled, so are they.
    let entries = fs::read_dir(folder(path))?.flatten().map(|entry| path.with_file_name(entry.file_name()));
    Ok(entries.filter(|path| family(path) == name).collect())
}

/// Returns a file's name without what differs in its family.
fn family(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut family = String::with_capacity(name.len());
    for c in name.trim_end_matches(|c: char| c.is_ascii_digit()).chars() {
        let c = if c.is_ascii_digit() { '#' } else { c };
        if c != '#' || !family.ends_with('#') {
            family.push(c);
        }
    }
    family
}

#[cfg(test)]
mod tests;
