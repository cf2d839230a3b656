//! Sources of packets: files, pipes and interfaces.
//!
//! A [`Source`] fills one [`PacketBatch`] after the other. A batch is a block of the capture and the packets found in
//! it, borrowed from the block and never copied one by one. [`Files`] is the source for files: pcap
//! (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain or compressed with gzip, zstd or lz4, one or
//! several in time order, standard input included. `Live`, with the feature `live`, is the source for interfaces. It
//! uses libpcap, which is loaded only when it is needed.
//!
//! ```
//! use wirefin::capture::{Files, Next, PacketBatch, Source};
//!
//! let mut files = Files::open(&["captures/messages/fragments-with-pings-between.pcap".into()])?;
//! let (mut batch, mut packets) = (PacketBatch::default(), 0);
//! loop {
//!     let next = files.next(&mut batch)?;
//!     packets += batch.packets().count();
//!     if next == Next::End {
//!         break;
//!     }
//! }
//! assert!(packets > 10);
//! # Ok::<(), wirefin::capture::Error>(())
//! ```

mod counts;
mod decompress;
#[cfg(feature = "live")]
mod device;
mod error;
mod file;
#[cfg(feature = "live")]
mod filtered;
#[cfg(test)]
mod fixture;
mod follow;
mod format;
mod found;
mod identity;
mod interface;
mod joined;
mod keylog;
#[cfg(feature = "live")]
mod libpcap;
#[cfg(feature = "live")]
mod live;
mod merge;
mod order;
mod origins;
mod packet_batch;
mod pcap;
mod pcapng;
mod progress;
mod save;
mod stop_condition;
mod unknown;

pub use counts::{Count, Counts, Description};
#[cfg(feature = "live")]
pub use device::{InterfaceInfo, NO_PRIVILEGE, interfaces};
pub use error::Error;
#[cfg(feature = "live")]
pub use filtered::CaptureFilter;
pub use follow::Follow;
pub use identity::FileId;
#[cfg(feature = "cli")]
pub(crate) use identity::folder;
pub use keylog::{KeyLogs, WithKeyLogs};
#[cfg(feature = "live")]
pub use live::{Live, Settings};
pub use merge::Files;
pub use origins::LinkSources;
pub use packet_batch::{Item, PacketBatch, Record};
pub use progress::{Progress, ReadProgress};
pub use save::{Belongs, Saved, Saver, Sorter, Target};
pub use stop_condition::StopCondition;

// The library is loaded at run time.
#[cfg(feature = "live")]
use libpcap_dl as _;

use crate::model::Timestamp;

/// The result of [`Source::next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The batch holds at least one packet, secret or diagnostic.
    Filled,
    /// Nothing arrived for a while; this is the current capture time. (The batch may be empty.)
    Idle(Timestamp),
    /// No more packets will follow. (The batch may contain the last ones.)
    End,
}

/// A source of packets.
pub trait Source {
    /// Clears `batch` and fills it with the packets that follow.
    ///
    /// Returns as soon as there is something, so that a growing pipe is processed as it grows.
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error>;
}
