//! `wirefin view` for files: opens the source, fills a store in the background, and stands behind the screen.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use super::{args, sandbox, size::Size};
use crate::capture::{self, Belongs, Counts, Files, Meter, Next, Round, Saver, Sorter as _, Source, Target};
use crate::event::{Event, Sink};
use crate::export::{AnyFormat, Format as _, Settings};
use crate::model::Endpoint;
use crate::pipeline::{self, Flows};
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
        let is_live = !self.input.interfaces.is_empty() || self.input.follow;
        let paths = if is_live { Vec::new() } else { paths.clone() };
        let counts = opened.counts.take();
        let feed = Recorded { title, meter, is_live, counts, paths, store: store.clone(), sender, receiver };
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
    is_live: bool,
    /// What interfaces gave and dropped.
    counts: Option<Counts>,
    /// The files that packets can be read from again.
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

    fn is_live(&self) -> bool {
        self.is_live
    }

    fn dropped(&self) -> u64 {
        let counts = self.counts.iter().flat_map(Counts::now);
        counts.fold(0, |sum, count| sum.saturating_add(count.dropped).saturating_add(count.device_dropped))
    }

    fn stop(&mut self) -> io::Result<()> {
        self.store.stop();
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        Err(io::Error::other("the interface is closed: begin again with another wirefin"))
    }

    fn save(&mut self, path: &Path, shown: Choice) -> io::Result<()> {
        if self.paths.is_empty() {
            return Err(io::Error::other("packets of a live capture are saved with -w"));
        }
        let (paths, target) = (self.paths.clone(), path.to_owned());
        let ends = {
            let store = self.store.lock();
            let ends =
                shown.connections.iter().filter_map(|id| store.conversation_of(*id)?.opened.as_deref());
            ends.map(|opened| between(opened.client, opened.server)).collect()
        };
        // The file is made anew by who saves; that it was not there is seen to here.
        self.begin(path, move |_| save(&paths, ends, target).map_err(io::Error::other), "packet")
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

/// Puts the smaller of two ends first.
fn between(one: Endpoint, other: Endpoint) -> (Endpoint, Endpoint) {
    (one.min(other), one.max(other))
}

/// Saves all packets between chosen ends.
fn save(
    paths: &[PathBuf],
    ends: BTreeSet<(Endpoint, Endpoint)>,
    file: PathBuf,
) -> Result<u64, capture::Error> {
    let flows = Flows::new(crate::wire::Limits::default());
    let saver = Saver::create(Target { file, ..Target::default() }, Vec::new(), None, None)?;
    let mut source = saver.watch(Box::new(Picked { files: Files::open(paths)?, flows, ends }));
    let mut round = Round::default();
    while source.next(&mut round)? != Next::End {}
    saver.finish()
}

/// Is the part of a capture that is between chosen ends.
struct Picked {
    files: Files,
    flows: Flows,
    ends: BTreeSet<(Endpoint, Endpoint)>,
}

impl Source for Picked {
    fn next(&mut self, round: &mut Round) -> Result<Next, capture::Error> {
        let next = self.files.next(round)?;
        let belong: Vec<bool> = round
            .packets()
            .map(|packet| match self.flows.belongs(&packet) {
                Belongs::To { key, .. } => self.ends.contains(&between(key.low, key.high)),
                Belongs::Fragment => true,
                Belongs::Nothing => false,
            })
            .collect();
        let mut belong = belong.into_iter();
        round.packets.retain(|_| belong.next().unwrap_or(false));
        Ok(next)
    }
}
