/// The parameters negotiated for one side's compressor (RFC 7692 §7.1).
///
/// A `Pair<DeflateSide>` holds all the negotiated parameters of `permessage-deflate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateSide {
    /// Whether the sender resets its window before each message: `client_no_context_takeover` or
    /// `server_no_context_takeover`.
    pub no_context_takeover: bool,
    /// The base-2 logarithm of the sender's window, 8–15: `client_max_window_bits` or `server_max_window_bits`.
    pub max_window_bits: u8,
}

impl Default for DeflateSide {
    fn default() -> Self {
        DeflateSide { no_context_takeover: false, max_window_bits: 15 }
    }
}
