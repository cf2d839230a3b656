//! The systems used in tutorials: the complete output of `print`, `check` and `explain` for each.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::cli::run;

#[test]
fn what_is_said_of_every_tutorial() {
    insta::with_settings!({
        snapshot_path => "snapshots/tutorials",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::glob!("../captures/tutorials", "*.{pcap,gz}", |path| {
            let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
            let mut text = String::new();
            for command in ["print --width 160", "check", "explain"] {
                let output = run(folder, &format!("{command} {name}"));
                let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
                text.extend([&format!("$ wirefin {command} {name}\n"), &*out]);
                for (what, part) in [("stderr", err), ("exit", output.status.code().unwrap().to_string())] {
                    if !part.is_empty() && part != "0" {
                        text.extend(["--- ", what, "\n", &part, "\n"]);
                    }
                }
            }
            insta::assert_snapshot!("tutorial", text);
        });
    });
}

/// The faults of each, and whose they are: all that there are.
const WRONG: &[(&str, &[(&str, &str)])] = &[
    ("chromium-text-blob-arraybuffer.pcap", &[]),
    // curl ends TCP when its time is over.
    ("curl-probe.pcap", &[("no-close", "client")]),
    ("five-segments-answers-def.pcap", &[("no-close", "client")]),
    ("heartbeat-terminate.pcap", &[("no-close", "server")]),
    ("http-server-by-hand.pcap", &[]),
    // It reads the length as another and closes with 1009, which it may.
    ("ignores-64-bit-lengths.pcap.gz", &[]),
    ("long-polling.pcap", &[]),
    ("misspelt-header-npm-ws.pcap", &[("accept-mismatch", "server"), ("no-close", "client")]),
    ("misspelt-header-undefined.pcap", &[("accept-mismatch", "server"), ("no-close", "client")]),
    (
        "net-server-folded-101.pcap",
        &[("bare-line-feed", "server"), ("folded-header", "server"), ("zero-mask-key", "client")],
    ),
    ("socketio-2-chat.pcap", &[]),
    ("socketio-4-chat.pcap", &[]),
    ("sse-chromium.pcap", &[]),
    ("sse-curl-cr-and-bom.pcap", &[]),
    ("sse-curl-gzip.pcap", &[]),
    ("websockets-deflate.pcap", &[]),
];

#[test]
fn check_says_what_is_wrong_with_each_tutorial_and_nothing_else() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tutorials"));
    let names = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains(".pcap")).collect();
    names.sort();
    assert_eq!(names, WRONG.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, wrong) in WRONG {
        let output = run(folder, &format!("check --format json {name}"));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = found["findings"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings: BTreeSet<_> = findings.map(|it| (text(&it["rule"]), text(&it["from"]))).collect();
        let wrong = wrong.iter().map(|(rule, from)| ((*rule).to_owned(), (*from).to_owned())).collect();
        assert_eq!(findings, wrong, "{name}");
        let fails = findings.iter().any(|(rule, _)| rule == "accept-mismatch");
        assert_eq!(output.status.code(), Some(fails.into()), "{name}");
    }
}

#[test]
fn the_cause_of_a_wrong_accept_value_is_named() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/captures/tutorials"));
    for name in ["misspelt-header-npm-ws.pcap", "misspelt-header-undefined.pcap"] {
        let text = String::from_utf8(run(folder, &format!("check {name}")).stdout).unwrap();
        assert!(text.contains("it hashed \"undefined\" in its place"), "{name}: {text}");
    }
}
