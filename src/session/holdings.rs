/// The allocated memory of connections in bytes, by how it can be released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Their layers, and heads that are incomplete or wait for a response. Released with the connection.
    pub(super) state: usize,
    /// Data queued out of order, or searched in a conversation.
    pub(super) waiting: usize,
    /// Data searched for a mid-stream conversation.
    pub(super) searched: usize,
    /// Data that waits for keys.
    pub(super) for_keys: usize,
}

impl Holdings {
    /// Returns the sum of this and `other`.
    pub(super) fn and(mut self, other: Holdings) -> Holdings {
        self.replace(Holdings::default(), other);
        self
    }

    /// Replaces the previous memory of one connection with its current memory.
    pub(super) const fn replace(&mut self, before: Holdings, now: Holdings) {
        const fn replace(sum: &mut usize, before: usize, now: usize) {
            *sum = sum.saturating_sub(before).saturating_add(now);
        }
        replace(&mut self.state, before.state, now.state);
        replace(&mut self.waiting, before.waiting, now.waiting);
        replace(&mut self.searched, before.searched, now.searched);
        replace(&mut self.for_keys, before.for_keys, now.for_keys);
    }

    /// Returns the total.
    pub(super) const fn sum(self) -> usize {
        self.state.saturating_add(self.waiting).saturating_add(self.searched).saturating_add(self.for_keys)
    }
}
