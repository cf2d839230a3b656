use super::*;
use proptest::prelude::*;

/// Generates payloads that compress in different ways: repeated words, noise, runs, near repetitions.
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

/// Returns whether the library and our own inflater, which also checks distances and detects every truncation, agree.
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
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn inflates_what_was_sent_however_it_is_cut(
        payloads in prop::collection::vec(payload(), 1..12),
        level in 0..=9_u32, takeover: bool, size in prop_oneof![1..4_usize, 1..5000_usize], rest: bool,
    ) {
        let mut sender = Sender::new(level, takeover);
        let side = if takeover { TAKEOVER } else { NO_TAKEOVER };
        // 15 bits by the library, 14 by our own inflater (distances may be reported, nothing else differs).
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
        let mut inflater = if joined { Inflater::mid_stream(limits) } else { Inflater::new(TAKEOVER, limits) };
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
        let mut inflater = if joined { Inflater::mid_stream(limits) } else { Inflater::new(side, limits) };
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
