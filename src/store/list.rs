/// The number of elements per block of a [`List`], as a power of two.
const SHIFT: u32 = 14;
const BLOCK: usize = 1 << SHIFT;

/// A list that grows without moving its elements: a million entries are never copied at once, nor held in memory twice.
#[derive(Debug)]
pub(super) struct List<T> {
    blocks: Vec<Vec<T>>,
    length: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List { blocks: Vec::new(), length: 0 }
    }
}

impl<T> List<T> {
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, value: T) {
        if self.length & (BLOCK.wrapping_sub(1)) == 0 {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(value);
            self.length = self.length.saturating_add(1);
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.blocks.get(at >> SHIFT)?.get(at & (BLOCK.wrapping_sub(1)))
    }

    /// Returns the number of leading elements that satisfy `is`, which no later element may satisfy.
    pub(super) fn partition_point(&self, is: impl Fn(&T) -> bool) -> usize {
        let whole = self.blocks.partition_point(|block| block.last().is_some_and(&is));
        let inside = self.blocks.get(whole).map_or(0, |block| block.partition_point(&is));
        // The last block may be partly filled.
        (whole << SHIFT).saturating_add(inside).min(self.length)
    }

    /// Returns the memory use in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.blocks.len().saturating_mul(BLOCK).saturating_mul(size_of::<T>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_pushed_across_blocks() {
        let mut list = List::default();
        for n in 0..3 * BLOCK + 7 {
            list.push(n);
        }
        assert_eq!(list.len(), 3 * BLOCK + 7);
        for n in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 3, 3 * BLOCK + 6] {
            assert_eq!(list.get(n), Some(&n));
            assert_eq!(list.partition_point(|&m| m < n), n);
        }
        assert_eq!(list.get(3 * BLOCK + 7), None);
        assert_eq!(list.partition_point(|_| true), list.len());
        assert_eq!(List::<u8>::default().partition_point(|_| true), 0);
    }
}
