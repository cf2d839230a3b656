//! The Autobahn suite's fuzzing client against a real server: its deliberate violations are found and attributed to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::run;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Cases in which the client sends data after its close frame, which the server ignores.
const AFTER_CLOSE: [&str; 5] = ["7.1.2", "7.1.3", "7.1.4", "7.1.5", "7.1.6"];
/// Cases in which the client legitimately sends the very code with which servers fail a connection.
const CODES: [&str; 2] = ["7.7.3", "7.7.5"];

/// Returns the folder of captures that are not in the repository.
fn captures() -> Option<PathBuf> {
    let folder = Path::new(ROOT).parent()?.join("shared/captures/truth");
    folder.join("autobahn-real.pcap").exists().then_some(folder)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn output(line: &str) -> String {
    String::from_utf8(run(Path::new(ROOT), line).stdout).unwrap()
}

/// A case: its description in the suite, and the rules of severity error found broken, with the side that broke them.
struct Case {
    number: String,
    about: String,
    /// The close code with which the server ended it.
    ended: Option<u64>,
    found: BTreeMap<String, String>,
}

impl Case {
    /// Returns whether the client breaks a rule deliberately, according to the server, which is another program.
    fn is_broken(&self) -> bool {
        let failed = matches!(self.ended, Some(1002 | 1007)) && !CODES.contains(&&*self.number);
        failed || AFTER_CLOSE.contains(&&*self.number)
    }
}

fn cases(folder: &Path) -> Vec<Case> {
    let capture = folder.join("autobahn-real.pcap");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let opens = lines(&output(&format!("export {}", capture.display())));
    let opens = opens.iter().filter(|line| line["type"] == "open");
    let conns: BTreeMap<String, u64> =
        opens.map(|line| (text(&line["accept"]["key"]), line["conn"].as_u64().unwrap())).collect();
    let check: Value =
        serde_json::from_str(&output(&format!("check --format json {}", capture.display()))).unwrap();
    let findings = check["findings"].as_array().unwrap();
    let truth = std::fs::read_to_string(folder.join("autobahn-real.truth.ndjson")).unwrap();
    let mut cases: Vec<Case> = lines(&truth)
        .iter()
        .map(|case| {
            let conn = conns[&text(&case["key"])];
            let errors = findings.iter().filter(|it| it["conn"] == conn && it["severity"] == "error");
            Case {
                number: text(&case["case"]),
                about: text(&case["description"]),
                ended: case["server_close"].as_u64(),
                found: errors.map(|it| (text(&it["rule"]), text(&it["from"]))).collect(),
            }
        })
        .collect();
    let number = |case: &Case| case.number.split('.').map(|n| n.parse::<u32>().unwrap()).collect::<Vec<_>>();
    cases.sort_by_key(number);
    cases
}

fn page(cases: &[Case]) -> String {
    let broken = cases.iter().filter(|case| case.is_broken()).count();
    let mut out = format!(
        "# The Autobahn suite\n\n\
         The fuzzing client of the Autobahn suite against a server of npm `ws`, {} cases recorded on one machine. In {broken} of them the client breaks a rule on \
         purpose, as the server says by ending the connection with 1002 or 1007, or sends something behind its close frame. `wirefin check` finds each of them and \
         blames the client; in the {} others it finds no error. `INSTA_UPDATE=always cargo test --test main autobahn` writes this page where the captures are.\n\n\
         | case | what the client does | the server ends with | rules broken by the client |\n|---|---|---|---|\n",
        cases.len(),
        cases.len() - broken,
    );
    for case in cases.iter().filter(|case| case.is_broken()) {
        let ended = case.ended.map_or_else(|| "—".to_owned(), |code| code.to_string());
        let rules: Vec<_> = case.found.keys().map(|rule| format!("`{rule}`")).collect();
        let about: String = case.about.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        let about: String = about.chars().take(120).collect();
        writeln!(
            out,
            "| {} | {} | {ended} | {} |",
            case.number,
            about.replace('<', "&lt;"),
            rules.join(", ")
        )
        .unwrap();
    }
    out
}

#[test]
fn what_the_fuzzing_client_breaks_is_found_and_blamed_on_it() {
    let Some(folder) = captures() else {
        eprintln!("skipped: there is no ../shared/captures/truth/autobahn-real.pcap");
        return;
    };
    let cases = cases(&folder);
    assert_eq!(cases.len(), 247);
    for case in &cases {
        let Case { number, about, found, .. } = case;
        assert!(found.values().all(|from| from == "client"), "{number} {about}: {found:?}");
        assert_eq!(!found.is_empty(), case.is_broken(), "{number} {about}: {found:?}");
    }
    let (path, page) = (format!("{ROOT}/docs/autobahn.md"), page(&cases));
    if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == page,
        "docs/autobahn.md is out of date: bless it"
    );
}
