//! The steps of a run, in order: open the input, open the output, begin to save, confine the program, run, finish, and
//! report what was not shown.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::destination::Destination;
use super::input::Opened;
use super::monitored::Monitored;
use super::plan::{Choice, Plan};
use super::progress::Progress;
use super::{Outcome, args, report, sandbox, stop};
use crate::capture::{self, Count, Counts, ReadProgress, Saver};
use crate::event::{ConnId, Event, Gather, Output, Reducer, RunStats, Sink};
use crate::export::{Format, Formatted};
use crate::filter::FilteredOutput;
use crate::pipeline::{self, Summary};
use crate::session::Keys;

/// Reads the input, writes every event in `format`, and reports on standard error what was not shown.
pub(super) fn write(plan: &Plan<'_>, format: impl Format) -> anyhow::Result<Outcome> {
    let (run, to, partial) = begin(plan)?;
    partial.reported_after(|| {
        let run = run.enter(&to)?;
        let formatted = Formatted::new(format, to, plan.count);
        let (formatted, mut report) = match &plan.filter {
            None => run.make(formatted)?,
            Some(wanted) => {
                let (filtered, report) = run.make(FilteredOutput::new(wanted.filter.clone(), formatted))?;
                let matched = filtered.matched();
                (filtered.into_inner(), report.matched(matched))
            }
        };
        report.written = formatted.tally();
        report.end(formatted.finish(), plan)
    })
}

/// Reads the input for results that are available only at the end; `tell` reports them.
pub(super) fn gather<G: Gather>(
    plan: &Plan<'_>,
    whole: G,
    tell: impl FnOnce(G, &RunReport, &mut Destination) -> io::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let (run, mut to, partial) = begin(plan)?;
    partial.reported_after(|| {
        let run = run.enter(&to)?;
        let (whole, report) = match &plan.filter {
            None => run.make(Reducer::new(whole))?,
            Some(wanted) => {
                let reducer = FilteredOutput::new(wanted.filter.clone(), Reducer::new(whole));
                let (filtered, report) = run.make(reducer)?;
                let matched = filtered.matched();
                (filtered.into_inner(), report.matched(matched))
            }
        };
        let mut found = Outcome::Fine;
        let told = tell(whole.into_inner(), &report, &mut to).map(|outcome| {
            found = outcome;
            to
        });
        Ok(match report.end(told, plan)? {
            Outcome::Fine => found,
            other => other,
        })
    })
}

/// Opens the input and the output.
fn begin<'a>(plan: &'a Plan<'a>) -> anyhow::Result<(Run<'a>, Destination, PartialOutput)> {
    let paged = plan.paged && !plan.input.comes_once() && plan.output.is_terminal();
    let opened = plan.input.open(paged)?;
    let file = plan.output.file.as_deref();
    let output = |opened: &Opened, in_place: bool| {
        if in_place {
            Destination::in_place(file, &plan.input.files)
        } else {
            Destination::open(file, &plan.input.files, &opened.who())
        }
    };
    let (opened, saver, mut to) = plan.input.settle(opened, plan.chooses_packets(), output)?;
    if plan.input.is_endless() {
        to = to.until(&opened.stopped)?;
    } else if paged {
        to = to.through_pager();
    }
    // If the input can be read again, exporting again is better.
    let partial = if plan.input.comes_once() { to.keep() } else { None };
    Ok((Run::new(plan, opened, saver), to, PartialOutput(partial)))
}

/// The path of an unfinished output, if it is kept.
struct PartialOutput(Option<PathBuf>);

impl PartialOutput {
    /// Does the work, and reports where the partial output is if it fails.
    fn reported_after(self, work: impl FnOnce() -> anyhow::Result<Outcome>) -> anyhow::Result<Outcome> {
        let result = work();
        if let (Err(_), Some(path)) = (&result, self.0.filter(|path| path.exists())) {
            report::kept(&path);
        }
        result
    }
}

/// A run that is ready to start.
struct Run<'a> {
    plan: &'a Plan<'a>,
    opened: Opened,
    progress: Progress,
    saver: Option<Saver>,
    stdout: bool,
}

/// The results of a run that are still to be reported.
pub(super) struct RunReport {
    pub(super) summary: Summary,
    /// The inputs with packets of a link type that cannot be read.
    unreadable: Option<String>,
    /// What was written, if the output ended before the input did.
    written: Option<RunStats>,
    /// How many rows matched the filter, if there is one.
    matched: Option<u64>,
    saved: Option<Result<u64, crate::capture::Error>>,
    counts: Vec<Count>,
    /// Whether the input had no end of its own.
    ended: bool,
    /// Whether a stop was requested before the files were read to their end.
    pub(super) stopped_early: bool,
    /// The signal that stopped reading before the files ended, and the progress at that time.
    interrupted: Option<(u8, capture::Progress)>,
    /// Whether the reader closed the output early.
    closed: bool,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan<'a>, opened: Opened, saver: Option<Saver>) -> Self {
        Run { plan, opened, progress: Progress::none(), saver, stdout: false }
    }

    /// Confines the program.
    fn enter(self, to: &Destination) -> anyhow::Result<Self> {
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

    fn make<O: Output>(mut self, output: O) -> anyhow::Result<(O, RunReport)> {
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
        let keys = watch_keys(options.keys, watched.saver.as_ref());
        let options = pipeline::Options { hook: Some(watched.hook(choice)), keys, ..options };
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
            // An input without an end of its own is summarised.
            ended: self.plan.input.is_endless(),
            stopped_early: meter.is_some(),
            interrupted: self.opened.heard.signal().zip(meter.map(ReadProgress::progress)),
            closed: watched.closed,
        };
        Ok((watched.output, report))
    }

    /// Returns which packets are saved; if that is known only at the end, the files are read once for it.
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
    /// Sets how many rows matched the filter.
    fn matched(self, rows: u64) -> Self {
        RunReport { matched: Some(rows), ..self }
    }

    /// Gives the output its name and reports what was not shown.
    fn end(self, to: io::Result<Destination>, plan: &Plan<'_>) -> anyhow::Result<Outcome> {
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
                report::say(&self.summary, self.unreadable.as_deref(), input.filter.as_deref());
                if self.summary.conversations == 0
                    && let Some(streams) = report::streams(&self.summary, input.also())
                {
                    report::note(&streams);
                }
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
        report::damage(&self.summary)?;
        Ok(match self.interrupted {
            Some((signal, _)) => Outcome::Interrupted(signal),
            None if output.exit_code && nothing.is_some() => Outcome::NoMatch,
            None => Outcome::Fine,
        })
    }
}

/// Makes the saver save the secrets of each connection with it.
pub(super) fn watch_keys(keys: Keys, saver: Option<&Saver>) -> Keys {
    let Some(saver) = saver.cloned() else { return keys };
    keys.watched(Arc::new(move |found| {
        saver.needs(found.client_random, (found.client, found.server), found.packet);
    }))
}

/// Adds the name of the output that could not be written.
fn name(output: &args::Output, error: io::Error) -> anyhow::Error {
    let file = output.file.as_ref().filter(|file| *file != Path::new("-"));
    let file = file.map_or_else(|| "standard output".into(), |file| file.to_string_lossy());
    anyhow::Error::new(error).context(format!("cannot write {file}"))
}
