//! One run of the pipeline, and what is said of it.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::destination::Destination;
use super::input::Opened;
use super::plan::Plan;
use super::progress::Progress;
use super::{Outcome, args, report, sandbox, stop};
use crate::capture::{self, Count, Counts, ReadProgress, Saver};
use crate::event::{
    Collector, ConnId, Control, Event, Gather, Kind, Output, Reducer, Rejected, RunStats, Sink,
};
use crate::filter::{Facts, Filter, FilteredOutput};
use crate::model::Timestamp;
use crate::pipeline::{self, Hook, Summary};

/// A run that is about to be made.
pub(super) struct Run<'a> {
    plan: &'a Plan<'a>,
    opened: Opened,
    progress: Progress,
    saver: Option<Saver>,
    stdout: bool,
}

/// The result of a run, as far as it is still to be told.
pub(super) struct RunReport {
    pub(super) summary: Summary,
    /// What has packets of a link type that cannot be read.
    unreadable: Option<String>,
    /// What was written, where that ended before what was seen did.
    pub(super) written: Option<RunStats>,
    /// Of how many rows the filter was true, where there is one.
    matched: Option<u64>,
    saved: Option<Result<u64, crate::capture::Error>>,
    counts: Vec<Count>,
    /// It was to go on until it was ended.
    ended: bool,
    /// Reading ended before its files did, because that was asked for.
    pub(super) stopped_early: bool,
    /// A signal ended it before its files did, and how far it came.
    interrupted: Option<(u8, capture::Progress)>,
    /// Nobody read to the end.
    closed: bool,
}

/// The choice of conversations whose packets are saved.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// Those of all.
    Conversations,
    /// Those of which this is true when they begin.
    Matching(Filter),
    /// These.
    Listed(HashSet<ConnId>),
}

impl Choice {
    fn takes(&self, event: &Event<'_>) -> bool {
        match self {
            Choice::Conversations => matches!(event.kind, Kind::Opened(_)),
            Choice::Matching(filter) => filter.matches(&Facts::of(event, Timestamp::default())),
            Choice::Listed(names) => event.conn.is_some_and(|conn| names.contains(&conn)),
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, opened: Opened, saver: Option<Saver>) -> Self {
        Run { plan, opened, progress: Progress::none(), saver, stdout: false }
    }

    /// Confines the program.
    pub(super) fn enter(self, to: &Destination) -> anyhow::Result<Self> {
        let Run { plan, mut opened, saver, .. } = self;
        let quiet = plan.input.quiet || (to.is_stdout() && io::stdout().is_terminal());
        let progress = opened.meter.clone().filter(|_| !quiet).map_or_else(Progress::none, Progress::new);
        if !plan.input.no_sandbox {
            opened.needs.write.extend(to.folder());
            opened.needs.landlock = opened.stays_root;
            sandbox::enter(&opened.needs, plan.input.require_sandbox, plan.input.quiet)?;
        }
        if !plan.input.quiet {
            report::listening(&opened.interfaces);
        }
        Ok(Run { plan, opened, progress, saver, stdout: to.is_stdout() })
    }

    pub(super) fn make<O: Output>(mut self, output: O) -> anyhow::Result<(O, RunReport)> {
        let options = self.plan.input.options()?;
        let choice = self.choose(&options)?;
        let mut watched = Monitored {
            output,
            progress: self.progress,
            saver: self.saver,
            stdout: self.stdout,
            stop: Arc::clone(&self.opened.stopped),
            closed: false,
        };
        let options = pipeline::Options { hook: Some(watched.hook(choice)), ..options };
        let result = pipeline::run(&mut *self.opened.source, &options, &mut watched);
        watched.progress.clear();
        let saved = watched.saver.as_ref().map(Saver::finish);
        let summary = result.map_err(|error| match error {
            pipeline::Error::Write(source) => name(self.plan.output, source),
            pipeline::Error::Read(error) => error.into(),
        })?;
        let unreadable = self.opened.unreadable(&summary);
        report::check(&summary, unreadable.as_deref())?;
        let counts = self.opened.counts.as_ref().map_or_else(Vec::new, Counts::now);
        let meter = self.opened.meter.as_ref().filter(|meter| meter.was_stopped());
        let report = RunReport {
            summary,
            unreadable,
            written: None,
            matched: None,
            saved,
            counts,
            // What has no end of its own is summed up.
            ended: self.plan.input.is_endless(),
            stopped_early: meter.is_some(),
            interrupted: self.opened.heard.signal().zip(meter.map(ReadProgress::progress)),
            closed: watched.closed,
        };
        Ok((watched.output, report))
    }

    /// Returns which packets are saved; where that is known only once all is read, the files are read for it.
    fn choose(&self, options: &pipeline::Options) -> anyhow::Result<Choice> {
        let choice = self.plan.choice();
        let (Choice::Listed(_), Some(wanted)) = (&choice, &self.plan.filter) else { return Ok(choice) };
        let mut source = self.plan.input.reopen(&self.opened.stopped)?;
        let mut names = FilteredOutput::new(wanted.filter.clone(), Reducer::new(Names::default()));
        pipeline::run(&mut *source, options, &mut names)?;
        Ok(Choice::Listed(names.into_inner().into_inner().0))
    }
}

/// The names of conversations of which something passed a filter.
#[derive(Default)]
struct Names(HashSet<ConnId>);

impl Sink for Names {
    fn event(&mut self, event: &Event<'_>) {
        self.0.extend(event.conn);
    }
}

impl Gather for Names {
    fn fresh(&self) -> Self {
        Names::default()
    }

    fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl RunReport {
    /// Notes of how many rows the filter was true.
    pub(super) fn matched(self, rows: u64) -> Self {
        RunReport { matched: Some(rows), ..self }
    }

    /// Gives the output its name and says what would otherwise be missed.
    pub(super) fn end(self, to: io::Result<Destination>, plan: &Plan<'_>) -> anyhow::Result<Outcome> {
        let Plan { input, output, filter, .. } = plan;
        let mut kept = None;
        if !self.closed {
            let finish = |to: Destination| {
                if self.interrupted.is_some() { to.abandon().map(|path| kept = path) } else { to.finish() }
            };
            to.and_then(finish).map_err(|source| name(output, source))?;
        }
        let nothing = filter.as_ref().filter(|_| self.matched == Some(0));
        if !input.quiet {
            if !plan.explains {
                report::say(&self.summary, self.unreadable.as_deref());
            }
            if let Some(wanted) = nothing {
                report::nothing_matches(&wanted.text, &self.summary);
            }
            if self.ended {
                report::ended(&self.summary, self.written, &self.counts);
            }
        }
        if let Some((signal, progress)) = self.interrupted {
            report::interrupted(stop::signal_name(signal), progress, &self.summary);
        }
        if let Some(path) = kept {
            report::kept(&path);
        }
        if let Some(saved) = self.saved {
            saved.context("not all packets were saved")?;
        }
        if self.summary.damaged > 0 {
            anyhow::bail!("an input is damaged or cut short; what could be read of it is in the output");
        }
        Ok(match self.interrupted {
            Some((signal, _)) => Outcome::Interrupted(signal),
            None if output.exit_code && nothing.is_some() => Outcome::NoMatch,
            None => Outcome::Fine,
        })
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
    /// Returns what hears of every conversation that begins or is refused, and saves the packets of those chosen.
    fn hook(&self, choice: Choice) -> Hook {
        let (progress, saver) = (self.progress.clone(), self.saver.clone());
        Arc::new(move |event| {
            let (Kind::Opened(opening) | Kind::Rejected(Rejected { opening, .. })) = event.kind else {
                return;
            };
            if matches!(event.kind, Kind::Opened(_)) {
                progress.count();
            }
            if let Some(saver) = saver.as_ref().filter(|_| choice.takes(event)) {
                saver.keep(opening.client, opening.server);
            }
        })
    }

    /// Treats a pipe that its reader closed as the end, not as a failure.
    fn stop_if_closed(&mut self, result: io::Result<Control>) -> io::Result<Control> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(Control::Stop)
            }
            other => other,
        }
    }

    /// Ends the source where packets go to standard output and nobody wants more: what was seen is still told.
    fn stop_if_packets_are_unwanted(&self) {
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
        self.stop_if_closed(result)
    }

    fn delivered(&mut self) {
        self.progress.show();
        self.output.delivered();
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.stop_if_packets_are_unwanted();
        if self.closed || self.stdout && is_closed() {
            self.closed = true;
            return Ok(Control::Stop);
        }
        let result = self.output.pause();
        self.stop_if_closed(result)
    }

    fn collected(&mut self, collector: O::Collector) {
        self.output.collected(collector);
    }
}
