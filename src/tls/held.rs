use std::collections::VecDeque;

use crate::model::{At, Lost, Pair, Side};

/// What an item takes beside its bytes at most: twice itself, for the queue grows by doubling, and what the allocator adds.
const OVERHEAD: usize = 2 * size_of::<Item>() + 32;

/// A piece of one side's input.
#[derive(Debug)]
pub(super) enum Input {
    Bytes(Vec<u8>),
    Gap(Lost),
    End,
}

/// Something that came and waits for keys.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) side: Side,
    pub(super) at: At,
    pub(super) input: Input,
}

impl Item {
    /// Returns how many bytes it takes.
    fn size(&self) -> usize {
        let bytes = if let Input::Bytes(bytes) = &self.input { bytes.capacity() } else { 0 };
        bytes.saturating_add(OVERHEAD)
    }
}

/// The input that waits for keys, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    waiting: VecDeque<Item>,
    /// What waited and is to be looked at again, before anything that comes anew.
    again: VecDeque<Item>,
    /// A record of this side waits: all behind it waits, too.
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

    /// Holds what came of a side, and all of it from now on.
    pub(super) fn hold(&mut self, side: Side, at: At, input: Input) {
        self.blocked[side] = true;
        if matches!(&input, Input::Bytes(bytes) if bytes.is_empty()) {
            return;
        }
        let item = Item { side, at, input };
        self.bytes = self.bytes.saturating_add(item.size());
        self.waiting.push_back(item);
    }

    /// Has everything looked at again: something became known.
    pub(super) fn release(&mut self) {
        self.blocked = Pair::default();
        self.again.append(&mut self.waiting);
    }

    /// Returns what is to be looked at again.
    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.again.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.size());
        Some(item)
    }

    /// Returns the oldest that waits, and holds it no longer.
    pub(super) fn oldest(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.size());
        Some(item)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = InputQueue::default();
    }

    /// Exchanges the sides.
    pub(super) fn swap(&mut self) {
        self.blocked.swap();
        for item in self.waiting.iter_mut().chain(&mut self.again) {
            item.side = !item.side;
        }
    }

    /// Returns how many bytes what waits takes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
