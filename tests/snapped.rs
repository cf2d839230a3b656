//! Captures truncated by a snap length: `length` is what the headers of the frames declared, and a truncated handshake
//! is reported as such.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use crate::support::damage;
use crate::support::dialogue::{FIN, TEXT, frame, goodbye, request, upgraded};
use crate::support::packets::{Packet, Talk, read};
use crate::support::run::{codes, export, records};
use wirefin::model::Side;

/// Uncompressed, with fragments; compressed; and several frames in a segment.
const RECORDINGS: [&str; 3] = [
    "captures/messages/ws-fragmented.pcap",
    "captures/compressed/websockets-deflate.pcap",
    "captures/messages/several-frames-in-a-segment.pcap",
];

fn recording(name: &str) -> Vec<Packet> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Identifies a frame: its sender, and its offset in the sender's bytes. The latter is known if the handshake is
/// complete.
fn place(record: &Value) -> (String, u64) {
    (record["from"].to_string(), record["offset"].as_u64().unwrap())
}

/// Lists messages whose length differs from what their frames declare, and frames that were never sent.
fn faults(whole: &[Value], shown: &[Value]) -> Vec<String> {
    let frames = |records: &[Value]| -> Vec<Value> {
        records.iter().filter(|record| record["type"] == "frame").cloned().collect()
    };
    let sent: HashMap<_, _> = frames(whole).into_iter().map(|frame| (place(&frame), frame)).collect();
    let is_whole = shown.iter().any(|record| record["type"] == "open" && record["request"].is_object());
    let mut faults = Vec::new();
    // The frames of each side's current message.
    let mut declared: HashMap<(String, bool), Vec<Value>> = HashMap::new();
    for record in shown {
        let opcode = record["opcode"].as_str().unwrap_or_default();
        let key = (record["from"].to_string(), matches!(opcode, "ping" | "pong" | "close"));
        if record["type"] == "frame" {
            if is_whole && sent.get(&place(record)).is_none_or(|frame| frame["length"] != record["length"]) {
                faults.push(format!("not sent: {record}"));
            }
            declared.entry(key).or_default().push(record.clone());
        } else if record["type"] == "message" {
            let mut frames = declared.remove(&key).unwrap_or_default();
            if frames.len() > 1 && frames.last().is_some_and(|frame| frame["opcode"] != "continuation") {
                // The first frame of the next message ends one that was never finished.
                let next = frames.pop().unwrap();
                declared.insert(key, vec![next]);
            }
            let length: u64 = frames.iter().map(|frame| frame["length"].as_u64().unwrap()).sum();
            let is_compressed = record["wire"]["compressed"] == true;
            let is_right = if is_compressed {
                // The length of a compressed message is known if all of it is.
                !record["complete"].is_null() || is_sent(whole, record)
            } else {
                record["length"] == length
            };
            if !is_right {
                faults.push(format!("{length} declared: {record}"));
            }
            let bytes: u64 = frames
                .iter()
                .map(|frame| frame["length"].as_u64().unwrap() + frame["header_length"].as_u64().unwrap())
                .sum();
            if record["wire"]["bytes"].as_u64().is_none_or(|seen| seen > bytes) {
                faults.push(format!("{bytes} bytes on the wire: {record}"));
            }
        }
    }
    faults
}

fn is_sent(whole: &[Value], record: &Value) -> bool {
    whole.iter().any(|sent| {
        sent["type"] == "message"
            && ["from", "opcode", "length", "text", "base64"].iter().all(|name| sent[name] == record[name])
    })
}

#[test]
fn the_length_of_a_message_is_what_its_frames_declare() {
    let (mut messages, mut incomplete) = (0, 0);
    for name in RECORDINGS {
        let packets = recording(name);
        let whole = records(&export(&packets, true));
        for length in 60..=300 {
            let snapped = damage::snap(&packets, length);
            let shown = records(&export(&snapped, true));
            let faults = faults(&whole, &shown);
            assert!(faults.is_empty(), "{name} at {length}: {faults:#?}");
            let all = shown.iter().filter(|record| record["type"] == "message");
            messages += all.clone().count();
            incomplete += all.filter(|record| record["complete"] == false).count();
        }
    }
    assert!(messages > 4000 && incomplete > 500, "{messages} messages, {incomplete} of them incomplete");
}

/// Returns the snap length reported as necessary for a truncated handshake.
fn needed(lines: &str) -> Option<u64> {
    let lines = records(lines);
    let record = lines.iter().find(|record| record["rule"] == "handshake-truncated")?;
    record["evidence"]["snap_length"].as_u64()
}

#[test]
fn a_truncated_handshake_says_which_snap_length_it_needs() {
    for name in RECORDINGS {
        let packets = recording(name);
        let heads = packets.iter().filter(|packet| {
            let is_head = |head: &[u8]| packet.data.windows(head.len()).any(|bytes| bytes == head);
            is_head(b"GET /") || is_head(b"HTTP/1.1 101")
        });
        let longest = heads.map(|packet| packet.data.len()).max().unwrap();
        let mut said = 0;
        for length in 60..=300 {
            let lines = export(&damage::snap(&packets, length), false);
            if !lines.contains(r#""type":"open""#) {
                continue;
            }
            let is_truncated = length < longest;
            assert!(!codes(&lines).contains(&"missing-handshake".to_owned()), "{name} at {length}");
            assert_eq!(needed(&lines).is_some(), is_truncated, "{name} at {length}: {lines}");
            if let Some(needed) = needed(&lines) {
                said += 1;
                assert!(needed >= longest as u64, "{name} at {length}: {needed} for {longest}");
            }
        }
        assert!(said > 20, "{name}: {said}");
    }
}

#[test]
fn a_handshake_of_which_nothing_was_captured_is_missing_not_truncated() {
    let talk = upgraded(1);
    let first = talk.packets.len();
    let mut talk = talk;
    for n in 0..6 {
        talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, format!("message {n}").as_bytes()));
    }
    goodbye(&mut talk);
    let lines = export(&damage::lose_before(&talk.packets, first), false);
    assert_eq!((needed(&lines), codes(&lines)), (None, vec!["missing-handshake".to_owned()]));
}

#[test]
fn a_request_alone_that_is_truncated_is_said_to_be() {
    let mut talk = Talk::new(1);
    let long = format!("Cookie: {}\r\n", "x".repeat(500));
    talk.send(Side::Client, &request(&long));
    talk.send(Side::Server, &crate::support::dialogue::answer(""));
    for n in 0..6 {
        talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, format!("message {n}").as_bytes()));
    }
    goodbye(&mut talk);
    let longest = talk.packets.iter().map(|packet| packet.data.len()).max().unwrap();
    let lines = export(&damage::snap(&talk.packets, 300), false);
    assert_eq!(needed(&lines), Some(longest as u64), "{lines}");
    assert_eq!(lines.matches(r#""type":"message""#).count(), 8, "{lines}");
}
