//! The program's exit codes: interruption, outputs that fail, damage, and what cannot be judged.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::folder;
use crate::tiny;
use crate::words::{capture, said};

/// Starts a reader of a pipe that does not end, and waits until its output file exists.
fn endless(folder: &Path, line: &str) -> Child {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("wirefin"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(&tiny::capture()).unwrap();
    let begun = Instant::now();
    while parts(folder).is_empty() || fs::metadata(&parts(folder)[0]).unwrap().len() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn parts(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|it| it == "part")).collect()
}

#[test]
fn what_a_signal_cuts_short_is_no_success_and_keeps_what_was_written() {
    use rustix::process::{Pid, Signal, kill_process};
    for (signal, code, name) in [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM")] {
        let folder = folder();
        let child = endless(folder.path(), "export - -o out.ndjson");
        kill_process(Pid::from_child(&child), signal).unwrap();
        // Standard input remains open until then.
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(&format!("interrupted by {name} after 1.")), "{err}");
        assert!(err.contains("14 packets") && err.contains("is kept in "), "{err}");
        assert!(!folder.path().join("out.ndjson").exists());
        let text = fs::read_to_string(&parts(folder.path())[0]).unwrap();
        assert!(text.ends_with('\n') && text.lines().count() > 9, "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_a_failure_whatever_it_is() {
    let folder = folder();
    for line in [
        "--help",
        "help filter",
        "print --help",
        "man",
        "completions bash",
        "schema",
        "rules",
        "print tiny.pcap",
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = Command::new(assert_cmd::cargo::cargo_bin("wirefin"))
            .current_dir(folder.path())
            .args(line.split_whitespace())
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let err = String::from_utf8(status.stderr).unwrap();
        assert_eq!(status.status.code(), Some(2), "{line}: {err}");
        assert!(err.contains("No space left"), "{line}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_standard_output_is_a_failure_where_something_goes_there() {
    let folder = folder();
    let program = assert_cmd::cargo::cargo_bin("wirefin");
    let closed = |line: &str| {
        let script = format!("{} {line} >&-", program.display());
        let output = Command::new("sh").current_dir(folder.path()).args(["-c", &script]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for line in [
        "print tiny.pcap",
        "export tiny.pcap",
        "check tiny.pcap",
        "--help",
        "man",
        "rules",
        "schema",
        "help filter",
    ] {
        let (code, err) = closed(line);
        assert_eq!(
            (code, err.contains("cannot write standard output: it is closed")),
            (2, true),
            "{line}: {err}"
        );
    }
    assert_eq!(closed("export tiny.pcap -o out.ndjson").0, 0);
}

#[test]
fn a_truncated_input_is_reported_after_what_is_good_of_it() {
    let folder = folder();
    let whole = tiny::capture();
    fs::write(folder.path().join("short.pcap"), &whole[..whole.len() - 7]).unwrap();
    for command in ["print", "export", "stats", "check", "explain"] {
        let (code, out, err) = said(folder.path(), &format!("{command} short.pcap"));
        assert_eq!(code, 2, "{command}: {err}");
        assert!(!out.is_empty() && err.contains("damaged or truncated"), "{command}: {err}");
    }
}

/// Copies the packets of a pcap file to `to`, except those whose numbers, from 1, are in `leave`.
fn copy_without(from: &[u8], leave: &[usize], to: &Path) {
    let (head, mut rest) = from.split_at(24);
    let mut copy = head.to_vec();
    for number in 1.. {
        if rest.is_empty() {
            break;
        }
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (packet, others) = rest.split_at(16 + length);
        if !leave.contains(&number) {
            copy.extend(packet);
        }
        rest = others;
    }
    fs::write(to, copy).unwrap();
}

#[test]
fn a_check_does_not_pass_where_not_everything_could_be_judged() {
    let folder = folder();
    let whole = fs::read(capture("messages/fragments-with-pings-between.pcap")).unwrap();
    let judge = |leave: &[usize], more: &str| {
        copy_without(&whole, leave, &folder.path().join("part.pcap"));
        said(folder.path(), &format!("check part.pcap {more}"))
    };
    let part = "1 conversation could be judged only in part";
    let (code, out, _) = judge(&[], "");
    assert_eq!((code, out.contains("in part")), (0, false), "{out}");
    // The response to the upgrade, and a message.
    for lost in [6, 8] {
        let (code, out, _) = judge(&[lost], "");
        assert_eq!((code, out.contains(part)), (3, true), "{lost}: {out}");
        let (_, out, _) = judge(&[lost], "--format json");
        assert!(out.contains("\"judged_in_part\":1"), "{out}");
    }
    // A user who knows of the loss can ignore it.
    assert_eq!(judge(&[8], "--ignore gap").0, 0);
    let findings = judge(&[8], "--deny gap");
    assert_eq!(findings.0, 1, "{}", findings.1);
}

/// A check does not succeed if a connection may contain a WebSocket but cannot be judged; the summary lists such
/// connections.
#[test]
fn a_check_does_not_pass_where_a_connection_may_be_a_websocket() {
    let folder = folder();
    for (name, code, words) in [
        ("tls/no-keys.pcap", 3, "(1 TLS without keys: 9443 ws.example.test http/1.1; --keylog FILE)"),
        ("tls/connect-proxy.pcap", 3, "(1 TLS without keys: "),
        ("tls/socks5-password.pcap", 3, "(1 TLS without keys: "),
        ("tls/proxy-protocol-v1.pcap", 3, "9443 ws.example.test http/1.1, 9444 ws.example.test http/1.1;"),
        ("negative/http2.pcap", 3, "(1 HTTP/2)"),
        ("negative/noise.pcap", 3, "(1 joined mid-stream)"),
        ("tcp/snap-length-headers-only.pcap", 3, "(1 unknown)"),
        ("tcp/only-client.pcap", 3, "not all is shown: 1 handshake incomplete;"),
        ("tcp/only-server.pcap", 3, "not all is shown: 1 handshake incomplete;"),
        ("tcp/lost-payload.pcap", 3, "not all is shown: 1 message incomplete, 1 gap;"),
        ("negative/mqtt.pcap", 0, "(1 MQTT)"),
        ("http/no-upgrade.pcap", 0, "(1 HTTP without a WebSocket)"),
        ("http/h2c-offer.pcap", 0, "(1 HTTP without a WebSocket)"),
        ("tutorials/sse-curl-gzip.pcap", 0, "1 stream of server-sent events (--also sse shows them)"),
        ("http/upgrade-to-tcp.pcap", 0, "(1 HTTP without a WebSocket)"),
    ] {
        let (found, _, err) = said(folder.path(), &format!("check {}", capture(name)));
        assert_eq!((found, err.contains(words)), (code, true), "{name}: {err}");
        let (found, _, err) = said(folder.path(), &format!("print {}", capture(name)));
        assert_eq!((found, err.contains(words)), (0, true), "{name}: {err}");
    }
}

/// A message filter selects only a part of each conversation; one that matches nothing leaves nothing to judge.
#[test]
fn a_check_or_an_explanation_of_a_part_does_not_pass_for_one_of_the_whole() {
    let folder = folder();
    let broken = capture("rules/unmasked-client-frame.pcap");
    let check = |filter: &str| said(folder.path(), &format!("check {broken} {filter}"));
    assert_eq!((check("").0, check("--conn 1").0, check("-Y opcode==text").0), (1, 1, 1));
    let (code, _, err) = check("-Y opcode==close");
    assert_eq!((code, err.contains("only what matches the filter was judged")), (3, true), "{err}");
    let (code, _, err) = check("--conn 99");
    assert_eq!((code, err.contains("nothing matches conn == 99")), (3, true), "{err}");
    let (code, out, _) = said(folder.path(), &format!("explain {broken} --conn 99"));
    assert_eq!((code, &*out), (0, "0 TCP connections of those that match\n"));
    let (code, _, err) = said(folder.path(), &format!("explain {broken} -Y opcode==text"));
    assert_eq!((code, err.contains("explain describes whole connections")), (2, true), "{err}");
}

#[test]
fn a_half_open_end_is_reported() {
    let folder = folder();
    let whole = tiny::capture();
    let last = 14;
    copy_without(&whole, &[last], &folder.path().join("half.pcap"));
    let (_, out, _) = said(folder.path(), "export half.pcap");
    assert!(out.contains("\"half_closed\":\"server\""), "{out}");
    copy_without(&whole, &[last - 1, last], &folder.path().join("half.pcap"));
    assert!(!said(folder.path(), "export half.pcap").1.contains("half_closed"));
    // Without close frames.
    copy_without(&whole, &[last - 3, last - 2, last], &folder.path().join("half.pcap"));
    let (_, out, _) = said(folder.path(), "explain half.pcap");
    assert!(out.contains("half-open: the server ended its half of TCP, the client did not"), "{out}");
}

#[test]
fn exit_codes_are_reported() {
    let folder = folder();
    let (_, help, _) = said(folder.path(), "--help");
    let (_, man, _) = said(folder.path(), "man");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for code in ["0", "1", "2", "3", "130, 143"] {
        assert!(help.contains(&format!("\n  {code} ")), "{help}");
        assert!(man.contains(&format!("\\fB{code}\\fR")), "{code}");
        assert!(readme.contains(&format!("| {code} |")), "{code}");
    }
}
