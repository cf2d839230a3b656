//! HTTP/2 as far as WebSocket needs it (RFC 9113, RFC 7541, RFC 8441).
//!
//! [`Connection`] takes the bytes of both sides and answers with a [`Delivery`], to be drained before the next call:
//!
//! ```text
//!   bytes ─► frames ─┬─► header blocks ─► HPACK ─► Opened, Answered     (extended CONNECT alone)
//!                    ├─► DATA ───────────────────► Data, DataGap, Ended (on those streams alone)
//!                    └─► settings, windows ──────► what is judged by them
//!     gap ─► inside DATA: exact; over a header: searched for, header tables become unknown
//! ```
//!
//! Requests other than extended CONNECT are decoded for the table's sake and dropped: a stream costs 16 bytes.
//! DATA on a stream whose request was not captured is delivered as well, for it may be a WebSocket.

mod connection;
mod delivery;
mod expected;
mod flow;
mod frame;
mod headers;
mod hpack;
mod orientation;
mod reader;
mod reports;
mod search;
mod setting;
mod stream;

#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use delivery::{Delivery, End, Output};
pub use frame::{ErrorCode, FrameType, Header, Sniff, looks_like};
pub use hpack::{Field, Fields, Lookup};

/// Bounds of what one connection may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The entries of one side's header table, in bytes as RFC 7541 counts them.
    pub table: usize,
    /// One header block, in bytes.
    pub block: usize,
    /// The frames of one header block.
    pub block_frames: u32,
    /// The streams that are remembered.
    pub streams: usize,
    /// What is searched on one side for frames after a gap, in bytes.
    pub search: usize,
    /// Whether the heads of all ordinary exchanges are reported.
    pub heads: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            table: 64 * 1024,
            block: 64 * 1024,
            block_frames: 32,
            streams: 1024,
            search: 64 * 1024,
            heads: false,
        }
    }
}
