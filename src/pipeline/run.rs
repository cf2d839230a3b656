use std::num::NonZeroUsize;

use ahash::RandomState;

use super::batch::{Batch, Preparer};
use super::crew::WorkerPool;
use super::{Control, Error, Output, Part, SHARDS, Summary};
use crate::capture::{Next, Source};
use crate::event::{Event, Kind, Sink};
use crate::model::{At, Timestamp};
use crate::session::{Analyzer, Limits};
use crate::wire::{self, Decoder};

/// What a run can be told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many threads analyze; the output does not depend on it. Default: the cores there are.
    pub threads: NonZeroUsize,
    /// What each shard may keep.
    pub limits: Limits,
    /// What waiting IP fragments may take.
    pub fragments: wire::Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limits: Limits::default(),
            fragments: wire::Limits::default(),
        }
    }
}

/// Carries everything from `source` to `output`, and tells what was seen.
///
/// # Errors
///
/// When the source cannot be read or the output cannot be written. What was taken before stands.
pub fn run<O: Output>(source: &mut dyn Source, options: &Options, output: &mut O) -> Result<Summary, Error> {
    let preparer = Preparer::new(Decoder::new(options.fragments), RandomState::new());
    let shards = (0..SHARDS)
        .map(|_| Shard { analyzer: Analyzer::new(options.limits), memory: output.memory() })
        .collect();
    if options.threads.get() > 1 {
        WorkerPool::new(preparer, shards, options.threads).run(source, output)
    } else {
        Solo { preparer, shards }.run(source, output)
    }
}

/// A shard: its analyzer, and what is remembered of its connections.
pub(super) struct Shard<M> {
    pub(super) analyzer: Analyzer,
    pub(super) memory: M,
}

impl<M> Shard<M> {
    /// Lets the analyzer do something that fills a part, with the shard's memory in it.
    pub(super) fn fill<P: Part<Memory = M>>(
        &mut self,
        sink: &mut Counting<P>,
        work: impl FnOnce(&mut Analyzer, &mut Counting<P>),
    ) {
        sink.part.exchange(&mut self.memory);
        work(&mut self.analyzer, sink);
        sink.part.exchange(&mut self.memory);
    }
}

/// Does everything on the caller's thread, in packet order.
struct Solo<M> {
    preparer: Preparer,
    shards: Vec<Shard<M>>,
}

impl<M> Solo<M> {
    fn run<O: Output<Part: Part<Memory = M>>>(
        mut self,
        source: &mut dyn Source,
        output: &mut O,
    ) -> Result<Summary, Error> {
        let mut batch = Batch::default();
        let mut part = None;
        loop {
            let next = source.next(&mut batch.round)?;
            self.preparer.prepare(&mut batch, false, next);
            if let Next::Idle(now) = next {
                self.preparer.pass(now, batch.items.len(), &mut batch.ticks);
            }
            if part.is_none() {
                part = begin(&batch, output, next == Next::End);
            }
            let Some(part) = &mut part else { continue };
            let mut control = self.round(&batch, part, output)?;
            if control == Control::Continue && next != Next::End {
                control = output.pause().map_err(Error::Write)?;
            }
            if control == Control::Stop || next == Next::End {
                finish(&mut self.shards, self.preparer.last(), part, output, control)?;
                output.pause().map_err(Error::Write)?;
                return Ok(sum_up(self.preparer, self.shards, part, output));
            }
        }
    }

    fn round<O: Output>(
        &mut self,
        batch: &Batch,
        sink: &mut Counting<O::Part>,
        output: &mut O,
    ) -> Result<Control, Error>
    where
        O::Part: Part<Memory = M>,
    {
        let mut control = Control::Continue;
        let (mut ticks, mut asides) = (batch.ticks.iter().peekable(), batch.asides.iter().peekable());
        for n in 0..=batch.items.len() {
            while let Some((_, tick)) = ticks.next_if(|(before, _)| *before <= n) {
                advance(&mut self.shards, *tick, sink);
            }
            while let Some((_, at, anomaly)) = asides.next_if(|(before, ..)| *before <= n) {
                aside(*at, anomaly, sink);
            }
            if let Some(item) = batch.items.get(n)
                && let Some(shard) = self.shards.get_mut(usize::from(item.shard))
            {
                shard.fill(sink, |analyzer, sink| {
                    analyzer.push(item.hash, &batch.segment(item), item.at, sink);
                });
            }
            sink.hand_over(output, &mut control, FULL)?;
        }
        sink.hand_over(output, &mut control, 0)?;
        Ok(control)
    }
}

/// Tells the output when the capture begins, once there is something; makes the part that is filled.
pub(super) fn begin<O: Output>(batch: &Batch, output: &mut O, ends: bool) -> Option<Counting<O::Part>> {
    let first = batch.round.records().next().map(|record| record.at.time);
    if first.is_none() && !ends {
        return None;
    }
    output.start(first.unwrap_or_default());
    Some(Counting { part: output.part(), summary: Summary::default() })
}

/// Lets every shard decide what a tick decides, the shards in one order.
fn advance<P: Part>(shards: &mut [Shard<P::Memory>], tick: Timestamp, sink: &mut Counting<P>) {
    loop {
        let due = shards.iter_mut().filter_map(|shard| shard.analyzer.next_due().map(|due| (due, shard)));
        match due.min_by_key(|(due, _)| *due) {
            Some(((time, _), shard)) if time <= tick => {
                shard.fill(sink, |analyzer, sink| analyzer.advance(sink));
            }
            _ => return,
        }
    }
}

/// Tells what concerns no connection.
pub(super) fn aside(at: At, anomaly: &crate::model::Anomaly, sink: &mut dyn Sink) {
    sink.event(&Event::new(None, at, Kind::Anomaly { from: None, anomaly }));
}

/// Ends all connections, in the order of their names, and writes what they have to tell.
pub(super) fn finish<O: Output>(
    shards: &mut [Shard<<O::Part as Part>::Memory>],
    last: At,
    sink: &mut Counting<O::Part>,
    output: &mut O,
    mut control: Control,
) -> Result<(), Error> {
    let mut live: Vec<_> = shards
        .iter()
        .enumerate()
        .flat_map(|(n, shard)| shard.analyzer.live().map(move |(id, handle)| (id, n, handle)))
        .collect();
    live.sort_unstable();
    for (_, n, handle) in live {
        if let Some(shard) = shards.get_mut(n) {
            shard.fill(sink, |analyzer, sink| analyzer.finish(handle, last, sink));
            sink.hand_over(output, &mut control, FULL)?;
        }
    }
    sink.hand_over(output, &mut control, 0)
}

/// Adds up what was seen, and gives what is remembered to the output.
pub(super) fn sum_up<O: Output>(
    preparer: Preparer,
    shards: Vec<Shard<<O::Part as Part>::Memory>>,
    coda: &mut Counting<O::Part>,
    output: &mut O,
) -> Summary {
    let last = preparer.last().time;
    let mut summary = preparer.summary;
    summary.add(&coda.summary);
    summary.times = summary.times.map(|(first, _)| (first, last));
    for shard in shards {
        summary.connections = summary.connections.saturating_add(shard.analyzer.counts().connections);
        output.remembered(shard.memory);
    }
    let mut rest = output.memory();
    coda.part.exchange(&mut rest);
    output.remembered(rest);
    summary
}

/// Counts events on their way into a part.
#[derive(Debug)]
pub(super) struct Counting<P> {
    pub(super) part: P,
    pub(super) summary: Summary,
}

/// A part that is filled so far is written before the round is over; one compressed packet can make very much.
const FULL: usize = 256 << 10;

impl<P: Part> Counting<P> {
    /// Gives the part to the output, unless that wants no more, where it is filled further than `most`; then it is empty.
    fn hand_over<O: Output<Part = P>>(
        &mut self,
        output: &mut O,
        control: &mut Control,
        most: usize,
    ) -> Result<(), Error> {
        if self.part.mark() > most {
            if *control == Control::Continue {
                *control = output.take(&self.part, 0..self.part.mark()).map_err(Error::Write)?;
            }
            self.part.clear();
        }
        Ok(())
    }
}

impl<P: Part> Sink for Counting<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.summary.count(event);
        self.part.event(event);
    }

    fn wants_frames(&self) -> bool {
        self.part.wants_frames()
    }
}
