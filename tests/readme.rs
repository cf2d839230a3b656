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

/// What a user may rely on: flags by command, as help, manual page and completions must have them.
const PROMISED: &[(&str, &[&str])] = &[
    ("explain", &["--format", "--all"]),
    ("check", &["--format", "--deny", "--rules", "--ignore", "--fail-on"]),
    ("print", &["--full", "--width", "--pretty", "--time", "--no-pager", "--template", "--fields"]),
    ("export", &["--format", "-o", "--output", "--frames"]),
    ("stats", &["-f", "--filter", "-Y", "--only"]),
    ("schema", &["--for"]),
];

/// What all commands that read captures have.
const EVERYWHERE: &[&str] = &[
    "--conn",
    "--since",
    "--until",
    "--exit-code",
    "--user",
    "-w",
    "--write",
    "-r",
    "-n",
    "-l",
    "-f",
    "-Y",
    "-q",
];

/// Returns the lines of a completion script that complete the flags of a command.
fn completes(shell: &str, script: &str, command: &str, flag: &str) -> bool {
    let name = flag.trim_start_matches('-');
    match shell {
        "fish" => {
            let letter = if flag.starts_with("--") { "-l" } else { "-s" };
            let known = format!("__fish_wirefin_using_subcommand {command}\"");
            script.lines().any(|line| line.contains(&known) && line.contains(&format!("{letter} {name}")))
        }
        "zsh" => {
            let part = script.split_once(&format!("({command})\n")).map_or("", |(_, rest)| rest);
            let part = part.split_once("\n;;\n").map_or(part, |(part, _)| part);
            let ends = ["=[", "+[", "["].map(|end| format!("{flag}{end}"));
            part.split(['\'', ')', '*']).any(|word| ends.iter().any(|it| word.starts_with(it)))
        }
        _ => {
            let part = script.split_once(&format!("\n        wirefin__subcmd__{command})\n"));
            let part = part.or_else(|| script.split_once(&format!("\n        wirefin__{command})\n")));
            let line = part.and_then(|(_, rest)| rest.lines().find(|line| line.contains("opts=")));
            line.is_some_and(|line| line.split([' ', '"']).any(|word| word == flag))
        }
    }
}

#[test]
fn every_promised_flag_is_in_help_manual_and_completions() {
    let out = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_wirefin")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let manual = out(&["man"]).replace("\\-", "-").replace("\\fB", " ").replace("\\fR", " ");
    let shells = ["bash", "zsh", "fish"].map(|shell| (shell, out(&["completions", shell])));
    for (command, own) in PROMISED {
        let help = flags(&help(&[command]));
        let shared = EVERYWHERE.iter().filter(|_| *command != "schema");
        for flag in own.iter().chain(shared) {
            assert!(help.contains(*flag), "{command} --help has {flag}");
            assert!(flags(&manual).contains(*flag), "the manual page has {flag}");
            for (shell, script) in &shells {
                assert!(completes(shell, script, command, flag), "{shell} completes {command} {flag}");
            }
        }
    }
}

#[test]
fn every_promised_name_of_a_field_is_in_help_and_manual() {
    let output = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_wirefin")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (help, manual) = (output(&["help", "filter"]), output(&["man"]));
    for name in [
        "websocket.opcode",
        "ip.addr",
        "tcp.port",
        "frame.number",
        "frame.time_relative",
        "length",
        "icontains",
        "lower(",
    ] {
        assert!(help.contains(name) && manual.contains(name), "{name}");
    }
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
