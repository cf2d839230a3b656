use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

/// The length of a record header.
pub(super) const HEADER: usize = 5;
/// The longest fragment that any version allows (RFC 5246 §6.2.3); TLS 1.3 allows less.
pub(super) const LONGEST: usize = 16_384 + 2_048;

/// The content types of records (RFC 8446 §B.1).
pub(super) mod content {
    pub(in super::super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(in super::super) const ALERT: u8 = 21;
    pub(in super::super) const HANDSHAKE: u8 = 22;
    pub(in super::super) const APPLICATION_DATA: u8 = 23;
    pub(in super::super) const HEARTBEAT: u8 = 24;
}

/// The header of a record (RFC 8446 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The content type, see [`content`].
    pub(super) kind: u8,
    /// The version field, which no longer indicates the version.
    pub(super) version: u16,
    /// The length of the fragment.
    pub(super) length: usize,
}

impl Header {
    /// Returns the header at the start of `bytes`; `None` if they are too few or cannot be a header.
    pub(super) fn parse(bytes: &[u8]) -> Option<Header> {
        let mut fields = (be_u8::<_, nom::error::Error<&[u8]>>, be_u16, be_u16);
        let (_, (kind, version, length)) = fields.parse(bytes).ok()?;
        let header = Header { kind, version, length: usize::from(length) };
        header.is_plausible().then_some(header)
    }

    fn is_plausible(self) -> bool {
        (content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT).contains(&self.kind)
            && (0x0300..=0x0304).contains(&self.version)
            && (1..=LONGEST).contains(&self.length)
    }

    /// Returns the header as encoded on the wire.
    pub(super) const fn to_bytes(self) -> [u8; HEADER] {
        let [v0, v1] = self.version.to_be_bytes();
        let [l0, l1] = (self.length as u16).to_be_bytes();
        [self.kind, v0, v1, l0, l1]
    }
}
