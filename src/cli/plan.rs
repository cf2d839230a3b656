//! What a command is asked to do, checked as a whole.

use std::collections::HashSet;

use super::args::{Input, Output};
use super::conflicts;
use super::selection::Selection;
use crate::event::{ConnId, Event, Kind};
use crate::filter::{Facts, Filter};
use crate::model::Timestamp;

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
        if plan.chooses_packets() && plan.filters_messages() && input.comes_once() {
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
    pub(super) count: Option<u64>,
    /// The output may go through a pager.
    pub(super) paged: bool,
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

    /// Returns whether only some packets are saved, by the filter.
    pub(super) const fn chooses_packets(&self) -> bool {
        self.input.write.is_some() && self.filter.is_some()
    }

    /// Returns whether the filter asks for more than is known when a conversation begins, so that it may be true of a part of
    /// one, and only the end tells of which.
    pub(super) fn filters_messages(&self) -> bool {
        self.filter.as_ref().is_some_and(|wanted| !wanted.filter.is_of_conversation())
    }

    /// Returns which conversations' packets are saved, as far as that is known before anything is read.
    pub(super) fn choice(&self) -> Choice {
        match &self.filter {
            Some(wanted) if self.chooses_packets() && !self.filters_messages() => {
                Choice::Matching(wanted.filter.clone())
            }
            // The first pass lists them.
            Some(_) if self.chooses_packets() => Choice::Listed(HashSet::default()),
            _ => Choice::Conversations,
        }
    }
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
    /// Returns whether the packets of a conversation are saved that begins so.
    pub(super) fn takes(&self, event: &Event<'_>) -> bool {
        match self {
            Choice::Conversations => matches!(event.kind, Kind::Opened(_)),
            Choice::Matching(filter) => filter.matches(&Facts::of(event, Timestamp::default())),
            Choice::Listed(names) => event.conn.is_some_and(|conn| names.contains(&conn)),
        }
    }
}
