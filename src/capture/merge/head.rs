use super::super::file::{BLOCK, Reader};
use super::super::{Error, Item, LinkSources, PacketBatch, Record};
use crate::model::{KeyOrigin, LinkType, Timestamp};

/// The timestamp of a file whose next packet is not known: it sorts first, so that the file is read.
pub(super) const UNKNOWN: Timestamp = Timestamp::from_nanos(i64::MIN);

/// How many link types of one file are noted: few files have more than one.
const LINKS: usize = 16;

/// An open file and the items read from it that were not returned yet.
pub(super) struct Head {
    reader: Reader,
    pub(super) batch: PacketBatch,
    /// The index of the next item in `batch`.
    pub(super) next: usize,
    /// The latest timestamp in `batch`, where that matters.
    pub(super) latest: Timestamp,
    /// The link types already noted.
    links: Vec<LinkType>,
}

impl Head {
    pub(super) fn new(reader: Reader) -> Head {
        Head { reader, batch: PacketBatch::default(), next: 0, latest: UNKNOWN, links: Vec::new() }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.next >= self.batch.items.len()
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.next == 0
    }

    /// Returns the timestamp of the next packet.
    pub(super) fn stamp(&self) -> Timestamp {
        self.ahead().map_or(UNKNOWN, |(_, record)| record.at.time)
    }

    pub(super) fn refill(
        &mut self,
        most: usize,
        several: bool,
        origins: &LinkSources,
    ) -> Result<bool, Error> {
        self.next = 0;
        let some = self.reader.fill(&mut self.batch, most)?;
        for record in self.batch.records() {
            if !self.links.contains(&record.link) && self.links.len() < LINKS {
                self.links.push(record.link);
                origins.note(record.link, self.reader.name());
            }
        }
        if several {
            self.latest = self.batch.records().map(|record| record.at.time).max().unwrap_or(UNKNOWN);
        }
        Ok(some)
    }

    /// Returns the next packet and its index among the items.
    fn ahead(&self) -> Option<(usize, Record)> {
        let mut items = self.batch.items.iter().enumerate().skip(self.next);
        items.find_map(|(n, item)| Some((n, *item.record()?)))
    }

    /// Copies packets, and the items that precede them, while their timestamps are `wanted` and there is room; returns
    /// the timestamp of the next packet.
    pub(super) fn copy(&mut self, batch: &mut PacketBatch, wanted: impl Fn(Timestamp) -> bool) -> Timestamp {
        if batch.is_empty() {
            batch.bytes.clear();
        }
        while let Some((n, record)) = self.ahead() {
            if !wanted(record.at.time) || batch.bytes.len() >= BLOCK {
                return record.at.time;
            }
            self.take_to(n, batch);
            let offset = u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX);
            batch.bytes.extend_from_slice(record.of(&self.batch.bytes));
            batch.items.push(Item::Packet(Record { offset, ..record }));
            self.next = n.saturating_add(1);
        }
        self.take_to(self.batch.items.len(), batch);
        UNKNOWN
    }

    /// Moves the secrets and diagnostics before the item `end` to `batch`.
    fn take_to(&mut self, end: usize, batch: &mut PacketBatch) {
        let nothing = || Item::Secrets(KeyOrigin::KeyLog, Box::default());
        let items = self.batch.items.get_mut(self.next..end).unwrap_or_default();
        batch.items.extend(items.iter_mut().map(|item| std::mem::replace(item, nothing())));
        self.next = end;
    }
}
