//! From a source to an output, on one thread or many: the only module that says "thread".
//!
//! ```text
//!              ┌─ a block of the capture ─┐
//!   Source ──► Batch: segments found in it, each with its shard ──► 64 shards ──► Pieces ──► Output
//!              (one thread)                          (any threads)              (in packet order)
//! ```
//!
//! Connections fall into 64 shards by a hash of their addresses. A shard owns an [`Analyzer`] and a [`Collector`] of its
//! events, so everything that is decided depends on the shard's packets and on ticks of capture time, never on the number
//! of threads, and what the collectors make is put back in packet order: the output is the same, byte for byte, for any
//! number of threads.

mod batch;
mod collect;
mod error;
mod feed;
mod filtered;
mod flows;
mod formatted;
mod pool;
mod recorder;
mod reducer;
mod run;
mod shard;
mod summary;
mod turns;

pub use collect::{Collector, Control, Output, Piece};
pub use error::Error;
pub use feed::Feed;
pub use filtered::FilteredOutput;
pub use flows::Flows;
pub use formatted::{Formatted, Formatter, Text};
pub use recorder::{Recorder, Records, record};
pub use reducer::{Gathering, Reducer};
pub use run::{Options, limits, run};
pub use shard::Hook;
pub use summary::{RunStats, Summary};

use crate::session::Analyzer;

/// How many shards there are.
const SHARDS: usize = crate::session::Limits::SHARDS;
