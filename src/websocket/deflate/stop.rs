/// The reason why the rest of a message cannot be inflated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data is no deflate stream.
    Damaged(Box<str>),
    /// The work bound is reached.
    Limit,
}

/// Said of a code that stands for nothing, and of a distance to before the beginning.
pub(super) const BAD_SYMBOL: &str = "invalid code or distance";

/// Said of a block whose code has no end.
pub(super) const NO_END: &str = "invalid code -- missing end-of-block";

/// Said of a message whose compressed bytes end where they may not.
pub(super) const UNFINISHED: &str = "the compressed data ends inside a block";
