//! `wirefin view` for files: opens the source, fills a store in the background, and stands behind the screen.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use super::{args, sandbox, size::Size};
use crate::capture::Meter;
use crate::event::{Event, Sink};
use crate::export::{AnyFormat, Format as _, Settings};
use crate::pipeline;
use crate::store::{Bounds, Shared};
use crate::tui::{self, Choice, Feed, Options};

/// Show a capture on the terminal: its conversations, and their messages in time
///
/// Press ? for the keys. Messages are shown as they are read; those that do not fit in memory wait in a temporary file.
/// Theme, times and mouse can be chosen in wirefin/config.toml in the usual place for configurations.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: args::Input,

    /// Take at most this much memory for messages
    #[arg(long, value_name = "SIZE", default_value = "512M")]
    memory: Size,

    /// Keep at most this much of older payloads in a temporary file
    #[arg(long, value_name = "SIZE", default_value = "8G")]
    spool: Size,

    /// Use this theme: dark, light, colour-blind or none
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,

    /// Tell times as absolute, relative or delta
    #[arg(long, value_name = "HOW")]
    time: Option<String>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let bounds = Bounds { memory: self.memory.0 as u64, spool: self.spool.0 as u64, ..Bounds::default() };
        let mut options = Options { theme: self.theme, time: self.time, mouse: None };
        if let Some(file) = Options::file() {
            options = options.with_file(&file).map_err(tui::Error::Config)?;
        }
        let run = self.input.options();
        let opened = self.input.open_quietly()?;
        if self.input.only_websocket {
            anyhow::bail!("--only-websocket goes with print and export");
        }
        let (mut opened, saver) = self.input.save(opened)?;
        if !self.input.no_sandbox {
            // What is exported may go anywhere; the network stays shut.
            opened.needs.read.push("/".into());
            opened.needs.write.push("/".into());
            sandbox::enter(&opened.needs)?;
        }
        let paths = &self.input.files;
        let store = Shared::new(bounds);
        let (sender, receiver) = mpsc::channel();
        let names = paths.iter().map(|path| name(path)).chain(self.input.interfaces.iter().cloned());
        let title = names.collect::<Vec<_>>().join(" ");
        let meter = opened.meter.unwrap_or_default();
        let feed = Recorded { title, meter, paths: paths.clone(), store: store.clone(), sender, receiver };
        let filled = store.clone();
        let mut source = opened.source;
        let loader = thread::spawn(move || pipeline::record(&mut *source, &run, &filled));
        tui::run(&store, Box::new(feed), &options)?;
        // The loader hears that the store was told to stop; a pipe that keeps it waiting is left alone.
        if loader.is_finished() {
            let _ = loader.join();
        }
        if let Some(saver) = saver {
            saver.finish()?;
        }
        Ok(())
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Stands behind the screen where files are shown.
struct Recorded {
    title: String,
    meter: Meter,
    paths: Vec<PathBuf>,
    store: Shared,
    sender: mpsc::Sender<String>,
    receiver: mpsc::Receiver<String>,
}

impl Recorded {
    /// Does `work` on a thread of its own and tells how it went.
    fn begin(
        &self,
        path: &Path,
        work: impl FnOnce(File) -> io::Result<u64> + Send + 'static,
        noun: &'static str,
    ) -> io::Result<()> {
        let file = File::create_new(path)?;
        let (sender, path) = (self.sender.clone(), path.display().to_string());
        thread::spawn(move || {
            let words = match work(file) {
                Ok(count) => format!("{path}: {} written", crate::view::count(count, noun)),
                Err(e) => format!("{path}: {e}"),
            };
            let _ = sender.send(words);
        });
        Ok(())
    }
}

impl Feed for Recorded {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn progress(&self) -> Option<f64> {
        let progress = self.meter.progress();
        Some(progress.read as f64 / progress.total?.max(1) as f64)
    }

    fn save(&mut self, _path: &Path, _shown: Choice) -> io::Result<()> {
        let _ = &self.paths;
        Err(io::ErrorKind::Unsupported.into())
    }

    fn export(&mut self, path: &Path, shown: Choice) -> io::Result<()> {
        let format = if path.extension().is_some_and(|end| end == "json") { "json" } else { "ndjson" };
        let format = AnyFormat::new(format, &Settings::default()).ok_or(io::ErrorKind::Unsupported)?;
        let store = self.store.clone();
        self.begin(path, move |file| write(format, file, &store, &shown.entries), "record")
    }

    fn news(&mut self) -> Option<String> {
        self.receiver.try_recv().ok()
    }
}

/// Collects what a format makes of events.
struct Written {
    format: AnyFormat,
    bytes: Vec<u8>,
}

impl Sink for Written {
    fn event(&mut self, event: &Event<'_>) {
        self.format.write(event, &mut self.bytes);
    }
}

fn write(mut format: AnyFormat, file: File, store: &Shared, entries: &[u32]) -> io::Result<u64> {
    let mut file = BufWriter::new(file);
    if let Some((first, _)) = store.lock().times() {
        format.start(first);
    }
    file.write_all(format.begin())?;
    let (separator, end) = (format.separator(), format.end());
    let mut written = Written { format, bytes: Vec::new() };
    let mut count = 0_u64;
    for some in entries.chunks(256) {
        let mut store = store.lock();
        for number in some {
            let start = written.bytes.len();
            if count > 0 {
                written.bytes.extend_from_slice(separator);
            }
            let before = written.bytes.len();
            if store.replay(*number, &mut written) && written.bytes.len() > before {
                count = count.saturating_add(1);
            } else {
                written.bytes.truncate(start);
            }
        }
        drop(store);
        file.write_all(&written.bytes)?;
        written.bytes.clear();
    }
    file.write_all(end)?;
    file.flush()?;
    Ok(count)
}
