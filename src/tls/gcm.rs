use ghash::GHash;
use ghash::universal_hash::UniversalHash;

use super::aes::{Block, Encrypt};
use super::nonce::Nonce;
use super::protection::{Form, KeyMaterial, PartialPlaintext, Pieces, Protection, Record};

const TAG: usize = 16;

/// AES-GCM (NIST SP 800-38D), composed of a block cipher and GHASH because the search for lost sequence numbers needs
/// them separately.
pub(super) struct Gcm {
    aes: Encrypt,
    ghash: GHash,
    pub(super) nonce: Nonce,
}

impl Gcm {
    pub(super) fn new(form: Form, keys: &KeyMaterial<'_>) -> Option<Self> {
        let aes = Encrypt::new(keys.key)?;
        let ghash = <GHash as ghash::universal_hash::KeyInit>::new(&aes.block([0; 16]).into());
        Some(Gcm { aes, ghash, nonce: Nonce::new(form, keys.iv)? })
    }

    /// Returns GHASH over additional data of at most one block and the ciphertext.
    fn hash(&self, (additional, length): ([u8; 16], usize), ciphertext: &[u8]) -> u128 {
        let mut ghash = self.ghash.clone();
        ghash.update(&[additional.into()]);
        ghash.update_padded(ciphertext);
        let bits = |bytes: usize| (bytes as u64).wrapping_mul(8).to_be_bytes();
        let mut lengths = [0; 16];
        let (first, second) = lengths.split_at_mut(8);
        first.copy_from_slice(&bits(length));
        second.copy_from_slice(&bits(ciphertext.len()));
        ghash.update(&[lengths.into()]);
        u128::from_be_bytes(ghash.finalize().into())
    }

    /// Returns the sequence number in `range` under which the record is authentic.
    ///
    /// In TLS 1.3, only the nonce contains the sequence number: GHASH is the same for all of them, and each costs one
    /// AES block. In TLS 1.2, only the additional data contains it, in a block of its own: GHASH is linear, so the
    /// contribution of that block is known, and each number costs one multiplication.
    pub(super) fn find(&self, record: &Record<'_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (explicit, ciphertext, tag) = self.nonce.divide(record.fragment, TAG)?;
        let tag = u128::from_be_bytes(tag.try_into().ok()?);
        if !self.nonce.is_13() {
            let mask = u128::from_be_bytes(self.aes.block(counter(&self.nonce.of(0, explicit), 1)));
            // GHASH with zeros for the additional data, but with its true length.
            let rest = self.hash(([0; 16], 13), ciphertext);
            let share = tag ^ mask ^ rest;
            let power = self.power(ciphertext.len().div_ceil(16).saturating_add(2));
            return { range }.find(|number| {
                let mut ghash = power.clone();
                let (additional, _) = self.nonce.additional(record.header, *number, ciphertext.len());
                ghash.update(&[additional.into()]);
                u128::from_be_bytes(ghash.finalize().into()) == share
            });
        }
        let wanted = tag ^ self.hash(self.nonce.additional(record.header, 0, 0), ciphertext);
        let wanted = wanted.to_be_bytes();
        let mut blocks = [[0; 16]; 32];
        let (mut next, last) = range.into_inner();
        while next <= last {
            let many = last.saturating_sub(next).saturating_add(1).min(blocks.len() as u64) as usize;
            let used = blocks.get_mut(..many)?;
            for (number, block) in (next..).zip(&mut *used) {
                *block = counter(&self.nonce.of(number, &[]), 1);
            }
            self.aes.blocks(used);
            if let Some(at) = used.iter().position(|block| *block == wanted) {
                return next.checked_add(at as u64);
            }
            next = next.checked_add(many as u64)?;
        }
        None
    }

    /// Returns a GHASH keyed with this one's key raised to `exponent`.
    fn power(&self, exponent: usize) -> GHash {
        let mut ghash = self.ghash.clone();
        // The block that represents 1 in the field's bit order, then zeros: Σ Xᵢ·Hⁿ⁻ⁱ⁺¹ = Hⁿ.
        let mut one = [0; 16];
        if let Some(first) = one.first_mut() {
            *first = 0x80;
        }
        ghash.update(&[one.into()]);
        for _ in 1..exponent {
            ghash.update(&[[0; 16].into()]);
        }
        <GHash as ghash::universal_hash::KeyInit>::new(&ghash.finalize().into_iter().collect::<ghash::Key>())
    }
}

impl Protection for Gcm {
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool {
        let Some((explicit, ciphertext, tag)) = self.nonce.divide(record.fragment, TAG) else {
            return false;
        };
        let nonce = self.nonce.of(number, explicit);
        let hash = self.hash(self.nonce.additional(record.header, number, ciphertext.len()), ciphertext);
        let mask = u128::from_be_bytes(self.aes.block(counter(&nonce, 1)));
        if (hash ^ mask).to_be_bytes() != tag {
            return false;
        }
        let start = plain.len();
        plain.extend_from_slice(ciphertext);
        if let Some(bytes) = plain.get_mut(start..) {
            self.aes.xor(|n| counter(&nonce, n.wrapping_add(2)), 0, bytes);
        }
        true
    }

    fn decrypt_partial(&self, record: &Pieces<'_>, number: u64) -> PartialPlaintext {
        self.nonce.decrypt_partial(record, number, TAG, |nonce, position, bytes| {
            self.aes.xor(|n| counter(nonce, n.wrapping_add(2)), position, bytes);
        })
    }
}

/// Returns the counter block with this number.
fn counter(nonce: &[u8; 12], number: u32) -> Block {
    let mut block = [0; 16];
    let (first, last) = block.split_at_mut(12);
    first.copy_from_slice(nonce);
    last.copy_from_slice(&number.to_be_bytes());
    block
}

#[cfg(test)]
impl Gcm {
    /// Protects a record as its sender would.
    pub(super) fn seal(
        &self,
        header: super::record::Header,
        number: u64,
        explicit: &[u8],
        plain: &[u8],
    ) -> Vec<u8> {
        let nonce = self.nonce.of(number, explicit);
        let mut ciphertext = plain.to_vec();
        self.aes.xor(|n| counter(&nonce, n.wrapping_add(2)), 0, &mut ciphertext);
        let hash = self.hash(self.nonce.additional(header, number, plain.len()), &ciphertext);
        let tag = hash ^ u128::from_be_bytes(self.aes.block(counter(&nonce, 1)));
        [&explicit[..self.nonce.explicit()], &ciphertext, &tag.to_be_bytes()].concat()
    }
}
