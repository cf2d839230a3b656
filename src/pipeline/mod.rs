//! From a source to an output, on one thread or many: the only module that uses threads.
//!
//! ```text
//!              ┌─ a block of the capture ─┐
//!   Source ──► Batch: segments found in it, each with its shard ──► 64 shards ──► Pieces ──► Output
//!              (one thread)                          (any threads)              (in packet order)
//! ```
//!
//! Connections are distributed over 64 shards by a hash of their addresses. A shard owns an [`Analyzer`] and a
//! [`Collector`](crate::event::Collector) of its events, so every decision depends only on the shard's packets and on
//! ticks of capture time, never on the number of threads. The collectors' output is merged in packet order: it is the
//! same, byte for byte, for any number of threads.

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

/// The number of shards.
const SHARDS: usize = crate::session::Limits::SHARDS;
