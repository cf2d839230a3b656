use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::LinkType;

/// The number of packets received from an interface so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The interface.
    pub interface: String,
    /// Packets delivered.
    pub packets: u64,
    /// Packets dropped because the ring was full.
    pub dropped: u64,
    /// Packets dropped by the device or its driver.
    pub device_dropped: u64,
}

/// The [`Count`]s of a source that is owned elsewhere; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<[Counter]>);

/// The live, atomic form of a [`Count`].
#[derive(Debug, Default)]
struct Counter {
    interface: String,
    packets: AtomicU64,
    dropped: AtomicU64,
    device_dropped: AtomicU64,
}

impl Counts {
    /// Returns a count for each interface.
    pub fn now(&self) -> Vec<Count> {
        let read = |counter: &Counter| Count {
            interface: counter.interface.clone(),
            packets: counter.packets.load(Ordering::Relaxed),
            dropped: counter.dropped.load(Ordering::Relaxed),
            device_dropped: counter.device_dropped.load(Ordering::Relaxed),
        };
        self.0.iter().map(read).collect()
    }

    /// Creates a count for each of the interfaces, in order.
    #[cfg(feature = "live")]
    pub(super) fn of<'a>(interfaces: impl Iterator<Item = &'a str>) -> Counts {
        let counter = |name: &str| Counter { interface: name.to_owned(), ..Counter::default() };
        Counts(interfaces.map(counter).collect())
    }

    /// Publishes the counts of the interfaces, in order.
    #[cfg(feature = "live")]
    pub(super) fn publish<'a>(&self, counts: impl Iterator<Item = &'a Count>) {
        for (counter, count) in self.0.iter().zip(counts) {
            counter.packets.store(count.packets, Ordering::Relaxed);
            counter.dropped.store(count.dropped, Ordering::Relaxed);
            counter.device_dropped.store(count.device_dropped, Ordering::Relaxed);
        }
    }
}

/// The description of an open interface, for writers that save its packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The capture filter.
    pub filter: Option<String>,
    /// The link type of its packets.
    pub link: LinkType,
    /// The maximum number of bytes kept of each packet.
    pub snap_length: u32,
}
