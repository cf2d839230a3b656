//! Packets and events saved in files: no existing file is lost, and nothing is lost unreported.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::cli::{folder, run};
use crate::tiny;

/// Runs a line that must be refused with these words and must not change anything in the folder.
fn refused(folder: &Path, line: &str, words: &str) {
    let before = contents(folder);
    let output = run(folder, line);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}: {said}");
    assert!(said.contains(words), "{line}: {said}");
    assert!(contents(folder) == before, "{line} changes nothing");
}

/// Returns every file of the folder with its contents.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut all: Vec<_> = entries
        .map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap_or_default()))
        .collect();
    all.sort();
    all
}

#[test]
fn packets_are_not_saved_over_an_input_whatever_its_number() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["x_00001.pcapng", "x_00007.pcapng", "x_123456.pcapng"] {
        fs::rename(path("tiny.pcap"), path(name)).unwrap();
        let lost = format!("{name} is an input: it would be lost");
        refused(folder.path(), &format!("export -w x.pcapng -C 3 {name}"), &lost);
        refused(folder.path(), &format!("export -w ./x.pcapng -G 3 http.pcap ./{name}"), &lost);
        fs::rename(path(name), path("tiny.pcap")).unwrap();
    }
    symlink("tiny.pcap", path("x_00002.pcapng")).unwrap();
    refused(folder.path(), "export -w x.pcapng -C 3 tiny.pcap", "tiny.pcap is an input: it would be lost");
    fs::remove_file(path("x_00002.pcapng")).unwrap();
    fs::hard_link(path("tiny.pcap"), path("x_00002.pcapng")).unwrap();
    refused(folder.path(), "export -w x.pcapng -C 3 tiny.pcap", "tiny.pcap is an input: it would be lost");
    refused(folder.path(), "export -w x_00002.pcapng tiny.pcap", "tiny.pcap is an input: it would be lost");
    // Other names are permitted, and so is the one from which the numbered names are derived.
    assert_eq!(run(folder.path(), "export -w y.pcapng -C 3 x_00002.pcapng").status.code(), Some(0));
    assert_eq!(run(folder.path(), "export -w tiny.pcap -C 3 tiny.pcap").status.code(), Some(0));
    assert!(path("y_00001.pcapng").exists() && path("tiny_00001.pcap").exists());
}

#[test]
fn packets_and_output_do_not_share_a_file() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("sub")).unwrap();
    symlink("../new", path("sub/link")).unwrap();
    let words = "the packets and the output cannot both be written to ";
    for (write, output) in [("new", "new"), ("new", "./sub/../new"), ("new", "sub/link"), ("sub/link", "new")]
    {
        refused(
            folder.path(),
            &format!("export tiny.pcap -w {write} -o {output}"),
            &format!("{words}{output}"),
        );
    }
    refused(folder.path(), "stats tiny.pcap -w x.pcapng -C 3 -o x_00004.pcapng", words);
    fs::write(path("new"), "old").unwrap();
    refused(folder.path(), "export tiny.pcap -w new -o sub/link", words);
    fs::hard_link(path("new"), path("other")).unwrap();
    refused(folder.path(), "export tiny.pcap -w new -o other", words);
    // A device that swallows everything can be named twice.
    assert_eq!(run(folder.path(), "export tiny.pcap -w /dev/null -o /dev/null").status.code(), Some(0));
}

#[test]
fn packets_are_not_saved_where_standard_output_goes() {
    let folder = folder();
    let file = fs::File::create(folder.path().join("both")).unwrap();
    let output = child(folder.path(), "export tiny.pcap -w both").stdout(file).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains("cannot both be written to standard output"), "{output:?}");
    assert_eq!(fs::read(folder.path().join("both")).unwrap(), b"");
}

#[test]
fn what_is_saved_is_not_followed() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("sub")).unwrap();
    for name in ["r-1.pcap", "y_00007.pcapng"] {
        fs::copy(path("tiny.pcap"), path(name)).unwrap();
    }
    symlink("../r-9.pcap", path("sub/link")).unwrap();
    for (followed, save) in [
        ("r-1.pcap", "-w r-3.pcap"),
        ("./r-1.pcap", "-w sub/../r-12.pcap"),
        ("r-1.pcap", "-w sub/link"),
        ("r-0.pcap", "-w r-3.pcap"),
        ("y_00007.pcapng", "-w y.pcapng -C 3"),
        ("y_00007.pcapng", "-w y_00009.pcapng"),
    ] {
        let words = "would be read as the next file of";
        refused(folder.path(), &format!("export --follow {followed} {save} -a idle:0.2"), words);
    }
    for save in ["-w saved.pcapng", "-w sub/r-3.pcap", "-w r-1.pcap -C 3"] {
        let output = run(folder.path(), &format!("export --follow r-1.pcap {save} -a idle:0.2"));
        assert_eq!(output.status.code(), Some(0), "{save}: {output:?}");
    }
    refused(folder.path(), "print --follow -", "standard input is read until it ends without it");
}

#[test]
fn packets_go_to_standard_output_where_events_go_to_a_file() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let output = run(folder.path(), "export tiny.pcap -w - -o events.ndjson");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(run(folder.path(), "export tiny.pcap -w file.pcapng -o other.ndjson").status.code(), Some(0));
    assert!(output.stdout == fs::read(path("file.pcapng")).unwrap());
    assert_eq!(fs::read(path("events.ndjson")).unwrap(), fs::read(path("other.ndjson")).unwrap());
    assert!(!path("-").exists());
    let both = "the packets and the output cannot both be written to";
    refused(folder.path(), "export tiny.pcap -w -", both);
    refused(folder.path(), "export tiny.pcap -w - -o -", both);
    refused(folder.path(), "export tiny.pcap -w - -o /dev/stdout", both);
    refused(folder.path(), "export tiny.pcap -w /dev/stdout", both);
    refused(folder.path(), "view tiny.pcap -w -", both);
    refused(folder.path(), "export tiny.pcap -o out -w - -C 3", "standard output is one stream");
    assert_eq!(run(folder.path(), "export tiny.pcap -w ./- -o out").status.code(), Some(0));
    assert!(path("-").exists());
}

/// Repeats the small capture, so that it exceeds any buffer.
fn many(times: usize) -> Vec<u8> {
    let capture = tiny::capture();
    let mut all = capture[..24].to_vec();
    (0..times).for_each(|_| all.extend_from_slice(&capture[24..]));
    all
}

fn child(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirefin"));
    command.current_dir(folder).args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn reader_who_leaves_ends_standard_output_and_breaks_a_named_pipe() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("big.pcap"), many(2000)).unwrap();
    // Standard output: the reader closes it early.
    let mut run = child(folder.path(), "export -q big.pcap -w - -o events.ndjson").spawn().unwrap();
    run.stdout.take().unwrap().read_exact(&mut [0; 4]).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
    let events = fs::read_to_string(path("events.ndjson")).unwrap();
    assert!(!events.contains("not-saved") && events.ends_with('\n'));
    // A named pipe: the packets could not be saved.
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let run = child(folder.path(), "export -q big.pcap -w pipe -o events.ndjson").spawn().unwrap();
    fs::File::open(path("pipe")).unwrap().read_exact(&mut [0; 4]).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains("not all packets were saved: pipe: Broken pipe"), "{output:?}");
    assert!(fs::read_to_string(path("events.ndjson")).unwrap().contains("not-saved"));
}

/// Runs a line with a file size limit of a few kilobytes, which simulates a full disk.
fn on_a_full_disk(folder: &Path, line: &str) -> Output {
    let limited = format!("trap '' XFSZ; ulimit -f 8; exec \"$0\" {line}");
    let program = env!("CARGO_BIN_EXE_wirefin");
    Command::new("sh").current_dir(folder).args(["-c", &limited, program]).output().unwrap()
}

#[test]
fn output_that_cannot_be_made_again_is_kept_up_to_its_last_whole_line() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("big.pcap"), many(100)).unwrap();
    fs::write(path("out.ndjson"), "old").unwrap();
    let names = || contents(folder.path()).into_iter().map(|it| it.0).collect::<Vec<_>>();
    let before = names();
    // If the input can be read again, no partial output is kept.
    let output = on_a_full_disk(folder.path(), "export -q big.pcap -o out.ndjson");
    assert_eq!((output.status.code(), names()), (Some(2), before.clone()), "{output:?}");
    assert!(said(&output).starts_with("wirefin: cannot write out.ndjson: File too large"), "{output:?}");
    // If the input is followed or comes through a pipe, the partial output is kept.
    for line in ["export --follow big.pcap -a idle:0.2 -o out.ndjson", "export - -o out.ndjson < big.pcap"] {
        let output = on_a_full_disk(folder.path(), line);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let kept: Vec<_> = names().into_iter().filter(|name| !before.contains(name)).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        let said = said(&output);
        assert!(said.contains("is kept in ") && said.contains(&kept[0]), "{said}");
        assert!(said.contains("wirefin: cannot write out.ndjson: File too large"), "{said}");
        let text = fs::read_to_string(path(&kept[0])).unwrap();
        let whole = text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert!(whole && text.ends_with('\n') && text.lines().count() > 5, "{text}");
        assert_eq!(fs::read_to_string(path("out.ndjson")).unwrap(), "old");
        fs::remove_file(path(&kept[0])).unwrap();
    }
}

#[test]
fn an_output_takes_the_place_of_no_input_however_it_is_read() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let before = fs::read(path("tiny.pcap")).unwrap();
    let line = "export --follow tiny.pcap -o tiny.pcap1 -a idle:0.1";
    refused(
        folder.path(),
        line,
        "cannot write tiny.pcap1: it would be one of the files that follow tiny.pcap",
    );
    let input = fs::File::open(path("tiny.pcap")).unwrap();
    let output = child(folder.path(), "export - -o tiny.pcap").stdin(input).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("cannot write tiny.pcap: it is an input, and would be lost"));
    assert_eq!(fs::read(path("tiny.pcap")).unwrap(), before);
    // A dangling link remains a link.
    symlink("made.ndjson", path("link")).unwrap();
    assert!(run(folder.path(), "export -q tiny.pcap -o link").status.success());
    assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
    assert!(path("made.ndjson").exists());
}
