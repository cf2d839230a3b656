use crate::model::Timestamp;
use crate::websocket::{Answered, PayloadNovelty};

/// Evidence that frames found by a search are real, besides their forming a chain. A payload may itself contain frames,
/// those of a relay or a recording, and looks the same if its own header is lost.
///
/// * The other side answers a ping among them: nobody answers pings inside a payload. One pong is enough if its payload
///   differs from earlier ones, or if it comes too late for a ping from before the gap. Otherwise a constant payload
///   may occur in both, and two answered pings are required.
/// * Among them is a pong to a ping of the other side whose payload differs from earlier ones: no recording contains
///   it.
/// * A client masks them with differing keys, and the server sends something in between: whoever sends a recording
///   masks it with a key unknown in advance, and a server has nothing to respond to while a message is in transit.
///
/// A sender that uses its own keys, or answers pings, inside an unfinished payload can still deceive. The proof applies
/// from there on: earlier frames stay marked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// The key of the last frame.
    key: Option<[u8; 4]>,
    /// The number of frames that the server had sent by then.
    answers: u64,
    /// When the first frame came.
    pub(super) since: Option<Timestamp>,
    /// The number of answered pings.
    pongs: u32,
}

impl Proof {
    /// Processes the key of a client's frame, preceded by `answers` frames of the server; returns whether it is proof.
    pub(super) fn frame(&mut self, key: [u8; 4], answers: u64) -> bool {
        let is_fresh = key != [0; 4] && self.key.is_some_and(|last| last != key);
        let is_answered = answers > self.answers;
        (self.key, self.answers) = (Some(key), answers);
        is_fresh && is_answered
    }

    /// Processes a pong received `now`; returns whether it is proof.
    pub(super) fn pong(&mut self, answered: &Answered, now: Timestamp) -> bool {
        const ENOUGH: u32 = 2;
        if answered.novelty == PayloadNovelty::Accidental {
            return false;
        }
        self.pongs = self.pongs.saturating_add(1);
        let after = self.since.map(|since| now.since(since));
        let is_late =
            after.zip(answered.longest).is_some_and(|(after, longest)| after > longest.saturating_mul(2));
        answered.novelty == PayloadNovelty::New || is_late || self.pongs >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_fresh_keys_prove_a_client() {
        let (one, two) = ([1, 2, 3, 4], [5, 6, 7, 8]);
        let proven = |frames: &[([u8; 4], u64)]| {
            let mut proof = Proof::default();
            frames.iter().map(|(key, answers)| proof.frame(*key, *answers)).collect::<Vec<_>>()
        };
        assert_eq!(proven(&[(one, 0), (two, 1), (one, 2)]), [false, true, true]);
        assert_eq!(proven(&[(one, 0), (two, 0), (one, 0)]), [false; 3], "no answer in between");
        assert_eq!(proven(&[(one, 0), (one, 1), (one, 2)]), [false; 3], "one key");
        assert_eq!(proven(&[(one, 0), ([0; 4], 1), ([0; 4], 2)]), [false; 3], "a key that masks nothing");
    }

    #[test]
    fn an_answer_proves_where_no_earlier_ping_can_be_meant() {
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
        let answered = |novelty, longest: Option<u64>| Answered {
            sent: at(11),
            novelty,
            longest: longest.map(std::time::Duration::from_secs),
        };
        let found = Proof { since: Some(at(10)), ..Proof::default() };
        let proven = |novelty, longest, now| { found }.pong(&answered(novelty, longest), at(now));
        assert!(proven(PayloadNovelty::New, None, 12));
        assert!(proven(PayloadNovelty::Repeated, Some(1), 13), "earlier ones were answered within a second");
        assert!(!proven(PayloadNovelty::Repeated, Some(1), 11));
        assert!(
            !proven(PayloadNovelty::Repeated, None, 99) && !proven(PayloadNovelty::Accidental, Some(1), 99)
        );
        let mut twice = found;
        assert!(
            !twice.pong(&answered(PayloadNovelty::Repeated, None), at(11))
                && twice.pong(&answered(PayloadNovelty::Repeated, None), at(12))
        );
    }
}
