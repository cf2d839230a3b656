use super::record::Header;

/// The keys of one side; those that a cipher does not use are empty.
pub(super) struct KeyMaterial<'a> {
    pub(super) key: &'a [u8],
    pub(super) mac: &'a [u8],
    pub(super) iv: &'a [u8],
}

/// The aspects of record protection that depend on the protocol version and on extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The version, as in `ServerHello`.
    pub(super) version: u16,
    /// Whether the MAC covers the ciphertext (RFC 7366).
    pub(super) encrypt_then_mac: bool,
}

impl Form {
    pub(super) const fn is_13(self) -> bool {
        self.version >= 0x0304
    }
}

/// A protected record as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) header: Header,
    pub(super) fragment: &'a [u8],
    /// The end of the previous record, to which CBC in TLS 1.0 chains this one.
    pub(super) before: Option<Tail>,
}

/// A partially captured record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pieces<'a> {
    pub(super) header: Header,
    /// The captured pieces, with their offsets in the fragment.
    pub(super) all: &'a [(usize, Vec<u8>)],
    pub(super) before: Option<Tail>,
}

/// The last bytes of a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// The bytes, aligned to the end of the array.
    bytes: [u8; Self::LENGTH],
    length: usize,
}

impl Tail {
    /// One block and the longest MAC after it.
    const LENGTH: usize = 64;

    /// Keeps the last bytes of a fragment.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let length = bytes.len().min(Self::LENGTH);
        let mut tail = Tail { bytes: [0; Self::LENGTH], length };
        let (_, last) = bytes.split_at(bytes.len().saturating_sub(length));
        let (_, to) = tail.bytes.split_at_mut(Self::LENGTH.saturating_sub(length));
        to.copy_from_slice(last);
        tail
    }

    /// Returns the last block before the final `behind` bytes.
    pub(super) fn block(&self, behind: usize) -> Option<[u8; 16]> {
        let end = Self::LENGTH.checked_sub(behind)?;
        let is_there = behind.saturating_add(16) <= self.length;
        self.bytes.get(..end)?.last_chunk().copied().filter(|_| is_there)
    }
}

impl Pieces<'_> {
    /// Returns `length` bytes at `offset`, if they are in one piece.
    pub(super) fn at(&self, offset: usize, length: usize) -> Option<&[u8]> {
        self.all.iter().find_map(|(start, bytes)| {
            let from = offset.checked_sub(*start)?;
            bytes.get(from..from.checked_add(length)?)
        })
    }
}

/// The plaintext of a partially captured record.
#[derive(Debug, Default)]
pub(super) struct PartialPlaintext {
    /// The pieces, with their offsets in the plaintext, in order.
    pub(super) pieces: Vec<(usize, Vec<u8>)>,
    /// The length of the plaintext, if known.
    pub(super) length: Option<usize>,
}

/// A cipher of the record layer. A record's sequence number counts the records protected by the same keys, from 0.
pub(super) trait Protection {
    /// Appends the plaintext of a record to `plain` if it is authentic under this sequence number; returns whether it
    /// is.
    fn open(&self, record: &Record<'_>, number: u64, plain: &mut Vec<u8>) -> bool;

    /// Decrypts the captured pieces of a record, without authentication.
    fn decrypt_partial(&self, record: &Pieces<'_>, number: u64) -> PartialPlaintext;
}
