use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::identity::FileId;
use super::{Error, Item, Next, PacketBatch, Source};
use crate::model::{Anomaly, KeyOrigin};

/// How much of a key log is read at once.
const BLOCK: u64 = 16 << 20;
/// The maximum length of an incomplete line that is kept until it is complete.
const LINE: usize = 4_096;

/// TLS key logs that are read alongside a capture.
///
/// If they grow, new lines precede the packets that are read next. A file that does not exist yet is awaited, and one
/// that was replaced or truncated is read from its beginning.
#[derive(Debug)]
pub struct KeyLogs(Vec<KeyLogFile>);

impl KeyLogs {
    /// Opens key logs; unless they `grow`, all of them have to exist.
    ///
    /// # Errors
    ///
    /// Fails if one cannot be opened.
    pub fn open(paths: &[PathBuf], grow: bool) -> Result<Self, Error> {
        let open = |path: &PathBuf| {
            let mut log =
                KeyLogFile { path: path.clone(), file: None, offset: 0, begun: Vec::new(), grows: grow };
            log.find()?;
            Ok(log)
        };
        paths.iter().map(open).collect::<Result<_, _>>().map(KeyLogs)
    }

    /// Returns whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Wraps `source` so that new lines of the key logs precede the packets of each batch.
    pub fn watch(self, source: Box<dyn Source + Send>) -> WithKeyLogs {
        WithKeyLogs { source, logs: self }
    }
}

/// A source with key logs alongside.
pub struct WithKeyLogs {
    source: Box<dyn Source + Send>,
    logs: KeyLogs,
}

impl Source for WithKeyLogs {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        let mut found = Vec::new();
        for log in &mut self.logs.0 {
            log.read(&mut found)?;
        }
        batch.items.splice(0..0, found);
        Ok(next)
    }
}

/// One key log and the position of reading.
#[derive(Debug)]
struct KeyLogFile {
    path: PathBuf,
    /// The file and its identity; `None` until it exists.
    file: Option<(File, Option<FileId>)>,
    offset: u64,
    /// The beginning of an incomplete line.
    begun: Vec<u8>,
    grows: bool,
}

impl KeyLogFile {
    /// Opens the file, if it exists.
    fn find(&mut self) -> Result<(), Error> {
        match File::open(&self.path) {
            Ok(file) => {
                let identity = FileId::at(&self.path);
                self.file = Some((file, identity));
                (self.offset, self.begun) = (0, Vec::new());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.grows => Ok(()),
            Err(source) => Err(self.error(source)),
        }
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Io { file: self.path.display().to_string(), source }
    }

    /// Reads complete lines that were added.
    fn read(&mut self, found: &mut Vec<Item>) -> Result<(), Error> {
        match &self.file {
            None if !self.grows => return Ok(()),
            None => self.find()?,
            Some((file, identity)) if self.grows => {
                let length = file.metadata().map_err(|source| self.error(source))?.len();
                let now = FileId::at(&self.path);
                let is_replaced = now.is_some() && now != *identity;
                if is_replaced || length < self.offset {
                    found.push(Item::Diagnostic(Box::new(Anomaly::KeylogReplaced {})));
                    self.find()?;
                } else if length == self.offset {
                    return Ok(());
                }
            }
            Some(_) => {}
        }
        let Some((file, _)) = &mut self.file else { return Ok(()) };
        let mut bytes = std::mem::take(&mut self.begun);
        let read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(if self.grows { BLOCK } else { u64::MAX }).read_to_end(&mut bytes));
        match read {
            Ok(read) => self.offset = self.offset.saturating_add(read as u64),
            Err(source) => return Err(self.error(source)),
        }
        if self.grows {
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
            self.begun = bytes.split_off(whole);
            self.begun.truncate(LINE);
        } else {
            self.file = None;
        }
        if !bytes.is_empty() {
            found.push(Item::Secrets(KeyOrigin::KeyLog, bytes.into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    fn texts(log: &mut KeyLogFile) -> Vec<String> {
        let mut found = Vec::new();
        log.read(&mut found).unwrap();
        let text = |item: Item| match item {
            Item::Secrets(_, text) => String::from_utf8(text.into()).unwrap(),
            Item::Diagnostic(anomaly) => anomaly.code().to_owned(),
            Item::Packet(_) => panic!("no packet"),
        };
        found.into_iter().map(text).collect()
    }

    #[test]
    fn a_log_is_read_as_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut logs = KeyLogs::open(std::slice::from_ref(&path), true).unwrap();
        let log = &mut logs.0[0];
        assert_eq!(texts(log), [""; 0], "the file does not exist yet");
        fs::write(&path, "one\ntw").unwrap();
        assert_eq!(texts(log), ["one\n"]);
        assert_eq!(texts(log), [""; 0]);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"o\n").unwrap();
        assert_eq!(texts(log), ["two\n"]);
        fs::write(&path, "3\n").unwrap();
        assert_eq!(texts(log), ["keylog-replaced", "3\n"], "truncated");
        let other = folder.path().join("other");
        fs::write(&other, "four, longer than before\n").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(texts(log), ["keylog-replaced", "four, longer than before\n"]);
    }

    #[test]
    fn a_log_that_does_not_grow_is_read_once_and_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(KeyLogs::open(std::slice::from_ref(&path), false).is_err());
        fs::write(&path, "one\nno end").unwrap();
        let mut logs = KeyLogs::open(&[path], false).unwrap();
        assert_eq!(texts(&mut logs.0[0]), ["one\nno end"]);
        assert_eq!(texts(&mut logs.0[0]), [""; 0]);
    }
}
