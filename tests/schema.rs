//! The NDJSON promise, declared a second time and strictly: a field that is added, renamed or forgotten fails here.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use wirefin::capture::Files;
use wirefin::export::{AnyFormat, Settings};
use wirefin::pipeline::{Formatted, Options, run};

use crate::tiny;

/// What a field was read into does not matter, only that it is there and nothing else is.
#[allow(dead_code, reason = "fields are declared to be parsed, not to be read")]
mod promise {
    use super::{Deserialize, Value, present};
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    pub(super) enum Record {
        Open(Box<Open>),
        Frame(Frame),
        Message(Box<Message>),
        Anomaly(Anomaly),
        Close(Close),
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Open {
        pub(super) v: u32,
        time: String,
        conn: u64,
        packet: u64,
        client: Endpoint,
        server: Endpoint,
        community_id: String,
        /// Tells `null` from nothing.
        #[serde(default, deserialize_with = "present")]
        pub(super) handshake: Option<Value>,
        url: Option<String>,
        pub(super) request: Option<Request>,
        pub(super) response: Option<Response>,
        accept: Option<Accept>,
        subprotocol: Option<String>,
        deflate: Option<Deflate>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Endpoint {
        ip: std::net::IpAddr,
        port: u16,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Request {
        method: String,
        target: String,
        version: String,
        headers: Vec<(String, String)>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Response {
        status: u16,
        reason: String,
        headers: Vec<(String, String)>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Accept {
        key: Option<String>,
        found: Option<String>,
        expected: Option<String>,
        #[serde(default)]
        valid: Option<bool>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Deflate {
        client_no_context_takeover: bool,
        server_no_context_takeover: bool,
        client_max_window_bits: u8,
        server_max_window_bits: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Frame {
        time: String,
        conn: u64,
        packet: u64,
        from: Side,
        fin: bool,
        pub(super) rsv: u8,
        opcode: String,
        pub(super) masked: bool,
        pub(super) mask: Option<String>,
        length: u64,
        header_length: u8,
        offset: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Message {
        time: String,
        conn: u64,
        packet: u64,
        from: Side,
        pub(super) opcode: String,
        length: u64,
        pub(super) text: Option<String>,
        pub(super) base64: Option<String>,
        pub(super) close: Option<CloseBody>,
        pub(super) rtt: Option<f64>,
        pub(super) complete: Option<bool>,
        #[serde(default)]
        pub(super) missing: Vec<(u64, Option<u64>)>,
        truncated_to: Option<u64>,
        wire: Wire,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct CloseBody {
        code: u16,
        name: String,
        reason: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wire {
        frames: u64,
        bytes: u64,
        compressed: bool,
        inflated: Option<bool>,
        masked: bool,
        first_packet: u64,
        first_time: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Anomaly {
        time: Option<String>,
        conn: Option<u64>,
        packet: Option<u64>,
        from: Option<Side>,
        pub(super) code: String,
        severity: Severity,
        text: String,
        spec: Option<String>,
        evidence: BTreeMap<String, Evidence>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Severity {
        Note,
        Warning,
        Error,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Evidence {
        Number(u64),
        Text(String),
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Close {
        time: String,
        conn: u64,
        packet: u64,
        code: Option<u16>,
        reason: Option<String>,
        by: Option<Side>,
        clean: bool,
        duration: f64,
        client_totals: DirectionTotals,
        server_totals: DirectionTotals,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct DirectionTotals {
        messages: u64,
        frames: u64,
        bytes: u64,
        wire_bytes: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Side {
        Client,
        Server,
    }
}

use promise::Record;

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Checks what the types cannot say.
fn check(line: &str) -> Record {
    assert!(line.starts_with(r#"{"type":""#), "`type` is first: {line}");
    let record: Record = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    match &record {
        Record::Open(open) => {
            assert_eq!(open.v, 1, "{line}");
            let captured = open.request.is_some() || open.response.is_some();
            assert_eq!(
                open.handshake.is_some(),
                !captured,
                "null and nothing else says not captured: {line}"
            );
        }
        Record::Message(message) => {
            let values = [message.text.is_some(), message.base64.is_some() || message.close.is_some()];
            assert_eq!(values.iter().filter(|there| **there).count(), 1, "it has one value: {line}");
            assert_eq!(message.complete == Some(false), !message.missing.is_empty(), "{line}");
            assert!(
                message.complete != Some(true) && (message.rtt.is_none() || message.opcode == "pong"),
                "{line}"
            );
        }
        Record::Frame(frame) => {
            assert!(frame.rsv < 8 && frame.masked == frame.mask.is_some(), "{line}");
        }
        Record::Anomaly(_) | Record::Close(_) => {}
    }
    record
}

fn exported(mut files: Files) -> Result<String, wirefin::pipeline::Error> {
    let format = AnyFormat::new("ndjson", &Settings { frames: true }).unwrap();
    let mut output = Formatted::new(format, Vec::new(), None);
    run(&mut files, &Options::default(), &mut output)?;
    Ok(String::from_utf8(output.finish().unwrap()).unwrap())
}

#[test]
fn every_kind_of_line_is_as_promised() {
    let mut seen = std::collections::BTreeSet::new();
    for capture in [tiny::capture(), tiny::refused()] {
        let files = Files::from_reader("tiny", Box::new(std::io::Cursor::new(capture)));
        for line in exported(files).unwrap().lines() {
            seen.insert(match check(line) {
                Record::Open(open) if open.response.is_some() => "open",
                Record::Open(_) => "open without a response",
                Record::Frame(_) => "frame",
                Record::Message(message) if message.close.is_some() => "close frame",
                Record::Message(message) if message.text.is_some() => "text",
                Record::Message(_) => "binary",
                Record::Anomaly(_) => "anomaly",
                Record::Close(_) => "close",
            });
        }
    }
    let all = ["anomaly", "binary", "close", "close frame", "frame", "open", "text"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn every_line_of_the_corpus_is_as_promised() {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_str().is_some_and(|name| name.contains(".pcap"))
            && let Ok(files) = Files::open(&[path])
        {
            // A capture that cannot be read has its own tests.
            exported(files).unwrap_or_default().lines().for_each(|line| drop(check(line)));
        }
    }
}
