//! From a source to an output, on one thread or many: the only module that says "thread".
//!
//! ```text
//!              ┌─ a round: a block of the capture ─┐
//!   Source ──► Batch: segments found in it, each with its shard ──► 64 shards ──► Parts ──► Output
//!              (one thread)                          (any threads)              (in packet order)
//! ```
//!
//! Connections fall into 64 shards by a hash of their addresses. A shard owns an [`Analyzer`], so everything
//! that is decided depends on the shard's packets and on ticks of capture time, never on the number of threads, and
//! the parts are put back in packet order: the output is the same, byte for byte, for any number of threads.

mod batch;
mod crew;
mod error;
mod flows;
mod formatted;
mod gathered;
mod output;
mod recorder;
mod run;
mod sieve;
mod summary;
mod turns;

pub use error::Error;
pub use flows::Flows;
pub use formatted::{Formatted, Text};
pub use gathered::{Gathering, Reducer};
pub use output::{Control, Output, Part};
pub use recorder::{Recorder, record};
pub use run::{Options, run};
pub use sieve::FilteredOutput;
pub use summary::{RunStats, Summary};

use crate::session::Analyzer;

/// How many shards there are.
const SHARDS: usize = 64;
