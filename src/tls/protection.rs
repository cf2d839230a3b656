use super::record::Header;

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
    pub(super) fn block(&self, behind: usize) -> Option<[u8; 16]> {
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
