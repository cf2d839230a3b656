//! The program from outside: its help, every flag, its messages and exit codes.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

use crate::tiny;

/// Runs the program in `folder`.
pub fn wirefin(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("wirefin").unwrap();
    command.current_dir(folder).args(arguments).env_remove("NO_COLOR").env("COLUMNS", "100");
    command
}

/// Creates a folder with the small captures.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    tiny::write(&path("tiny.pcap"));
    std::fs::write(path("refused.pcap"), tiny::refused()).unwrap();
    std::fs::write(path("http.pcap"), tiny::without_websocket()).unwrap();
    std::fs::write(path("link.pcap"), tiny::unknown_link()).unwrap();
    std::fs::write(path("empty.pcap"), b"").unwrap();
    std::fs::write(path("cut.pcap"), &tiny::capture()[..15]).unwrap();
    std::fs::write(path("text.pcap"), b"Dear reader,\n").unwrap();
    folder
}

pub fn run(folder: &Path, line: &str) -> Output {
    wirefin(folder, &line.split_whitespace().collect::<Vec<_>>()).output().unwrap()
}

/// Formats a run as it looks to the user.
fn shown(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let mut text = format!("$ wirefin {line}\n{stdout}");
    for (name, part) in [("stderr", stderr), ("exit", output.status.code().unwrap().to_string())] {
        if !part.is_empty() && part != "0" {
            text += &["--- ", name, "\n", &part].concat();
        }
    }
    text
}

macro_rules! snapshots {
    ($($name:ident: $($line:literal),+;)*) => {$(
        #[test]
        fn $name() {
            let folder = folder();
            let text = [$($line),+].map(|line| shown(folder.path(), line)).join("\n");
            insta::assert_snapshot!(text);
        }
    )*};
}

snapshots! {
    help: "", "--help", "print --help", "export --help", "export -h", "--version", "stats --help", "check --help",
        "rules --help", "interfaces --help", "view --help", "man --help";
    print: "tiny.pcap", "print tiny.pcap -c 2", "print refused.pcap";
    print_verbose: "print -v tiny.pcap";
    print_hex: "print --hex -c 4 tiny.pcap";
    print_colour: "print --color always -c 1 tiny.pcap";
    export_ndjson: "export tiny.pcap", "export refused.pcap";
    export_json: "export --format json -c 1 tiny.pcap", "export --format json -c 0 tiny.pcap";
    export_frames: "export --frames -c 2 tiny.pcap";
    export_max_message: "export --max-message 3 -c 1 tiny.pcap";
    rules: "rules";
    nothing_found: "print http.pcap", "print -q http.pcap", "export http.pcap";
    bad_input: "print empty.pcap", "print cut.pcap", "print text.pcap", "print .", "print missing.pcap",
        "print link.pcap", "export --format json link.pcap", "print tiny.pcap text.pcap";
    bad_usage: "print", "export --format xml tiny.pcap", "print -c many tiny.pcap", "print --max-message 1T tiny.pcap",
        "print --threads 0 tiny.pcap", "export tiny.pcap -o tiny.pcap", "export tiny.pcap -o missing/out",
        "print -B 1M tiny.pcap", "print -s 100 tiny.pcap", "print -p tiny.pcap", "print --user nobody tiny.pcap",
        "stats -c 1 tiny.pcap", "check -c 1 tiny.pcap", "print -w out -W 0 tiny.pcap", "print -w out -C 0 tiny.pcap",
        "print --follow missing.pcap", "print -i lo tiny.pcap", "tiny.pcap --theme light -x";
}

#[test]
fn bad_input_and_bad_usage_exit_with_2() {
    let folder = folder();
    for line in [
        "",
        "print",
        "print empty.pcap",
        "print missing.pcap",
        "print .",
        "print link.pcap",
        "--no-such-flag",
    ] {
        let output = run(folder.path(), line);
        assert_eq!(output.status.code(), Some(2), "wirefin {line}");
        assert!(!output.stderr.is_empty(), "wirefin {line}");
    }
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let folder = folder();
    let file = run(folder.path(), "export tiny.pcap");
    let pipe = wirefin(folder.path(), &["export", "-"]).write_stdin(tiny::capture()).output().unwrap();
    assert_eq!((pipe.status.code(), pipe.stdout), (Some(0), file.stdout));
}

#[test]
fn the_summary_of_a_counted_run_tells_what_was_written() {
    let folder = folder();
    for (wanted, tally) in [
        (0, "0 conversations, 0 messages, 0 anomalies"),
        (1, "1 conversation, 1 message, 0 anomalies"),
        (3, "1 conversation, 3 messages, 0 anomalies"),
    ] {
        for threads in [1, 2] {
            let line = format!("export --follow -a idle:5 -c {wanted} --threads {threads} tiny.pcap");
            let output = run(folder.path(), &line);
            let [stdout, stderr] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
            assert_eq!(stdout.matches("\"type\":\"message\"").count(), wanted, "{line}");
            assert!(stderr.contains(&format!("wirefin: {tally}\n")), "{line}: {stderr}");
        }
    }
}

#[test]
fn the_files_of_an_unsupported_link_type_are_named() {
    let folder = folder();
    std::fs::copy(folder.path().join("link.pcap"), folder.path().join("more.pcap")).unwrap();
    let stderr = |line: &str| String::from_utf8(run(folder.path(), line).stderr).unwrap();
    assert_eq!(stderr("stats link.pcap"), "wirefin: link.pcap: link type 147 (USER0) is not supported\n");
    assert_eq!(
        stderr("print more.pcap link.pcap"),
        "wirefin: more.pcap and 1 more input: link type 147 (USER0) is not supported\n"
    );
    let text = stderr("print tiny.pcap link.pcap");
    assert!(
        text.contains("could not be read, the first because: link.pcap: link type 147 (USER0) is"),
        "{text}"
    );
    let text = stderr("print --follow -a idle:0.1 link.pcap");
    assert_eq!(text, "wirefin: link.pcap: link type 147 (USER0) is not supported\n");
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let folder = folder();
    let one = run(folder.path(), "export --frames --threads 1 tiny.pcap");
    let four = run(folder.path(), "export --frames --threads 4 tiny.pcap");
    assert_eq!(one.stdout, four.stdout);
    assert!(!one.stdout.is_empty());
}

#[test]
fn a_file_gets_its_name_when_it_is_whole() {
    let folder = folder();
    let names = || -> Vec<PathBuf> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(run(folder.path(), "export link.pcap -o out.ndjson").status.code(), Some(2));
    assert_eq!(names(), before, "a failure leaves nothing behind");
    let output = run(folder.path(), "export tiny.pcap -o out.ndjson");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    let written = std::fs::read(folder.path().join("out.ndjson")).unwrap();
    assert_eq!(written, run(folder.path(), "export tiny.pcap").stdout);
    assert_eq!(names().len(), before.len() + 1);
}

#[test]
fn json_is_one_array_of_the_ndjson_lines() {
    let folder = folder();
    let lines = run(folder.path(), "export --frames tiny.pcap").stdout;
    let lines: Vec<serde_json::Value> =
        String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let array = run(folder.path(), "export --frames --format json tiny.pcap").stdout;
    assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&array).unwrap(), lines);
}

#[test]
fn no_control_character_of_the_wire_reaches_the_output() {
    let folder = folder();
    for line in
        ["print tiny.pcap", "print -v -x tiny.pcap", "export tiny.pcap", "export --format json tiny.pcap"]
    {
        let text = String::from_utf8(run(folder.path(), line).stdout).unwrap();
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(text.contains("red") && !text.contains(bad), "wirefin {line}");
    }
}

#[test]
fn a_closed_pipe_is_success() {
    use std::io::Read;
    use std::process::{Command, Stdio};

    let folder = folder();
    // More than a pipe buffers, so that the program is still writing when its reader closes the pipe. The same packets
    // come repeatedly, which must not be reported.
    let big: Vec<_> = std::iter::repeat_n("tiny.pcap", 200).collect();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("wirefin"))
        .current_dir(folder.path())
        .args(["print", "-q", "-v", "-x"])
        .args(big)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure() {
    let folder = folder();
    let output = run(folder.path(), "export tiny.pcap -o /dev/full");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.starts_with("wirefin: cannot write") && text.contains("No space left"), "{text}");
}
