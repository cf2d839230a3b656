//! HTTP/2 as far as WebSocket requires it (RFC 9113, RFC 7541, RFC 8441).
//!
//! [`Connection`] takes the bytes of both sides and returns a [`Delivery`], to be drained before the next call:
//!
//! ```text
//!   bytes ─► frames ─┬─► header blocks ─► HPACK ─► Opened, Answered     (extended CONNECT only)
//!                    ├─► DATA ───────────────────► Data, DataGap, Ended (on those streams only)
//!                    └─► settings, windows ──────► flow control, limits
//!     gap ─► inside DATA: exact; over a header: search for the next one, header tables become unknown
//! ```
//!
//! Requests other than extended CONNECT are decoded to keep the table up to date and then dropped: a stream costs 16
//! bytes. DATA on a stream whose request was not captured is delivered as well, because it may be a WebSocket.
//!
//! ```
//! use wirefin::http2::{Connection, Limits, Output};
//! use wirefin::model::Side;
//!
//! let mut connection = Connection::new(Limits::default());
//! assert_eq!(connection.push(Side::Client, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").next(), None);
//! // A PING frame, where SETTINGS has to come first.
//! let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
//! let mut delivery = connection.push(Side::Client, &ping);
//! let Some(Output::Anomaly { anomaly, .. }) = delivery.next() else { panic!("the order is wrong") };
//! assert_eq!(anomaly.code(), "h2-settings-first");
//! ```

mod connection;
mod control;
mod delivery;
mod evidence;
mod expected;
mod flow;
mod frame;
mod headers;
mod hpack;
mod orientation;
mod output;
mod reader;
mod reports;
mod search;
mod setting;
mod stream;

#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use delivery::Delivery;
pub use frame::{ErrorCode, FrameType, Header, Sniff, looks_like};
pub use hpack::{Field, Fields, Lookup};
pub use output::{End, Output};

/// Bounds on the memory of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The size of one side's header table, in bytes as RFC 7541 counts them.
    pub table: usize,
    /// One header block, in bytes.
    pub block: usize,
    /// The frames of one header block.
    pub block_frames: u32,
    /// The streams that are tracked.
    pub streams: usize,
    /// The bytes of one side that are searched for frames after a gap.
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
