use std::io;
use std::path::{Path, PathBuf};

use crate::event::ConnId;

/// The other side of the screen: whoever opened the source and fills the store.
///
/// Nothing here waits: what takes time goes on elsewhere, and [`Feed::news`] tells how it went.
pub trait Feed {
    /// Returns what is shown, in a few words: a file's name, an interface.
    fn title(&self) -> String;

    /// Returns the file that the packets are in, where that is one, and the numbers of packets are its own.
    fn file(&self) -> Option<PathBuf> {
        None
    }

    /// Returns whether packets come as they are captured.
    fn is_live(&self) -> bool {
        false
    }

    /// Returns whether the capture was stopped, so that it can be begun again.
    fn is_stopped(&self) -> bool {
        false
    }

    /// Returns how much of the source was read, from 0 to 1, where that is known.
    fn progress(&self) -> Option<f64> {
        None
    }

    /// Returns how many packets the system dropped before we saw them.
    fn dropped(&self) -> u64 {
        0
    }

    /// Stops the capture; what was taken stays.
    fn stop(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Begins the capture again.
    fn restart(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Begins to write the packets of what is shown to a new file.
    fn save(&mut self, path: &Path, shown: Choice) -> io::Result<()>;

    /// Begins to write what is shown to a new file, in the format that its name ends with.
    fn export(&mut self, path: &Path, shown: Choice) -> io::Result<()>;

    /// Returns what became of what was begun, once.
    fn news(&mut self) -> Option<String> {
        None
    }
}

/// The entries that are shown, and so are to be saved or exported.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The entries of the store, in order.
    pub entries: Vec<u32>,
    /// The connections they belong to.
    pub connections: Vec<ConnId>,
}
