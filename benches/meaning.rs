//! The cost of sub-protocols per message: when none is decoded any more, while one is being determined, and when one is
//! in use.
//!
//! `cargo bench --bench meaning`; the goals are 1 ns for a message that is not decoded and 100 ns for a JSON envelope.
#![allow(missing_docs)] // macros of criterion create public items

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wirefin::model::{At, Side};
use wirefin::subprotocol::{Input, Opening, Reader};
use wirefin::websocket::Opcode;

/// A message of one side, in the form in which a conversation passes it on.
fn input(from: Side, opcode: Opcode, bytes: &[u8]) -> Input<'_> {
    let at = At::default();
    Input { from, opcode, bytes, missing: &[], length: bytes.len() as u64, first: at, at }
}

/// Processes a message like a conversation does, which drops its reader once that has found nothing.
fn take(reader: &mut Option<Box<Reader>>, input: &Input<'_>) {
    if let Some(it) = reader {
        black_box(it.message(input).units().count());
        if it.is_plain() {
            *reader = None;
        }
    }
}

/// Dialogues of alternating questions and answers, and their sub-protocols.
const SPOKEN: [(&str, Opcode, &[u8], &[u8]); 5] = [
    (
        "json-rpc",
        Opcode::TEXT,
        br#"{"jsonrpc":"2.0","id":17,"method":"eth_getBalance","params":["0x407d73d8a49eeb85d32cf465507dd71d507100c1","latest"]}"#,
        br#"{"jsonrpc":"2.0","id":17,"result":{"value":"0x0234c8a3397aab58","block":"0x1b4","final":true}}"#,
    ),
    (
        "socket.io",
        Opcode::TEXT,
        br#"427["chat",{"room":"harbour","text":"hello everybody"}]"#,
        br#"437[{"ok":true,"length":15}]"#,
    ),
    (
        "graphql-transport-ws",
        Opcode::TEXT,
        br#"{"id":"1","type":"subscribe","payload":{"query":"query Ships { ships { name } }","variables":{"n":3}}}"#,
        br#"{"id":"1","type":"complete"}"#,
    ),
    ("signalr", Opcode::BINARY, b"\x0c\x95\x01\x80\xa1\x30\xa3Add\x92\x02\x03", b"\x07\x95\x03\x80\xa1\x30\x03\x05"),
    ("mqtt", Opcode::BINARY, b"\x32\x0e\x00\x03a/b\x00\x07{\"q\":1}", b"\x40\x02\x00\x07"),
];

fn spoken(c: &mut Criterion) {
    let mut group = c.benchmark_group("spoken");
    group.throughput(Throughput::Elements(2));
    let opening = Opening { target: Some("/".into()), ..Opening::default() };
    for (name, opcode, question, answer) in SPOKEN {
        let mut reader = Reader::named(name, &opening).expect("a name of ours");
        let (question, answer) = (input(Side::Client, opcode, question), input(Side::Server, opcode, answer));
        assert_eq!(reader.message(&question).units().count(), 1, "{name}");
        assert!(reader.message(&answer).units().all(|unit| unit.latency().is_some()), "{name}");
        group.bench_function(name, |b| {
            b.iter(|| {
                black_box(reader.message(black_box(&question)).units().count());
                black_box(reader.message(black_box(&answer)).units().count());
            });
        });
    }
    group.finish();
}

fn plain(c: &mut Criterion) {
    let ticker =
        br#"{"type":"tick","symbol":"XBT/EUR","price":61234.5,"size":0.25,"side":"buy","seq":1234567}"#;
    let message = input(Side::Server, Opcode::TEXT, ticker);
    let mut group = c.benchmark_group("plain");
    group.throughput(Throughput::Elements(1));
    group.bench_function("off or found to be none", |b| {
        let mut reader = None;
        b.iter(|| take(black_box(&mut reader), black_box(&message)));
    });
    group.throughput(Throughput::Elements(16));
    group.bench_function("the first messages of a conversation", |b| {
        b.iter(|| {
            let mut reader =
                Some(Box::new(Reader::new(Opening { target: Some("/".into()), ..Opening::default() })));
            for _ in 0..16 {
                take(&mut reader, black_box(&message));
            }
            assert!(reader.is_none(), "16 messages without evidence");
        });
    });
    group.finish();
}

criterion_group!(benches, plain, spoken);
criterion_main!(benches);
