//! Header compression for HTTP/2 as a passive reader needs it (RFC 7541).
//!
//! A reader that joins mid-stream, or that loses a header block, does not know all entries of the dynamic table.
//! Indices count from the newest entry, so the entries inserted since then have known indices whatever precedes them;
//! an index beyond them is a field whose name and value are unknown. A name or a value is shown as it was sent or not
//! at all.

mod decoder;
mod fields;
mod huffman;
mod integer;
mod table;

#[cfg(test)]
pub(super) mod encoder;
#[cfg(test)]
mod tests;

pub(super) use decoder::Decoder;
pub use fields::{Field, Fields, Lookup};
