/// What the sender took off the end of each message (RFC 7692 §7.2.2).
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// An empty stored block, read behind the tail: only between two blocks it is taken whole and makes nothing. So it
/// tells a message that ends where it should from one cut short, and leaves the state as it was.
pub(super) const EMPTY: [u8; 5] = [0, 0, 0, 0xff, 0xff];

/// What comes out of [`TAIL`] and [`EMPTY`] where the message's own bytes led to the end of a block already: the first
/// zero is then taken for the header of a stored block, whose length and complement happen to be right. Some senders
/// leave the empty block out, and one that keeps no window gets away with it.
pub(super) const NOT_NEEDED: [u8; 4] = [0, 0, 0xff, 0xff];
