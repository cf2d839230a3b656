use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{
    FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::geteuid;

use super::conflicts::{is_input, resolved};
use super::pager::Pager;
use super::report::note;
use crate::capture::folder;

/// The size of the output buffer, in bytes.
const BUFFER: usize = 256 << 10;

/// The destination of an output: standard output, or a file that gets its name when it is complete.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// Standard output, if it is a pipe whose reader may be slow or stalled.
    Pipe(BufWriter<InterruptiblePipe>),
    /// The pager, on a terminal.
    Pager(Pager),
    /// An existing path that is not a regular file, such as a device or a named pipe.
    Special(BufWriter<File>),
    /// A file under a temporary name.
    File(BufWriter<File>, Unfinished),
}

impl Destination {
    /// Opens `path`, or standard output if it is missing or `-`; refuses to overwrite one of `inputs`. `who` is
    /// appended to error messages.
    pub(super) fn open(path: Option<&Path>, inputs: &[PathBuf], who: &str) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            super::stdout::check_stdout().context("cannot write standard output")?;
            return Ok(Destination::Stdout(BufWriter::with_capacity(BUFFER, io::stdout().lock())));
        };
        let given = path.display();
        let failed = || format!("cannot write {given}{who}");
        if is_input(path, inputs) {
            anyhow::bail!("cannot write {given}: it is an input, and would be lost");
        }
        if is_foreign_link(path) {
            anyhow::bail!(
                "cannot write {given}: it is another user's link in a folder that everybody may write to"
            );
        }
        let metadata = fs::metadata(path).ok();
        // A link stays a link: the file it points to is replaced or created. Anything but a regular file is written in
        // place.
        let is_file = metadata.as_ref().is_none_or(fs::Metadata::is_file);
        let path = &if is_file { resolved(path) } else { path.to_owned() };
        if let Some(metadata) = &metadata
            && !metadata.is_file()
        {
            let file = OpenOptions::new().write(true).open(path).with_context(failed)?;
            return Ok(Destination::Special(BufWriter::with_capacity(BUFFER, file)));
        }
        let most = widest(inputs);
        let (file, unfinished) = Unfinished::create(path, most).with_context(failed)?;
        if let Some(metadata) = metadata {
            let mode = metadata.mode() & 0o777;
            if mode & !most != 0 {
                note(&format!("{given}: was open to more users than what was read, and is no longer"));
            }
            // Replacing a file of another user as root would change its owner.
            if metadata.uid() != file.metadata().with_context(failed)?.uid() && geteuid().is_root() {
                fchown(&file, Some(metadata.uid()), Some(metadata.gid())).with_context(failed)?;
            }
            file.set_permissions(Permissions::from_mode(mode & most)).with_context(failed)?;
        }
        Ok(Destination::File(BufWriter::with_capacity(BUFFER, file), unfinished))
    }

    /// Opens `path` as [`Destination::open`] does, but a file under its final name, for a program that will not be
    /// allowed to rename it later.
    pub(super) fn in_place(path: Option<&Path>, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Destination::open(None, inputs, "");
        };
        let given = path.display();
        if is_foreign_link(path) {
            anyhow::bail!(
                "cannot write {given}: it is another user's link in a folder that everybody may write to"
            );
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.with_context(|| format!("cannot write {given}"))?;
        Ok(Destination::Special(BufWriter::with_capacity(BUFFER, file)))
    }

    /// Returns whether it is standard output.
    pub(super) const fn is_stdout(&self) -> bool {
        matches!(self, Destination::Stdout(_) | Destination::Pipe(_) | Destination::Pager(_))
    }

    /// Gives up on a pipe whose reader does not read, once `stop` is set.
    pub(super) fn until(self, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let Destination::Stdout(_) = self else { return Ok(self) };
        let Ok(file) = io::stdout().as_fd().try_clone_to_owned().map(File::from) else { return Ok(self) };
        let kind = file.metadata()?.file_type();
        if !kind.is_fifo() && !kind.is_socket() {
            return Ok(self);
        }
        let pipe = InterruptiblePipe { file, stop: Arc::clone(stop), stopped: None };
        Ok(Destination::Pipe(BufWriter::with_capacity(BUFFER, pipe)))
    }

    /// Inserts a pager before standard output, if one is available.
    pub(super) fn through_pager(self) -> Self {
        match (self, Pager::start()) {
            (Destination::Stdout(_), Some(pager)) => Destination::Pager(pager),
            (other, _) => other,
        }
    }

    /// Returns the folder in which the output is renamed.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match self {
            Destination::File(_, unfinished) => Some(folder(&unfinished.name).to_owned()),
            Destination::Stdout(_)
            | Destination::Pipe(_)
            | Destination::Special(_)
            | Destination::Pager(_) => None,
        }
    }

    /// Keeps an unfinished file under its temporary name, up to its last complete line; returns that name.
    pub(super) fn keep(&mut self) -> Option<PathBuf> {
        let Destination::File(_, unfinished) = self else { return None };
        unfinished.keep = true;
        Some(unfinished.temporary.clone())
    }

    /// Ends a partial output: a file stays under its temporary name, which is returned.
    pub(super) fn abandon(mut self) -> io::Result<Option<PathBuf>> {
        if let Destination::Pager(pager) = self {
            return pager.close().map(|()| None);
        }
        self.flush()?;
        let kept = self.keep();
        drop(self);
        Ok(kept.filter(|path| path.exists()))
    }

    /// Finishes the output; a file gets its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !matches!(self, Destination::Pager(_)) {
            self.flush()?;
        }
        match self {
            Destination::Stdout(_) | Destination::Pipe(_) | Destination::Special(_) => Ok(()),
            Destination::Pager(pager) => pager.close(),
            Destination::File(_, unfinished) => unfinished.finish(),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Destination::Stdout(writer) => writer,
            Destination::Pipe(writer) => writer,
            Destination::Pager(pager) => pager,
            Destination::Special(writer) | Destination::File(writer, _) => writer,
        }
    }
}

/// A pipe that is written to only while it has room, so that a stalled reader cannot keep us from ending.
#[derive(Debug)]
pub(super) struct InterruptiblePipe {
    file: File,
    stop: Arc<AtomicBool>,
    /// Since when a stop has been requested.
    stopped: Option<Instant>,
}

/// How many bytes can be written to a pipe that is reported as writable (POSIX: `PIPE_BUF`, at least 512; Linux has
/// 4096).
const ROOM: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };
/// How long a reader may take after a stop was requested.
const LAST: Duration = Duration::from_millis(500);

impl Write for InterruptiblePipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wait = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        loop {
            let mut list = [PollFd::new(&self.file, PollFlags::OUT)];
            match poll(&mut list, Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                _ => return self.file.write(bytes.get(..ROOM).unwrap_or(bytes)),
            }
            if self.stop.load(Ordering::Relaxed)
                && self.stopped.get_or_insert_with(Instant::now).elapsed() >= LAST
            {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the widest permissions that an output may have: those common to all inputs, and only the owner's for live
/// captures.
fn widest(inputs: &[PathBuf]) -> u32 {
    const FILE: u32 = 0o666;
    let Some((first, more)) = inputs.split_first() else { return 0o600 };
    let mode = |path: &PathBuf| match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.mode() & FILE,
        // A pipe restricts nothing.
        _ => FILE,
    };
    // Anybody who may read an input may also write to the output derived from it.
    more.iter().map(mode).fold(mode(first), |all, one| all & one) | 0o600
}

/// Returns whether a path is a link that another user may have planted to have a different file overwritten.
fn is_foreign_link(path: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    const OTHERS: u32 = 0o022;
    let (Ok(link), Ok(folder)) = (fs::symlink_metadata(path), fs::metadata(folder(path))) else {
        return false;
    };
    let is_shared = folder.mode() & STICKY != 0 && folder.mode() & OTHERS != 0;
    link.is_symlink() && is_shared && link.uid() != geteuid().as_raw() && link.uid() != folder.uid()
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer().write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

/// A file under a temporary name beside the final one. If it is dropped before it is finished, it is removed, unless it
/// is to be kept and contains a complete line.
#[derive(Debug)]
pub(super) struct Unfinished {
    temporary: PathBuf,
    name: PathBuf,
    file: File,
    keep: bool,
    finished: bool,
}

impl Unfinished {
    fn create(name: &Path, mode: u32) -> io::Result<(File, Self)> {
        let Some(last) = name.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
        for attempt in 0..100 {
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(last);
            temporary.push(format!(".{}-{attempt}.part", std::process::id()));
            let temporary = name.with_file_name(temporary);
            match OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&temporary) {
                Ok(file) => {
                    let (name, writer) = (name.to_owned(), file.try_clone()?);
                    let unfinished = Unfinished { temporary, name, file, keep: false, finished: false };
                    return Ok((writer, unfinished));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn finish(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.name)?;
        self.finished = true;
        Ok(())
    }
}

/// Truncates a file after its last complete line; returns whether it has one.
fn cut(file: &File) -> io::Result<bool> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; 64 << 10];
    while end > 0 {
        let start = end.saturating_sub(piece.len() as u64);
        let piece =
            piece.get_mut(..usize::try_from(end.saturating_sub(start)).unwrap_or(0)).unwrap_or_default();
        file.read_exact_at(piece, start)?;
        if let Some(at) = memchr::memrchr(b'\n', piece) {
            file.set_len(start.saturating_add(at as u64).saturating_add(1))?;
            return Ok(true);
        }
        end = start;
    }
    Ok(false)
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // A file that cannot be truncated is kept as it is.
        let stays = self.finished || self.keep && cut(&self.file).unwrap_or(true);
        if !stays {
            // It may already be gone, and there is nowhere to report that.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old").unwrap();
        let mut out = Destination::open(Some(&path), &[], "").unwrap();
        out.write_all(b"new").unwrap();
        out.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        out.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out.json"]);
    }

    #[test]
    fn an_unfinished_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        drop(Destination::open(Some(&path), &[], "").unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn what_is_kept_ends_with_its_last_whole_line() {
        let long = "x".repeat(200 << 10);
        for (written, kept) in [
            ("one\ntwo\nthr".to_owned(), Some("one\ntwo\n".to_owned())),
            ("one\n".to_owned(), Some("one\n".to_owned())),
            (format!("one\n{long}"), Some("one\n".to_owned())),
            (format!("{long}\n{long}"), Some(format!("{long}\n"))),
            (String::new(), None),
            ("on".to_owned(), None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut out = Destination::open(Some(&folder.path().join("out.json")), &[], "").unwrap();
            let temporary = out.keep().unwrap();
            out.write_all(written.as_bytes()).unwrap();
            drop(out);
            assert_eq!(fs::read_to_string(temporary).ok(), kept);
            assert_eq!(names(folder.path()).len(), usize::from(kept.is_some()));
        }
    }

    #[test]
    fn an_input_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        fs::write(&path, "packets").unwrap();
        let error = Destination::open(Some(&path), &[folder.path().join("./a.pcap")], "").unwrap_err();
        assert!(error.to_string().ends_with("a.pcap: it is an input, and would be lost"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"packets");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut out = Destination::open(Some(&link), &[], "").unwrap();
        out.write_all(b"new").unwrap();
        out.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        Destination::open(Some(Path::new("/dev/null")), &[], "").unwrap().finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn an_output_is_open_to_nobody_to_whom_its_inputs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let input = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, "packets").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let (open, group, own) = (input("open", 0o644), input("group", 0o640), input("own", 0o400));
        assert_eq!(widest(std::slice::from_ref(&open)), 0o644);
        assert_eq!(widest(&[open.clone(), group.clone()]), 0o640);
        assert_eq!(widest(&[group, own.clone()]), 0o600);
        assert_eq!(widest(&["-".into()]), 0o666);
        assert_eq!(widest(&[]), 0o600);
        let out = input("out", 0o644);
        Destination::open(Some(&out), &[own], "").unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o600);
        let fresh = folder.path().join("fresh");
        Destination::open(Some(&fresh), &[], "").unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().mode() & 0o777, 0o600);
        Destination::open(Some(&out), &[open], "").unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o600, "permissions are not widened");
    }

    #[test]
    fn links_that_others_laid_are_not_followed() {
        use std::os::unix::fs::{lchown, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "precious").unwrap();
        symlink(&target, &link).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(!is_foreign_link(&link), "our own");
        if lchown(&link, Some(12_345), None).is_err() {
            eprintln!("skipped: only root may give files away");
            return;
        }
        let error = Destination::open(Some(&link), &[], "").unwrap_err().to_string();
        assert!(error.contains("another user's link"), "{error}");
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(!is_foreign_link(&link), "a private folder");
    }
}
