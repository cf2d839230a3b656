//! HTTP/2 joined at every packet and with losses: each name and value of a header is `?` or was sent, and each message
//! shown as complete was sent on its stream.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::damage;
use crate::support::dice::Dice;
use crate::support::judge::{conn, payload};
use crate::support::packets::read;
use crate::support::run::{export, records};

/// What was sent on the streams with one number: header fields and messages.
#[derive(Debug, Default)]
struct Sent {
    fields: BTreeSet<(String, String)>,
    messages: BTreeSet<(String, Vec<u8>)>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Lists the fields of the heads shown in a line.
fn fields(line: &Value) -> impl Iterator<Item = (String, String)> {
    let heads =
        ["request", "response"].map(|head| line[head]["headers"].as_array().cloned().unwrap_or_default());
    heads.into_iter().flatten().map(|field| (text(&field[0]), text(&field[1])))
}

/// Returns the data messages that are complete, by stream.
fn messages(lines: &[Value]) -> impl Iterator<Item = (u64, (String, Vec<u8>))> {
    let data = |line: &&Value| {
        line["type"] == "message"
            && line["complete"].is_null()
            && ["text", "binary"].contains(&line["opcode"].as_str().unwrap_or_default())
    };
    lines.iter().filter(data).map(|line| (conn(line).1, (text(&line["opcode"]), payload(line))))
}

fn sent(lines: &[Value]) -> BTreeMap<u64, Sent> {
    let mut all = BTreeMap::<u64, Sent>::new();
    for line in lines {
        all.entry(conn(line).1).or_default().fields.extend(fields(line));
    }
    for (stream, message) in messages(lines) {
        all.entry(stream).or_default().messages.insert(message);
    }
    all
}

/// Lists what is shown but was not sent.
fn faults(sent: &BTreeMap<u64, Sent>, shown: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for line in shown {
        let known = sent.get(&conn(line).1);
        for (name, value) in fields(line) {
            let fits =
                |(a, b): &(String, String)| (name == "?" || name == *a) && (value == "?" || value == *b);
            if !known.is_some_and(|sent| sent.fields.iter().any(fits)) {
                faults.push(format!("field {name}: {value} of stream {}", conn(line).1));
            }
        }
    }
    for (stream, message) in messages(shown) {
        if !sent.get(&stream).is_some_and(|sent| sent.messages.contains(&message)) {
            faults.push(format!("message {message:?} of stream {stream}"));
        }
    }
    faults
}

/// Lists the captures of HTTP/2 without TLS.
fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/h2");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| {
        path.extension().is_some_and(|it| it == "pcap") && !path.with_extension("keylog").exists()
    });
    all.sort();
    all
}

#[test]
fn joined_at_every_packet_and_with_losses_no_header_and_no_message_is_wrong() {
    let (mut joined, mut unknown) = (0, 0);
    for path in captures() {
        let packets = read(&path).unwrap();
        let sent = sent(&records(&export(&packets, false)));
        let late = (1..packets.len()).map(|n| (format!("joined at {n}"), damage::lose_before(&packets, n)));
        let lossy = [1, 10, 50, 200].into_iter().flat_map(|per_mille| {
            let packets = &packets;
            (0..4).map(move |seed| {
                let lost = damage::lose(packets, &mut Dice::new(seed), per_mille);
                (format!("{per_mille} ‰ lost, seed {seed}"), lost)
            })
        });
        for (name, packets) in late.chain(lossy) {
            let shown = records(&export(&packets, false));
            let faults = faults(&sent, &shown);
            assert!(faults.is_empty(), "{} {name}: {}", path.display(), faults.join("; "));
            joined += usize::from(messages(&shown).next().is_some());
            unknown += shown.iter().flat_map(fields).filter(|(name, _)| name == "?").count();
        }
    }
    assert!(joined > 100 && unknown > 100, "{joined} show messages, {unknown} fields are unknown");
}

#[test]
fn a_wrong_field_and_a_wrong_message_are_faults() {
    let line = |text: &str| vec![serde_json::from_str::<Value>(text).unwrap()];
    let open = r#"{"type":"open","conn":1,"stream":3,"request":{"headers":[["a","1"]]}}"#;
    let message = r#"{"type":"message","conn":1,"stream":3,"opcode":"text","text":"hello"}"#;
    let whole = sent(&[line(open), line(message)].concat());
    assert!(faults(&whole, &[line(open), line(message)].concat()).is_empty());
    assert!(faults(&whole, &line(&open.replace("\"a\"", "\"?\""))).is_empty());
    for wrong in [
        open.replace("\"a\"", "\"b\""),
        open.replace("\"1\"", "\"2\""),
        open.replace("\"stream\":3", "\"stream\":5"),
        message.replace("hello", "hallo"),
        message.replace("\"stream\":3", "\"stream\":5"),
    ] {
        assert_eq!(faults(&whole, &line(&wrong)).len(), 1, "{wrong}");
    }
}
