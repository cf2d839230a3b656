//! The files that packets are saved to, one after the other.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::block;
use crate::capture::{Counts, Description, FileId};
use crate::model::{LinkType, Timestamp};

/// The files that packets are saved to, and the sizes and times at which a new one begins.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The file, `-` for standard output. If there are to be several, a number is inserted before the extension.
    pub file: PathBuf,
    /// A file is full when it has this many bytes.
    pub most_bytes: Option<u64>,
    /// A file is full this long after its first packet.
    pub most_time: Option<Duration>,
    /// How many files are kept; the oldest is removed when another begins.
    pub files: Option<usize>,
    /// Files that are never overwritten, such as inputs.
    pub spared: Vec<FileId>,
    /// Whether secrets found along with the packets are also written, if saved connections need them; each file repeats
    /// them.
    pub with_secrets: bool,
}

impl Target {
    /// Returns whether packets go to standard output.
    pub fn is_stdout(&self) -> bool {
        self.file == Path::new("-")
    }

    /// Returns whether there are to be several files.
    pub const fn is_rotated(&self) -> bool {
        self.most_bytes.is_some() || self.most_time.is_some()
    }

    /// Returns the name of the file with this number, from 1.
    pub fn name(&self, number: u64) -> PathBuf {
        if !self.is_rotated() {
            return self.file.clone();
        }
        let mut name = self.file.file_stem().unwrap_or_default().to_owned();
        name.push(format!("_{number:05}"));
        if let Some(extension) = self.file.extension() {
            name.push(".");
            name.push(extension);
        }
        self.file.with_file_name(name)
    }

    /// Returns whether this is the name, without its folder, of one of its files, whatever the number.
    pub fn makes(&self, name: &OsStr) -> bool {
        if !self.is_rotated() {
            return self.file.file_name() == Some(name);
        }
        let stem = self.file.file_stem().unwrap_or_default().as_encoded_bytes();
        let rest = name.as_encoded_bytes().strip_prefix(stem).and_then(|rest| rest.strip_prefix(b"_"));
        let digits = rest.map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
        let number = rest.and_then(|rest| str::from_utf8(rest.get(..digits)?).ok()?.parse().ok());
        number.is_some_and(|number| self.name(number).file_name() == Some(name))
    }
}

/// The file being written, and those before it.
pub(super) struct RotatingFile {
    pub(super) target: Target,
    /// The interfaces of a live capture come first; others are added as their link types are encountered.
    interfaces: Vec<Description>,
    counts: Option<Counts>,
    pub(super) file: Option<File>,
    path: PathBuf,
    /// Complete blocks that are not written yet.
    pub(super) pending: Vec<u8>,
    /// Bytes in the file, all of them complete blocks.
    written: u64,
    number: u64,
    kept: VecDeque<PathBuf>,
    first: Option<Timestamp>,
    last: Timestamp,
    pub(super) packets: u64,
    /// Packets in this file.
    here: u64,
    /// The newest of the secrets so far, for the files to come, and their total length.
    secrets: VecDeque<Box<[u8]>>,
    secret_bytes: usize,
    /// Whether some were dropped, which is to be reported.
    pub(super) dropped: bool,
}

/// How many bytes of blocks are buffered at most before they are written.
pub(super) const PENDING: usize = 1 << 20;
/// How many bytes of secrets are kept at most for later files, and written into each.
pub(super) const SECRETS: usize = 4 << 20;

impl RotatingFile {
    pub(super) fn new(target: Target, interfaces: Vec<Description>, counts: Option<Counts>) -> RotatingFile {
        RotatingFile {
            path: target.name(1),
            target,
            interfaces,
            counts,
            file: None,
            pending: Vec::new(),
            written: 0,
            number: 0,
            kept: VecDeque::new(),
            first: None,
            last: Timestamp::default(),
            packets: 0,
            here: 0,
            secrets: VecDeque::new(),
            secret_bytes: 0,
            dropped: false,
        }
    }

    /// Returns the current file's name for messages.
    pub(super) fn label(&self) -> String {
        if self.target.is_stdout() { "standard output".to_owned() } else { self.path.display().to_string() }
    }

    /// Begins the next file.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.number = self.number.saturating_add(1);
        self.path = self.target.name(self.number);
        // Packets are private: a file created here is accessible only to its owner. An existing file keeps its
        // permissions.
        self.file = Some(if self.target.is_stdout() {
            File::from(io::stdout().as_fd().try_clone_to_owned()?)
        } else {
            create(&self.path, &self.target.spared)?
        });
        (self.written, self.first, self.here) = (0, None, 0);
        self.kept.push_back(self.path.clone());
        if let Some(most) = self.target.files {
            while self.kept.len() > most.max(1)
                && let Some(oldest) = self.kept.pop_front()
            {
                // It may have been removed already.
                let _ = fs::remove_file(oldest);
            }
        }
        block::section(&mut self.pending);
        for interface in &self.interfaces {
            block::interface(&mut self.pending, interface);
        }
        for text in &self.secrets {
            block::secrets(&mut self.pending, text);
        }
        self.flush()
    }

    /// Begins the next file if this one is full; `time` is that of the next packet.
    pub(super) fn turn(&mut self, time: Timestamp) -> io::Result<()> {
        let bytes = self.written.saturating_add(self.pending.len() as u64);
        let full = self.target.most_bytes.is_some_and(|most| bytes >= most)
            || self.target.most_time.zip(self.first).is_some_and(|(most, first)| time.since(first) >= most);
        if full && self.here > 0 {
            self.end()?;
            self.begin()?;
        }
        self.first.get_or_insert(time);
        self.last = time;
        Ok(())
    }

    pub(super) fn count(&mut self) {
        self.packets = self.packets.saturating_add(1);
        self.here = self.here.saturating_add(1);
    }

    /// Returns the number of an interface in the file, adding one if there is none of that link type.
    pub(super) fn interface(&mut self, live: u16, link: LinkType) -> u32 {
        let fits = |n: usize, it: &[Description]| it.get(n).is_some_and(|interface| interface.link == link);
        if fits(live.into(), &self.interfaces) {
            return live.into();
        }
        let found = self.interfaces.iter().position(|interface| interface.link == link);
        let n = found.unwrap_or_else(|| {
            let interface = Description { link, ..Description::default() };
            block::interface(&mut self.pending, &interface);
            self.interfaces.push(interface);
            self.interfaces.len().saturating_sub(1)
        });
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    pub(super) fn secrets(&mut self, text: &[u8]) {
        block::secrets(&mut self.pending, text);
        if !self.target.is_rotated() {
            return;
        }
        self.secrets.push_back(text.into());
        self.secret_bytes = self.secret_bytes.saturating_add(text.len());
        while self.secret_bytes > SECRETS
            && let Some(oldest) = self.secrets.pop_front()
        {
            self.secret_bytes = self.secret_bytes.saturating_sub(oldest.len());
            self.dropped = true;
        }
    }

    /// Writes the statistics of a live capture and closes the file.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Some(counts) = &self.counts {
            for (n, count) in (0..).zip(counts.now()) {
                block::statistics(&mut self.pending, n, self.first, self.last, &count);
            }
        }
        self.flush()?;
        self.file = None;
        Ok(())
    }

    /// Writes all complete blocks; if that fails, the file ends after the last complete one.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let result = file.write_all(&self.pending);
        if result.is_ok() {
            self.written = self.written.saturating_add(self.pending.len() as u64);
        } else {
            // Earlier contents of standard output are not ours to truncate.
            if !self.target.is_stdout() {
                let _ = file.set_len(self.written);
            }
            self.file = None;
        }
        self.pending.clear();
        self.pending.shrink_to(PENDING);
        result
    }
}

/// Creates a file, or truncates the existing one unless it is to be spared.
fn create(path: &Path, spared: &[FileId]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if FileId::of(&metadata).is_some_and(|it| spared.contains(&it)) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is an input, and would be lost"));
    }
    if metadata.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}
