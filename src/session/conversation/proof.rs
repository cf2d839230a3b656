use crate::model::Timestamp;
use crate::websocket::{Answered, PayloadNovelty};

/// The evidence for frames that were found by a search, beside that they follow one another: a payload may hold frames,
/// those of a relay or a recording, and look the same where its own header is lost.
///
/// * The other side answers a ping among them: nobody answers what is inside a payload. One answer is enough where its
///   payload differs from those before, or the answer comes too late for a ping from before the gap;
///   else what is always the same may be in both, and it takes two pings, each answered in turn.
/// * Among them is the answer to a ping of the other side, whose payload differs from those before: no recording has it.
/// * A client masks them with keys that differ, and the server says something between them: who sends a recording masks
///   it with a key that it does not know before, and a server has nothing to answer while one message is on its way.
///
/// Who sends its own keys, or answers pings, inside of a payload that is under way can still deceive. What is proven goes
/// on from there: the frames before keep their mark.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// The key of the last frame.
    key: Option<[u8; 4]>,
    /// How many frames the server had sent by then.
    answers: u64,
    /// When the first frame came.
    pub(super) since: Option<Timestamp>,
    /// How many pings were answered.
    pongs: u32,
}

impl Proof {
    /// Takes the key of a client's frame, `answers` frames of the server before it; returns whether it is proven.
    pub(super) fn frame(&mut self, key: [u8; 4], answers: u64) -> bool {
        let is_fresh = key != [0; 4] && self.key.is_some_and(|last| last != key);
        let is_answered = answers > self.answers;
        (self.key, self.answers) = (Some(key), answers);
        is_fresh && is_answered
    }

    /// Takes the answer to a ping, which comes `now`; returns whether it is proven.
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
        assert_eq!(proven(&[(one, 0), ([0; 4], 1), ([0; 4], 2)]), [false; 3], "a key that hides nothing");
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
        assert!(proven(PayloadNovelty::Repeated, Some(1), 13), "those before were answered within a second");
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
