use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::LinkType;

/// The counts of packets that an interface gave so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The interface.
    pub interface: String,
    /// Packets handed over.
    pub packets: u64,
    /// Packets for which there was no room in the ring.
    pub dropped: u64,
    /// Packets that the device or its driver dropped.
    pub device_dropped: u64,
}

/// The [`Count`]s of a source that somebody else holds; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<[Counter]>);

/// A [`Count`] while it is counted.
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

    /// Makes a count for each of the interfaces, in their order.
    #[cfg(feature = "live")]
    pub(super) fn of<'a>(interfaces: impl Iterator<Item = &'a str>) -> Counts {
        let counter = |name: &str| Counter { interface: name.to_owned(), ..Counter::default() };
        Counts(interfaces.map(counter).collect())
    }

    /// Publishes the counts of the interfaces, in their order.
    #[cfg(feature = "live")]
    pub(super) fn publish<'a>(&self, counts: impl Iterator<Item = &'a Count>) {
        for (counter, count) in self.0.iter().zip(counts) {
            counter.packets.store(count.packets, Ordering::Relaxed);
            counter.dropped.store(count.dropped, Ordering::Relaxed);
            counter.device_dropped.store(count.device_dropped, Ordering::Relaxed);
        }
    }
}

/// The description of an open interface, for those who save its packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The capture filter.
    pub filter: Option<String>,
    /// What its packets' first bytes are.
    pub link: LinkType,
    /// How many bytes of a packet are kept.
    pub snap_length: u32,
}
