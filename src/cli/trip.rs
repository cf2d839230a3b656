use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::Path;

use super::destination::Destination;
use super::progress::Progress;
use super::{args, report};
use crate::capture::Files;
use crate::event::{Event, Sink};
use crate::export::Format;
use crate::model::Timestamp;
use crate::pipeline::{self, Control, Formatted, Output, Part};

/// Makes the whole trip: reads the files, writes every event in `format`, and says on standard error what would otherwise be
/// missed.
pub(super) fn run(input: &args::Input, output: &args::Output, format: impl Format) -> anyhow::Result<()> {
    let mut source = Files::open(&input.files)?;
    let to = Destination::open(output.file.as_deref(), &input.files)?;
    let quiet = input.quiet || (to.is_stdout() && io::stdout().is_terminal());
    let progress = if quiet { Progress::none() } else { Progress::new(source.meter()) };
    let mut watched = Watched { output: Formatted::new(format, to, output.count), progress };
    let result = pipeline::run(&mut source, &input.options(), &mut watched);
    watched.progress.clear();
    let summary = result?;
    report::check(&summary)?;
    let to = watched.output.finish().map_err(pipeline::Error::Write)?;
    to.finish().map_err(|source| name(output.file.as_deref(), source))?;
    if !input.quiet {
        report::say(&summary);
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
}

impl<O: Output> Output for Watched<O> {
    type Part = WatchedPart<O::Part>;

    fn part(&self) -> Self::Part {
        WatchedPart { part: self.output.part(), progress: self.progress.clone() }
    }

    fn start(&mut self, first: Timestamp) {
        self.output.start(first);
    }

    fn take(&mut self, part: &Self::Part, range: Range<usize>) -> io::Result<Control> {
        self.progress.show();
        self.output.take(&part.part, range)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.progress.show();
        self.output.pause()
    }
}

struct WatchedPart<P> {
    part: P,
    progress: Progress,
}

impl<P: Part> Sink for WatchedPart<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.progress.count(event);
        self.part.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.part.wants_frames()
    }
}

impl<P: Part> Part for WatchedPart<P> {
    fn mark(&self) -> usize {
        self.part.mark()
    }

    fn clear(&mut self) {
        self.part.clear();
    }
}
