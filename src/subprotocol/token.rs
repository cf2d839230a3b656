//! The tokens that MessagePack and CBOR have in common.

/// One token of a MessagePack or CBOR value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Flag(bool),
    /// A number that is not negative.
    Number(u64),
    Negative(i64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// An extension (MessagePack) with its type.
    Extension(i8, &'a [u8]),
    /// So many values follow; `None` (CBOR): as many as come before [`Token::Break`].
    Array(Option<u64>),
    /// So many keys with their values follow.
    Map(Option<u64>),
    /// The value that follows has this tag (CBOR).
    Tag(u64),
    /// Ends an array or map of no stated length, or a string in pieces (CBOR).
    Break,
    /// A string in pieces follows (CBOR).
    Pieces,
}
