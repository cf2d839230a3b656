/// The reason that the rest of a message cannot be inflated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data is not a valid deflate stream.
    Damaged(Box<str>),
    /// The work bound is reached.
    Limit,
}

/// The problem of a code without a symbol, and of a distance to before the beginning.
pub(super) const BAD_SYMBOL: &str = "invalid code or distance";

/// The problem of a block whose code has no end-of-block symbol.
pub(super) const NO_END: &str = "invalid code -- missing end-of-block";

/// The problem of a message whose compressed bytes are truncated.
pub(super) const UNFINISHED: &str = "the compressed data ends inside a block";
