//! The output is the same, byte for byte, at any number of threads, and however the capture is passed on.

use std::fmt::Write as _;
use std::io::{self, Cursor, Read};
use std::num::NonZeroUsize;
use std::process::Command;

use wirefin::capture::Files;
use wirefin::model::Side;
use wirefin::pipeline::Options;
use wirefin::session::Limits;

use crate::corpus;
use crate::support::dialogue::{self, BINARY, DEFLATE, Deflater, FIN, RSV1, TEXT, frame, request};
use crate::support::dice::Dice;
use crate::support::judge::sha1;
use crate::support::packets::{ACK, BEGIN, Packet, Talk, pcap};
use crate::support::run::{export_from, print_from, solo};

/// Generates a small connection: a conversation, or other traffic.
fn mouse(n: u32) -> Vec<Packet> {
    if n % 8 == 6 {
        return late_mouse(n);
    }
    let mut talk = match n % 4 {
        0 | 1 => dialogue::upgraded(n),
        _ => Talk::new(n),
    };
    match n % 4 {
        0 => {
            talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, format!("mouse {n}").as_bytes()));
            talk.send(Side::Server, &frame(Side::Server, FIN | BINARY, &n.to_be_bytes()));
            dialogue::goodbye(&mut talk);
        }
        // A conversation with a loss that is given up after some time.
        1 => {
            talk.lose(Side::Server, &frame(Side::Server, FIN | TEXT, b"lost"));
            talk.send(Side::Server, &frame(Side::Server, FIN | TEXT, b"behind the hole"));
            talk.put(Side::Client, ACK, &[]);
            talk.wait(2_000_000_000);
            talk.send(Side::Client, &frame(Side::Client, FIN | TEXT, b"late"));
        }
        2 => talk.send(Side::Client, &[22, 3, 1, 2, 0, 1, 0, 1]),
        _ => {
            talk.send(Side::Client, &request(""));
            talk.send(Side::Server, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            talk.end();
        }
    }
    talk.packets
}

/// Generates a conversation whose beginning was not captured: it is reported once it is known to be a WebSocket, after
/// later packets of others. A header is also lost, and searched for.
fn late_mouse(n: u32) -> Vec<Packet> {
    let mut talk = Talk::silent(n);
    for k in 0..12 {
        let text = format!("mouse {n} says its sentence number {k}, as it does");
        let frame = frame(Side::Server, FIN | TEXT, text.as_bytes());
        if k == 7 {
            talk.lose(Side::Server, &frame);
        } else {
            talk.send(Side::Server, &frame);
        }
        talk.put(Side::Client, ACK, &[]);
        talk.wait(300_000_000);
    }
    talk.packets
}

/// Generates a connection of many messages among `mice` small ones, all at the same time.
fn zoo(mice: u32, messages: u32) -> Vec<Packet> {
    let mut elephant = dialogue::upgraded(0);
    for n in 0..messages {
        let side = if n % 3 == 0 { Side::Client } else { Side::Server };
        elephant
            .send(side, &frame(side, FIN | TEXT, format!("elephant {n}: {}", "x".repeat(200)).as_bytes()));
    }
    let span = elephant.packets.last().unwrap().time - BEGIN;
    let mut packets = elephant.packets;
    for n in 1..=mice {
        let later = span / i64::from(mice + 1) * i64::from(n);
        packets.extend(mouse(n).into_iter().map(|packet| Packet { time: packet.time + later, ..packet }));
    }
    packets.sort_by_key(|packet| packet.time);
    packets
}

/// Generates conversations that each send a compressed text and, once all have, send it again as a reference to the
/// first.
fn repeaters(count: u32) -> Vec<Packet> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for n in 20_000..20_000 + count {
        let (mut talk, mut sender) = (dialogue::upgraded_with(n, DEFLATE), Deflater::new());
        let text = format!("{n} says what it said before, {}", n * 7919);
        talk.send(Side::Server, &frame(Side::Server, FIN | RSV1 | TEXT, &sender.message(text.as_bytes())));
        first.append(&mut talk.packets);
        talk.send(Side::Server, &frame(Side::Server, FIN | RSV1 | TEXT, &sender.message(text.as_bytes())));
        again.append(&mut talk.packets);
    }
    first.append(&mut again);
    first
}

fn threads(n: usize) -> Options {
    Options { threads: NonZeroUsize::new(n).unwrap(), ..Options::default() }
}

fn files(capture: &[u8]) -> Files {
    Files::from_reader("zoo", Box::new(Cursor::new(capture.to_vec())))
}

/// Reports where two outputs differ, instead of printing megabytes.
fn same(one: &[u8], other: &[u8], what: &str) {
    let at = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let show = |text: &[u8]| {
        String::from_utf8_lossy(&text[at.saturating_sub(200)..(at + 200).min(text.len())]).into_owned()
    };
    assert!(one == other, "{what}: from byte {at}\n one: {}\n other: {}", show(one), show(other));
}

#[test]
fn an_elephant_among_ten_thousand_mice() {
    let capture = pcap(&zoo(10_000, 20_000));
    let one = export_from(&mut files(&capture), &solo(), false).unwrap();
    let lines = one.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines > 20_000 + 2_500 * 6, "{lines} lines");
    for n in [2, 3, 8, 64] {
        same(&one, &export_from(&mut files(&capture), &threads(n), false).unwrap(), &format!("{n} threads"));
    }
}

#[test]
fn frames_and_print_too() {
    let capture = pcap(&zoo(400, 2_000));
    let frames = export_from(&mut files(&capture), &solo(), true).unwrap();
    let print = print_from(&mut files(&capture), &solo(), true).unwrap();
    assert!(frames.len() > 400_000 && print.len() > 400_000);
    let packet = |line: &serde_json::Value| line["packet"].as_u64().unwrap();
    let lines = crate::support::run::records(std::str::from_utf8(&frames).unwrap());
    let back = lines.windows(2).filter(|pair| packet(&pair[1]) < packet(&pair[0])).count();
    assert!(back > 40, "lines of {back} searches follow later packets");
    for n in [2, 3, 8, 64] {
        same(
            &frames,
            &export_from(&mut files(&capture), &threads(n), true).unwrap(),
            &format!("{n} threads"),
        );
        same(
            &print,
            &print_from(&mut files(&capture), &threads(n), true).unwrap(),
            &format!("print, {n} threads"),
        );
    }
}

#[test]
fn bounds_are_reached_alike_in_every_run() {
    let mut packets = zoo(400, 200);
    packets.extend(repeaters(300));
    let capture = pcap(&packets);
    let unlimited = export_from(&mut files(&capture), &solo(), false).unwrap();
    let few =
        Limits { connections: 2, waiting: 20 << 10, searched: 1 << 10, inflating: 1, ..Limits::default() };
    let small = Limits { inflating: 0, windows: 16, ..Limits::default() };
    for (limits, rule) in [(few, "limit-reached"), (small, "deflate-history-lost")] {
        let limited = |n| Options { limits, ..threads(n) };
        let one = export_from(&mut files(&capture), &limited(1), false).unwrap();
        assert!(String::from_utf8_lossy(&one).contains(rule), "{rule}");
        assert!(one != unlimited, "no bound was reached");
        for run in 0..10 {
            for n in [1, 2, 8] {
                let other = export_from(&mut files(&capture), &limited(n), false).unwrap();
                same(&one, &other, &format!("run {run}, {n} threads"));
            }
        }
    }
}

/// Bounds so small that the zoo reaches them, each with the limits that set it.
const BOUNDS: [(&str, fn(&mut Limits)); 5] = [
    ("bytes of all connections", |limits| limits.memory = 8 << 10),
    ("connections", |limits| limits.connections = 2),
    ("bytes out of order", |limits| limits.waiting = 20 << 10),
    ("bytes searched", |limits| limits.searched = 1 << 10),
    ("bytes of a message", |limits| limits.message = 100),
];

/// Exports the zoo under each bound and returns digests of the output.
fn digests() -> String {
    let capture = pcap(&zoo(400, 200));
    let mut digests = String::new();
    let unlimited = export_from(&mut files(&capture), &solo(), false).unwrap();
    for (name, limit) in BOUNDS {
        for n in [1, 2, 8] {
            let mut options = threads(n);
            limit(&mut options.limits);
            let output = export_from(&mut files(&capture), &options, false).unwrap();
            assert!(output != unlimited, "the bound of {name} was not reached");
            writeln!(digests, "digest of {name}: {}", sha1(&output)).unwrap();
        }
    }
    digests
}

/// Ten processes reach each bound identically, at any number of threads.
///
/// If `WIREFIN_DIGESTS` is set, this process is one of them.
#[test]
fn bounds_are_reached_alike_in_every_process() {
    if std::env::var_os("WIREFIN_DIGESTS").is_some() {
        print!("{}", digests());
        return;
    }
    let expected = digests();
    let of_bound: Vec<_> = expected.lines().collect();
    assert!(of_bound.chunks(3).all(|three| three.iter().all(|it| *it == three[0])), "{expected}");
    for process in 0..10 {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "threads::bounds_are_reached_alike_in_every_process", "--nocapture"])
            .env("WIREFIN_DIGESTS", "1")
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let told: Vec<_> =
            output.lines().filter_map(|line| line.find("digest of").map(|at| &line[at..])).collect();
        assert_eq!(told, of_bound, "process {process}");
    }
}

/// A reader that returns pieces of any size.
struct Dribble {
    rest: Cursor<Vec<u8>>,
    dice: Dice,
    most: usize,
}

impl Read for Dribble {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = (1 + self.dice.below(self.most)).min(into.len());
        self.rest.read(&mut into[..most])
    }
}

fn dribble(capture: &[u8], seed: u64, most: usize) -> Files {
    let rest = Cursor::new(capture.to_vec());
    Files::from_reader("zoo", Box::new(Dribble { rest, dice: Dice::new(seed), most }))
}

#[test]
fn a_pipe_in_dribbles_gives_the_same_as_the_file() {
    let capture = pcap(&zoo(300, 1_000));
    let whole = export_from(&mut files(&capture), &solo(), true).unwrap();
    for (seed, most, n) in [(1, 7_000, 1), (2, 90, 1), (3, 60_000, 3), (4, 700, 3), (5, 300_000, 8)] {
        let pieces = export_from(&mut dribble(&capture, seed, most), &threads(n), true).unwrap();
        same(&whole, &pieces, &format!("pieces up to {most} bytes, {n} threads"));
    }
}

#[test]
fn every_capture_of_the_corpus_gives_the_same() {
    let mut compared = 0;
    for path in corpus::captures() {
        let capture = std::fs::read(&path).unwrap();
        let Ok(whole) = export_from(&mut files(&capture), &solo(), true) else { continue };
        compared += 1;
        let what = path.display().to_string();
        same(&whole, &export_from(&mut files(&capture), &threads(3), true).unwrap(), &what);
        let pieces = export_from(&mut dribble(&capture, 9, 300), &threads(2), true).unwrap();
        same(&whole, &pieces, &what);
    }
    assert!(compared > 200, "only {compared} captures were compared");
}
