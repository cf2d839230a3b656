//! Saves what the screen shows: packets as pcapng, events as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use super::spool::PacketSpool;
use crate::capture::{Belongs, Error, Files, Next, PacketBatch, Saver, Sorter as _, Source, Target};
use crate::event::{ConnId, Event, Sink};
use crate::export::{AnyFormat, Format as _};
use crate::model::Endpoint;
use crate::pipeline::Flows;
use crate::store::{ReplayError, Shared};
use crate::text;

/// The place of the packets that can be saved.
#[derive(Clone, Debug)]
pub(super) enum Packets {
    /// Files, which can be read again.
    Files(Vec<PathBuf>),
    /// A temporary file of our own.
    PacketSpool(PacketSpool),
}

/// Connections identified by their two endpoints, the smaller one first.
pub(super) type Ends = BTreeSet<(Endpoint, Endpoint)>;

/// Returns the endpoints of connections.
pub(super) fn ends(store: &Shared, connections: &[ConnId]) -> Ends {
    let store = store.lock();
    let opened = connections.iter().filter_map(|id| store.conversation_of(*id)?.opened.as_deref());
    opened.map(|opened| between(opened.opening().client, opened.opening().server)).collect()
}

fn between(one: Endpoint, other: Endpoint) -> (Endpoint, Endpoint) {
    (one.min(other), one.max(other))
}

/// Saves all packets between the given endpoints, and describes how many.
pub(super) fn packets(packets: &Packets, ends: Ends, file: PathBuf) -> Result<String, Error> {
    let (source, dropped): (Box<dyn Source>, bool) = match packets {
        Packets::Files(paths) => (Box::new(Files::open(paths)?), false),
        Packets::PacketSpool(kept) => (Box::new(kept.source()?), kept.has_dropped()),
    };
    let saver = Saver::create(Target { file, ..Target::default() }, Vec::new(), None, None)?;
    let flows = Flows::new(crate::wire::Limits::default());
    let mut picked = Picked { source, flows, ends };
    let mut batch = PacketBatch::default();
    loop {
        let next = picked.next(&mut batch)?;
        saver.take(&mut batch);
        if next == Next::End {
            break;
        }
    }
    let count = text::counted(saver.finish()?, "packet");
    Ok(if dropped { format!("{count} written; older ones were dropped") } else { format!("{count} written") })
}

/// The packets of a capture between chosen endpoints.
struct Picked {
    source: Box<dyn Source>,
    flows: Flows,
    ends: Ends,
}

impl Source for Picked {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        let belong: Vec<bool> = batch
            .packets()
            .map(|packet| match self.flows.belongs(&packet) {
                Belongs::To { key, .. } => self.ends.contains(&between(key.low, key.high)),
                Belongs::Fragment => true,
                Belongs::Nothing => false,
            })
            .collect();
        let mut belong = belong.into_iter();
        batch.items.retain(|item| item.record().is_none() || belong.next().unwrap_or(false));
        Ok(next)
    }
}

/// Writes entries of a store in a format, and describes how many records resulted.
pub(super) fn events(
    mut format: AnyFormat,
    file: File,
    store: &Shared,
    entries: &[u32],
) -> io::Result<String> {
    let mut file = BufWriter::new(file);
    format.start(store.lock().began());
    file.write_all(format.begin())?;
    let (separator, end) = (format.separator(), format.end());
    let mut written = Written { format, bytes: Vec::new() };
    let (mut count, mut left_out) = (0_u64, LeftOut::default());
    for some in entries.chunks(256) {
        let mut store = store.lock();
        for number in some {
            let start = written.bytes.len();
            if count > 0 {
                written.bytes.extend_from_slice(separator);
            }
            let before = written.bytes.len();
            let told = store.replay(*number, &mut written);
            left_out.count(told);
            if told.is_ok() && written.bytes.len() > before {
                count = count.saturating_add(1);
            } else {
                written.bytes.truncate(start);
            }
        }
        drop(store);
        file.write_all(&written.bytes)?;
        written.bytes.clear();
    }
    file.write_all(end)?;
    file.flush()?;
    Ok(format!("{} written{}", text::counted(count, "record"), left_out.words()))
}

/// A count of the entries that could not be written, by reason.
#[derive(Default)]
struct LeftOut {
    dropped: u64,
    no_evidence: u64,
}

impl LeftOut {
    const fn count(&mut self, told: Result<(), ReplayError>) {
        match told {
            Err(ReplayError::Dropped) => self.dropped = self.dropped.saturating_add(1),
            Err(ReplayError::NoEvidence) => self.no_evidence = self.no_evidence.saturating_add(1),
            Ok(()) | Err(ReplayError::Unknown) => {}
        }
    }

    fn words(&self) -> String {
        let mut words = String::new();
        if self.dropped > 0 {
            // Writing to a string cannot fail.
            let _ = write!(words, "; {} left out: payloads dropped", text::grouped(self.dropped));
        }
        if self.no_evidence > 0 {
            let left = text::grouped(self.no_evidence);
            let _ = write!(words, "; {left} left out: anomalies beyond those kept");
        }
        words
    }
}

/// A sink that collects a format's output for events.
struct Written {
    format: AnyFormat,
    bytes: Vec<u8>,
}

impl Sink for Written {
    fn event(&mut self, event: &Event<'_>) {
        self.format.write(event, &mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Kind, Opcode};
    use crate::export::Settings;
    use crate::model::Side;
    use crate::store::{Batch, Bounds, PayloadLocation};
    use crate::view::samples;

    #[test]
    fn what_is_left_out_is_counted() {
        let store = Shared::new(Bounds { memory: 16 << 20, spool: 0, ..Bounds::default() });
        let payload = vec![b'a'; 200_000];
        for n in 1..=150 {
            let mut batch = Batch::default();
            let message = samples::message(Side::Client, Opcode::BINARY, &payload);
            batch.event(&samples::event(n, n, Kind::Message(message)));
            store.add(&batch, 0..batch.mark());
        }
        let is_dropped = |n: &u32| {
            let store = store.lock();
            store.entry(*n).is_some_and(|entry| store.kept(entry) == PayloadLocation::Dropped)
        };
        let entries: Vec<u32> = (0..150).collect();
        let dropped = entries.iter().filter(|n| is_dropped(n)).count();
        let format = AnyFormat::new("ndjson", &Settings::default()).unwrap();
        let words = events(format, tempfile::tempfile().unwrap(), &store, &entries).unwrap();
        assert!(dropped > 0);
        assert_eq!(words, format!("{} records written; {dropped} left out: payloads dropped", 150 - dropped));
    }
}
