use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use super::super::{FileId, Files, Record};
use super::*;
use crate::model::{At, FlowKey, KeyOrigin, LinkType, Packet, Timestamp, Tunnel};

/// Returns a batch of packets, each given by a time in seconds, an interface, a link type, and bytes.
fn batch(packets: &[(i64, Option<u16>, LinkType, &[u8])]) -> PacketBatch {
    let mut batch = PacketBatch::default();
    for (n, (seconds, interface, link, data)) in packets.iter().enumerate() {
        let length = u32::try_from(data.len()).unwrap();
        let at = At { packet: n as u64 + 1, time: Timestamp::new(*seconds, 123_456_789) };
        batch.push_packet(at, *link, length + 7, data);
        batch.records_mut().last().unwrap().interface = interface.unwrap_or(Record::UNKNOWN);
    }
    batch
}

/// Returns what a file contains: seconds, link type and bytes of each packet.
fn read(path: &Path) -> Vec<(i64, u32, Vec<u8>)> {
    let mut files = Files::open(&[path.to_owned()]).unwrap();
    let (mut batch, mut packets) = (PacketBatch::default(), Vec::new());
    while files.next(&mut batch).unwrap() != Next::End {
        assert_eq!(batch.diagnostics().count(), 0);
        for packet in batch.packets() {
            assert_eq!(packet.at.time.as_nanos() % 1_000_000_000, 123_456_789);
            assert_eq!(packet.original_length as usize, packet.data.len() + 7);
            packets.push((packet.at.time.as_nanos() / 1_000_000_000, packet.link.0, packet.data.to_vec()));
        }
    }
    packets
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn target(folder: &Path) -> Target {
    Target { file: folder.join("out.pcapng"), ..Target::default() }
}

#[test]
fn what_was_saved_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let eth = Description {
        name: "eth0".into(),
        filter: Some("tcp port 80".into()),
        link: LinkType::ETHERNET,
        snap_length: 65_535,
    };
    let raw = Description { name: "tun0".into(), link: LinkType::RAW, ..Description::default() };
    let saver = Saver::create(target(folder.path()), vec![eth, raw], None, None).unwrap();
    saver
        .lock()
        .take(&mut batch(&[(1, Some(0), LinkType::ETHERNET, b"one"), (2, Some(1), LinkType::RAW, b"four")]));
    // Before the end, as after a crash: everything passed to the saver is there.
    let path = folder.path().join("out.pcapng");
    assert_eq!(read(&path), [(1, 1, b"one".to_vec()), (2, 101, b"four".to_vec())]);
    saver.lock().take(&mut batch(&[(3, None, LinkType::NULL, b"")]));
    assert_eq!(saver.finish().unwrap(), 3);
    assert_eq!(read(&path).last(), Some(&(3, 0, Vec::new())));
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.windows(4).any(|at| at == b"eth0") && bytes.windows(12).any(|at| at == b"\0tcp port 80"));
}

#[test]
fn files_begin_anew_by_size_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let rotated = Target { most_bytes: Some(500), files: Some(2), ..target(folder.path()) };
    let saver = Saver::create(rotated, Vec::new(), None, None).unwrap();
    for second in 0..10 {
        saver.lock().take(&mut batch(&[(second, None, LinkType::ETHERNET, &[7; 200])]));
    }
    saver.finish().unwrap();
    assert_eq!(names(folder.path()), ["out_00004.pcapng", "out_00005.pcapng"]);
    let seconds = |name| read(&folder.path().join(name)).iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!((seconds("out_00004.pcapng"), seconds("out_00005.pcapng")), (vec![6, 7], vec![8, 9]));
}

/// The endpoints of all connections.
const ENDS: (Endpoint, Endpoint) = (
    Endpoint { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 1 },
    Endpoint { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 2 },
);

/// Returns a key log line for the connection with a number.
fn line(of: u8, length: usize) -> Vec<u8> {
    let name = format!("{of:02x}").repeat(32);
    format!("CLIENT_RANDOM {name} {}\n", char::from(b'a' + of).to_string().repeat(length)).into_bytes()
}

/// Saves one packet per batch, each preceded by a line of that length for the connection with its number; if `needed`
/// returns a packet, the line is found to be needed there. Returns what was reported.
fn save_secrets(target: Target, length: usize, needed: impl Fn(u8) -> Option<u64>) -> Vec<Anomaly> {
    let saver = Saver::create(target, Vec::new(), None, None).unwrap();
    let mut reported = Vec::new();
    for last in 0..8_u8 {
        let mut batch = batch(&[(last.into(), None, LinkType::ETHERNET, b"x")]);
        batch.records_mut().for_each(|record| record.at.packet = u64::from(last) + 1);
        batch.items.insert(0, Item::Secrets(KeyOrigin::KeyLog, line(last, length).into()));
        saver.take(&mut batch);
        reported.extend(batch.diagnostics().cloned());
        for of in 0..=last {
            if let Some(packet) = needed(of).filter(|packet| *packet <= u64::from(last) + 1) {
                saver.needs([of; 32], ENDS, packet);
            }
        }
    }
    saver.finish().unwrap();
    reported
}

/// Lists what a file contains: the numbers of secrets, and `x` for each packet.
fn order(path: &Path) -> String {
    let mut files = Files::open(&[path.to_owned()]).unwrap();
    let (mut batch, mut all) = (PacketBatch::default(), String::new());
    while files.next(&mut batch).unwrap() != Next::End {
        for item in &batch.items {
            match item {
                Item::Secrets(_, text) => {
                    let names = text.split(|byte| *byte == b'\n').filter_map(|line| line.get(15));
                    all.extend(names.map(|digit| char::from(*digit)));
                }
                _ => all.push('x'),
            }
        }
    }
    all
}

#[test]
fn secrets_stand_before_the_packet_that_needs_them_and_those_of_others_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target { with_secrets: true, ..target(folder.path()) };
    let path = target.file.clone();
    // The second comes after the packet that needs it.
    let needed = |of| [Some(6), Some(1), None, Some(4)].get(usize::from(of)).copied().flatten();
    assert_eq!(save_secrets(target, 96, needed), []);
    assert_eq!(order(&path), "x1xx3xx0xxx");
    let bytes = fs::read(path).unwrap();
    assert!(!bytes.windows(64).any(|at| at == [b'c'; 64]), "unused secrets");
}

#[test]
fn secrets_stand_in_each_file_the_newest_as_far_as_they_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let rotated = Target { most_bytes: Some(1), with_secrets: true, ..target(folder.path()) };
    let reported = save_secrets(rotated, SECRETS / 2, |of| Some(u64::from(of) + 1));
    let limits = reported.iter().map(|anomaly| match anomaly {
        Anomaly::LimitReached { limit, .. } => *limit,
        other => panic!("{other:?}"),
    });
    assert_eq!(limits.collect::<std::collections::BTreeSet<_>>(), ["secrets in each file"].into());
    let all: Vec<_> = names(folder.path()).iter().map(|name| order(&folder.path().join(name))).collect();
    // Secrets are written before their packet begins the next file, so they are in both.
    assert_eq!(all, ["0x1", "1x2", "2x3", "3x4", "4x5", "5x6", "6x7", "7x"], "{all:?}");
}

#[test]
fn files_begin_anew_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let rotated = Target { most_time: Some(Duration::from_secs(10)), ..target(folder.path()) };
    let saver = Saver::create(rotated, Vec::new(), None, None).unwrap();
    for second in [0, 9, 10, 11, 40] {
        saver.lock().take(&mut batch(&[(second, None, LinkType::ETHERNET, b"x")]));
    }
    saver.finish().unwrap();
    let all: Vec<_> = names(folder.path()).iter().map(|name| read(&folder.path().join(name)).len()).collect();
    assert_eq!(all, [2, 2, 1]);
}

#[test]
fn input_that_takes_a_later_name_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("out_00002.pcapng");
    fs::write(&input, "packets").unwrap();
    let spared = Vec::from_iter(FileId::at(&input));
    let rotated = Target { most_bytes: Some(500), spared, ..target(folder.path()) };
    let saver = Saver::create(rotated, Vec::new(), None, None).unwrap();
    let mut reported = Vec::new();
    for second in 0..10 {
        let mut batch = batch(&[(second, None, LinkType::ETHERNET, &[7; 200])]);
        saver.lock().take(&mut batch);
        reported.extend(batch.diagnostics().cloned());
    }
    assert!(matches!(reported.as_slice(), [Anomaly::NotSaved { .. }]), "{reported:?}");
    let error = saver.finish().unwrap_err().to_string();
    assert!(error.ends_with("out_00002.pcapng: it is an input, and would be lost"), "{error}");
    assert_eq!(fs::read(&input).unwrap(), b"packets");
    assert_eq!(names(folder.path()), ["out_00001.pcapng", "out_00002.pcapng"]);
}

#[test]
fn names_are_told_by_their_numbers() {
    let makes = |file: &str, name: &str| {
        Target { file: file.into(), most_bytes: Some(1), ..Target::default() }.makes(OsStr::new(name))
    };
    for name in ["a_00001.pcap", "a_00000.pcap", "a_99999.pcap", "a_100000.pcap"] {
        assert!(makes("x/a.pcap", name), "{name}");
    }
    for name in [
        "a.pcap",
        "a_1.pcap",
        "a_000001.pcap",
        "a_00001",
        "a_00001.pcapng",
        "b_00001.pcap",
        "a_.pcap",
        "a_0000x.pcap",
    ] {
        assert!(!makes("x/a.pcap", name), "{name}");
    }
    assert!(makes("a", "a_00001") && makes("a.b.c", "a.b_00002.c"));
    assert!(target(Path::new("x")).makes(OsStr::new("out.pcapng")));
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_said_once_and_what_was_written_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let saver = Saver::create(target(folder.path()), Vec::new(), None, None).unwrap();
    saver.lock().take(&mut batch(&[(1, None, LinkType::ETHERNET, b"kept")]));
    saver.lock().out.file = Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut second = batch(&[(2, None, LinkType::ETHERNET, b"lost")]);
    saver.lock().take(&mut second);
    let reported: Vec<_> = second.diagnostics().collect();
    assert!(matches!(reported.as_slice(), [Anomaly::NotSaved { .. }]), "{reported:?}");
    let mut third = batch(&[(3, None, LinkType::ETHERNET, b"lost")]);
    saver.lock().take(&mut third);
    assert_eq!(third.diagnostics().count(), 0);
    assert!(saver.finish().unwrap_err().to_string().contains("No space left"));
    assert_eq!(read(&folder.path().join("out.pcapng")).len(), 1);
}

/// A sorter for which the first byte is the connection, `.` meaning none; `S` as the second byte begins it.
struct ByFirstByte;

fn end(port: u8) -> Endpoint {
    Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), u16::from(port))
}

impl Sorter for ByFirstByte {
    fn belongs(&mut self, packet: &Packet<'_>) -> Belongs {
        match packet.data {
            [] | [b'.', ..] => Belongs::Nothing,
            [b'f', ..] => Belongs::Fragment,
            [port, rest @ ..] => Belongs::To {
                key: FlowKey { low: end(0), high: end(*port), tunnel: Tunnel::NONE },
                begins: rest.first() == Some(&b'S'),
            },
        }
    }
}

fn chosen(folder: &Path, batches: &[(&[(i64, &str)], &str)]) -> Vec<String> {
    let saver = Saver::create(target(folder), Vec::new(), None, Some(Box::new(ByFirstByte))).unwrap();
    for (packets, keep) in batches {
        let packets: Vec<_> =
            packets.iter().map(|(time, data)| (*time, None, LinkType::ETHERNET, data.as_bytes())).collect();
        saver.lock().take(&mut batch(&packets));
        for port in keep.bytes() {
            saver.keep(end(port), end(0));
        }
    }
    saver.finish().unwrap();
    read(&folder.join("out.pcapng")).into_iter().map(|it| String::from_utf8(it.2).unwrap()).collect()
}

#[test]
fn only_connections_that_became_websockets_are_kept_handshakes_included() {
    let folder = tempfile::tempdir().unwrap();
    let kept = chosen(
        folder.path(),
        &[(&[(1, "aS"), (1, "bS"), (1, ".udp"), (1, "f1"), (1, "a1")], "a"), (&[(2, "b2"), (2, "a2")], "")],
    );
    assert_eq!(kept, ["aS", "f1", "a1", "a2"]);
}

#[test]
fn decision_that_comes_late_keeps_the_handshake_too() {
    let folder = tempfile::tempdir().unwrap();
    let quiet: (&[(i64, &str)], &str) = (&[(50, "c1")], "");
    let kept =
        chosen(folder.path(), &[(&[(1, "aS"), (2, "a1")], ""), quiet, quiet, quiet, (&[(90, "a2")], "a")]);
    assert_eq!(kept, ["aS", "a1", "a2"]);
}

#[test]
fn same_addresses_again_are_decided_anew() {
    let folder = tempfile::tempdir().unwrap();
    let kept = chosen(folder.path(), &[(&[(1, "aS"), (1, "a1")], "a"), (&[(5, "aS"), (5, "a2")], "")]);
    assert_eq!(kept, ["aS", "a1"]);
}

#[test]
fn undecided_connections_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let saver = Saver::create(target(folder.path()), Vec::new(), None, Some(Box::new(ByFirstByte))).unwrap();
    let data = vec![b'a'; 60_000];
    for second in 0..3000 {
        saver.lock().take(&mut batch(&[(second, None, LinkType::ETHERNET, &data)]));
        let inner = saver.lock();
        let held = inner.chosen.as_ref().unwrap().held();
        assert!(held <= (256 << 10) + 5 * 60_100, "{held} after {second}");
    }
    saver.keep(end(b'a'), end(0));
    assert!(saver.finish().unwrap() >= 4);
}
