//! HTTP streams that are no WebSockets, against what their endpoints wrote down: server-sent events and Engine.IO's
//! long polling.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wirefin::http::Wanted;
use wirefin::pipeline::Options;

use crate::corpus;
use crate::support::damage::{self, Cut};
use crate::support::dice::Dice;
use crate::support::packets::{Held, Packet, read};
use crate::support::run::{export_from, open, records, solo};

fn also(mut options: Options) -> Options {
    options.limits.http.wanted = Wanted { sse: true, polling: true };
    options
}

fn export(packets: &[Packet], threads: usize) -> String {
    let mut source = Held::new(packets.iter().cloned(), 64);
    let options = Options { threads: threads.try_into().unwrap(), ..also(solo()) };
    String::from_utf8(export_from(&mut source, &options, false).unwrap()).unwrap()
}

fn exported(path: &Path) -> Vec<Value> {
    let (mut source, options) = open(path).unwrap();
    records(&String::from_utf8(export_from(&mut *source, &also(options), false).unwrap()).unwrap())
}

/// Lists the captures that hold such streams.
fn captures() -> Vec<PathBuf> {
    let has = |path: &PathBuf| {
        let name = path.to_str().unwrap();
        name.contains("/streams/") || name.contains("/tutorials/sse-")
    };
    let captures: Vec<_> = corpus::captures().into_iter().filter(has).collect();
    assert!(captures.len() > 2, "{captures:?}");
    captures
}

fn truth(path: &Path) -> Vec<Value> {
    let truth = std::fs::read_to_string(path.with_extension("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    truth["log"].as_array().unwrap().clone()
}

fn messages(lines: &[Value], transport: &str) -> Vec<Value> {
    let name = |line: &Value| (line["conn"].to_string(), line["stream"].to_string());
    let open: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "open" && line["transport"] == transport)
        .map(name)
        .collect();
    let is_of = |line: &&Value| line["type"] == "message" && open.contains(&name(line));
    lines.iter().filter(is_of).cloned().collect()
}

/// Says an event as a server or a client wrote it down.
fn logged_event(line: &Value) -> Option<String> {
    if line["act"] != "event" || line["who"] != "server" {
        return None;
    }
    let id = line["id"].as_str().map_or_else(|| line["id"].to_string(), str::to_owned);
    Some(format!("{id} {} {}", line["event"], line["data"]))
}

fn shown_event(line: &Value) -> Option<String> {
    let id = line["fields"]["id"].as_str().unwrap_or("null");
    line["complete"].is_null().then(|| format!("{id} {} {}", line["fields"]["event"], line["text"]))
}

#[test]
fn server_sent_events_are_those_that_the_servers_wrote_down() {
    let mut judged = 0;
    for path in captures() {
        let want: Vec<_> = truth(&path).iter().filter_map(logged_event).collect();
        if want.is_empty() {
            continue;
        }
        judged += 1;
        let lines = exported(&path);
        let got: Vec<_> = messages(&lines, "sse").iter().filter_map(shown_event).collect();
        assert_eq!(got, want, "{}", path.display());
        let closes = lines.iter().filter(|line| line["type"] == "close").count();
        assert_eq!(lines.iter().filter(|line| line["type"] == "open").count(), closes, "{}", path.display());
    }
    assert!(judged >= 3, "only {judged} captures have events");
}

#[test]
fn without_the_wish_nothing_is_shown() {
    for path in captures() {
        let (mut source, options) = open(&path).unwrap();
        let lines = export_from(&mut *source, &options, false).unwrap();
        let lines = records(&String::from_utf8(lines).unwrap());
        assert!(lines.iter().all(|line| line["transport"].is_null() || line["transport"] == "websocket"));
    }
}

#[test]
fn any_number_of_threads_gives_the_same() {
    for path in captures() {
        let packets = read(&path).unwrap();
        let lines = export(&packets, 1);
        assert!(!lines.is_empty());
        assert!(lines == export(&packets, 3), "{}", path.display());
    }
}

/// What is said but for where and when.
fn timeless(lines: &str) -> Vec<Value> {
    let mut records = crate::support::run::timeless(lines);
    records.retain(|record| record["rule"] != "captured-twice");
    records
}

#[test]
fn any_cut_gives_the_same() {
    for path in captures() {
        let Some(whole) = damage::pieces(&read(&path).unwrap()) else { continue };
        let before = timeless(&export(&damage::packets(&whole), 1));
        for seed in 0..6 {
            let longest = [1, 2, 3, 7, 40, 1400][usize::try_from(seed).unwrap()];
            let cut = Cut { longest, window: 12, repeated: 100 };
            let packets = damage::packets(&damage::recut(&whole, &mut Dice::new(seed), cut));
            let after = timeless(&export(&packets, 1));
            assert_eq!(after, before, "{} {cut:?}", path.display());
        }
    }
}

/// What was sent by whom to whom, in order.
fn sent(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let name = |line: &Value| (line["conn"].to_string(), line["stream"].to_string());
    let ends: BTreeMap<_, _> = lines
        .iter()
        .filter(|line| line["type"] == "open")
        .map(|line| (name(line), format!("{} {}", line["client"], line["server"])))
        .collect();
    let mut sent: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "message" && line["complete"].is_null()) {
        let way = format!("{} {}", ends[&name(line)], line["from"]);
        let payload = if line["text"].is_null() { &line["base64"] } else { &line["text"] };
        let event = line["fields"]["event"].clone();
        sent.entry(way).or_default().push(serde_json::json!([line["opcode"], payload, event]));
    }
    sent
}

#[test]
fn with_packets_lost_no_message_is_shown_that_was_not_sent() {
    let (mut shown, mut whole_messages) = (0, 0);
    for path in captures() {
        let packets = read(&path).unwrap();
        let whole = sent(&records(&export(&packets, 1)));
        for seed in 0..60 {
            let dice = &mut Dice::new(seed);
            let lossy = match seed % 3 {
                0 => damage::lose(&packets, dice, 100),
                1 => damage::lose_burst(&packets, dice, 6),
                _ => damage::snap(&packets, 60 + dice.below(200)),
            };
            let after = sent(&records(&export(&lossy, 1)));
            whole_messages += whole.values().map(Vec::len).sum::<usize>();
            for (way, messages) in after {
                shown += messages.len();
                let mut left = whole.get(&way).unwrap_or_else(|| panic!("{}: {way}", path.display())).iter();
                for message in messages {
                    assert!(left.any(|it| *it == message), "{} seed {seed} {way}: {message}", path.display());
                }
            }
        }
    }
    assert!(shown * 2 > whole_messages, "only {shown} of {whole_messages} are left");
}
