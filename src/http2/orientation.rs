use super::hpack::{Fields, Lookup};
use crate::model::Side;

/// The certainty that the side taken for the client is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    Known,
    Assumed,
    /// It was the server: the sides have just changed places.
    Reversed,
}

/// Returns who sent a header block, if its pseudo-header fields tell (RFC 9113 §8.3).
pub(super) fn sender(fields: &Fields) -> Option<Side> {
    let has =
        |names: &[&str]| names.iter().any(|name| matches!(fields.find(name.as_bytes()), Lookup::Value(_)));
    match (has(&[":status"]), has(&[":method", ":scheme", ":path", ":authority"])) {
        (true, false) => Some(Side::Server),
        (false, true) => Some(Side::Client),
        _ => None,
    }
}
