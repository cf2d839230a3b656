//! The captures of `captures/rules`: for each rule, one that breaks it and one that just complies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/rules");

fn captures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).unwrap().map(|it| it.unwrap().path());
    let mut all: Vec<_> = entries.filter(|path| path.to_str().unwrap().contains(".pcap")).collect();
    all.sort();
    all
}

/// What `check` has to be told to see a rule of this capture.
fn options(rule: &str) -> &'static str {
    match rule {
        _ if rule.starts_with("tls-") => "--keylog tls.keylog",
        _ if rule.starts_with("body-") => "--also sse",
        "message-truncated" => "--max-message 1k",
        _ => "",
    }
}

/// Rules, each with others.
type Companions = &'static [(&'static str, &'static [&'static str])];

/// Rules that are broken beside the one of a capture, for they go with it: where bytes are lost, frames are searched for, and
/// where a stream ends too early, there is no close frame. What is just inside a rule breaks those in [`SETTINGS`] alone.
const COMPANIONS: Companions = &[
    ("ambiguous-framing", &["gap", "lost-sync"]),
    ("body-skipped", &["gap"]),
    ("deflate-history-lost", &["gap", "resynchronised"]),
    ("gap", &["resynchronised"]),
    ("h2-continuation", &["h2-block-lost"]),
    ("h2-header-unknown", &["gap"]),
    ("h2-resynchronised", &["gap"]),
    ("http-in-stream", &["no-close"]),
    ("length-top-bit", &["no-close", "unfinished-frame"]),
    ("message-inside-message", &["orphan-continuation"]),
    ("resynchronised", &["gap"]),
    ("subprotocol-compression", &["gap", "resynchronised"]),
    ("tls-bad-record", &["gap", "resynchronised", "tls-keys-late"]),
    ("tls-keys-late", &["gap", "missing-handshake", "resynchronised"]),
    ("tls-records-lost", &["gap", "resynchronised"]),
    ("tls-unverified", &["gap"]),
];

/// Rules that both captures of a rule break, for they are the setting in which it can be broken.
const SETTINGS: Companions = &[
    ("h2-block-lost", &["no-close"]),
    ("h2-header-unknown", &["no-close"]),
    ("inflate-limit", &["compression-ratio", "message-truncated"]),
    ("lost-sync", &["gap"]),
    ("not-websocket", &["missing-header"]),
    ("origin-foreign", &["credentials-in-clear"]),
    ("origin-missing", &["credentials-in-clear"]),
    ("subprotocol-unfinished", &["mqtt-no-disconnect"]),
    ("unfinished-frame", &["no-close"]),
    ("unfinished-message", &["no-close"]),
];

fn listed(table: Companions, rule: &str) -> impl Iterator<Item = &'static str> + use<> {
    let found = table.iter().find(|(name, _)| *name == rule);
    found.into_iter().flat_map(|(_, others)| others.iter().copied())
}

/// Returns the rules that a capture breaks.
fn broken(path: &Path, rule: &str) -> BTreeSet<String> {
    let output = run(Path::new(FOLDER), &format!("check --format json {} {}", options(rule), path.display()));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    findings.iter().map(|it| it["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_capture_breaks_each_rule_alone_and_one_is_just_inside_it() {
    let all = captures();
    assert!(all.len() >= 270, "{} captures", all.len());
    for path in all {
        let file = path.file_name().unwrap().to_str().unwrap();
        let (name, ending) = file.split_once(".pcap").unwrap();
        let rule = name.strip_suffix(".inside").unwrap_or(name);
        let breaks = rule == name;
        let mut expected: BTreeSet<_> = listed(SETTINGS, rule).map(str::to_owned).collect();
        if breaks {
            expected.extend(listed(COMPANIONS, rule).map(str::to_owned));
            expected.insert(rule.to_owned());
            let inside = path.with_file_name(format!("{name}.inside.pcap{ending}"));
            assert!(inside.exists(), "{name} has one just inside it");
        }
        assert_eq!(broken(&path, rule), expected, "{name}");
    }
}

/// Captures of real stacks in which a rule is broken on purpose; all others conform.
const DELIBERATE: &[&str] = &[
    "compressed/answer-bits-7.pcap",
    "compressed/answer-bits-not-offered.pcap",
    "compressed/answer-bits-without-value.pcap",
    "compressed/answer-parameter-twice.pcap",
    "compressed/answer-parameter-unknown.pcap",
    "compressed/answer-takeover-with-value.pcap",
    "compressed/damaged.pcap",
    "compressed/empty-parameter.pcap",
    "compressed/offer-semicolon.pcap",
    "compressed/rsv1-though-refused.pcap",
    "compressed/semicolon.pcap",
    "compressed/takeover-against-agreement.pcap",
    "compressed/window-beyond-agreed.pcap",
    "control/close-without-echo-reset.pcap",
    "control/close-without-echo.pcap",
    "h2/not-offered.pcap",
    "http/upgrade-without-key-ssh.pcap",
    "screen/harbour.pcap.gz",
    "subprotocols/graphql-closed.pcap",
    "tcp/half-close.pcap",
    "tcp/joined-late-pings-unanswered.pcap",
    "tutorials/misspelt-header-npm-ws.pcap",
    "tutorials/misspelt-header-undefined.pcap",
];

#[test]
fn conforming_stacks_break_no_rule_of_severity_error() {
    const FOLDERS: [&str; 12] = [
        "compressed",
        "control",
        "files",
        "h2",
        "http",
        "link",
        "messages",
        "screen",
        "streams",
        "subprotocols",
        "tcp",
        "tls",
    ];
    let root = Path::new(FOLDER).parent().unwrap();
    let (mut broken, mut judged) = (Vec::new(), 0);
    for path in crate::corpus::captures() {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let folder = name.split('/').next().unwrap();
        if !FOLDERS.contains(&folder) && folder != "tutorials" {
            continue;
        }
        let keys = root.join(name.split(".pcap").next().unwrap()).with_extension("keylog");
        let keys = if keys.exists() { format!("--keylog {}", keys.display()) } else { String::new() };
        let output = run(root, &format!("check -q --format json {keys} {name}"));
        let Ok(found) = serde_json::from_slice::<Value>(&output.stdout) else {
            // Some of those files are no captures, and one has nothing that can be read.
            let is_known = folder == "files" || name == "link/unknown-link-type.pcap";
            assert!(is_known, "{name}: {}", String::from_utf8_lossy(&output.stderr));
            continue;
        };
        judged += found["conversations"].as_u64().unwrap();
        if found["errors"] != 0 {
            broken.push(name.to_owned());
        }
    }
    broken.sort();
    assert_eq!(broken, DELIBERATE);
    assert!(judged > 300, "{judged} conversations");
}

/// The generator reproduces the same bytes, provided that Python is available.
#[test]
fn the_captures_are_those_of_the_generator() {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(FOLDER).join("make.py"), folder.path().join("make.py")).unwrap();
    match Command::new("python3").arg(folder.path().join("make.py")).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => return eprintln!("skipped: no python3: {error}"),
    }
    for path in captures().into_iter().chain([Path::new(FOLDER).join("tls.keylog")]) {
        let again = std::fs::read(folder.path().join(path.file_name().unwrap())).unwrap();
        // The deflate library may be of another version there and compress differently.
        let packs = path.to_string_lossy().contains("flate") || path.to_string_lossy().contains("ratio");
        assert!(packs || again == std::fs::read(&path).unwrap(), "{} is old", path.display());
    }
}

#[test]
fn the_page_of_rules_links_captures_that_are_there() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules.md")).unwrap();
    let links: Vec<_> =
        page.split("](../captures/rules/").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    let captured = links.iter().filter(|link| **link != "tls.keylog").count();
    assert_eq!(captured, captures().len());
    assert!(links.iter().all(|link| Path::new(FOLDER).join(link).exists()), "{links:?}");
}
