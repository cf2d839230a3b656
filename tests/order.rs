//! Wire order: the lines of a conversation are in the order of the packets that completed them, with their times,
//! whatever is missing, late or repeated.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::Value;
use wirefin::model::Endpoint;

use crate::corpus;
use crate::support::damage;
use crate::support::dice::Dice;
use crate::support::judge::{Truth, conn, payload};
use crate::support::packets::{Packet, pcap, read};
use crate::support::run::{export, records};

/// Lists lines that precede others of their conversation that were complete, or became known, earlier.
fn out_of_order(records: &[Value]) -> Vec<String> {
    let mut last: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut faults = Vec::new();
    for record in records.iter().filter(|record| !record["conn"].is_null() && !record["packet"].is_null()) {
        let packet = record["packet"].as_u64().unwrap();
        let known = record["known"].as_u64().unwrap_or(packet);
        let last = last.entry(conn(record)).or_default();
        if record["type"] == "open" {
            // An earlier refusal on the same connection is reported once it is known.
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

/// Lists pongs whose round trip is not the time since the latest ping before them of the other side with their payload
/// (RFC 6455 §5.5.3).
fn false_round_trips(records: &[Value]) -> Vec<String> {
    let messages: Vec<_> = records.iter().filter(|record| record["type"] == "message").collect();
    let is_from = |pong: &Value, rtt: f64| {
        let before = messages.iter().take_while(|it| !std::ptr::eq(**it, pong));
        let pings = before.filter(|ping| {
            ping["opcode"] == "ping"
                && conn(ping) == conn(pong)
                && ping["from"] != pong["from"]
                && payload(ping) == payload(pong)
        });
        pings.last().is_some_and(|ping| {
            let passed = (nanos(pong) - nanos(ping)).rem_euclid(86_400_000_000_000);
            (passed as f64 / 1e9 - rtt).abs() < 1e-9
        })
    };
    let pongs = messages.iter().filter_map(|pong| Some((pong, pong["rtt"].as_f64()?)));
    pongs.filter(|(pong, rtt)| !is_from(pong, *rtt)).map(|(pong, _)| pong.to_string()).collect()
}

/// The content of a message, and its sender.
fn said(record: &Value) -> String {
    format!("{} {} {:?}", record["from"], record["opcode"], payload(record))
}

fn is_whole_message(record: &Value) -> bool {
    record["type"] == "message" && record["complete"].is_null()
}

/// The packet that completed each message of an undamaged capture.
struct Completed<'p> {
    packets: &'p [Packet],
    senders: Vec<Option<(Endpoint, Endpoint)>>,
    /// The positions of the packets that completed each message, by content.
    messages: HashMap<String, Vec<usize>>,
}

impl<'p> Completed<'p> {
    fn of(packets: &'p [Packet], whole: &[Value]) -> Self {
        let mut messages: HashMap<_, Vec<_>> = HashMap::new();
        for record in whole.iter().filter(|record| is_whole_message(record)) {
            let place = usize::try_from(record["packet"].as_u64().unwrap()).unwrap() - 1;
            messages.entry(said(record)).or_default().push(place);
        }
        Completed { packets, senders: damage::senders(packets), messages }
    }

    /// Lists messages of a damaged capture that are not at the packet that completed them: the last to be captured of
    /// those that the sender had sent by then or, if its beginning was not captured, of those from the first captured
    /// one on.
    fn faults(&self, damaged: &[Packet], shown: &[Value]) -> Vec<String> {
        let mut places = HashMap::new();
        for (place, packet) in (1_u64..).zip(damaged) {
            places.entry(packet.data.as_slice()).or_insert(place);
        }
        let place = |packet: &Packet| places.get(packet.data.as_slice()).copied();
        let mut first = HashMap::new();
        for (packet, sender) in self.packets.iter().zip(&self.senders) {
            if let (Some(sender), Some(place)) = (sender, place(packet)) {
                let first = first.entry(*sender).or_insert(place);
                *first = place.min(*first);
            }
        }
        let (mut last, mut last_joined) = (HashMap::new(), HashMap::new());
        let completed: Vec<_> = (self.packets.iter().zip(&self.senders))
            .map(|(packet, sender)| {
                let (sender, place) = ((*sender)?, place(packet));
                let last = last.entry(sender).or_insert(0);
                *last = place.unwrap_or(0).max(*last);
                if place.is_some() && first.get(&sender) == place.as_ref() {
                    last_joined.insert(sender, 0);
                }
                let joined = last_joined.get_mut(&sender).map(|joined| {
                    *joined = place.unwrap_or(0).max(*joined);
                    *joined
                });
                Some((*last, joined.unwrap_or(*last)))
            })
            .collect();
        let is_right = |record: &&Value| {
            let places = self.messages.get(&said(record)).map_or(&[][..], Vec::as_slice);
            let packet = record["packet"].as_u64().unwrap();
            places
                .iter()
                .any(|place| completed[*place].is_some_and(|(all, joined)| all == packet || joined == packet))
        };
        let whole = shown.iter().filter(|record| is_whole_message(record));
        let wrong = whole.filter(|record| !is_right(record));
        let right = |record| {
            self.messages
                .get(&said(record))
                .map(|it| it.iter().map(|place| completed[*place]).collect::<Vec<_>>())
        };
        wrong.map(|record| format!("not completed there, but at {:?}: {record}", right(record))).collect()
    }
}

/// Lists lines whose time is not that of their packet.
fn false_times(records: &[Value], packets: &[Packet]) -> Vec<String> {
    let is_true = |record: &&Value| {
        let Some(packet) = record["packet"].as_u64() else { return true };
        let packet = &packets[usize::try_from(packet).unwrap() - 1];
        packet.time.rem_euclid(86_400_000_000_000) == nanos(record)
    };
    records.iter().filter(|record| !is_true(record)).map(|record| format!("another time: {record}")).collect()
}

/// Returns the side that closed each conversation, by its endpoints and stream.
fn closers(records: &[Value]) -> BTreeMap<String, String> {
    let mut ends = HashMap::new();
    let mut closers = BTreeMap::new();
    for record in records {
        match record["type"].as_str() {
            Some("open") => {
                let end = |side: &str| format!("{}:{}", record[side]["ip"], record[side]["port"]);
                let name = format!("{} {} {}", end("client"), end("server"), record["stream"]);
                ends.insert(conn(record), name);
            }
            // Without a close frame, which side ended TCP is inferred from the packets that are left.
            Some("close") if !record["by"].is_null() && record["code"] != 1006 => {
                closers.insert(ends[&conn(record)].clone(), record["by"].to_string());
            }
            _ => {}
        }
    }
    closers
}

/// Captures in which a payload consists of frames, so that a part of them is indistinguishable from others.
const AMBIGUOUS: [&str; 2] = ["payload-looks-like-frames", "rsv1-though-refused"];

/// Captures of HTTP/2: what a search finds in them, frames after a lost header or a stream whose response comes later,
/// is read at the packet that convinced, and the other streams do not wait for it.
const STREAMS: &str = "/h2/";

/// Captures in which TCP segments do not determine the packet that completed a message: IP fragments, bytes without
/// sequence numbers.
const IN_PIECES: [&str; 2] = ["fragment", "exported-pdus"];

/// Returns whether a capture shows everything each side sent exactly once, in the order sent.
fn is_orderly(packets: &[Packet], whole: &[Value]) -> bool {
    whole.iter().all(|record| record["type"] != "message" || record["complete"].is_null())
        && damage::pieces(packets).is_some_and(|pieces| damage::orderly(&pieces))
}

#[test]
fn lines_come_in_the_order_of_the_wire_at_the_times_of_their_packets() {
    let (mut used, mut timed, mut faulty) = (0, 0, String::new());
    for path in corpus::captures().into_iter().chain(corpus::extra()) {
        let name = path.to_str().unwrap();
        if Truth::beside(&path).is_none() || AMBIGUOUS.iter().any(|it| name.contains(it)) {
            continue;
        }
        let packets = read(&path).unwrap();
        let whole = records(&export(&packets, false));
        let is_in_pieces = IN_PIECES.iter().any(|it| name.contains(it));
        let is_timed = is_orderly(&packets, &whole) && !is_in_pieces;
        let completed = is_timed.then(|| Completed::of(&packets, &whole));
        let is_streams = name.contains(STREAMS);
        let closed_by = closers(&whole);
        used += 1;
        timed += usize::from(completed.is_some());
        for seed in 0..(20_000 / (packets.len() as u64 + 1)).clamp(1, 8) {
            for (name, damage, packets) in damaged(&packets, seed) {
                let shown = records(&export(&packets, false));
                let mut faults = false_round_trips(&shown);
                faults.extend(false_times(&shown, &packets));
                if !is_streams || damage == Damage::Nothing {
                    faults.extend(out_of_order(&shown));
                    faults.extend(completed.iter().flat_map(|it| it.faults(&packets, &shown)));
                    // Whoever closed first may be captured second.
                    if is_timed && matches!(damage, Damage::Nothing | Damage::Lost) {
                        let closers = closers(&shown);
                        let blamed = closers.iter().filter(|(name, by)| closed_by.get(*name) != Some(by));
                        faults.extend(blamed.map(|(name, by)| format!("{name} closed by {by}")));
                        if name == "repeated" && closers.len() < closed_by.len() {
                            faults.push(format!(
                                "of {} closers {} are named",
                                closed_by.len(),
                                closers.len()
                            ));
                        }
                    }
                }
                if let Some(fault) = faults.first() {
                    let file = path.display();
                    if let Ok(folder) = std::env::var("WIREFIN_ORDER") {
                        let stem = path.file_name().unwrap().to_str().unwrap();
                        let name = format!("{stem}-{seed}-{}.pcap", name.replace(' ', "-"));
                        std::fs::write(std::path::Path::new(&folder).join(name), pcap(&packets)).unwrap();
                    }
                    writeln!(faulty, "{file} seed {seed}, {name}: {} faults: {fault}", faults.len()).unwrap();
                }
            }
        }
    }
    assert!(faulty.is_empty(), "{} captures\n{faulty}", faulty.lines().count());
    assert!(used > 100 && timed > 80, "only {used} captures could be used, {timed} for their times");
}

/// What was done to a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Nothing,
    /// Its packets are in another order than sent.
    Reordered,
    /// Packets are missing, from the beginning or in between.
    Lost,
    Both,
}

/// Creates damaged captures, with their names.
fn damaged(packets: &[Packet], seed: u64) -> Vec<(&'static str, Damage, Vec<Packet>)> {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let n = 1 + dice.below(packets.len());
    let low = dice.per_mille(500);
    let lost = damage::lose(packets, dice, 30);
    let late = damage::lose_before(&lost, n / 2);
    vec![
        ("nothing lost", Damage::Nothing, packets.to_vec()),
        ("1 % lost", Damage::Lost, damage::lose(packets, dice, 10)),
        ("10 % lost", Damage::Lost, damage::lose(packets, dice, 100)),
        ("a burst lost", Damage::Lost, damage::lose_burst(packets, dice, 8)),
        ("joined late", Damage::Lost, damage::lose_before(packets, n)),
        ("one direction", Damage::Nothing, damage::one_direction(packets, low)),
        ("reordered", Damage::Reordered, damage::reorder(packets, dice, 200, 6)),
        ("repeated", Damage::Nothing, damage::duplicate(packets, dice, 200, 9)),
        ("joined late, 3 % lost and reordered", Damage::Both, damage::reorder(&late, dice, 150, 5)),
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
    let later = ping.replace("01.0", "01.2");
    assert_eq!(false_round_trips(&[line(ping), line(&later), line(pong)]).len(), 1);
    assert_eq!(false_round_trips(&[line(pong), line(ping)]).len(), 1);
    assert_eq!(false_round_trips(&[line(ping), line(&pong.replace("0.5}", "0.0}"))]).len(), 1);
}
