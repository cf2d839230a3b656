//! No two files import each other, directly or indirectly, except in a few folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::layers::{Source, gather, plain, without_tests};

/// The folders in which files may import each other, and why.
const CIRCLES: &[(&str, &str)] = &[
    ("session::stack", "a layer may hold another stack"),
    ("subprotocol", "the list of sub-protocols and its readers are one"),
];

/// Maps the name of a module to the text of its file.
type Files = BTreeMap<String, String>;

/// Maps the name of a module to the modules it imports.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_files_import_each_other() {
    let mut sources = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut Vec::new(), &mut sources);
    let circles = circles(&arrows(&files(&sources)));
    let is_within = |circle: &BTreeSet<String>, folder: &str| circle.iter().all(|it| is_in(it, folder));
    let faults: Vec<_> =
        circles.iter().filter(|circle| !CIRCLES.iter().any(|(it, _)| is_within(circle, it))).collect();
    assert!(faults.is_empty(), "these import each other: {faults:#?}");
    for (folder, _) in CIRCLES {
        assert!(circles.iter().any(|circle| is_within(circle, folder)), "{folder} no longer has a cycle");
    }
}

fn is_in(module: &str, folder: &str) -> bool {
    module.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn files(sources: &[Source]) -> Files {
    sources.iter().map(|(path, _, text)| (path.join("::"), without_tests(&plain(text)))).collect()
}

fn arrows(files: &Files) -> Arrows {
    let arrows = |module: &String, text: &String| {
        let private = uses(text).into_iter().filter(|(public, _)| !public).map(|(_, path)| path);
        let tos = private.chain(inline(text)).filter_map(|path| resolve(files, module, &path, 0));
        tos.filter(|to| to != module).collect()
    };
    files.iter().map(|(module, text)| (module.clone(), arrows(module, text))).collect()
}

/// Returns the paths named by the `use` lines of a file, and whether others may import them from here.
fn uses(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, word) in text.match_indices("use ") {
        let before = text[..at].trim_end();
        if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let public = before.ends_with("pub") || before.ends_with(')') && before.contains("pub(");
        let tree = text[at + word.len()..].split(';').next().unwrap_or_default();
        found.extend(branches(tree).into_iter().map(|path| (public, path)));
    }
    found
}

/// Returns the paths in a use tree: `a::b` and `a::c` for `a::{b, c}`.
fn branches(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((root, group)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let mut depth = 0;
    let between = |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    let parts = group.trim_end().strip_suffix('}').unwrap_or(group).split(between);
    let parts = parts.filter(|part| !part.trim().is_empty()).flat_map(branches);
    parts.map(|part| format!("{root}{part}")).collect()
}

/// Returns the paths in the code outside of `use` lines.
fn inline(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let without_uses = text.split(';').filter(|it| !it.contains("use ")).collect::<Vec<_>>().join(";");
    let words = without_uses.split(|c| !is_path(c)).map(|word| word.trim_end_matches(':'));
    let names_something = |word: &&str| word.contains("::") && !word.ends_with("super");
    words.filter(names_something).map(str::to_owned).collect()
}

/// Returns the module whose file defines the target of a path in `module`; `None` if it is not ours.
fn resolve(files: &Files, module: &str, path: &str, depth: usize) -> Option<String> {
    let path = path.split(" as ").next().unwrap_or(path).trim();
    let mut at: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let mut rest = path.split("::").map(str::trim).filter(|part| !part.is_empty()).peekable();
    match *rest.peek()? {
        "crate" => at.clear(),
        "self" | "super" => {}
        child if files.contains_key(&[&at[..], &[child]].concat().join("::")) => {}
        _ => return None,
    }
    let mut name = None;
    for part in rest {
        match part {
            "crate" | "self" => {}
            "super" => drop(at.pop()),
            _ if files.contains_key(&[&at[..], &[part]].concat().join("::")) => at.push(part),
            _ => {
                name = Some(part);
                break;
            }
        }
    }
    let found = at.join("::");
    let text = files.get(&found)?;
    let imported = name.filter(|_| depth < 8).and_then(|name| {
        let is_named = |path: &String| {
            let path = path.strip_suffix("::self").unwrap_or(path);
            path.rsplit(|c: char| c == ':' || c.is_whitespace()).next() == Some(name)
        };
        let (_, path) = uses(text).into_iter().find(|(_, path)| is_named(path))?;
        resolve(files, &found, &path, depth + 1)
    });
    imported.or(Some(found))
}

/// Returns the largest sets of modules in which each module reaches all others.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|start| (start, reach(arrows, start))).collect();
    let mut circles = BTreeSet::new();
    for (start, all) in &reached {
        if all.contains(start) {
            let back = all.iter().filter(|other| reached.get(*other).is_some_and(|it| it.contains(start)));
            circles.insert(back.map(|other| (*other).clone()).collect::<BTreeSet<_>>());
        }
    }
    circles.into_iter().collect()
}

fn reach<'a>(arrows: &'a Arrows, start: &String) -> BTreeSet<&'a String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(at) = open.pop() {
        for to in arrows.get(at).into_iter().flatten() {
            if seen.insert(to) {
                open.push(to);
            }
        }
    }
    seen
}

fn sample(modules: &[(&str, &str)]) -> Vec<BTreeSet<String>> {
    circles(&arrows(&modules.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()))
}

#[test]
fn a_parent_and_a_child_that_name_each_other_are_a_circle() {
    let child = ("a::b", "use super::Parent; pub struct Child;");
    assert_eq!(sample(&[("a", "mod b; use b::Child; struct Parent;"), child]).len(), 1);
    assert_eq!(sample(&[("a", "mod b; fn f() -> b::Child { b::Child } struct Parent;"), child]).len(), 1);
    assert_eq!(sample(&[("a", "mod b; pub use b::Child; struct Parent;"), child]), []);
}

#[test]
fn what_a_parent_hands_on_is_its_childs() {
    let a = ("a", "mod b; mod c; pub(super) use b::{Leaf as Last, Other};");
    let c = ("a::c", "use super::Other; pub struct C;");
    assert_eq!(sample(&[a, ("a::b", "pub struct Other;"), c]), []);
    let circle = sample(&[a, ("a::b", "use crate::a::c::{self, C};"), c]);
    assert_eq!(circle, [["a::b", "a::c"].map(str::to_owned).into()]);
}
