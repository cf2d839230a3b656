//! What a command is asked to do, checked as a whole, and the one order in which it is done: check what conflicts, open the
//! input, open the output, begin to save, shut the program in, run, finish.

use std::io;
use std::path::PathBuf;

use super::args::{Input, Output};
use super::destination::Destination;
use super::input::Opened;
use super::run::{Choice, Run, RunReport};
use super::selection::Selection;
use super::{Outcome, conflicts, report};
use crate::event::{Gather, Reducer};
use crate::export::{Format, Formatted};
use crate::filter::{Filter, FilteredOutput};

/// The arguments of every command that reads captures to the end.
#[derive(Debug, clap::Args)]
pub(super) struct Request {
    #[command(flatten)]
    pub(super) input: Input,

    #[command(flatten)]
    pub(super) selection: Selection,

    #[command(flatten)]
    pub(super) output: Output,
}

impl Request {
    /// Checks what is asked.
    ///
    /// # Errors
    ///
    /// Where parts of it contradict each other.
    pub(super) fn plan(&self) -> anyhow::Result<Plan<'_>> {
        let Request { input, selection, output } = self;
        conflicts::check(input, output.file.as_deref())?;
        let wanted = selection.filter()?.zip(selection.text());
        let filter = wanted.map(|(filter, text)| Wanted { filter, text });
        let plan = Plan { input, output, filter, count: None, paged: false, explains: false };
        if plan.chooses_packets() && plan.needs_two_passes() && input.comes_once() {
            anyhow::bail!(
                "-w cannot save by this filter what is read only once: a filter of what is known when a conversation begins \
                 can be used (conn, url, host, path, subprotocol, addresses and ports); or save all, and choose from the file"
            );
        }
        Ok(plan)
    }
}

/// A run that the command line asks for.
pub(super) struct Plan<'a> {
    pub(super) input: &'a Input,
    pub(super) output: &'a Output,
    /// What is wanted of the input; `None` is all.
    pub(super) filter: Option<Wanted>,
    /// It ends after so many messages.
    count: Option<u64>,
    /// The output may go through a pager.
    paged: bool,
    /// The output says by itself why nothing is shown.
    pub(super) explains: bool,
}

/// A filter, and how the user wrote it.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) text: String,
}

impl Plan<'_> {
    /// Ends after so many messages.
    #[must_use]
    pub(super) fn stop_after(self, count: Option<u64>) -> Self {
        Plan { count, ..self }
    }

    /// Lets the output go through a pager where it goes to a terminal.
    #[must_use]
    pub(super) fn paged(self, paged: bool) -> Self {
        Plan { paged, ..self }
    }

    /// Leaves it to the output to say why nothing is shown.
    #[must_use]
    pub(super) fn explaining(self) -> Self {
        Plan { explains: true, ..self }
    }

    /// Tells whether only some packets are saved, by the filter.
    pub(super) const fn chooses_packets(&self) -> bool {
        self.input.write.is_some() && self.filter.is_some()
    }

    /// Tells whether it is only known at the end of a conversation if the filter is true of it.
    pub(super) fn needs_two_passes(&self) -> bool {
        self.filter.as_ref().is_some_and(|wanted| !wanted.filter.is_of_conversation())
    }

    /// Returns which conversations' packets are saved, as far as that is known before anything is read.
    pub(super) fn choice(&self) -> Choice {
        match &self.filter {
            Some(wanted) if self.chooses_packets() && !self.needs_two_passes() => {
                Choice::Matching(wanted.filter.clone())
            }
            // The first pass lists them.
            Some(_) if self.chooses_packets() => Choice::Listed(std::collections::HashSet::default()),
            _ => Choice::Conversations,
        }
    }

    /// Reads the input, writes every event in `format`, and says on standard error what would otherwise be missed.
    pub(super) fn write(&self, format: impl Format) -> anyhow::Result<Outcome> {
        let (run, to, partial) = self.begin()?;
        partial.reported_after(|| {
            let run = run.enter(&to)?;
            let formatted = Formatted::new(format, to, self.count);
            let (formatted, mut report) = match &self.filter {
                None => run.make(formatted)?,
                Some(wanted) => {
                    let (filtered, report) =
                        run.make(FilteredOutput::new(wanted.filter.clone(), formatted))?;
                    let matched = filtered.matched();
                    (filtered.into_inner(), report.matched(matched))
                }
            };
            report.written = formatted.tally();
            report.end(formatted.finish(), self)
        })
    }

    /// Reads the input for what can only be told in the end; `tell` tells it.
    pub(super) fn gather<G: Gather>(
        &self,
        whole: G,
        tell: impl FnOnce(G, &RunReport, &mut Destination) -> io::Result<Outcome>,
    ) -> anyhow::Result<Outcome> {
        let (run, mut to, partial) = self.begin()?;
        partial.reported_after(|| {
            let run = run.enter(&to)?;
            let (whole, report) = match &self.filter {
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
            Ok(match report.end(told, self)? {
                Outcome::Fine => found,
                other => other,
            })
        })
    }

    /// Opens what is read and what is written.
    fn begin(&self) -> anyhow::Result<(Run<'_>, Destination, PartialOutput)> {
        let paged = self.paged && !self.input.comes_once() && self.output.is_terminal();
        let opened = self.input.open(paged)?;
        let file = self.output.file.as_deref();
        let output = |opened: &Opened, in_place: bool| {
            if in_place {
                Destination::in_place(file, &self.input.files)
            } else {
                Destination::open(file, &self.input.files, &opened.who())
            }
        };
        let (opened, saver, mut to) = self.input.settle(opened, self.chooses_packets(), output)?;
        if self.input.is_endless() {
            to = to.until(&opened.stopped)?;
        } else if paged {
            to = to.through_pager();
        }
        // What can be read again is better exported again.
        let partial = if self.input.comes_once() { to.keep() } else { None };
        Ok((Run::new(self, opened, saver), to, PartialOutput(partial)))
    }
}

/// The path of an output that could not be ended, if it is kept.
struct PartialOutput(Option<PathBuf>);

impl PartialOutput {
    /// Does the work, and says where its remains lie if it fails.
    fn reported_after(self, work: impl FnOnce() -> anyhow::Result<Outcome>) -> anyhow::Result<Outcome> {
        let result = work();
        if let (Err(_), Some(path)) = (&result, self.0.filter(|path| path.exists())) {
            report::kept(&path);
        }
        result
    }
}
