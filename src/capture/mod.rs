//! Where packets come from: files, pipes and interfaces.
//!
//! A [`Source`] fills one [`Round`] after the other. A round is a block of the capture and the packets found in
//! it, borrowed from the block and never copied one by one. [`Files`] is the source for files: pcap
//! (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain or compressed with gzip or zstd, one or
//! several in time order, standard input among them. [`Live`] is the one for interfaces, over libpcap, which is
//! looked for only when it is needed.

mod bpf;
mod decompress;
mod device;
mod error;
mod file;
#[cfg(test)]
mod fixture;
mod follow;
mod format;
mod identity;
mod interface;
mod live;
mod merge;
mod order;
mod origins;
mod pcap;
mod pcapng;
mod progress;
mod round;
mod save;
mod until;

pub use device::{NO_RIGHT, Sniffable, interfaces};
pub use error::Error;
pub use follow::Follow;
pub use identity::Identity;
pub(crate) use identity::folder;
pub use live::{Count, Counts, Description, Live, Settings};
pub use merge::Files;
pub use origins::Origins;
pub use progress::{Meter, Progress};
pub use round::{Record, Round};
pub use save::{Belongs, Saved, Saver, Sorter, Target};
pub use until::Until;

// The library is found at run time.
use libpcap_dl as _;

use crate::model::Timestamp;

/// Says what a [`Source`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The round holds at least one packet, secret or diagnostic.
    Filled,
    /// Nothing came for a while; capture time is now this. (The round may be empty.)
    Idle(Timestamp),
    /// Nothing will come any more. (The round may hold the last packets.)
    End,
}

/// Is where packets come from.
pub trait Source {
    /// Clears `round` and fills it with what comes next.
    ///
    /// It returns as soon as something is there, so that a pipe that grows is handled as it grows.
    fn next(&mut self, round: &mut Round) -> Result<Next, Error>;
}
