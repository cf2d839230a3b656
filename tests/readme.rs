//! The command lines in the README and the documentation are checked against the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wirefin")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "wirefin {arguments:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the names of the commands listed in the help.
fn commands(help: &str) -> BTreeSet<String> {
    let list = help.split_once("Commands:").map_or("", |(_, rest)| rest);
    let lines = list.lines().skip(1).take_while(|line| line.starts_with("  ") || line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Returns the flags in a text: `-x`, `--long`.
fn flags(text: &str) -> BTreeSet<String> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    text.split(ends)
        .filter(|word| {
            let name = word.trim_start_matches('-');
            let dashes = word.len() - name.len();
            let plain = name.starts_with(|c: char| c.is_ascii_alphabetic());
            plain && (dashes == 2 && name.len() > 1 || dashes == 1 && name.len() == 1)
        })
        .map(str::to_owned)
        .collect()
}

/// A command line in the documentation: the name of the command, and the flags.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    command: Option<String>,
    flags: BTreeSet<String>,
}

/// Returns every command line of wirefin in the code of a Markdown text.
fn shown(markdown: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let code: Vec<&str> = if fenced { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        for code in code {
            for line in code.split(['|', ';', '&']) {
                found.extend(command_line(line));
            }
        }
    }
    found
}

fn command_line(text: &str) -> Option<Shown> {
    let text = text.split(" #").next()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "wirefin" || word.ends_with("/wirefin"))?;
    // `cargo run -- …` names the program differently, and a package or a path is not a call.
    let arguments = words.get(at + 1..)?;
    let before = words.get(..at)?;
    if before.iter().any(|word| ["install", "clone", "cd", "-p", "--bin"].contains(word)) {
        return None;
    }
    let command = arguments.first().filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
    let flags = flags(&arguments.join(" "));
    (!arguments.is_empty()).then(|| Shown { command: command.map(|word| (*word).to_owned()), flags })
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md")];
    let docs = std::fs::read_dir(root.join("docs")).into_iter().flatten().map(|entry| entry.unwrap().path());
    files.extend(docs.filter(|path| path.extension().is_some_and(|it| it == "md")));
    files.retain(|path| path.exists());
    files
}

#[test]
fn every_flag_and_command_in_the_documents_is_there() {
    let main = help(&[]);
    let commands = commands(&main);
    assert!(commands.contains("export") && commands.contains("print"), "{commands:?}");
    let helps: BTreeMap<&str, BTreeSet<String>> = commands
        .iter()
        .filter(|name| *name != "help")
        .map(|name| (name.as_str(), flags(&help(&[name]))))
        .collect();
    let bare = flags(&main);
    let mut faults = Vec::new();
    for path in documents() {
        for Shown { command, flags } in shown(&std::fs::read_to_string(&path).unwrap()) {
            let known = match &command {
                None => &bare,
                // Its arguments are commands and topics.
                Some(name) if name == "help" => continue,
                Some(name) => match helps.get(name.as_str()) {
                    Some(known) => known,
                    None => {
                        faults.push(format!("{}: there is no command {name}", path.display()));
                        continue;
                    }
                },
            };
            for flag in flags.difference(known) {
                faults.push(format!(
                    "{}: {} has no {flag}",
                    path.display(),
                    command.as_deref().unwrap_or("wirefin")
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_sample_is_what_the_first_command_prints() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```sh\ncargo run --release -- ").unwrap();
    let (command, rest) = rest.split_once('\n').unwrap();
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    let mut program = assert_cmd::Command::cargo_bin("wirefin").unwrap();
    let output = program.current_dir(root).args(command.split(' ')).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), sample);
}

#[test]
fn command_lines_are_found_in_code_alone() {
    let text = "Run `wirefin export -o out --frames a.pcap` or wirefin --nothing.\n\n```sh\n$ tcpdump -w - | wirefin print -x -\ncargo install wirefin --locked\n```\n";
    let flags = |list: &[&str]| list.iter().map(|flag| (*flag).to_owned()).collect::<BTreeSet<_>>();
    let export = Shown { command: Some("export".into()), flags: flags(&["-o", "--frames"]) };
    let print = Shown { command: Some("print".into()), flags: flags(&["-x"]) };
    assert_eq!(shown(text), [export, print]);
}

#[test]
fn flags_are_told_from_other_words() {
    let found = flags("  -x, --hex  Show `--max-message <SIZE>` and a-b and -- and --x and -ab, -1");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["--hex", "--max-message", "-x"]);
}
