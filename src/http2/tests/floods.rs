use proptest::prelude::*;

use super::{
    Connection, End, Limits, Lost, PREFACE, Seen, Side, WEBSOCKET, data, frame, push, settings, started,
};

/// The most memory that a connection may hold, with every bound reached, in bytes.
const MOST: usize = 1 << 20;

#[test]
fn a_million_streams() {
    let (mut connection, mut client, mut server) = started();
    super::open(&mut connection, 1, &mut client, &mut server);
    for stream in (3..2_000_003).step_by(2) {
        let seen = push(&mut connection, Side::Client, &frame(1, 4, stream, &[0x82, 0x87, 0x84]));
        assert_eq!(seen, []);
        assert!(connection.allocated() < MOST);
    }
    let seen = push(&mut connection, Side::Client, &data(1, b"still there"));
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"still there".to_vec())]);
}

#[test]
fn more_websockets_than_the_limit() {
    let (mut connection, mut client, _) = started();
    let mut forgotten = 0;
    for nth in 0..3000 {
        let seen = push(&mut connection, Side::Client, &frame(1, 4, 2 * nth + 1, &client.block(&WEBSOCKET)));
        let ended = seen.iter().filter(|seen| matches!(seen, Seen::Ended(_, _, End::Forgotten))).count();
        assert_eq!(seen.contains(&Seen::Anomaly("limit-reached")), ended > 0);
        forgotten += ended;
        assert!(connection.allocated() < MOST);
    }
    assert_eq!(forgotten, 3000 - 1024);
}

#[test]
fn continuation_without_end() {
    let (mut connection, ..) = started();
    push(&mut connection, Side::Client, &frame(1, 0, 1, &[0x82]));
    let mut limits = 0;
    for _ in 0..100_000 {
        let seen = push(&mut connection, Side::Client, &frame(9, 0, 1, &[b'x'; 4000]));
        limits += seen.len();
        assert!(connection.allocated() < MOST);
    }
    assert_eq!(limits, 1, "it is reported once");
    push(&mut connection, Side::Client, &frame(9, 4, 1, &[]));
    // After it, everything continues.
    let mut client = super::Encoder::default();
    let seen = push(&mut connection, Side::Client, &frame(1, 4, 3, &client.block(&WEBSOCKET)));
    assert_eq!(seen.last(), Some(&Seen::Opened(3, super::owned(&WEBSOCKET))));
}

#[test]
fn empty_frames_of_a_block_are_counted() {
    let (mut connection, ..) = started();
    push(&mut connection, Side::Client, &frame(1, 0, 1, &[0x82]));
    let seen = push(&mut connection, Side::Client, &frame(9, 0, 1, &[]).repeat(100_000));
    assert_eq!(seen, [Seen::Anomaly("limit-reached")]);
}

#[test]
fn a_huge_table_and_huge_frames() {
    let mut connection = Connection::new(Limits::default());
    push(&mut connection, Side::Server, &settings(&[(1, u32::MAX), (5, (1 << 24) - 1)]));
    push(&mut connection, Side::Client, &[PREFACE, &settings(&[])].concat());
    for stream in (1..200).step_by(2) {
        let mut block = vec![0x3f, 0xe1, 0xff, 0x7f];
        for name in 0..15_u8 {
            block.extend([0x40, 1, b'a' + name, 0x7f, 0x80 | 33, 30]);
            block.extend([b'v'; 4000]);
        }
        assert_eq!(push(&mut connection, Side::Client, &frame(1, 5, stream, &block)), []);
        assert!(connection.allocated() < MOST);
    }
    let huge = [&[0xff, 0xff, 0xff, 1, 4, 0, 0, 1, 1][..], &vec![0; 0x00ff_ffff]].concat();
    let mut codes = Vec::new();
    for part in huge.chunks(100_000) {
        codes.extend(push(&mut connection, Side::Client, part));
        assert!(connection.allocated() < MOST);
    }
    assert!(codes.contains(&Seen::Anomaly("limit-reached")), "{codes:?}");
}

proptest! {
    #[test]
    fn random_bytes_do_not_panic(
        turns in prop::collection::vec((any::<bool>(), 0..8_u8, prop::collection::vec(any::<u8>(), 0..300)), 0..30),
        late in any::<bool>(),
    ) {
        let mut connection =
            if late { Connection::mid_stream(Limits::default()) } else { Connection::new(Limits::default()) };
        for (client, kind, bytes) in turns {
            let side = if client { Side::Client } else { Side::Server };
            let mut delivery = match kind {
                0 => connection.gap(side, Lost::Exact(bytes.len() as u64)),
                1 => connection.gap(side, Lost::Unknown { least: 1 }),
                2 => connection.push(side, PREFACE),
                _ => connection.push(side, &bytes),
            };
            while delivery.next().is_some() {}
            prop_assert!(connection.allocated() < MOST);
        }
    }

    #[test]
    fn random_frames_do_not_panic(
        frames in prop::collection::vec(
            (any::<bool>(), 0..12_u8, any::<u8>(), 0..6_u32, prop::collection::vec(any::<u8>(), 0..40)), 0..60,
        ),
    ) {
        let (mut connection, ..) = started();
        for (client, kind, flags, stream, payload) in frames {
            let side = if client { Side::Client } else { Side::Server };
            push(&mut connection, side, &frame(kind, flags, stream, &payload));
            prop_assert!(connection.allocated() < MOST);
        }
    }
}
