use super::super::file::{BLOCK, Reader};
use super::super::{Error, LinkSources, PacketBatch, Record};
use super::UNKNOWN;
use crate::model::{LinkType, Timestamp};

/// How many link types of one file are noted: few files have more than one.
const LINKS: usize = 16;

/// An open file and what was read of it and not handed on.
pub(super) struct Head {
    reader: Reader,
    pub(super) round: PacketBatch,
    /// The packet of `round` that is next.
    pub(super) next: usize,
    /// The secret of `round` that is next.
    next_secret: usize,
    /// The latest stamp in `round`, where that matters.
    pub(super) latest: Timestamp,
    /// The link types that were noted.
    links: Vec<LinkType>,
}

impl Head {
    pub(super) fn new(reader: Reader) -> Head {
        Head {
            reader,
            round: PacketBatch::default(),
            next: 0,
            next_secret: 0,
            latest: UNKNOWN,
            links: Vec::new(),
        }
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.next >= self.round.packets.len()
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.next == 0
    }

    /// Returns the stamp of the next packet.
    pub(super) fn stamp(&self) -> Timestamp {
        self.round.packets.get(self.next).map_or(UNKNOWN, |record| record.at.time)
    }

    pub(super) fn refill(
        &mut self,
        most: usize,
        several: bool,
        origins: &LinkSources,
    ) -> Result<bool, Error> {
        (self.next, self.next_secret) = (0, 0);
        let some = self.reader.fill(&mut self.round, most)?;
        for record in &self.round.packets {
            if !self.links.contains(&record.link) && self.links.len() < LINKS {
                self.links.push(record.link);
                origins.note(record.link, self.reader.name());
            }
        }
        if several {
            self.latest = self.round.packets.iter().map(|record| record.at.time).max().unwrap_or(UNKNOWN);
        }
        Ok(some)
    }

    /// Copies packets while their stamps are `wanted` and there is room; returns the stamp of the next one.
    pub(super) fn copy(&mut self, round: &mut PacketBatch, wanted: impl Fn(Timestamp) -> bool) -> Timestamp {
        if round.packets.is_empty() {
            round.bytes.clear();
        }
        while let Some(&record) = self.round.packets.get(self.next)
            && wanted(record.at.time)
            && round.bytes.len() < BLOCK
        {
            self.copy_secrets(round);
            let start = record.offset as usize;
            let data = self.round.bytes.get(start..start.saturating_add(record.length as usize));
            let offset = u32::try_from(round.bytes.len()).unwrap_or(u32::MAX);
            round.bytes.extend_from_slice(data.unwrap_or_default());
            round.packets.push(Record { offset, ..record });
            self.next = self.next.saturating_add(1);
        }
        if self.is_used_up() {
            self.copy_secrets(round);
            round.diagnostics.append(&mut self.round.diagnostics);
        }
        self.stamp()
    }

    /// Copies the secrets that stand before the next packet.
    fn copy_secrets(&mut self, round: &mut PacketBatch) {
        while let Some((before, text)) = self.round.secrets.get_mut(self.next_secret)
            && *before <= self.next
        {
            round.secrets.push((round.packets.len(), std::mem::take(text)));
            self.next_secret = self.next_secret.saturating_add(1);
        }
    }
}
