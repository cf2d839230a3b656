use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Lets output be written in pieces of this many bytes.
const BUFFER: usize = 256 << 10;

/// Is where output goes: standard output, or a file that gets its name when it is whole.
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
        // A link stays a link: the file that it points to is replaced.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let metadata = fs::metadata(path).ok();
        if let Some(metadata) = &metadata
            && !metadata.is_file()
        {
            let file = OpenOptions::new().write(true).open(path).with_context(failed)?;
            return Ok(Destination::Special(BufWriter::with_capacity(BUFFER, file)));
        }
        if inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == *path)) {
            anyhow::bail!("cannot write {given}: it is an input, and would be lost");
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
            Destination::File(_, unfinished) => {
                let folder = unfinished.name.parent().filter(|folder| !folder.as_os_str().is_empty());
                Some(folder.unwrap_or(Path::new(".")).to_owned())
            }
            Destination::Stdout(_) | Destination::Special(_) => None,
        }
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

/// Is a file under a temporary name beside its own; dropped before it is finished, it is removed.
#[derive(Debug)]
pub(super) struct Unfinished {
    temporary: PathBuf,
    name: PathBuf,
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
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    return Ok((file, Unfinished { temporary, name: name.to_owned(), finished: false }));
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

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
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
