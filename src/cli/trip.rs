use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::destination::Destination;
use super::progress::Progress;
use super::{args, report, sandbox};
use crate::capture::Saver;
use crate::event::{Event, Kind, Sink};
use crate::export::Format;
use crate::model::Timestamp;
use crate::pipeline::{self, Control, Formatted, Output, Part};

/// Makes the whole trip: reads the files, writes every event in `format`, and says on standard error what would otherwise be
/// missed.
pub(super) fn run(input: &args::Input, output: &args::Output, format: impl Format) -> anyhow::Result<()> {
    let opened = input.open()?;
    let to = Destination::open(output.file.as_deref(), &input.files).with_context(|| opened.whose("cannot write"))?;
    let (mut opened, saver) = input.save(opened)?;
    let quiet = input.quiet || (to.is_stdout() && io::stdout().is_terminal());
    let progress = opened.meter.filter(|_| !quiet).map_or_else(Progress::none, Progress::new);
    if !input.no_sandbox {
        opened.needs.write.extend(to.folder());
        sandbox::enter(&opened.needs)?;
    }
    let stdout = to.is_stdout();
    let mut watched = Watched {
        output: Formatted::new(format, to, output.count),
        progress,
        saver,
        stdout,
        closed: false,
    };
    let result = pipeline::run(&mut *opened.source, &input.options(), &mut watched);
    watched.progress.clear();
    let saved = watched.saver.as_ref().map(Saver::finish);
    let summary = result?;
    report::check(&summary)?;
    let to = watched.output.finish().map_err(pipeline::Error::Write);
    let to = if watched.closed { None } else { Some(to?) };
    to.map_or(Ok(()), Destination::finish).map_err(|source| name(output.file.as_deref(), source))?;
    if !input.quiet {
        report::say(&summary);
        if let Some(counts) = opened.counts {
            report::live(&summary, &counts.now());
        }
    }
    if let Some(saved) = saved {
        saved.context("not all packets were saved")?;
    }
    Ok(())
}

fn name(file: Option<&Path>, error: io::Error) -> anyhow::Error {
    let file = file.map_or_else(|| "standard output".into(), |file| file.to_string_lossy());
    anyhow::Error::new(error).context(format!("cannot write {file}"))
}

/// Shows progress while an output is filled.
struct Watched<O> {
    output: O,
    progress: Progress,
    saver: Option<Saver>,
    /// It goes to standard output, which a reader may close.
    stdout: bool,
    /// Nobody reads any more.
    closed: bool,
}

impl<O> Watched<O> {
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

    /// Tells whether nobody reads, without having anything to say.
    fn is_closed(&self) -> bool {
        let stdout = io::stdout();
        let mut list = [PollFd::new(&stdout, PollFlags::empty())];
        let ready = self.stdout && poll(&mut list, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
        ready && list[0].revents().contains(PollFlags::ERR)
    }
}

impl<O: Output> Output for Watched<O> {
    type Part = WatchedPart<O::Part>;

    fn part(&self) -> Self::Part {
        WatchedPart { part: self.output.part(), progress: self.progress.clone(), saver: self.saver.clone() }
    }

    fn memory(&self) -> <Self::Part as Part>::Memory {
        self.output.memory()
    }

    fn start(&mut self, first: Timestamp) {
        self.output.start(first);
    }

    fn take(&mut self, part: &Self::Part, range: Range<usize>) -> io::Result<Control> {
        self.progress.show();
        if self.closed {
            return Ok(Control::Stop);
        }
        let result = self.output.take(&part.part, range);
        self.heed(result)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.progress.show();
        if self.closed || self.is_closed() {
            self.closed = true;
            return Ok(Control::Stop);
        }
        let result = self.output.pause();
        self.heed(result)
    }

    fn remembered(&mut self, memory: <Self::Part as Part>::Memory) {
        self.output.remembered(memory);
    }
}

struct WatchedPart<P> {
    part: P,
    progress: Progress,
    saver: Option<Saver>,
}

impl<P: Part> Sink for WatchedPart<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.progress.count(event);
        if let (Some(saver), Kind::Opened(opened)) = (&self.saver, &event.kind)
            && opened.established
        {
            saver.keep(opened.client, opened.server);
        }
        self.part.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.part.wants_frames()
    }
}

impl<P: Part> Part for WatchedPart<P> {
    type Memory = P::Memory;

    fn exchange(&mut self, memory: &mut Self::Memory) {
        self.part.exchange(memory);
    }

    fn mark(&self) -> usize {
        self.part.mark()
    }

    fn clear(&mut self) {
        self.part.clear();
    }
}
