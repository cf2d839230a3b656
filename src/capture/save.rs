//! Packets kept in a pcapng file (draft-ietf-opsawg-pcapng) as they come.

mod block;
mod chosen;
mod secrets;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chosen::Chosen;
pub use chosen::{Belongs, Sorter};
use secrets::Secrets;

use super::{Counts, Description, Error, FileId, Item, Next, PacketBatch, Source};
use crate::model::{Anomaly, Endpoint, LinkType, Timestamp};

/// The files that packets are saved to, and the sizes and times at which a new one begins.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The file, `-` for standard output. Where there are to be several, their numbers are put before its extension.
    pub file: PathBuf,
    /// A file is full when it has this many bytes.
    pub most_bytes: Option<u64>,
    /// A file is full this long after its first packet.
    pub most_time: Option<Duration>,
    /// How many files are kept; the oldest goes when one more begins.
    pub files: Option<usize>,
    /// Files that are never written over, such as inputs.
    pub spared: Vec<FileId>,
    /// Secrets that come with the packets are written, too, if connections that are saved were found to need them; and again in
    /// each file.
    pub with_secrets: bool,
}

impl Target {
    /// Tells whether packets go to standard output.
    pub fn is_stdout(&self) -> bool {
        self.file == Path::new("-")
    }

    /// Tells whether there are to be several files.
    pub const fn is_rotated(&self) -> bool {
        self.most_bytes.is_some() || self.most_time.is_some()
    }

    /// Returns the name of the file of this number, from 1.
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

    /// Tells whether this is the name, without its folder, of one of its files, whatever the number.
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

/// A source that saves the packets of another on their way.
pub struct Saved {
    source: Box<dyn Source + Send>,
    saver: Saver,
}

impl Source for Saved {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        self.saver.take(batch);
        Ok(next)
    }
}

/// A writer of packets; clones write to the same file.
#[derive(Clone)]
pub struct Saver(Arc<Mutex<Inner>>);

impl Saver {
    /// Creates the first file. `interfaces` and `counts` tell of a live capture.
    ///
    /// With a `sorter`, only connections are kept of which [`Saver::keep`] says that they became WebSockets, their
    /// handshakes included.
    pub fn create(
        target: Target,
        interfaces: Vec<Description>,
        counts: Option<Counts>,
        sorter: Option<Box<dyn Sorter>>,
    ) -> Result<Saver, Error> {
        let secrets = target.with_secrets.then(Secrets::default);
        let chosen = (sorter.is_some() || secrets.is_some()).then(|| Chosen::new(sorter, secrets));
        let mut out = Out::new(target, interfaces, counts);
        out.begin().map_err(|source| Error::Io { file: out.label(), source })?;
        Ok(Saver(Arc::new(Mutex::new(Inner { out, chosen, fault: None }))))
    }

    /// Returns `source`, whose packets will be saved.
    pub fn watch(&self, source: Box<dyn Source + Send>) -> Saved {
        Saved { source, saver: self.clone() }
    }

    /// Saves the packets of a batch; what goes wrong is added to its diagnostics.
    pub fn take(&self, batch: &mut PacketBatch) {
        self.lock().take(batch);
    }

    /// Hears that a WebSocket conversation began between these two.
    pub fn keep(&self, client: Endpoint, server: Endpoint) {
        if let Inner { out, chosen: Some(chosen), fault } = &mut *self.lock()
            && let Err(error) = chosen.keep(client, server, out)
        {
            fault.get_or_insert(error);
        }
    }

    /// Hears that secrets of a connection were found at a packet: they are saved with it, where secrets are.
    pub fn needs(&self, client_random: [u8; 32], ends: (Endpoint, Endpoint), packet: u64) {
        if let Inner { chosen: Some(chosen), .. } = &mut *self.lock() {
            chosen.needs(client_random, ends, packet);
        }
    }

    /// Writes what stands behind the last packet, and tells how many packets were saved.
    ///
    /// # Errors
    ///
    /// When something could not be written, now or before; what was written before is whole. That nobody reads from
    /// standard output any more is no failure.
    pub fn finish(&self) -> Result<u64, Error> {
        let mut inner = self.lock();
        if let Inner { out, chosen: Some(chosen), fault } = &mut *inner
            && fault.is_none()
            && let Err(error) = chosen.finish(out)
        {
            *fault = Some(error);
        }
        if inner.fault.is_none()
            && let Err(error) = inner.out.end()
        {
            inner.fault = Some(error);
        }
        if inner.is_closed() {
            return Ok(inner.out.packets);
        }
        match inner.fault.take() {
            Some(source) => Err(Error::Io { file: inner.out.label(), source }),
            None => Ok(inner.out.packets),
        }
    }

    /// Tells whether packets go to standard output.
    pub fn is_stdout(&self) -> bool {
        self.lock().out.target.is_stdout()
    }

    /// Tells whether packets go to standard output and nobody reads there any more.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Inner {
    out: Out,
    chosen: Option<Chosen>,
    /// Why nothing is saved any more.
    fault: Option<io::Error>,
}

impl Inner {
    fn take(&mut self, batch: &mut PacketBatch) {
        if self.fault.is_some() {
            return;
        }
        if let Some(value) = self.chosen.as_mut().and_then(Chosen::secrets_dropped) {
            let limit = "secrets of connections that are not saved";
            batch.push_diagnostic(Anomaly::LimitReached { limit, value: value as u64 });
        }
        if std::mem::take(&mut self.out.dropped) {
            let value = SECRETS as u64;
            batch.push_diagnostic(Anomaly::LimitReached { limit: "secrets in each file", value });
        }
        let Err(error) = self.save(batch) else { return };
        let problem = error.to_string().into();
        self.fault = Some(error);
        if !self.is_closed() {
            batch.push_diagnostic(Anomaly::NotSaved { file: self.out.label().into(), problem });
        }
    }

    fn is_closed(&self) -> bool {
        let is_broken = |fault: &io::Error| fault.kind() == io::ErrorKind::BrokenPipe;
        self.out.target.is_stdout() && self.fault.as_ref().is_some_and(is_broken)
    }

    fn save(&mut self, batch: &PacketBatch) -> io::Result<()> {
        if let Some(chosen) = &mut self.chosen {
            chosen.batch();
        }
        for item in &batch.items {
            let record = match item {
                Item::Packet(record) => record,
                Item::Secrets(_, text) => {
                    if let Some(chosen) = &mut self.chosen {
                        chosen.take_secrets(text);
                    }
                    continue;
                }
                Item::Diagnostic(_) => continue,
            };
            let packet = batch.packet(record);
            let interface = self.out.interface(record.interface, packet.link);
            if let Some(chosen) = &mut self.chosen {
                chosen.take(&packet, interface, &mut self.out)?;
            } else {
                self.out.turn(packet.at.time)?;
                block::packet(&mut self.out.pending, interface, &packet);
                self.out.count();
            }
        }
        if let Some(chosen) = &mut self.chosen {
            chosen.advance(&mut self.out)?;
        }
        self.out.flush()
    }
}

/// The file that is written, and those before it.
struct Out {
    target: Target,
    /// The interfaces of a live capture come first; further ones are made as link types are met.
    interfaces: Vec<Description>,
    counts: Option<Counts>,
    file: Option<File>,
    path: PathBuf,
    /// Whole blocks that are not written yet.
    pending: Vec<u8>,
    /// Bytes in the file, all of them whole blocks.
    written: u64,
    number: u64,
    kept: VecDeque<PathBuf>,
    first: Option<Timestamp>,
    last: Timestamp,
    packets: u64,
    /// Packets in this file.
    here: u64,
    /// The newest of the secrets that came so far, for the files to come, and how many bytes they have.
    secrets: VecDeque<Box<[u8]>>,
    secret_bytes: usize,
    /// Some of them were dropped, which is to be reported.
    dropped: bool,
}

/// How many bytes of blocks are gathered at most before they are written.
const PENDING: usize = 1 << 20;
/// How many bytes of secrets are kept at most for files to come, and written into each.
const SECRETS: usize = 4 << 20;

impl Out {
    fn new(target: Target, interfaces: Vec<Description>, counts: Option<Counts>) -> Out {
        Out {
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

    /// Names the file at hand for who is told of it.
    fn label(&self) -> String {
        if self.target.is_stdout() { "standard output".to_owned() } else { self.path.display().to_string() }
    }

    /// Begins the next file.
    fn begin(&mut self) -> io::Result<()> {
        self.number = self.number.saturating_add(1);
        self.path = self.target.name(self.number);
        // Packets are for nobody else: a file that is made here is its owner's alone. One that was there before
        // stays as open to others as it was.
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
                // Somebody else may have taken it away.
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

    /// Begins the next file where this one is full; `time` is that of the packet to come.
    fn turn(&mut self, time: Timestamp) -> io::Result<()> {
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

    fn count(&mut self) {
        self.packets = self.packets.saturating_add(1);
        self.here = self.here.saturating_add(1);
    }

    /// Returns the number of an interface in the file, making one where there is none of that link type.
    fn interface(&mut self, live: u16, link: LinkType) -> u32 {
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

    fn secrets(&mut self, text: &[u8]) {
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
    fn end(&mut self) -> io::Result<()> {
        if let Some(counts) = &self.counts {
            for (n, count) in (0..).zip(counts.now()) {
                block::statistics(&mut self.pending, n, self.first, self.last, &count);
            }
        }
        self.flush()?;
        self.file = None;
        Ok(())
    }

    /// Writes all whole blocks there are; where that fails, the file ends behind the last one that is whole.
    fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let result = file.write_all(&self.pending);
        if result.is_ok() {
            self.written = self.written.saturating_add(self.pending.len() as u64);
        } else {
            // What stood in standard output before is not ours to count.
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

/// Creates a file, or empties the one there is unless it is to be spared.
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

#[cfg(test)]
mod tests;
