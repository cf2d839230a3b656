use super::aes::{Block, Encrypt};
use super::nonce::Nonce;
use super::protection::{Form, KeyMaterial, PartialPlaintext, Pieces, Protection, Record};

/// AES-CCM with a 12-byte nonce (RFC 3610, RFC 6655).
pub(super) struct Ccm {
    aes: Encrypt,
    pub(super) nonce: Nonce,
    /// The length of the tag.
    pub(super) tag: usize,
}

impl Ccm {
    pub(super) fn new(form: Form, tag: usize, keys: &KeyMaterial<'_>) -> Option<Self> {
        Some(Ccm { aes: Encrypt::new(keys.key)?, nonce: Nonce::new(form, keys.iv)?, tag })
    }

    /// Returns the tag of a plaintext before encryption: CBC-MAC over length, additional data and plaintext.
    fn mac(&self, nonce: &[u8; 12], (additional, length): ([u8; 16], usize), plain: &[u8]) -> Block {
        let flags = 0x42 | ((self.tag as u8).saturating_sub(2) / 2) << 3;
        let mut mac = self.aes.block(block(flags, nonce, plain.len() as u32));
        let mut first = [0; 16];
        let (prefix, rest) = first.split_at_mut(2);
        prefix.copy_from_slice(&(length as u16).to_be_bytes());
        rest.iter_mut().zip(additional).for_each(|(to, from)| *to = from);
        let mut add = |bytes: &[u8]| {
            mac.iter_mut().zip(bytes).for_each(|(byte, other)| *byte ^= other);
            mac = self.aes.block(mac);
        };
        add(&first);
        plain.chunks(16).for_each(&mut add);
        mac
    }
}

impl Protection for Ccm {
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool {
        let Some((explicit, ciphertext, tag)) = self.nonce.divide(record.fragment, self.tag) else {
            return false;
        };
        let nonce = self.nonce.of(number, explicit);
        let start = plain.len();
        plain.extend_from_slice(ciphertext);
        let Some(bytes) = plain.get_mut(start..) else {
            return false;
        };
        self.aes.xor(|n| block(2, &nonce, n.wrapping_add(1)), 0, bytes);
        let mut mac = self.mac(&nonce, self.nonce.additional(record.header, number, ciphertext.len()), bytes);
        self.aes.xor(|n| block(2, &nonce, n), 0, &mut mac);
        let authentic = mac.starts_with(tag);
        if !authentic {
            plain.truncate(start);
        }
        authentic
    }

    fn decrypt_partial(&self, record: &Pieces<'_>, number: u64) -> PartialPlaintext {
        self.nonce.decrypt_partial(record, number, self.tag, |nonce, position, bytes| {
            self.aes.xor(|n| block(2, nonce, n.wrapping_add(1)), position, bytes);
        })
    }
}

/// Returns the block of flags, nonce and a three-byte number.
fn block(flags: u8, nonce: &[u8; 12], number: u32) -> Block {
    let mut block = [0; 16];
    let (first, last) = block.split_at_mut(12);
    // The top byte of the number is zero: no record is that long.
    last.copy_from_slice(&number.to_be_bytes());
    let (flag, rest) = first.split_at_mut(1);
    flag.copy_from_slice(&[flags]);
    rest.iter_mut().zip(nonce).for_each(|(to, from)| *to = *from);
    if let (Some(to), [.., from]) = (last.first_mut(), nonce) {
        *to = *from;
    }
    block
}

#[cfg(test)]
impl Ccm {
    /// Protects a record as its sender would.
    pub(super) fn seal(
        &self,
        header: super::record::Header,
        number: u64,
        explicit: &[u8],
        plain: &[u8],
    ) -> Vec<u8> {
        let nonce = self.nonce.of(number, explicit);
        let mut mac = self.mac(&nonce, self.nonce.additional(header, number, plain.len()), plain);
        self.aes.xor(|n| block(2, &nonce, n), 0, &mut mac);
        let mut ciphertext = plain.to_vec();
        self.aes.xor(|n| block(2, &nonce, n.wrapping_add(1)), 0, &mut ciphertext);
        [&explicit[..self.nonce.explicit()], &ciphertext, &mac[..self.tag]].concat()
    }
}
