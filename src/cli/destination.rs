use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::conflicts::{is_input, resolved};
use crate::capture::folder;

/// Lets output be written in pieces of this many bytes.
const BUFFER: usize = 256 << 10;

/// Where output goes: standard output, or a file that gets its name when it is whole.
#[derive(Debug)]
pub(super) enum Destination {
    /// Standard output.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// Something that is there and is no file, such as a device or a named pipe.
    Special(BufWriter<File>),
    /// A file under another name.
    File(BufWriter<File>, Unfinished),
}

impl Destination {
    /// Opens `path`, standard output without one or for `-`; refuses to write over one of `inputs`. `who` is added to
    /// what could not be done.
    pub(super) fn open(path: Option<&Path>, inputs: &[PathBuf], who: &str) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Destination::Stdout(BufWriter::with_capacity(BUFFER, io::stdout().lock())));
        };
        let given = path.display();
        let failed = || format!("cannot write {given}{who}");
        if is_input(path, inputs) {
            anyhow::bail!("cannot write {given}: it is an input, and would be lost");
        }
        let metadata = fs::metadata(path).ok();
        // A link stays a link: the file that it points to is replaced, or made. What is no file keeps its name.
        let is_file = metadata.as_ref().is_none_or(fs::Metadata::is_file);
        let path = &if is_file { resolved(path) } else { path.to_owned() };
        if let Some(metadata) = &metadata
            && !metadata.is_file()
        {
            let file = OpenOptions::new().write(true).open(path).with_context(failed)?;
            return Ok(Destination::Special(BufWriter::with_capacity(BUFFER, file)));
        }
        let (file, unfinished) = Unfinished::create(path).with_context(failed)?;
        if let Some(metadata) = metadata {
            file.set_permissions(metadata.permissions()).with_context(failed)?;
        }
        Ok(Destination::File(BufWriter::with_capacity(BUFFER, file), unfinished))
    }

    /// Tells whether it is standard output.
    pub(super) const fn is_stdout(&self) -> bool {
        matches!(self, Destination::Stdout(_))
    }

    /// Returns the folder in which the output is given its name.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match self {
            Destination::File(_, unfinished) => Some(folder(&unfinished.name).to_owned()),
            Destination::Stdout(_) | Destination::Special(_) => None,
        }
    }

    /// Lets a file that is never finished lie under its temporary name, up to its last whole line; returns that name.
    pub(super) fn keep(&mut self) -> Option<PathBuf> {
        let Destination::File(_, unfinished) = self else { return None };
        unfinished.keep = true;
        Some(unfinished.temporary.clone())
    }

    /// Ends the output; a file gets its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        match self {
            Destination::Stdout(_) | Destination::Special(_) => Ok(()),
            Destination::File(_, unfinished) => unfinished.finish(),
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Destination::Stdout(writer) => writer,
            Destination::Special(writer) | Destination::File(writer, _) => writer,
        }
    }
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

/// A file under a temporary name beside its own; dropped before it is finished, it is removed, unless it is to be
/// kept and holds a whole line.
#[derive(Debug)]
pub(super) struct Unfinished {
    temporary: PathBuf,
    name: PathBuf,
    file: File,
    keep: bool,
    finished: bool,
}

impl Unfinished {
    fn create(name: &Path) -> io::Result<(File, Self)> {
        let Some(last) = name.file_name() else { return Err(io::ErrorKind::IsADirectory.into()) };
        for attempt in 0..100 {
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(last);
            temporary.push(format!(".{}-{attempt}.part", std::process::id()));
            let temporary = name.with_file_name(temporary);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
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

/// Ends a file behind its last whole line; tells whether it has one.
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
        // What cannot be cut lies there as it is.
        let stays = self.finished || self.keep && cut(&self.file).unwrap_or(true);
        if !stays {
            // It may be gone already, and there is nobody left to tell.
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
}
