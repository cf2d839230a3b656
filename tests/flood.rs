//! Memory stays within bounds at every step, whatever the input and however much of it.
//!
//! Allocations are counted on the test's own thread, on which the run takes place: the peak at any moment counts. Times
//! are never judged.

use std::io;
use std::ops::Range;

use wirefin::capture::Source;
use wirefin::event::{Collector, Control, Event, Kind, Output, Piece, Sink};
use wirefin::model::Side::{self, Client, Server};
use wirefin::pipeline::{Options, run};
use wirefin::session::{Keys, Limits};

use crate::support::dialogue::{
    self, BINARY, CONTINUATION, DEFLATE, Deflater, FIN, RSV1, TEXT, frame, header, request,
};
use crate::support::dice::Dice;
use crate::support::packets::{ACK, BEGIN, End, Held, PSH, Packet, SYN, Talk, segment};
use crate::support::run::solo;

const MIB: u64 = 1 << 20;

/// Counts events and discards them.
#[derive(Default)]
struct Counter(Counted);

/// The number of events.
#[derive(Default)]
struct Counted {
    events: usize,
}

impl Sink for Counter {
    fn event(&mut self, event: &Event<'_>) {
        // Every connection without a WebSocket is reported as unshown; those reports do not count.
        self.0.events += usize::from(!matches!(event.kind, Kind::Unshown(_)));
    }
}

impl Collector for Counter {
    type Piece = Counted;

    fn piece(&mut self) -> &mut Counted {
        &mut self.0
    }
}

impl Piece for Counted {
    fn bytes(&self) -> usize {
        0
    }

    fn mark(&self) -> usize {
        self.events
    }

    fn clear(&mut self) {
        self.events = 0;
    }
}

/// An output that keeps only the number of events.
#[derive(Default)]
struct Nothing {
    events: usize,
}

impl Output for Nothing {
    type Collector = Counter;

    fn collector(&self) -> Counter {
        Counter::default()
    }

    fn take(&mut self, _: &Counted, range: Range<usize>) -> io::Result<Control> {
        self.events += range.len();
        Ok(Control::Continue)
    }

    fn pause(&mut self) -> io::Result<Control> {
        Ok(Control::Continue)
    }
}

/// Runs on packets generated on demand; returns the peak memory and the number of events.
fn flood(packets: impl Iterator<Item = Packet> + Send, options: &Options) -> (u64, usize) {
    let mut source = Held::new(packets, 256);
    let (mut output, source): (_, &mut dyn Source) = (Nothing::default(), &mut source);
    let memory = allocation_counter::measure(|| {
        run(source, options, &mut output).expect("nothing fails here");
    });
    (memory.bytes_max, output.events)
}

fn end(n: u32) -> End {
    let mut ip = n.to_be_bytes();
    ip[0] += 10;
    End { ip, port: 40_000 }
}

const SERVER: End = End { ip: [9, 9, 9, 9], port: 80 };

/// The next segment of the `n`th client, or of its server.
fn packet(n: u32, from: Side, at: u32, flags: u8, payload: &[u8]) -> Packet {
    let time = BEGIN + i64::from(n) * 1000;
    let data = match from {
        Client => segment(end(n), SERVER, 1000 + at, 1, flags, payload),
        Server => segment(SERVER, end(n), at, 1000, flags, payload),
    };
    Packet::raw(time, data)
}

/// Options with these limits per shard.
fn small(limits: &Limits) -> Options {
    Options { limits: *limits, ..solo() }
}

#[test]
fn a_hundred_thousand_half_open_connections() {
    let (memory, events) = flood((0..100_000).map(|n| packet(n, Client, 0, SYN, &[])), &solo());
    assert!(memory < 80 * MIB, "{} KiB", memory >> 10);
    assert_eq!(events, 0);
}

#[test]
fn a_hundred_thousand_upgrades_in_progress() {
    let asked = request("");
    let packets = (0..100_000).flat_map(|n| {
        [
            packet(n, Client, 0, SYN, &[]),
            packet(n, Server, 0, SYN | ACK, &[]),
            packet(n, Client, 1, ACK | PSH, &asked),
        ]
    });
    let (memory, events) = flood(packets, &solo());
    // 1.4 KB each.
    assert!(memory < 136 * MIB, "{} KiB", memory >> 10);
    assert!(events >= 100_000, "each unanswered upgrade is reported");
}

#[test]
fn a_million_idle_flows_of_other_traffic() {
    let packets = (0..1_000_000).flat_map(|n| {
        [
            packet(n, Client, 0, SYN, &[]),
            packet(n, Client, 1, ACK | PSH, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"),
        ]
    });
    let (memory, events) = flood(packets, &Options { keys: Keys::default().complete(), ..solo() });
    assert!(memory < 256 * MIB, "{} KiB", memory >> 10);
    assert_eq!(events, 0);
}

#[test]
fn ciphertext_in_tiny_segments_that_waits_for_keys() {
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    // After a complete record that waits for keys, everything waits.
    hello.extend([23, 3, 3, 0, 32]);
    hello.extend([9; 32]);
    let length = hello.len() as u32;
    let packets = (0..16).flat_map(|n| {
        let first = [packet(n, Client, 0, SYN, &[]), packet(n, Client, 1, ACK | PSH, &hello)];
        let tiny = (0..16_000).map(move |at| packet(n, Client, 1 + length + at, ACK | PSH, &[9]));
        first.into_iter().chain(tiny)
    });
    let (memory, _) = flood(packets, &solo());
    // 256 KiB each, whatever the size of the pieces.
    assert!(memory < 4 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn heads_that_never_end() {
    let limits = Limits { connections: 16, ..Limits::default() };
    let filler = [b'a'; 1000];
    let packets = (0..4000).flat_map(|n| {
        let first = [
            packet(n, Client, 0, SYN, &[]),
            packet(n, Client, 1, ACK, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: "),
        ];
        first.into_iter().chain((0..30).map(move |k| packet(n, Client, 40 + k * 1000, ACK, &filler)))
    });
    let (memory, _) = flood(packets, &small(&limits));
    // 64 shards of 16 connections, each with a head of up to 64 KiB that grew by doubling.
    assert!(memory < 64 * 16 * ((2 * 64) << 10) + 16 * MIB, "{} KiB", memory >> 10);
}

/// The segments of an upgrade whose request is 60,000 bytes longer than necessary.
fn long_upgrade(n: u32) -> Vec<Packet> {
    let mut talk = Talk::new(n);
    let asked = request(&format!("X-Long: {}\r\n", "a".repeat(60_000)));
    asked.chunks(1400).for_each(|piece| talk.send(Client, piece));
    talk.packets
}

#[test]
fn long_requests_without_an_answer() {
    let limits = Limits::within(32 << 20);
    let whole = (0..4_000).flat_map(long_upgrade);
    let (memory, events) = flood(whole, &small(&limits));
    assert!(memory < 40 * MIB, "whole: {} KiB", memory >> 10);
    assert!(events >= 4_000, "each is reported, whether or not it was given up: {events}");
    let cut = (0..4_000).flat_map(|n| {
        let mut packets = long_upgrade(n);
        packets.pop();
        packets
    });
    let (memory, _) = flood(cut, &small(&limits));
    assert!(memory < 40 * MIB, "cut: {} KiB", memory >> 10);
}

/// An open conversation keeps its URL.
#[test]
fn long_urls_of_open_conversations() {
    let packets = (0..4_000).flat_map(|n| {
        let mut talk = Talk::new(n);
        let asked = String::from_utf8(request("")).unwrap().replacen(
            "GET /",
            &format!("GET /{}", "u".repeat(60_000)),
            1,
        );
        asked.as_bytes().chunks(1400).for_each(|piece| talk.send(Client, piece));
        talk.send(Server, &dialogue::answer(""));
        talk.packets
    });
    let (memory, events) = flood(packets, &small(&Limits::within(32 << 20)));
    assert!(memory < 40 * MIB, "{} KiB", memory >> 10);
    assert!(events >= 8_000, "each is opened and closed: {events}");
}

/// Whatever is buffered, successively or interleaved, all of it together stays within the bound.
#[test]
fn everything_at_once() {
    const BOUND: usize = 64 << 20;
    let text: Vec<u8> = (0..30_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let pile = |n: u32| {
        let mut talk = dialogue::upgraded_with(n, DEFLATE);
        match n % 5 {
            0 => return long_upgrade(n),
            1 => (0..40).for_each(|_| talk.send(Client, &frame(Client, TEXT, &[b'u'; 1300]))),
            2 => (0..40).for_each(|_| {
                talk.lose(Server, b"lost");
                talk.send(Server, &[b'h'; 1300]);
            }),
            3 => talk.send(Server, &frame(Server, FIN | RSV1 | TEXT, &Deflater::new().message(&text))),
            _ => {
                talk = h2_talk(n);
                talk.send(Client, &h2(1, 5, 1, &h2_table(n)));
            }
        }
        talk.packets
    };
    let limits = small(&Limits::within(BOUND));
    let (memory, _) = flood((0..10_000).flat_map(pile), &limits);
    assert!(memory < BOUND as u64 + 16 * MIB, "in turns: {} KiB", memory >> 10);
    let sorted = (0..5).flat_map(|kind| (0..2_000).map(move |n| n * 5 + kind)).flat_map(pile);
    let (memory, _) = flood(sorted, &limits);
    assert!(memory < BOUND as u64 + 16 * MIB, "one after the other: {} KiB", memory >> 10);
}

/// One conversation in which `side` sends without end.
fn endless(side: Side, mut bytes: impl FnMut(u32) -> Vec<u8>, count: u32) -> impl Iterator<Item = Packet> {
    let mut talk = dialogue::upgraded(1);
    let opening = std::mem::take(&mut talk.packets);
    opening.into_iter().chain((0..count).flat_map(move |n| {
        talk.send(side, &bytes(n));
        std::mem::take(&mut talk.packets)
    }))
}

#[test]
fn a_message_that_never_ends() {
    let limits = Limits { message: 1 << 20, messages: 2 << 20, ..Limits::default() };
    let first = |n| frame(Server, if n == 0 { TEXT } else { CONTINUATION }, &[b'm'; 1300]);
    let (memory, _) = flood(endless(Server, first, 30_000), &small(&limits));
    assert!(memory < 8 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn a_frame_that_never_ends() {
    let limits = Limits { message: 1 << 20, messages: 2 << 20, ..Limits::default() };
    let bytes = |n| if n == 0 { header(Server, FIN | BINARY, u64::MAX >> 1) } else { vec![b'f'; 1300] };
    let (memory, _) = flood(endless(Server, bytes, 30_000), &small(&limits));
    assert!(memory < 8 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn unfinished_messages_of_many_conversations() {
    let limits = Limits { message: 1 << 20, messages: 256 << 10, ..Limits::default() };
    let packets = (0..3000).flat_map(|n| {
        let mut talk = dialogue::upgraded(n);
        for k in 0..12 {
            let opcode = if k == 0 { TEXT } else { CONTINUATION };
            talk.send(Client, &frame(Client, opcode, &[b'u'; 1300]));
        }
        talk.packets
    });
    let (memory, _) = flood(packets, &small(&limits));
    // 256 KiB of payload per shard, and 3 KiB per conversation; without a bound, 45 MiB of payload.
    assert!(memory < 64 * 256 * 1024 + 3000 * 3072 + 8 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn windows_of_many_conversations() {
    const MANY: u32 = 1500;
    let limits = Limits { inflating: 1, windows: 64 << 10, ..Limits::default() };
    // Each sends 30,000 bytes; once all have, each sends them again, as references to the first.
    let packets = (0..2).flat_map(|round| (0..MANY).map(move |n| (round, n))).flat_map(|(round, n)| {
        let mut dice = Dice::new(u64::from(n));
        let text: Vec<u8> = (0..30_000).map(|_| b"0123456789abcdef"[dice.below(16)]).collect();
        let mut sender = Deflater::new();
        let mut talk = dialogue::upgraded_with(n, DEFLATE);
        talk.send(Server, &frame(Server, FIN | RSV1 | TEXT, &sender.message(&text)));
        let first = std::mem::take(&mut talk.packets);
        talk.send(Server, &frame(Server, FIN | RSV1 | TEXT, &sender.message(&text)));
        if round == 0 { first } else { talk.packets }
    });
    let (memory, events) = flood(packets, &small(&limits));
    // 64 KiB of windows per shard beside the one in use, and a few KiB per conversation; without a bound, 45 MiB more.
    assert!(memory < 64 * (64 + 128) * 1024 + u64::from(MANY) * 4096 + 8 * MIB, "{} KiB", memory >> 10);
    // Opened, two messages, closed, and the lost history of nearly all.
    assert!(events > 4 * MANY as usize + MANY as usize / 2, "{events} events");
}

#[test]
fn segments_behind_holes_in_one_connection_and_in_many() {
    let limits = Limits { waiting: 1 << 20, ..Limits::default() };
    let mut talk = dialogue::upgraded(1);
    let mut packets = std::mem::take(&mut talk.packets);
    for n in 0..20_000_u32 {
        let lost = frame(Server, FIN | TEXT, b"lost");
        talk.lose(Server, &lost);
        talk.send(Server, &frame(Server, FIN | TEXT, &[b'h'; 600]));
        if n % 1000 == 0 {
            packets.append(&mut talk.packets);
        }
    }
    packets.append(&mut talk.packets);
    let (memory, _) = flood(packets.into_iter(), &small(&limits));
    assert!(memory < 16 * MIB, "one: {} KiB", memory >> 10);
    let many = (0..4000).flat_map(|n| {
        let mut talk = dialogue::upgraded(n);
        for _ in 0..20 {
            talk.lose(Server, b"lost");
            talk.send(Server, &[b'h'; 600]);
        }
        talk.packets
    });
    let (memory, _) = flood(many, &small(&Limits { waiting: 128 << 10, ..limits }));
    // 128 KiB per shard, and 3 KiB per conversation; without a bound, 46 MiB are queued.
    assert!(memory < 64 * 128 * 1024 + 4000 * 3072 + 12 * MIB, "many: {} KiB", memory >> 10);
}

#[test]
fn ip_fragments_that_never_become_whole() {
    let packets = (0..200_000_u32).map(|n| {
        let mut data = segment(end(n), SERVER, 1, 1, ACK, &[b'i'; 400]);
        data[4..6].copy_from_slice(&u16::try_from(n % 65_536).unwrap().to_be_bytes());
        // More fragments follow, at an offset of 8 bytes in every other packet.
        data[6..8].copy_from_slice(&[0x20, u8::from(n % 2 == 1)]);
        Packet::raw(BEGIN + i64::from(n) * 1000, data)
    });
    let (memory, _) = flood(packets, &solo());
    assert!(memory < 16 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn streams_joined_late_that_are_nothing() {
    let noise: Vec<u8> = (0..1300_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 21) as u8).collect();
    let packets = (0..40_000).flat_map(|n| {
        let at = n * 7;
        [packet(n, Client, at, ACK, &noise), packet(n, Server, at, ACK, &noise)]
    });
    let (memory, events) = flood(packets, &solo());
    // Whatever may still turn out to be frames is buffered: at most 16 KiB per direction, and 1 MiB per shard.
    assert!(memory < 256 * MIB, "{} KiB", memory >> 10);
    assert_eq!(events, 0, "nothing is found in noise");
}

#[test]
fn connections_that_come_and_go() {
    let some = |count: u32| {
        (0..count).flat_map(|n| {
            let mut talk: Talk = dialogue::upgraded(n);
            talk.send(Client, &frame(Client, FIN | TEXT, b"hello"));
            dialogue::goodbye(&mut talk);
            let later = i64::from(n) * 100_000_000;
            talk.packets.into_iter().map(move |packet| Packet { time: packet.time + later, ..packet })
        })
    };
    let (few, events) = flood(some(2_000), &solo());
    let (many, more) = flood(some(20_000), &solo());
    assert_eq!(events * 10, more);
    assert!(many < few + few / 2, "memory does not grow with the capture: {few} and {many} bytes");
}

/// An HTTP/2 frame.
fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// The settings of both sides of an HTTP/2 connection: the largest tables and frames, and extended CONNECT.
fn h2_talk(n: u32) -> Talk {
    let mut talk = Talk::new(n);
    let settings = h2(4, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff, 0, 5, 0, 0xff, 0xff, 0xff, 0, 8, 0, 0, 0, 1]);
    talk.send(Client, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat());
    talk.send(Server, &settings);
    talk
}

/// A header block that inserts 60 KiB into the table, after a table size update.
fn h2_table(block: u32) -> Vec<u8> {
    let mut bytes = vec![0x3f, 0xe1, 0xff, 0x7f];
    for name in 0..15_u8 {
        bytes.extend([0x40, 1, b'a' + name, 0x7f, 0xa1, 30]);
        bytes.extend(block.to_be_bytes());
        bytes.extend([b'v'; 3996]);
    }
    bytes
}

/// A request for a WebSocket in literals, and its response.
const H2_CONNECT: &[u8] =
    b"\0\x07:method\x07CONNECT\0\x09:protocol\x09websocket\x86\x84\0\x0a:authority\x01a\
    \0\x15sec-websocket-version\x0213";
const H2_ANSWER: &[u8] = &[0x88];

#[test]
fn a_million_streams_of_http_2() {
    let mut talk = h2_talk(1);
    let packets = (0..1_000_000_u32).step_by(40).flat_map(move |first| {
        let all = (first..first + 40).map(|n| h2(1, 5, 2 * n + 1, &[0x82, 0x87, 0x84]));
        talk.send(Client, &all.collect::<Vec<_>>().concat());
        std::mem::take(&mut talk.packets)
    });
    let (memory, events) = flood(packets, &solo());
    assert!(memory < 8 * MIB, "{} KiB", memory >> 10);
    assert_eq!(events, 0);
}

#[test]
fn header_blocks_that_never_end_of_many_connections() {
    let packets = (0..3_000).flat_map(|n| {
        let mut talk = h2_talk(n);
        talk.send(Client, &h2(1, 0, 1, &[0x82]));
        for _ in 0..40 {
            talk.send(Client, &h2(9, 0, 1, &[b'x'; 4_000]));
        }
        talk.packets
    });
    let limits = Limits { waiting: 256 << 10, ..Limits::default() };
    let (memory, _) = flood(packets, &small(&limits));
    // 256 KiB of blocks and tables per shard, and a few KiB per connection.
    assert!(memory < 64 * 512 * 1024 + 3_000 * 4_096 + 16 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn huge_header_tables_of_many_connections() {
    let packets = (0..3_000).flat_map(|n| {
        let mut talk = h2_talk(n);
        for side in [Client, Server] {
            talk.send(side, &h2(1, 5, 1, &h2_table(n)));
        }
        talk.packets
    });
    let limits = Limits { waiting: 256 << 10, ..Limits::default() };
    let (memory, _) = flood(packets, &small(&limits));
    assert!(memory < 64 * 512 * 1024 + 3_000 * 4_096 + 16 * MIB, "{} KiB", memory >> 10);
}

#[test]
fn open_websockets_on_many_streams() {
    let packets = (0..40).flat_map(|n| {
        let mut talk = h2_talk(n);
        for stream in (1..4_000).step_by(2) {
            talk.send(Client, &h2(1, 4, stream, H2_CONNECT));
            talk.send(Server, &h2(1, 4, stream, H2_ANSWER));
            talk.send(Client, &h2(0, 0, stream, &frame(Client, TEXT, b"unfinished")));
        }
        talk.packets
    });
    let (memory, events) = flood(packets, &solo());
    // Of 2,000 streams each, 1,024 are open at once, with a few KiB each.
    assert!(memory < 40 * 1_024 * 4_096 + 16 * MIB, "{} KiB", memory >> 10);
    assert!(events > 40 * 2_000, "each is reported: {events}");
}

/// A real process stays within its bound, too: one connection with all floods at once.
#[cfg(target_os = "linux")]
#[test]
fn a_process_over_floods_of_http_2() {
    let mut talk = h2_talk(1);
    for n in 0..400_u32 {
        talk.send(Client, &h2(1, 4, 4 * n + 1, &h2_table(n)));
        talk.send(Client, &h2(1, 0, 4 * n + 3, &[0x82]));
        for _ in 0..40 {
            talk.send(Client, &h2(9, 0, 4 * n + 3, &[b'x'; 4_000]));
        }
        talk.send(Client, &h2(9, 4, 4 * n + 3, &[]));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), crate::support::packets::pcap(&talk.packets)).unwrap();
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_wirefin"))
        .args(["export", "-q", "--threads", "1"])
        .arg(file.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0_u64;
    while process.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(process.wait().unwrap().success());
    assert!((1..96 << 10).contains(&peak), "{peak} KiB");
}

/// A process that runs out of memory fails like one that cannot write.
#[cfg(target_os = "linux")]
#[test]
fn a_process_without_memory() {
    let mut talk = dialogue::upgraded_with(1, DEFLATE);
    talk.send(Server, &frame(Server, FIN | RSV1 | BINARY, &Deflater::new().message(&vec![0; 512 << 20])));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), crate::support::packets::pcap(&talk.packets)).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 400000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_wirefin")])
        .args(["export", "--threads", "1", "--max-message", "1G", "--memory", "100G"])
        .arg(file.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("memory"), "{told}");
}
