//! The NDJSON promise: every line is parsed into its types, and anything unknown to them fails here.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wirefin::capture::Files;
use wirefin::export::VERSION;
use wirefin::export::record::{Opcode, Record};
use wirefin::export::{AnyFormat, Formatted, Settings};
use wirefin::pipeline::{Options, run};

use crate::tiny;

/// Parses a line, and checks what the types cannot express.
fn check(line: &str) -> (Record, Value) {
    assert!(line.starts_with(r#"{"type":""#), "`type` is first: {line}");
    let record: Record = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let value: Value = serde_json::from_str(line).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), value, "the types know every member: {line}");
    match &record {
        Record::Open(open) => {
            let upgrade = &open.upgrade;
            assert_eq!(upgrade.v, VERSION, "{line}");
            let captured = upgrade.request.is_some() || upgrade.response.is_some();
            assert_eq!(open.handshake.is_some(), !captured, "null means not captured: {line}");
            let answered = upgrade.response.is_some();
            assert!(open.accept.as_ref().is_none_or(|it| answered || it.valid.is_none()), "{line}");
        }
        Record::Rejected(rejected) => {
            let upgrade = &rejected.upgrade;
            assert_eq!((upgrade.v, rejected.answered), (VERSION, upgrade.response.is_some()), "{line}");
        }
        Record::Message(message) => {
            let values = [message.text.is_some(), message.base64.is_some() || message.close.is_some()];
            assert_eq!(values.iter().filter(|there| **there).count(), 1, "it has one value: {line}");
            assert_eq!(message.complete == Some(false), !message.missing.is_empty(), "{line}");
            let odd = message.complete == Some(true) || message.verified == Some(true);
            assert!(!odd && (message.rtt.is_none() || message.opcode == Opcode::Pong), "{line}");
            assert!(message.place.known.is_none_or(|known| known > message.place.packet), "{line}");
        }
        Record::Frame(frame) => {
            assert!(frame.rsv < 8 && frame.masked == frame.mask.is_some(), "{line}");
        }
        Record::Anomaly(_) | Record::Close(_) | Record::Tls(_) => {}
    }
    (record, value)
}

fn exported(mut files: Files, wide: bool) -> Result<String, wirefin::pipeline::Error> {
    let format = AnyFormat::new("ndjson", &Settings { frames: true, wide, bodies: true, tls: true }).unwrap();
    let mut output = Formatted::new(format, Vec::new(), None);
    run(&mut files, &Options::default(), &mut output)?;
    Ok(String::from_utf8(output.finish().unwrap()).unwrap())
}

#[test]
fn every_kind_of_line_is_as_promised() {
    let mut seen = std::collections::BTreeSet::new();
    for capture in [tiny::capture(), tiny::refused()] {
        let files = Files::from_reader("tiny", Box::new(std::io::Cursor::new(capture)));
        for line in exported(files, false).unwrap().lines() {
            seen.insert(match check(line).0 {
                Record::Open(open) if open.upgrade.response.is_some() => "open",
                Record::Open(_) => "open without a response",
                Record::Rejected(_) => "rejected",
                Record::Tls(_) => "tls",
                Record::Frame(_) => "frame",
                Record::Message(message) if message.close.is_some() => "close frame",
                Record::Message(message) if message.text.is_some() => "text",
                Record::Message(_) => "binary",
                Record::Anomaly(_) => "anomaly",
                Record::Close(_) => "close",
            });
        }
    }
    let all = ["anomaly", "binary", "close", "close frame", "frame", "open", "rejected", "text"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn every_line_of_the_corpus_is_as_promised_and_one_name_has_one_type() {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")];
    let mut types: BTreeMap<(bool, String), &str> = BTreeMap::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_str().is_some_and(|name| name.contains(".pcap")) {
            for wide in [false, true] {
                // Captures that cannot be read have their own tests.
                let Ok(files) = Files::open(std::slice::from_ref(&path)) else { continue };
                let mut counts = BTreeMap::<String, (i64, u64)>::new();
                for line in exported(files, wide).unwrap_or_default().lines() {
                    let (record, value) = check(line);
                    collect(&value, "", wide, &mut types);
                    let name = format!("{} {}", value["conn"], value["stream"]);
                    let (open, messages) = counts.entry(name).or_default();
                    match record {
                        Record::Open(_) => (*open, *messages) = (*open + 1, 0),
                        Record::Close(_) => *open -= 1,
                        Record::Message(message) => {
                            *messages += 1;
                            assert_eq!(message.n, *messages, "messages are counted: {line}");
                        }
                        _ => {}
                    }
                }
                let unclosed = counts.iter().find(|(_, (open, _))| *open != 0);
                assert!(unclosed.is_none(), "every open has a close: {unclosed:?} of {}", path.display());
            }
        }
    }
    assert!(types.len() > 60, "{types:?}");
}

/// Records the type of every member; one with two types fails. `null` has none, and `headers` have two by design.
fn collect(value: &Value, name: &str, wide: bool, types: &mut BTreeMap<(bool, String), &'static str>) {
    let kind = match value {
        Value::Null => return,
        Value::Bool(_) => "true or false",
        Value::Number(number) => {
            if number.is_f64() {
                "a real number"
            } else {
                "a whole number"
            }
        }
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(members) => {
            // Header fields have the names given by their sender.
            for (member, value) in members.iter().filter(|_| name != "headers") {
                // What is found is named by the rule; a proxy names endpoints in its own terms.
                let path = match name {
                    "evidence" | "proxy" => format!("{name}.{member}"),
                    _ => member.clone(),
                };
                collect(value, &path, wide, types);
            }
            "an object"
        }
    };
    if !name.is_empty() && !name.starts_with("evidence.") {
        let known = types.entry((wide, name.to_owned())).or_insert(kind);
        assert_eq!(*known, kind, "{name}");
    }
}
