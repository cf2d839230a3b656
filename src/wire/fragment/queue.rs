use std::net::IpAddr;

use super::super::layers::LayerStack;
use super::super::next::Datagram;
use super::super::next::{Carried, Fragment, Transport};
use crate::model::{Timestamp, Tunnel};

/// The memory of a datagram besides its fragments: an entry in both maps, which are at least a third full.
pub(super) const BOOKKEEPING: usize = 3 * (size_of::<(Key, FragmentQueue)>() + size_of::<(u64, Key)>());

/// The identity of a datagram, shared by its fragments (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    /// Used in IPv4 only; 0 for IPv6, whose fragments may each have a different one.
    protocol: u8,
    carried: Carried,
    tunnel: Tunnel,
}

impl Key {
    pub(super) fn of(shard: &Fragment<'_>) -> Self {
        let transport = shard.piece.transport;
        Key {
            source: transport.source,
            destination: transport.destination,
            id: shard.piece.id,
            protocol: if transport.source.is_ipv4() { transport.protocol } else { 0 },
            carried: shard.piece.carried,
            tunnel: shard.trail.tunnel,
        }
    }
}

/// One fragment's payload.
#[derive(Debug)]
pub(super) struct Part {
    start: u32,
    /// The end offset on the wire; `bytes` is shorter if the snap length truncated it.
    end: u32,
    bytes: Box<[u8]>,
}

impl Part {
    /// Returns the memory used by a fragment of `bytes` bytes.
    pub(super) const fn cost(bytes: usize) -> usize {
        bytes.saturating_add(size_of::<Part>())
    }
}

/// The relation of a fragment to those already present.
pub(super) enum Fit {
    /// It is new and belongs at this index.
    At(usize),
    /// It is already present.
    Copy,
    /// It overlaps another fragment, or the two imply different ends.
    Overlap,
}

/// A datagram being reassembled.
#[derive(Debug)]
pub(super) struct FragmentQueue {
    /// Its number in order of arrival.
    pub(super) serial: u64,
    /// When its first fragment arrived.
    pub(super) since: Timestamp,
    /// Whether its fragments are rejected, including later ones.
    pub(super) rejected: bool,
    /// The fragments received, in the order of their offsets.
    parts: Vec<Part>,
    /// The payload's length, known once the last fragment arrived.
    total: Option<u32>,
    /// The number of its bytes received.
    covered: u32,
    /// The payload type in the first fragment, which applies to all (RFC 8200 §4.5).
    transport: Option<(Transport, Carried, LayerStack)>,
}

impl FragmentQueue {
    pub(super) const fn new(serial: u64, since: Timestamp) -> Self {
        FragmentQueue {
            serial,
            since,
            rejected: false,
            parts: Vec::new(),
            total: None,
            covered: 0,
            transport: None,
        }
    }

    /// Returns the memory it uses.
    pub(super) fn cost(&self) -> usize {
        self.parts.iter().fold(BOOKKEEPING, |sum, part| sum.saturating_add(Part::cost(part.bytes.len())))
    }

    /// Computes the memory it uses from the actual allocations.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        let bytes: usize = self.parts.iter().map(|part| part.bytes.len()).sum();
        BOOKKEEPING + self.parts.capacity() * size_of::<Part>() + bytes
    }

    /// Returns the number of fragments.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Drops the fragments and rejects all later ones.
    pub(super) fn reject(&mut self) {
        self.rejected = true;
        self.parts = Vec::new();
    }

    pub(super) fn fit(&self, shard: &Fragment<'_>) -> Fit {
        let (start, end, more) = (shard.piece.start, shard.end(), shard.piece.more);
        let place = self.parts.partition_point(|part| part.start < start);
        let previous = place.checked_sub(1).and_then(|before| self.parts.get(before));
        let next = self.parts.get(place);
        if let Some(next) = next
            && (next.start, next.end) == (start, end)
            && *next.bytes == *shard.view.bytes
            && more == (self.total != Some(end))
        {
            return Fit::Copy;
        }
        let overlaps =
            previous.is_some_and(|part| part.end > start) || next.is_some_and(|part| part.start < end);
        let is_denied = match self.total {
            Some(total) => end > total || (!more && end != total),
            None => !more && self.parts.last().is_some_and(|part| part.end > end),
        };
        if overlaps || is_denied { Fit::Overlap } else { Fit::At(place) }
    }

    pub(super) fn insert(&mut self, place: usize, shard: &Fragment<'_>) {
        let part = Part { start: shard.piece.start, end: shard.end(), bytes: shard.view.bytes.into() };
        // Grown one at a time, so that the computed memory is what is allocated.
        self.parts.reserve_exact(1);
        self.parts.insert(place, part);
        self.covered = self.covered.saturating_add(shard.length());
        if !shard.piece.more {
            self.total = Some(shard.end());
        }
        if shard.piece.start == 0 {
            self.transport = Some((shard.piece.transport, shard.piece.carried, shard.trail));
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.total == Some(self.covered)
    }

    /// Joins the fragments, as far as they were captured without a gap.
    pub(super) fn join(self) -> Option<Datagram> {
        let (transport, carried, trail) = self.transport?;
        let total = usize::try_from(self.total?).ok()?;
        let mut bytes = Vec::with_capacity(total);
        for part in &self.parts {
            bytes.extend_from_slice(&part.bytes);
            if usize::try_from(part.end) != Ok(bytes.len()) {
                break;
            }
        }
        let cut = total.saturating_sub(bytes.len());
        Some(Datagram { next: carried.next(transport), bytes, cut, trail })
    }
}
