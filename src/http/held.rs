//! Bytes of one side that have no meaning before the other side's head is known.

use std::collections::VecDeque;

use crate::model::At;

/// Is what a piece counts for beside its bytes, so that many small ones stay within the bound.
const PIECE: usize = 32;

/// Is a piece of what one side sent before its meaning was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// Bytes, and the packet that carried them.
    Bytes(Vec<u8>, At),
    /// So many bytes that are missing.
    Gap(u64),
}

impl Early {
    /// Returns the packet that carried bytes.
    pub const fn at(&self) -> Option<At> {
        match self {
            Early::Bytes(_, at) => Some(*at),
            Early::Gap(_) => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Early::Bytes(bytes, _) => bytes.len().saturating_add(PIECE),
            Early::Gap(_) => PIECE,
        }
    }
}

/// Keeps pieces in order, within a bound that is given with each of them.
#[derive(Debug, Default)]
pub(super) struct Held {
    pieces: VecDeque<Early>,
    size: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Keeps as many bytes as `limit` allows; returns how many.
    pub(super) fn push(&mut self, bytes: &[u8], carried: At, limit: usize) -> usize {
        let room = limit.saturating_sub(self.size);
        if let Some(Early::Bytes(held, by)) = self.pieces.back_mut()
            && *by == carried
        {
            let kept = bytes.get(..room).unwrap_or(bytes);
            held.extend_from_slice(kept);
            self.size = self.size.saturating_add(kept.len());
            return kept.len();
        }
        let kept = bytes.get(..room.saturating_sub(PIECE)).unwrap_or(bytes);
        if !kept.is_empty() {
            self.add(Early::Bytes(kept.to_vec(), carried));
        }
        kept.len()
    }

    /// Notes a gap; returns whether `limit` allows it.
    pub(super) fn gap(&mut self, length: u64, limit: usize) -> bool {
        if let Some(Early::Gap(held)) = self.pieces.back_mut() {
            *held = held.saturating_add(length);
            return true;
        }
        let fits = self.size.saturating_add(PIECE) <= limit;
        if fits {
            self.add(Early::Gap(length));
        }
        fits
    }

    fn add(&mut self, piece: Early) {
        self.size = self.size.saturating_add(piece.size());
        self.pieces.push_back(piece);
    }

    /// Takes the first piece.
    pub(super) fn pop(&mut self) -> Option<Early> {
        let piece = self.pieces.pop_front()?;
        self.size = self.size.saturating_sub(piece.size());
        Some(piece)
    }

    /// Puts back what was not used of the first piece.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>, carried: At) {
        let piece = Early::Bytes(bytes, carried);
        self.size = self.size.saturating_add(piece.size());
        self.pieces.push_front(piece);
    }

    /// Takes all pieces.
    pub(super) fn take(&mut self) -> Vec<Early> {
        self.size = 0;
        std::mem::take(&mut self.pieces).into()
    }

    /// Returns the first bytes, whether or not a gap comes before them.
    pub(super) fn first(&self) -> Option<&[u8]> {
        self.pieces.iter().find_map(|piece| match piece {
            Early::Bytes(bytes, _) => Some(bytes.as_slice()),
            Early::Gap(_) => None,
        })
    }

    /// Returns how many bytes are held.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.iter().fold(0, |sum, piece| match piece {
            Early::Bytes(bytes, _) => sum.saturating_add(bytes.len() as u64),
            Early::Gap(_) => sum,
        })
    }

    /// Returns how many bytes of heap it holds.
    pub(super) fn allocated(&self) -> usize {
        let bytes = self.pieces.iter().fold(0_usize, |sum, piece| match piece {
            Early::Bytes(bytes, _) => sum.saturating_add(bytes.capacity()),
            Early::Gap(_) => sum,
        });
        self.pieces.capacity().saturating_mul(size_of::<Early>()).saturating_add(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_in_order() {
        let (one, two) = (At { packet: 1, ..At::default() }, At { packet: 2, ..At::default() });
        let mut held = Held::default();
        assert_eq!(held.push(b"ab", one, 1000), 2);
        assert_eq!(held.push(b"cd", one, 1000), 2);
        assert_eq!(held.push(b"ef", two, 1000), 2);
        assert!(held.gap(3, 1000) && held.gap(4, 1000));
        assert_eq!(held.push(b"g", two, 1000), 1);
        assert_eq!(held.pop(), Some(Early::Bytes(b"abcd".to_vec(), one)));
        held.put_back(b"d".to_vec(), one);
        let rest = [
            Early::Bytes(b"d".to_vec(), one),
            Early::Bytes(b"ef".to_vec(), two),
            Early::Gap(7),
            Early::Bytes(b"g".to_vec(), two),
        ];
        assert_eq!(held.take(), rest);
        assert!(held.is_empty());
    }

    #[test]
    fn the_bound_counts_small_pieces_too() {
        let mut held = Held::default();
        for _ in 0..10_000 {
            held.push(b"x", At::default(), 1000);
            held.gap(1, 1000);
            assert!(held.allocated() < 4000, "{}", held.allocated());
        }
        assert_eq!(held.push(&[0; 2000], At::default(), 1000), 0);
    }
}
