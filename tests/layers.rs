//! Imports run one way: the table of permitted imports, compared with the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each module imports, no more and no less; `lib.rs` and `main.rs` are above all of them.
const TABLE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("text", &["model"]),
    ("capture", &["model"]),
    ("wire", &["model"]),
    ("tcp", &["model"]),
    ("hello", &[]),
    ("tls", &["model", "hello"]),
    ("http", &["model"]),
    ("websocket", &["model"]),
    ("proxy", &["model"]),
    ("http2", &["model"]),
    ("streams", &["model"]),
    ("subprotocol", &["model", "text", "http", "streams", "websocket"]),
    ("event", &["model", "http", "websocket", "subprotocol"]),
    (
        "session",
        &[
            "model",
            "tcp",
            "hello",
            "tls",
            "http",
            "websocket",
            "proxy",
            "http2",
            "streams",
            "subprotocol",
            "event",
        ],
    ),
    ("filter", &["model", "text", "websocket", "subprotocol", "event"]),
    ("services", &["model", "websocket", "subprotocol", "event", "filter"]),
    ("view", &["model", "text", "http", "websocket", "subprotocol", "event"]),
    ("store", &["model", "event"]),
    ("export", &["model", "text", "http", "websocket", "subprotocol", "event", "filter", "view"]),
    ("stats", &["model", "websocket", "subprotocol", "event", "text"]),
    ("check", &["model", "http", "event", "text"]),
    ("explain", &["model", "http", "websocket", "event", "text"]),
    ("pipeline", &["model", "capture", "wire", "subprotocol", "event", "session", "services"]),
    ("analysis", &["model", "capture", "wire", "event", "session", "filter", "pipeline"]),
    ("tui", &["model", "text", "event", "filter", "view", "store", "stats", "explain"]),
    (
        "cli",
        &[
            "model",
            "text",
            "capture",
            "wire",
            "tcp",
            "http",
            "subprotocol",
            "event",
            "session",
            "filter",
            "services",
            "view",
            "store",
            "export",
            "stats",
            "check",
            "explain",
            "pipeline",
            "tui",
        ],
    ),
];

/// Maps a module to those it imports, each with a location.
type Arrows = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn imports_run_one_way() {
    let arrows = arrows_of_the_sources();
    let mut faults = faults(&arrows, TABLE);
    faults.extend(slack(&arrows, TABLE));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_scan_sees_what_is_known_to_be_there() {
    let arrows = arrows_of_the_sources();
    for (from, to) in [("session", "tcp"), ("session", "websocket"), ("event", "model"), ("wire", "model")] {
        assert!(arrows[from].contains_key(to), "{from} imports {to}");
    }
}

/// Lists arrows that are only in the table.
fn slack(arrows: &Arrows, table: &[(&str, &[&str])]) -> Vec<String> {
    let rows = table.iter().flat_map(|(from, tos)| tos.iter().map(move |to| (from, to)));
    let missing = rows.filter(|(from, to)| !arrows.get(**from).is_some_and(|it| it.contains_key(**to)));
    missing.map(|(from, to)| format!("tests/layers.rs: {from} does not import {to}")).collect()
}

/// Lists arrows that are not in the table, unknown modules, and cycles.
fn faults(arrows: &Arrows, table: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    for (from, tos) in arrows {
        let Some((_, allowed)) = table.iter().find(|(name, _)| name == from) else {
            faults.push(format!("{from}: the table of tests/layers.rs does not know this module"));
            continue;
        };
        for (to, place) in tos {
            if to != from && !allowed.contains(&to.as_str()) {
                faults.push(format!("{place}: {from} may not import {to}"));
            }
        }
    }
    for start in arrows.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(at) = open.pop() {
            for to in arrows.get(at).into_iter().flat_map(BTreeMap::keys).filter(|to| *to != at) {
                if to == start {
                    faults.push(format!("{start}: imports itself by way of {at}"));
                } else if seen.insert(to) {
                    open.push(to);
                }
            }
        }
    }
    faults
}

fn arrows_of_the_sources() -> Arrows {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    gather(&root, &mut Vec::new(), &mut files);
    assert!(files.len() > 50, "the sources are found");
    arrows(&files)
}

/// A source file: its module path, its display name, and its text.
pub(super) type Source = (Vec<String>, String, String);

/// Reads the files below a folder, except those compiled only for tests.
pub(super) fn gather(folder: &Path, path: &mut Vec<String>, into: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let declared = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let tests: BTreeSet<_> = entries
        .iter()
        .filter(|entry| entry.extension().is_some_and(|it| it == "rs"))
        .flat_map(|entry| test_modules(&declared(entry.file_name().unwrap().to_str().unwrap())))
        .collect();
    for entry in entries {
        let stem = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        if tests.contains(&stem) || (path.is_empty() && ["lib", "main"].contains(&stem.as_str())) {
            continue;
        }
        if entry.is_dir() {
            path.push(stem);
            gather(&entry, path, into);
            path.pop();
        } else if entry.extension().is_some_and(|it| it == "rs") {
            let mut module = path.clone();
            if stem != "mod" {
                module.push(stem);
            }
            into.push((module, entry.display().to_string(), fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// Returns the names of the modules that a file declares only for tests.
fn test_modules(text: &str) -> Vec<String> {
    let text = plain(text);
    let mut found = Vec::new();
    for part in text.split("#[cfg(test)]").skip(1) {
        let mut words = part.split_whitespace().skip_while(|word| word.starts_with("pub"));
        if let (Some("mod"), Some(name)) = (words.next(), words.next())
            && let Some(name) = name.strip_suffix(';')
        {
            found.push(name.to_owned());
        }
    }
    found
}

fn arrows(files: &[Source]) -> Arrows {
    let mut arrows = Arrows::new();
    for (module, name, text) in files {
        let from = module.first().expect("every module is below the root");
        let text = plain(text);
        let text = without_tests(&text);
        let mut tos = named_behind(&text, "crate::");
        // `super`, repeated once for each level up to the root, is the root, too.
        let chain = "super::".repeat(module.len());
        tos.extend(named_behind(&text, &chain));
        let known = arrows.entry(from.clone()).or_default();
        for to in tos {
            known.entry(to).or_insert_with(|| name.clone());
        }
    }
    arrows
}

/// Removes the test module at the end of a file.
pub(super) fn without_tests(text: &str) -> String {
    let tests = text.match_indices("#[cfg(").find(|(at, _)| {
        let (condition, mut behind) = text[*at..].split_once(")]").unwrap_or_default();
        while let Some((_, rest)) = behind.trim_start().strip_prefix("#[").and_then(|it| it.split_once(']')) {
            behind = rest;
        }
        behind = behind.trim_start();
        condition.contains("(test")
            && behind.starts_with("mod ")
            && behind.split(['{', ';']).next().is_some_and(|it| behind[it.len()..].starts_with('{'))
    });
    text[..tests.map_or(text.len(), |(at, _)| at)].to_owned()
}

/// Returns the first name of every path after `root`: `a` of `root::a::b`, `a` and `c` of `root::{a::b, c}`.
fn named_behind(text: &str, root: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(root) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || text[..at].ends_with("super::") {
            continue;
        }
        let behind = &text[at + root.len()..];
        if let Some(group) = behind.strip_prefix('{') {
            let (mut depth, mut first) = (0, true);
            for (at, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => first = true,
                    c if first && !c.is_whitespace() => {
                        names.extend(name_at(&group[at..]));
                        first = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.extend(name_at(behind));
        }
    }
    names
}

fn name_at(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // A type or a macro of the root is not a module.
    name.starts_with(|c: char| c.is_lowercase()).then_some(name).filter(|name| name != "super")
}

/// Blanks comments and the contents of strings, so that they are not taken for code.
pub(super) fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if c == '"' {
            string_end(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(rest.len(), |at| at + 2).max(3)
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skipped..];
    }
    out
}

/// Returns the number of `#` of a raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let behind = text.strip_prefix('r')?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    behind[hashes..].starts_with('"').then_some(hashes)
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn sample(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<Source> = files
        .iter()
        .map(|(path, text)| {
            (path.split('/').map(str::to_owned).collect(), (*path).to_owned(), (*text).to_owned())
        })
        .collect();
    faults(&arrows(&files), TABLE)
}

#[test]
fn an_arrow_that_runs_up_is_a_fault() {
    assert_eq!(sample(&[("tcp/half", "use crate::session::Limits;")]).len(), 1);
    assert_eq!(sample(&[("tcp/half", "fn f() -> crate::event::ConnId { todo!() }")]).len(), 1);
    assert_eq!(sample(&[("tcp/half", "use super::super::event::ConnId;")]).len(), 1);
    assert_eq!(sample(&[("event", "use super::view::Row;")]).len(), 1);
    assert_eq!(sample(&[("model", "pub use crate::{wire::DecodeError};")]).len(), 1);
}

#[test]
fn an_arrow_between_neighbours_is_a_fault() {
    assert_eq!(sample(&[("websocket/frames", "use crate::tcp::Limits;")]).len(), 1);
    assert_eq!(sample(&[("tui", "use crate::websocket::Header;")]).len(), 1);
    let two = sample(&[("http", "use crate::{model::{Side, Pair}, tcp::{self, Delivery}, wire};")]);
    assert_eq!(two.len(), 2, "{two:?}");
}

#[test]
fn a_loop_and_a_stranger_are_faults() {
    let faults = sample(&[("event", "use crate::http::Head;"), ("http", "use crate::event::Event;")]);
    assert!(faults.iter().any(|fault| fault.contains("itself")), "{faults:?}");
    assert!(sample(&[("gadget", "")])[0].contains("does not know"));
}

#[test]
fn arrows_that_run_down_are_none() {
    let files = [
        (
            "session/connection",
            "use crate::{tcp, http::HttpTracker};\nuse super::Limits;\nuse super::super::model::Side;",
        ),
        ("tcp", "pub use half::Half;\nuse crate::model::Seq;"),
        ("cli/export", "use crate::pipeline::run;"),
    ];
    assert_eq!(sample(&files), [""; 0]);
}

#[test]
fn comments_strings_and_tests_are_no_imports() {
    let text = r##"
        //! See [`crate::session`].
        /* crate::event */
        const A: &str = "crate::cli";
        const B: &str = r#"crate::"view"#;
        const C: char = '"';
        use crate::model::Seq;
        #[cfg(test)]
        mod tests { use crate::export::Json; }
    "##;
    assert_eq!(sample(&[("tcp", text)]), [""; 0]);
    assert_eq!(
        test_modules("#[cfg(test)]\nmod oracle;\nmod half;\n#[cfg(test)]\npub(super) mod other;"),
        ["oracle", "other"]
    );
}

/// The modules in which a crate may be named that comes with a feature; `main.rs` belongs to `cli`.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("anyhow", &["cli"]),
    ("clap", &["cli"]),
    ("landlock", &["cli"]),
    ("seccompiler", &["cli"]),
    ("terminal_size", &["cli"]),
    ("signal_hook", &["cli", "tui"]),
    ("crossterm", &["tui"]),
    ("ratatui", &["tui"]),
    ("similar", &["tui"]),
    ("tui_input", &["tui"]),
    ("libpcap_dl", &["capture"]),
];

#[test]
fn optional_crates_stay_behind_their_features() {
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut Vec::new(), &mut files);
    let mut seen = BTreeSet::new();
    for (module, place, text) in &files {
        let text = plain(text);
        for (name, allowed) in OPTIONAL {
            let named = text.match_indices(name).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let behind = text[at + name.len()..].chars().next();
                let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !is_part(before) && !is_part(behind) && before != Some('.')
            });
            if named {
                seen.insert(*name);
                assert!(allowed.contains(&module[0].as_str()), "{place}: {name} comes with a feature");
            }
        }
    }
    assert_eq!(seen.len(), OPTIONAL.len(), "the scan sees them: {seen:?}");
}
