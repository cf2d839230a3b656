use std::collections::VecDeque;

use crate::model::{At, Lost, Pair, Side};

/// The most memory an item takes besides its bytes: twice its size, because the queue doubles as it grows, and
/// allocator overhead.
const OVERHEAD: usize = 2 * size_of::<Item>() + 32;

/// A piece of one side's input.
#[derive(Debug)]
pub(super) enum Input {
    Bytes(Vec<u8>),
    Gap(Lost),
    End,
}

/// An input that waits for keys.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) side: Side,
    pub(super) at: At,
    pub(super) input: Input,
}

impl Item {
    /// Returns the memory it takes, in bytes.
    fn size(&self) -> usize {
        let bytes = if let Input::Bytes(bytes) = &self.input { bytes.capacity() } else { 0 };
        bytes.saturating_add(OVERHEAD)
    }
}

/// The input that waits for keys, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    waiting: VecDeque<Item>,
    /// Released items, which are processed before any new input.
    again: VecDeque<Item>,
    /// Whether a record of this side is waiting, so that everything after it waits as well.
    blocked: Pair<bool>,
    bytes: usize,
}

impl InputQueue {
    pub(super) fn is_blocked(&self, side: Side) -> bool {
        self.blocked[side]
    }

    pub(super) fn is_any_blocked(&self) -> bool {
        self.blocked.client || self.blocked.server
    }

    /// Queues an input of a side; everything after it is queued as well.
    pub(super) fn hold(&mut self, side: Side, at: At, input: Input) {
        self.blocked[side] = true;
        if matches!(&input, Input::Bytes(bytes) if bytes.is_empty()) {
            return;
        }
        let item = Item { side, at, input };
        self.bytes = self.bytes.saturating_add(item.size());
        self.waiting.push_back(item);
    }

    /// Releases all items for another attempt, because something became known.
    pub(super) fn release(&mut self) {
        self.blocked = Pair::default();
        self.again.append(&mut self.waiting);
    }

    /// Returns the next released item.
    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.again.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.size());
        Some(item)
    }

    /// Removes and returns the oldest waiting item.
    pub(super) fn oldest(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.size());
        Some(item)
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = InputQueue::default();
    }

    /// Swaps the sides.
    pub(super) fn swap(&mut self) {
        self.blocked.swap();
        for item in self.waiting.iter_mut().chain(&mut self.again) {
            item.side = !item.side;
        }
    }

    /// Returns the memory taken by the queued input, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
