//! HTTP streams other than WebSocket, compared with the records of their endpoints: server-sent events and Engine.IO's
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

/// Lists the captures that contain such streams.
fn captures() -> Vec<PathBuf> {
    let has = |path: &PathBuf| {
        let name = path.to_str().unwrap();
        name.contains("/streams/") || name.contains("/tutorials/sse-")
    };
    let captures: Vec<_> = corpus::captures().into_iter().filter(has).collect();
    assert!(captures.len() > 2, "{captures:?}");
    captures
}

/// Lists those of them that do not require keys.
fn plain() -> impl Iterator<Item = PathBuf> {
    captures().into_iter().filter(|path| !path.with_extension("keylog").exists())
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

/// Formats an event as recorded by either endpoint, with the name of its stream.
fn logged_event(line: &Value, who: &str) -> Option<(String, String)> {
    if line["act"] != "event" || line["who"] != who {
        return None;
    }
    let stream = line["stream"].as_str().unwrap_or("only").to_owned();
    let id = line["id"].as_str().map_or_else(|| line["id"].to_string(), str::to_owned);
    Some((stream, format!("{id} {} {}", line["event"], line["data"])))
}

/// Groups values by stream, each in its order.
fn by_stream(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut streams: BTreeMap<String, Vec<String>> = BTreeMap::new();
    all.for_each(|(stream, event)| streams.entry(stream).or_default().push(event));
    streams
}

/// Formats the complete events shown.
fn shown_events(lines: &[Value]) -> BTreeMap<String, Vec<String>> {
    let stream = |line: &Value| {
        let open = lines.iter().find(|open| {
            open["type"] == "open" && (&open["conn"], &open["stream"]) == (&line["conn"], &line["stream"])
        });
        let url = open.unwrap()["url"].as_str().unwrap();
        url.split_once("/events/").map_or("only", |(_, name)| name).to_owned()
    };
    let whole = messages(lines, "sse").into_iter().filter(|line| line["complete"].is_null());
    by_stream(whole.map(|line| {
        let id = line["fields"]["id"].as_str().unwrap_or("null");
        (stream(&line), format!("{id} {} {}", line["fields"]["event"], line["text"]))
    }))
}

#[test]
fn server_sent_events_are_those_that_both_ends_wrote_down() {
    let (mut judged, mut by_client) = (0, 0);
    for path in captures() {
        let truth = truth(&path);
        let want = by_stream(truth.iter().filter_map(|line| logged_event(line, "server")));
        if want.is_empty() {
            continue;
        }
        judged += 1;
        let lines = exported(&path);
        let got = shown_events(&lines);
        assert!(got == want, "{}", path.display());
        let heard = by_stream(truth.iter().filter_map(|line| logged_event(line, "client")));
        if !heard.is_empty() {
            by_client += 1;
            // They were logged per request, and requests may overtake each other.
            let sorted = |mut all: BTreeMap<String, Vec<String>>| {
                all.values_mut().for_each(|events| events.sort());
                all
            };
            assert!(sorted(got) == sorted(heard), "{}", path.display());
        }
        let count = |what: &str| lines.iter().filter(|line| line["type"] == what).count();
        assert_eq!(count("open"), count("close"), "{}", path.display());
        let faults = lines.iter().filter(|line| line["type"] == "anomaly");
        let faults: Vec<_> = faults.filter(|line| line["rule"] != "body-unfinished").collect();
        assert!(faults.is_empty(), "{}: {:?}", path.display(), faults[0]);
    }
    assert!(judged >= 11 && by_client >= 2, "only {judged} captures have events, {by_client} of a browser");
}

/// Formats the events without binary data that a side sent, from the packets in its messages.
fn emitted(lines: &[Value], from: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in lines.iter().filter(|line| line["type"] == "message" && line["from"] == from) {
        let Some(text) = line["text"].as_str().and_then(|text| text.strip_prefix("42")) else { continue };
        let body = text.trim_start_matches(|c: char| c.is_ascii_digit());
        all.push(serde_json::from_str::<Value>(body).unwrap().to_string());
    }
    all.sort();
    all
}

/// Formats the binary data that a side sent with events.
fn attached(lines: &[Value], from: &str) -> Vec<String> {
    use base64::Engine as _;
    let mut all = Vec::new();
    for line in lines.iter().filter(|line| line["opcode"] == "binary" && line["from"] == from) {
        let bytes = line["base64"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).unwrap();
        // In revision 3, the packet's type precedes them.
        let bytes = bytes.strip_prefix(&[4]).unwrap_or(&bytes);
        all.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    all
}

/// Formats the events that an endpoint recorded as emitted: those without binary data, and the data of the others.
fn written_down(truth: &[Value], who: &str) -> (Vec<String>, Vec<String>) {
    let (mut texts, mut bytes) = (Vec::new(), Vec::new());
    for line in truth.iter().filter(|line| line["who"] == who && line["act"] == "emit") {
        let args = line["args"].as_array().unwrap();
        match args.iter().find_map(|arg| arg["bytes"].as_str()) {
            Some(part) => bytes.push(part.to_owned()),
            None => texts.push(
                [line["name"].clone()].into_iter().chain(args.iter().cloned()).collect::<Value>().to_string(),
            ),
        }
    }
    texts.sort();
    (texts, bytes)
}

#[test]
fn packets_of_long_polling_are_those_that_both_ends_wrote_down() {
    let mut judged = 0;
    for path in captures().into_iter().filter(|path| path.to_str().unwrap().contains("/polling-")) {
        judged += 1;
        let name = path.display();
        let (truth, lines) = (truth(&path), exported(&path));
        for who in ["client", "server"] {
            let (texts, bytes) = written_down(&truth, who);
            assert!(!texts.is_empty() && !bytes.is_empty());
            assert_eq!(emitted(&lines, who), texts, "{name} {who}");
            assert_eq!(attached(&lines, who), bytes, "{name} {who}");
        }
        // All parts of a session have its name, including the WebSocket to which it upgrades.
        let polled = messages(&lines, "polling");
        let mut sids: Vec<_> = polled.iter().map(|line| line["fields"]["sid"].as_str().unwrap()).collect();
        sids.dedup();
        assert_eq!(sids.len(), 1, "{name}: {sids:?}");
        let upgraded = lines.iter().find(|line| line["transport"] == "websocket");
        assert_eq!(upgraded.is_some(), name.to_string().contains("upgrade"), "{name}");
        if let Some(open) = upgraded {
            assert!(open["url"].as_str().unwrap().ends_with(&format!("sid={}", sids[0])), "{name}");
        }
    }
    assert!(judged >= 6, "only {judged} captures have long polling");
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
    for path in plain() {
        let packets = read(&path).unwrap();
        let lines = export(&packets, 1);
        assert!(!lines.is_empty());
        assert!(lines == export(&packets, 3), "{}", path.display());
    }
}

/// Returns the output without positions and times.
fn timeless(lines: &str) -> Vec<Value> {
    let mut records = crate::support::run::timeless(lines);
    records.retain(|record| record["rule"] != "captured-twice");
    records
}

#[test]
fn any_cut_gives_the_same() {
    for path in plain() {
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

/// Returns what was sent, by sender and receiver, in order.
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
    for path in plain() {
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
