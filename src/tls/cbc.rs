use super::aes::{Block, Decrypt};
use super::nonce::additional;
use super::protection::{Form, KeyMaterial, PartialPlaintext, Pieces, Protection, Record, Tail};
use super::schedule::{Wiped, hmac};
use crate::hello::suite::Hash;

/// AES-CBC with HMAC, in both orders (RFC 5246 §6.2.3.2, RFC 7366; TLS 1.0: RFC 2246 §6.2.3.2).
pub(super) struct Cbc {
    aes: Decrypt,
    hash: Hash,
    mac: Wiped,
    encrypt_then_mac: bool,
    /// Whether the record contains its initialization vector. In TLS 1.0 the IV is the last ciphertext block of the
    /// previous record; that of the first record is `iv`.
    explicit: bool,
    iv: Block,
}

impl Cbc {
    pub(super) fn new(form: Form, hash: Hash, keys: &KeyMaterial<'_>) -> Option<Self> {
        Some(Cbc {
            aes: Decrypt::new(keys.key)?,
            hash,
            mac: keys.mac.to_vec().into(),
            encrypt_then_mac: form.encrypt_then_mac,
            explicit: form.version > 0x0301,
            iv: keys.iv.try_into().ok()?,
        })
    }

    /// Returns how many bytes follow the ciphertext.
    fn sealed(&self) -> usize {
        if self.encrypt_then_mac { self.mac.len() } else { 0 }
    }

    const fn iv_length(&self) -> usize {
        if self.explicit { 16 } else { 0 }
    }

    /// Returns the length of the shortest fragment, that of an empty plaintext.
    pub(super) fn shortest(&self) -> usize {
        let body = if self.encrypt_then_mac {
            self.mac.len().saturating_add(16)
        } else {
            self.mac.len().saturating_add(1).next_multiple_of(16)
        };
        body.saturating_add(self.iv_length())
    }

    /// Returns the sequence number in `range` under which the record is authentic; it is decrypted only once for all of
    /// them.
    pub(super) fn find(&self, record: &Record<'_>, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (first, last) = range.into_inner();
        if first == 0 && self.decrypt(record, 0).is_some_and(|opened| self.is_authentic(record, 0, &opened)) {
            return Some(0);
        }
        let opened = self.decrypt(record, last.max(1))?;
        (first.max(1)..=last).find(|number| self.is_authentic(record, *number, &opened))
    }

    /// Returns the IV of a record that does not contain one.
    fn implicit_iv(&self, before: Option<Tail>, number: u64) -> Option<Block> {
        if number == 0 { Some(self.iv) } else { before?.block(self.sealed()) }
    }

    fn decrypt(&self, record: &Record<'_>, number: u64) -> Option<Opened> {
        let protected = record.fragment.len().checked_sub(self.sealed())?;
        let (protected, outer) = record.fragment.split_at_checked(protected)?;
        let (iv, ciphertext) = if self.explicit {
            protected.split_first_chunk().map(|(iv, rest)| (*iv, rest))?
        } else {
            (self.implicit_iv(record.before, number)?, protected)
        };
        let mut plain = ciphertext.to_vec();
        self.decrypt_blocks(&iv, &mut plain)?;
        let padding = usize::from(*plain.last()?);
        let content = plain.len().checked_sub(padding.saturating_add(1))?;
        let padded = plain.get(content..)?.iter().all(|byte| usize::from(*byte) == padding);
        let (length, mac) = if self.encrypt_then_mac {
            (content, outer.to_vec())
        } else {
            let length = content.checked_sub(self.mac.len())?;
            (length, plain.get(length..content)?.to_vec())
        };
        padded.then_some(Opened { plain, length, mac })
    }

    /// Decrypts complete blocks in place.
    fn decrypt_blocks(&self, iv: &Block, bytes: &mut [u8]) -> Option<()> {
        let ciphertext = bytes.to_vec();
        let (blocks, []) = bytes.as_chunks_mut::<16>() else {
            return None;
        };
        self.aes.blocks(blocks);
        let (before, _) = ciphertext.as_chunks::<16>();
        for (block, before) in blocks.iter_mut().zip([iv].into_iter().chain(before)) {
            block.iter_mut().zip(before).for_each(|(byte, other)| *byte ^= other);
        }
        Some(())
    }

    fn is_authentic(&self, record: &Record<'_>, number: u64, opened: &Opened) -> bool {
        let protected = if self.encrypt_then_mac {
            record.fragment.get(..record.fragment.len().saturating_sub(self.mac.len()))
        } else {
            opened.plain.get(..opened.length)
        };
        let protected = protected.unwrap_or_default();
        let (prefix, length) = additional(record.header, number, protected.len());
        let prefix = prefix.get(..length).unwrap_or_default();
        *hmac(self.hash, &self.mac, &[prefix, protected]) == opened.mac
    }
}

/// A decrypted record that has not been authenticated yet.
struct Opened {
    plain: Vec<u8>,
    /// The length of the content in `plain`.
    length: usize,
    mac: Vec<u8>,
}

impl Protection for Cbc {
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool {
        let Some(opened) = self.decrypt(record, number) else {
            return false;
        };
        let authentic = self.is_authentic(record, number, &opened);
        if authentic {
            plain.extend_from_slice(opened.plain.get(..opened.length).unwrap_or_default());
        }
        authentic
    }

    /// Decrypts all blocks except those that follow missing bytes; the length is known only if the last block is
    /// present.
    fn decrypt_partial(&self, record: &Pieces<'_>, number: u64) -> PartialPlaintext {
        let iv = self.iv_length();
        let Some(length) = record.header.length.checked_sub(self.sealed().saturating_add(iv)) else {
            return PartialPlaintext::default();
        };
        let mut revealed = PartialPlaintext::default();
        let mut padding = None;
        for start in (0..length).step_by(16) {
            let offset = start.saturating_add(iv);
            let before = match offset.checked_sub(16) {
                Some(before) => record.at(before, 16).and_then(|bytes| bytes.first_chunk().copied()),
                None => self.implicit_iv(record.before, number),
            };
            let (Some(before), Some(block)) = (before, record.at(offset, 16)) else {
                continue;
            };
            let mut block = block.to_vec();
            if self.decrypt_blocks(&before, &mut block).is_none() {
                continue;
            }
            if start.saturating_add(16) == length {
                padding = block.last().copied();
            }
            match revealed.pieces.last_mut() {
                Some((at, bytes)) if at.saturating_add(bytes.len()) == start => bytes.append(&mut block),
                _ => revealed.pieces.push((start, block)),
            }
        }
        let trailer = |padding: u8| {
            let mac = if self.encrypt_then_mac { 0 } else { self.mac.len() };
            usize::from(padding).saturating_add(1).saturating_add(mac)
        };
        revealed.length = padding.and_then(|padding| length.checked_sub(trailer(padding)));
        // If the padding is unknown, any of the last bytes may be padding or MAC.
        let certain = revealed.length.unwrap_or(length.saturating_sub(trailer(255)));
        for (start, bytes) in &mut revealed.pieces {
            bytes.truncate(certain.saturating_sub(*start));
        }
        revealed.pieces.retain(|(_, bytes)| !bytes.is_empty());
        revealed
    }
}

#[cfg(test)]
impl Cbc {
    /// Protects a record as its sender would, with the key that `aes` has; `iv` is the explicit IV or the last block.
    pub(super) fn seal(
        &self,
        aes: &super::aes::Encrypt,
        header: super::record::Header,
        number: u64,
        iv: Block,
        plain: &[u8],
    ) -> Vec<u8> {
        let mac = |bytes: &[u8]| {
            let (prefix, length) = additional(header, number, bytes.len());
            hmac(self.hash, &self.mac, &[&prefix[..length], bytes]).to_vec()
        };
        let mut bytes = plain.to_vec();
        if !self.encrypt_then_mac {
            bytes.extend(mac(plain));
        }
        let padding = 15 - bytes.len() % 16 + 16;
        bytes.extend(vec![padding as u8; padding + 1]);
        let mut before = iv;
        for block in bytes.as_chunks_mut::<16>().0 {
            let mut mixed = u128::from_ne_bytes(*block) ^ u128::from_ne_bytes(before);
            mixed = u128::from_ne_bytes(aes.block(mixed.to_ne_bytes()));
            (*block, before) = (mixed.to_ne_bytes(), mixed.to_ne_bytes());
        }
        let mut out = if self.explicit { [&iv[..], &bytes].concat() } else { bytes };
        if self.encrypt_then_mac {
            out.extend(mac(&out));
        }
        out
    }
}
