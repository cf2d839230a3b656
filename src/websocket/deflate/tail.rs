/// The bytes that the sender removes from the end of each message (RFC 7692 §7.2.2).
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// An empty stored block, read after the tail: only between two blocks is it consumed completely without output. So it
/// distinguishes a complete message from a truncated one, and leaves the state unchanged.
pub(super) const EMPTY: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// The output of [`TAIL`] and [`EMPTY`] if the message's own bytes already reached the end of a block: the first zero
/// is then read as the header of a stored block, whose length and complement happen to be valid. Some senders omit the
/// empty block, which works for those that keep no window.
pub(super) const NOT_NEEDED: [u8; 4] = [0, 0, 0xff, 0xff];
