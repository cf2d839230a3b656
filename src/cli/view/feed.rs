//! The services behind the screen: the source's progress, and files written for the user meanwhile.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use super::pause::Handle;
use super::save::{self, Packets};
use crate::capture::{Counts, ReadProgress};
use crate::export::AnyFormat;
use crate::export::Settings;
use crate::store::Shared;
use crate::tui::{Choice, Feed};

/// The feed of the screen: stops and restarts the capture, and saves packets and messages.
pub(super) struct Behind {
    title: String,
    meter: ReadProgress,
    /// The packet and drop counts of interfaces.
    counts: Option<Counts>,
    /// Pauses the capture, if packets are captured live.
    pause: Option<Handle>,
    packets: Packets,
    store: Shared,
    /// The user that the program became when it dropped root's privileges.
    user: Option<String>,
    sender: mpsc::Sender<String>,
    receiver: mpsc::Receiver<String>,
}

impl Behind {
    /// Creates the feed of a screen that shows `store`.
    pub(super) fn new(title: String, store: Shared, packets: Packets) -> Behind {
        let (sender, receiver) = mpsc::channel();
        Behind {
            title,
            meter: ReadProgress::default(),
            counts: None,
            pause: None,
            packets,
            store,
            user: None,
            sender,
            receiver,
        }
    }

    /// Sets the progress of reading.
    pub(super) fn with_meter(self, meter: Option<ReadProgress>) -> Behind {
        Behind { meter: meter.unwrap_or_default(), ..self }
    }

    /// Sets that packets are captured live; `counts` are those of the interfaces.
    pub(super) fn live(self, pause: Handle, counts: Option<Counts>) -> Behind {
        Behind { pause: Some(pause), counts, ..self }
    }

    /// Sets that files are written as `user`, if that differs from the user who started the program.
    pub(super) fn written_by(self, user: Option<String>) -> Behind {
        Behind { user, ..self }
    }

    /// Shows a message on the screen.
    pub(super) fn tell(&self, words: String) {
        // The receiver is our own.
        let _ = self.sender.send(words);
    }

    /// Creates a new file, does `work` on a thread of its own, and reports the result.
    fn begin(
        &self,
        path: &Path,
        work: impl FnOnce(File) -> io::Result<String> + Send + 'static,
    ) -> io::Result<()> {
        let file = File::create_new(path).map_err(|error| refused(error, self.user.as_deref()))?;
        let (sender, path) = (self.sender.clone(), path.display().to_string());
        thread::spawn(move || {
            let words = work(file).unwrap_or_else(|e| e.to_string());
            // The receiver is gone if the screen is closed.
            let _ = sender.send(format!("{path}: {words}"));
        });
        Ok(())
    }

    fn turn(&self, paused: bool) -> io::Result<()> {
        let pause = self.pause.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        pause.set_paused(paused);
        Ok(())
    }
}

/// Adds which user may not write, if that is not the one who started the program.
fn refused(error: io::Error, user: Option<&str>) -> io::Error {
    match user {
        Some(user) if error.kind() == io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!(
                "{user} may not write there, who wirefin is since it gave up root: try /tmp, or begin with --user"
            ),
        ),
        _ => error,
    }
}

impl Feed for Behind {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.packets {
            Packets::Files(files) => {
                <&[PathBuf; 1]>::try_from(files.as_slice()).ok().map(|[file]| file.clone())
            }
            Packets::PacketSpool(_) => None,
        }
    }

    fn progress(&self) -> Option<f64> {
        let progress = self.meter.progress();
        Some(progress.read as f64 / progress.total?.max(1) as f64)
    }

    fn is_live(&self) -> bool {
        self.pause.is_some()
    }

    fn is_stopped(&self) -> bool {
        self.pause.as_ref().is_some_and(Handle::is_paused)
    }

    fn dropped(&self) -> u64 {
        let counts = self.counts.iter().flat_map(Counts::now);
        counts.fold(0, |sum, count| sum.saturating_add(count.dropped).saturating_add(count.device_dropped))
    }

    fn stop(&mut self) -> io::Result<()> {
        self.turn(true)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.turn(false)
    }

    fn save(&mut self, path: &Path, shown: Choice) -> io::Result<()> {
        let ends = save::ends(&self.store, &shown.connections);
        let (packets, target) = (self.packets.clone(), path.to_owned());
        // The saver recreates the file; this ensures that it did not exist.
        self.begin(path, move |_| save::packets(&packets, ends, target).map_err(io::Error::other))
    }

    fn export(&mut self, path: &Path, shown: Choice) -> io::Result<()> {
        let format = if path.extension().is_some_and(|end| end == "json") { "json" } else { "ndjson" };
        let format = AnyFormat::new(format, &Settings::default()).ok_or(io::ErrorKind::Unsupported)?;
        let store = self.store.clone();
        self.begin(path, move |file| save::events(format, file, &store, &shown.entries))
    }

    fn news(&mut self) -> Option<String> {
        self.receiver.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_write_is_named() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let named = refused(denied(), Some("nobody"));
        assert_eq!(named.kind(), io::ErrorKind::PermissionDenied);
        assert!(named.to_string().starts_with("nobody may not write there"), "{named}");
        assert!(refused(denied(), None).get_ref().is_none());
        assert!(refused(io::ErrorKind::NotFound.into(), Some("nobody")).get_ref().is_none());
    }
}
