use super::hpack::{Fields, Lookup};
use crate::model::Side;

/// The certainty that the side taken for the client is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    Known,
    Assumed,
    /// It was the server: the sides have just been swapped.
    Reversed,
}

/// Returns the sender of a header block, if its pseudo-header fields show it (RFC 9113 §8.3).
pub(super) fn sender(fields: &Fields) -> Option<Side> {
    let has =
        |names: &[&str]| names.iter().any(|name| matches!(fields.find(name.as_bytes()), Lookup::Value(_)));
    match (has(&[":status"]), has(&[":method", ":scheme", ":path", ":authority"])) {
        (true, false) => Some(Side::Server),
        (false, true) => Some(Side::Client),
        _ => None,
    }
}
