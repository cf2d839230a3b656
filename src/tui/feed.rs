use std::io;
use std::path::{Path, PathBuf};

use crate::event::ConnId;

/// The source behind the screen: it fills the store and performs operations outside the screen.
///
/// No method blocks: long operations run elsewhere, and [`Feed::news`] reports their outcome.
pub trait Feed {
    /// Returns a short title of the source, such as a file name or an interface.
    fn title(&self) -> String;

    /// Returns the file with the packets, if there is a single one and packet numbers refer to it.
    fn file(&self) -> Option<PathBuf> {
        None
    }

    /// Returns whether packets are captured live.
    fn is_live(&self) -> bool {
        false
    }

    /// Returns whether the capture was stopped, so that it can be restarted.
    fn is_stopped(&self) -> bool {
        false
    }

    /// Returns the fraction of the source that was read, from 0 to 1, if known.
    fn progress(&self) -> Option<f64> {
        None
    }

    /// Returns the number of packets dropped by the system before they were received.
    fn dropped(&self) -> u64 {
        0
    }

    /// Stops the capture, keeping what was captured.
    fn stop(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Restarts the capture.
    fn restart(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts to save the packets of the shown entries to a new file.
    fn save(&mut self, path: &Path, shown: Choice) -> io::Result<()>;

    /// Starts to export the shown entries to a new file, in the format of its extension.
    fn export(&mut self, path: &Path, shown: Choice) -> io::Result<()>;

    /// Takes the outcome of an operation that was started, if there is news.
    fn news(&mut self) -> Option<String> {
        None
    }
}

/// The shown entries, to be saved or exported.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The entries of the store, in order.
    pub entries: Vec<u32>,
    /// Their connections.
    pub connections: Vec<ConnId>,
}
