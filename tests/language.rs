//! The language of the sources, as far as a test can check it.

use std::fs;
use std::path::{Path, PathBuf};

/// Names without meaning to a reader who knows the RFCs but not this project; each was replaced by a descriptive one.
const OLD_NAMES: &[&str] = &[
    "Round",
    "Crew",
    "Lead",
    "Turns",
    "Bell",
    "Share",
    "Sieve",
    "Gathered",
    "Tally",
    "Trip",
    "Arrived",
    "Remains",
    "Watched",
    "Valve",
    "Tap",
    "Until",
    "Upper",
    "Late",
    "Hopeless",
    "Exchanges",
    "Early",
    "Looks",
    "Trail",
    "Remark",
    "What",
    "Untold",
    "Brush",
    "Pen",
    "Hunt",
    "Needle",
    "Ask",
    "Mistake",
    "Tint",
    "Tone",
    "Sketch",
    "Spread",
    "Talker",
    "Least",
    "Origins",
    "Identity",
    "Meter",
];

/// Words with which the doc of a type must not begin: verbs are for functions, and a type is a thing, not a question.
const NO_NOUNS: &[&str] = &[
    "Is",
    "Tells",
    "Says",
    "Holds",
    "Names",
    "Reads",
    "Writes",
    "Decodes",
    "Counts",
    "Keeps",
    "Collects",
    "Gathers",
    "Returns",
    "Makes",
    "Turns",
    "Takes",
    "Remembers",
    "Follows",
    "Compares",
    "Describes",
    "Has",
    "Saves",
    "Chooses",
    "What",
    "How",
    "Where",
    "When",
    "Why",
    "Which",
    "Whether",
    "Who",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push(path);
        }
    }
}

/// Returns the name of the type declared in a line, if any.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1,
        Some(rest) => rest,
        None => line,
    };
    let (keyword, rest) = line.trim_start().split_once(' ')?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    ["struct", "enum", "trait"].contains(&keyword).then(|| &rest[..end])
}

/// Lists the violations in a file.
fn faults(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = declared(line) else { continue };
        if OLD_NAMES.contains(&name) {
            found.push(format!("{}: the name {name}", at + 1));
        }
        let above = lines[..at].iter().rev();
        let doc = above.take_while(|line| {
            let line = line.trim_start();
            line.starts_with("///") || line.starts_with("#[") || line.starts_with(')')
        });
        let first = doc.filter_map(|line| line.trim_start().strip_prefix("/// ")).last().unwrap_or_default();
        let word = first.split(' ').next().unwrap_or_default();
        if NO_NOUNS.contains(&word) {
            found.push(format!("{}: the doc of {name} begins with {word}", at + 1));
        }
    }
    found
}

#[test]
fn types_have_the_names_of_the_field_and_noun_phrases_for_docs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "the sources are found");
    let all: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            faults(&fs::read_to_string(path).unwrap())
                .into_iter()
                .map(move |fault| format!("src/{name}:{fault}"))
        })
        .collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_fault_is_found() {
    let text =
        "/// What it is.\n#[derive(Debug)]\npub(super) struct Thing {\n}\n\n/// A look.\nenum Looks {\n}\n";
    assert_eq!(faults(text), ["3: the doc of Thing begins with What", "7: the name Looks"]);
    assert_eq!(faults("/// Is it?\nfn is_it() {}\n/// A thing.\npub struct Thing;\n"), [""; 0]);
}
