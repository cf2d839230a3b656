//! Property tests: a stream segmented and sent in any way is reassembled unchanged.

use proptest::prelude::*;

use super::Limits;
use super::cases::tape::{Seen, Tape};
use crate::model::Side::{self, Client, Server};

/// One segment of a stream: its offset and length.
type Piece = (usize, usize);

/// Returns a stream in which nearby offsets have distinct contents.
fn stream(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// Splits a stream of some length into segments that cover it, repeats some and shuffles them all.
fn segments() -> impl Strategy<Value = (usize, Vec<Piece>)> {
    let pieces = prop::collection::vec(prop_oneof![1_usize..20, 1_usize..1500, 1_usize..9000], 1..40);
    (pieces, prop::collection::vec((any::<prop::sample::Index>(), 1_usize..4000), 0..20)).prop_flat_map(
        |(lengths, again)| {
            let mut all: Vec<Piece> = lengths
                .iter()
                .scan(0, |start, &length| {
                    *start += length;
                    Some((*start - length, length))
                })
                .collect();
            let total: usize = lengths.iter().sum();
            for (start, length) in again {
                let start = start.index(total);
                all.push((start, length.min(total - start)));
            }
            (Just(total), Just(all).prop_shuffle())
        },
    )
}

/// Reassembles one side's output: known bytes, and `None` for each missing one.
fn tiled(seen: &[Seen], of: Side) -> Vec<Option<u8>> {
    let mut all = Vec::new();
    for one in seen {
        match one {
            Seen::Bytes(side, bytes) if *side == of => all.extend(bytes.iter().copied().map(Some)),
            Seen::Gap(side, length, _) if *side == of => all.extend((0..*length).map(|_| None)),
            Seen::Anomaly(_, anomaly) => assert_eq!(anomaly.code(), "limit-reached"),
            _ => {}
        }
    }
    all
}

fn tape(limits: &Limits, isn: u32) -> Tape {
    let mut tape = Tape::with(limits);
    tape.start = [isn, isn.wrapping_mul(31)];
    tape.handshake();
    tape
}

proptest! {
    #[test]
    fn any_cut_any_order_any_repetition_gives_the_stream((total, pieces) in segments(), isn: u32) {
        let stream = stream(total);
        let mut tape = tape(&Limits::default(), isn);
        for (start, length) in pieces {
            tape.data(Client, start as i64, &stream[start..start + length]);
        }
        prop_assert_eq!(tape.tcp.waiting(), 0);
        let seen = tape.seen();
        prop_assert_eq!(seen.len(), 1);
        prop_assert_eq!(&seen[0], &Seen::Bytes(Client, stream));
    }

    #[test]
    fn with_segments_lost_bytes_and_gaps_tile_the_stream(
        (total, pieces) in segments(),
        fate in prop::collection::vec(0_u8..10, 60),
        isn: u32,
        limit in prop_oneof![Just(4_usize << 20), 16_usize << 10..100 << 10],
        pieces_limit in prop_oneof![Just(usize::MAX), 1_usize..20],
    ) {
        let stream = stream(total);
        let limits = Limits { waiting_bytes: limit, waiting_pieces: pieces_limit, ..Limits::default() };
        let mut tape = tape(&limits, isn);
        let mut known = vec![false; total];
        let mut highest = 0;
        for ((start, length), fate) in pieces.into_iter().zip(fate) {
            // Of ten, three are lost, one is truncated by the snap length, one is followed by an acknowledgment and one
            // by an acknowledgment and a long pause.
            if fate < 3 {
                continue;
            }
            let kept = if fate == 3 { length / 2 } else { length };
            tape.cut(Client, start as i64, &stream[start..start + kept], (length - kept) as u32);
            known[start..start + kept].fill(true);
            highest = highest.max(start + length);
            prop_assert!(tape.tcp.waiting() <= limit);
            if fate >= 8 {
                tape.ack(Server, highest as u64);
                tape.wait(if fate == 8 { 10 } else { 3000 });
                prop_assert!(fate == 8 || tape.tcp.waiting() == 0);
            }
        }
        tape.finish();
        let tiles = tiled(&tape.seen, Client);
        prop_assert_eq!(tiles.len(), highest);
        for (i, tile) in tiles.iter().enumerate() {
            if let Some(byte) = tile {
                prop_assert_eq!(*byte, stream[i], "byte {}", i);
                prop_assert!(known[i], "byte {} was never sent", i);
            }
        }
    }

    #[test]
    fn nothing_captured_is_lost_while_nobody_acknowledges(
        (total, pieces) in segments(),
        fate in prop::collection::vec(any::<bool>(), 60),
    ) {
        let stream = stream(total);
        let mut tape = tape(&Limits::default(), 7);
        let mut known = vec![false; total];
        for ((start, length), _) in pieces.into_iter().zip(fate).filter(|(_, sent)| *sent) {
            tape.data(Client, start as i64, &stream[start..start + length]);
            tape.wait(10_000);
            known[start..start + length].fill(true);
        }
        tape.finish();
        let mut expected: Vec<Option<u8>> = stream.iter().zip(known).map(|(&b, known)| known.then_some(b)).collect();
        while expected.last() == Some(&None) {
            expected.pop();
        }
        prop_assert_eq!(tiled(&tape.seen, Client), expected);
        // Each gap is reported as one, never in two parts.
        let in_parts = tape.seen.windows(2).any(|two| matches!(two, [Seen::Gap(..), Seen::Gap(..)]));
        prop_assert!(!in_parts);
    }

    #[test]
    fn anything_at_all_stays_within_the_bounds(
        segments in prop::collection::vec(
            (any::<bool>(), prop_oneof![-100_i64..20_000, any::<i64>()], any::<u8>(), 0_usize..3000, 0_u32..3000, any::<u32>()),
            1..200,
        ),
    ) {
        let limits = Limits { waiting_bytes: 40 << 10, waiting_pieces: 30, ..Limits::default() };
        let mut tape = Tape::with(&limits);
        let stream = stream(3000);
        for (client, offset, flags, length, cut, ack) in segments {
            let side = if client { Client } else { Server };
            tape.any(side, offset, flags, &stream[..length], cut, ack);
            prop_assert!(tape.tcp.waiting() <= 2 * limits.waiting_bytes);
            tape.wait(u64::from(ack % 700));
            // Draining delivered everything that was due.
            prop_assert!(tape.tcp.deadline().is_none_or(|deadline| deadline > tape.now()));
        }
        tape.finish();
        for side in [Client, Server] {
            let ends = tape.seen.iter().filter(|one| matches!(one, Seen::End(of, _) if *of == side)).count();
            let last = tape.seen.iter().rfind(|one| !matches!(one, Seen::Anomaly(..)) && one.side() == side);
            prop_assert!(ends == 0 || ends == 1 && matches!(last, Some(Seen::End(..))));
        }
    }
}

/// Returns the offset of the segment with this number.
type Order = fn(u64) -> u64;

/// Sends `count` one-byte segments after a gap in the order given by `place` and checks the bound at each step.
fn flood(count: u64, place: Order) -> std::time::Duration {
    let limits = Limits::default();
    let mut tape = tape(&limits, 1);
    let began = std::time::Instant::now();
    for i in 0..count {
        tape.data(Client, place(i) as i64 + 1, b"x");
        assert!(tape.tcp.waiting() <= limits.waiting_bytes);
        tape.seen.clear();
    }
    tape.finish();
    began.elapsed()
}

#[test]
fn a_flood_of_one_byte_segments_in_any_order_takes_linear_time() {
    const COUNT: u64 = 100_000;
    let orders: &[(&str, Order)] = &[
        ("forwards", |i| i),
        ("forwards with gaps", |i| i * 2),
        ("backwards with gaps", |i| (COUNT - i) * 2),
        ("from both ends", |i| if i % 2 == 0 { i } else { COUNT * 2 - i }),
        ("scattered over blocks", |i| (i * 4099) % (50 << 20)),
        ("scattered", |i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (4 << 20)),
    ];
    for &(name, order) in orders {
        let took = flood(COUNT, order);
        // Quadratic time would take minutes here.
        assert!(took.as_secs() < 20, "{name}: {took:?}");
    }
}

#[test]
fn large_copies_over_many_small_pieces_take_linear_time() {
    let mut tape = tape(&Limits::default(), 1);
    for i in 0..10_000 {
        tape.data(Client, 1 + i * 2, b"x");
    }
    let copy = vec![b'x'; 20_000];
    let began = std::time::Instant::now();
    for _ in 0..150 {
        tape.data(Client, 1, &copy);
        tape.cut(Client, 1, b"", 20_000);
    }
    assert!(began.elapsed().as_secs() < 20);
    tape.data(Client, 0, b"x");
    assert_eq!(tape.seen()[0], Seen::Bytes(Client, vec![b'x'; 20_001]));
}
