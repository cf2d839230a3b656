//! Events kept in memory, bounded: what the screen draws.
//!
//! ```text
//!   Batch ──► Store ─┬─ entries        64 bytes a message, all of them
//!                    ├─ payloads       the newest in memory, older ones in an unlinked file, the oldest dropped
//!                    ├─ conversations  state, totals, and the entries of each
//!                    ├─ anomalies      with their evidence
//!                    └─ rates          messages in time, at the finest resolution that fits
//! ```
//!
//! A [`Batch`] owns what events lend, so that one thread can fill it while another holds the [`Store`]. The store
//! is behind a lock ([`Shared`]) which is held for moments only: nothing here waits, but for the reading of old payloads.
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
mod bounds;
mod conversation;
mod entry;
mod list;
mod payloads;
mod rates;
mod record;
mod recorder;
mod replay;
mod shared;
#[allow(clippy::module_inception)] // the noun of this module
mod store;
#[cfg(test)]
mod tests;
mod unlinked;

pub use batch::Batch;
pub use bounds::Bounds;
pub use conversation::{Attempt, Conversation, State};
pub use entry::{Entry, EntryKind, Facts};
pub use payloads::PayloadLocation;
pub use rates::{Column, Marks};
pub use record::{Record, TransportField, write_header};
pub use recorder::Recorder;
pub use replay::{ReplayError, Wanted};
pub use shared::{Phase, Shared};
pub use store::{Store, StoredAnomaly};
pub use unlinked::unlinked_file;
