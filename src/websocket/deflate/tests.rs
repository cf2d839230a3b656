use super::*;
use crate::websocket::Missing;
use flate2::{Compress, Compression, FlushCompress, Status};
use proptest::prelude::*;

const TAKEOVER: DeflateSide = DeflateSide { no_context_takeover: false, max_window_bits: 15 };
const NO_TAKEOVER: DeflateSide = DeflateSide { no_context_takeover: true, max_window_bits: 15 };

fn bits(max_window_bits: u8) -> DeflateSide {
    DeflateSide { no_context_takeover: false, max_window_bits }
}

/// Is what one message came to.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    /// Each byte, `None` where it is not known.
    bytes: Vec<Option<u8>>,
    /// Whether no more bytes were said to be missing to the end.
    whole: bool,
    anomalies: Vec<Anomaly>,
}

impl Got {
    fn known(&self) -> Vec<u8> {
        assert!(self.whole && self.anomalies.is_empty(), "{:?}", self.anomalies);
        self.bytes.iter().map(|byte| byte.expect("every byte is known")).collect()
    }
}

fn laid_out(out: &Payload) -> (Vec<Option<u8>>, bool) {
    let (mut known, mut all, mut whole) = (out.bytes().iter().copied(), Vec::new(), true);
    for &Missing { offset, length } in out.missing() {
        all.extend(known.by_ref().take(offset as usize - all.len()).map(Some));
        assert!(whole, "a hole without end is the last");
        match length {
            Some(length) => all.extend(std::iter::repeat_n(None, length as usize)),
            None => whole = false,
        }
    }
    all.extend(known.map(Some));
    if !whole {
        // The last hole may begin with a part whose length was told.
        all.resize(out.length() as usize, None);
    }
    assert_eq!(all.len() as u64, out.length());
    (all, whole)
}

/// Inflates one message that comes in these pieces.
fn inflate<'a>(inflater: &mut Inflater, pieces: impl IntoIterator<Item = &'a [u8]>) -> Got {
    let mut out = Payload::new(usize::MAX);
    for piece in pieces {
        inflater.push(piece, &mut out);
    }
    inflater.finish(&mut out);
    got(inflater, &out)
}

fn got(inflater: &mut Inflater, out: &Payload) -> Got {
    let (bytes, whole) = laid_out(out);
    Got { bytes, whole, anomalies: std::iter::from_fn(|| inflater.next_anomaly()).collect() }
}

fn text(inflater: &mut Inflater, message: &[u8]) -> String {
    String::from_utf8(inflate(inflater, [message]).known()).unwrap()
}

/// Compresses as a peer does (RFC 7692 §7.2.1).
struct Sender {
    compress: Compress,
    takeover: bool,
}

impl Sender {
    fn new(level: u32, takeover: bool) -> Self {
        Sender { compress: Compress::new(Compression::new(level), false), takeover }
    }

    fn with_bits(level: u32, bits: u8) -> Self {
        let compress = Compress::new_with_window_bits(Compression::new(level), false, bits);
        Sender { compress, takeover: true }
    }

    fn flush(&mut self, payload: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut message = Vec::with_capacity(payload.len() * 2 + 256);
        let before = self.compress.total_in();
        let status = self.compress.compress_vec(payload, &mut message, flush).unwrap();
        assert!(status != Status::BufError && self.compress.total_in() - before == payload.len() as u64);
        message
    }

    fn send(&mut self, payload: &[u8]) -> Vec<u8> {
        if payload.is_empty() {
            return vec![0]; // RFC 7692 §7.2.3.6
        }
        let mut message = self.flush(payload, FlushCompress::Sync);
        if !self.takeover {
            self.compress.reset();
        }
        assert!(message.ends_with(&[0, 0, 0xff, 0xff]));
        message.truncate(message.len() - 4);
        message
    }

    /// Ends with a final block, as where only `finish` is at hand (RFC 7692 §7.2.3.4).
    fn send_final(&mut self, payload: &[u8], window: &[u8]) -> Vec<u8> {
        let mut compress = Compress::new(Compression::new(6), false);
        if !window.is_empty() {
            compress.set_dictionary(window).unwrap();
        }
        self.compress = compress;
        self.flush(payload, FlushCompress::Finish)
    }
}

/// Makes ticks as a market data feed sends them: alike, about 200 bytes each.
fn tick(n: usize) -> Vec<u8> {
    format!(
        r#"{{"type":"tick","seq":{n},"symbol":"{}","bid":{}.{:02},"ask":{}.{:02},"time":"2026-11-03T12:{:02}:{:02}.{:06}Z","venue":"XETR","flags":["firm","live"],"depth":[{},{},{}]}}"#,
        ["AAPL", "MSFT", "NOVN", "SAP"][n * 7 % 4],
        100 + n % 37, n * 31 % 100, 101 + n % 37, n * 17 % 100,
        n / 60 % 60, n % 60, n * 7919 % 1_000_000,
        n * 13 % 997, n * 29 % 991, n * 41 % 983,
    )
    .into_bytes()
}

/// Makes bytes that nothing repeats in.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(count)
    .collect()
}

// The examples of RFC 7692 §7.2.3.

#[test]
fn one_frame() {
    for side in [TAKEOVER, NO_TAKEOVER, bits(8)] {
        let mut inflater = Inflater::new(side, Limits::default());
        assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
    }
}

#[test]
fn two_fragments() {
    let mut inflater = Inflater::new(TAKEOVER, Limits::default());
    let got = inflate(&mut inflater, [&[0xf2, 0x48, 0xcd][..], &[0xc9, 0xc9, 0x07, 0x00]]);
    assert_eq!(got.known(), b"Hello");
}

#[test]
fn a_shared_window() {
    for bits in [15, 9] {
        let mut inflater = Inflater::new(super::tests::bits(bits), Limits::default());
        assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        assert_eq!(text(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]), "Hello");
    }
}

#[test]
fn a_stored_block() {
    for bits in [15, 9] {
        let mut inflater = Inflater::new(super::tests::bits(bits), Limits::default());
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(text(&mut inflater, &stored), "Hello");
    }
}

#[test]
fn a_final_block() {
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        for _ in 0..3 {
            assert_eq!(text(&mut inflater, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), "Hello");
            assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        }
    }
}

#[test]
fn two_blocks_in_one_message() {
    let message = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        assert_eq!(text(&mut Inflater::new(side, Limits::default()), &message), "Hello");
    }
}

#[test]
fn an_empty_message() {
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        assert_eq!(text(&mut inflater, &[]), "");
        assert_eq!(text(&mut inflater, &[0x00]), "");
        assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        assert_eq!(text(&mut inflater, &[0x00]), "");
    }
}

// Beyond the examples.

#[test]
fn a_window_goes_on_after_a_final_block() {
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::new(TAKEOVER, Limits::default()));
    let mut sent = Vec::new();
    for n in 0..600 {
        let payload = if n % 9 == 8 { (n..n + 40).flat_map(tick).collect() } else { tick(n) };
        let window = &sent[sent.len().saturating_sub(32768)..];
        let message = if n % 3 == 2 { sender.send_final(&payload, window) } else { sender.send(&payload) };
        assert_eq!(inflate(&mut inflater, [&message[..]]).known(), payload, "message {n}");
        sent.extend(payload);
        if n % 3 == 2 {
            // The peer primes its compressor anew.
            sender.compress = Compress::new(Compression::new(6), false);
            sender.compress.set_dictionary(&sent[sent.len().saturating_sub(32768)..]).unwrap();
        }
    }
}

#[test]
fn blocks_follow_a_final_block_in_one_message() {
    let mut one = Sender::new(6, true).send_final(b"first half, ", b"");
    one.extend(Sender::new(6, true).send(b"second half"));
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        for _ in 0..2 {
            assert_eq!(text(&mut inflater, &one), "first half, second half");
        }
    }
}

#[test]
fn a_message_that_needs_no_tail() {
    // Without the empty block that RFC 7692 §7.2.1 wants at the end: a stored block, and a fixed block whose last two
    // bits, both zero, are the tail's first.
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let fixed = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07];
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        for _ in 0..3 {
            assert_eq!(text(&mut inflater, &stored), "Hello");
            assert_eq!(text(&mut inflater, &fixed), "Hello");
            assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        }
    }
}

#[test]
fn a_message_cut_short_is_damaged_and_its_bytes_stand() {
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        let got = inflate(&mut inflater, [&[0xf2, 0x48, 0xcd, 0xc9][..]]);
        let known: Vec<u8> = got.bytes.iter().map(|byte| byte.unwrap()).collect();
        assert!(b"Hello".starts_with(&known) && known.len() >= 2, "{known:?}");
        assert!(!got.whole);
        let damage = Anomaly::DeflateDamaged { offset: known.len() as u64, problem: UNFINISHED.into() };
        assert_eq!(got.anomalies, [damage]);
    }
}

#[test]
fn damage_ends_the_message_and_the_history() {
    // "He", then a block of type 3.
    let message = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0x06, 0xff, 0xff];
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for side in [TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        assert_eq!(text(&mut inflater, &hello), "Hello");
        let got = inflate(&mut inflater, [&message[..], &message[..]]);
        assert_eq!((got.bytes, got.whole), (vec![Some(b'H'), Some(b'e')], false));
        let problem = "invalid block type".into();
        assert_eq!(got.anomalies, [Anomaly::DeflateDamaged { offset: 2, problem }]);

        let shared = inflate(&mut inflater, [&[0xf2, 0x00, 0x11, 0x00, 0x00][..]]);
        assert_eq!(shared.bytes, [Some(b'H'), None, None, None, None]);
        assert_eq!((shared.whole, &shared.anomalies[..]), (true, &[Anomaly::DeflateHistoryLost {}][..]));
        assert_eq!(text(&mut inflater, &hello), "Hello");
    }
    let mut inflater = Inflater::new(NO_TAKEOVER, Limits::default());
    assert!(!inflate(&mut inflater, [&message[..]]).whole);
    assert_eq!(text(&mut inflater, &hello), "Hello");
}

#[test]
fn a_distance_too_far_back_is_damage_where_the_beginning_was_seen() {
    for side in [TAKEOVER, NO_TAKEOVER, bits(9)] {
        let mut inflater = Inflater::new(side, Limits::default());
        let got = inflate(&mut inflater, [&[0xf2, 0x00, 0x11, 0x00, 0x00][..]]);
        assert_eq!((got.bytes, got.whole), (vec![Some(b'H')], false));
        let problem = BAD_SYMBOL.into();
        assert_eq!(got.anomalies, [Anomaly::DeflateDamaged { offset: 1, problem }]);
    }
}

#[test]
fn output_beyond_the_limit_keeps_the_window_in_step() {
    for bits in [15, 14] {
        let (mut sender, mut inflater) =
            (Sender::with_bits(6, bits), Inflater::new(super::tests::bits(bits), Limits::default()));
        for round in 0..5 {
            let large: Vec<u8> = (round * 1000..round * 1000 + 900).flat_map(tick).collect();
            let mut out = Payload::new(1000);
            inflater.push(&sender.send(&large), &mut out);
            inflater.finish(&mut out);
            assert_eq!((out.bytes(), out.truncated_to()), (&large[..1000], Some(1000)));
            assert_eq!(out.length(), large.len() as u64);
            let next = tick(round * 1000 + 850);
            assert_eq!(inflate(&mut inflater, [&sender.send(&next)[..]]).known(), next);
        }
    }
}

#[test]
fn the_work_bound_is_exact_and_ends_the_history() {
    for (bits, cut) in [(15, 1000), (15, 1), (14, 1000), (14, 1)] {
        let mut sender = Sender::with_bits(9, bits);
        let mut inflater = Inflater::new(super::tests::bits(bits), Limits { work: 100_000 });
        let exact = vec![b'x'; 100_000];
        assert_eq!(inflate(&mut inflater, sender.send(&exact).chunks(cut)).known(), exact);

        let got = inflate(&mut inflater, sender.send(&[b'y'; 100_001]).chunks(cut));
        assert_eq!((got.bytes.len(), got.whole), (100_000, false));
        assert_eq!(got.anomalies, [Anomaly::InflateLimit { limit: 100_000 }]);

        let got = inflate(&mut inflater, sender.send(b"yyyyyyyyyyyyyyyyy").chunks(cut));
        assert_eq!((got.bytes.len(), got.whole), (17, true));
        assert_eq!(got.anomalies, [Anomaly::DeflateHistoryLost {}]);
    }
}

#[test]
fn a_bomb_takes_constant_memory() {
    let mut inflater = Inflater::new(TAKEOVER, Limits { work: 1 << 40 });
    let (mut sender, mut out) = (Sender::new(9, true), Payload::new(1 << 20));
    let million = vec![0; 1 << 20];
    for _ in 0..64 {
        let piece = sender.flush(&million, FlushCompress::Sync);
        for small in piece.chunks(100) {
            inflater.push(small, &mut out);
            assert!(inflater.allocated() <= 100 * 1024);
        }
    }
    inflater.finish(&mut out);
    assert_eq!((out.length(), out.bytes().len()), (64 << 20, 1 << 20));
    assert_eq!(inflater.next_anomaly(), None);
}

#[test]
fn memory_is_taken_with_the_first_message_and_given_back_at_rest() {
    for side in [TAKEOVER, bits(10), NO_TAKEOVER] {
        let (mut sender, mut inflater) =
            (Sender::with_bits(6, side.max_window_bits), Inflater::new(side, Limits::default()));
        sender.takeover = !side.no_context_takeover;
        assert_eq!(inflater.allocated(), 0);
        inflater.rest();
        assert_eq!(inflater.allocated(), 0);
        let mut sent = 0;
        for n in 0..400 {
            assert_eq!(inflate(&mut inflater, [&sender.send(&tick(n))[..]]).known(), tick(n));
            sent += tick(n).len();
            if n % 10 == 9 {
                inflater.rest();
                let most = if side.no_context_takeover { 0 } else { sent.min(32 * 1024 + 64) };
                assert!(inflater.allocated() <= most, "{} after {sent}", inflater.allocated());
            }
        }
    }
}

#[test]
fn resting_inside_a_message_does_nothing() {
    let mut inflater = Inflater::new(TAKEOVER, Limits::default());
    let mut out = Payload::new(100);
    inflater.push(&[0xf2, 0x48, 0xcd], &mut out);
    inflater.rest();
    inflater.push(&[0xc9, 0xc9, 0x07, 0x00], &mut out);
    inflater.finish(&mut out);
    assert_eq!((out.bytes(), inflater.next_anomaly()), (&b"Hello"[..], None));
}

#[test]
fn a_distance_beyond_the_agreed_window_is_told_once_a_message_and_followed() {
    for agreed in 8..15 {
        let mut sender = Sender::new(6, true);
        let mut inflater = Inflater::new(bits(agreed), Limits::default());
        let window = 1_usize << agreed;
        let mut noise = noise(window + 1);
        noise.extend_from_within(..100);
        let got = inflate(&mut inflater, [&sender.send(&noise)[..]]);
        assert_eq!(got.bytes, noise.iter().copied().map(Some).collect::<Vec<_>>());
        let far = Anomaly::DeflateDistance { distance: window as u32 + 1, window: window as u32 };
        assert_eq!(got.anomalies, [far]);
    }
}

#[test]
fn a_compressor_stays_inside_its_window() {
    // Of 9 bits even inside 8: zlib, asked for 8, works with 9.
    for (asked, agreed) in [(9, 8), (9, 9), (10, 10), (12, 12), (14, 14)] {
        for level in 1..=9 {
            let mut sender = Sender::with_bits(level, asked);
            let mut inflater = Inflater::new(bits(agreed), Limits::default());
            for n in 0..300 {
                let got = inflate(&mut inflater, [&sender.send(&tick(n))[..]]);
                assert_eq!(got.anomalies, [], "{asked} bits, level {level}");
                assert_eq!(got.known(), tick(n));
            }
        }
    }
}

// Lost history.

#[test]
fn a_gap_loses_the_rest_of_the_message_and_the_window() {
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::new(TAKEOVER, Limits::default()));
    for n in 0..10 {
        assert_eq!(inflate(&mut inflater, [&sender.send(&tick(n))[..]]).known(), tick(n));
    }
    let message = sender.send(&tick(10));
    let mut out = Payload::new(1000);
    inflater.push(&message[..20], &mut out);
    inflater.gap(&mut out);
    inflater.gap(&mut out);
    inflater.push(&message[30..], &mut out);
    inflater.finish(&mut out);
    assert!(tick(10).starts_with(out.bytes()) && !out.bytes().is_empty());
    assert_eq!(out.missing(), [Missing { offset: out.length(), length: None }]);
    assert_eq!(inflater.next_anomaly(), None, "the loss is told with the first message that it touches");

    let mut told = 0;
    for n in 11..600 {
        let got = inflate(&mut inflater, [&sender.send(&tick(n))[..]]);
        assert!(is_true(&got, &tick(n)), "message {n}");
        told += got.anomalies.len();
    }
    assert_eq!(told, 1);
}

#[test]
fn without_takeover_the_next_message_is_whole() {
    let (mut sender, mut inflater) = (Sender::new(6, false), Inflater::new(NO_TAKEOVER, Limits::default()));
    for n in 0..30 {
        let message = sender.send(&tick(n));
        match n % 3 {
            0 => assert_eq!(inflate(&mut inflater, [&message[..]]).known(), tick(n)),
            1 => inflater.lose_history(),
            _ => {
                let mut out = Payload::new(1000);
                inflater.push(&message[..30], &mut out);
                inflater.gap(&mut out);
                inflater.finish(&mut out);
                assert_eq!(inflater.next_anomaly(), None);
            }
        }
    }
}

#[test]
fn joined_late_without_takeover_everything_is_known() {
    let (mut sender, mut inflater) = (Sender::new(6, false), Inflater::joined_late(Limits::default()));
    for n in 0..300 {
        assert_eq!(inflate(&mut inflater, [&sender.send(&tick(n))[..]]).known(), tick(n));
        assert_eq!(inflater.detected_takeover(), None);
    }
}

#[test]
fn joined_late_takeover_is_detected_by_the_first_reference_back() {
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::joined_late(Limits::default()));
    sender.send(&tick(0));
    assert_eq!(inflater.detected_takeover(), None);
    let got = inflate(&mut inflater, [&sender.send(&tick(1))[..]]);
    assert!(is_true(&got, &tick(1)) && got.bytes.contains(&None));
    assert_eq!(got.anomalies, [Anomaly::DeflateHistoryLost {}]);
    assert_eq!(inflater.detected_takeover(), Some(true));
}

#[test]
fn the_window_heals_and_the_library_takes_over() {
    // A sender whose references reach the unknown no more: noise first, then ticks.
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::joined_late(Limits::default()));
    sender.send(&tick(0));
    inflate(&mut inflater, [&sender.send(&noise(40_000))[..]]);
    assert!(inflater.library.is_none() && inflater.partial.is_some());
    for n in 1..100 {
        assert_eq!(inflate(&mut inflater, [&sender.send(&tick(n))[..]]).known(), tick(n));
        assert!(inflater.library.is_some() && inflater.partial.is_none());
    }
}

#[test]
fn more_holes_than_a_payload_counts_put_no_byte_in_a_wrong_place() {
    // Literals between references to the unknown, 3000 times: a fixed block by hand.
    let (mut bits, mut expected) = (vec![0, 1, 0], Vec::new());
    for n in 0..3000_u32 {
        let literal = (n % 100) as u8;
        bits.extend((0..8).rev().map(|at| (literal + 0x30) >> at & 1));
        // Length 3 is code 0000001; distance 24577–32768 code 11101 and 13 extra bits.
        bits.extend([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1]);
        bits.extend([1; 13]);
        expected.push(literal);
        expected.extend([0; 3]);
    }
    bits.extend([0; 7]);
    bits.extend([0; 3]);
    let message: Vec<u8> =
        bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let got = inflate(&mut Inflater::joined_late(Limits::default()), [&message[..]]);
    assert_eq!((got.bytes.len(), got.whole), (12_000, true));
    for (at, byte) in got.bytes.iter().enumerate() {
        assert!(byte.is_none_or(|byte| byte == expected[at]), "byte {at}");
    }
    assert!(got.bytes.iter().flatten().count() > 1000);
}

/// Tells whether every byte shown is the byte sent at that place, and the length is exact.
fn is_true(got: &Got, sent: &[u8]) -> bool {
    got.whole
        && got.bytes.len() == sent.len()
        && got.bytes.iter().zip(sent).all(|(byte, sent)| byte.is_none_or(|byte| byte == *sent))
}

// Properties.

/// Makes payloads that compress in every way: words again and again, noise, runs, near repetitions.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (0..200_usize).prop_map(tick),
        2 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 0..2000_usize).prop_map(|(byte, count)| vec![byte; count]),
        1 => (any::<u32>(), 0..20_000_u32).prop_map(|(seed, count)| {
            (0..count).map(|n| (n.wrapping_mul(seed | 1).wrapping_mul(2_654_435_761) >> 27) as u8).collect()
        }),
        1 => prop::collection::vec(prop::sample::select(b"abcdefgh \n".to_vec()), 0..3000),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Tells whether the library and our own inflater, which sees distances and every bad end, came to the same.
fn agree(library: &Got, ours: &Got) -> bool {
    let cut_short = |anomaly: &Anomaly| matches!(anomaly, Anomaly::DeflateDamaged { problem, .. } if [UNFINISHED, NO_END].contains(&&**problem));
    let anomalies = ours.anomalies.iter().filter(|anomaly| anomaly.code() != "deflate-distance");
    library.bytes == ours.bytes
        && (anomalies.eq(&library.anomalies) && library.whole == ours.whole
            || library.whole && ours.anomalies.iter().any(cut_short))
}

fn cut(message: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    message.chunks(size.max(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inflates_what_was_sent_however_it_is_cut(
        payloads in prop::collection::vec(payload(), 1..12),
        level in 0..=9_u32, takeover: bool, size in prop_oneof![1..4_usize, 1..5000_usize], rest: bool,
    ) {
        let mut sender = Sender::new(level, takeover);
        let side = if takeover { TAKEOVER } else { NO_TAKEOVER };
        // 15 bits by the library, 14 by us (the distances may be told, nothing else differs).
        let mut ordinary = Inflater::new(side, Limits::default());
        let mut ours = Inflater::new(DeflateSide { max_window_bits: 14, ..side }, Limits::default());
        for payload in payloads {
            let message = sender.send(&payload);
            prop_assert_eq!(inflate(&mut ordinary, cut(&message, size)).known(), payload.clone());
            let mut got = inflate(&mut ours, cut(&message, size));
            got.anomalies.retain(|anomaly| anomaly.code() != "deflate-distance");
            prop_assert_eq!(got.known(), payload);
            if rest {
                ordinary.rest();
                ours.rest();
            }
        }
    }

    #[test]
    fn both_engines_agree_on_anything(
        messages in prop::collection::vec((payload(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)), 1..6),
        level in 0..=9_u32, size in 1..2000_usize,
    ) {
        let mut sender = Sender::new(level, false);
        let mut library = Inflater::new(NO_TAKEOVER, Limits::default());
        let mut ours = Inflater::new(DeflateSide { max_window_bits: 14, ..NO_TAKEOVER }, Limits::default());
        for (payload, damage) in messages {
            let mut message = sender.send(&payload);
            for (at, byte) in damage {
                let at = at.index(message.len());
                message[at] ^= byte;
            }
            let first = inflate(&mut library, cut(&message, size));
            let second = inflate(&mut ours, cut(&message, 1));
            prop_assert!(agree(&first, &second), "{first:?} {second:?}");
        }
    }

    #[test]
    fn both_engines_agree_on_noise(noise in prop::collection::vec(any::<u8>(), 0..400), size in 1..50_usize) {
        let first = inflate(&mut Inflater::new(TAKEOVER, Limits::default()), cut(&noise, size));
        let second = inflate(&mut Inflater::new(bits(14), Limits::default()), cut(&noise, 1));
        prop_assert!(agree(&first, &second), "{first:?} {second:?}");
    }

    #[test]
    fn noise_in_any_state_is_bounded(
        messages in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..3000), 0..6_u8), 1..30), joined: bool,
    ) {
        let limits = Limits { work: 1 << 20 };
        let mut inflater = if joined { Inflater::joined_late(limits) } else { Inflater::new(TAKEOVER, limits) };
        let mut out = Payload::new(1 << 16);
        for (bytes, then) in messages {
            inflater.push(&bytes, &mut out);
            prop_assert!(out.length() <= 1 << 20 && inflater.allocated() <= 200 * 1024);
            match then {
                0 => inflater.gap(&mut out),
                1 => inflater.lose_history(),
                2 => inflater.rest(),
                _ => {}
            }
            if then != 3 {
                inflater.finish(&mut out);
                out.clear(false);
            }
            prop_assert!(inflater.anomalies.len() <= MAX_WAITING);
        }
    }

    #[test]
    fn what_is_shown_after_a_loss_was_sent_there(
        payloads in prop::collection::vec((payload(), 0..8_u8), 2..40),
        level in 1..=9_u32, joined: bool, takeover: bool, size in 1..3000_usize,
    ) {
        let side = if takeover { TAKEOVER } else { NO_TAKEOVER };
        let limits = Limits::default();
        let mut sender = Sender::new(level, takeover);
        let mut inflater = if joined { Inflater::joined_late(limits) } else { Inflater::new(side, limits) };
        if joined {
            sender.send(&tick(0));
        }
        for (payload, fate) in payloads {
            let message = sender.send(&payload);
            match fate {
                0 => inflater.lose_history(),
                1 => {
                    let mut out = Payload::new(usize::MAX);
                    inflater.push(&message[..message.len() / 2], &mut out);
                    inflater.gap(&mut out);
                    inflater.finish(&mut out);
                    let got = got(&mut inflater, &out);
                    prop_assert!(!got.whole);
                    prop_assert!(got.bytes.iter().zip(&payload).all(|(byte, sent)| byte.is_none_or(|byte| byte == *sent)));
                    prop_assert!(got.bytes.len() <= payload.len());
                }
                _ => {
                    let got = inflate(&mut inflater, cut(&message, size));
                    prop_assert!(is_true(&got, &payload));
                    if !takeover {
                        prop_assert!(got.bytes.iter().all(Option::is_some));
                    }
                }
            }
        }
    }
}
