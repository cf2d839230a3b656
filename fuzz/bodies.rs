//! The bodies of the fuzz targets; the ordinary tests replay the seeds through the same functions.
//!
//! A body panics if a promise of the module that does not depend on the input is broken, in addition to what panics on
//! its own.

// Each target uses one of them.
#![allow(dead_code)]

mod talk;

use std::io::Cursor;
use std::num::NonZeroUsize;

use wirefin::capture::{Files, Next, PacketBatch, Source};
use wirefin::export::{AnyFormat, Formatted, Settings};
use wirefin::filter::{Filter, complete};
use wirefin::http::{self, HttpTracker};
use wirefin::http2::{self, Connection};
use wirefin::model::{
    At, DeflateSide, Endpoint, Flags, Flow, KeyOrigin, LinkType, Lost, Packet, Segment, SenderClock, Seq,
    Side, Timestamp, Tunnel,
};
use wirefin::pipeline::{Options, run};
use wirefin::subprotocol::{self, MAX_UNITS, Opening, Reader};
use wirefin::tls::{self, KeyLog, Stream};
use wirefin::websocket::deflate::{self, Inflater};
use wirefin::websocket::{Frames, Missing, Opcode, Payload, Piece};
use wirefin::wire::{Decoded, Decoder};
use wirefin::{session, tcp};

pub use talk::talk;

/// A body with its name, for replaying seeds.
pub type Body = (&'static str, fn(&[u8]));

/// All bodies.
pub const ALL: [Body; 15] = [
    ("pcap", pcap),
    ("pcapng", pcapng),
    ("wire", wire),
    ("tcp", tcp),
    ("http", http),
    ("http2", http2),
    ("hpack", hpack),
    ("frames", frames),
    ("deflate", deflate),
    ("session", session),
    ("talk", talk),
    ("filter", filter),
    ("subprotocol", subprotocol),
    ("tls", tls),
    ("keylog", keylog),
];

/// A reader of numbers from the start of the input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Reads a file of any kind: packets are within their batch, numbered in ascending order, and never go back in time.
pub fn pcap(data: &[u8]) {
    let mut files = Files::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())));
    let (mut round, mut last) =
        (PacketBatch::default(), At { packet: 0, time: Timestamp::from_nanos(i64::MIN) });
    while let Ok(next) = files.next(&mut round) {
        for (packet, record) in round.packets().zip(round.records()) {
            assert_eq!(packet.data.len(), record.length as usize, "a packet is within its batch");
            assert!(packet.at.packet > last.packet && packet.at.time >= last.time);
            last = packet.at;
        }
        if next == Next::End {
            break;
        }
        assert!(round.bytes.capacity() <= (64 << 20) + data.len() * 4, "a false length costs no memory");
    }
}

/// Reads blocks after the header of a pcapng section and an interface.
pub fn pcapng(data: &[u8]) {
    const START: &[u8] =
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0\
        \x01\0\0\0\x14\0\0\0\x65\0\0\0\0\0\x04\0\x14\0\0\0";
    pcap(&[START, data].concat());
}

/// Decodes packets, each given by link type, number of truncated bytes, length, and bytes.
pub fn wire(data: &[u8]) {
    const LINKS: [u32; 8] = [1, 0, 101, 108, 113, 228, 229, 276];
    let mut decoder = Decoder::default();
    let (mut input, mut time) = (Input(data), 0);
    while let (Some(link), Some(cut), Some(length)) = (input.byte(), input.byte(), input.u16()) {
        let bytes = input.take(usize::from(length));
        time += 100_000_000;
        let packet = Packet {
            at: At { packet: 1, time: Timestamp::from_nanos(time) },
            link: LinkType(LINKS[usize::from(link) % LINKS.len()]),
            original_length: u32::try_from(bytes.len()).unwrap() + u32::from(cut),
            data: bytes,
        };
        if let Decoded::Tcp(segment) = decoder.decode(&packet) {
            assert!(segment.payload.len() <= 1 << 16);
        }
        while decoder.next_anomaly().is_some() {}
    }
}

/// Builds a segment of a side with the given sequence and acknowledgement numbers.
fn segment(from: Side, flags: Flags, [seq, ack]: [u32; 2], payload: &[u8]) -> Segment<'_> {
    let end = |side| Endpoint::new([10, 0, 0, 1].into(), if side == Side::Client { 4000 } else { 80 });
    Segment {
        flow: Flow { source: end(from), destination: end(!from), tunnel: Tunnel::NONE },
        seq: Seq(seq),
        ack: Seq(ack),
        flags,
        window: 1000,
        header: &[],
        payload,
        offset: None,
        cut: 0,
        packet_length: 0,
        stamp: SenderClock::default(),
    }
}

/// Passes segments to a connection: the bytes and gaps of each side are contiguous, and the queued bytes never exceed
/// the limits.
pub fn tcp(data: &[u8]) {
    let limits = tcp::Limits { waiting_bytes: 32 << 10, waiting_pieces: 200, ..tcp::Limits::default() };
    let mut connection = tcp::Connection::new(&limits);
    let (mut input, mut packet) = (Input(data), 0);
    let (mut ended, mut position) = ([false; 2], [0; 2]);
    let mut drain = |mut delivery: tcp::Delivery<'_, '_>| {
        while let Some(output) = delivery.next() {
            let (side, length, ends) = match output {
                tcp::Output::Bytes { side, start, bytes, .. } => {
                    assert!(!bytes.is_empty());
                    assert_eq!(start, position[usize::from(side == Side::Server)]);
                    (side, bytes.len() as u64, false)
                }
                tcp::Output::Duplicate { side, start, bytes } => {
                    let end = start + bytes.len() as u64;
                    assert!(start < end && end <= position[usize::from(side == Side::Server)]);
                    continue;
                }
                tcp::Output::Gap { side, length, .. } => {
                    assert!(length > 0);
                    (side, length, false)
                }
                tcp::Output::End { side, .. } => (side, 0, true),
                tcp::Output::Anomaly { .. } => continue,
            };
            position[usize::from(side == Side::Server)] += length;
            let ended = &mut ended[usize::from(side == Side::Server)];
            assert!(!*ended, "nothing comes after the end");
            *ended = ends;
        }
    };
    while let (Some(what), Some(seq), Some(ack)) = (input.byte(), input.u16(), input.u16()) {
        packet += 1;
        let at = At { packet, time: Timestamp::from_nanos(i64::try_from(packet).unwrap() * 50_000_000) };
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        let length = if what & 2 == 0 { usize::from(what >> 4) } else { usize::from(what >> 4) * 100 };
        let flags = match (what >> 2) & 3 {
            0 | 1 => Flags::ACK,
            2 => Flags(input.byte().unwrap_or(0)),
            _ => Flags::ACK.with(Flags::PSH),
        };
        // Around the point at which sequence numbers wrap.
        let [seq, ack] = [seq, ack].map(|it| u32::from(it).wrapping_sub(0x8000));
        let stamp = SenderClock { clock: packet as u32 / 2, id: 0 };
        let segment = Segment { stamp, ..segment(side, flags, [seq, ack], input.take(length)) };
        drain(connection.push(side, &segment, at));
        if packet % 7 == 0 {
            drain(connection.advance(at.time));
        }
        assert!(connection.waiting() <= 2 * (64 << 10), "{} bytes wait", connection.waiting());
    }
    drain(connection.finish());
}

/// Passes bytes and gaps of both sides to the HTTP tracker of a connection.
pub fn http(data: &[u8]) {
    let mut exchanges =
        HttpTracker::new(http::Limits { head: 4 << 10, early: 2 << 10, ..http::Limits::default() });
    let mut input = Input(data);
    while let (Some(what), Some(length)) = (input.byte(), input.u16()) {
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        let bytes = input.take(usize::from(length));
        match what >> 5 {
            7 => exchanges.gap(side, Lost::Exact(u64::from(length))),
            6 => exchanges.end(side),
            _ => assert!(exchanges.push(side, bytes) <= bytes.len()),
        }
        while let Some(output) = exchanges.next() {
            if output == http::Output::Tunnel {
                let _ = exchanges.take_early(side);
                let authority = exchanges.take_authority();
                exchanges = HttpTracker::new(http::Limits::default()).with_authority(authority);
            }
        }
        assert!(exchanges.allocated() <= 64 << 10, "{} bytes are held", exchanges.allocated());
    }
}

/// Follows an HTTP/2 connection: its memory is bounded, and the result does not depend on how its bytes are split.
pub fn http2(data: &[u8]) {
    let Some((&start, rest)) = data.split_first() else { return };
    let whole = http2_of(start, rest, usize::MAX);
    let pieces = http2_of(start, rest, usize::from(start >> 2) + 1);
    assert!(whole.is_none() || whole == pieces);
}

/// Returns the reports about a connection whose bytes come in pieces of at most `longest`; `None` if frames were
/// searched for.
fn http2_of(start: u8, data: &[u8], longest: usize) -> Option<Vec<String>> {
    let limits =
        http2::Limits { table: 4 << 10, block: 4 << 10, search: 4 << 10, ..http2::Limits::default() };
    let mut connection = match start & 3 {
        0 => Connection::mid_stream(limits),
        1 => Connection::upgraded(limits),
        _ => Connection::new(limits),
    };
    let (mut input, mut reported, mut searched) = (Input(data), Vec::new(), false);
    while let (Some(what), Some(length)) = (input.byte(), input.u16()) {
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        searched |= connection.is_searching(Side::Client) || connection.is_searching(Side::Server);
        let mut drain = |mut delivery: http2::Delivery<'_, '_>| {
            while let Some(output) = delivery.next() {
                match output {
                    http2::Output::Data { stream, side, bytes } => {
                        reported.extend(bytes.iter().map(|byte| format!("{stream} {side:?} {byte}")));
                    }
                    other => reported.push(format!("{other:?}")),
                }
            }
        };
        match what >> 5 {
            7 => drain(connection.gap(side, Lost::Exact(u64::from(length)))),
            6 => drain(connection.gap(side, Lost::Unknown { least: u64::from(length) })),
            5 => drain(connection.end(side)),
            _ => {
                for piece in input.take(usize::from(length)).chunks(longest) {
                    drain(connection.push(side, piece));
                }
            }
        }
        assert!(connection.allocated() <= 2 << 20, "{} bytes are held", connection.allocated());
    }
    (!searched).then_some(reported)
}

/// Decodes length-prefixed header blocks of HTTP/2 on a connection followed from its start or joined mid-stream.
pub fn hpack(data: &[u8]) {
    let Some((&start, rest)) = data.split_first() else { return };
    let limits = http2::Limits { table: 4 << 10, ..http2::Limits::default() };
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut connection =
        if start & 1 == 0 { Connection::new(limits) } else { Connection::mid_stream(limits) };
    let mut push = |bytes: &[u8]| {
        let mut delivery = connection.push(Side::Client, bytes);
        while let Some(output) = delivery.next() {
            if let http2::Output::Opened { request, .. } = output {
                let known = request.iter().filter(|field| field.name.is_some()).count();
                assert_eq!(known + request.unknown(), request.len());
                assert!(request.iter().all(|field| field.name.is_none() || field.value.is_some()));
            }
        }
        assert!(connection.allocated() <= 2 << 20);
    };
    push(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // As many frames as are required to accept a connection joined mid-stream.
    (0..3).for_each(|_| push(&frame(4, 0, 0, &[])));
    let mut input = Input(rest);
    for stream in (1..).step_by(2) {
        let Some(length) = input.byte() else { break };
        push(&frame(1, 4, stream, input.take(usize::from(length))));
    }
}

/// Parses bytes into frames, complete and in pieces, with the same result.
pub fn frames(data: &[u8]) {
    let Some((&size, bytes)) = data.split_first() else { return };
    let whole = frames_of(&[bytes]);
    let pieces: Vec<_> = bytes.chunks(usize::from(size % 32) + 1).collect();
    assert_eq!(whole, frames_of(&pieces));
}

/// Returns the header and position of each frame, with its payload.
fn frames_of(pieces: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
    let (mut frames, mut found): (_, Vec<(String, Vec<u8>)>) = (Frames::default(), Vec::new());
    for mut piece in pieces.iter().copied() {
        while let Some(next) = frames.next(&mut piece) {
            match next {
                Piece::Header { header, offset } => found.push((format!("{header:?} {offset}"), Vec::new())),
                Piece::Payload { bytes, position } => {
                    let payload = &mut found.last_mut().expect("payload follows a header").1;
                    assert_eq!(payload.len() as u64, position);
                    payload.extend_from_slice(bytes);
                }
                Piece::End => {}
            }
        }
    }
    found
}

/// Inflates messages complete and in pieces, with the same result; then with a gap, which must merely not fail.
pub fn deflate(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let side = DeflateSide { no_context_takeover: how & 1 != 0, max_window_bits: 8 + (how >> 1) % 8 };
    let whole = inflated(&mut Inflater::new(side, deflate::Limits::default()), bytes, usize::MAX, false);
    let size = usize::from(how >> 4) + 1;
    let pieces = inflated(&mut Inflater::new(side, deflate::Limits::default()), bytes, size, false);
    assert_eq!(whole, pieces);
    inflated(&mut Inflater::mid_stream(deflate::Limits::default()), bytes, size, true);
}

/// Inflates length-prefixed messages; returns the known bytes of each and what is missing.
fn inflated(inflater: &mut Inflater, bytes: &[u8], size: usize, gaps: bool) -> Vec<(Vec<u8>, String)> {
    let (mut input, mut messages) = (Input(bytes), Vec::new());
    while let Some(length) = input.u16() {
        let mut out = Payload::new(1 << 20);
        out.clear(false);
        let message = input.take(usize::from(length));
        for (n, piece) in message.chunks(size.max(1)).enumerate() {
            inflater.push(piece, &mut out);
            if gaps && n == 3 {
                inflater.gap(&mut out);
            }
        }
        inflater.finish(&mut out);
        while inflater.next_anomaly().is_some() {}
        assert!(out.bytes().len() as u64 <= out.length());
        messages.push((out.bytes().to_vec(), format!("{} {:?}", out.length(), out.missing())));
        if messages.len() > 64 {
            break;
        }
    }
    messages
}

/// Runs the entire pipeline from a capture to NDJSON, with small limits: every line is a JSON object.
pub fn session(data: &[u8]) {
    let limits = session::Limits {
        message: 64 << 10,
        messages: 128 << 10,
        waiting: 64 << 10,
        connections: 8,
        ..session::Limits::default()
    };
    let options = Options { threads: NonZeroUsize::MIN, limits, ..Options::default() };
    let format = AnyFormat::new("ndjson", &Settings { frames: true, ..Settings::default() })
        .expect("it is in the list");
    let mut output = Formatted::new(format, Vec::new(), None);
    let mut files = Files::from_reader("fuzz", Box::new(Cursor::new(data.to_vec())));
    if run(&mut files, &options, &mut output).is_ok() {
        let text = String::from_utf8(output.finish().expect("memory takes all")).expect("it is UTF-8");
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
            assert!(value["type"].is_string());
        }
    }
}

/// Parses a filter and completes it at every position: a filter that is printed and parsed again is the same, and an
/// error points into the text.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            let shown = filter.to_string();
            let again = Filter::parse(&shown).unwrap_or_else(|fault| panic!("{shown}: {}", fault.caret()));
            assert_eq!(again.to_string(), shown);
        }
        Err(fault) => {
            assert!((1..=text.chars().count() + 1).contains(&fault.column()), "{}", fault.caret());
        }
    }
    for cursor in (0..=text.len()).filter(|at| text.is_char_boundary(*at)).take(64) {
        let _ = complete(text, cursor);
    }
}

/// Reads messages as those of one sub-protocol, or determines it: units are bounded and derived from what was sent, and
/// memory is bounded.
pub fn subprotocol(data: &[u8]) {
    let mut input = Input(data);
    let Some(which) = input.byte() else { return };
    let names: Vec<_> = subprotocol::names().collect();
    let opening = Opening { target: Some("/".into()), ..Opening::default() };
    let mut reader = match names.get(usize::from(which)) {
        Some(name) => Reader::named(name, &opening).expect("it is one of the names"),
        None => Reader::new(opening),
    };
    let (mut packet, mut sent) = (0, 0);
    while let (Some(flags), Some(length)) = (input.byte(), input.u16()) {
        let bytes = input.take(usize::from(length));
        let from = if flags & 1 == 0 { Side::Client } else { Side::Server };
        let opcode = if flags & 2 == 0 { Opcode::TEXT } else { Opcode::BINARY };
        if flags & 4 != 0 {
            reader.lost(from);
        }
        // Bytes may be missing inside it, or an unknown number at its end.
        let (offset, lost) = (bytes.len() as u64 / 2, u64::from(flags >> 4));
        let missing = match flags & 8 {
            0 => None,
            _ if lost == 0 => Some(Missing { offset: bytes.len() as u64, length: None }),
            _ => Some(Missing { offset, length: Some(lost) }),
        };
        let known = missing.and_then(|it| it.length).unwrap_or(0);
        packet += 1;
        sent += bytes.len();
        let at = At { packet, time: Timestamp::from_nanos(packet as i64 * 1_000_000) };
        let message = subprotocol::Input {
            from,
            opcode,
            bytes,
            missing: missing.as_slice(),
            length: bytes.len() as u64 + known,
            first: at,
            at,
        };
        let meaning = reader.message(&message);
        assert!(meaning.units().count() <= MAX_UNITS);
        for unit in meaning.units() {
            let _ = (unit.name(), unit.error(), unit.fields().count());
            // Inflated contents may be longer than the message.
            let bounded =
                unit.protocol() == "discord" || unit.body().is_none_or(|body| body.bytes.len() <= sent);
            assert!(bounded, "{unit:?}");
        }
        assert!(reader.allocated() < 64 << 20, "{}", reader.allocated());
    }
    reader.end(At::default(), true, Some(4401));
}

/// A key log, followed by bytes and gaps of both sides: the queued input stays within the bound.
pub fn tls(data: &[u8]) {
    let mut input = Input(data);
    let options = input.byte().unwrap_or_default();
    let length = usize::from(input.u16().unwrap_or_default());
    let mut keys = KeyLog::default();
    keys.add(KeyOrigin::KeyLog, input.take(length));
    let limits = tls::Limits { held: 4_096, trials: 1 << 12 };
    let mut stream = if options & 1 == 0 { Stream::new(limits) } else { Stream::mid_stream(limits) };
    let empty = KeyLog::default();
    let mut known = if options & 2 == 0 { &keys } else { &empty };
    let mut number = 0;
    while let (Some(what), Some(length)) = (input.byte(), input.u16()) {
        number += 1;
        let at = At { packet: number, ..At::default() };
        let side = if what & 1 == 0 { Side::Client } else { Side::Server };
        match what >> 1 & 3 {
            0 | 1 => stream.push(side, input.take(usize::from(length)), at, known),
            2 => stream.gap(side, Lost::Exact(u64::from(length)), at),
            _ => {
                known = &keys;
                stream.learn(known);
            }
        }
        while stream.next(known).is_some() {}
        assert!(stream.held() <= limits.held);
    }
    let at = At { packet: number + 1, ..At::default() };
    stream.end(Side::Client, at);
    stream.end(Side::Server, at);
    stream.finish(at, known);
    while stream.next(known).is_some() {}
}

/// A key log has no fewer secrets if it is added line by line, because repeated ones count once within one addition.
pub fn keylog(data: &[u8]) {
    let (mut whole, mut lines) = (KeyLog::default(), KeyLog::default());
    whole.add(KeyOrigin::KeyLog, data);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        lines.add(KeyOrigin::KeyLog, line);
    }
    assert!(lines.secrets() >= whole.secrets());
}
