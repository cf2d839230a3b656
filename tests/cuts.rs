//! The same bytes, split into segments of any size, in any order, repeated, give the same events.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use wirefin::model::Side;

use crate::corpus;
use crate::support::damage::{self, Cut};
use crate::support::dialogue::{self, BINARY, CONTINUATION, DEFLATE, Deflater, FIN, PING, PONG, RSV1, TEXT};
use crate::support::dice::Dice;
use crate::support::packets::{Packet, read};
use crate::support::run::{export, timeless};

/// A message to send.
#[derive(Clone, Debug)]
struct Said {
    side: Side,
    text: bool,
    payload: Vec<u8>,
    compressed: bool,
    /// The payload length, as sent, of each frame except the last.
    fragments: Vec<usize>,
    /// Control frames between the fragments: the side, ping or pong, and the payload.
    between: Vec<(Side, bool, Vec<u8>)>,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn said() -> impl Strategy<Value = Said> {
    let payload = prop_oneof![
        3 => "[ -~äß€𝄞]{0,60}".prop_map(|text| (true, text.into_bytes())),
        3 => vec(any::<u8>(), 0..200).prop_map(|bytes| (false, bytes)),
        1 => (any::<u8>(), 120_usize..132).prop_map(|(byte, length)| (false, vec![byte; length])),
        1 => (any::<u8>(), 1000_usize..70_000).prop_map(|(byte, length)| (false, vec![byte; length])),
    ];
    let control = (side(), any::<bool>(), vec(any::<u8>(), 0..126));
    (side(), payload, any::<bool>(), vec(0_usize..40, 0..4), vec(control, 0..3)).prop_map(
        |(side, (text, payload), compressed, fragments, between)| Said {
            side,
            text,
            payload,
            compressed,
            fragments,
            between,
        },
    )
}

/// Writes a dialogue; every frame takes one or more segments.
fn dialogue(said: &[Said], deflate: bool) -> Vec<Packet> {
    let mut talk = dialogue::upgraded_with(1, if deflate { DEFLATE } else { "" });
    let mut deflaters = [Deflater::new(), Deflater::new()];
    for message in said {
        let compressed = deflate && message.compressed;
        let payload = if compressed {
            deflaters[usize::from(message.side == Side::Server)].message(&message.payload)
        } else {
            message.payload.clone()
        };
        let mut first = if message.text { TEXT } else { BINARY } | if compressed { RSV1 } else { 0 };
        let mut between = message.between.iter();
        let mut rest = &payload[..];
        for length in &message.fragments {
            let (fragment, behind) = rest.split_at((*length).min(rest.len()));
            talk.send(message.side, &dialogue::frame(message.side, first, fragment));
            if let Some((side, ping, payload)) = between.next() {
                let first = FIN | if *ping { PING } else { PONG };
                talk.send(*side, &dialogue::frame(*side, first, payload));
            }
            (first, rest) = (CONTINUATION, behind);
        }
        talk.send(message.side, &dialogue::frame(message.side, first | FIN, rest));
    }
    dialogue::goodbye(&mut talk);
    talk.packets
}

fn cut() -> impl Strategy<Value = Cut> {
    let longest = prop_oneof![Just(1_usize), 1_usize..8, 1_usize..200, Just(1400)];
    (longest, 1_usize..40, prop_oneof![Just(0_usize), 0_usize..400])
        .prop_map(|(longest, window, repeated)| Cut { longest, window, repeated })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_a_dialogue_gives_the_same(
        said in vec(said(), 1..8),
        deflate in any::<bool>(),
        cut in cut(),
        seed in any::<u64>(),
    ) {
        let whole = damage::pieces(&dialogue(&said, deflate)).unwrap();
        let other = damage::recut(&whole, &mut Dice::new(seed), cut);
        let (whole, other) = (damage::packets(&whole), damage::packets(&other));
        let (whole, other) = (once(&export(&whole, true)), once(&export(&other, true)));
        let messages = whole.iter().filter(|record| record["type"] == "message" && record["complete"].is_null()).count();
        let controls = said.iter().map(|said| said.between.len().min(said.fragments.len())).sum::<usize>();
        prop_assert_eq!(messages, said.len() + controls + 2, "every message and both closes are present");
        prop_assert!(whole == other, "{}", difference(&whole, &other));
    }
}

/// Returns the output without times, and without what was captured twice.
fn once(lines: &str) -> Vec<serde_json::Value> {
    let mut records = timeless(lines);
    records.retain(|record| record["rule"] != "captured-twice");
    records
}

fn difference(whole: &[serde_json::Value], other: &[serde_json::Value]) -> String {
    let at = whole.iter().zip(other).take_while(|(one, other)| one == other).count();
    format!("line {at}\n whole: {:?}\n other: {:?}", whole.get(at), other.get(at))
}

/// If the capture is incomplete, segment boundaries are evidence, and another split may correctly be shown differently.
const DAMAGED: [&str; 5] =
    ["\"gap\"", "\"overlap-differs\"", "\"resynchronised\"", "\"lost-sync\"", "\"missing-handshake\""];

/// A request in an unknown format: it can be told from part of another only if segments come in order.
const UNKNOWN_REQUEST: &str = "http/scgi.pcap";

#[test]
fn any_cut_of_the_corpus_gives_the_same() {
    let (mut compared, mut faults) = (0, Vec::new());
    for path in corpus::captures() {
        if path.ends_with(UNKNOWN_REQUEST) {
            continue;
        }
        let Some((whole, before)) = whole(&path) else { continue };
        compared += 1;
        let size: usize = before.len();
        for seed in 0..if size > 400_000 { 1 } else { 4 } {
            let longest =
                if size > 40_000 { 700 } else { [1, 3, 40, 1400][usize::try_from(seed).unwrap() % 4] };
            let cut = Cut { longest, window: 12, repeated: 100 };
            let after = export(&damage::packets(&damage::recut(&whole, &mut Dice::new(seed), cut)), true);
            // Whether the client sent early, or which side closed first, is not reported if segments are reordered.
            let told = |lines: &str| {
                let mut records = once(lines);
                records.retain(|record| {
                    // Whether the server allowed it is judged only if no segment was out of order.
                    record["rule"] != "data-before-handshake" && record["rule"] != "h2-connect-not-enabled"
                });
                records.iter_mut().filter_map(serde_json::Value::as_object_mut).for_each(|record| {
                    record.remove("by");
                });
                records
            };
            let (before, after) = (told(&before), told(&after));
            if after != before {
                faults.push(format!(
                    "{} {cut:?} seed {seed}: {}",
                    path.display(),
                    difference(&before, &after)
                ));
                break;
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared > 100, "only {compared} captures were compared");
}

/// Reads the segments of a capture in which nothing is missing, and exports them.
fn whole(path: &Path) -> Option<(Vec<damage::Piece>, String)> {
    let pieces = damage::pieces(&read(path).ok()?)?;
    let lines = export(&damage::packets(&pieces), true);
    let sound = damage::begins(&pieces)
        && damage::agrees(&pieces)
        && !lines.is_empty()
        && !DAMAGED.iter().any(|code| lines.contains(code));
    sound.then_some((pieces, lines))
}
