//! Packets of sources that cannot be read again, kept so that they can be saved.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capture::{Error, Item, Next, PacketBatch, Record, Source};
use crate::model::{Anomaly, At, LinkType, Timestamp};
use crate::store;

/// The length of the header before each packet: its number, time, link layer, length on the wire, length kept.
const HEAD: usize = 28;
/// How many bytes of packets are read back at once.
const BLOCK: usize = 1 << 20;
/// The name in error messages of the file, which has none.
const NAME: &str = "the temporary file for packets";

/// The packets of a source, kept in an unlinked file; clones share it.
///
/// It alternates between two files, each of half the bound: when the second one is full, the first is discarded.
#[derive(Clone, Debug)]
pub(super) struct PacketSpool(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    halves: VecDeque<Half>,
    /// The maximum size of each of the two.
    bound: u64,
    /// Whether packets were discarded to stay within the bound.
    dropped: bool,
    scratch: Vec<u8>,
    /// Why keeping stopped.
    fault: Option<String>,
}

/// A file of packets, and how much of it is written.
#[derive(Clone, Debug)]
struct Half {
    file: Arc<File>,
    length: u64,
}

impl PacketSpool {
    /// Creates a spool that keeps up to `bound` bytes.
    pub(super) fn new(bound: u64) -> PacketSpool {
        PacketSpool(Arc::new(Mutex::new(Inner {
            halves: VecDeque::new(),
            bound: bound / 2,
            dropped: false,
            scratch: Vec::new(),
            fault: None,
        })))
    }

    /// Wraps `source` so that its packets are kept.
    pub(super) fn watch(&self, source: Box<dyn Source + Send>) -> impl Source + Send + use<> {
        Monitored { source, kept: self.clone() }
    }

    /// Returns the packets kept so far, as a source.
    ///
    /// # Errors
    ///
    /// Fails if they could not be kept.
    pub(super) fn source(&self) -> Result<impl Source + use<>, Error> {
        let inner = self.lock();
        match &inner.fault {
            Some(words) => Err(Error::Io { file: NAME.to_owned(), source: io::Error::other(words.clone()) }),
            None => Ok(Again { halves: inner.halves.clone(), at: 0 }),
        }
    }

    /// Returns whether the oldest packets were discarded.
    pub(super) fn has_dropped(&self) -> bool {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, batch: &PacketBatch) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        for packet in batch.packets() {
            bytes.extend(packet.at.packet.to_le_bytes());
            bytes.extend(packet.at.time.as_nanos().to_le_bytes());
            bytes.extend(packet.link.0.to_le_bytes());
            bytes.extend(packet.original_length.to_le_bytes());
            bytes.extend(u32::try_from(packet.data.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(packet.data);
        }
        let result = self.append(&bytes);
        bytes.shrink_to(BLOCK);
        self.scratch = bytes;
        result
    }

    /// Appends complete packets.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.halves.back().is_none_or(|half| half.length.saturating_add(length) > self.bound) {
            if self.halves.len() > 1 {
                self.halves.pop_front();
                self.dropped = true;
            }
            self.halves.push_back(Half { file: Arc::new(store::unlinked_file()?), length: 0 });
        }
        if let Some(half) = self.halves.back_mut() {
            half.file.write_all_at(bytes, half.length)?;
            half.length = half.length.saturating_add(length);
        }
        Ok(())
    }
}

/// A source whose packets are kept as they pass.
struct Monitored {
    source: Box<dyn Source + Send>,
    kept: PacketSpool,
}

impl Source for Monitored {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        let mut inner = self.kept.lock();
        if inner.fault.is_none()
            && batch.records().next().is_some()
            && let Err(error) = inner.keep(batch)
        {
            let problem = error.to_string();
            batch.push_diagnostic(Anomaly::NotSaved { file: NAME.into(), problem: problem.as_str().into() });
            inner.halves.clear();
            inner.fault = Some(problem);
        }
        Ok(next)
    }
}

/// A reader of kept packets.
struct Again {
    halves: VecDeque<Half>,
    /// How much of the first file was read.
    at: u64,
}

impl Source for Again {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        batch.clear();
        let wrong = |source| Error::Io { file: NAME.to_owned(), source };
        while let Some(half) = self.halves.front() {
            let left = half.length.saturating_sub(self.at);
            if left == 0 {
                self.halves.pop_front();
                self.at = 0;
                continue;
            }
            let most = usize::try_from(left).unwrap_or(BLOCK);
            batch.bytes.resize(most.min(BLOCK), 0);
            half.file.read_exact_at(&mut batch.bytes, self.at).map_err(wrong)?;
            let mut read = find(&batch.bytes, &mut batch.items);
            if read == 0 {
                // A packet larger than a block.
                let needed = whole(&batch.bytes).filter(|whole| *whole <= most);
                let needed = needed.ok_or_else(|| wrong(io::ErrorKind::InvalidData.into()))?;
                batch.bytes.resize(needed, 0);
                half.file.read_exact_at(&mut batch.bytes, self.at).map_err(wrong)?;
                read = find(&batch.bytes, &mut batch.items);
            }
            self.at = self.at.saturating_add(read as u64);
            return Ok(Next::Filled);
        }
        Ok(Next::End)
    }
}

/// Returns the length of the packet at the start of `bytes`, its header included.
fn whole(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.get(HEAD.saturating_sub(4)..)?.first_chunk()?);
    usize::try_from(length).ok()?.checked_add(HEAD)
}

/// Lists the complete packets in `bytes`; returns their total length.
fn find(bytes: &[u8], items: &mut Vec<Item>) -> usize {
    let mut at = 0_usize;
    while let Some((record, end)) = record(bytes, at) {
        items.push(Item::Packet(record));
        at = end;
    }
    at
}

fn record(bytes: &[u8], at: usize) -> Option<(Record, usize)> {
    let rest = bytes.get(at..)?;
    let (packet, rest) = rest.split_first_chunk::<8>()?;
    let (nanos, rest) = rest.split_first_chunk::<8>()?;
    let (link, rest) = rest.split_first_chunk::<4>()?;
    let (original, rest) = rest.split_first_chunk::<4>()?;
    let (length, data) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let offset = at.checked_add(HEAD)?;
    let data = data.get(..usize::try_from(length).ok()?)?;
    let time = Timestamp::from_nanos(i64::from_le_bytes(*nanos));
    let record = Record {
        at: At { packet: u64::from_le_bytes(*packet), time },
        link: LinkType(u32::from_le_bytes(*link)),
        original_length: u32::from_le_bytes(*original),
        offset: u32::try_from(offset).ok()?,
        length,
        interface: Record::UNKNOWN,
    };
    Some((record, offset.checked_add(data.len())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of one packet per batch.
    struct Given(u64, usize);

    impl Source for Given {
        fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
            batch.clear();
            if self.0 == 0 {
                return Ok(Next::End);
            }
            self.0 -= 1;
            let at = At { packet: 100 - self.0, time: Timestamp::from_nanos(-5) };
            batch.push_packet(at, LinkType(1), 70_000, &vec![self.0 as u8; self.1]);
            Ok(Next::Filled)
        }
    }

    fn through(kept: &PacketSpool, given: Given) -> Vec<(u64, usize)> {
        let (mut batch, mut source) = (PacketBatch::default(), kept.watch(Box::new(given)));
        while source.next(&mut batch).unwrap() != Next::End {}
        let (mut again, mut found) = (kept.source().unwrap(), Vec::new());
        while again.next(&mut batch).unwrap() != Next::End {
            for packet in batch.packets() {
                assert_eq!(
                    (packet.at.time.as_nanos(), packet.link.0, packet.original_length),
                    (-5, 1, 70_000)
                );
                assert!(packet.data.iter().all(|byte| u64::from(*byte) == 100 - packet.at.packet));
                found.push((packet.at.packet, packet.data.len()));
            }
        }
        found
    }

    #[test]
    fn packets_come_back_as_they_were() {
        for length in [0, 1, 60, 1500, BLOCK, 3 * BLOCK] {
            let kept = PacketSpool::new(1 << 30);
            assert_eq!(
                through(&kept, Given(20, length)),
                (81..=100).map(|n| (n, length)).collect::<Vec<_>>()
            );
            assert!(!kept.has_dropped());
        }
    }

    #[test]
    fn the_oldest_go_and_the_bound_holds() {
        let kept = PacketSpool::new(10_000);
        let found = through(&kept, Given(90, 500));
        assert!(kept.has_dropped());
        assert_eq!(found.last(), Some(&(100, 500)));
        assert!(found.len() >= 9 && found.len() * 528 <= 10_000, "{}", found.len());
    }
}
