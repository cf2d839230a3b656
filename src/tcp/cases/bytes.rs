//! Bytes in any order, gaps, truncation and limits.

use std::time::Duration;

use super::tape::{START, Seen, Tape, bare, bytes, differs, drain, gap, pattern};
use crate::model::Side::{Client, Server};
use crate::model::{Anomaly, At, Flags, Timestamp};
use crate::tcp::{Connection, End, GapCause, Limits, Output};

#[test]
fn a_resting_connection_is_small_and_holds_no_memory() {
    assert!(size_of::<Connection>() <= 200, "{}", size_of::<Connection>());
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    assert!(tape.tcp.waiting() > 0);
    tape.data(Client, 0, b"a");
    assert_eq!(tape.tcp.waiting(), 0);
    assert!(tape.tcp.halves.client.waiting.is_none());
}

#[test]
fn in_order() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"hello ");
    tape.data(Server, 0, b"yes");
    tape.data(Client, 6, b"world");
    assert_eq!(tape.seen(), [bytes(Client, "hello "), bytes(Server, "yes"), bytes(Client, "world")]);
    tape.finish();
    assert_eq!(tape.seen(), []);
}

#[test]
fn in_order_bytes_are_the_segments_own() {
    let mut tcp = Connection::new(&Limits::default());
    let mut tape = Tape::open();
    std::mem::swap(&mut tcp, &mut tape.tcp);
    let payload = *b"not copied";
    let segment = bare(START[0], Flags::PSH, &payload);
    let at = At { packet: 9, time: Timestamp::new(9, 9) };
    let mut delivery = tcp.push(Client, &segment, at);
    match delivery.next() {
        Some(Output::Bytes { bytes, at: carried, .. }) => {
            assert_eq!((bytes.as_ptr(), carried), (payload.as_ptr(), at));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(delivery.next(), None);
}

#[test]
fn reordered_by_any_distance() {
    for distance in [1, 2, 3, 10, 100, 1000] {
        let stream = pattern(distance * 100 + 100);
        let mut tape = Tape::open();
        for (i, chunk) in stream.chunks(100).enumerate().skip(1) {
            tape.data(Client, i as i64 * 100, chunk);
        }
        assert_eq!(tape.seen(), []);
        tape.data(Client, 0, &stream[..100]);
        assert_eq!(tape.seen(), [bytes(Client, &stream)], "{distance}");
    }
}

#[test]
fn bytes_handed_on_before_come_again_with_their_place() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"abcdef");
    tape.data(Client, 8, b"ij");
    let mut again = |offset: u32, payload: &'static [u8]| {
        let flags = if payload.len() == 1 { Flags::ACK } else { Flags::PSH };
        let segment = bare(START[0].wrapping_add(offset), flags, payload);
        let mut delivery = tape.tcp.push(Client, &segment, At { packet: 9, time: tape.now });
        let mut seen = Vec::new();
        while let Some(output) = delivery.next() {
            seen.push(match output {
                Output::Duplicate { start, bytes, .. } => (true, start, bytes.to_vec()),
                Output::Bytes { start, bytes, .. } => (false, start, bytes.to_vec()),
                other => panic!("{other:?}"),
            });
        }
        seen
    };
    assert_eq!(again(0, b"abc"), [(true, 0, b"abc".to_vec())]);
    assert_eq!(again(4, b"XYg"), [(true, 4, b"XY".to_vec()), (false, 6, b"g".to_vec())]);
    assert_eq!(again(6, b"?"), [], "a probe");
    assert_eq!(
        again(6, b"ghi"),
        [(true, 6, b"g".to_vec()), (false, 7, b"h".to_vec()), (false, 8, b"ij".to_vec())]
    );
    assert_eq!(again(u32::MAX, b"_abcdefghij"), [(true, 0, b"abcdefghij".to_vec())]);
}

#[test]
fn waiting_bytes_keep_their_packet() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cc"); // packet 4
    tape.data(Client, 4, &[b'd'; 5000]); // packet 5, across a block boundary
    let segment = bare(START[0], Flags::PSH, b"aa");
    let mut delivery = tape.tcp.push(Client, &segment, At { packet: 6, time: tape.now });
    let mut packets = Vec::new();
    while let Some(output) = delivery.next() {
        let Output::Bytes { bytes, at, .. } = output else { panic!("{output:?}") };
        packets.push((at.packet, bytes[0]));
    }
    packets.dedup();
    assert_eq!(packets, [(6, b'a'), (4, b'c'), (5, b'd')]);
}

#[test]
fn duplicated() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cd");
    tape.data(Client, 2, b"cd");
    tape.data(Client, 0, b"ab");
    tape.data(Client, 0, b"ab");
    tape.data(Client, 0, b"abcd");
    tape.data(Client, 4, b"e");
    assert_eq!(tape.seen(), [bytes(Client, "abcde")]);
}

#[test]
fn overlapped_in_all_of_allens_relations() {
    // The first copy is [4, 8); the second one is at each possible position relative to it.
    let relations = [
        ("before", 1, 3),
        ("meets", 2, 4),
        ("overlaps", 2, 6),
        ("starts", 4, 6),
        ("during", 5, 7),
        ("finishes", 6, 8),
        ("equals", 4, 8),
        ("finished by", 2, 8),
        ("contains", 2, 10),
        ("started by", 4, 10),
        ("overlapped by", 6, 10),
        ("met by", 8, 10),
        ("after", 9, 11),
    ];
    let stream = b"abcdefghijkl";
    for (name, from, to) in relations {
        for (same, waits) in [(true, true), (false, true), (true, false), (false, false)] {
            let mut tape = Tape::open();
            if !waits {
                tape.data(Client, 0, &stream[..4]);
            }
            tape.data(Client, 4, &stream[4..8]);
            let mut copy = stream[from..to].to_vec();
            if !same {
                copy.make_ascii_uppercase();
            }
            tape.data(Client, from as i64, &copy);
            // The rest arrives last and in full; for the queued bytes it is a third copy, which may or may not match.
            let mut expected = stream.to_vec();
            let fresh: Vec<usize> =
                (from..to).filter(|i| !(4..8).contains(i)).filter(|&i| waits || i >= 8).collect();
            for i in fresh {
                expected[i] = copy[i - from];
            }
            tape.data(Client, 0, &expected);
            tape.finish();
            let seen = tape.seen();
            let got: Vec<u8> = seen
                .iter()
                .filter_map(|s| if let Seen::Bytes(_, b) = s { Some(b) } else { None })
                .flatten()
                .copied()
                .collect();
            assert_eq!(
                got.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{name} {same} {waits}"
            );
            let both: Vec<usize> = (from..to).filter(|i| (4..8).contains(i)).collect();
            let anomalies: Vec<&Seen> = seen.iter().filter(|s| matches!(s, Seen::Anomaly(..))).collect();
            if same || !waits || both.is_empty() {
                assert!(anomalies.is_empty(), "{name} {same} {waits}: {anomalies:?}");
            } else {
                assert_eq!(anomalies, [&differs(both[0] as u64, both.len() as u64)], "{name}");
            }
            assert!(!seen.iter().any(|s| matches!(s, Seen::Gap(..))), "{name}: {seen:?}");
        }
    }
}

#[test]
fn a_copy_in_order_is_compared_with_what_waits() {
    let mut tape = Tape::open();
    tape.data(Client, 2, b"cd");
    tape.data(Client, 6, b"gh");
    tape.data(Client, 0, b"abcXefGhij");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefghij"), differs(3, 2)]);
}

#[test]
fn lost() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 5, b"fg");
    tape.seen();
    tape.wait(100_000);
    assert_eq!(tape.seen(), [], "the gap is not acknowledged");
    tape.finish();
    assert_eq!(tape.seen(), [gap(Client, 3), bytes(Client, "fg")]);
}

#[test]
fn acknowledged_but_never_captured() {
    let mut tape = Tape::open();
    tape.data(Client, 5, b"fg");
    tape.pass(300);
    tape.ack(Server, 4);
    tape.wait(2000);
    assert_eq!(tape.seen(), [], "the gap's last byte is not acknowledged");
    tape.ack(Server, 5);
    assert_eq!(tape.tcp.deadline(), Some(tape.now.plus(Duration::from_secs(1))));
    tape.wait(999);
    assert_eq!(tape.seen(), [], "grace");
    tape.wait(1);
    assert_eq!(tape.seen(), [gap(Client, 5), bytes(Client, "fg")]);
    assert_eq!((tape.tcp.deadline(), tape.tcp.waiting()), (None, 0));
    tape.data(Client, 0, b"late!");
    tape.data(Client, 7, b"h");
    assert_eq!(tape.seen(), [bytes(Client, "h")]);
}

#[test]
fn an_acknowledgment_overtakes_the_data() {
    let mut tape = Tape::open();
    tape.ack(Server, 4);
    tape.pass(10);
    tape.data(Client, 2, b"cd");
    tape.wait(10);
    tape.data(Client, 0, b"ab");
    assert_eq!(tape.seen(), [bytes(Client, "abcd")]);
}

#[test]
fn each_hole_has_its_own_grace() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Client, 3, b"d");
    tape.data(Client, 5, b"f");
    tape.ack(Server, 2);
    tape.pass(500);
    tape.ack(Server, 6);
    tape.wait(500);
    assert_eq!(tape.seen(), [gap(Client, 1), bytes(Client, "b")]);
    tape.wait(499);
    assert_eq!(tape.seen(), []);
    tape.wait(1);
    assert_eq!(tape.seen(), [gap(Client, 1), bytes(Client, "d"), gap(Client, 1), bytes(Client, "f")]);
}

#[test]
fn the_last_bytes_were_acknowledged_but_never_captured() {
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 10);
    tape.wait(10_000);
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ab"), gap(Client, 8)]);
    // A FIN that was not captured is acknowledged by one more sequence number: no data byte is missing.
    let mut tape = Tape::open();
    tape.data(Client, 0, b"ab");
    tape.ack(Server, 3);
    tape.finish();
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
}

#[test]
fn a_hole_in_each_direction() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Server, 1, b"B");
    tape.ack(Server, 2);
    tape.ack(Client, 2);
    tape.wait(1000);
    assert_eq!(tape.seen(), [gap(Client, 1), bytes(Client, "b"), gap(Server, 1), bytes(Server, "B")]);
}

#[test]
fn sequence_wrap_in_the_middle_of_data() {
    let mut tape = Tape::middle();
    tape.start = [u32::MAX - 2, u32::MAX];
    tape.handshake();
    tape.data(Client, 0, b"abcdef");
    tape.data(Client, 6, b"gh");
    tape.data(Server, 2, b"CD");
    tape.data(Server, 0, b"AB");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefgh"), bytes(Server, "ABCD")]);
}

#[test]
fn sequence_wrap_in_the_middle_of_a_gap() {
    let mut tape = Tape::middle();
    tape.start = [u32::MAX - 2, 1];
    tape.handshake();
    tape.data(Client, 6, b"gh");
    tape.ack(Server, 8);
    tape.wait(1000);
    assert_eq!(tape.seen(), [gap(Client, 6), bytes(Client, "gh")]);
}

#[test]
fn streams_over_four_gib() {
    let mut tape = Tape::open();
    let step: u64 = 60 << 20;
    let mut offset = 0;
    while offset < 9 << 30 {
        tape.data(Client, (offset + step) as i64, b"x");
        tape.ack(Server, offset + step + 1);
        tape.wait(1000);
        assert_eq!(tape.seen(), [gap(Client, step), bytes(Client, "x")]);
        offset += step + 1;
    }
    tape.data(Client, offset as i64 + 1, b"b");
    tape.data(Client, offset as i64, b"aB");
    assert_eq!(tape.seen(), [bytes(Client, "ab"), differs(offset + 1, 1)]);
    assert_eq!(tape.tcp.halves.client.position, offset + 2);
}

#[test]
fn one_direction_only_captured() {
    let mut tape = Tape::middle().without_acks();
    tape.data(Client, 0, b"ab");
    tape.data(Client, 4, b"ef");
    tape.wait(4999);
    assert_eq!(tape.seen(), [bytes(Client, "ab")]);
    tape.wait(1);
    assert_eq!(tape.seen(), [gap(Client, 2), bytes(Client, "ef")]);
}

#[test]
fn snap_length_cuts() {
    let mut tape = Tape::open();
    tape.cut(Client, 0, b"ab", 8);
    tape.cut(Client, 10, b"kl", 3);
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), snap(8), bytes(Client, "kl"), snap(3)]);
    // Only headers were captured.
    tape.cut(Client, 15, b"", 1460);
    assert_eq!(tape.seen(), [snap(1460)]);
    // With FIN.
    tape.segment(Client, START[0] + 1475, Flags::FIN, b"a", 1);
    assert_eq!(tape.seen(), [bytes(Client, "a"), snap(1), Seen::End(Client, End::Fin)]);
}

#[test]
fn a_cut_range_is_filled_by_another_copy_that_waits() {
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    let mut tape = Tape::open();
    tape.data(Client, 4, b"ef");
    tape.cut(Client, 0, b"ab", 8);
    assert_eq!(tape.seen(), [bytes(Client, "ab"), snap(2), bytes(Client, "ef"), snap(4)]);
    // The truncated copy is queued; the copies that complete it come later.
    let mut tape = Tape::open();
    tape.cut(Client, 2, b"cd", 6);
    tape.cut(Client, 10, b"k", 3);
    tape.data(Client, 6, b"gh");
    tape.data(Client, 0, b"abcdef");
    assert_eq!(tape.seen(), [bytes(Client, "abcdefgh"), snap(2), bytes(Client, "k"), snap(3)]);
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn cut_ranges_that_touch_or_overlap_become_one() {
    let snap = |length| Seen::Gap(Client, length, GapCause::SnapLength);
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let mut tape = Tape::open();
        for i in order {
            let (offset, cut) = [(5, 10), (10, 20), (30, 5), (8, 2)][i];
            tape.cut(Client, offset, b"", cut);
        }
        assert_eq!(tape.seen(), []);
        tape.ack(Server, 5);
        tape.wait(1000);
        assert_eq!(tape.seen(), [gap(Client, 5), snap(30)], "{order:?}");
        assert_eq!(tape.tcp.waiting(), 0);
    }
}

#[test]
fn a_bound_outside_is_relieved() {
    let mut tape = Tape::open();
    tape.data(Client, 1, b"b");
    tape.data(Server, 1, b"B");
    tape.data(Server, 3, b"D");
    drain(tape.tcp.shed_load(), &mut tape.seen);
    assert_eq!(tape.seen(), [Seen::Gap(Server, 1, GapCause::Limit), bytes(Server, "B")]);
    let before = tape.tcp.waiting();
    while tape.tcp.waiting() > 0 {
        drain(tape.tcp.shed_load(), &mut tape.seen);
    }
    assert!(before > 0);
    drain(tape.tcp.shed_load(), &mut tape.seen);
    assert_eq!(tape.seen().len(), 4);
}

#[test]
fn the_bound_in_bytes_gives_up_the_oldest_gap() {
    let limits = Limits { waiting_bytes: 64 << 10, ..Limits::default() };
    let mut tape = Tape::with(&limits);
    tape.handshake();
    let stream = pattern(1 << 20);
    for (i, chunk) in stream.chunks(1000).enumerate().skip(1) {
        tape.data(Client, i as i64 * 1000, chunk);
        assert!(tape.tcp.waiting() <= limits.waiting_bytes);
        if i == 30 {
            assert_eq!(tape.seen, []);
        }
    }
    let limit = Anomaly::LimitReached { limit: "bytes waiting behind a gap", value: 64 << 10 };
    assert_eq!(
        tape.seen(),
        [
            Seen::Anomaly(Client, limit),
            Seen::Gap(Client, 1000, GapCause::Limit),
            bytes(Client, &stream[1000..])
        ]
    );
}

#[test]
fn the_bound_in_pieces_gives_up_the_oldest_gap() {
    let limits = Limits { waiting_pieces: 10, ..Limits::default() };
    let mut tape = Tape::with(&limits);
    tape.handshake();
    for i in 1..=11 {
        tape.data(Client, i * 2, b"x");
    }
    let limit = Anomaly::LimitReached { limit: "pieces waiting behind a gap", value: 10 };
    let gap = Seen::Gap(Client, 2, GapCause::Limit);
    assert_eq!(tape.seen(), [Seen::Anomaly(Client, limit), gap, bytes(Client, "x")]);
    tape.data(Client, 24, b"x");
    assert_eq!(tape.seen(), [Seen::Gap(Client, 1, GapCause::Limit), bytes(Client, "x")], "reported once");
    // Filling a gap takes no memory.
    tape.data(Client, 5, b"yyyyyyyyyyyyyyyyyyyyyyyyyy");
    assert_eq!(tape.tcp.waiting(), 0);
}

#[test]
fn a_delivery_that_is_not_drained_is_a_gap() {
    let mut tape = Tape::open();
    let segment = bare(START[0], Flags::PSH, b"ab");
    let _ = tape.tcp.push(Client, &segment, At::default());
    tape.data(Client, 2, b"cd");
    tape.finish();
    assert_eq!(tape.seen(), [gap(Client, 2), bytes(Client, "cd")]);
}
