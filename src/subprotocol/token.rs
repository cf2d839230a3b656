//! The tokens common to MessagePack and CBOR.

/// A token of a MessagePack or CBOR value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Flag(bool),
    /// A non-negative integer.
    Number(u64),
    Negative(i64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// An extension (MessagePack) with its type.
    Extension(i8, &'a [u8]),
    /// An array of this many values; `None` (CBOR): up to a [`Token::Break`].
    Array(Option<u64>),
    /// A map with this many pairs of a key and a value.
    Map(Option<u64>),
    /// A tag for the following value (CBOR).
    Tag(u64),
    /// The end of an array or map of indefinite length, or of a string in pieces (CBOR).
    Break,
    /// The start of a string in pieces (CBOR).
    Pieces,
}
