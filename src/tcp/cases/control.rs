//! SYN, FIN, RST, probes, and which sequence numbers are accepted.

use super::tape::{START, Seen, Tape, bare, bytes, gap};
use crate::model::Flags;
use crate::model::Side::{Client, Server};
use crate::tcp::End;

#[test]
fn syn_with_data() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"fast");
    tape.syn(Server, b"");
    tape.data(Client, 4, b" open");
    assert_eq!(tape.seen(), [bytes(Client, "fast open")]);
}

#[test]
fn syn_repeated() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"fast");
    tape.syn(Client, b"fast");
    tape.syn(Client, b"");
    tape.syn(Server, b"");
    tape.syn(Server, b"");
    tape.data(Client, 4, b" open");
    tape.syn(Client, b"fast");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "fast open")]);
}

#[test]
fn syn_ack_lost_from_the_capture() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"");
    tape.ack(Client, 0);
    tape.data(Client, 0, b"ask");
    // The client's acknowledgment revealed where the server's bytes begin: the gap before these is known.
    tape.data(Server, 2, b"swer");
    assert_eq!(tape.seen(), [bytes(Client, "ask")]);
    tape.data(Server, 0, b"an");
    assert_eq!(tape.seen(), [bytes(Server, "answer")]);
}

#[test]
fn four_tuple_used_again() {
    let syn = |seq, flags| bare(seq, flags, b"");
    let mut tape = Tape::middle();
    assert!(!tape.tcp.is_reuse(Client, &syn(77, Flags::SYN)), "nothing was seen");
    tape.handshake();
    tape.data(Client, 0, b"x");
    assert!(!tape.tcp.is_reuse(Client, &syn(1000, Flags::SYN)), "the same SYN again");
    assert!(!tape.tcp.is_reuse(Server, &syn(5000, Flags::SYN)));
    assert!(!tape.tcp.is_reuse(Client, &syn(9000, Flags::PSH)), "not a SYN");
    assert!(tape.tcp.is_reuse(Client, &syn(9000, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Server, &syn(9000, Flags::SYN)));
    tape.fin(Client, 1, b"");
    tape.fin(Server, 0, b"");
    assert!(tape.tcp.is_closed() && tape.tcp.is_reuse(Client, &syn(1002, Flags::SYN)));
    // Pushed nevertheless, it changes nothing.
    tape.seen();
    tape.segment(Client, 9000, Flags::SYN, b"evil", 0);
    assert_eq!(tape.seen(), []);

    // In a mid-stream capture, a SYN captured just after the first data is not a new connection.
    let mut tape = Tape::middle();
    tape.data(Client, 0, b"x");
    assert!(!tape.tcp.is_reuse(Client, &syn(1000, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Client, &syn(1001, Flags::SYN)));
    assert!(tape.tcp.is_reuse(Client, &syn(800_000_000, Flags::SYN)));
}

#[test]
fn keep_alive_probe() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 2);
    for probe in [&b""[..], b"\0"] {
        tape.data(Client, 1, probe);
        tape.ack(Server, 2);
    }
    tape.data(Client, 2, b"cd");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    // As the first segment of a side:
    let mut tape = Tape::middle();
    tape.ack(Server, 2);
    tape.data(Client, 1, b"");
    tape.data(Client, 1, b"\0");
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "cd")]);
}

#[test]
fn zero_window_probe() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 2, b"c"); // the next byte, refused and sent again
    tape.data(Client, 2, b"c");
    tape.data(Client, 2, b"cde");
    assert_eq!(tape.seen(), [bytes(Client, "abcde")]);
}

#[test]
fn fin_before_the_hole_is_filled() {
    let mut tape = Tape::open();
    tape.fin(Client, 4, b"");
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), []);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "abcd"), Seen::End(Client, End::Fin)]);
    // If never filled, the gap comes first, after acknowledgment and grace as usual.
    let mut tape = Tape::open();
    tape.fin(Client, 4, b"");
    tape.wait(60_000);
    assert_eq!(tape.seen(), []);
    tape.ack(Server, 5);
    tape.wait(1000);
    assert_eq!(tape.seen(), [gap(Client, 4), Seen::End(Client, End::Fin)]);
}

#[test]
fn fin_with_data() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"bye");
    assert_eq!(tape.seen(), [bytes(Client, "bye"), Seen::End(Client, End::Fin)]);
    tape.data(Client, 3, b"more");
    assert_eq!(tape.seen(), [], "nothing comes after FIN");
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn fin_repeated() {
    let mut tape = Tape::open();
    tape.fin(Client, 2, b"cd");
    tape.fin(Client, 2, b"cd");
    tape.fin(Client, 4, b"");
    tape.data(Client, 0, b"ab");
    tape.fin(Client, 4, b"");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcd"), Seen::End(Client, End::Fin)]);
}

#[test]
fn bytes_behind_fin_are_not_handed_on() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"bcdef");
    tape.fin(Client, 3, b"");
    tape.fin(Client, 5, b"");
    tape.data(Client, 0, b"a");
    assert_eq!(tape.seen(), [bytes(Client, "abc"), Seen::End(Client, End::Fin)]);
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn rst_in_window() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.rst(Client, 2);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), Seen::End(Client, End::Reset)]);
    assert!(tape.tcp.is_closed());
    tape.rst(Client, 2);
    tape.finish();
    assert_eq!(tape.seen(), []);
}

#[test]
fn rst_before_the_hole_is_filled() {
    let mut tape = Tape::open();
    tape.data(Server, 2, b"cd");
    tape.data(Client, 2, b"CD");
    tape.rst(Client, 4);
    assert!(!tape.tcp.is_closed());
    tape.data(Client, 0, b"AB");
    assert_eq!(tape.seen(), [bytes(Client, "ABCD"), Seen::End(Client, End::Reset)]);
    assert!(tape.tcp.is_closed());
    // The other direction's gap is also kept for the grace period, acknowledged or not.
    tape.wait(999);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(tape.seen(), [gap(Server, 2), bytes(Server, "cd")]);
    // If never filled, it is given up one grace period after the reset.
    let mut tape = Tape::open();
    tape.rst(Client, 3);
    tape.wait(999);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(tape.seen(), [gap(Client, 3), Seen::End(Client, End::Reset)]);
}

#[test]
fn rst_out_of_window_is_ignored() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 2);
    tape.rst(Client, 1);
    tape.rst(Client, -1);
    tape.rst(Client, 100 << 20);
    tape.rst(Client, 1 << 31);
    tape.data(Client, 2, b"cd");
    assert!(!tape.tcp.is_closed());
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
}

#[test]
fn rst_that_its_sender_goes_on_behind_is_forged() {
    let mut tape = Tape::open();
    tape.rst(Client, 2);
    tape.data(Client, 0, b"abcd");
    tape.wait(5000);
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    assert!(!tape.tcp.is_closed());
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn rst_refuses_a_connection() {
    let mut tape = Tape::middle();
    tape.syn(Client, b"");
    tape.segment(Server, 0, Flags::RST, b"", 0);
    assert_eq!(tape.seen(), [Seen::End(Server, End::Reset)]);
    assert!(tape.tcp.is_closed());
}

#[test]
fn rst_after_fin() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"a");
    tape.rst(Client, 2);
    assert_eq!(tape.seen(), [bytes(Client, "a"), Seen::End(Client, End::Fin)]);
    assert!(tape.tcp.is_closed());
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn half_close() {
    let mut tape = Tape::open();
    tape.fin(Client, 0, b"ask");
    assert!(!tape.tcp.is_closed());
    tape.ack(Server, 4);
    tape.data(Server, 0, b"ans");
    tape.fin(Server, 3, b"wer");
    assert!(tape.tcp.is_closed());
    assert_eq!(
        tape.seen(),
        [
            bytes(Client, "ask"),
            Seen::End(Client, End::Fin),
            bytes(Server, "answer"),
            Seen::End(Server, End::Fin)
        ]
    );
}

#[test]
fn simultaneous_open() {
    let mut tape = Tape::middle().without_acks();
    tape.syn(Client, b"");
    tape.syn(Server, b"");
    tape.acks = [Some(0); 2];
    tape.segment(Client, START[0] - 1, Flags::SYN, b"", 0);
    tape.segment(Server, START[1] - 1, Flags::SYN, b"", 0);
    tape.data(Client, 0, b"a");
    tape.data(Server, 0, b"b");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "a"), bytes(Server, "b")]);
}

#[test]
fn urgent_data_is_delivered_in_line() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.segment(Client, START[0] + 2, Flags::URG, b"!", 0);
    tape.data(Client, 3, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "ab!cd")]);
}

#[test]
fn a_capture_that_starts_in_the_middle() {
    let mut tape = Tape::middle();
    tape.ack(Client, 100);
    tape.ack(Server, 100);
    tape.data(Client, 100, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "cd")], "at once");
    tape.data(Client, 98, b"ab");
    tape.data(Client, 98, b"abcdef");
    tape.data(Server, 200, b"x");
    tape.data(Server, 202, b"z");
    tape.data(Server, 201, b"y");
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ef"), bytes(Server, "xyz")]);
}

#[test]
fn segments_far_outside_any_window_are_ignored() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    for (i, far) in
        [65 << 20, 1 << 30, 1 << 31, -(65 << 20), (1 << 31) + 5, -(1 << 31)].into_iter().enumerate()
    {
        tape.data(Client, far, &[b'0' + i as u8]);
        tape.data(Client, 2 + i as i64, b"c");
    }
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "abcccccc")]);
}

#[test]
fn distances_over_two_to_the_31_are_not_taken_for_near() {
    for start in [0, 1, 1 << 31, (1 << 31) + 1, u32::MAX] {
        let mut tape = Tape::middle();
        tape.start = [start, 7];
        tape.handshake();
        tape.data(Client, i64::from(u32::MAX >> 1), b"far");
        tape.data(Client, i64::from(u32::MAX >> 1) + 1, b"far");
        tape.rst(Client, 1 << 31);
        tape.ack(Server, 1 << 31);
        tape.data(Client, 0, b"near");
        tape.finish();
        assert_eq!(tape.seen(), [bytes(Client, "near")]);
    }
}

#[test]
fn a_capture_that_missed_more_than_the_window_goes_on() {
    for far in [65_i64 << 20, 1 << 30, 3 << 30] {
        let mut tape = Tape::open();
        tape.data(Client, 0, b"ab");
        tape.data(Client, 5, b"fg");
        for i in 0..6 {
            tape.data(Client, far + i * 2, &[b'A' + i as u8; 2]);
        }
        let length = far as u64 + 6 - 7;
        assert_eq!(
            tape.seen(),
            [
                bytes(Client, "ab"),
                gap(Client, 3),
                bytes(Client, "fg"),
                gap(Client, length),
                bytes(Client, "DDEEFF")
            ]
        );
    }
}

#[test]
fn acknowledgment_of_data_never_sent() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 1 << 31);
    tape.ack(Server, 80 << 20);
    tape.wait(10_000);
    tape.data(Client, 2, b"cd");
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
    tape.finish();
    assert_eq!(tape.seen(), []);
    // Within the window it is accepted, but does not affect later data.
    let mut tape = Tape::open();
    tape.ack(Server, 1000);
    tape.wait(10_000);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
}

#[test]
fn the_sides_were_guessed_the_wrong_way_round() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.tcp.swap();
    tape.start.swap(0, 1);
    tape.data(Server, 0, b"a");
    tape.data(Client, 0, b"x");
    assert_eq!(tape.seen(), [bytes(Server, "ab"), bytes(Client, "x")]);
}
