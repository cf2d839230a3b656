//! A capture file that is still being written.

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

/// How often a file is polled once all of it has been read.
const LOOK: Duration = Duration::from_millis(50);
/// How long a file may be missing before that is reported: a rotation takes a moment between renaming one file and
/// creating the next.
const GONE: Duration = Duration::from_secs(1);
/// How much of its beginning identifies a file: at least its header and the timestamp of its first packet.
const HEAD: usize = 512;

/// A source that reads a capture file as it grows, and continues with the next file when it is rotated.
///
/// ```text
///   read ─► the end of the file now ──┬─ it grew ──────────────────────────────► read on
///                                     ├─ another of its family began later ────► read the rest, then that one
///                                     └─ it was overwritten before we were done ─► report it, read the new one
/// ```
///
/// A file's family consists of the files in its folder whose names differ only in numbers, including a number at the
/// very end that the others lack: `a.pcap`, `a.pcap1`, `a.pcap2` as written by `tcpdump -C`, rings of `-W`, timestamps
/// of `-G`, `a_00001_20260101.pcapng` of dumpcap. The next file is the unread member of the family with the earliest
/// first packet that is not earlier than the first packet of the current file. An unreadable file that was modified
/// since then might be the next one: that is reported once, and so is the removal of the current file if no other has
/// followed it.
pub struct Follow {
    path: PathBuf,
    family: String,
    reader: Reader,
    tail: Arc<Tail>,
    /// The files read, each identified by its inode and its beginning.
    read: HashSet<(u64, Vec<u8>)>,
    watch: Arc<Watch>,
    notes: Arc<Notes>,
    packets: u64,
    latest: Timestamp,
    flush: bool,
    /// Whether it was reported that the current file was overwritten.
    reported: bool,
}

/// The state shared by the current file and its observers.
struct Tail {
    path: PathBuf,
    file: File,
    inode: u64,
    /// The modification time when the file was opened: if it has no packets yet, they cannot be earlier.
    opened: Timestamp,
    /// The beginning of the file, once it has a packet.
    beginning: OnceLock<Beginning>,
    family: String,
    watch: Arc<Watch>,
    notes: Arc<Notes>,
    /// Whether it was overwritten while it was read.
    overwritten: AtomicBool,
    /// Since when there has been no file with its name.
    gone: Mutex<Option<Instant>>,
}

/// Problems with files to be reported, each of them once.
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
    /// Opens the file, or the oldest of its family if there is no file with that name.
    pub fn open(path: &Path, until: StopCondition) -> Result<Follow, Error> {
        let (watch, notes) = (Arc::new(Watch::new(until)), Arc::new(Notes::default()));
        let family = family(path);
        let begin = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => oldest(path, &family)?,
            // Any other error is reported when the file is opened.
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

    /// Returns the folder that is searched for files.
    pub fn folder(&self) -> &Path {
        folder(&self.path)
    }

    /// Lists the existing files that may be read when `path` is followed.
    pub fn family(path: &Path) -> Vec<PathBuf> {
        members(path, &family(path)).unwrap_or_default()
    }

    /// Returns whether a file of this name would be read when `path` is followed.
    pub fn is_of_family(path: &Path, name: &Path) -> bool {
        let folders = [path, name].map(|path| folder(path).canonicalize().ok());
        folders[0] == folders[1] && family(path) == family(name)
    }

    /// Continues with the next file, unless there is something to report first; returns `false` at the end.
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
                    // It was removed, or has no header yet: look again.
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
                // The previous batch is to be shown before we wait.
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
                // An incomplete record that we no longer wait for is not damaged.
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

/// Opens a file to be read from its beginning, and waits for its header.
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
    Ok((Reader::new(name, Box::new(TailReader { tail: Arc::clone(&tail), seen })), tail))
}

/// A reader of the current file, which ends only when another file has begun.
struct TailReader {
    tail: Arc<Tail>,
    seen: HashSet<(u64, Vec<u8>)>,
}

impl Read for TailReader {
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
            // A writer that begins the next file has finished this one: the current contents are complete.
            last = self.tail.is_replaced() || successor(&self.tail, &self.seen).is_some();
            if !last {
                self.tail.note_absence();
                // Decompression cannot be interrupted: for a compressed file, the notes are reported with the next
                // packets.
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

    /// Returns whether the file no longer contains what was read of it up to `position`.
    fn is_overwritten(&self, position: u64) -> bool {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() < position) {
            return true;
        }
        let Some(beginning) = self.beginning() else { return false };
        let mut head = vec![0; beginning.head.len()];
        !(self.file.read_exact_at(&mut head, 0).is_ok() && head == beginning.head)
    }

    /// Returns the beginning of the file as it was when first read; `None` while it has no packet.
    fn beginning(&self) -> Option<&Beginning> {
        if self.beginning.get().is_none() {
            // A separate descriptor has a position of its own.
            let beginning = File::open(&self.path).ok().and_then(|file| Beginning::read(&file));
            if let Some(beginning) = beginning.filter(|it| it.inode == self.inode) {
                let _ = self.beginning.set(beginning);
            }
        }
        self.beginning.get()
    }

    /// Returns whether the name now refers to another file, and that file has packets.
    fn is_replaced(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.ino() != self.inode)
            && self.look(&self.path).is_some()
    }

    /// Reads the beginning of another file; notes if that is not permitted.
    fn look(&self, path: &Path) -> Option<Beginning> {
        Beginning::of(path).unwrap_or_else(|error| {
            let least = self.beginning().map_or(self.opened, |it| it.first);
            // A file last modified before our first packet cannot be the next one.
            if fs::metadata(path).map_or(true, |metadata| written(&metadata) >= least) {
                self.notes.note(path, format!("it cannot be read: {error}"));
            }
            None
        })
    }

    /// Notes that the file was removed, once it has been missing for long enough.
    fn note_absence(&self) {
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

/// Finds the file with the earliest first packet, used if there is no file with the given name.
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

/// Finds the next file.
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
    /// Opens a file to read its beginning, because reading would move the position of a shared descriptor. Fails only
    /// if that is not permitted.
    fn of(path: &Path) -> io::Result<Option<Beginning>> {
        // Opening a pipe would block until there is a writer.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(None);
        }
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
            file => Ok(file.ok().and_then(|file| Beginning::read(&file))),
        }
    }

    /// Reads up to the first packet; `None` if there is none yet.
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
    // They are spelled the way `path` is.
    let entries = fs::read_dir(folder(path))?.flatten().map(|entry| path.with_file_name(entry.file_name()));
    Ok(entries.filter(|path| family(path) == name).collect())
}

/// Returns the part of a file's name that is the same throughout its family.
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
