use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Timestamp;

/// A matcher of pongs to pings (RFC 6455 §5.5.3).
///
/// A peer that received several pings may answer only the latest, but many implementations answer each, in any order.
/// So a pong answers the latest ping with its payload, and removes older ones with the same payload. Earlier pings with
/// other payloads no longer require a pong but may still be answered.
#[derive(Clone, Debug, Default)]
pub struct Pings {
    waiting: VecDeque<Waiting>,
    /// The last answered payloads that were too long to match by chance.
    answered: VecDeque<Box<[u8]>>,
    longest: Option<Duration>,
}

/// An unanswered ping.
#[derive(Clone, Debug)]
struct Waiting {
    sent: Timestamp,
    payload: Box<[u8]>,
    /// Whether a later one was answered, so that this one requires no pong (RFC 6455 §5.5.3).
    settled: bool,
}

/// An answered ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was sent.
    pub sent: Timestamp,
    /// The novelty of its payload: whoever echoes a new payload must have read it.
    pub novelty: PayloadNovelty,
    /// The longest response time before this one.
    pub longest: Option<Duration>,
}

/// The novelty of an answered ping's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadNovelty {
    /// Too short to rule out a match by chance.
    Accidental,
    /// Equal to a recently answered one, or the first one.
    Repeated,
    /// Different from those recently answered.
    New,
}

/// Pings without a pong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Their number.
    pub pings: u64,
    /// When the first of them was sent.
    pub first: Timestamp,
}

/// The maximum number of unanswered pings remembered; the oldest is dropped first.
const MAX_WAITING: usize = 32;

impl Pings {
    /// Notes a ping.
    pub fn ping(&mut self, time: Timestamp, payload: &[u8]) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { sent: time, payload: payload.into(), settled: false });
    }

    /// Returns the unanswered pings sent after `after` that required a pong: no later ping was answered.
    pub fn unanswered(&self, after: Timestamp) -> Option<Unanswered> {
        let mut due = self.waiting.iter().filter(|ping| !ping.settled && ping.sent > after);
        let first = due.next()?.sent;
        Some(Unanswered { pings: due.count().saturating_add(1) as u64, first })
    }

    /// Drops all pings, after an unknown one was answered.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Returns the ping answered by a pong received at `time`; `None` if there is none.
    pub fn pong(&mut self, time: Timestamp, payload: &[u8]) -> Option<Answered> {
        let latest = self.waiting.iter().rposition(|ping| *ping.payload == *payload)?;
        let sent = self.waiting.get(latest)?.sent;
        self.waiting.iter_mut().take(latest).for_each(|ping| ping.settled = true);
        self.waiting.retain(|ping| *ping.payload != *payload);
        let longest = self.longest;
        self.longest = longest.max(Some(time.since(sent)));
        Some(Answered { sent, novelty: self.novelty(payload), longest })
    }

    /// Records an answered payload and returns its novelty.
    fn novelty(&mut self, payload: &[u8]) -> PayloadNovelty {
        const ACCIDENTAL: usize = 3;
        const REMEMBERED: usize = 8;
        if payload.len() <= ACCIDENTAL {
            return PayloadNovelty::Accidental;
        }
        if self.answered.iter().any(|earlier| **earlier == *payload) {
            return PayloadNovelty::Repeated;
        }
        if self.answered.len() >= REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(payload.into());
        if self.answered.len() > 1 { PayloadNovelty::New } else { PayloadNovelty::Repeated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn sent(pings: &mut Pings, payload: &[u8]) -> Option<Timestamp> {
        pings.pong(at(9), payload).map(|answered| answered.sent)
    }

    #[test]
    fn a_pong_may_answer_only_the_latest_of_several_pings() {
        let mut pings = Pings::default();
        pings.ping(at(1), b"a");
        pings.ping(at(2), b"b");
        pings.ping(at(3), b"a");
        assert_eq!(sent(&mut pings, b"x"), None);
        assert_eq!(sent(&mut pings, b"b"), Some(at(2)));
        assert_eq!(sent(&mut pings, b"a"), Some(at(3)));
        assert_eq!(sent(&mut pings, b"a"), None);
    }

    #[test]
    fn pongs_may_come_in_another_order_than_their_pings() {
        let mut pings = Pings::default();
        for (time, payload) in [(1, b"a"), (2, b"b"), (3, b"c")] {
            pings.ping(at(time), payload);
        }
        assert_eq!(
            [b"c", b"a", b"b"].map(|payload| sent(&mut pings, payload)),
            [3, 1, 2].map(|time| Some(at(time)))
        );
    }

    #[test]
    fn pings_that_wait_are_counted() {
        let mut pings = Pings::default();
        let start = Timestamp::default();
        assert_eq!(pings.unanswered(start), None);
        for (time, payload) in [(1, b"a"), (2, b"b"), (3, b"c")] {
            pings.ping(at(time), payload);
        }
        sent(&mut pings, b"a");
        assert_eq!(pings.unanswered(start), Some(Unanswered { pings: 2, first: at(2) }));
        assert_eq!(pings.unanswered(at(2)), Some(Unanswered { pings: 1, first: at(3) }));
        pings.clear();
        assert_eq!((pings.unanswered(start), sent(&mut pings, b"b")), (None, None));
    }

    #[test]
    fn who_answers_the_latest_ping_owes_no_answer_to_those_before() {
        let mut pings = Pings::default();
        for (time, payload) in [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")] {
            pings.ping(at(time), payload);
        }
        assert_eq!(sent(&mut pings, b"c"), Some(at(3)));
        assert_eq!(pings.unanswered(Timestamp::default()), Some(Unanswered { pings: 1, first: at(4) }));
        // Its pong may still come.
        assert_eq!(sent(&mut pings, b"a"), Some(at(1)));
    }

    #[test]
    fn equal_pings_answered_in_turn_or_once() {
        let mut pings = Pings::default();
        pings.ping(at(1), b"");
        assert_eq!(sent(&mut pings, b""), Some(at(1)));
        pings.ping(at(5), b"");
        pings.ping(at(6), b"");
        assert_eq!(sent(&mut pings, b""), Some(at(6)));
        assert_eq!(sent(&mut pings, b""), None);
    }

    #[test]
    fn a_flood_of_pings_is_bounded() {
        let mut pings = Pings::default();
        for n in 0..10_000_u32 {
            pings.ping(at(i64::from(n)), &n.to_be_bytes());
            assert!(pings.waiting.len() <= MAX_WAITING);
        }
        assert_eq!(sent(&mut pings, &9_999_u32.to_be_bytes()), Some(at(9_999)));
    }

    #[test]
    fn a_payload_is_new_where_it_differs_from_those_before() {
        let mut pings = Pings::default();
        let told = ["aaaa", "aaaa", "b", "bbbb", "aaaa"].map(|payload| {
            pings.ping(at(1), payload.as_bytes());
            pings.pong(at(3), payload.as_bytes()).unwrap().novelty
        });
        assert_eq!(
            told,
            [
                PayloadNovelty::Repeated,
                PayloadNovelty::Repeated,
                PayloadNovelty::Accidental,
                PayloadNovelty::New,
                PayloadNovelty::Repeated
            ]
        );
    }
}
