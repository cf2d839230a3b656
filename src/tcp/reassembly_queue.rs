use std::collections::BTreeMap;
use std::ops::Range;

use super::Limits;
use super::differences::Differences;
use crate::model::{At, Timestamp};

/// The size of a block. Blocks are aligned to fixed stream offsets, so that segments of any size share them.
const BLOCK_SIZE: usize = 4096;
const BLOCK: u64 = BLOCK_SIZE as u64;
/// The memory of a block, including its tree entry and the allocator's overhead.
const BLOCK_COST: usize = BLOCK_SIZE + 64;
/// The memory of a piece in a tree whose nodes are at least five elevenths full.
const PIECE_COST: usize = 112;
/// The memory of the trees once there is a piece: three roots and the struct itself.
const BASE_COST: usize = 2048;

/// The end of a gap, where something was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Its stream offset.
    pub(super) offset: u64,
    /// The packet that showed it.
    pub(super) at: At,
    /// When the other side acknowledged everything before it; [`Timestamp::MAX`] if it has not.
    pub(super) acked: Timestamp,
}

/// A run of bytes, or of bytes truncated by the snap length; its start is the key.
#[derive(Clone, Copy, Debug)]
struct Piece {
    length: u64,
    at: At,
    acked: Timestamp,
}

/// A run of queued bytes taken out for delivery; its bytes stay until [`ReassemblyQueue::release`].
#[derive(Clone, Copy, Debug)]
pub(super) struct WaitingRun {
    pub(super) start: u64,
    pub(super) length: u64,
    pub(super) at: At,
}

/// The segments queued after a gap in one direction: bytes, ranges truncated by the snap length, FIN and RST.
///
/// Bytes are stored in blocks at fixed stream offsets; pieces record which of them are known and which packet carried
/// them. So many small segments share a block, nothing is ever moved, and each operation is O(log n) for each piece it
/// touches.
#[derive(Debug, Default)]
pub(super) struct ReassemblyQueue {
    /// Runs of known bytes by their start; they never overlap.
    pieces: BTreeMap<u64, Piece>,
    /// The bytes, by stream offset divided by [`BLOCK`].
    blocks: BTreeMap<u64, Box<[u8; BLOCK_SIZE]>>,
    /// Ranges truncated by the snap length; they neither overlap nor touch, but known bytes may overlap them.
    cuts: BTreeMap<u64, Piece>,
    /// Where the stream ends.
    pub(super) fin: Option<Mark>,
    /// Where the stream was reset.
    pub(super) rst: Option<Mark>,
}

impl ReassemblyQueue {
    /// Returns whether the queue is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.cuts.is_empty() && self.fin.is_none() && self.rst.is_none()
    }

    /// Returns the allocated memory in bytes, rounded up.
    pub(super) fn allocated(&self) -> usize {
        self.cost(0, 0)
    }

    /// Returns the number of queued pieces.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len().saturating_add(self.cuts.len())
    }

    /// Returns the memory it would use with the given number of pieces and blocks added.
    fn cost(&self, more_pieces: usize, more_blocks: usize) -> usize {
        let pieces = self.pieces().saturating_add(more_pieces);
        let blocks = self.blocks.len().saturating_add(more_blocks);
        BASE_COST
            .saturating_add(pieces.saturating_mul(PIECE_COST))
            .saturating_add(blocks.saturating_mul(BLOCK_COST))
    }

    /// Returns whether the given number of additional pieces and blocks stays within the bounds.
    fn has_room(&self, more_pieces: usize, more_blocks: usize, limits: &Limits) -> bool {
        let pieces = self.pieces().saturating_add(more_pieces);
        pieces <= limits.waiting_pieces && self.cost(more_pieces, more_blocks) <= limits.waiting_bytes
    }

    /// Returns the first queued item, which ends the gap before it.
    pub(super) fn front(&self) -> Option<Mark> {
        let first = |(&offset, piece): (&u64, &Piece)| Mark { offset, at: piece.at, acked: piece.acked };
        let pieces = self.pieces.first_key_value().map(first);
        let cuts = self.cuts.first_key_value().map(first);
        [pieces, cuts, self.fin, self.rst].into_iter().flatten().min_by_key(|mark| mark.offset)
    }

    /// Returns the offset of the first queued byte.
    pub(super) fn first_byte(&self) -> Option<u64> {
        self.pieces.first_key_value().map(|(&start, _)| start)
    }

    /// Returns whether every byte of `range` is queued.
    pub(super) fn knows(&self, range: Range<u64>) -> bool {
        let mut at = range.start;
        while at < range.end {
            let before = self.pieces.range(..=at).next_back();
            match before.map(|(first, piece)| first.saturating_add(piece.length)).filter(|end| *end > at) {
                Some(end) => at = end,
                None => return false,
            }
        }
        true
    }

    /// Notes that the acknowledged offset advanced from `after` to `upto`.
    pub(super) fn acknowledge(&mut self, after: u64, upto: u64, now: Timestamp) {
        let marks = [self.fin.as_mut(), self.rst.as_mut()].into_iter().flatten();
        for mark in marks.filter(|mark| mark.offset <= upto && mark.acked == Timestamp::MAX) {
            mark.acked = now;
        }
        let range = after.saturating_add(1)..=upto;
        if range.is_empty() {
            return;
        }
        for tree in [&mut self.pieces, &mut self.cuts] {
            for (_, piece) in tree.range_mut(range.clone()) {
                if piece.acked == Timestamp::MAX {
                    piece.acked = now;
                }
            }
        }
    }

    /// Copies the unknown bytes of `bytes`, compares the rest, and returns how many bytes were processed: fewer than
    /// all if a bound was reached.
    pub(super) fn insert(
        &mut self,
        mark: Mark,
        bytes: &[u8],
        limits: &Limits,
        differences: &mut Differences,
    ) -> usize {
        let mut todo = bytes;
        while !todo.is_empty() {
            let start = mark.offset.saturating_add((bytes.len() as u64).saturating_sub(todo.len() as u64));
            let covered = self
                .pieces
                .range(..=start)
                .next_back()
                .and_then(|(&first, piece)| first.saturating_add(piece.length).checked_sub(start))
                .filter(|&length| length > 0);
            if let Some(length) = covered {
                let (copy, beyond) = split(todo, length);
                self.compare(start, copy, differences);
                todo = beyond;
                continue;
            }
            let free =
                self.pieces.range(start..).next().map_or(u64::MAX, |(&next, _)| next.saturating_sub(start));
            let (fresh, beyond) = split(todo, free);
            let length = fresh.len() as u64;
            let last = start.saturating_add(length).saturating_sub(1);
            let missing =
                (start / BLOCK..=last / BLOCK).filter(|block| !self.blocks.contains_key(block)).count();
            if !self.has_room(1, missing, limits) {
                break;
            }
            self.write(start, fresh);
            let piece = Piece { length, at: mark.at, acked: mark.acked };
            self.pieces.insert(start, piece);
            todo = beyond;
        }
        bytes.len().saturating_sub(todo.len())
    }

    /// Notes that `length` bytes from `mark` on were truncated by the snap length; returns false if a bound was
    /// reached.
    pub(super) fn insert_cut(&mut self, mark: Mark, length: u64, limits: &Limits) -> bool {
        let mut start = mark.offset;
        let mut end = start.saturating_add(length);
        let mut piece = Piece { length, at: mark.at, acked: mark.acked };
        // Ranges that touch are merged, keeping the packet of the first byte.
        let touching = self.cuts.range(..=end).next_back().map(|(&first, &other)| (first, other));
        match touching {
            Some((first, other)) if first.saturating_add(other.length) >= start => {
                let mut joined = Some((first, other));
                while let Some((first, other)) = joined {
                    self.cuts.remove(&first);
                    if first <= start {
                        start = first;
                        piece = other;
                    }
                    end = end.max(first.saturating_add(other.length));
                    joined = self
                        .cuts
                        .range(..=end)
                        .next_back()
                        .map(|(&first, &other)| (first, other))
                        .filter(|(first, other)| first.saturating_add(other.length) >= start);
                }
            }
            _ if !self.has_room(1, 0, limits) => return false,
            _ => {}
        }
        piece.length = end.saturating_sub(start);
        self.cuts.insert(start, piece);
        true
    }

    /// Takes out the run of bytes that starts at `position`, limited to `upto`.
    pub(super) fn take(&mut self, position: u64, upto: u64) -> Option<WaitingRun> {
        let first = self.pieces.first_entry().filter(|first| *first.key() == position && position < upto)?;
        let piece = first.remove();
        Some(WaitingRun {
            start: position,
            length: piece.length.min(upto.saturating_sub(position)),
            at: piece.at,
        })
    }

    /// Returns the first bytes of `held` that lie in one block.
    pub(super) fn bytes(&self, held: &WaitingRun) -> &[u8] {
        let within = (held.start % BLOCK) as usize;
        let block = self.blocks.get(&(held.start / BLOCK));
        let rest = block.and_then(|block| block.get(within..)).unwrap_or_default();
        split(rest, held.length).0
    }

    /// Returns the end of the truncated range at `position` and the packet it belonged to.
    pub(super) fn cut_at(&mut self, position: u64) -> Option<(u64, At)> {
        while let Some(first) = self.cuts.first_entry().filter(|first| *first.key() <= position) {
            let (end, at) = (first.key().saturating_add(first.get().length), first.get().at);
            if end > position {
                return Some((end, at));
            }
            first.remove();
        }
        None
    }

    /// Releases the memory of everything entirely before `position`.
    pub(super) fn release(&mut self, position: u64) {
        while let Some(first) = self.blocks.first_entry().filter(|first| *first.key() < position / BLOCK) {
            first.remove();
        }
        while let Some(first) = self.cuts.first_entry().filter(|first| *first.key() < position) {
            let (end, mut piece) = (first.key().saturating_add(first.get().length), first.remove());
            if end > position {
                piece.length = end.saturating_sub(position);
                self.cuts.insert(position, piece);
                break;
            }
        }
    }

    /// Compares a later copy with the known bytes from `start` on.
    pub(super) fn compare(&self, start: u64, copy: &[u8], differences: &mut Differences) {
        let mut held = WaitingRun { start, length: copy.len() as u64, at: At::default() };
        let mut copy = copy;
        while !copy.is_empty() {
            let known = self.bytes(&held);
            let Some((same_place, beyond)) = copy.split_at_checked(known.len()).filter(|_| !known.is_empty())
            else {
                return;
            };
            differences.compare(held.start, known, same_place);
            held.start = held.start.saturating_add(known.len() as u64);
            held.length = beyond.len() as u64;
            copy = beyond;
        }
    }

    fn write(&mut self, start: u64, bytes: &[u8]) {
        let (mut start, mut bytes) = (start, bytes);
        while !bytes.is_empty() {
            let within = start % BLOCK;
            let (here, beyond) = split(bytes, BLOCK.saturating_sub(within));
            let block = self.blocks.entry(start / BLOCK).or_insert_with(|| Box::new([0; BLOCK_SIZE]));
            if let Some(place) = block.get_mut(within as usize..).and_then(|rest| rest.get_mut(..here.len()))
            {
                place.copy_from_slice(here);
            }
            start = start.saturating_add(here.len() as u64);
            bytes = beyond;
        }
    }
}

/// Splits at most `length` bytes off the front.
pub(super) fn split(bytes: &[u8], length: u64) -> (&[u8], &[u8]) {
    usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length)).unwrap_or((bytes, &[]))
}
