//! The captures of `captures/rules`: for each rule, one that breaks it and one that just complies.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/rules");

fn captures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).unwrap().map(|it| it.unwrap().path());
    let mut all: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "pcap" || it == "pcapng")).collect();
    all.sort();
    all
}

/// Returns the rules that a capture breaks, with their severities.
fn broken(path: &Path) -> Vec<(String, String)> {
    let is_tls = path.file_name().unwrap().to_str().unwrap().starts_with("tls-");
    let keys = if is_tls { "--keylog tls.keylog" } else { "" };
    let output = run(Path::new(FOLDER), &format!("check --format json {keys} {}", path.display()));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = found["findings"].as_array().unwrap();
    findings.iter().map(|it| (word(it, "rule"), word(it, "severity"))).collect()
}

#[test]
fn a_capture_breaks_each_rule_and_one_is_just_inside_it() {
    let all = captures();
    assert!(all.len() >= 230, "{} captures", all.len());
    for path in all {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let found = broken(&path);
        match name.strip_suffix(".inside") {
            None => {
                assert!(found.iter().any(|(rule, _)| rule == name), "{name}: {found:?}");
                let inside = format!("inside.{}", path.extension().unwrap().display());
                assert!(path.with_extension(inside).exists(), "{name} has one that just complies");
            }
            Some(rule) => assert!(
                found.iter().all(|(other, severity)| other != rule && severity != "error"),
                "{name}: {found:?}"
            ),
        }
    }
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
        let packs = path.to_string_lossy().contains("deflate") || path.to_string_lossy().contains("ratio");
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
