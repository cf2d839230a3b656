use std::ops::{Deref, DerefMut};

/// A bounded list of a shard's individual items; those beyond the bounds are only counted, by the owner.
#[derive(Clone, Debug)]
pub struct BoundedList<T> {
    items: Vec<T>,
    /// The total size of the items' texts in bytes.
    bytes: usize,
}

impl<T> Default for BoundedList<T> {
    fn default() -> Self {
        BoundedList { items: Vec::new(), bytes: 0 }
    }
}

impl<T> BoundedList<T> {
    /// The maximum number of items.
    pub const ITEMS: usize = 2048;
    /// The maximum total size of their texts in bytes.
    pub const BYTES: usize = 1 << 20;

    /// Appends an item with `bytes` bytes of text, and returns whether there was room for it.
    pub fn push(&mut self, item: T, bytes: usize) -> bool {
        let sum = self.bytes.saturating_add(bytes);
        let fits = self.items.len() < Self::ITEMS && sum <= Self::BYTES;
        if fits {
            self.items.push(item);
            self.bytes = sum;
        }
        fits
    }

    /// Changes the last item, which grows by at most `bytes` bytes of text; leaves it as it is if there is no room for them.
    pub fn extend_last(&mut self, bytes: usize, change: impl FnOnce(&mut T)) {
        let sum = self.bytes.saturating_add(bytes);
        if let Some(last) = self.items.last_mut().filter(|_| sum <= Self::BYTES) {
            change(last);
            self.bytes = sum;
        }
    }

    /// Appends the items of another shard, to which the bounds applied separately.
    pub fn append(&mut self, other: Self) {
        self.items.extend(other.items);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Returns the items.
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }
}

impl<T> Deref for BoundedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> DerefMut for BoundedList<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

#[cfg(test)]
mod tests {
    use super::BoundedList;

    #[test]
    fn items_and_their_bytes_are_bounded() {
        let mut list = BoundedList::default();
        let kept = (0..3000).filter(|n| list.push(*n, 100)).count();
        assert_eq!((kept, list.len()), (BoundedList::<i32>::ITEMS, BoundedList::<i32>::ITEMS));
        let mut list = BoundedList::default();
        let kept = (0..100).filter(|n| list.push(*n, 64 << 10)).count();
        assert_eq!(kept, 16);
        assert!(!list.push(0, 1));
        list.extend_last(1, |last| *last = 7);
        assert_eq!(list.last(), Some(&15));
        let mut other = BoundedList::default();
        assert!(other.push(7, 1));
        list.append(other);
        assert_eq!((list.len(), list.last()), (17, Some(&7)));
    }
}
