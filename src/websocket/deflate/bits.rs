/// A bit reader, starting at the low end of each byte (RFC 1951 §3.1.1), that accepts input split anywhere.
///
/// Unused bits are kept in one word, so a step that lacks bits can simply be retried: copy the reader, read from the
/// copy, and store it back on success.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    /// The next bits, lowest first; those beyond `count` are either correct or zero, because they may come from bytes
    /// not yet consumed.
    hold: u64,
    count: u32,
}

impl Bits {
    /// Consumes input until at least 56 bits are available, or no bytes are left.
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        if let Some((eight, _)) = input.split_first_chunk::<8>() {
            self.hold |= u64::from_le_bytes(*eight).wrapping_shl(self.count);
            let taken = (63_u32.wrapping_sub(self.count)) >> 3;
            *input = input.get(taken as usize..).unwrap_or_default();
            self.count |= 0b11_1000;
            return;
        }
        while self.count < 56 {
            let Some((&byte, rest)) = input.split_first() else { return };
            self.hold |= u64::from(byte).wrapping_shl(self.count);
            self.count = self.count.wrapping_add(8);
            *input = rest;
        }
    }

    /// Returns the next bits, including all those available.
    pub(super) const fn peek(self) -> u64 {
        self.hold
    }

    /// Drops `count` bits, at most 32; returns `None` if fewer are available.
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.hold = self.hold.wrapping_shr(count);
        Some(())
    }

    /// Reads `count` bits, at most 32, as a number; returns `None` if fewer are available.
    pub(super) fn read(&mut self, count: u32) -> Option<usize> {
        let mask = 1_u64.wrapping_shl(count).wrapping_sub(1);
        let value = self.hold & mask;
        self.skip(count)?;
        usize::try_from(value).ok()
    }

    /// Drops the rest of the current byte.
    pub(super) fn align(&mut self) {
        let left = self.count & 7;
        self.hold = self.hold.wrapping_shr(left);
        self.count = self.count.wrapping_sub(left);
    }

    /// Reads one byte; must be called at a byte boundary. After `None` the next byte is the input's first.
    pub(super) fn byte(&mut self) -> Option<u8> {
        if self.count < 8 {
            self.hold = 0;
            return None;
        }
        let byte = self.hold.to_le_bytes().first().copied();
        self.hold = self.hold.wrapping_shr(8);
        self.count = self.count.wrapping_sub(8);
        byte
    }

    /// Returns whether only the zero bits that pad the last byte are left.
    pub(super) const fn is_padding(self) -> bool {
        self.count < 8 && self.hold == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_the_same_bits_however_the_input_is_cut(
            bytes: Vec<u8>, cut: prop::sample::Index, sizes in prop::collection::vec(0..=32_u32, 1..100),
        ) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let (mut bits, mut inputs) = (Bits::default(), [head, tail].into_iter());
            let mut input = inputs.next().unwrap();
            let mut at = 0;
            for size in sizes {
                bits.refill(&mut input);
                let value = bits.read(size).or_else(|| {
                    prop_assume_empty(input);
                    input = inputs.next().unwrap_or_default();
                    bits.refill(&mut input);
                    bits.read(size)
                });
                let naive = (at..at + size as usize)
                    .map(|bit| bytes.get(bit / 8).map(|byte| usize::from(byte >> (bit % 8) & 1)))
                    .rev()
                    .try_fold(0, |value, bit| Some(value << 1 | bit?));
                prop_assert_eq!(value, naive);
                if naive.is_none() { break }
                at += size as usize;
            }
        }
    }

    fn prop_assume_empty(input: &[u8]) {
        assert!(input.is_empty(), "bits are missing only if the input is used up");
    }
}
