/// The parameters agreed on for one side's compressor (RFC 7692 §7.1).
///
/// A `Pair<DeflateSide>` is everything `permessage-deflate` negotiates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateSide {
    /// The sender resets its window before each message: `client_no_context_takeover` and its twin.
    pub no_context_takeover: bool,
    /// The base-2 logarithm of the sender's window, 8–15: `client_max_window_bits` and its twin.
    pub max_window_bits: u8,
}

impl Default for DeflateSide {
    fn default() -> Self {
        DeflateSide { no_context_takeover: false, max_window_bits: 15 }
    }
}
