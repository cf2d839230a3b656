//! Every capture of the corpus: its events against a snapshot, and against the record of its endpoints.
//!
//! A new file below `captures/` is a new test. `INSTA_UPDATE=always cargo test corpus` creates its snapshot; review it
//! before committing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::judge::{Truth, sha1};
use crate::support::packets::read;
use crate::support::run::{export, export_from, open, print_from, records};

/// Lists the captures of the corpus, in order.
pub(crate) fn captures() -> Vec<PathBuf> {
    let captures = below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures"));
    assert!(!captures.is_empty(), "the corpus exists");
    captures
}

/// Lists captures outside of the repository, in the folder named by `WIREFIN_EXTRA_CAPTURES`.
pub(crate) fn extra() -> Vec<PathBuf> {
    std::env::var_os("WIREFIN_EXTRA_CAPTURES").map_or_else(
        || {
            eprintln!("skipped: the captures of WIREFIN_EXTRA_CAPTURES, which names no folder");
            Vec::new()
        },
        |folder| below(Path::new(&folder)),
    )
}

/// Lists the captures below a folder, in order.
pub(crate) fn below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            if path.is_dir() {
                // The captures of rules have their own test, in `rules`.
                if !path.ends_with("captures/rules") {
                    open.push(path);
                }
            } else if [".pcap", ".pcapng", ".pcap.gz", ".pcap.zst"].iter().any(|end| name.ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn exported(path: &Path, frames: bool) -> Result<String, String> {
    let (mut source, options) = open(path).map_err(|error| error.to_string())?;
    let lines = export_from(&mut *source, &options, frames).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(lines).unwrap())
}

/// Removes the location of the repository.
fn portable(text: &str) -> String {
    text.replace(env!("CARGO_MANIFEST_DIR"), "…")
}

fn printed(path: &Path) -> Result<String, String> {
    let (mut source, options) = open(path).map_err(|error| error.to_string())?;
    let lines = print_from(&mut *source, &options, false).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(lines).unwrap())
}

/// Compares the output of `show` for every capture with a snapshot in a separate folder.
fn compare(folder: &str, show: impl Fn(&Path) -> Result<String, String>) {
    insta::with_settings!({
        snapshot_path => format!("snapshots/{folder}"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("../captures", "**/*.{pcap,pcapng,gz,zst}", |path| {
            if path.parent().is_some_and(|folder| folder.ends_with("captures/rules")) {
                return;
            }
            let lines = match show(path) {
                Ok(lines) if lines.is_empty() => "nothing\n".to_owned(),
                Ok(lines) => abridged(&lines),
                Err(error) => format!("error: {error}\n"),
            };
            insta::assert_snapshot!(folder, portable(&lines));
        });
    });
}

#[test]
fn ndjson_of_every_capture() {
    compare("ndjson", |path| exported(path, true));
}

#[test]
fn print_of_every_capture() {
    compare("print", printed);
}

#[test]
fn every_capture_agrees_with_its_endpoints() {
    let mut judged = 0;
    let mut faults = String::new();
    for path in captures().into_iter().chain(extra()) {
        let Some(truth) = Truth::beside(&path) else { continue };
        judged += 1;
        let verdict = match exported(&path, truth.wants_frames()) {
            Ok(lines) => truth.judge(&records(&lines)),
            Err(error) => panic!("{}: {error}", path.display()),
        };
        // For packets cut by the snap length, the truth says what was sent and not what can be known.
        // Some of the encrypted captures outside the repository lack a key or have losses.
        let name = path.to_str().unwrap();
        let is_ours = path.starts_with(env!("CARGO_MANIFEST_DIR"));
        let partial = name.contains("snaplen") || !is_ours && path.with_extension("keylog").exists();
        if if partial { verdict.wrong > 0 } else { !verdict.is_right() } {
            writeln!(faults, "{}: {verdict:?}", path.display()).unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(judged > 100, "only {judged} captures have a truth");
}

#[test]
fn no_websocket_is_found_in_other_protocols_wherever_they_are_joined() {
    let (mut tried, mut found) = (0, String::new());
    for path in below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/negative")) {
        let packets = read(&path).unwrap();
        for missing in (0..packets.len()).step_by(7) {
            tried += 1;
            let lines = export(&packets[missing..], false);
            if lines.contains(r#""type":"open""#) {
                let line: String = lines.chars().take(200).collect();
                writeln!(found, "{} without its first {missing} packets: {line}", path.display()).unwrap();
            }
        }
    }
    assert!(found.is_empty(), "{found}");
    assert!(tried > 300, "only {tried} captures were tried");
}

/// The maximum number of lines, and of bytes per string, in a snapshot.
const LINES: usize = 80;
const STRING: usize = 400;

/// Shortens long output, and replaces what was omitted by a digest.
fn abridged(lines: &str) -> String {
    let all: Vec<_> = lines.lines().collect();
    let mut out = String::new();
    let (head, rest) = all.split_at(LINES.min(all.len()));
    let (middle, tail) = rest.split_at(rest.len().saturating_sub(10));
    let middle = if middle.len() > 10 {
        let note = format!("… {} lines, SHA-1 {} …", middle.len(), sha1(middle.join("\n").as_bytes()));
        vec![note]
    } else {
        middle.iter().map(|line| (*line).to_owned()).collect()
    };
    for line in head
        .iter()
        .map(|line| (*line).to_owned())
        .chain(middle)
        .chain(tail.iter().map(|line| (*line).to_owned()))
    {
        out.push_str(&short_strings(&line));
        out.push('\n');
    }
    out
}

fn short_strings(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('"') {
        let (before, string) = rest.split_at(start + 1);
        out.push_str(before);
        let mut escaped = false;
        let end = string.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let (value, behind) = string.split_at(end.unwrap_or(string.len()));
        if value.len() > STRING {
            let shown: String = value.chars().take(STRING / 2).collect();
            write!(out, "{shown}… {} bytes, SHA-1 {}", value.len(), sha1(value.as_bytes())).unwrap();
        } else {
            out.push_str(value);
        }
        let (quote, behind) = behind.split_at(behind.len().min(1));
        out.push_str(quote);
        rest = behind;
    }
    out + rest
}

#[test]
fn long_lines_and_many_are_shortened_and_still_tell_a_change() {
    let long = format!("{{\"a\":\"{}\",\"b\":\"x\\\"y\"}}", "z".repeat(1000));
    let other = long.replace("zzz\"", "zzy\"");
    assert!(short_strings(&long).len() < 400 && short_strings(&long).ends_with("\"b\":\"x\\\"y\"}"));
    assert_ne!(short_strings(&long), short_strings(&other));
    let many: String = (0..1000).fold(String::new(), |all, n| all + &n.to_string() + "\n");
    assert_eq!(abridged(&many).lines().count(), LINES + 11);
    assert_ne!(abridged(&many), abridged(&many.replace("\n500\n", "\n501\n")));
}
