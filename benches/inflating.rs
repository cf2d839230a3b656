//! The cost of inflating, compared with the bare library on the same payloads: messages of several sizes, with and
//! without context takeover, inflated by the library alone, by [`Inflater`], and by our own inflater, which is used
//! when part of the window is unknown.
//!
//! `cargo bench --bench inflating`; `docs/performance.md` has the results.
#![allow(missing_docs)] // macros of criterion create public items

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compress, Compression, Decompress, FlushDecompress};
use wirefin::model::DeflateSide;
use wirefin::websocket::Payload;
use wirefin::websocket::deflate::{Inflater, Limits};

/// The tail of a message's last block, which its sender omitted (RFC 7692 §7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The window used for compression: smaller than the largest one, because the library is not given a smaller window, as
/// it does not reveal how far references reach.
const WINDOW_BITS: u8 = 14;

/// Generates compressed messages that inflate to `size` bytes each, at most 4 MB in total.
fn messages(size: usize, takeover: bool) -> Vec<Vec<u8>> {
    let mut sender = Compress::new_with_window_bits(Compression::default(), false, WINDOW_BITS);
    let mut ticks = (0..).map(support::tick);
    let count = (4_000_000 / size).min(10_000);
    let message = |_| {
        if !takeover {
            sender.reset();
        }
        let mut text = String::new();
        while text.len() < size {
            text.push_str(&ticks.next().expect("no end"));
        }
        text.truncate(size);
        support::deflate(&mut sender, text.as_bytes())
    };
    (0..count).map(message).collect()
}

/// Inflates every message with only the library, into preallocated memory.
fn bare(messages: &[Vec<u8>], takeover: bool, out: &mut [u8]) {
    let mut library = Decompress::new(false);
    for message in messages {
        if !takeover {
            library.reset(false);
        }
        let mut filled = 0;
        for bytes in [message, &TAIL[..]] {
            let before = library.total_out();
            library.decompress(bytes, &mut out[filled..], FlushDecompress::Sync).expect("our own data");
            filled += usize::try_from(library.total_out() - before).expect("as much as there is room for");
        }
        black_box(&out[..filled]);
    }
}

/// Inflates every message as the compressed messages of one side are.
fn ours(messages: &[Vec<u8>], inflater: &mut Inflater, out: &mut Payload) {
    for message in messages {
        out.clear(false);
        inflater.push(message, out);
        inflater.finish(out);
        black_box(&out);
    }
}

fn inflating(c: &mut Criterion) {
    let mut group = c.benchmark_group("inflating");
    for takeover in [true, false] {
        for size in [20, 200, 2_000, 60_000] {
            let messages = messages(size, takeover);
            let kind = format!("{size} bytes, {}", if takeover { "takeover" } else { "no takeover" });
            group.throughput(Throughput::Elements(messages.len() as u64));
            let mut whole = vec![0; 128 << 10];
            group.bench_function(BenchmarkId::new("the library alone", &kind), |b| {
                b.iter(|| bare(&messages, takeover, &mut whole));
            });
            let mut out = Payload::new(1 << 20);
            let side = DeflateSide { no_context_takeover: !takeover, max_window_bits: 15 };
            group.bench_function(BenchmarkId::new("Inflater", &kind), |b| {
                b.iter(|| ours(&messages, &mut Inflater::new(side, Limits::default()), &mut out));
            });
            let side = DeflateSide { max_window_bits: WINDOW_BITS, ..side };
            group.bench_function(BenchmarkId::new("our own", &kind), |b| {
                b.iter(|| ours(&messages, &mut Inflater::new(side, Limits::default()), &mut out));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(1500));
    targets = inflating
}
criterion_main!(benches);
