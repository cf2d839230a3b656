//! From a source to an output, on one thread or many: the only module that says "thread".
//!
//! ```text
//!              ┌─ a block of the capture ─┐
//!   Source ──► Batch: segments found in it, each with its shard ──► 64 shards ──► Pieces ──► Output
//!              (one thread)                          (any threads)              (in packet order)
//! ```
//!
//! Connections fall into 64 shards by a hash of their addresses. A shard owns an [`Analyzer`] and a
//! [`Collector`](crate::event::Collector) of its events, so everything that is decided depends on the shard's packets
//! and on ticks of capture time, never on the number of threads, and what the collectors make is put back in packet
//! order: the output is the same, byte for byte, for any number of threads.

mod batch;
mod error;
mod feed;
mod flows;
mod pool;
mod run;
mod shard;
mod summary;
mod turns;

pub use error::Error;
pub use feed::Feed;
pub use flows::Flows;
pub use run::{Options, run};
pub use shard::Hook;
pub use summary::Summary;

use crate::session::Analyzer;

/// How many shards there are.
const SHARDS: usize = crate::session::Limits::SHARDS;
