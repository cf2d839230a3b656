/// A reader of bits from the low end of each byte up (RFC 1951 §3.1.1), across any cut of the input.
///
/// What is not used yet is kept in one word, so a step that lacks bits is simply tried again: copy the reader, read
/// from the copy, and put it back where all was there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    /// The next bits, lowest first; those beyond `count` are true or zero, for they may come from bytes not yet taken.
    hold: u64,
    count: u32,
}

impl Bits {
    /// Takes bytes from the input until 56 bits are there, or no bytes are left.
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

    /// Returns the next bits, at least as many as there are.
    pub(super) const fn peek(self) -> u64 {
        self.hold
    }

    /// Drops `count` bits, at most 32; `None` where there are not so many.
    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.hold = self.hold.wrapping_shr(count);
        Some(())
    }

    /// Reads `count` bits, at most 32, as a number; `None` where there are not so many.
    pub(super) fn read(&mut self, count: u32) -> Option<usize> {
        let mask = 1_u64.wrapping_shl(count).wrapping_sub(1);
        let value = self.hold & mask;
        self.skip(count)?;
        usize::try_from(value).ok()
    }

    /// Drops what is left of the current byte.
    pub(super) fn align(&mut self) {
        let left = self.count & 7;
        self.hold = self.hold.wrapping_shr(left);
        self.count = self.count.wrapping_sub(left);
    }

    /// Takes one whole byte; call it on a byte's edge. After `None` the next byte is the input's first.
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

    /// Returns whether nothing is left but the zero bits that fill up a byte.
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
        assert!(input.is_empty(), "bits are lacking only where the input is used up");
    }
}
