//! The arguments of a command, checked for consistency.

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
    /// Checks the arguments.
    ///
    /// # Errors
    ///
    /// Fails if they contradict each other.
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

/// A run that the command line requests.
pub(super) struct Plan<'a> {
    pub(super) input: &'a Input,
    pub(super) output: &'a Output,
    /// The filter on the input; `None` selects everything.
    pub(super) filter: Option<Wanted>,
    /// The number of messages after which it ends.
    pub(super) count: Option<u64>,
    /// Whether the output may go through a pager.
    pub(super) paged: bool,
    /// Whether the output itself explains why nothing is shown.
    pub(super) explains: bool,
}

/// A filter, and how the user wrote it.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) text: String,
}

impl Plan<'_> {
    /// Ends after `count` messages.
    #[must_use]
    pub(super) fn stop_after(self, count: Option<u64>) -> Self {
        Plan { count, ..self }
    }

    /// Sends the output through a pager if it goes to a terminal.
    #[must_use]
    pub(super) fn paged(self, paged: bool) -> Self {
        Plan { paged, ..self }
    }

    /// Leaves it to the output to explain why nothing is shown.
    #[must_use]
    pub(super) fn explaining(self) -> Self {
        Plan { explains: true, ..self }
    }

    /// Returns whether the filter determines which packets are saved.
    pub(super) const fn chooses_packets(&self) -> bool {
        self.input.write.is_some() && self.filter.is_some()
    }

    /// Returns whether the filter depends on more than is known when a conversation begins, so that it may match only
    /// some of its messages, and the conversations with a match are known only at the end.
    pub(super) fn filters_messages(&self) -> bool {
        self.filter.as_ref().is_some_and(|wanted| !wanted.filter.is_of_conversation())
    }

    /// Returns which conversations' packets are saved, as far as that is known before reading.
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
    /// All conversations.
    Conversations,
    /// Conversations that match this filter when they begin.
    Matching(Filter),
    /// These conversations.
    Listed(HashSet<ConnId>),
}

impl Choice {
    /// Returns whether the packets of a conversation that begins with this event are saved.
    pub(super) fn takes(&self, event: &Event<'_>) -> bool {
        match self {
            Choice::Conversations => matches!(event.kind, Kind::Opened(_)),
            Choice::Matching(filter) => filter.matches(&Facts::of(event, Timestamp::default())),
            Choice::Listed(names) => event.conn.is_some_and(|conn| names.contains(&conn)),
        }
    }
}
