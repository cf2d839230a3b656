use std::collections::BTreeMap;

/// The windows of conversations with idle inflaters: their memory, and the order in which they became idle.
#[derive(Debug, Default)]
pub(super) struct RestingWindows {
    /// The slots in the order in which they became idle.
    order: BTreeMap<u64, usize>,
    /// Each slot's index in that order, and the size of its windows.
    places: BTreeMap<usize, (u64, usize)>,
    next: u64,
    bytes: usize,
}

impl RestingWindows {
    /// Adds the connection of a slot, whose windows take `bytes` bytes.
    pub(super) fn enter(&mut self, slot: usize, bytes: usize) {
        self.leave(slot);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.order.insert(number, slot);
        self.places.insert(slot, (number, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Removes the connection of a slot, because it inflates again or is over.
    pub(super) fn leave(&mut self, slot: usize) {
        if let Some((number, bytes)) = self.places.remove(&slot) {
            self.order.remove(&number);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Returns the memory of all windows.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Removes and returns the slot that became idle first, if all windows exceed `limit` bytes.
    pub(super) fn next_excess(&mut self, limit: usize) -> Option<usize> {
        let (_, &slot) = self.order.first_key_value().filter(|_| self.bytes > limit)?;
        self.leave(slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::RestingWindows;

    #[test]
    fn the_first_to_rest_is_the_first_to_give_its_window_up() {
        let mut windows = RestingWindows::default();
        windows.enter(7, 100);
        windows.enter(3, 50);
        assert_eq!(windows.next_excess(150), None);
        windows.enter(7, 110);
        assert_eq!((windows.next_excess(150), windows.next_excess(150)), (Some(3), None));
        windows.leave(7);
        windows.leave(7);
        assert_eq!(windows.next_excess(0), None);
    }
}
