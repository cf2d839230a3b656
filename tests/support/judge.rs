//! Compares an export with the records of the conversation's endpoints.
//!
//! A truth file has one line per message as its receiver saw it, or one per frame, or one per handshake key with frames
//! counted by opcode:
//!
//! ```json
//! {"from":"client","type":"text","len":5,"sha1":"…","port":51314}
//! {"dir":"s2c","opcode":1,"fin":true,"rsv":0,"len":5}
//! {"case":"1.1.1","key":"…","client_frames":{"1":1},"server_frames":{"1":1,"8":1}}
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha1::{Digest, Sha1};

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) found: usize,
    pub(crate) missed: usize,
    /// The number of messages shown as complete that were never sent.
    pub(crate) wrong: usize,
    /// The first few differences, in words.
    pub(crate) notes: Vec<String>,
}

impl Verdict {
    /// Returns whether everything was found and nothing else was.
    pub(crate) const fn is_right(&self) -> bool {
        self.found > 0 && self.missed == 0 && self.wrong == 0
    }

    fn compare<T: Ord + fmt::Debug>(&mut self, of: &str, wanted: &Bag<T>, had: &Bag<T>) {
        self.found += wanted.iter().map(|(it, n)| n.min(had.get(it).unwrap_or(&0))).sum::<usize>();
        let (missed, wrong) = (less(wanted, had), less(had, wanted));
        self.missed += missed.values().sum::<usize>();
        self.wrong += wrong.values().sum::<usize>();
        if !missed.is_empty() || !wrong.is_empty() {
            self.note(format!("{of}: missed {:?} wrong {:?}", first(&missed), first(&wrong)));
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < 8 {
            self.notes.push(note);
        }
    }
}

/// Counts things.
type Bag<T> = BTreeMap<T, usize>;

fn bag<T: Ord>(things: impl IntoIterator<Item = T>) -> Bag<T> {
    let mut bag = Bag::new();
    for thing in things {
        *bag.entry(thing).or_default() += 1;
    }
    bag
}

fn less<'a, T: Ord>(from: &'a Bag<T>, what: &Bag<T>) -> Bag<&'a T> {
    let rest = |(it, n): (&'a T, &usize)| {
        Some((it, n.checked_sub(*what.get(it).unwrap_or(&0))?)).filter(|(_, n)| *n > 0)
    };
    from.iter().filter_map(rest).collect()
}

fn first<T>(bag: &Bag<T>) -> Vec<(&T, &usize)> {
    bag.iter().take(3).collect()
}

/// The records of the endpoints.
pub(crate) struct Truth {
    lines: Vec<Value>,
}

impl Truth {
    /// Reads the truth files beside a capture; returns `None` if there are none.
    pub(crate) fn beside(capture: &Path) -> Option<Truth> {
        let name = capture.file_name()?.to_str()?;
        let stem =
            [".pcap.gz", ".pcap.zst", ".pcapng", ".pcap"].iter().find_map(|end| name.strip_suffix(end))?;
        let ends = ["truth.ndjson", "truth.jsonl", "client.ndjson", "server.ndjson"];
        let files: Vec<PathBuf> = ends
            .iter()
            .map(|end| capture.with_file_name(format!("{stem}.{end}")))
            .filter(|file| file.exists())
            .collect();
        let line = |line: &str| serde_json::from_str(line).expect("a truth file has one object a line");
        let text = |file| std::fs::read_to_string(file).unwrap();
        let lines: Vec<_> =
            files.iter().map(text).flat_map(|text| text.lines().map(line).collect::<Vec<_>>()).collect();
        (!lines.is_empty()).then_some(Truth { lines })
    }

    /// Returns whether frames are to be compared.
    pub(crate) fn wants_frames(&self) -> bool {
        self.lines.iter().any(|line| is_frame(line) || is_count(line))
    }

    /// Compares an export, made with frames if they are to be compared, with the truth.
    pub(crate) fn judge(&self, records: &[Value]) -> Verdict {
        let mut verdict = Verdict::default();
        if self.lines.iter().any(is_count) {
            self.judge_counts(records, &mut verdict);
        } else if self.lines.iter().any(is_frame) {
            let wanted = self.lines.iter().filter(|line| is_frame(line));
            let wanted = bag(wanted.map(|line| (side(line), opcode(&line["opcode"]), shape(line, "len"))));
            let had = records.iter().filter(|record| record["type"] == "frame");
            let had = bag(had.map(|frame| (side(frame), opcode(&frame["opcode"]), shape(frame, "length"))));
            verdict.compare("frames", &wanted, &had);
        } else {
            self.judge_messages(records, &mut verdict);
        }
        verdict
    }

    fn judge_counts(&self, records: &[Value], verdict: &mut Verdict) {
        let opens = records.iter().filter(|record| record["type"] == "open");
        let keys: BTreeMap<(u64, u64), &Value> =
            opens.map(|open| (conn(open), &open["accept"]["key"])).collect();
        let mut had: BTreeMap<(String, &str), Bag<u64>> = BTreeMap::new();
        for frame in records.iter().filter(|record| record["type"] == "frame") {
            let key = keys.get(&conn(frame)).and_then(|key| key.as_str()).unwrap_or_default().to_owned();
            *had.entry((key, side(frame))).or_default().entry(opcode(&frame["opcode"])).or_default() += 1;
        }
        for case in self.lines.iter().filter(|line| is_count(line)) {
            for (side, name) in [("client", "client_frames"), ("server", "server_frames")] {
                let count = |(opcode, n): (&String, &Value)| (opcode.parse().unwrap(), number(n));
                let wanted: Bag<u64> = case[name].as_object().unwrap().iter().map(count).collect();
                let had = had.remove(&(word(&case["key"]).to_owned(), side)).unwrap_or_default();
                verdict.compare(&format!("case {} from {side}", case["case"]), &wanted, &had);
            }
        }
    }

    fn judge_messages(&self, records: &[Value], verdict: &mut Verdict) {
        let kinds: Vec<&str> = self.lines.iter().map(kind).collect();
        let opens = records.iter().filter(|record| record["type"] == "open");
        let ports: BTreeMap<(u64, u64), u64> =
            opens.map(|open| (conn(open), open["client"]["port"].as_u64().unwrap_or(0))).collect();
        let by_port = self.lines.iter().all(|line| line.get("port").is_some());
        let mut wanted: BTreeMap<(u64, u64, &str), Vec<Reported>> = BTreeMap::new();
        for line in &self.lines {
            let port = if by_port { line["port"].as_u64().unwrap() } else { 0 };
            wanted.entry((port, stream(line), side(line))).or_default().push(Reported::of_truth(line));
        }
        let mut had: BTreeMap<(u64, u64, &str), Vec<Reported>> = BTreeMap::new();
        let whole = |record: &&Value| record["type"] == "message" && record["complete"].is_null();
        for message in
            records.iter().filter(whole).filter(|message| kinds.contains(&word(&message["opcode"])))
        {
            let port = if by_port { ports.get(&conn(message)).copied().unwrap_or(0) } else { 0 };
            had.entry((port, stream(message), side(message)))
                .or_default()
                .push(Reported::of_message(message));
        }
        let places: std::collections::BTreeSet<_> = wanted.keys().chain(had.keys()).copied().collect();
        for place in places {
            let wanted = wanted.remove(&place).unwrap_or_default();
            let mut had = had.remove(&place).unwrap_or_default();
            settle_cut(&wanted, &mut had);
            if by_port {
                // An endpoint may stop reading before the last control frames arrive: those missing from its log are
                // not a fault.
                let mut spare = bag(wanted.iter());
                had.retain(|it| {
                    let logged = spare.get_mut(it).filter(|n| **n > 0).map(|n| *n -= 1).is_some();
                    logged || !it.is_control()
                });
                let data = |list: &[Reported]| {
                    list.iter().filter(|it| !it.is_control()).cloned().collect::<Vec<_>>()
                };
                let (wanted, had) = (data(&wanted), data(&had));
                if wanted != had && bag(&wanted) == bag(&had) {
                    verdict.wrong += 1;
                    verdict.note(format!("{place:?}: out of order"));
                }
            }
            verdict.compare(&format!("{place:?}"), &bag(&wanted), &bag(&had));
        }
    }
}

/// A message, as both report it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reported {
    kind: String,
    length: u64,
    digest: String,
    code: Option<u64>,
}

impl Reported {
    fn of_truth(line: &Value) -> Reported {
        let digest =
            line.get("sha1").or_else(|| line.get("sha256")).and_then(Value::as_str).unwrap_or_default();
        let kind = kind(line).to_owned();
        let code = if kind == "close" { line["code"].as_u64() } else { None };
        Reported { kind, length: line["len"].as_u64().unwrap(), digest: digest.to_owned(), code }
    }

    fn of_message(message: &Value) -> Reported {
        let kind = word(&message["opcode"]).to_owned();
        let body = payload(message);
        let is_close = kind == "close";
        Reported {
            length: if is_close { body.len() as u64 } else { message["length"].as_u64().unwrap() },
            digest: if message.get("truncated_to").is_some() { "cut".to_owned() } else { sha1(&body) },
            code: is_close.then(|| message["close"]["code"].as_u64().unwrap_or(1005)),
            kind,
        }
    }

    fn is_control(&self) -> bool {
        ["ping", "pong", "close"].contains(&self.kind.as_str())
    }
}

/// A message truncated by a limit is correct if its true length is reported.
fn settle_cut(wanted: &[Reported], had: &mut [Reported]) {
    for told in had.iter_mut().filter(|told| told.digest == "cut") {
        if let Some(whole) = wanted.iter().find(|it| (&it.kind, it.length) == (&told.kind, told.length)) {
            *told = whole.clone();
        }
    }
}

/// Returns the bytes shown in a message line; for a close, its reason.
pub(crate) fn payload(message: &Value) -> Vec<u8> {
    if message["opcode"] == "close" {
        return message["close"]["reason"].as_str().unwrap_or_default().as_bytes().to_vec();
    }
    match (message["text"].as_str(), message["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(base64)) => STANDARD.decode(base64).expect("base64 is valid"),
        (None, None) => Vec::new(),
    }
}

pub(crate) fn sha1(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_frame(line: &Value) -> bool {
    line.get("opcode").is_some() && line.get("message").is_none()
}

fn is_count(line: &Value) -> bool {
    line.get("client_frames").is_some()
}

fn kind(line: &Value) -> &str {
    ["type", "kind", "message"]
        .iter()
        .find_map(|name| line.get(name)?.as_str())
        .expect("a truth line says what it is")
}

pub(crate) fn side(line: &Value) -> &'static str {
    match line.get("from").or_else(|| line.get("dir")).and_then(Value::as_str) {
        Some("client" | "c2s") => "client",
        Some("server" | "s2c") => "server",
        other => panic!("{other:?} is no side"),
    }
}

fn opcode(value: &Value) -> u64 {
    const NAMES: [(&str, u64); 6] =
        [("continuation", 0), ("text", 1), ("binary", 2), ("close", 8), ("ping", 9), ("pong", 10)];
    value.as_u64().unwrap_or_else(|| {
        let name = word(value);
        let named = NAMES.iter().find(|(it, _)| *it == name).map(|(_, number)| *number);
        named.or_else(|| name.strip_prefix("reserved-")?.parse().ok()).expect("an opcode")
    })
}

fn shape(line: &Value, length: &str) -> (bool, u64, u64) {
    (line["fin"].as_bool().unwrap(), line["rsv"].as_u64().unwrap(), line[length].as_u64().unwrap())
}

/// Returns the identity of a record's conversation: the connection and, if that carries several, the stream.
pub(crate) fn conn(record: &Value) -> (u64, u64) {
    (record["conn"].as_u64().unwrap_or(0), stream(record))
}

fn stream(line: &Value) -> u64 {
    line["stream"].as_u64().unwrap_or(0)
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(truth: &[&str], records: &[&str]) -> Verdict {
        let parse =
            |lines: &[&str]| lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>();
        Truth { lines: parse(truth) }.judge(&parse(records))
    }

    const OPEN: &str = r#"{"type":"open","conn":1,"client":{"port":5}}"#;
    const HELLO: &str = r#"{"from":"client","type":"text","len":5,"sha1":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","port":5}"#;
    const SHOWN: &str =
        r#"{"type":"message","conn":1,"from":"client","opcode":"text","length":5,"text":"hello"}"#;

    #[test]
    fn what_was_sent_is_right() {
        assert!(judged(&[HELLO], &[OPEN, SHOWN]).is_right());
        let pong = r#"{"type":"message","conn":1,"from":"client","opcode":"pong","length":0,"text":""}"#;
        let ping = r#"{"from":"server","type":"pong","len":1,"sha1":"x","port":6}"#;
        assert_eq!(judged(&[HELLO, ping], &[OPEN, SHOWN, pong]).wrong, 0, "a late control frame is no fault");
    }

    #[test]
    fn a_missed_one_a_wrong_one_and_a_changed_byte_are_not() {
        assert_eq!(judged(&[HELLO], &[OPEN]).missed, 1);
        assert_eq!(judged(&[HELLO], &[OPEN, SHOWN, SHOWN]).wrong, 1);
        let changed = SHOWN.replace("hello", "hallo");
        let verdict = judged(&[HELLO], &[OPEN, &changed]);
        assert_eq!((verdict.missed, verdict.wrong), (1, 1));
        let other_port = OPEN.replace('5', "6");
        assert!(!judged(&[HELLO], &[&other_port, SHOWN]).is_right());
    }

    #[test]
    fn the_order_counts_where_ports_are_known() {
        let world = HELLO.replace("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", &sha1(b"world"));
        let shown = SHOWN.replace("hello", "world");
        assert!(judged(&[HELLO, &world], &[OPEN, SHOWN, &shown]).is_right());
        assert_eq!(judged(&[HELLO, &world], &[OPEN, &shown, SHOWN]).wrong, 1);
    }

    #[test]
    fn frames_are_compared_by_shape_and_counted_by_key() {
        let truth = r#"{"dir":"s2c","opcode":1,"fin":true,"rsv":0,"len":5}"#;
        let frame =
            r#"{"type":"frame","conn":1,"from":"server","fin":true,"rsv":0,"opcode":"text","length":5}"#;
        assert!(judged(&[truth], &[frame]).is_right());
        assert_eq!(judged(&[truth], &[&frame.replace("\"rsv\":0", "\"rsv\":4")]).wrong, 1);
        let case = r#"{"case":"1","key":"k","client_frames":{},"server_frames":{"1":1}}"#;
        let open = r#"{"type":"open","conn":1,"accept":{"key":"k"}}"#;
        assert!(judged(&[case], &[open, frame]).is_right());
        assert_eq!(judged(&[case], &[open, frame, frame]).wrong, 1);
    }
}
