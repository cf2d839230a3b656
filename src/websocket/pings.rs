use std::collections::VecDeque;

use crate::model::Timestamp;

/// Matches pongs with the pings they answer (RFC 6455 §5.5.3).
///
/// A peer that got several pings may answer the latest alone, and real ones answer each, in any order: a pong answers
/// the latest ping with its payload, and every older one with the same payload is settled with it. Those with another
/// payload may still be answered.
#[derive(Clone, Debug, Default)]
pub struct Pings {
    waiting: VecDeque<(Timestamp, Box<[u8]>)>,
}

/// Pings that nothing answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// How many.
    pub pings: u64,
    /// When the first of them was sent.
    pub first: Timestamp,
}

/// Bounds how many unanswered pings are remembered; the oldest is forgotten first.
const MAX_WAITING: usize = 32;

impl Pings {
    /// Notes a ping.
    pub fn ping(&mut self, time: Timestamp, payload: &[u8]) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((time, payload.into()));
    }

    /// Returns what there is to say of pings that wait for an answer.
    pub fn unanswered(&self) -> Option<Unanswered> {
        let (first, _) = self.waiting.front()?;
        Some(Unanswered { pings: self.waiting.len() as u64, first: *first })
    }

    /// Forgets all pings, for an unknown one was answered.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Returns when the ping was sent that a pong answers; `None` where it answers none.
    pub fn pong(&mut self, payload: &[u8]) -> Option<Timestamp> {
        let (found, _) = self.waiting.iter().rfind(|(_, sent)| **sent == *payload)?;
        let found = *found;
        self.waiting.retain(|(_, sent)| **sent != *payload);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn a_pong_may_answer_only_the_latest_of_several_pings() {
        let mut pings = Pings::default();
        pings.ping(at(1), b"a");
        pings.ping(at(2), b"b");
        pings.ping(at(3), b"a");
        assert_eq!(pings.pong(b"x"), None);
        assert_eq!(pings.pong(b"b"), Some(at(2)));
        assert_eq!(pings.pong(b"a"), Some(at(3)));
        assert_eq!(pings.pong(b"a"), None);
    }

    #[test]
    fn pongs_may_come_in_another_order_than_their_pings() {
        let mut pings = Pings::default();
        for (time, payload) in [(1, b"a"), (2, b"b"), (3, b"c")] {
            pings.ping(at(time), payload);
        }
        assert_eq!(
            [b"c", b"a", b"b"].map(|payload| pings.pong(payload)),
            [3, 1, 2].map(|time| Some(at(time)))
        );
    }

    #[test]
    fn pings_that_wait_are_counted() {
        let mut pings = Pings::default();
        assert_eq!(pings.unanswered(), None);
        for (time, payload) in [(1, b"a"), (2, b"b"), (3, b"c")] {
            pings.ping(at(time), payload);
        }
        pings.pong(b"a");
        assert_eq!(pings.unanswered(), Some(Unanswered { pings: 2, first: at(2) }));
        pings.clear();
        assert_eq!((pings.unanswered(), pings.pong(b"b")), (None, None));
    }

    #[test]
    fn equal_pings_answered_in_turn_or_once() {
        let mut pings = Pings::default();
        pings.ping(at(1), b"");
        assert_eq!(pings.pong(b""), Some(at(1)));
        pings.ping(at(5), b"");
        pings.ping(at(6), b"");
        assert_eq!(pings.pong(b""), Some(at(6)));
        assert_eq!(pings.pong(b""), None);
    }

    #[test]
    fn a_flood_of_pings_is_bounded() {
        let mut pings = Pings::default();
        for n in 0..10_000_u32 {
            pings.ping(at(i64::from(n)), &n.to_be_bytes());
            assert!(pings.waiting.len() <= MAX_WAITING);
        }
        assert_eq!(pings.pong(&9_999_u32.to_be_bytes()), Some(at(9_999)));
    }
}
