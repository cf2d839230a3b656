//! Tests of what a store keeps, drops and returns.

use super::*;
use crate::event::{Anomaly, ConnId, Event, Kind, Message, Missing, Opcode, Sink};
use crate::model::{Severity, Side};
use crate::view::samples;
use std::num::NonZeroU64;

fn conn(n: u64) -> Option<ConnId> {
    NonZeroU64::new(n).map(ConnId::new)
}

fn put(batch: &mut Batch, n: u64, packet: u64, kind: Kind<'_>) {
    batch.event(&Event::new(conn(n), samples::at(packet, packet * 1000), kind));
}

/// A conversation with events of every kind.
fn story() -> Batch {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, Kind::Opened(&samples::opened()));
    put(&mut batch, 4, 12, Kind::Frame(samples::frame(Side::Client, Opcode::TEXT, 5, 0)));
    put(&mut batch, 4, 12, Kind::Message(samples::message(Side::Client, Opcode::TEXT, b"hello")));
    // Three fragments with a ping between them.
    let mut first = samples::frame(Side::Server, Opcode::BINARY, 2, 0);
    first.header.fin = false;
    put(&mut batch, 4, 13, Kind::Frame(first));
    put(&mut batch, 4, 14, Kind::Frame(samples::frame(Side::Server, Opcode::PING, 4, 4)));
    put(&mut batch, 4, 14, Kind::Message(samples::message(Side::Server, Opcode::PING, b"tick")));
    let mut middle = samples::frame(Side::Server, Opcode::CONTINUATION, 300, 10);
    middle.header.fin = false;
    middle.header.header_length = 4;
    put(&mut batch, 4, 15, Kind::Frame(middle));
    put(&mut batch, 4, 16, Kind::Frame(samples::frame(Side::Server, Opcode::CONTINUATION, 1, 314)));
    let payload = [7; 303];
    let mut fragmented = samples::message(Side::Server, Opcode::BINARY, &payload);
    fragmented.wire.frames = 3;
    fragmented.missing = samples::HOLES;
    put(&mut batch, 4, 16, Kind::Message(fragmented));
    let anomaly = Anomaly::UnmaskedClientFrame { offset: 7 };
    put(&mut batch, 4, 17, Kind::Anomaly { from: Some(Side::Client), anomaly: &anomaly });
    put(&mut batch, 4, 18, Kind::Message(samples::close(Side::Client, b"\x03\xe8bye")));
    put(&mut batch, 4, 19, Kind::Closed(&samples::closed()));
    batch
}

fn filled(batch: &Batch, bounds: Bounds) -> Store {
    let mut store = Store::new(bounds);
    store.add(batch, 0..batch.mark());
    store
}

#[derive(Default)]
struct Heard(Vec<String>);

impl Sink for Heard {
    fn event(&mut self, event: &Event<'_>) {
        // Frames are reported with their message, so their own packet is not known any more.
        match &event.kind {
            Kind::Frame(frame) => self.0.push(format!("{frame:?}")),
            kind => self.0.push(format!("{:?} {:?} {kind:?}", event.conn, event.at)),
        }
    }

    fn wants_frames(&self) -> bool {
        true
    }
}

#[test]
fn tells_again_what_it_was_told() {
    let mut store = filled(&story(), Bounds::default());
    let mut heard = Heard::default();
    for number in 0..u32::try_from(store.len()).unwrap() {
        assert_eq!(store.replay(number, &mut heard), Ok(()));
    }
    insta::assert_snapshot!(heard.0.join("\n"));
}

#[test]
fn counts_what_each_conversation_sent() {
    let mut batch = story();
    put(&mut batch, 20, 20, Kind::Rejected(&samples::refused()));
    put(&mut batch, 21, 21, Kind::Opened(&samples::opened()));
    let store = filled(&batch, Bounds::default());
    let states: Vec<State> = store.conversations().iter().map(|conversation| conversation.state).collect();
    assert_eq!(states, [State::Closed, State::Failed, State::Open]);
    let first = &store.conversations()[0];
    assert_eq!((first.messages(), first.totals.client.messages, first.totals.server.frames), (4, 2, 4));
    assert_eq!((first.anomalies, first.worst()), ([0, 0, 1], Some(Severity::Error)));
    assert_eq!((first.name().as_str(), first.subprotocol()), ("host:9001/path?x=1", Some("chat")));
    assert_eq!(store.totals().client.messages + store.totals().server.messages, 4);
    assert_eq!(store.anomalies_from(0).collect::<Vec<_>>(), [4]);
}

/// Fills a store like the pipeline and checks its bounds at every step.
fn flood(bounds: Bounds, messages: u32, length: usize) -> Shared {
    let store = Shared::new(bounds);
    let mut batch = Batch::default();
    for n in 0..messages {
        let payload: Vec<u8> = (0..length).map(|at| (n as usize + at) as u8).collect();
        batch.clear();
        put(
            &mut batch,
            1,
            u64::from(n) + 1,
            Kind::Message(samples::message(Side::Client, Opcode::BINARY, &payload)),
        );
        store.add(&batch, 0..batch.mark());
        let allocated = store.lock().allocated();
        // A chunk being filled and one being written may exceed the bound.
        let slack = 3 * payloads::CHUNK as u64;
        assert!(allocated <= bounds.memory + slack, "{allocated} bytes after {n} messages");
        let (spooled, _) = store.lock().spooled();
        assert!(spooled <= bounds.spool, "{spooled} bytes in the file after {n} messages");
    }
    store
}

#[test]
fn old_payloads_are_read_back_from_the_file() {
    let bounds = Bounds { memory: 16 << 20, ..Bounds::default() };
    let shared = flood(bounds, 300, 200_000);
    let mut store = shared.lock();
    assert!(store.spooled().0 > 0 && store.spooled().1 == 0 && store.trouble().is_none());
    for n in 0..300_u32 {
        let payload = store.payload(n, usize::MAX).unwrap();
        assert_eq!(
            (payload.len(), payload[0], payload[199_999]),
            (200_000, n as u8, (n as usize + 199_999) as u8)
        );
    }
    assert_eq!(store.record(0, 10).unwrap().payload.len(), 10);
}

#[test]
fn the_oldest_payloads_are_dropped_and_shown_as_such() {
    let bounds = Bounds { memory: 16 << 20, spool: 8 << 20, ..Bounds::default() };
    let shared = flood(bounds, 300, 200_000);
    let mut store = shared.lock();
    assert!(store.spooled().1 > 0);
    let kept: Vec<PayloadLocation> = (0..300).map(|n| store.kept(store.entry(n).unwrap())).collect();
    assert!(kept.is_sorted_by_key(|kept| {
        [PayloadLocation::Dropped, PayloadLocation::File, PayloadLocation::Memory]
            .iter()
            .position(|k| k == kept)
    }));
    assert_eq!((kept[0], kept[299]), (PayloadLocation::Dropped, PayloadLocation::Memory));
    let bytes = |what| kept.iter().filter(|kept| **kept == what).count() as u64 * 200_000;
    assert_eq!(store.spooled(), (bytes(PayloadLocation::File), bytes(PayloadLocation::Dropped)));
    assert!(kept.contains(&PayloadLocation::File));
    for n in 0..300 {
        assert_eq!(
            store.payload(n, usize::MAX).is_none(),
            kept[n as usize] == PayloadLocation::Dropped,
            "message {n}"
        );
        assert_eq!(store.record(n, 10).unwrap().dropped, kept[n as usize] == PayloadLocation::Dropped);
    }
    let mut tell = |n| store.replay(n, &mut Heard::default());
    assert_eq!(
        (tell(0), tell(299), tell(300)),
        (Err(ReplayError::Dropped), Ok(()), Err(ReplayError::Unknown))
    );
}

#[test]
fn what_is_read_back_while_more_is_written_is_right() {
    let bounds = Bounds { memory: 16 << 20, ..Bounds::default() };
    let shared = flood(bounds, 200, 200_000);
    let done = std::sync::atomic::AtomicBool::new(false);
    let check = |n: u32| {
        // Checked without the lock, so that the writer can proceed.
        let payload = shared.lock().payload(n, usize::MAX).unwrap().to_vec();
        assert_eq!((payload.len(), payload[0]), (200_000, n as u8), "message {n}");
        assert!(payload.iter().enumerate().all(|(at, byte)| *byte == (n as usize + at) as u8), "message {n}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // Far enough from the previous one to be in another chunk.
                check(n % 150);
                n += 41;
            }
        });
        let mut batch = Batch::default();
        for n in 200..1200_u32 {
            let payload: Vec<u8> = (0..200_000).map(|at| (n as usize + at) as u8).collect();
            batch.clear();
            let message = samples::message(Side::Client, Opcode::BINARY, &payload);
            put(&mut batch, 1, u64::from(n) + 1, Kind::Message(message));
            shared.add(&batch, 0..batch.mark());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    (0..1200).for_each(check);
}

#[test]
fn what_is_told_late_keeps_its_time_and_its_place() {
    let mut batch = Batch::default();
    for packet in [5, 9, 6, 7, 12] {
        put(&mut batch, 1, packet, Kind::Message(samples::message(Side::Client, Opcode::TEXT, b"x")));
    }
    let store = filled(&batch, Bounds::default());
    let at = |packet: u64| samples::at(packet, packet * 1000).time;
    let entries: Vec<Entry> = (0..5).filter_map(|n| store.entry(n).copied()).collect();
    assert!(entries.iter().map(Entry::time).eq([5, 9, 6, 7, 12].map(at)));
    assert!(entries.iter().map(Entry::order).eq([5, 9, 9, 9, 12].map(at)));
    assert_eq!([6, 9, 10, 12].map(|packet| store.before(at(packet))), [1, 1, 4, 4]);
    // Counted by their own times: the entries ordered at 9 that happened at 6 and 7 are counted there.
    assert_eq!(store.max_delay(), at(9).since(at(6)));
    let columns = store.columns(at(5), at(12), 7);
    let counts: Vec<u32> = columns.iter().map(|column| column.messages.client).collect();
    assert_eq!(counts, [1, 1, 1, 0, 1, 0, 1]);
    assert_eq!((store.first_in(at(6), at(8)), store.first_in(at(10), at(11))), (Some(2), None));
    assert_eq!((store.times(), store.began()), (Some((at(5), at(12))), at(5)));
    assert_eq!(store.conversations()[0].times, (at(5), at(12)));
}

#[test]
fn without_a_file_the_oldest_payloads_are_dropped_at_once() {
    let shared = flood(Bounds { memory: 16 << 20, spool: 0, ..Bounds::default() }, 200, 200_000);
    let mut store = shared.lock();
    assert!(store.payload(0, 1).is_none() && store.payload(199, 1).is_some());
}

#[test]
fn a_payload_longer_than_a_chunk_is_whole() {
    let shared = flood(Bounds { memory: 16 << 20, ..Bounds::default() }, 6, 2 * payloads::CHUNK + 12_345);
    let mut store = shared.lock();
    for n in 0..6_u32 {
        let payload = store.payload(n, usize::MAX).unwrap();
        assert_eq!(payload.len(), 2 * payloads::CHUNK + 12_345);
        assert!(payload.iter().enumerate().all(|(at, byte)| *byte == (n as usize + at) as u8));
    }
}

#[test]
fn more_anomalies_than_are_kept_keep_their_code() {
    let mut batch = Batch::default();
    for packet in 0..10 {
        let anomaly = Anomaly::BadUtf8 { offset: packet };
        put(&mut batch, 1, packet + 1, Kind::Anomaly { from: Some(Side::Server), anomaly: &anomaly });
    }
    let store = filled(&batch, Bounds { anomalies: 3, ..Bounds::default() });
    for n in 0..10 {
        let entry = store.entry(n).unwrap();
        assert_eq!(entry.anomaly(), Some(("bad-utf8", Severity::Error)));
        assert_eq!(store.anomaly_of(entry).is_some(), n < 3);
    }
    assert_eq!(store.anomalies(), [0, 0, 10]);
}

#[test]
fn more_frames_than_are_kept_are_counted() {
    let mut batch = Batch::default();
    for n in 0..5000 {
        let opcode = if n == 0 { Opcode::TEXT } else { Opcode::CONTINUATION };
        put(&mut batch, 1, 1, Kind::Frame(samples::frame(Side::Client, opcode, 1, n * 7)));
    }
    let mut message = samples::message(Side::Client, Opcode::TEXT, b"x");
    message.wire.frames = 5000;
    put(&mut batch, 1, 1, Kind::Message(message));
    let mut store = filled(&batch, Bounds::default());
    let record = store.record(0, 10).unwrap();
    assert_eq!((record.frames.len(), store.entry(0).unwrap().frames()), (Bounds::default().frames, 5000));
}

#[test]
fn columns_add_up_to_what_there_is() {
    let mut batch = Batch::default();
    for n in 0..1000_u64 {
        let side = if n % 3 == 0 { Side::Client } else { Side::Server };
        put(&mut batch, n % 7 + 1, n + 1, Kind::Message(samples::message(side, Opcode::TEXT, b"abc")));
    }
    let store = filled(&batch, Bounds::default());
    let (from, to) = store.times().unwrap();
    for width in [1, 7, 80, 5000] {
        let columns = store.columns(from, to, width);
        let sum: u32 = columns.iter().map(|column| column.messages.client + column.messages.server).sum();
        assert_eq!(sum, 1000, "in {width} columns");
    }
}

#[test]
fn holes_and_long_messages_survive() {
    let holes: Vec<Missing> = (0..1000).map(|n| Missing { offset: n * 1000, length: Some(n) }).collect();
    let message =
        Message { missing: &holes, length: 1 << 40, ..samples::message(Side::Server, Opcode::BINARY, b"ab") };
    let mut batch = Batch::default();
    put(&mut batch, 1, 1, Kind::Message(message));
    let mut store = filled(&batch, Bounds::default());
    assert_eq!(store.entry(0).unwrap().length(), 1 << 40);
    assert_eq!(store.record(0, 10).unwrap().missing, holes);
}
