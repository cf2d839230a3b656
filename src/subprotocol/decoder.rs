//! The interface of the decoders.

use std::fmt;
use std::hash::Hash;

use crate::model::{Anomaly, At, Side};

use super::input::Input;
use super::pairs::Pairs;
use super::unit::{Draft, Earlier, Role, Units};

/// A decoder for the messages of one conversation; one type per sub-protocol.
///
/// It has no clock, no callbacks and no errors: violations by the peers are anomalies, and whatever does not fit the
/// protocol at all is a [contradiction](Out::contradiction).
pub(super) trait Decoder: fmt::Debug + Send {
    /// Processes a message and emits the units that end in it, of which there may be any number.
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>);

    /// Notes that an unknown number of frames of one side was lost before the next message.
    fn lost(&mut self, _from: Side) {}

    /// Notes that the conversation has ended.
    fn end(&mut self, _out: &mut Out<'_>) {}

    /// Returns the memory allocated beyond its own size, in bytes.
    fn allocated(&self) -> usize {
        0
    }
}

/// The destination of a message's units.
#[derive(Debug)]
pub(super) struct Out<'o> {
    pub(super) units: &'o mut Units,
    pub(super) pairs: &'o mut Pairs,
    /// The message at the outermost level.
    pub(super) payload: &'o [u8],
    pub(super) from: Side,
    pub(super) first: At,
    pub(super) at: At,
    /// The sub-protocol whose messages contain this one.
    pub(super) inside: Option<&'static str>,
    pub(super) depth: u8,
    pub(super) contradictions: u32,
    /// The code of the close frame, at the end of a conversation that has one.
    pub(super) close: Option<u16>,
}

impl Out<'_> {
    /// Begins a unit; it is emitted with whatever is set on it.
    pub(super) fn unit(&mut self, protocol: &'static str, kind: &'static str) -> UnitBuilder<'_> {
        let index = self.units.begin(protocol, kind, self.first);
        let mut draft = Draft { units: self.units, payload: self.payload, index };
        draft.inside(self.inside);
        UnitBuilder { draft, pairs: self.pairs, from: self.from, first: self.first, at: self.at }
    }

    /// Returns whether the receiver of this message asked this question and waits for the answer.
    pub(super) fn is_asked(&self, scope: u64, id: impl Hash) -> bool {
        self.pairs.is_asked(!self.from, scope, id)
    }

    /// Returns whether the sender of this message asked this question and waits for the answer.
    pub(super) fn has_asked(&self, scope: u64, id: impl Hash) -> bool {
        self.pairs.is_asked(self.from, scope, id)
    }

    /// Returns the number of answers without a question.
    pub(super) fn unmatched_answers(&self) -> u64 {
        self.pairs.unmatched_answers()
    }

    /// Notes that the message ends with part of a unit that continues in a later one.
    pub(super) fn part(&mut self) {
        self.units.set_part();
    }

    /// Notes that the message does not belong to this protocol.
    pub(super) fn contradiction(&mut self) {
        self.contradictions = self.contradictions.saturating_add(1);
    }

    /// Reports a violation of the protocol.
    pub(super) fn anomaly(&mut self, anomaly: Anomaly) {
        self.units.anomaly(anomaly);
    }

    /// Calls `decode` for an earlier message and marks its units as such.
    pub(super) fn replay(&mut self, earlier: Earlier, first: At, decode: impl FnOnce(&mut Out<'_>)) {
        let Earlier { from, at } = earlier;
        self.units.begin_earlier(earlier);
        decode(&mut Out { units: self.units, pairs: self.pairs, payload: &[], from, first, at, ..*self });
        self.units.end_earlier();
    }

    pub(super) fn mistaken(&mut self, protocol: &'static str) {
        self.anomaly(Anomaly::SubprotocolMistaken { protocol });
    }
}

/// A unit under construction, with access to the table of questions.
///
/// Everything in [`Draft`] can be set on it; questions and answers must come last, because they use its name.
#[derive(Debug)]
pub(super) struct UnitBuilder<'o> {
    draft: Draft<'o>,
    pairs: &'o mut Pairs,
    from: Side,
    first: At,
    at: At,
}

impl<'o> std::ops::Deref for UnitBuilder<'o> {
    type Target = Draft<'o>;

    fn deref(&self) -> &Draft<'o> {
        &self.draft
    }
}

impl<'o> std::ops::DerefMut for UnitBuilder<'o> {
    fn deref_mut(&mut self) -> &mut Draft<'o> {
        &mut self.draft
    }
}

impl UnitBuilder<'_> {
    /// Makes it a question, to be answered by its receiver under the same scope and ID.
    ///
    /// Scopes separate IDs that are numbered independently: those of namespaces, or of kinds of packets.
    pub(super) fn ask(&mut self, scope: u64, id: impl Hash) {
        self.draft.role(Role::Question);
        let latency = self.pairs.ask(self.from, scope, id, self.draft.current_name(), self.at);
        if let Some(latency) = latency {
            self.draft.latency(latency);
        }
    }

    /// Makes it a question that may remain unanswered without being reported at the end.
    pub(super) fn may_ask(&mut self, scope: u64, id: impl Hash + Copy) {
        self.ask(scope, id);
        self.pairs.set_optional(self.from, scope, id);
    }

    /// Makes it the answer to a question of its receiver; returns whether that question was seen.
    pub(super) fn answer(&mut self, scope: u64, id: impl Hash) -> bool {
        self.draft.role(Role::Answer);
        match self.pairs.answer(!self.from, scope, id, self.first) {
            Some((asked, latency)) => {
                self.draft.answers(asked.at, Some(latency));
                if let Some(name) = asked.name {
                    self.draft.of(&name);
                }
                true
            }
            None => false,
        }
    }

    /// Makes it an item of the answer to a question of its receiver; returns whether that question was seen.
    pub(super) fn progress(&mut self, scope: u64, id: impl Hash) -> bool {
        self.draft.role(Role::Progress);
        match self.pairs.progress(!self.from, scope, id, self.first) {
            Some((question, name, latency)) => {
                self.draft.answers(question, latency);
                if let Some(name) = name {
                    self.draft.of(name);
                }
                true
            }
            None => false,
        }
    }

    /// Notes that it continues a question of its own sender, and sets the name of that question.
    pub(super) fn continues(&mut self, scope: u64, id: impl Hash) {
        if let Some(name) = self.pairs.name(self.from, scope, id) {
            self.draft.of(name);
        }
    }

    /// Makes it the end of a question of its own sender: no answer will come any more.
    pub(super) fn cancel(&mut self, scope: u64, id: impl Hash) {
        if let Some(name) = self.pairs.cancel(self.from, scope, id) {
            self.draft.of(&name);
        }
    }

    /// Sets where it began; the latency of an answer spanning several messages ends there.
    pub(super) fn took(&mut self, first: At, messages: u32) -> &mut Self {
        self.draft.took(first, messages);
        self.first = first;
        self
    }
}
