use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capture::{Error, Next, PacketBatch, Source};

/// A source that forwards packets while it is not paused; clones of [`Handle`] pause it.
///
/// The interfaces stay open, because the privilege to open them again was dropped: packets that arrive while paused are
/// read and discarded.
pub(super) struct PauseSource {
    source: Box<dyn Source + Send>,
    handle: Handle,
}

/// The switch of a [`PauseSource`].
#[derive(Clone, Debug, Default)]
pub(super) struct Handle(Arc<AtomicBool>);

impl Handle {
    /// Pauses or resumes.
    pub(super) fn set_paused(&self, paused: bool) {
        self.0.store(paused, Ordering::Relaxed);
    }

    /// Returns whether the source is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PauseSource {
    /// Wraps `source`, to be paused by `handle`.
    pub(super) const fn new(source: Box<dyn Source + Send>, handle: Handle) -> PauseSource {
        PauseSource { source, handle }
    }
}

impl Source for PauseSource {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        let next = self.source.next(batch)?;
        if !self.handle.is_paused() {
            return Ok(next);
        }
        let latest = batch.records().next_back().map(|record| record.at.time);
        batch.items.retain(|item| item.record().is_none());
        Ok(match (next, latest) {
            (Next::Filled, Some(time)) if batch.is_empty() => Next::Idle(time),
            (next, _) => next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{At, LinkType, Timestamp};

    struct Endless;

    impl Source for Endless {
        fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
            batch.clear();
            let at = At { packet: 1, time: Timestamp::from_nanos(7) };
            batch.push_packet(at, LinkType(1), 0, b"");
            Ok(Next::Filled)
        }
    }

    #[test]
    fn shut_it_lets_time_through_and_nothing_else() {
        let handle = Handle::default();
        let (mut pause, mut batch) =
            (PauseSource::new(Box::new(Endless), handle.clone()), PacketBatch::default());
        assert_eq!((pause.next(&mut batch).unwrap(), batch.items.len()), (Next::Filled, 1));
        handle.set_paused(true);
        assert_eq!(pause.next(&mut batch).unwrap(), Next::Idle(Timestamp::from_nanos(7)));
        assert!(batch.is_empty());
        handle.set_paused(false);
        assert_eq!((pause.next(&mut batch).unwrap(), batch.items.len()), (Next::Filled, 1));
    }
}
