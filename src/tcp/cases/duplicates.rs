//! Segments captured twice or sent twice.

use super::tape::{Tape, bytes, gap};
use crate::model::SenderClock;
use crate::model::Side::Client;
use crate::tcp::CapturedAgain;

/// Sends client data with its own IP identification.
fn data(tape: &mut Tape, id: u16, offset: i64, data: &[u8]) {
    tape.stamp = SenderClock { clock: 1000, id };
    tape.data(Client, offset, data);
}

fn again(tape: &Tape) -> u64 {
    tape.tcp.captured_again().segments
}

#[test]
fn copies_are_counted_and_retransmissions_are_not() {
    let mut tape = Tape::open();
    data(&mut tape, 7, 0, b"abc");
    data(&mut tape, 8, 3, b"def");
    assert_eq!(again(&tape), 0);
    data(&mut tape, 7, 0, b"abc");
    data(&mut tape, 8, 3, b"def");
    // The handshake took three packets.
    assert_eq!(tape.tcp.captured_again(), CapturedAgain { segments: 2, first: 6 });
    data(&mut tape, 9, 3, b"def");
    data(&mut tape, 10, 0, b"abcdef");
    assert_eq!((again(&tape), tape.seen()), (2, vec![bytes(Client, b"abcdef")]));
}

#[test]
fn late_segment_is_no_copy_though_others_were_sent_after_it() {
    let mut tape = Tape::open();
    data(&mut tape, 8, 3, b"def");
    data(&mut tape, 7, 0, b"abc");
    assert_eq!((again(&tape), tape.seen()), (0, vec![bytes(Client, b"abcdef")]));
}

#[test]
fn copies_of_what_waits_are_counted() {
    let mut tape = Tape::open();
    data(&mut tape, 8, 3, b"def");
    data(&mut tape, 9, 6, b"ghi");
    data(&mut tape, 8, 3, b"def");
    assert_eq!(again(&tape), 1);
    // The first brings new bytes, the second is a retransmission.
    data(&mut tape, 9, 6, b"ghijkl");
    data(&mut tape, 20, 3, b"defghi");
    assert_eq!(again(&tape), 1);
    data(&mut tape, 7, 0, b"abc");
    assert_eq!(tape.seen(), [bytes(Client, b"abcdefghijkl")]);
}

#[test]
fn what_fills_a_gap_too_late_is_no_copy() {
    let mut tape = Tape::open();
    tape.ack(crate::model::Side::Server, 6);
    data(&mut tape, 8, 3, b"def");
    tape.wait(10_000);
    assert_eq!(tape.seen(), [gap(Client, 3), bytes(Client, b"def")]);
    data(&mut tape, 30, 0, b"abc");
    assert_eq!((again(&tape), tape.seen()), (0, vec![]));
}

#[test]
fn probes_of_an_old_byte_are_no_copies() {
    let mut tape = Tape::open();
    data(&mut tape, 8, 0, b"abc");
    for (id, pause) in [(9, 0), (10, 1000)] {
        tape.pass(pause);
        data(&mut tape, id, 2, b"c");
    }
    assert_eq!(again(&tape), 0);
}
