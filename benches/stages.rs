//! One benchmark per stage of the pipeline, each on the same 50,000 packets of ticks; and the unavoidable minimum for
//! comparison, copying the bytes (`write`). Inflating has a separate benchmark.
//!
//! `cargo bench --bench stages`; divide the time by the number of elements for the cost per packet or message.
#![allow(missing_docs)] // macros of criterion create public items

mod support;

use std::hint::black_box;
use std::io::Write;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wirefin::capture::{Files, Next, PacketBatch, Source as _};
use wirefin::event::{Event, Kind, Sink};
use wirefin::export::{AnyFormat, Format as _, Settings};
use wirefin::model::{At, Packet, Segment, Side};
use wirefin::session::{Analyzer, Limits};
use wirefin::tcp;
use wirefin::websocket::mask::unmask;
use wirefin::websocket::{Frames, Utf8};
use wirefin::wire::{Decoded, Decoder};

const MESSAGES: u32 = 50_000;

fn capture(load: &str, count: u32) -> Vec<u8> {
    let mut file = Vec::new();
    support::make(load, count, &mut file).expect("memory");
    file
}

/// Reads an entire capture into batches.
fn batches(file: &[u8]) -> Vec<PacketBatch> {
    let mut files = Files::from_reader("bench", Box::new(std::io::Cursor::new(file.to_vec())));
    let mut batches = Vec::new();
    loop {
        let mut batch = PacketBatch::default();
        if files.next(&mut batch).expect("a sound capture") == Next::End {
            return batches;
        }
        batches.push(batch);
    }
}

fn segments(batches: &[PacketBatch]) -> Vec<(Segment<'_>, At)> {
    batches.iter().flat_map(PacketBatch::packets).filter_map(segment).collect()
}

/// Decodes one packet. A fresh decoder borrows only from the packet, because nothing here is fragmented.
fn segment(packet: Packet<'_>) -> Option<(Segment<'_>, At)> {
    let mut decoder = Decoder::default();
    let Decoded::Tcp(segment) = decoder.decode(&packet) else { return None };
    let Segment { flow, seq, ack, flags, window, offset, cut, packet_length, stamp, .. } = segment;
    let (before, behind) = packet.data.split_at_checked(offset? as usize)?;
    let header = before.get(before.len().checked_sub(segment.header.len())?..)?;
    let payload = behind.get(..segment.payload.len())?;
    let segment =
        Segment { flow, seq, ack, flags, window, header, payload, offset, cut, packet_length, stamp };
    Some((segment, packet.at))
}

/// Discards events.
struct NullSink;

impl Sink for NullSink {
    fn event(&mut self, event: &Event<'_>) {
        black_box(event);
    }
}

fn packets(c: &mut Criterion) {
    let file = capture("ticks", MESSAGES);
    let batches = batches(&file);
    let segments = segments(&batches);
    let mut group = c.benchmark_group("packet");
    group.throughput(Throughput::Elements(segments.len() as u64));
    group.bench_function("floor: copy", |b| {
        let mut block = vec![0; 256 << 10];
        b.iter(|| {
            for chunk in file.chunks(block.len()) {
                block[..chunk.len()].copy_from_slice(chunk);
                black_box(&mut block);
            }
        });
    });
    group.bench_function("read", |b| {
        b.iter_batched_ref(
            || Files::from_reader("bench", Box::new(std::io::Cursor::new(file.clone()))),
            |files| {
                let mut batch = PacketBatch::default();
                while files.next(&mut batch).expect("a sound capture") != Next::End {
                    black_box(&batch);
                }
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("decode to segment", |b| {
        let mut decoder = Decoder::default();
        b.iter(|| {
            batches.iter().flat_map(PacketBatch::packets).for_each(|packet| {
                black_box(decoder.decode(&packet));
            });
        });
    });
    let hasher = ahash::RandomState::new();
    group.bench_function("flow hash", |b| {
        b.iter(|| segments.iter().fold(0, |sum, (segment, _)| sum ^ hasher.hash_one(segment.flow.key())));
    });
    group.bench_function("reassembly", |b| {
        let mut connection = tcp::Connection::new(&tcp::Limits::default());
        let mut at = segments[100].0.seq;
        b.iter(|| {
            for (segment, stamp) in &segments {
                let segment = Segment { seq: at, flags: wirefin::model::Flags::ACK, ..*segment };
                at = at.plus(segment.payload.len() as u32);
                let mut delivery = connection.push(Side::Server, &segment, *stamp);
                while let Some(output) = delivery.next() {
                    black_box(output);
                }
            }
        });
    });
    group.bench_function("session: lookup to event", |b| {
        let hashes: Vec<u64> =
            segments.iter().map(|(segment, _)| hasher.hash_one(segment.flow.key())).collect();
        b.iter_batched_ref(
            || Analyzer::new(Limits::default()),
            |analyzer| {
                for ((segment, at), hash) in segments.iter().zip(&hashes) {
                    analyzer.push(*hash, segment, *at, &mut NullSink);
                }
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn other_traffic(c: &mut Criterion) {
    let file = capture("mix", MESSAGES);
    let batches = batches(&file);
    let segments: Vec<_> = segments(&batches)
        .into_iter()
        .filter(|(segment, _)| segment.flow.source.port == 443 || segment.flow.destination.port == 443)
        .collect();
    let hasher = ahash::RandomState::new();
    let mut group = c.benchmark_group("packet of other traffic");
    group.throughput(Throughput::Elements(segments.len() as u64));
    group.bench_function("session: dismissed", |b| {
        b.iter_batched_ref(
            || Analyzer::new(Limits::default()),
            |analyzer| {
                for (segment, at) in &segments {
                    analyzer.push(hasher.hash_one(segment.flow.key()), segment, *at, &mut NullSink);
                }
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn messages(c: &mut Criterion) {
    let texts: Vec<Vec<u8>> = (0..10_000).map(|n| support::tick(n).into_bytes()).collect();
    let stream: Vec<Vec<u8>> = texts.iter().map(|text| support::frame(0x81, text, true)).collect();
    let mut group = c.benchmark_group("message");
    group.throughput(Throughput::Elements(texts.len() as u64));
    let mut scratch = Vec::new();
    group.bench_function("floor: copy", |b| {
        b.iter(|| {
            texts.iter().for_each(|text| {
                scratch.clear();
                scratch.extend_from_slice(black_box(text));
            });
        });
    });
    group.bench_function("frame", |b| {
        b.iter(|| {
            let mut frames = Frames::default();
            for mut input in stream.iter().map(Vec::as_slice) {
                while let Some(piece) = frames.next(&mut input) {
                    black_box(piece);
                }
            }
        });
    });
    group.bench_function("unmask", |b| {
        b.iter(|| {
            texts.iter().for_each(|text| {
                scratch.clear();
                scratch.extend_from_slice(text);
                unmask(black_box(&mut scratch), [1, 2, 3, 4], 0);
            });
        });
    });
    group.bench_function("floor: std's UTF-8", |b| {
        b.iter(|| {
            texts.iter().for_each(|text| {
                let _ = black_box(std::str::from_utf8(text));
            });
        });
    });
    group.bench_function("UTF-8 in pieces", |b| {
        b.iter(|| {
            texts.iter().for_each(|text| {
                let mut check = Utf8::default();
                check.push(text);
                black_box(check.finish());
            });
        });
    });
    group.finish();
}

/// Keeps the first message it receives.
struct Record<'f> {
    format: &'f mut AnyFormat,
    out: Vec<u8>,
    times: u32,
}

impl Sink for Record<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Kind::Message(_) = event.kind {
            for _ in 0..self.times {
                self.out.clear();
                self.format.write(event, &mut self.out);
                black_box(&self.out);
            }
        }
    }
}

fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    for (load, bytes) in [("ticks", 170_u64), ("bulk", 1 << 20)] {
        let file = capture(load, 1);
        let batches = batches(&file);
        let segments = segments(&batches);
        let mut format = AnyFormat::new("ndjson", &Settings::default()).expect("in the list");
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(BenchmarkId::new("ndjson", load), |b| {
            b.iter_custom(|times| {
                let mut record = Record { format: &mut format, out: Vec::new(), times: times as u32 };
                let mut analyzer = Analyzer::new(Limits::default());
                let start = std::time::Instant::now();
                for (segment, at) in &segments {
                    analyzer.push(1, segment, *at, &mut record);
                }
                start.elapsed()
            });
        });
    }
    let block = vec![b'x'; 256 << 10];
    group.throughput(Throughput::Bytes(block.len() as u64));
    group.bench_function("write to /dev/null", |b| {
        let mut null = std::fs::File::create("/dev/null").expect("Unix");
        b.iter(|| null.write_all(black_box(&block)));
    });
    group.finish();
}

/// JSON in JSON: the characters of a message's text that have to be escaped.
fn escape(c: &mut Criterion) {
    use wirefin::export::string::{portable_blocks, simple_blocks};

    let texts: Vec<_> = (0..10_000).map(support::tick).collect();
    let mut group = c.benchmark_group("escape");
    group.throughput(Throughput::Elements(texts.len() as u64));
    for (name, way) in
        [("portable", portable_blocks as fn(&mut Vec<u8>, &[u8]) -> usize), ("chosen", simple_blocks)]
    {
        let mut out = Vec::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                texts.iter().for_each(|text| {
                    out.clear();
                    black_box(way(&mut out, text.as_bytes()));
                });
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(2));
    targets = packets, other_traffic, messages, records, escape
}
criterion_main!(stages);
