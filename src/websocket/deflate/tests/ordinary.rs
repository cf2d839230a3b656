use super::*;

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
        let mut inflater = Inflater::new(super::bits(bits), Limits::default());
        assert_eq!(text(&mut inflater, &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), "Hello");
        assert_eq!(text(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00]), "Hello");
    }
}

#[test]
fn a_stored_block() {
    for bits in [15, 9] {
        let mut inflater = Inflater::new(super::bits(bits), Limits::default());
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

// More cases.

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
            // The peer primes its compressor again.
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
    // Without the trailing empty block that RFC 7692 §7.2.1 requires: a stored block, and a fixed block whose last two
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
            (Sender::with_bits(6, bits), Inflater::new(super::bits(bits), Limits::default()));
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
        let mut inflater = Inflater::new(super::bits(bits), Limits { work: 100_000 });
        let exact = vec![b'x'; 100_000];
        assert_eq!(inflate(&mut inflater, sender.send(&exact).chunks(cut)).known(), exact);

        let got = inflate(&mut inflater, sender.send(&vec![b'y'; 100_001]).chunks(cut));
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
fn a_distance_beyond_the_agreed_window_is_reported_once_a_message_and_followed() {
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
    // 9 bits even if 8 were agreed: zlib, asked for 8, uses 9.
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
