//! Bytes of one side whose meaning depends on a head of the other side that has not been seen yet.

use std::collections::VecDeque;

use crate::model::{At, Lost};

/// The size of a piece in addition to its bytes, so that many small ones stay within the bound.
const PIECE: usize = 32;

/// A piece of what one side sent before its meaning was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BufferedBytes {
    /// Bytes, and the packet that contained them.
    Bytes(Vec<u8>, At),
    /// Bytes that are missing.
    Gap(Lost),
}

impl BufferedBytes {
    /// Returns the packet that contained the bytes.
    pub const fn at(&self) -> Option<At> {
        match self {
            BufferedBytes::Bytes(_, at) => Some(*at),
            BufferedBytes::Gap(_) => None,
        }
    }

    /// Returns the memory allocated on the heap, in bytes.
    pub fn allocated(&self) -> usize {
        match self {
            BufferedBytes::Bytes(bytes, _) => bytes.capacity(),
            BufferedBytes::Gap(_) => 0,
        }
    }

    fn size(&self) -> usize {
        match self {
            BufferedBytes::Bytes(bytes, _) => bytes.len().saturating_add(PIECE),
            BufferedBytes::Gap(_) => PIECE,
        }
    }
}

/// A queue of pieces, whose bound is passed with each of them.
#[derive(Debug, Default)]
pub(super) struct EarlyBytes {
    pieces: VecDeque<BufferedBytes>,
    size: usize,
}

impl EarlyBytes {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds as many bytes as `limit` allows; returns how many.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At, limit: usize) -> usize {
        let room = limit.saturating_sub(self.size);
        if let Some(BufferedBytes::Bytes(held, by)) = self.pieces.back_mut()
            && *by == carried
        {
            let kept = bytes.get(..room).unwrap_or(bytes);
            held.extend_from_slice(kept);
            self.size = self.size.saturating_add(kept.len());
            return kept.len();
        }
        let kept = bytes.get(..room.saturating_sub(PIECE)).unwrap_or(bytes);
        if !kept.is_empty() {
            self.add(BufferedBytes::Bytes(kept.to_vec(), carried));
        }
        kept.len()
    }

    /// Adds a gap; returns whether `limit` allows it.
    pub(super) fn gap(&mut self, lost: Lost, limit: usize) -> bool {
        if let Some(BufferedBytes::Gap(held)) = self.pieces.back_mut() {
            *held = held.and(lost);
            return true;
        }
        let fits = self.size.saturating_add(PIECE) <= limit;
        if fits {
            self.add(BufferedBytes::Gap(lost));
        }
        fits
    }

    fn add(&mut self, piece: BufferedBytes) {
        self.size = self.size.saturating_add(piece.size());
        self.pieces.push_back(piece);
    }

    /// Removes and returns the first piece.
    pub(super) fn pop(&mut self) -> Option<BufferedBytes> {
        let piece = self.pieces.pop_front()?;
        self.size = self.size.saturating_sub(piece.size());
        Some(piece)
    }

    /// Puts back the unused part of the first piece.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>, carried: At) {
        let piece = BufferedBytes::Bytes(bytes, carried);
        self.size = self.size.saturating_add(piece.size());
        self.pieces.push_front(piece);
    }

    /// Removes and returns all pieces.
    pub(super) fn take(&mut self) -> Vec<BufferedBytes> {
        self.size = 0;
        std::mem::take(&mut self.pieces).into()
    }

    /// Returns the first bytes up to the next gap, at most `most` of them, skipping a gap before them.
    pub(super) fn first_run(&self, most: usize) -> Vec<u8> {
        let pieces = self.pieces.iter().skip_while(|piece| matches!(piece, BufferedBytes::Gap(_)));
        run(pieces, most)
    }

    /// Returns the bytes after the last gap, at most `most` of them.
    pub(super) fn last_run(&self, most: usize) -> Vec<u8> {
        run(self.pieces.iter().skip(self.last_gap()), most)
    }

    /// Drops everything up to the last gap, and the first `before` bytes after it.
    pub(super) fn keep_last_run(&mut self, mut before: usize) {
        for _ in 0..self.last_gap() {
            self.pop();
        }
        while before > 0 {
            match self.pop() {
                Some(BufferedBytes::Bytes(bytes, carried)) if bytes.len() > before => {
                    self.put_back(bytes.get(before..).unwrap_or_default().to_vec(), carried);
                    return;
                }
                Some(BufferedBytes::Bytes(bytes, _)) => before = before.saturating_sub(bytes.len()),
                Some(BufferedBytes::Gap(_)) | None => return,
            }
        }
    }

    /// Returns the number of pieces up to and including the last gap.
    fn last_gap(&self) -> usize {
        let last = self.pieces.iter().rposition(|piece| matches!(piece, BufferedBytes::Gap(_)));
        last.map_or(0, |at| at.saturating_add(1))
    }

    /// Returns the number of buffered bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| match piece {
            BufferedBytes::Bytes(bytes, _) => sum.saturating_add(bytes.len() as u64),
            BufferedBytes::Gap(_) => sum,
        })
    }

    /// Returns the memory allocated on the heap, in bytes.
    pub(super) fn allocated(&self) -> usize {
        let pieces = self.pieces.capacity().saturating_mul(size_of::<BufferedBytes>());
        self.pieces.iter().map(BufferedBytes::allocated).fold(pieces, usize::saturating_add)
    }
}

/// Joins bytes up to the next gap, at most `most` of them.
fn run<'a>(pieces: impl Iterator<Item = &'a BufferedBytes>, most: usize) -> Vec<u8> {
    let bytes = pieces.map_while(|piece| match piece {
        BufferedBytes::Bytes(bytes, _) => Some(bytes),
        BufferedBytes::Gap(_) => None,
    });
    bytes.flatten().copied().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_in_order() {
        let (one, two) = (At { packet: 1, ..At::default() }, At { packet: 2, ..At::default() });
        let mut held = EarlyBytes::default();
        assert_eq!(held.push(b"ab", one, 1000), 2);
        assert_eq!(held.push(b"cd", one, 1000), 2);
        assert_eq!(held.push(b"ef", two, 1000), 2);
        assert!(held.gap(Lost::Exact(3), 1000) && held.gap(Lost::Exact(4), 1000));
        assert_eq!(held.push(b"g", two, 1000), 1);
        assert_eq!(held.pop(), Some(BufferedBytes::Bytes(b"abcd".to_vec(), one)));
        held.put_back(b"d".to_vec(), one);
        let rest = [
            BufferedBytes::Bytes(b"d".to_vec(), one),
            BufferedBytes::Bytes(b"ef".to_vec(), two),
            BufferedBytes::Gap(Lost::Exact(7)),
            BufferedBytes::Bytes(b"g".to_vec(), two),
        ];
        assert_eq!(held.take(), rest);
        assert!(held.is_empty());
    }

    #[test]
    fn the_bound_counts_small_pieces_too() {
        let mut held = EarlyBytes::default();
        for _ in 0..10_000 {
            held.push(b"x", At::default(), 1000);
            held.gap(Lost::Exact(1), 1000);
            assert!(held.allocated() < 4000, "{}", held.allocated());
        }
        assert_eq!(held.push(&[0; 2000], At::default(), 1000), 0);
    }
}
