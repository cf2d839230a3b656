use crate::model::LinkType;

/// The layer at which a packet could not be read any further, and why.
///
/// Offsets count from the packet's first byte, or from the first payload byte of a datagram put together from
/// fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nobody here knows this link layer; where a whole capture has it, nothing in it can be read.
    #[error("link type {0} is not supported")]
    LinkType(LinkType),
    /// A layer needs more bytes than there are: the packet was cut, or a length in it is wrong.
    #[error("{layer} at byte {offset} needs {needed} bytes and has {had}")]
    Short {
        /// The layer.
        layer: &'static str,
        /// Where it begins.
        offset: usize,
        /// How many bytes it needs.
        needed: usize,
        /// How many there are.
        had: usize,
    },
    /// A field has a value that cannot be followed.
    #[error("{layer} at byte {offset} cannot be read: {field} is {value}")]
    Field {
        /// The layer.
        layer: &'static str,
        /// Where it begins.
        offset: usize,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// Layers lie deeper in each other than we look.
    #[error("{layer} at byte {offset} lies deeper than {limit}")]
    Depth {
        /// The layer.
        layer: &'static str,
        /// Where it begins.
        offset: usize,
        /// How deep we look.
        limit: u8,
    },
}
