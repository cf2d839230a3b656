//! Questions and the answers to them.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Duration;

use ahash::RandomState;
use hashbrown::HashMap;

use crate::model::{At, Side};
use crate::text::beginning;

/// Bounds the number of unanswered questions per conversation; the oldest is dropped first.
pub(super) const MAX_WAITING: usize = 1024;

/// Bounds the number of stored answers that became known before their question.
const MAX_EARLY: usize = 64;

/// Bounds the number of unanswered questions named at the end.
const MAX_NAMED: usize = 256;

/// Bounds the stored part of a name, in bytes.
const MAX_NAME: usize = 128;

/// A matcher of questions and answers, by the asking side and the protocol's ID of the question.
///
/// The latency is the time from the last byte of the question to the first byte of the answer: delays due to reassembly
/// or to waiting for lost bytes do not count. If a gap delayed one side, its answer may become known before the
/// question; it is then stored here as an early answer.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    waiting: HashMap<u64, OpenQuestion, RandomState>,
    /// The keys in the order in which they were asked, including those answered since.
    order: VecDeque<(u64, u64)>,
    early: VecDeque<(u64, At)>,
    asked: u64,
    forgotten: u64,
    replaced: u64,
}

#[derive(Debug)]
struct OpenQuestion {
    number: u64,
    at: At,
    name: Option<Box<str>>,
    /// Whether part of the answer was seen: the first item of a stream.
    begun: bool,
    /// Whether it may remain unanswered.
    optional: bool,
}

/// A question from the table.
#[derive(Debug)]
pub(super) struct Question {
    /// The packet that completed it.
    pub(super) at: At,
    /// The name of the question.
    pub(super) name: Option<Box<str>>,
}

/// The questions that were unanswered at the end of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// The sub-protocol; `None` if unknown.
    pub protocol: Option<&'static str>,
    /// The number of unanswered questions, without those dropped at the bound.
    pub count: u64,
    /// The names of the first named ones.
    pub names: Vec<Box<str>>,
    /// The number of questions dropped because more were open than the bound allows.
    pub forgotten: u64,
}

impl Pairs {
    /// Returns the key of a question: the asking side, the scope, and the ID within it.
    fn key(&self, asker: Side, scope: u64, id: impl Hash) -> u64 {
        self.waiting.hasher().hash_one((asker, scope, id))
    }

    /// Adds a question; returns the latency of its answer if that became known earlier.
    pub(super) fn ask(
        &mut self,
        asker: Side,
        scope: u64,
        id: impl Hash,
        name: Option<&str>,
        at: At,
    ) -> Option<Duration> {
        let key = self.key(asker, scope, id);
        if let Some(index) =
            self.early.iter().position(|(early, first)| *early == key && first.packet > at.packet)
        {
            let (_, first) = self.early.remove(index)?;
            return Some(first.time.since(at.time));
        }
        self.asked = self.asked.saturating_add(1);
        self.make_room();
        let name = name.map(|name| beginning(name, MAX_NAME).into());
        let waiting = OpenQuestion { number: self.asked, at, name, begun: false, optional: false };
        if self.waiting.insert(key, waiting).is_some() {
            self.replaced = self.replaced.saturating_add(1);
        }
        self.order.push_back((key, self.asked));
        None
    }

    /// Notes that a question may remain unanswered.
    pub(super) fn set_optional(&mut self, asker: Side, scope: u64, id: impl Hash) {
        let key = self.key(asker, scope, id);
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.optional = true;
        }
    }

    /// Returns whether a question is waiting for its answer.
    pub(super) fn is_asked(&self, asker: Side, scope: u64, id: impl Hash) -> bool {
        self.waiting.contains_key(&self.key(asker, scope, id))
    }

    /// Returns the name of a question that is waiting for its answer.
    pub(super) fn name(&self, asker: Side, scope: u64, id: impl Hash) -> Option<&str> {
        self.waiting.get(&self.key(asker, scope, id))?.name.as_deref()
    }

    /// Removes and returns the question that an answer ends; `first` is where the answer began.
    pub(super) fn answer(
        &mut self,
        asker: Side,
        scope: u64,
        id: impl Hash,
        first: At,
    ) -> Option<(Question, Duration)> {
        let key = self.key(asker, scope, id);
        let Some(waiting) = self.waiting.remove(&key) else {
            if self.early.len() >= MAX_EARLY {
                self.early.pop_front();
            }
            self.early.push_back((key, first));
            return None;
        };
        let latency = first.time.since(waiting.at.time);
        Some((Question { at: waiting.at, name: waiting.name }, latency))
    }

    /// Looks up the question to which an item of a stream belongs; there is a latency only for the first item.
    pub(super) fn progress(
        &mut self,
        asker: Side,
        scope: u64,
        id: impl Hash,
        first: At,
    ) -> Option<(At, Option<&str>, Option<Duration>)> {
        let key = self.key(asker, scope, id);
        let waiting = self.waiting.get_mut(&key)?;
        let latency = (!waiting.begun).then(|| first.time.since(waiting.at.time));
        waiting.begun = true;
        Some((waiting.at, waiting.name.as_deref(), latency))
    }

    /// Withdraws a question: its sender no longer expects an answer.
    pub(super) fn cancel(&mut self, asker: Side, scope: u64, id: impl Hash) -> Option<Box<str>> {
        let key = self.key(asker, scope, id);
        self.waiting.remove(&key).and_then(|waiting| waiting.name)
    }

    /// Returns the number of answers without a question, among the last [`MAX_EARLY`].
    pub(super) fn unmatched_answers(&self) -> u64 {
        self.early.len() as u64
    }

    /// Removes and returns what was never answered.
    pub(super) fn end(&mut self) -> Unanswered {
        let mut rest: Vec<_> =
            self.waiting.drain().map(|(_, waiting)| waiting).filter(|waiting| !waiting.optional).collect();
        rest.sort_unstable_by_key(|waiting| waiting.number);
        let count = (rest.len() as u64).saturating_add(self.replaced);
        let names = rest.into_iter().filter_map(|waiting| waiting.name).take(MAX_NAMED).collect();
        self.order.clear();
        Unanswered { protocol: None, count, names, forgotten: self.forgotten }
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let entry = size_of::<(u64, OpenQuestion)>().saturating_add(MAX_NAME);
        self.waiting
            .len()
            .saturating_mul(entry)
            .saturating_add(self.order.capacity().saturating_mul(size_of::<(u64, u64)>()))
            .saturating_add(self.early.capacity().saturating_mul(size_of::<(u64, At)>()))
    }

    fn make_room(&mut self) {
        while self.waiting.len() >= MAX_WAITING
            && let Some((key, number)) = self.order.pop_front()
        {
            if self.waiting.get(&key).is_some_and(|waiting| waiting.number == number) {
                self.waiting.remove(&key);
                self.forgotten = self.forgotten.saturating_add(1);
            }
        }
        if self.order.len() >= MAX_WAITING.saturating_mul(2) {
            let waiting = &self.waiting;
            self.order
                .retain(|(key, number)| waiting.get(key).is_some_and(|waiting| waiting.number == *number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn at(packet: u64) -> At {
        At { packet, time: Timestamp::from_nanos(packet as i64 * 1000) }
    }

    #[test]
    fn an_answer_finds_its_question_once() {
        let mut pairs = Pairs::default();
        assert_eq!(pairs.ask(Side::Client, 0, "1", Some("chat"), at(3)), None);
        assert!(pairs.answer(Side::Server, 0, "1", at(5)).is_none(), "the server asked nothing");
        let (asked, latency) = pairs.answer(Side::Client, 0, "1", at(5)).unwrap();
        assert_eq!((asked.at, asked.name.as_deref(), latency.as_nanos()), (at(3), Some("chat"), 2000));
        assert!(pairs.answer(Side::Client, 0, "1", at(6)).is_none());
    }

    #[test]
    fn an_answer_that_was_known_first_finds_its_question() {
        let mut pairs = Pairs::default();
        assert!(pairs.answer(Side::Client, 0, "1", at(5)).is_none());
        let latency = pairs.ask(Side::Client, 0, "1", None, at(3)).unwrap();
        assert_eq!(latency.as_nanos(), 2000);
        assert_eq!(pairs.end().count, 0);
    }

    #[test]
    fn an_answer_from_before_answers_no_later_question_with_its_id() {
        let mut pairs = Pairs::default();
        assert!(pairs.answer(Side::Client, 0, "1", at(2)).is_none());
        assert_eq!(pairs.ask(Side::Client, 0, "1", None, at(3)), None);
        assert_eq!(pairs.end().count, 1);
    }

    #[test]
    fn a_stream_has_the_latency_of_its_first_item_and_ends_once() {
        let mut pairs = Pairs::default();
        pairs.ask(Side::Client, 7, 1_u64, Some("ticks"), at(1));
        assert_eq!(
            pairs.progress(Side::Client, 7, 1_u64, at(4)),
            Some((at(1), Some("ticks"), Some(Duration::from_nanos(3000))))
        );
        assert_eq!(pairs.progress(Side::Client, 7, 1_u64, at(5)), Some((at(1), Some("ticks"), None)));
        assert!(pairs.answer(Side::Client, 7, 1_u64, at(9)).is_some());
        assert!(pairs.progress(Side::Client, 7, 1_u64, at(10)).is_none());
    }

    #[test]
    fn a_flood_of_questions_and_answers_is_bounded() {
        let mut pairs = Pairs::default();
        for n in 0..20_000_u64 {
            pairs.ask(Side::Client, 0, n, Some("flood"), at(n));
            pairs.answer(Side::Server, 0, n, at(n));
            if n % 3 == 0 {
                pairs.answer(Side::Client, 0, n, at(n));
            }
            assert!(pairs.waiting.len() <= MAX_WAITING && pairs.early.len() <= MAX_EARLY);
            assert!(pairs.order.len() <= 2 * MAX_WAITING);
        }
        let left = pairs.end();
        assert_eq!((left.count, left.names.len()), (MAX_WAITING as u64, MAX_NAMED));
        assert!(left.forgotten > 10_000);
    }
}
