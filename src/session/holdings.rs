/// The memory that connections hold, in bytes as allocated, by how they can be made to hold less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// What they are: their layers, and heads that are not whole or wait for an answer. Given up with the connection.
    pub(super) state: usize,
    /// What waits out of order, or is searched in a conversation.
    pub(super) waiting: usize,
    /// What is searched for a conversation joined late.
    pub(super) searched: usize,
    /// What waits for keys.
    pub(super) for_keys: usize,
}

impl Holdings {
    /// Returns what this and another one are together.
    pub(super) fn and(mut self, other: Holdings) -> Holdings {
        self.replace(Holdings::default(), other);
        self
    }

    /// Counts what one connection holds now in place of what it held before.
    pub(super) const fn replace(&mut self, before: Holdings, now: Holdings) {
        const fn replace(sum: &mut usize, before: usize, now: usize) {
            *sum = sum.saturating_sub(before).saturating_add(now);
        }
        replace(&mut self.state, before.state, now.state);
        replace(&mut self.waiting, before.waiting, now.waiting);
        replace(&mut self.searched, before.searched, now.searched);
        replace(&mut self.for_keys, before.for_keys, now.for_keys);
    }

    /// Returns all of it.
    pub(super) const fn sum(self) -> usize {
        self.state.saturating_add(self.waiting).saturating_add(self.searched).saturating_add(self.for_keys)
    }
}
