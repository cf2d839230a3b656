use zeroize::Zeroizing;

use super::protection::{Form, PartialPlaintext, Pieces};
use super::record::Header;

/// The construction of an AEAD nonce.
pub(super) struct Nonce {
    iv: Zeroizing<[u8; 12]>,
    /// Whether 8 bytes of it are in the record (RFC 5288 §3); otherwise it is the sequence number XOR `iv` (RFC 8446
    /// §5.3).
    stands_in_record: bool,
    form: Form,
}

impl Nonce {
    /// Creates a nonce from the 12 bytes of TLS 1.3 or RFC 7905, or the 4 bytes of RFC 5288.
    pub(super) fn new(form: Form, iv: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 12]);
        bytes.get_mut(..iv.len())?.copy_from_slice(iv);
        Some(Nonce { iv: bytes, stands_in_record: iv.len() == 4, form })
    }

    /// Returns the length of the explicit nonce in a fragment.
    pub(super) const fn explicit(&self) -> usize {
        if self.stands_in_record { 8 } else { 0 }
    }

    /// Returns the nonce of a record, given its explicit part.
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

    /// Splits a fragment into explicit nonce, ciphertext and tag.
    pub(super) fn divide<'a>(
        &self,
        fragment: &'a [u8],
        tag: usize,
    ) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let (explicit, rest) = fragment.split_at_checked(self.explicit())?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(tag)?)?;
        Some((explicit, ciphertext, tag))
    }

    /// Decrypts the pieces of a record according to their positions in the keystream.
    pub(super) fn decrypt_partial(
        &self,
        record: &Pieces<'_>,
        number: u64,
        tag: usize,
        xor: impl Fn(&[u8; 12], usize, &mut [u8]),
    ) -> PartialPlaintext {
        let explicit = self.explicit();
        let Some(length) = record.header.length.checked_sub(explicit.saturating_add(tag)) else {
            return PartialPlaintext::default();
        };
        let Some(nonce) = record.at(0, explicit).or((explicit == 0).then_some(&[])) else {
            return PartialPlaintext { pieces: Vec::new(), length: Some(length) };
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
        PartialPlaintext { pieces, length: Some(length) }
    }
}

/// Returns sequence number, type, version and length, as authenticated up to TLS 1.2.
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
