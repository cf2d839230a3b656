/// The byte order of the machine that wrote a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        }
    }

    /// Reads the number at the start of `bytes`; `None` if there are too few.
    pub(super) fn first_u16(self, bytes: &[u8]) -> Option<u16> {
        bytes.first_chunk().map(|chunk| self.u16(*chunk))
    }

    /// Reads the number at the start of `bytes`; `None` if there are too few.
    pub(super) fn first_u32(self, bytes: &[u8]) -> Option<u32> {
        bytes.first_chunk().map(|chunk| self.u32(*chunk))
    }
}
