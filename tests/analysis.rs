//! Other programs reading the output of wirefin: the queries of `docs/analysis.md`, and readers of the reports of
//! `check`. Programs that are not installed are reported and skipped.

use std::path::Path;
use std::process::{Command, Output};

use crate::cli::{run, wirefin};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Returns the code blocks of one language in a page.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence)
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(code, _)| code.to_owned())
        .collect()
}

/// Writes an export of captures that contain a bit of everything, conversation 4 among them.
fn export(folder: &Path) {
    let captures = [
        "hostile/bidi-and-invisible.pcap",
        "handshake/refused-403.pcap",
        "messages/fragments-with-pings-between.pcap",
        "tcp/lost-payload.pcap",
        "tls/no-keys.pcap",
        "subprotocols/jsonrpc-lsp.pcap",
    ];
    let mut command = wirefin(folder, &["export", "--wide", "--tls", "-q", "-o", "capture.ndjson"]);
    command.args(captures.map(|name| format!("{ROOT}/captures/{name}")));
    assert!(command.output().unwrap().status.success());
}

fn output(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).current_dir(folder).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

#[test]
fn the_questions_in_jq_have_answers() {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path());
    if output(folder.path(), "jq", &["--version"]).is_none() {
        return;
    }
    let page = std::fs::read_to_string(format!("{ROOT}/docs/analysis.md")).unwrap();
    let questions: Vec<_> = blocks(&page, "sh").into_iter().filter(|code| code.starts_with("jq ")).collect();
    assert_eq!(questions.len(), 10, "{questions:?}");
    let mut answered = 0;
    for question in &questions {
        let answer = output(folder.path(), "sh", &["-ec", question]).unwrap();
        let err = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success() && err.is_empty(), "{question}: {err}");
        answered += usize::from(!answer.stdout.is_empty());
        // The slowest call is known from the packets: its latency comes first.
        if question.contains(".latency") {
            let first = String::from_utf8_lossy(&answer.stdout);
            assert!(first.starts_with("0.066313\tjson-rpc"), "{first}");
        }
    }
    assert!(answered >= 8, "only {answered} of {} have an answer", questions.len());
}

/// Runs the queries in `language` with a Python module, after the output of `wirefin schema --for reader`.
fn ask_by_python(language: &str, module: &str, reader: &str, script: impl Fn(&str, &str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    export(folder.path());
    let page = std::fs::read_to_string(format!("{ROOT}/docs/analysis.md")).unwrap();
    let probe = output(folder.path(), "python3", &["-c", &format!("import {module}")]);
    if probe.is_none_or(|probe| !probe.status.success()) {
        eprintln!("skipped: there is no {module} for python3");
        return;
    }
    let columns = run(folder.path(), &format!("schema --for {reader} capture.ndjson")).stdout;
    let columns = String::from_utf8(columns).unwrap();
    let questions = blocks(&page, language);
    assert_eq!(questions.len(), 10);
    for question in questions {
        let answer = output(folder.path(), "python3", &["-c", &script(&columns, &question)]).unwrap();
        assert!(answer.status.success(), "{question}: {}", String::from_utf8_lossy(&answer.stderr));
    }
}

#[test]
fn the_questions_in_sql_have_answers() {
    ask_by_python("sql", "duckdb", "duckdb", |columns, query| {
        format!(
            "import duckdb\nduckdb.sql(\"\"\"CREATE VIEW events AS {columns}\"\"\")\nprint(duckdb.sql({query:?}))"
        )
    });
}

#[test]
fn the_questions_in_polars_have_answers() {
    ask_by_python("python", "polars", "polars", |columns, question| format!("{columns}\n{question}"));
}

#[test]
fn a_junit_report_is_read_by_another_reader() {
    let folder = tempfile::tempdir().unwrap();
    let capture = format!("{ROOT}/captures/rules/bad-utf8.pcap");
    let report = run(folder.path(), &format!("check --format junit -o report.xml {capture}"));
    assert_eq!(report.status.code(), Some(1));
    let script = "import xml.etree.ElementTree as tree\n\
                  root = tree.parse('report.xml').getroot()\n\
                  suite = root.find('testsuite')\n\
                  cases = suite.findall('testcase')\n\
                  assert int(suite.get('tests')) == len(cases) > 100, len(cases)\n\
                  failed = [case.get('name') for case in cases if case.find('failure') is not None]\n\
                  assert int(suite.get('failures')) == len(failed)\n\
                  print(*failed)";
    let Some(read) = output(folder.path(), "python3", &["-c", script]) else { return };
    let text = String::from_utf8(read.stdout).unwrap();
    assert!(
        text.split_whitespace().any(|rule| rule == "bad-utf8"),
        "{text}{}",
        String::from_utf8_lossy(&read.stderr)
    );
}

/// The schema is the one named in the logs; `.ci/run` downloads it.
#[test]
fn sarif_logs_are_valid_against_their_schema() {
    let schema = format!("{ROOT}/target/sarif-2.1.0.json");
    if !Path::new(&schema).exists() {
        return eprintln!("skipped: there is no {schema}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(format!("{ROOT}/captures/rules/bad-utf8.pcap"), folder.path().join("an odd%näme.pcap"))
        .unwrap();
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  check = jsonschema.validators.validator_for(schema)(schema)\n\
                  for path in sys.argv[2:]:\n\
                  \x20   for error in check.iter_errors(json.load(open(path))):\n\
                  \x20       sys.exit(f'{path}: {list(error.path)}: {error.message}')";
    let captures = [
        "rules/bad-utf8.pcap",
        "rules/gap.pcap",
        "tutorials/net-server-folded-101.pcap",
        "http/no-upgrade.pcap",
    ];
    let captures = captures.map(|name| format!("{ROOT}/captures/{name}"));
    let mut arguments = vec!["-c".to_owned(), script.to_owned(), schema];
    for (n, capture) in captures.iter().map(String::as_str).chain(["an odd%näme.pcap"]).enumerate() {
        let log = wirefin(folder.path(), &["check", "--format", "sarif", capture]).output().unwrap().stdout;
        std::fs::write(folder.path().join(format!("{n}.sarif")), log).unwrap();
        arguments.push(format!("{n}.sarif"));
    }
    let probe = output(folder.path(), "python3", &["-c", "import jsonschema"]);
    if probe.is_none_or(|probe| !probe.status.success()) {
        return eprintln!("skipped: there is no jsonschema for python3");
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let judged = output(folder.path(), "python3", &arguments).unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

/// The members required by SARIF 2.1.0 (§3.13, §3.14, §3.19, §3.27), and the validity of references.
#[test]
fn a_sarif_log_has_what_its_schema_demands() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &format!("check --format sarif {ROOT}/captures/rules/bad-utf8.pcap"));
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("one run") };
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "wirefin");
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        assert!(result["message"]["text"].is_string(), "{result}");
        assert!(
            ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()),
            "{result}"
        );
        let id = result["ruleId"].as_str().unwrap();
        assert!(rules.iter().any(|rule| rule["id"] == id), "{id}");
        if let Some(index) = result["ruleIndex"].as_u64() {
            assert_eq!(rules[usize::try_from(index).unwrap()]["id"], id);
        }
        for location in result["locations"].as_array().unwrap() {
            assert!(location["physicalLocation"]["artifactLocation"]["uri"].is_string(), "{location}");
        }
    }
    let known = ["version", "$schema", "runs", "inlineExternalProperties", "properties"];
    assert!(log.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{log}");
}
