use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use zeroize::Zeroizing;

use super::nonce::Nonce;
use super::protection::{Form, KeyMaterial, PartialPlaintext, Pieces, Protection, Record};

const TAG: usize = 16;

/// ChaCha20-Poly1305 (RFC 8439).
pub(super) struct Chacha {
    aead: ChaCha20Poly1305,
    key: Zeroizing<[u8; 32]>,
    nonce: Nonce,
}

impl Chacha {
    pub(super) fn new(form: Form, keys: &KeyMaterial<'_>) -> Option<Self> {
        let aead = ChaCha20Poly1305::new_from_slice(keys.key).ok()?;
        let key = Zeroizing::new(keys.key.try_into().ok()?);
        Some(Chacha { aead, key, nonce: Nonce::new(form, keys.iv)? })
    }
}

impl Protection for Chacha {
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool {
        let Some((_, ciphertext, tag)) = self.nonce.divide(record.fragment, TAG) else {
            return false;
        };
        let Ok(tag) = tag.try_into() else {
            return false;
        };
        let (additional, length) = self.nonce.additional(record.header, number, ciphertext.len());
        let additional = additional.get(..length).unwrap_or_default();
        let start = plain.len();
        plain.extend_from_slice(ciphertext);
        let Some(bytes) = plain.get_mut(start..) else {
            return false;
        };
        let nonce = self.nonce.of(number, &[]).into();
        let authentic = self.aead.decrypt_inout_detached(&nonce, additional, bytes.into(), tag).is_ok();
        if !authentic {
            plain.truncate(start);
        }
        authentic
    }

    fn decrypt_partial(&self, record: &Pieces<'_>, number: u64) -> PartialPlaintext {
        self.nonce.decrypt_partial(record, number, TAG, |nonce, position, bytes| {
            let mut stream = ChaCha20::new(&(*self.key).into(), &(*nonce).into());
            // The first block of 64 bytes is the Poly1305 key.
            if stream.try_seek(position.saturating_add(64)).is_ok() {
                stream.apply_keystream(bytes);
            }
        })
    }
}

#[cfg(test)]
impl Chacha {
    /// Protects a record as its sender would.
    pub(super) fn seal(&self, header: super::record::Header, number: u64, plain: &[u8]) -> Vec<u8> {
        let (additional, length) = self.nonce.additional(header, number, plain.len());
        let mut bytes = plain.to_vec();
        let nonce = self.nonce.of(number, &[]).into();
        let tag = self
            .aead
            .encrypt_inout_detached(&nonce, &additional[..length], bytes.as_mut_slice().into())
            .unwrap();
        bytes.extend(tag);
        bytes
    }
}
