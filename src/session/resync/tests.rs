use super::*;
use crate::websocket::mask::unmask;
use proptest::prelude::*;

/// Returns a frame as sent on the wire; a client's is masked.
fn frame(side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let bit = if side == Side::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        n @ 0..126 => bytes.push(bit | n as u8),
        n @ 126..65536 => {
            bytes.push(bit | 0x7e);
            bytes.extend((n as u16).to_be_bytes());
        }
        n => {
            bytes.push(bit | 127);
            bytes.extend((n as u64).to_be_bytes());
        }
    }
    let start = bytes.len();
    if bit != 0 {
        let key = [0x37, 0xfa, 0x21, payload.len() as u8];
        bytes.extend(key);
        bytes.extend(payload);
        unmask(&mut bytes[start + 4..], key, 0);
    } else {
        bytes.extend(payload);
    }
    bytes
}

/// Returns reproducible bytes that look like noise.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    };
    (0..length).map(|_| next()).collect()
}

fn after_gap(side: Side) -> FrameSearch {
    FrameSearch::after_gap(side, Rsv1::Message, 100, 50)
}

/// Returns where frames are found if the bytes come in segments of `size`.
fn found(mut search: FrameSearch, bytes: &[u8], size: usize) -> Option<usize> {
    for (n, segment) in bytes.chunks(size).enumerate() {
        search.push(segment, At { packet: n as u64 + 1, ..At::default() });
        if let Some(found) = search.find() {
            return Some(found.start);
        }
    }
    search.best().map(|found| found.start)
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

#[test]
fn the_next_frame_at_a_segment_start() {
    for side in Side::BOTH {
        let one = frame(side, TEXT, br#"{"price":60123.45,"quantity":0.5}"#);
        let stream = [&one[..], &one].concat();
        assert_eq!(found(after_gap(side), &stream, one.len()), Some(0), "{side:?}");
    }
}

#[test]
fn frames_behind_the_rest_of_a_lost_one() {
    for side in Side::BOTH {
        let (mut alike, mut other) = (noise(7, 700), noise(7, 700));
        let mut third = 0;
        for n in 0..12 {
            alike.extend(frame(side, BINARY, &noise(n, 90)));
            other.extend(frame(side, BINARY, &noise(n, 90 - n as usize)));
            if n == 1 {
                third = other.len();
            }
        }
        assert_eq!(found(after_gap(side), &alike, 1448), Some(700), "{side:?}");
        // Only the chain supports the first frames, and the rest before them may form a chain as well.
        assert_eq!(found(after_gap(side), &other, 1448), Some(third), "{side:?}");
    }
}

#[test]
fn compressed_messages_are_found_by_their_chain() {
    let mut stream = noise(3, 333);
    for n in 0..8 {
        stream.extend(frame(Side::Server, 0xc1, &noise(n, 100)));
    }
    assert_eq!(found(after_gap(Side::Server), &stream, 333), Some(333));
}

#[test]
fn rsv1_is_illegal_where_nothing_was_agreed() {
    let mut stream = Vec::new();
    for n in 0..8 {
        stream.extend(frame(Side::Server, 0xc1, &noise(n, 100)));
    }
    let search = FrameSearch::after_gap(Side::Server, Rsv1::Meaningless, 0, 10);
    assert_eq!(found(search, &stream, 1448), None);
}

/// Pushes frames in segments aligned to them, searching each time; returns the stream offset where frames are found.
fn found_among(mut search: FrameSearch, frames: &[Vec<u8>]) -> Option<u64> {
    for segment in frames.iter().flat_map(|frame| frame.chunks(1448)) {
        search.push(segment, At::default());
        if let Some(found) = search.find() {
            return Some(search.skipped(found));
        }
    }
    None
}

#[test]
fn frames_too_long_to_be_held_together_lead_to_each_other() {
    for side in Side::BOTH {
        for length in [8_000, 20_000, 65_536, 100_000, 300_000, 2_000_000] {
            let count = (1_000_000 / length).clamp(12, 40);
            let frames: Vec<_> =
                (0..count).map(|n| frame(side, BINARY, &noise(n as u64, length + n))).collect();
            let starts: Vec<u64> = frames
                .iter()
                .scan(0, |start, frame| Some(std::mem::replace(start, *start + frame.len() as u64)))
                .collect();
            let rest = [&[noise(77, 5000)], &frames[..]].concat();
            let skipped = found_among(after_gap(side), &rest).map(|skipped| skipped - 5000);
            let place = starts.iter().position(|start| Some(*start) == skipped);
            assert!(place.is_some_and(|n| n < 4), "{side:?} {length}: {skipped:?}");
            if length <= 100_000 {
                let skipped = found_among(FrameSearch::mid_stream(None), &rest).map(|skipped| skipped - 5000);
                let place = starts.iter().position(|start| Some(*start) == skipped);
                assert!(place.is_some_and(|n| n < 10), "mid-stream {side:?} {length}: {skipped:?}");
            }
        }
    }
}

#[test]
fn noise_that_is_never_held_together_is_no_websocket() {
    for seed in 0..4 {
        let noise: Vec<_> = (0..2000).map(|n| noise(seed * 10_000 + n, 1448)).collect();
        for side in Side::BOTH {
            assert_eq!(found_among(after_gap(side), &noise), None, "{seed} {side:?}");
        }
        assert_eq!(found_among(FrameSearch::mid_stream(None), &noise), None, "{seed}");
    }
}

#[test]
fn long_frames_that_are_all_the_same_are_no_websocket() {
    // Each offset leads to the next one of its kind, beyond the bytes held.
    for period in [&[0x82, 0x7e, 0x82, 0x7e][..], &[0x82, 0xfe, 0xff, 0xf7], &[2, 0x7e, 0x7e, 2]] {
        let bytes: Vec<_> =
            period.repeat(3_000_000 / period.len()).chunks(1447).map(<[u8]>::to_vec).collect();
        for search in [after_gap(Side::Server), after_gap(Side::Client), FrameSearch::mid_stream(None)] {
            assert_eq!(found_among(search, &bytes), None, "{period:x?}");
        }
    }
}

#[test]
fn zeros_are_no_frames() {
    // 00 00 is a legal header: an empty, unfinished continuation frame. It is no evidence.
    for side in Side::BOTH {
        assert_eq!(found(after_gap(side), &vec![0; 100_000], 1448), None, "{side:?}");
    }
    assert_eq!(found(FrameSearch::mid_stream(None), &[0; 10_000], 1448), None);
}

#[test]
fn data_made_to_look_like_frames_costs_little() {
    // Consecutive legal headers off the segment boundaries: all scans of a search follow a bounded number per byte.
    let plain: [&[u8]; 6] =
        [&[0x82, 0], &[0, 0], &[0x89, 0], &[0x88, 0], &[0x82, 0x7e, 0x82, 0x7e], &[0x81, 0]];
    let masked: [&[u8]; 3] = [&[0x82, 0x80], &[0x89, 0x80, 0, 0, 0, 0], &[0, 0x80, 0, 0x80]];
    let server = plain.into_iter().map(|pattern| (Side::Server, pattern));
    let client = masked.into_iter().map(|pattern| (Side::Client, pattern));
    for (side, pattern) in server.chain(client) {
        for gaps in [false, true] {
            let mut search = after_gap(side);
            let bytes = [&[7], &pattern.repeat(360_000 / pattern.len())[..]].concat();
            for (n, segment) in bytes.chunks(1400).enumerate() {
                search.push(segment, At::default());
                if gaps && n % 3 == 0 {
                    search.gap(Lost::Exact(1400));
                }
                assert_eq!(search.find(), None, "{side:?} {pattern:x?} {gaps}");
            }
            let (followed, length) = (search.followed.get(), bytes.len() as u64);
            let most = (if gaps { 96 } else { 48 } * length).min(FOLLOWED + length);
            assert!(followed > length / 100, "{side:?} {pattern:x?} {gaps}: nothing was followed");
            assert!(followed < most, "{side:?} {pattern:x?} {gaps}: {followed} frames");
            assert!(search.candidates.len() <= search.buffer.len());
        }
    }
}

#[test]
fn data_that_repeats_itself_is_no_websocket() {
    // Frames of 44 bytes, each leading to the next, because both repeat after four.
    let period: [&[u8]; 3] =
        [&[0x82, 0xa6, 0xc0, 0x43], &[0x82, 0x02, 7, 7], &[0x82, 0x8a, 1, 2, 3, 4, 0x81, 0x82, 9, 9, 9, 9]];
    for (period, side) in period.into_iter().zip([Side::Client, Side::Server, Side::Client]) {
        let mut stream = noise(4, 300);
        stream.extend(period.repeat(5000));
        assert_eq!(found(after_gap(side), &stream, 1448), None, "{period:?}");
    }
}

#[test]
fn a_heartbeat_that_says_the_same_each_time_is_found() {
    for side in Side::BOTH {
        let one = frame(side, 0x89, b"");
        assert_eq!(found(after_gap(side), &one.repeat(30), one.len()), Some(0), "{side:?}");
    }
}

#[test]
fn frames_behind_zeros() {
    let mut stream = vec![0; 3001];
    for n in 0..10 {
        stream.extend(frame(Side::Server, BINARY, &noise(n, 100)));
    }
    let start = found(after_gap(Side::Server), &stream, 1448).unwrap();
    // Zeros right before a frame may look like empty fragments; the first frame, with only zeros before it, is not
    // trusted.
    assert!((2900..=3103).contains(&start), "{start}");
}

#[test]
fn noise_is_no_websocket() {
    for seed in 0..10 {
        for side in Side::BOTH {
            assert_eq!(found(after_gap(side), &noise(seed, 20_000), 1448), None, "{seed} {side:?}");
        }
        assert_eq!(found(FrameSearch::mid_stream(None), &noise(seed, 8_000), 1448), None, "{seed}");
    }
}

#[test]
fn other_protocols_are_no_websocket() {
    let http = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>AAAAAAAAAAAA</p>".repeat(200);
    let netperf = b"netperf\0".repeat(1500);
    // The names in a certificate look like a sequence of binary frames: tag 82, a length, text.
    let name = |n: usize| {
        [&[0x82, 20 + (n % 9) as u8][..], &b"*.example-name-of-a-host.test"[..20 + n % 9]].concat()
    };
    let names: Vec<u8> = (0..80).flat_map(name).collect();
    let certificate = [&noise(1, 400)[..], &names, &noise(2, 900)].concat();
    let records: Vec<u8> = (0..30).flat_map(|n| [&[0x17, 3, 3, 1, 0][..], &noise(n, 256)].concat()).collect();
    for (what, bytes) in
        [("http", http.as_bytes()), ("netperf", &netperf), ("certificate", &certificate), ("tls", &records)]
    {
        assert_eq!(found(FrameSearch::mid_stream(None), bytes, 1448), None, "{what}");
    }
}

#[test]
fn frames_inside_a_frame_do_not_convince_against_the_side() {
    // A client relays what a server sent: the inner frames are not masked, the outer ones are.
    let outer = |k: u64| {
        let inner: Vec<u8> =
            (0..20).flat_map(|n| frame(Side::Server, TEXT, &noise(n + 20 * k, 40))).collect();
        frame(Side::Client, BINARY, &inner)
    };
    let mut stream = noise(9, 200);
    stream.extend((0..8).flat_map(outer));
    assert_eq!(found(after_gap(Side::Client), &stream, 1448), Some(200));
}

#[test]
fn whole_frames_and_nothing_else_are_told_from_other_segments() {
    let (server, client) = (frame(Side::Server, TEXT, b"hello"), frame(Side::Client, BINARY, &noise(1, 300)));
    assert!(FrameSearch::is_frames(&server) && FrameSearch::is_frames(&client));
    assert!(FrameSearch::is_frames(&[&server[..], &server].concat()));
    assert!(!FrameSearch::is_frames(&[&server[..], &client].concat()), "two sides");
    assert!(!FrameSearch::is_frames(&[&server[..], b"x"].concat()) && !FrameSearch::is_frames(&server[..6]));
    assert!(!FrameSearch::is_frames(&[]) && !FrameSearch::is_frames(&[0; 1448]));
    let found =
        (0..20_000).filter(|seed| FrameSearch::is_frames(&noise(*seed, 100 + *seed as usize % 900))).count();
    assert!(found < 20, "{found} segments of noise");
}

#[test]
fn the_mask_bit_tells_the_side_of_a_stream_joined_late() {
    for side in Side::BOTH {
        let mut search = FrameSearch::mid_stream(None);
        for n in 0..6 {
            let text = format!("message number {n}: nothing special");
            search.push(&frame(side, TEXT, text.as_bytes()), At::default());
        }
        let found = search.find().unwrap();
        assert_eq!((found.start, found.masked), (0, side == Side::Client));
    }
}

#[test]
fn what_is_held_stays_within_its_bound() {
    let mut search = after_gap(Side::Server);
    let mut pushed = 0_u64;
    for n in 0..2000 {
        let bytes = noise(n, 1448);
        search.push(&bytes, At { packet: n, ..At::default() });
        pushed += bytes.len() as u64;
        assert!(search.buffer.len() <= AFTER_GAP);
        assert_eq!(search.captured(), pushed);
        assert_eq!(search.end(), 150 + pushed);
        assert!(search.first().is_some());
    }
}

#[test]
fn bytes_before_a_second_gap_that_are_no_frames_are_passed_over() {
    let mut search = after_gap(Side::Server);
    search.push(&noise(1, 500), At::default());
    search.gap(Lost::Exact(40));
    assert_eq!((search.captured(), search.end()), (500, 690));
    let one = frame(Side::Server, TEXT, b"found again, and it is plain text");
    search.push(&one, At { packet: 9, ..At::default() });
    search.push(&one, At { packet: 10, ..At::default() });
    let found = search.find().unwrap();
    assert_eq!((search.lost(found), search.skipped(found)), (90, 500));
    let pieces: Vec<_> = search.pieces(Some(found)).collect();
    let piece = |packet| Piece::Bytes(&one, At { packet, ..At::default() });
    assert_eq!(pieces, [piece(9), piece(10)]);
}

/// Pushes each frame as a segment truncated to `length` captured bytes.
fn snapped(search: &mut FrameSearch, frames: &[Vec<u8>], length: usize) -> Option<Found> {
    frames.iter().enumerate().find_map(|(n, frame)| {
        let (known, cut) = frame.split_at(frame.len().min(length));
        search.push(known, At { packet: n as u64, ..At::default() });
        if !cut.is_empty() {
            search.gap(Lost::Exact(cut.len() as u64));
        }
        search.find()
    })
}

#[test]
fn headers_lead_to_each_other_over_what_the_snap_length_cut() {
    for side in Side::BOTH {
        let compressed = |n| frame(side, 0xc1, &noise(n, 60 + 13 * n as usize));
        let frames: Vec<_> = (0..8).map(compressed).collect();
        let mut search = after_gap(side);
        let found = snapped(&mut search, &frames, 20).unwrap();
        assert_eq!((found.start, search.lost(found), search.skipped(found)), (0, 50, 0), "{side:?}");
        let mut search = FrameSearch::mid_stream(None);
        assert_eq!(snapped(&mut search, &frames, 20).map(|found| found.masked), Some(side == Side::Client));
        // The lengths do not lead from one frame to the next: one more byte is missing each time.
        let mut other = frames.clone();
        for frame in &mut other {
            frame.push(0);
        }
        assert_eq!(snapped(&mut after_gap(side), &other, 20), None, "{side:?}");
    }
}

#[test]
fn segments_cut_by_the_snap_length_are_no_websocket() {
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>AAAAAAAAAAAA</p>".repeat(20).into_bytes();
    for seed in 0..40 {
        let segments: Vec<_> = (0..200).map(|n| noise(seed * 1000 + n, 1400)).collect();
        let records: Vec<_> =
            segments.iter().map(|bytes| [&[0x17, 3, 3, 5, 0x73], &bytes[..]].concat()).collect();
        let pages: Vec<_> = segments.iter().map(|_| page.clone()).collect();
        for (what, segments) in [("noise", &segments), ("tls", &records), ("http", &pages)] {
            for length in [4, 14, 30, 62] {
                for mut search in
                    [FrameSearch::mid_stream(None), after_gap(Side::Client), after_gap(Side::Server)]
                {
                    assert_eq!(snapped(&mut search, segments, length), None, "{what} {length} {seed}");
                }
            }
        }
    }
}

#[test]
fn a_long_first_fragment_at_a_segment_start_is_found_by_what_continues_it() {
    for side in Side::BOTH {
        for length in [3000, 70_000] {
            let fragments = [(0x02, 1), (0x00, 2), (0x00, 3), (0x80, 4)];
            let frames = fragments.map(|(first, seed)| frame(side, first, &noise(seed, length)));
            let mut search = after_gap(side);
            let mut found = None;
            for segment in frames.iter().flat_map(|frame| frame.chunks(1448)) {
                search.push(segment, At::default());
                found = found.or(search.find());
            }
            assert_eq!(found.or(search.best()).map(|found| found.start), Some(0), "{side:?} {length}");
        }
    }
}

#[test]
fn a_short_first_fragment_right_behind_the_gap_is_found_by_what_continues_it() {
    for side in Side::BOTH {
        let message = [(0x01, &b"two "[..]), (0x89, b"tick"), (0x80, b"parts")];
        let message = message.map(|(first, payload)| frame(side, first, payload)).concat();
        let behind: Vec<_> = [7, 90, 30].map(|n| frame(side, BINARY, &noise(n, n as usize))).into();
        let stream = [&message[..], &behind.concat()].concat();
        assert_eq!(found(after_gap(side), &stream, message.len()), Some(0), "{side:?}");
        // It may be the rest of a payload whose beginning was lost.
        let rest = [&noise(5, 20)[..], &stream].concat();
        assert!(found(after_gap(side), &rest, rest.len()) > Some(20), "{side:?}");
        // No continuation follows.
        let alone = [frame(side, 0x01, b"two "), behind.concat()].concat();
        assert_ne!(found(after_gap(side), &alone, alone.len()), Some(0), "{side:?}");
    }
}

#[test]
fn pixels_and_numbers_are_no_fragments() {
    // Opaque black pixels, and big-endian numbers of 16 and 64 bits that begin with 01 7f and 02 fe.
    let pixels = [0, 0, 0, 0xff].repeat(20_000);
    let numbers: Vec<u8> = (0..20_000_u16).flat_map(|n| (0x017f + n % 3).to_be_bytes()).collect();
    let wide: Vec<u8> = (0..8000_u64).flat_map(|n| (0x02fe_0000 + n * 7).to_be_bytes()).collect();
    for bytes in [pixels, numbers, wide] {
        for size in [1447, 1448, 1460] {
            assert_eq!(found(FrameSearch::mid_stream(None), &bytes[..12_000], size), None);
            for side in Side::BOTH {
                assert_eq!(found(after_gap(side), &bytes, size), None, "{side:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_frames_found_begin_where_a_frame_begins(
        seed: u64,
        client: bool,
        rest in 0_usize..2000,
        lengths in prop::collection::vec(1_usize..400, 12..40),
        size in 100_usize..1500,
    ) {
        let side = if client { Side::Client } else { Side::Server };
        let (stream, starts) = rest_and_frames(side, seed, rest, &lengths);
        let start = found(after_gap(side), &stream, size);
        // If the rest happens to look like the header of a frame covering all others, none is found.
        prop_assert!(start.is_none_or(|start| starts.contains(&start)), "{start:?}");
    }
}

/// Returns the rest of a lost frame followed by frames, and where they begin.
fn rest_and_frames(side: Side, seed: u64, rest: usize, lengths: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut stream, mut starts) = (noise(seed, rest), Vec::new());
    for (n, length) in lengths.iter().enumerate() {
        starts.push(stream.len());
        stream.extend(frame(side, BINARY, &noise(seed ^ n as u64, *length)));
    }
    (stream, starts)
}

#[test]
fn nearly_all_frames_are_found() {
    for side in Side::BOTH {
        let is_found = |seed: &u64| {
            let lengths: Vec<_> = (0..20).map(|n| 1 + (*seed as usize * 31 + n * 97) % 399).collect();
            let (stream, starts) = rest_and_frames(side, *seed, *seed as usize * 7 % 2000, &lengths);
            found(after_gap(side), &stream, 1448).is_some_and(|start| starts.contains(&start))
        };
        let times = (0..300).filter(is_found).count();
        assert!(times >= 297, "{side:?}: {times} of 300");
    }
}
