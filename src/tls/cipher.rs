use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128Dec, Aes128Enc, Aes256Dec, Aes256Enc};
use zeroize::Zeroizing;

use super::cbc::Cbc;
use super::ccm::Ccm;
use super::chacha::Chacha;
use super::gcm::Gcm;
use super::record::Header;
use crate::hello::suite::Bulk;

pub(super) type Block = [u8; 16];

/// A protected record as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) header: Header,
    pub(super) fragment: &'a [u8],
    /// The end of the record before, to which TLS 1.0's CBC chains this one.
    pub(super) before: Option<Tail>,
}

/// A record of which some bytes are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pieces<'a> {
    pub(super) header: Header,
    /// The pieces, by their offsets in the fragment.
    pub(super) all: &'a [(usize, Vec<u8>)],
    pub(super) before: Option<Tail>,
}

/// The last bytes of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// They stand at its end.
    bytes: [u8; Self::LENGTH],
    length: usize,
}

impl Tail {
    /// A block and the longest MAC behind it.
    const LENGTH: usize = 64;

    /// Takes the last of some bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let length = bytes.len().min(Self::LENGTH);
        let mut tail = Tail { bytes: [0; Self::LENGTH], length };
        let (_, last) = bytes.split_at(bytes.len().saturating_sub(length));
        let (_, to) = tail.bytes.split_at_mut(Self::LENGTH.saturating_sub(length));
        to.copy_from_slice(last);
        tail
    }

    /// Returns the last block before so many bytes.
    pub(super) fn block(&self, behind: usize) -> Option<Block> {
        let end = Self::LENGTH.checked_sub(behind)?;
        let is_there = behind.saturating_add(16) <= self.length;
        self.bytes.get(..end)?.last_chunk().copied().filter(|_| is_there)
    }
}

impl Pieces<'_> {
    /// Returns the bytes at `offset`, as far as they lie together in one piece.
    pub(super) fn at(&self, offset: usize, length: usize) -> Option<&[u8]> {
        self.all.iter().find_map(|(start, bytes)| {
            let from = offset.checked_sub(*start)?;
            bytes.get(from..from.checked_add(length)?)
        })
    }
}

/// The plaintext around what is missing of a record.
#[derive(Debug, Default)]
pub(super) struct Revealed {
    /// The pieces, by their offsets in the plaintext, in order.
    pub(super) pieces: Vec<(usize, Vec<u8>)>,
    /// The length of the plaintext, where it can be known.
    pub(super) length: Option<usize>,
}

/// A cipher of the record layer. The number of a record is its place under its keys, from 0.
pub(super) trait Protection {
    /// Appends the plaintext of a record to `plain` if it is authentic under this number; says whether it is.
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool;

    /// Decrypts what there is of a record, without a proof that it was sent so.
    fn reveal(&self, record: &Pieces<'_>, number: u64) -> Revealed;
}

/// The cipher of one side and epoch, with its keys.
pub(super) enum Cipher {
    Gcm(Box<Gcm>),
    Ccm(Box<Ccm>),
    Chacha(Box<Chacha>),
    Cbc(Box<Cbc>),
}

/// The keys for one side; those that a cipher does not use are empty.
pub(super) struct KeyMaterial<'a> {
    pub(super) key: &'a [u8],
    pub(super) mac: &'a [u8],
    pub(super) iv: &'a [u8],
}

/// The forms of a record that depend on the protocol's version and on extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The version, as in `ServerHello`.
    pub(super) version: u16,
    /// The MAC is that of the ciphertext (RFC 7366).
    pub(super) encrypt_then_mac: bool,
}

impl Form {
    pub(super) const fn is_13(self) -> bool {
        self.version >= 0x0304
    }
}

impl Cipher {
    /// Makes a cipher; `None` where a key has another length than the cipher's.
    pub(super) fn new(bulk: Bulk, form: Form, keys: &KeyMaterial<'_>) -> Option<Self> {
        Some(match bulk {
            Bulk::Gcm(_) => Cipher::Gcm(Box::new(Gcm::new(form, keys)?)),
            Bulk::Ccm(_, tag) => Cipher::Ccm(Box::new(Ccm::new(form, tag, keys)?)),
            Bulk::Chacha => Cipher::Chacha(Box::new(Chacha::new(form, keys)?)),
            Bulk::Cbc(_, mac) => Cipher::Cbc(Box::new(Cbc::new(form, mac, keys)?)),
        })
    }

    pub(super) fn protection(&self) -> &dyn Protection {
        match self {
            Cipher::Gcm(it) => &**it,
            Cipher::Ccm(it) => &**it,
            Cipher::Chacha(it) => &**it,
            Cipher::Cbc(it) => &**it,
        }
    }

    /// Returns by how many bytes a fragment is longer than its plaintext; `None` where that differs.
    pub(super) fn overhead(&self) -> Option<usize> {
        match self {
            Cipher::Gcm(it) => Some(it.nonce.explicit().saturating_add(16)),
            Cipher::Ccm(it) => Some(it.nonce.explicit().saturating_add(it.tag)),
            Cipher::Chacha(_) => Some(16),
            Cipher::Cbc(_) => None,
        }
    }

    /// Returns how many bytes of the nonce stand in the record.
    pub(super) const fn explicit_nonce(&self) -> usize {
        match self {
            Cipher::Gcm(it) => it.nonce.explicit(),
            Cipher::Ccm(it) => it.nonce.explicit(),
            Cipher::Chacha(_) | Cipher::Cbc(_) => 0,
        }
    }

    /// Returns the length of the shortest fragment.
    pub(super) fn shortest(&self) -> usize {
        match self {
            Cipher::Cbc(it) => it.shortest(),
            _ => self.overhead().unwrap_or(16),
        }
    }
}

/// The construction of an AEAD's nonce.
pub(super) struct Nonce {
    iv: Zeroizing<[u8; 12]>,
    /// 8 bytes of it stand in the record (RFC 5288 §3); otherwise it is the number XOR `iv` (RFC 8446 §5.3).
    stands_in_record: bool,
    form: Form,
}

impl Nonce {
    /// Takes the 12 bytes of TLS 1.3 or RFC 7905, or the 4 of RFC 5288.
    pub(super) fn new(form: Form, iv: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 12]);
        bytes.get_mut(..iv.len())?.copy_from_slice(iv);
        Some(Nonce { iv: bytes, stands_in_record: iv.len() == 4, form })
    }

    /// Returns how many bytes of a fragment are nonce.
    pub(super) const fn explicit(&self) -> usize {
        if self.stands_in_record { 8 } else { 0 }
    }

    /// Returns the nonce of a record, whose explicit part is given.
    pub(super) fn of(&self, number: u64, explicit: &[u8]) -> [u8; 12] {
        let mut nonce = *self.iv;
        let (_, tail) = nonce.split_at_mut(4);
        let number = number.to_be_bytes();
        let explicit = if self.stands_in_record { explicit } else { &number };
        tail.iter_mut().zip(explicit).for_each(|(byte, other)| *byte ^= other);
        nonce
    }

    /// Returns the additional data of a record (RFC 8446 §5.2, RFC 5246 §6.2.3.3) and its length.
    pub(super) fn additional(&self, header: Header, number: u64, plain: usize) -> ([u8; 16], usize) {
        if self.form.is_13() { pad(&header.to_bytes()) } else { additional(header, number, plain) }
    }

    pub(super) const fn is_13(&self) -> bool {
        self.form.is_13()
    }

    /// Divides a fragment into explicit nonce, ciphertext and tag.
    pub(super) fn divide<'a>(
        &self,
        fragment: &'a [u8],
        tag: usize,
    ) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let (explicit, rest) = fragment.split_at_checked(self.explicit())?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(tag)?)?;
        Some((explicit, ciphertext, tag))
    }

    /// Decrypts the pieces of a record by their places in the key stream.
    pub(super) fn reveal(
        &self,
        record: &Pieces<'_>,
        number: u64,
        tag: usize,
        xor: impl Fn(&[u8; 12], usize, &mut [u8]),
    ) -> Revealed {
        let explicit = self.explicit();
        let Some(length) = record.header.length.checked_sub(explicit.saturating_add(tag)) else {
            return Revealed::default();
        };
        let Some(nonce) = record.at(0, explicit).or((explicit == 0).then_some(&[])) else {
            return Revealed { pieces: Vec::new(), length: Some(length) };
        };
        let nonce = self.of(number, nonce);
        let mut pieces = Vec::new();
        for (start, bytes) in record.all {
            let from = (*start).max(explicit);
            let until = start.saturating_add(bytes.len()).min(explicit.saturating_add(length));
            let Some(piece) = bytes.get(from.saturating_sub(*start)..until.saturating_sub(*start)) else {
                continue;
            };
            if !piece.is_empty() {
                let mut piece = piece.to_vec();
                xor(&nonce, from.saturating_sub(explicit), &mut piece);
                pieces.push((from.saturating_sub(explicit), piece));
            }
        }
        Revealed { pieces, length: Some(length) }
    }
}

/// Returns number, type, version and length, as they are authenticated up to TLS 1.2.
pub(super) fn additional(header: Header, number: u64, plain: usize) -> ([u8; 16], usize) {
    let mut bytes = [0; 13];
    let (first, rest) = bytes.split_at_mut(8);
    first.copy_from_slice(&number.to_be_bytes());
    rest.copy_from_slice(&Header { length: plain, ..header }.to_bytes());
    pad(&bytes)
}

fn pad(bytes: &[u8]) -> ([u8; 16], usize) {
    let mut block = [0; 16];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    (block, bytes.len())
}

/// AES that encrypts, with a key of 16 or 32 bytes.
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

    /// Applies the key stream of counter mode from byte `position` on; `counter` makes the block with a number.
    pub(super) fn xor(&self, counter: impl Fn(u32) -> Block, position: usize, bytes: &mut [u8]) {
        /// As many as the processor's pipeline takes at once, some times over.
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

/// AES that decrypts, with a key of 16 or 32 bytes.
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
