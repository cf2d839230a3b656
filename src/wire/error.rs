use crate::model::LinkType;

/// The layer at which decoding of a packet stopped, and why.
///
/// Offsets are relative to the packet's first byte, or to the first payload byte of a reassembled datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The link layer is not supported; a capture that has no other cannot be read at all.
    #[error("link type {0} is not supported")]
    LinkType(LinkType),
    /// A layer needs more bytes than are available: the packet was truncated, or a length field is wrong.
    #[error("{layer} at byte {offset} needs {needed} bytes and has {had}")]
    Short {
        /// The layer.
        layer: &'static str,
        /// Its offset.
        offset: usize,
        /// The number of bytes it needs.
        needed: usize,
        /// The number of bytes available.
        had: usize,
    },
    /// A field has an invalid or unsupported value.
    #[error("{layer} at byte {offset} cannot be read: {field} is {value}")]
    Field {
        /// The layer.
        layer: &'static str,
        /// The layer's offset.
        offset: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// Layers are nested more deeply than supported.
    #[error("{layer} at byte {offset} lies deeper than {limit}")]
    Depth {
        /// The layer.
        layer: &'static str,
        /// Its offset.
        offset: usize,
        /// The maximum depth.
        limit: u8,
    },
}
