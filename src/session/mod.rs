//! Segments of many connections → events: the only module that stacks the stops on each other.
//!
//! ```text
//!   Analyzer     one shard's flow table: which connection does a segment belong to?
//!     └ Connection    one TCP connection
//!         ├ tcp::Connection     bytes in order
//!         └ Stack               which layers the bytes are; a layer may hold another stack
//!             ├ http::HttpTracker   until an upgrade
//!             └ Conversation        one WebSocket: frames, messages, inflating, closing
//! ```
//!
//! Every decision depends on the packets of one shard and their stamps alone, so that the same capture gives the
//! same events however it was read.

mod analyzer;
mod compression;
mod connection;
mod context;
mod conversation;
mod keys;
mod limits;
mod meaning;
mod message;
mod order;
mod paths;
mod recent;
mod resync;
mod stack;
mod streamed;
mod transport;
mod windows;
mod witness;

pub use analyzer::{Analyzer, Counts};
pub use keys::Keys;
pub use limits::Limits;
pub use meaning::{Selector, SubprotocolChoice};

#[cfg(test)]
mod tests;
