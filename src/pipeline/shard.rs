use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::batch::{Batch, Moment};
use super::{Analyzer, Summary};
use crate::event::{Collector, ConnId, Event, Kind, Piece, Sink};
use crate::model::Timestamp;

/// The analyzer of some connections, and the collector of their events.
pub(super) struct Shard<C> {
    pub(super) analyzer: Analyzer,
    pub(super) sink: Counting<C>,
}

/// A counter of events on their way into a collector.
pub(super) struct Counting<C> {
    pub(super) collector: C,
    pub(super) summary: Summary,
    pub(super) hook: Option<Hook>,
}

/// A function called for every conversation that begins or is refused, on the thread that notices it.
pub type Hook = std::sync::Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl<C: Collector> Sink for Counting<C> {
    fn event(&mut self, event: &Event<'_>) {
        self.summary.count(event);
        if let (Some(hook), Kind::Opened(_) | Kind::Rejected(_)) = (&self.hook, &event.kind) {
            hook(event);
        }
        self.collector.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.collector.wants_frames()
    }
}

/// The key that orders the output of one moment.
pub(super) type Due = (Timestamp, ConnId);

/// The output of a shard for a batch, and the progress made.
#[derive(Debug, Default)]
pub(super) struct Progress<P> {
    /// The output, once the shard is done with the batch.
    pub(super) piece: P,
    /// The parts that belong to items, in order.
    items: Vec<(usize, Range<usize>)>,
    /// The parts that belong to moments, in order.
    moments: Vec<(usize, Due, Range<usize>)>,
    /// How many parts of each were delivered.
    given: (usize, usize),
    /// The end of the last part.
    end: usize,
    /// The first item and the first moment of the batch that the shard has not processed.
    pub(super) item: usize,
    pub(super) moment: usize,
}

impl<P: Piece> Progress<P> {
    /// Begins the next batch.
    pub(super) fn reset(&mut self) {
        self.forget();
        (self.item, self.moment) = (0, 0);
    }

    /// Clears the output after its delivery.
    fn forget(&mut self) {
        self.piece.clear();
        self.items.clear();
        self.moments.clear();
        (self.given, self.end) = ((0, 0), 0);
    }

    /// Returns the range of an item's output, if there is any that was not delivered.
    pub(super) fn of_item(&mut self, item: usize) -> Option<Range<usize>> {
        let (_, range) = self.items.get(self.given.0).filter(|(n, _)| *n == item)?;
        self.given.0 = self.given.0.saturating_add(1);
        Some(range.clone())
    }

    /// Returns the sort key of the next output of a moment, if there is any that was not delivered.
    pub(super) fn due_at(&self, moment: usize) -> Option<Due> {
        let (_, due, _) = self.moments.get(self.given.1).filter(|(n, ..)| *n == moment)?;
        Some(*due)
    }

    /// Returns the range of the next output of a moment.
    pub(super) fn of_moment(&mut self) -> Option<Range<usize>> {
        let (.., range) = self.moments.get(self.given.1)?;
        self.given.1 = self.given.1.saturating_add(1);
        Some(range.clone())
    }

    /// Returns the range of the output since the last call, if there is any.
    fn part(&mut self, piece: &P) -> Option<Range<usize>> {
        let end = piece.mark();
        let part = std::mem::replace(&mut self.end, end)..end;
        (!part.is_empty()).then_some(part)
    }
}

impl<C: Collector> Shard<C> {
    /// Returns the key of what is due next at a moment.
    pub(super) fn due(&self, moment: &Moment) -> Option<Due> {
        match moment {
            Moment::Tick(tick) => self.analyzer.next_due().filter(|(time, _)| *time <= tick.time),
            Moment::Keys(..) => self.analyzer.next_key_check().map(|conn| (Timestamp::default(), conn)),
            Moment::Aside(..) => None,
        }
    }

    /// Prepares for a moment, before anything due at it is processed.
    pub(super) fn hear(&mut self, moment: &Moment) {
        match moment {
            Moment::Keys(_, keys) => self.analyzer.set_keys(keys.clone()),
            Moment::Tick(tick) => self.analyzer.pass(tick.packet),
            Moment::Aside(..) => {}
        }
    }

    /// Analyzes an item.
    pub(super) fn push(&mut self, batch: &Batch, item: usize) {
        if let Some(item) = batch.items.get(item) {
            self.analyzer.push(item.hash, &batch.segment(item), item.at, &mut self.sink);
        }
    }

    /// Processes what is due next at a moment.
    pub(super) fn advance(&mut self, moment: &Moment) {
        match moment {
            Moment::Tick(_) => self.analyzer.advance(&mut self.sink),
            Moment::Keys(at, _) => self.analyzer.learn(*at, &mut self.sink),
            Moment::Aside(..) => {}
        }
    }

    /// Works through a batch independently, as shard `n`; `made` counts the output bytes of all shards, and beyond
    /// `most` it stops.
    ///
    /// Returns whether all is done.
    pub(super) fn work(
        &mut self,
        (n, batch): (usize, &Batch),
        progress: &mut Progress<C::Piece>,
        (made, most): (&AtomicUsize, usize),
    ) -> bool {
        let done = self.make((n, batch), progress, (made, most));
        if progress.end > 0 {
            std::mem::swap(self.sink.collector.piece(), &mut progress.piece);
        }
        done
    }

    fn make(
        &mut self,
        (n, batch): (usize, &Batch),
        progress: &mut Progress<C::Piece>,
        (made, most): (&AtomicUsize, usize),
    ) -> bool {
        let Some(items) = batch.shards.get(n) else { return true };
        for item in items.iter().map(|item| *item as usize) {
            if made.load(Ordering::Relaxed) > most {
                return false;
            }
            let before = self.sink.collector.piece().bytes();
            self.pass(batch, item, progress);
            self.push(batch, item);
            if let Some(part) = progress.part(self.sink.collector.piece()) {
                progress.items.push((item, part));
            }
            progress.item = item.saturating_add(1);
            let after = self.sink.collector.piece().bytes();
            made.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
        }
        self.pass(batch, usize::MAX, progress);
        progress.item = usize::MAX;
        true
    }

    /// Processes the moments before an item.
    fn pass(&mut self, batch: &Batch, item: usize, progress: &mut Progress<C::Piece>) {
        while let Some((before, moment)) = batch.moments.get(progress.moment)
            && *before <= item
        {
            self.hear(moment);
            while let Some(due) = self.due(moment) {
                self.advance(moment);
                if let Some(part) = progress.part(self.sink.collector.piece()) {
                    progress.moments.push((progress.moment, due, part));
                }
            }
            progress.moment = progress.moment.saturating_add(1);
        }
    }
}
