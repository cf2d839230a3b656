//! The order of the wire: lines of a conversation come in the order of the packets that completed them, at the times of those,
//! whatever is missing, late or repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::corpus;
use crate::support::damage;
use crate::support::dice::Dice;
use crate::support::judge::{Truth, conn, payload};
use crate::support::packets::{Packet, read};
use crate::support::run::{export, records};

/// Lists lines that stand before others of their conversation that were complete, or became known, earlier.
fn out_of_order(records: &[Value]) -> Vec<String> {
    let mut last: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut faults = Vec::new();
    for record in records.iter().filter(|record| !record["conn"].is_null() && !record["packet"].is_null()) {
        let packet = record["packet"].as_u64().unwrap();
        let known = record["known"].as_u64().unwrap_or(packet);
        let last = last.entry(conn(record)).or_default();
        if record["type"] == "open" {
            // What was refused before on the same connection is told when that is known.
            last.0 = 0;
        }
        if packet < last.0 || known < last.1 || known < packet {
            faults.push(format!("packet {packet}, known {known}, behind {last:?}: {record}"));
        }
        *last = (packet, known);
    }
    faults
}

/// Returns a line's time of day in nanoseconds.
fn nanos(record: &Value) -> i64 {
    let time = record["time"].as_str().unwrap();
    let (_, time) = time.split_once('T').unwrap();
    let number = |range: std::ops::Range<usize>| time[range].parse::<i64>().unwrap();
    ((number(0..2) * 60 + number(3..5)) * 60 + number(6..8)) * 1_000_000_000 + number(9..18)
}

/// Lists pongs whose round trip is not the time since a ping of the other side with their payload.
fn false_round_trips(records: &[Value]) -> Vec<String> {
    let messages: Vec<_> = records.iter().filter(|record| record["type"] == "message").collect();
    let is_from = |pong: &Value, rtt: f64| {
        messages.iter().any(|ping| {
            let answers = ping["opcode"] == "ping"
                && conn(ping) == conn(pong)
                && ping["from"] != pong["from"]
                && payload(ping) == payload(pong);
            let passed = (nanos(pong) - nanos(ping)).rem_euclid(86_400_000_000_000);
            answers && (passed as f64 / 1e9 - rtt).abs() < 1e-9
        })
    };
    let pongs = messages.iter().filter_map(|pong| Some((pong, pong["rtt"].as_f64()?)));
    pongs.filter(|(pong, rtt)| !is_from(pong, *rtt)).map(|(pong, _)| pong.to_string()).collect()
}

/// Everything of a message that loss may not change.
fn whole_messages(records: &[Value]) -> BTreeSet<String> {
    let whole = |record: &&Value| record["type"] == "message" && record["complete"].is_null();
    let facts = |record: &Value| {
        let bytes = payload(record);
        format!("{} {} {} {bytes:?}", record["time"], record["opcode"], record["wire"]["masked"])
    };
    records.iter().filter(whole).map(facts).collect()
}

/// Captures in which a payload consists of frames, so that less than all of them cannot be told from others.
const AMBIGUOUS: [&str; 2] = ["payload-looks-like-frames", "rsv1-though-refused"];

/// Captures of HTTP/2, where a search of one stream does not wait for the others yet.
const STREAMS: &str = "/h2/";

/// Captures in which bytes are missing that only an acknowledgment tells of, when the capture ends.
const UNSEEN: [&str; 2] = ["fin-before-the-last-data", "ignores-64-bit-lengths"];

#[test]
fn lines_come_in_the_order_of_the_wire_at_the_times_of_their_packets() {
    let (mut used, mut timed, mut faulty) = (0, 0, String::new());
    for path in corpus::captures().into_iter().chain(corpus::extra()) {
        if Truth::beside(&path).is_none()
            || path.to_str().unwrap().contains(STREAMS)
            || UNSEEN.iter().any(|name| path.to_str().unwrap().contains(name))
            || AMBIGUOUS.iter().any(|name| path.to_str().unwrap().contains(name))
        {
            continue;
        }
        let packets = read(&path).unwrap();
        let whole = records(&export(&packets, false));
        let sent = whole_messages(&whole);
        let is_early = whole.iter().any(|record| record["rule"] == "data-before-handshake");
        let is_whole = |record: &Value| record["type"] != "message" || record["complete"].is_null();
        let orderly = !is_early
            && whole.iter().all(is_whole)
            && damage::pieces(&packets).is_some_and(|pieces| damage::orderly(&pieces));
        used += 1;
        timed += usize::from(orderly);
        for seed in 0..(20_000 / (packets.len() as u64 + 1)).clamp(1, 8) {
            for (name, times_stay, packets) in damaged(&packets, seed) {
                let shown = records(&export(&packets, false));
                let mut faults = out_of_order(&shown);
                faults.extend(false_round_trips(&shown));
                if times_stay && orderly {
                    faults.extend(whole_messages(&shown).difference(&sent).cloned());
                }
                if let Some(fault) = faults.first() {
                    let file = path.display();
                    writeln!(faulty, "{file} seed {seed}, {name}: {} faults: {fault}", faults.len()).unwrap();
                }
            }
        }
    }
    assert!(faulty.is_empty(), "{} captures\n{faulty}", faulty.lines().count());
    assert!(used > 100 && timed > 80, "only {used} captures could be used, {timed} for their times");
}

/// Makes damaged captures, each with its name, and whether messages keep their times: where a part of the handshake is lost,
/// what came before that was known counts as complete with the opening.
fn damaged(packets: &[Packet], seed: u64) -> Vec<(&'static str, bool, Vec<Packet>)> {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let n = 1 + dice.below(packets.len());
    let low = dice.per_mille(500);
    vec![
        ("nothing lost", true, packets.to_vec()),
        ("1 % lost", false, damage::lose(packets, dice, 10)),
        ("10 % lost", false, damage::lose(packets, dice, 100)),
        ("a burst lost", false, damage::lose_burst(packets, dice, 8)),
        ("joined late", true, damage::lose_before(packets, n)),
        ("one direction", true, damage::one_direction(packets, low)),
        ("reordered", false, damage::reorder(packets, dice, 200, 6)),
        ("repeated", false, damage::duplicate(packets, dice, 200, 9)),
    ]
}

#[test]
fn a_line_out_of_order_and_a_false_round_trip_are_faults() {
    let line = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let lines = [
        line(r#"{"type":"open","conn":1,"packet":3}"#),
        line(r#"{"type":"message","conn":1,"packet":5,"known":9}"#),
        line(r#"{"type":"message","conn":2,"packet":4}"#),
    ];
    assert!(out_of_order(&lines).is_empty());
    let late = line(r#"{"type":"message","conn":1,"packet":4,"known":9}"#);
    assert_eq!(out_of_order(&[&lines[..], &[late]].concat()).len(), 1);
    let ping = r#"{"type":"message","conn":1,"time":"2026-01-01T00:00:01.000000000Z","from":"client","opcode":"ping","text":"a"}"#;
    let pong = r#"{"type":"message","conn":1,"time":"2026-01-01T00:00:01.500000000Z","from":"server","opcode":"pong","text":"a","rtt":0.5}"#;
    assert!(false_round_trips(&[line(ping), line(pong)]).is_empty());
    assert_eq!(false_round_trips(&[line(ping), line(&pong.replace("0.5}", "0.0}"))]).len(), 1);
}
