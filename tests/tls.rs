//! TLS: a loss costs only what was lost, keys may arrive at any packet, and secrets remain secret.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wirefin::capture::{Error, Files, Item, Next, PacketBatch, Saver, Source, Target};
use wirefin::model::{At, KeyOrigin, LinkType, Timestamp};
use wirefin::pipeline::Options;
use wirefin::session::Keys;

use crate::corpus;
use crate::support::judge::Truth;
use crate::support::packets::{Packet, read};
use crate::support::run::{codes, export_from, open, print_from, records, solo};

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tls").join(name)
}

fn key_log(path: &Path) -> Vec<u8> {
    fs::read(path.with_extension("keylog")).unwrap()
}

/// A source whose key log arrives before the packet with a given number.
struct WithKeyLogs {
    packets: Vec<Packet>,
    given: usize,
    keys: Option<(usize, Vec<u8>)>,
    a_batch: usize,
}

impl Source for WithKeyLogs {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        batch.clear();
        for packet in self.packets.iter().skip(self.given).take(self.a_batch) {
            if self.keys.as_ref().is_some_and(|(at, _)| *at == self.given)
                && let Some((_, text)) = self.keys.take()
            {
                batch.items.push(Item::Secrets(KeyOrigin::KeyLog, text.into()));
            }
            self.given += 1;
            let at = At { packet: self.given as u64, time: Timestamp::from_nanos(packet.time) };
            batch.push_packet(at, LinkType(packet.link), packet.original, &packet.data);
        }
        Ok(if batch.is_empty() { Next::End } else { Next::Filled })
    }
}

fn export(packets: Vec<Packet>, keys: Vec<u8>, at: usize, options: &Options) -> String {
    let mut source = WithKeyLogs { packets, given: 0, keys: Some((at, keys)), a_batch: 7 };
    String::from_utf8(export_from(&mut source, options, false).unwrap()).unwrap()
}

const FAMILIES: [&str; 9] = [
    "tls13-aes128-gcm.pcap",
    "tls13-chacha20.pcap",
    "tls13-big-records.pcap",
    "keyupdate-by-server.pcap",
    "record-padding.pcap",
    "tls12-ecdhe-aes256-gcm.pcap",
    "tls12-ecdhe-aes128-sha-mte.pcap",
    "tls12-java-in-front.pcap",
    "tls10-aes128-cbc-sha.pcap",
];

#[test]
fn one_packet_that_is_missing_makes_nothing_wrong_and_does_not_end_decryption() {
    for name in FAMILIES {
        let path = capture(name);
        let (packets, truth) = (read(&path).unwrap(), Truth::beside(&path).unwrap());
        let (mut found, mut all) = (0, 0);
        for lost in 0..packets.len() {
            let mut rest = packets.clone();
            rest.remove(lost);
            let lines = export(rest, key_log(&path), 0, &solo());
            let verdict = truth.judge(&records(&lines));
            assert_eq!(verdict.wrong, 0, "{name} without packet {}: {verdict:?}", lost + 1);
            found += verdict.found;
            all += verdict.found + verdict.missed;
        }
        // Up to TLS 1.2, a connection without its ServerHello cannot be decrypted.
        assert!(found * 10 > all * 7, "{name}: {found} of {all}");
    }
}

/// Java sends it in its own segment; the next record begins with nonce 0, which looks like a plaintext message.
#[test]
fn a_lost_change_cipher_spec_costs_nothing() {
    let path = capture("tls12-java-in-front.pcap");
    let (mut packets, truth) = (read(&path).unwrap(), Truth::beside(&path).unwrap());
    let whole = truth.judge(&records(&export(packets.clone(), key_log(&path), 0, &solo())));
    let before = packets.len();
    packets.retain(|packet| !packet.data.ends_with(b"\x14\x03\x03\0\x01\x01"));
    assert_eq!(packets.len(), before - 1);
    let lines = export(packets, key_log(&path), 0, &solo());
    assert_eq!(truth.judge(&records(&lines)), whole, "{lines}");
    assert_eq!(codes(&lines), [""; 0]);
}

/// Packets of the two sides are captured in another order than sent if each side has its own queue or its own capture.
#[test]
fn packets_of_the_beginning_that_change_places_lose_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut tried = 0;
    for path in ["tls", "h2"].into_iter().flat_map(|name| corpus::below(&folder.join(name))) {
        // Streams joined mid-stream have no beginning, and a SOCKS server that sends first is not one.
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(truth) =
            Truth::beside(&path).filter(|_| !name.contains("joined") && !name.contains("socks"))
        else {
            continue;
        };
        let packets = read(&path).unwrap();
        let (_, options) = open(&path).unwrap();
        let keys = fs::read(path.with_extension("keylog")).unwrap_or_default();
        let show = |packets| truth.judge(&records(&export(packets, keys.clone(), 0, &options)));
        let whole = show(packets.clone());
        for from in 0..packets.len().min(10) {
            for to in from + 1..packets.len().min(from + 4) {
                let mut moved = packets.clone();
                moved[from..=to].rotate_left(1);
                let verdict = show(moved);
                assert_eq!(verdict, whole, "{name}: packet {} behind {}", from + 1, to + 1);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_500, "only {tried}");
}

#[test]
fn keys_may_come_before_any_packet_and_the_output_does_not_depend_on_threads() {
    for name in ["tls13-aes256-gcm.pcap", "tls12-ecdhe-aes128-sha-etm.pcap", "early-data.pcap"] {
        let path = capture(name);
        let (packets, truth) = (read(&path).unwrap(), Truth::beside(&path).unwrap());
        for at in 0..packets.len() {
            let lines = export(packets.clone(), key_log(&path), at, &solo());
            assert!(truth.judge(&records(&lines)).is_right(), "{name}: keys before packet {}", at + 1);
            for threads in [2, 8] {
                let options = Options { threads: NonZeroUsize::new(threads).unwrap(), ..Options::default() };
                assert_eq!(
                    export(packets.clone(), key_log(&path), at, &options),
                    lines,
                    "{name} {at} {threads}"
                );
            }
        }
    }
}

/// Both sides negotiated it in the handshake: neither the preface nor a frame header has to come first.
#[test]
fn http2_that_was_agreed_on_is_read_at_once_whatever_is_lost_of_its_beginning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/h2/node-push.pcap");
    // The client's preface and settings, its first request, the server's settings, and the end of the handshake.
    for lost in [&[9][..], &[9, 13], &[9, 12, 13], &[8, 9, 12, 13]] {
        let packets = (1..).zip(read(&path).unwrap()).take(18).filter(|(number, _)| !lost.contains(number));
        let lines = export(packets.map(|(_, packet)| packet).collect(), key_log(&path), 0, &solo());
        let lines = records(&lines);
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
        let [open] = of("open")[..] else { panic!("without {lost:?}: {lines:?}") };
        assert_eq!((&open["http"], &open["stream"]), (&"2".into(), &3.into()), "without {lost:?}");
        let from: Vec<_> = of("message").iter().map(|message| message["from"].clone()).collect();
        assert_eq!(from, ["client", "server"], "without {lost:?}");
    }
}

/// Exports a source while saving it with its secrets; returns the lines and the files.
fn save(packets: Vec<Packet>, keys: Vec<u8>, at: usize, rotated: bool) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = Target {
        file: folder.path().join("saved.pcapng"),
        with_secrets: true,
        most_bytes: rotated.then_some(2_000),
        ..Target::default()
    };
    let saver = Saver::create(target, Vec::new(), None, None).unwrap();
    let source = WithKeyLogs { packets, given: 0, keys: Some((at, keys)), a_batch: 7 };
    let watcher = saver.clone();
    let keys = Keys::default().watched(Arc::new(move |found| {
        watcher.needs(found.client_random, (found.client, found.server), found.packet);
    }));
    let lines = export_from(&mut saver.watch(Box::new(source)), &Options { keys, ..solo() }, false).unwrap();
    saver.finish().unwrap();
    (String::from_utf8(lines).unwrap(), folder)
}

/// Exports saved files in sequence, without a key log.
fn replay(folder: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lines = export_from(&mut Files::open(&files).unwrap(), &solo(), false).unwrap();
    String::from_utf8(lines).unwrap().replace(r#""keys":"dsb""#, r#""keys":"keylog""#)
}

#[test]
fn what_is_saved_with_its_secrets_replays_the_same_wherever_the_keys_came() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (name, every) in [
        ("tls/tls13-aes256-gcm", 1),
        ("tls/tls12-ecdhe-aes128-sha-etm", 1),
        ("tls/early-data", 3),
        ("tls/tls-in-tls", 5),
        ("tls/renegotiation", 5),
        ("tls/joined-late-13", 5),
        ("tls/several-values-of-a-label", 5),
        ("tls/tls12-resumed-by-ticket", 5),
        ("h2/node-deflate", 5),
    ] {
        let path = folder.join(name).with_extension("pcap");
        let packets = read(&path).unwrap();
        let mut shown = 0;
        for at in (0..packets.len()).step_by(every) {
            for rotated in [false, true] {
                let (lines, saved) = save(packets.clone(), key_log(&path), at, rotated);
                // A malformed line is not a secret, and is not saved.
                let lines: String =
                    lines.split_inclusive('\n').filter(|line| !line.contains("keylog-line")).collect();
                assert_eq!(replay(saved.path()), lines, "{name}: keys before packet {}, {rotated}", at + 1);
                shown += records(&lines).iter().filter(|line| line["type"] == "message").count();
            }
        }
        assert!(shown > 0, "{name}");
    }
}

#[test]
fn secrets_of_connections_that_are_not_saved_are_written_nowhere() {
    let (ours, theirs) = (capture("tls13-aes128-gcm.pcap"), capture("tls13-chacha20.pcap"));
    let keys = [key_log(&theirs), key_log(&ours), key_log(&theirs)].concat();
    let (_, saved) = save(read(&ours).unwrap(), keys, 0, false);
    let bytes = fs::read(saved.path().join("saved.pcapng")).unwrap();
    let holds = |log: &Path| {
        let log = String::from_utf8(key_log(log)).unwrap();
        let lines = log.lines().filter(|line| line.contains("TRAFFIC_SECRET")).map(str::to_owned);
        lines
            .map(|line| bytes.windows(line.len()).any(|at| at == line.as_bytes()))
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((holds(&ours), holds(&theirs)), ([true].into(), [false].into()));
}

/// The second connection is decrypted with the master secret of the first, which is another connection.
#[test]
fn a_session_that_is_resumed_opens_whatever_the_threads() {
    let path = capture("tls12-rsa-resumed-by-id.pcap");
    let truth = Truth::beside(&path).unwrap();
    let show = |threads| {
        let (mut source, options) = open(&path).unwrap();
        let options = Options { threads: NonZeroUsize::new(threads).unwrap(), ..options };
        String::from_utf8(export_from(&mut *source, &options, false).unwrap()).unwrap()
    };
    let lines = show(1);
    assert!(truth.judge(&records(&lines)).is_right(), "{lines}");
    assert_eq!(lines.matches(r#""resumed":true,"early_data":false,"keys":"pem""#).count(), 1);
    for threads in [2, 8] {
        assert_eq!(show(threads), lines, "{threads} threads");
    }
}

/// Go logs no line for a connection that resumes a TLS 1.2 session, which uses the master secret of the first.
#[test]
fn a_session_that_is_resumed_needs_no_line_of_its_own_in_the_key_log() {
    for name in ["tls12-resumed-by-ticket.pcap", "tls12-resumed-by-id.pcap"] {
        let path = capture(name);
        let keys = key_log(&path);
        let first: Vec<u8> = keys.split_inclusive(|byte| *byte == b'\n').next().unwrap().to_vec();
        assert!(first.len() < keys.len(), "{name}");
        let truth = Truth::beside(&path).unwrap();
        for threads in [1, 8] {
            let options = Options { threads: NonZeroUsize::new(threads).unwrap(), ..Options::default() };
            let lines = export(read(&path).unwrap(), first.clone(), 0, &options);
            assert!(truth.judge(&records(&lines)).is_right(), "{name}: {lines}");
        }
    }
}

#[test]
fn a_capture_that_begins_late_is_read_where_that_is_possible() {
    let (mut source, options) = open(&capture("joined-late-13.pcap")).unwrap();
    let lines = String::from_utf8(export_from(&mut *source, &options, false).unwrap()).unwrap();
    assert!(records(&lines).iter().filter(|line| line["type"] == "message").count() > 10, "{lines}");
    let (mut source, options) = open(&capture("joined-late-12.pcap")).unwrap();
    let lines = String::from_utf8(export_from(&mut *source, &options, false).unwrap()).unwrap();
    assert_eq!(codes(&lines), ["tls-handshake-missing"]);
}

#[test]
fn connections_without_keys_are_named_where_a_key_log_is_given() {
    let path = capture("no-keys.pcap");
    let lines = export(read(&path).unwrap(), key_log(&capture("tls13-aes128-gcm.pcap")), 0, &solo());
    assert_eq!(codes(&lines), ["tls-no-keys"]);
    let options = Options { keys: Keys::default().complete(), ..solo() };
    let mut source = WithKeyLogs { packets: read(&path).unwrap(), given: 0, keys: None, a_batch: 64 };
    assert!(export_from(&mut source, &options, false).unwrap().is_empty());
}

/// No output contains a secret.
#[test]
fn no_output_has_a_secret_of_any_capture_in_it() {
    let mut secrets = Vec::new();
    let mut shown = Vec::new();
    for path in corpus::captures() {
        let keylog = path.with_extension("keylog");
        let Ok(text) = fs::read_to_string(&keylog) else { continue };
        secrets.extend(text.lines().filter_map(|line| Some(line.split(' ').nth(2)?.trim().to_lowercase())));
        for verbose in [false, true] {
            let (mut source, options) = open(&path).unwrap();
            shown.extend(export_from(&mut *source, &options, verbose).unwrap());
            let (mut source, options) = open(&path).unwrap();
            shown.extend(print_from(&mut *source, &options, verbose).unwrap());
        }
        for command in [&["stats", "--format", "json"][..], &["explain"], &["check", "--format", "sarif"]] {
            let mut program = assert_cmd::Command::cargo_bin("wirefin").unwrap();
            let output = program.args(command).arg("--keylog").arg(&keylog).arg(&path).output().unwrap();
            assert!(!output.stdout.is_empty(), "{command:?} {}", path.display());
            shown.extend([output.stdout, output.stderr].concat());
        }
    }
    secrets.retain(|secret| secret.len() >= 64);
    assert!(secrets.len() > 100 && shown.len() > 100_000, "{} {}", secrets.len(), shown.len());
    let shown = String::from_utf8_lossy(&shown).to_lowercase();
    // Any 16 bytes of a secret would be too many.
    let known: std::collections::HashSet<_> = secrets.iter().map(|secret| &secret[..32]).collect();
    let windows = shown.as_bytes().windows(32).filter(|window| window.iter().all(u8::is_ascii_hexdigit));
    for window in windows {
        assert!(!known.contains(std::str::from_utf8(window).unwrap()), "a secret is shown");
    }
}

#[test]
fn connections_without_keys_are_named() {
    let mut program = assert_cmd::Command::cargo_bin("wirefin").unwrap();
    let output = program.arg("export").arg(capture("no-keys.pcap")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("without keys")).collect();
    let [line] = lines.as_slice() else { panic!("it is said once: {said}") };
    let (_, names) = line.split_once("without keys: ").unwrap();
    assert!(names.contains("--keylog FILE") && !names.starts_with('…'), "{said}");
}
