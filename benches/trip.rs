//! The complete pipeline, from a capture in memory to discarded records, and the cost of twice as much input.
//!
//! `cargo bench --bench trip`
#![allow(missing_docs)] // macros of criterion create public items

mod support;

use std::hint::black_box;
use std::io::Cursor;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wirefin::capture::Files;
use wirefin::export::{AnyFormat, Formatted, Settings};
use wirefin::pipeline::{Options, run};

fn capture(load: &str, count: u32) -> Vec<u8> {
    let mut file = Vec::new();
    support::make(load, count, &mut file).expect("memory");
    file
}

fn trip(file: &[u8], threads: usize) -> Duration {
    // The copy represents the page cache.
    let mut source = Files::from_reader("bench", Box::new(Cursor::new(file.to_vec())));
    let threads = NonZeroUsize::new(threads).expect("at least one");
    let options = Options { threads, ..Options::default() };
    let format = AnyFormat::new("ndjson", &Settings::default()).expect("in the list");
    let mut output = Formatted::new(format, std::io::sink(), None);
    let start = Instant::now();
    black_box(run(&mut source, &options, &mut output).expect("a sound capture"));
    start.elapsed()
}

fn loads(c: &mut Criterion) {
    let mut group = c.benchmark_group("trip");
    for (load, count) in
        [("ticks", 100_000), ("chat", 100_000), ("deflate", 100_000), ("bulk", 100), ("mix", 100_000)]
    {
        let file = capture(load, count);
        group.throughput(Throughput::Bytes(file.len() as u64));
        for threads in [1, 2] {
            group.bench_with_input(BenchmarkId::new(load, threads), &file, |b, file| {
                b.iter_custom(|times| (0..times).map(|_| trip(file, threads)).sum());
            });
        }
    }
    group.finish();
}

/// Checks that cost grows no faster than the input: the second number of each pair must be below 2.2 times the first.
fn twice(c: &mut Criterion) {
    let mut group = c.benchmark_group("twice as much");
    for (load, count) in [
        ("ticks", 100_000),
        ("connections", 20_000),
        ("big", 64),
        ("big-text", 64),
        ("half-open", 200_000),
        ("joined", 20_000),
    ] {
        for times in [1, 2] {
            let file = capture(load, count * times);
            group.bench_with_input(BenchmarkId::new(load, times), &file, |b, file| {
                b.iter_custom(|times| (0..times).map(|_| trip(file, 1)).sum());
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = whole;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = loads, twice
}
criterion_main!(whole);
