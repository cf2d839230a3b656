//! From packets to the lines of an export, in this process.

use std::io::Read;
use std::num::NonZeroUsize;
use std::path::Path;

use serde_json::Value;
use wirefin::capture::{Files, KeyLogs, Source};
use wirefin::export::{AnyFormat, Format, Formatted, Print, Settings};
use wirefin::pipeline::{Error, Options, run};
use wirefin::session::Keys;
use wirefin::view::{self, Printer};

use super::packets::{Held, Packet};

/// Exports a source as NDJSON.
pub(crate) fn export_from(
    source: &mut dyn Source,
    options: &Options,
    frames: bool,
) -> Result<Vec<u8>, Error> {
    written(source, options, AnyFormat::new("ndjson", &Settings { frames, ..Settings::default() }).unwrap())
}

/// Opens a capture with the key log, or the server's private key, beside it, if any.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Source + Send>, Options), wirefin::capture::Error> {
    let files = Box::new(Files::open(&[path.to_owned()])?);
    let keylog = path.with_extension("keylog");
    if let Ok(key) = std::fs::read_to_string(path.with_extension("server-key.pem")) {
        let mut keys = Keys::default();
        assert!(keys.add_private_key(&key), "a key lies beside {}", path.display());
        return Ok((files, Options { keys: keys.complete(), ..solo() }));
    }
    if !keylog.is_file() {
        return Ok((files, solo()));
    }
    let options = Options { keys: Keys::default().given().complete(), ..solo() };
    Ok((Box::new(KeyLogs::open(&[keylog], false)?.watch(files)), options))
}

/// Prints a source as `print` does to a file.
pub(crate) fn print_from(
    source: &mut dyn Source,
    options: &Options,
    verbose: bool,
) -> Result<Vec<u8>, Error> {
    let settings = view::Settings {
        colour: false,
        verbose,
        hex: verbose,
        width: view::DEFAULT_WIDTH,
        clock: view::Clock::default(),
        pretty: false,
        dated: false,
    };
    written(source, options, Print(Printer::new(settings)))
}

fn written(source: &mut dyn Source, options: &Options, format: impl Format) -> Result<Vec<u8>, Error> {
    let mut output = Formatted::new(format, Vec::new(), None);
    run(source, options, &mut output)?;
    Ok(output.finish().unwrap())
}

/// Prints packets with handshakes, frames and dumps, on one thread.
pub(crate) fn print(packets: &[Packet]) -> String {
    let mut source = Held::new(packets.iter().cloned(), 64);
    text(print_from(&mut source, &solo(), true).unwrap())
}

/// Exports packets as NDJSON lines, on one thread.
pub(crate) fn export(packets: &[Packet], frames: bool) -> String {
    let mut source = Held::new(packets.iter().cloned(), 64);
    text(export_from(&mut source, &solo(), frames).unwrap())
}

/// Exports packets as NDJSON lines with the bodies of sub-protocol units, on one thread.
pub(crate) fn export_bodies(packets: &[Packet]) -> String {
    let mut source = Held::new(packets.iter().cloned(), 64);
    let settings = Settings { bodies: true, ..Settings::default() };
    text(written(&mut source, &solo(), AnyFormat::new("ndjson", &settings).unwrap()).unwrap())
}

/// Exports the bytes of a capture file as NDJSON lines, on one thread.
pub(crate) fn export_bytes(file: impl Read + Send + 'static, frames: bool) -> Result<String, Error> {
    let mut source = Files::from_reader("test", Box::new(file));
    export_from(&mut source, &solo(), frames).map(text)
}

/// One thread; everything else as by default.
pub(crate) fn solo() -> Options {
    Options { threads: NonZeroUsize::MIN, ..Options::default() }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("an export is UTF-8")
}

/// Parses the lines of an export.
pub(crate) fn records(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Parses the lines and removes packet numbers, times and whatever depends on them.
pub(crate) fn timeless(lines: &str) -> Vec<Value> {
    const TIMES: [&str; 11] = [
        "time",
        "ts",
        "delta",
        "latency",
        "packet",
        "conn",
        "known",
        "first_packet",
        "first_time",
        "duration",
        "rtt",
    ];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|name, _| !TIMES.contains(&name.as_str()));
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut records = records(lines);
    records.iter_mut().for_each(strip);
    records
}

/// Returns the rules of all anomalies, in order.
pub(crate) fn codes(lines: &str) -> Vec<String> {
    let code = |record: &Value| Some(record.get("rule")?.as_str()?.to_owned());
    records(lines).iter().filter(|record| record["type"] == "anomaly").filter_map(code).collect()
}

/// Returns the texts of all complete text messages, in order.
pub(crate) fn texts(lines: &str) -> Vec<String> {
    let whole = |record: &&Value| {
        record["opcode"] == "text" && record["type"] == "message" && record["complete"].is_null()
    };
    let text = |record: &Value| Some(record.get("text")?.as_str()?.to_owned());
    records(lines).iter().filter(whole).filter_map(text).collect()
}
