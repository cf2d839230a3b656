//! Passes packets one by one, from any origin; here they are read from a capture file:
//! `cargo run --example packets -- FILE`

use wirefin::capture::{Files, Item, Next, PacketBatch, Source as _};
use wirefin::event::{Event, Sink};
use wirefin::pipeline::Feed;

/// Prints every event.
struct Print;

impl Sink for Print {
    fn event(&mut self, event: &Event<'_>) {
        println!("{event}");
    }
}

fn main() -> Result<(), wirefin::capture::Error> {
    let mut files = Files::open(&std::env::args_os().skip(1).map(Into::into).collect::<Vec<_>>())?;
    let (mut feed, mut batch) = (Feed::default(), PacketBatch::default());
    loop {
        let next = files.next(&mut batch)?;
        for item in &batch.items {
            match item {
                // A packet consists of its number and time, its link type, its length on the wire, and its bytes.
                Item::Packet(record) => feed.push(&batch.packet(record), &mut Print),
                Item::Secrets(origin, lines) => feed.secrets(*origin, lines, &mut Print),
                Item::Diagnostic(anomaly) => feed.diagnostic(anomaly, &mut Print),
            }
        }
        if let Next::Idle(now) = next {
            feed.advance(now, &mut Print);
        }
        if next == Next::End {
            feed.finish(&mut Print);
            return Ok(());
        }
    }
}
