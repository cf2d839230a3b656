//! Bounded in-memory storage of events, from which the screen is drawn.
//!
//! ```text
//!   Batch ──► Store ─┬─ entries        64 bytes a message, all of them
//!                    ├─ payloads       the newest in memory, older ones in an unlinked file, the oldest dropped
//!                    ├─ conversations  state, totals, and the entries of each
//!                    ├─ anomalies      with their evidence
//!                    └─ rates          messages in time, at the finest resolution that fits
//! ```
//!
//! A [`Batch`] owns copies of borrowed event data, so that one thread can fill it while another holds the [`Store`].
//! The store is behind a lock ([`Shared`]) that is held only briefly; nothing blocks under it except reading old
//! payloads back.
//!
//! ```
//! use wirefin::capture::Files;
//! use wirefin::pipeline::{Options, run};
//! use wirefin::store::{Bounds, Recorder, Shared};
//!
//! let store = Shared::new(Bounds::default());
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! run(&mut files, &Options::default(), &mut Recorder::new(store.clone()))?;
//! let store = store.lock();
//! assert_eq!(store.conversations().len(), 1);
//! assert!(store.len() > 5);
//! # Ok::<(), wirefin::pipeline::Error>(())
//! ```

mod batch;
mod conversation;
mod entry;
mod list;
mod payloads;
mod rates;
mod record;
mod recorder;
mod replay;
mod shared;
#[allow(clippy::module_inception)] // the main type of this module
mod store;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use conversation::{Attempt, Conversation, State};
pub use entry::{Entry, EntryKind, Facts};
pub use payloads::{PayloadLocation, unlinked_file};
pub use rates::{Column, Marks};
pub use record::{Record, TransportField, write_header};
pub use recorder::Recorder;
pub use replay::{ReplayError, Wanted};
pub use shared::{Phase, Shared};
pub use store::{Store, StoredAnomaly};

/// The bounds of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The memory for everything, in bytes; payloads beyond it go to a temporary file.
    pub memory: u64,
    /// The maximum size of the temporary file, in bytes; beyond it the oldest payloads are dropped.
    pub spool: u64,
    /// The number of frame headers kept per message.
    pub frames: usize,
    /// The number of anomalies kept with their evidence; of further ones only the code is kept.
    pub anomalies: usize,
    /// The number of connections without a WebSocket that are kept for an explanation.
    pub unshown: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { memory: 512 << 20, spool: 8 << 30, frames: 1024, anomalies: 200_000, unshown: 1000 }
    }
}
