use super::*;

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
    assert_eq!(inflater.next_anomaly(), None, "the loss is reported with the first message it affects");

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
    let (mut sender, mut inflater) = (Sender::new(6, false), Inflater::mid_stream(Limits::default()));
    for n in 0..300 {
        assert_eq!(inflate(&mut inflater, [&sender.send(&tick(n))[..]]).known(), tick(n));
        assert_eq!(inflater.takeover, None);
    }
}

#[test]
fn joined_late_takeover_is_detected_by_the_first_reference_back() {
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::mid_stream(Limits::default()));
    sender.send(&tick(0));
    assert_eq!(inflater.takeover, None);
    let got = inflate(&mut inflater, [&sender.send(&tick(1))[..]]);
    assert!(is_true(&got, &tick(1)) && got.bytes.contains(&None));
    assert_eq!(got.anomalies, [Anomaly::DeflateHistoryLost {}]);
    assert_eq!(inflater.takeover, Some(true));
}

#[test]
fn the_window_heals_and_the_library_takes_over() {
    // A sender whose references no longer reach the unknown part: noise first, then ticks.
    let (mut sender, mut inflater) = (Sender::new(6, true), Inflater::mid_stream(Limits::default()));
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
    // Literals between references to unknown bytes, 3000 times: a hand-written fixed block.
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
    let got = inflate(&mut Inflater::mid_stream(Limits::default()), [&message[..]]);
    assert_eq!((got.bytes.len(), got.whole), (12_000, true));
    for (at, byte) in got.bytes.iter().enumerate() {
        assert!(byte.is_none_or(|byte| byte == expected[at]), "byte {at}");
    }
    assert!(got.bytes.iter().flatten().count() > 1000);
}
