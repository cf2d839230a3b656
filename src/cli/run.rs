use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::destination::Destination;
use super::input::Opened;
use super::progress::Progress;
use super::{args, conflicts, report, sandbox};
use crate::capture::{Count, Counts, Saver};
use crate::event::Gather;
use crate::export::Format;
use crate::model::Timestamp;
use crate::pipeline::{
    self, Collector, Control, FilteredOutput, Formatted, Hook, Output, Reducer, RunStats, Summary,
};

/// Makes the whole trip: reads the input, writes every event in `format`, and says on standard error what would
/// otherwise be missed; ends after `count` messages, where one is given.
pub(super) fn run(
    input: &args::Input,
    output: &args::Output,
    count: Option<u64>,
    format: impl Format,
) -> anyhow::Result<()> {
    conflicts::check(input, output.file.as_deref())?;
    let opened = input.open()?;
    let (to, remains) = destination(&opened, input, output)?;
    remains.told_after(|| {
        let trip = Run::new(input, output, opened, &to)?;
        let formatted = Formatted::new(format, to, count);
        let (formatted, mut arrived) = match &output.only {
            None => trip.make(formatted)?,
            Some(filter) => {
                let (sieve, arrived) = trip.make(FilteredOutput::new(filter.clone(), formatted))?;
                (sieve.into_inner(), arrived)
            }
        };
        arrived.written = formatted.tally();
        arrived.end(formatted.finish(), input, output)
    })
}

/// Makes the whole trip for what can only be told in the end; `tell` tells it.
pub(super) fn gather<G: Gather>(
    input: &args::Input,
    output: &args::Output,
    whole: G,
    tell: impl FnOnce(G, &mut Destination) -> io::Result<()>,
) -> anyhow::Result<()> {
    conflicts::check(input, output.file.as_deref())?;
    let opened = input.open()?;
    let (mut to, remains) = destination(&opened, input, output)?;
    remains.told_after(|| {
        let trip = Run::new(input, output, opened, &to)?;
        let (whole, arrived) = match &output.only {
            None => trip.make(Reducer::new(whole))?,
            Some(filter) => {
                let (sieve, arrived) = trip.make(FilteredOutput::new(filter.clone(), Reducer::new(whole)))?;
                (sieve.into_inner(), arrived)
            }
        };
        let told = tell(whole.into_inner(), &mut to).map(|()| to);
        arrived.end(told, input, output)
    })
}

fn destination(
    opened: &Opened,
    input: &args::Input,
    output: &args::Output,
) -> anyhow::Result<(Destination, PartialOutput)> {
    let mut to = Destination::open(output.file.as_deref(), &input.files, &opened.who())?;
    if input.is_endless() {
        to = to.until(&opened.stopped)?;
    }
    // What can be read again is better exported again.
    let remains = if input.comes_once() { to.keep() } else { None };
    Ok((to, PartialOutput(remains)))
}

/// Where an output lies that could not be ended, if it is kept.
struct PartialOutput(Option<PathBuf>);

impl PartialOutput {
    /// Does the work, and says where its remains lie if it fails.
    fn told_after(self, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let result = work();
        if let (Err(_), Some(path)) = (&result, self.0.filter(|path| path.exists())) {
            report::kept(&path);
        }
        result
    }
}

/// A trip that is about to be made.
struct Run<'a> {
    input: &'a args::Input,
    output: &'a args::Output,
    opened: Opened,
    progress: Progress,
    saver: Option<Saver>,
    stdout: bool,
}

/// What a trip leaves to be told.
struct RunReport {
    summary: Summary,
    /// What has packets of a link type that cannot be read.
    unreadable: Option<String>,
    /// What was written, where that ended before what was seen did.
    written: Option<RunStats>,
    saved: Option<Result<u64, crate::capture::Error>>,
    counts: Vec<Count>,
    /// It was to go on until it was ended.
    ended: bool,
    /// Nobody read to the end.
    closed: bool,
}

impl<'a> Run<'a> {
    /// Gets ready, and shuts the program in.
    fn new(
        input: &'a args::Input,
        output: &'a args::Output,
        opened: Opened,
        to: &Destination,
    ) -> anyhow::Result<Self> {
        let (mut opened, saver) = input.save(opened)?;
        let quiet = input.quiet || (to.is_stdout() && io::stdout().is_terminal());
        let progress = opened.meter.take().filter(|_| !quiet).map_or_else(Progress::none, Progress::new);
        if !input.no_sandbox {
            opened.needs.write.extend(to.folder());
            sandbox::enter(&opened.needs, input.require_sandbox, input.quiet)?;
        }
        if !input.quiet {
            report::listening(&opened.interfaces);
        }
        Ok(Run { input, output, opened, progress, saver, stdout: to.is_stdout() })
    }

    fn make<O: Output>(mut self, output: O) -> anyhow::Result<(O, RunReport)> {
        let mut watched = Monitored {
            output,
            progress: self.progress,
            saver: self.saver,
            stdout: self.stdout,
            stop: Arc::clone(&self.opened.stopped),
            closed: false,
        };
        let options = pipeline::Options { hook: Some(watched.hook()), ..self.input.options()? };
        let result = pipeline::run(&mut *self.opened.source, &options, &mut watched);
        watched.progress.clear();
        let saved = watched.saver.as_ref().map(Saver::finish);
        let summary = result.map_err(|error| match error {
            pipeline::Error::Write(source) => name(self.output, source),
            pipeline::Error::Read(error) => error.into(),
        })?;
        let unreadable = self.opened.unreadable(&summary);
        report::check(&summary, unreadable.as_deref())?;
        let (counts, stopped) = (&self.opened.counts, &self.opened.stopped);
        let counts = counts.as_ref().map_or_else(Vec::new, Counts::now);
        // What has no end of its own is summed up.
        let ended = self.input.is_endless() || stopped.load(Ordering::Relaxed);
        Ok((
            watched.output,
            RunReport { summary, unreadable, written: None, saved, counts, ended, closed: watched.closed },
        ))
    }
}

impl RunReport {
    /// Gives the output its name and says what would otherwise be missed.
    fn end(
        self,
        to: io::Result<Destination>,
        input: &args::Input,
        output: &args::Output,
    ) -> anyhow::Result<()> {
        if !self.closed {
            to.and_then(Destination::finish).map_err(|source| name(output, source))?;
        }
        if !input.quiet {
            report::say(&self.summary, self.unreadable.as_deref());
            if self.ended {
                report::ended(&self.summary, self.written, &self.counts);
            }
        }
        if let Some(saved) = self.saved {
            saved.context("not all packets were saved")?;
        }
        if self.summary.damaged > 0 {
            anyhow::bail!("an input is damaged or cut short; what could be read of it is in the output");
        }
        Ok(())
    }
}

/// Names the output that could not be written.
fn name(output: &args::Output, error: io::Error) -> anyhow::Error {
    let file = output.file.as_ref().filter(|file| *file != Path::new("-"));
    let file = file.map_or_else(|| "standard output".into(), |file| file.to_string_lossy());
    anyhow::Error::new(error).context(format!("cannot write {file}"))
}

/// An output that shows progress while it is filled.
struct Monitored<O> {
    output: O,
    progress: Progress,
    saver: Option<Saver>,
    /// It goes to standard output, which a reader may close.
    stdout: bool,
    /// Ends the source.
    stop: Arc<AtomicBool>,
    /// Nobody reads any more.
    closed: bool,
}

impl<O> Monitored<O> {
    /// Returns what hears of every conversation that begins.
    fn hook(&self) -> Hook {
        let (progress, saver) = (self.progress.clone(), self.saver.clone());
        Arc::new(move |opened| {
            progress.count();
            if let Some(saver) = &saver {
                saver.keep(opened.client, opened.server);
            }
        })
    }

    /// Takes a reader that has seen enough for the end, not for a failure.
    fn heed(&mut self, result: io::Result<Control>) -> io::Result<Control> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(Control::Stop)
            }
            other => other,
        }
    }

    /// Ends the source where packets go to standard output and nobody wants more: what was seen is still told.
    fn heed_packets(&self) {
        let Some(saver) = self.saver.as_ref().filter(|saver| saver.is_stdout()) else { return };
        if saver.is_closed() || is_closed() {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells whether nobody reads from standard output, without having anything to say.
fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut list = [PollFd::new(&stdout, PollFlags::empty())];
    let ready = poll(&mut list, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
    ready && list[0].revents().contains(PollFlags::ERR)
}

impl<O: Output> Output for Monitored<O> {
    type Collector = O::Collector;

    fn collector(&self) -> O::Collector {
        self.output.collector()
    }

    fn start(&mut self, first: Timestamp) {
        self.output.start(first);
    }

    fn take(
        &mut self,
        piece: &<O::Collector as Collector>::Piece,
        range: Range<usize>,
    ) -> io::Result<Control> {
        if self.closed {
            return Ok(Control::Stop);
        }
        let result = self.output.take(piece, range);
        self.heed(result)
    }

    fn delivered(&mut self) {
        self.progress.show();
        self.output.delivered();
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.heed_packets();
        if self.closed || self.stdout && is_closed() {
            self.closed = true;
            return Ok(Control::Stop);
        }
        let result = self.output.pause();
        self.heed(result)
    }

    fn collected(&mut self, collector: O::Collector) {
        self.output.collected(collector);
    }
}
