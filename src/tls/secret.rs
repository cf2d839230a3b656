use zeroize::{Zeroize, ZeroizeOnDrop};

/// The length of the longest secret.
const LONGEST: usize = 48;

/// A secret of a connection, wiped from memory when dropped. It can be neither displayed nor serialised.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Secret {
    /// Copies a secret; returns `None` if it is too long to be one.
    pub(super) fn new(from: &[u8]) -> Option<Self> {
        let mut secret = Secret { bytes: [0; LONGEST], length: from.len() as u8 };
        secret.bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(secret)
    }

    /// Parses a secret, or the key by which it is found, from hexadecimal digits.
    pub(super) fn from_hex(text: &[u8]) -> Option<Self> {
        let (pairs, []) = text.as_chunks::<2>() else {
            return None;
        };
        let mut secret = Secret { bytes: [0; LONGEST], length: pairs.len() as u8 };
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        for (byte, [high, low]) in secret.bytes.get_mut(..pairs.len())?.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(secret)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}
