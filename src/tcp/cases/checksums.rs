//! Damaged segments, and meaningless checksums.

use super::tape::*;
use crate::model::Side::{Client, Server};
use crate::model::{Anomaly, At, Checksum, Flags, Segment, Seq};
use crate::tcp::{Limits, Verify};

/// The value that a test sets a checksum to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    Right,
    Wrong,
    None,
}

impl Tape {
    /// Sends a client segment with a header.
    fn checked(&mut self, offset: i64, flags: Flags, payload: &[u8], sum: Sum) {
        let mut header = [7; 20];
        let seq = Seq(self.seq(Client, offset));
        header[16..18].fill(0);
        if sum != Sum::None {
            let segment = Segment { header: &header, ..bare(seq.0, flags, payload) };
            let Checksum::Wrong { expected, .. } = segment.checksum() else { panic!("it is 0") };
            let sum = expected ^ u16::from(sum == Sum::Wrong);
            header[16..18].copy_from_slice(&sum.to_be_bytes());
        }
        let segment = Segment { header: &header, ..bare(seq.0, flags, payload) };
        let at = At { packet: 1, time: self.now() };
        drain(self.tcp.push(Client, &segment, at), &mut self.seen);
    }

    fn is_discarded(&mut self) -> bool {
        let seen = self.seen();
        let wrong = |seen: &Seen| matches!(seen, Seen::Anomaly(Client, Anomaly::ChecksumWrong { .. }));
        assert!(!seen.iter().any(wrong) || seen.len() == 1);
        seen.iter().any(wrong)
    }
}

fn with(checksums: Verify) -> Tape {
    let mut tape = Tape::with(&Limits { checksums, ..Limits::default() });
    tape.handshake();
    tape
}

#[test]
fn a_damaged_segment_is_a_hole_until_it_is_sent_again() {
    let mut tape = with(Verify::Learned);
    tape.checked(0, Flags::ACK, b"ab", Sum::Right);
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
    tape.checked(2, Flags::ACK, b"cX", Sum::Wrong);
    assert!(tape.is_discarded());
    tape.checked(4, Flags::ACK, b"ef", Sum::Right);
    assert_eq!(tape.seen(), []);
    tape.checked(2, Flags::ACK, b"cd", Sum::Right);
    assert_eq!(tape.seen(), [bytes(Client, "cdef")]);
    // A damaged copy of known bytes changes nothing, nor does a damaged FIN.
    tape.checked(2, Flags::ACK, b"cX", Sum::Wrong);
    assert!(tape.is_discarded());
    for flags in [Flags::RST, Flags::FIN] {
        tape.checked(6, flags, b"", Sum::Wrong);
        assert!(tape.is_discarded() && !tape.tcp.is_closed());
    }
    // It is given up like any gap.
    tape.checked(6, Flags::ACK, b"X", Sum::Wrong);
    tape.checked(7, Flags::ACK, b"h", Sum::Right);
    assert!(tape.is_discarded());
    tape.ack(Server, 8);
    tape.wait(1100);
    assert_eq!(tape.seen(), [gap(Client, 1), bytes(Client, "h")]);
}

#[test]
fn checksums_that_are_all_wrong_or_none_mean_nothing() {
    for sum in [Sum::Wrong, Sum::None] {
        let mut tape = with(Verify::Learned);
        tape.checked(-1, Flags::SYN, b"", sum);
        for n in 0..100 {
            tape.checked(n, Flags::ACK, b"a", sum);
            assert_eq!(tape.seen(), [bytes(Client, "a")]);
        }
        // After this many wrong ones, a single correct one may be a coincidence and proves nothing.
        if sum == Sum::Wrong {
            tape.checked(100, Flags::ACK, b"a", Sum::Right);
            tape.checked(101, Flags::ACK, b"a", sum);
            assert_eq!(tape.seen(), [bytes(Client, "aa")]);
        }
    }
}

#[test]
fn where_wrong_ones_outnumber_right_ones_by_far_they_mean_nothing() {
    let mut tape = with(Verify::Learned);
    tape.checked(0, Flags::ACK, b"a", Sum::Right);
    tape.seen();
    for _ in 0..4 {
        tape.checked(1, Flags::ACK, b"b", Sum::Wrong);
        assert!(tape.is_discarded());
    }
    tape.checked(1, Flags::ACK, b"b", Sum::Wrong);
    assert_eq!(tape.seen(), [bytes(Client, "b")]);
}

#[test]
fn of_a_side_of_which_nothing_was_seen_the_other_one_tells() {
    let mut tape = with(Verify::Learned);
    tape.tcp.swap();
    tape.checked(0, Flags::ACK, b"a", Sum::Right);
    tape.seen();
    tape.tcp.swap();
    tape.checked(0, Flags::ACK, b"a", Sum::Wrong);
    assert!(tape.is_discarded());
}

#[test]
fn segments_that_a_card_has_merged_are_not_judged() {
    let mut tape = with(Verify::Learned);
    let (whole, merged) = (pattern(1460), pattern(2920));
    tape.checked(0, Flags::ACK, &whole, Sum::Right);
    tape.checked(1460, Flags::ACK, &merged, Sum::Wrong);
    assert_eq!(tape.seen(), [bytes(Client, [&whole[..], &merged].concat())]);
    // Nor is a segment with an offloaded checksum judged. A merged one is, once one as long had a correct checksum.
    tape.checked(4380, Flags::ACK, b"a", Sum::None);
    assert_eq!(tape.seen(), [bytes(Client, "a")]);
    tape.checked(4381, Flags::ACK, &merged, Sum::Right);
    tape.seen();
    tape.checked(7301, Flags::ACK, &merged, Sum::Wrong);
    assert!(tape.is_discarded());
}

#[test]
fn the_strict_discard_every_wrong_one() {
    for sum in [Sum::Wrong, Sum::None] {
        let mut tape = with(Verify::Always);
        tape.checked(0, Flags::ACK, b"a", sum);
        assert!(tape.is_discarded());
        tape.checked(0, Flags::ACK, b"b", Sum::Right);
        assert_eq!(tape.seen(), [bytes(Client, "b")]);
    }
}

#[test]
fn a_damaged_syn_begins_no_other_connection() {
    let mut tape = with(Verify::Learned);
    tape.checked(0, Flags::ACK, b"a", Sum::Right);
    let header = [7; 20];
    let syn = Segment { header: &header, ..bare(77, Flags::SYN, b"") };
    assert!(!tape.tcp.is_reuse(Client, &syn));
    assert!(tape.tcp.is_reuse(Client, &Segment { header: &[], ..syn }));
}
