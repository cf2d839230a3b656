use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc};

pub(super) type Block = [u8; 16];

/// AES encryption with a key of 16 or 32 bytes.
#[allow(clippy::large_enum_variant, reason = "it is boxed with the cipher that has it")]
pub(super) enum Encrypt {
    Aes128(Aes128Enc),
    Aes256(Aes256Enc),
}

impl Encrypt {
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).ok().map(Encrypt::Aes128),
            _ => Aes256Enc::new_from_slice(key).ok().map(Encrypt::Aes256),
        }
    }

    pub(super) fn blocks(&self, blocks: &mut [Block]) {
        let blocks = Array::cast_slice_from_core_mut(blocks);
        match self {
            Encrypt::Aes128(aes) => aes.encrypt_blocks(blocks),
            Encrypt::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
    }

    pub(super) fn block(&self, mut block: Block) -> Block {
        self.blocks(std::slice::from_mut(&mut block));
        block
    }

    /// Applies the CTR-mode keystream from byte `position` on; `counter` returns the counter block with a given number.
    pub(super) fn xor(&self, counter: impl Fn(u32) -> Block, position: usize, bytes: &mut [u8]) {
        /// Several times the number of blocks that a processor's pipeline handles at once.
        const TOGETHER: usize = 32;
        let mut number = u32::try_from(position / 16).unwrap_or(u32::MAX);
        let mut stream = [[0; 16]; TOGETHER];
        let (head, mut rest) =
            bytes.split_at_mut(bytes.len().min(position.next_multiple_of(16).saturating_sub(position)));
        if !head.is_empty() {
            let block = self.block(counter(number));
            let used = block.get(position % 16..).unwrap_or_default();
            head.iter_mut().zip(used).for_each(|(byte, key)| *byte ^= key);
            number = number.wrapping_add(1);
        }
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(rest.len().min(TOGETHER * 16));
            let used = stream.get_mut(..now.len().div_ceil(16)).unwrap_or_default();
            for block in &mut *used {
                *block = counter(number);
                number = number.wrapping_add(1);
            }
            self.blocks(used);
            xor(now, used);
            rest = later;
        }
    }
}

fn xor(bytes: &mut [u8], stream: &[Block]) {
    let (blocks, tail) = bytes.as_chunks_mut::<16>();
    for (block, key) in blocks.iter_mut().zip(stream) {
        *block = (u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(*key)).to_ne_bytes();
    }
    if let Some(key) = stream.get(blocks.len()) {
        tail.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }
}

/// AES decryption with a key of 16 or 32 bytes.
#[allow(clippy::large_enum_variant, reason = "it is boxed with the cipher that has it")]
pub(super) enum Decrypt {
    Aes128(Aes128Dec),
    Aes256(Aes256Dec),
}

impl Decrypt {
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128Dec::new_from_slice(key).ok().map(Decrypt::Aes128),
            _ => Aes256Dec::new_from_slice(key).ok().map(Decrypt::Aes256),
        }
    }

    pub(super) fn blocks(&self, blocks: &mut [Block]) {
        let blocks = Array::cast_slice_from_core_mut(blocks);
        match self {
            Decrypt::Aes128(aes) => aes.decrypt_blocks(blocks),
            Decrypt::Aes256(aes) => aes.decrypt_blocks(blocks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stream_is_the_same_from_every_place() {
        let aes = Encrypt::new(&[7; 32]).unwrap();
        let counter = |n: u32| (u128::from(n) + 5).to_be_bytes();
        let mut all = vec![0; 1_500];
        aes.xor(counter, 0, &mut all);
        assert_eq!(all[16..32], aes.block(counter(1)));
        for (from, until) in [(0, 1), (1, 15), (15, 17), (3, 1_500), (16, 560), (530, 1_043), (1_499, 1_500)]
        {
            let mut part = vec![0; until - from];
            aes.xor(counter, from, &mut part);
            assert_eq!(part, all[from..until], "{from}..{until}");
        }
    }
}
