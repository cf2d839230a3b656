use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use super::batch::{Batch, Moment, Preparer};
use super::pool::{Job, Pool, unlock, unlocked, with_pool};
use super::shard::{Counting, Hook, Shard};
use super::{Error, SHARDS, Summary};
use crate::capture::{self, Next, Source};
use crate::event::{Collector, Control, Event, Kind, Output, Piece, Sink as _};
use crate::model::{Anomaly, At};
use crate::services;
use crate::session::{self, Analyzer, Keys, Limits, SubprotocolChoice};
use crate::subprotocol::Settings;
use crate::wire::{self, Decoder};

/// The options of a run.
#[derive(Clone)]
pub struct Options {
    /// How many threads analyze; the output does not depend on it. Default: the number of cores.
    pub threads: NonZeroUsize,
    /// The limits of each shard.
    pub limits: Limits,
    /// Which sub-protocols are decoded. Default: all, including those of the bundled rules.
    pub subprotocols: Arc<Settings>,
    /// Which conversations use which sub-protocol, according to the user.
    pub chosen: Arc<[SubprotocolChoice]>,
    /// The limits of pending IP fragments.
    pub fragments: wire::Limits,
    /// The keys for TLS that are known from the beginning.
    pub keys: Keys,
    /// Called for every conversation that begins or is refused, on the thread that notices it.
    pub hook: Option<Hook>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            limits: Limits::default(),
            subprotocols: services::settings(),
            chosen: Arc::default(),
            fragments: wire::Limits::default(),
            keys: Keys::default(),
            hook: None,
        }
    }
}

impl Options {
    fn of_shard(&self) -> session::Options {
        let (subprotocols, chosen) = (self.subprotocols.clone(), self.chosen.clone());
        session::Options { limits: self.limits, subprotocols, chosen }
    }
}

/// Analyzes everything from `source`, delivers it to `output`, and returns a summary.
///
/// # Errors
///
/// Fails if the source cannot be read or the output cannot be written. Output taken before that remains valid.
pub fn run<O: Output>(source: &mut dyn Source, options: &Options, output: &mut O) -> Result<Summary, Error> {
    let mut preparer = Preparer::new(Decoder::new(options.fragments), options.keys.clone());
    let (mut batch, share) = (Batch::default(), options.threads.get() > 1);
    let mut next = preparer.read(source, &mut batch, share)?;
    while batch.first_time().is_none() && next != Next::End {
        // Nothing has arrived yet, and the output may have been closed.
        next = match output.pause().map_err(Error::Write)? {
            Control::Continue => preparer.read(source, &mut batch, share)?,
            Control::Stop => Next::End,
        };
    }
    output.start(batch.first_time().unwrap_or_default());
    let counting = |output: &O| Counting {
        collector: output.collector(),
        summary: Summary::default(),
        hook: options.hook.clone(),
    };
    let shard = |_| {
        let mut analyzer = Analyzer::new(options.of_shard());
        analyzer.set_keys(options.keys.clone());
        Mutex::new(Shard { analyzer, sink: counting(output) })
    };
    let shards: Vec<_> = (0..SHARDS).map(shard).collect();
    let no_connection = counting(output);
    let mut run = Run { preparer, share, output, no_connection, control: Control::Continue };
    let first = (next, is_small(&batch));
    with_pool(options.threads, &shards, batch, |pool| run.carry(pool, source, first))?;
    Ok(run.sum_up(shards))
}

/// A run in progress: the thread that reads and delivers.
struct Run<'o, O: Output> {
    preparer: Preparer,
    /// Whether several threads may work on a batch.
    share: bool,
    output: &'o mut O,
    /// Collects events that concern no connection.
    no_connection: Counting<O::Collector>,
    control: Control,
}

/// Batches with fewer bytes than this are delivered before the next is read: their source is slow.
const SMALL: usize = 64 << 10;

impl<O: Output> Run<'_, O> {
    /// Processes every batch of the source; the first one was read already.
    fn carry(
        &mut self,
        pool: &mut Pool<'_, O::Collector>,
        source: &mut dyn Source,
        first: (Next, bool),
    ) -> Result<(), Error> {
        let (mut turn, mut running, mut read) = (0, None, Ok(first));
        loop {
            let before = running.take().map(|turn| (turn, pool.help(turn)));
            if let Some((other, false)) = before {
                self.deliver(pool, other, true)?;
            }
            let shared = pool.is_shared() && read.is_ok();
            if shared {
                pool.open(turn);
            }
            if let Some((other, true)) = before {
                self.deliver(pool, other, false)?;
            }
            let (next, small) = read?;
            let pauses = small || next != Next::Filled || self.control == Control::Stop;
            if shared && !pauses {
                running = Some(turn);
            } else if shared {
                let complete = pool.help(turn);
                self.deliver(pool, turn, !complete)?;
            } else {
                pool.alone(|pool| self.deliver(pool, turn, true))?;
            }
            if pauses {
                if self.control == Control::Continue && next != Next::End {
                    self.control = self.output.pause().map_err(Error::Write)?;
                }
                if self.control == Control::Stop || next == Next::End {
                    self.finish(pool)?;
                    self.output.pause().map_err(Error::Write)?;
                    return Ok(());
                }
            }
            turn = 1_usize.saturating_sub(turn);
            read = self.read(pool, turn, source);
        }
    }

    /// Reads the next batch into a job; returns what follows it, and whether it is small.
    fn read(
        &mut self,
        pool: &Pool<'_, O::Collector>,
        turn: usize,
        source: &mut dyn Source,
    ) -> Result<(Next, bool), capture::Error> {
        let Some(mut job) = pool.job(turn) else { return Ok((Next::End, true)) };
        let next = self.preparer.read(source, &mut job.batch, self.share)?;
        Ok((next, is_small(&job.batch)))
    }

    /// Delivers the output of a batch in packet order, and processes what is left of it if it is `undone`.
    fn deliver(&mut self, pool: &Pool<'_, O::Collector>, turn: usize, undone: bool) -> Result<(), Error> {
        let Some(mut job) = pool.job(turn) else { return Ok(()) };
        // If all is done, other threads may be working on the next batch.
        let mut shards = if undone { pool.shards() } else { Vec::new() };
        let Job { batch, progress, .. } = &mut *job;
        let mut moments = batch.moments.iter().enumerate().peekable();
        for n in 0..=batch.items.len() {
            while let Some((at, (_, moment))) = moments.next_if(|(_, (before, _))| *before <= n) {
                match moment {
                    Moment::Aside(at, anomaly) => self.aside(*at, anomaly)?,
                    _ => self.moment((at, moment), progress, &mut shards)?,
                }
            }
            let Some(shard) = batch.items.get(n).map(|item| usize::from(item.shard)) else { break };
            let Some(progress) = progress.get_mut(shard).map(unlocked) else { break };
            if progress.item > n {
                if let Some(range) = progress.of_item(n) {
                    self.take(&progress.piece, range)?;
                }
            } else if let Some(shard) = shards.get_mut(shard) {
                shard.push(batch, n);
                self.hand_over(&mut shard.sink.collector)?;
            }
        }
        job.reset();
        self.output.delivered();
        Ok(())
    }

    /// Processes what is due at a moment in every shard that has not passed it, and delivers the output of all shards
    /// in one order.
    fn moment(
        &mut self,
        (n, moment): (usize, &Moment),
        progress: &mut [Mutex<super::shard::Progress<<O::Collector as Collector>::Piece>>],
        shards: &mut [MutexGuard<'_, Shard<O::Collector>>],
    ) -> Result<(), Error> {
        for (shard, progress) in shards.iter_mut().zip(progress.iter_mut()) {
            if unlocked(progress).moment <= n {
                shard.hear(moment);
            }
        }
        loop {
            let due = progress.iter_mut().enumerate().filter_map(|(at, progress)| {
                let progress = unlocked(progress);
                let seen = progress.moment > n;
                let due = if seen { progress.due_at(n) } else { shards.get(at)?.due(moment) };
                Some((due?, at, seen))
            });
            let Some((_, at, seen)) = due.min() else { return Ok(()) };
            if seen {
                let Some(progress) = progress.get_mut(at).map(unlocked) else { return Ok(()) };
                if let Some(range) = progress.of_moment() {
                    self.take(&progress.piece, range)?;
                }
            } else if let Some(shard) = shards.get_mut(at) {
                shard.advance(moment);
                self.hand_over(&mut shard.sink.collector)?;
            }
        }
    }

    /// Reports an anomaly that concerns no connection.
    fn aside(&mut self, at: At, anomaly: &Anomaly) -> Result<(), Error> {
        self.no_connection.event(&Event::new(None, at, Kind::Anomaly { from: None, anomaly }));
        let piece = self.no_connection.collector.piece();
        let end = piece.mark();
        take(self.output, &mut self.control, piece, 0..end)?;
        piece.clear();
        Ok(())
    }

    /// Delivers everything collected.
    fn hand_over(&mut self, collector: &mut O::Collector) -> Result<(), Error> {
        let piece = collector.piece();
        let end = piece.mark();
        if end > 0 {
            self.take(piece, 0..end)?;
            piece.clear();
        }
        Ok(())
    }

    fn take(&mut self, piece: &<O::Collector as Collector>::Piece, range: Range<usize>) -> Result<(), Error> {
        take(self.output, &mut self.control, piece, range)
    }

    /// Ends all connections, in the order of their names, and delivers their remaining output.
    fn finish(&mut self, pool: &Pool<'_, O::Collector>) -> Result<(), Error> {
        let mut shards = pool.shards();
        let mut live: Vec<_> = shards
            .iter()
            .enumerate()
            .flat_map(|(n, shard)| shard.analyzer.live().map(move |(id, handle)| (id, n, handle)))
            .collect();
        live.sort_unstable();
        let last = self.preparer.last();
        for (_, n, handle) in live {
            if let Some(shard) = shards.get_mut(n) {
                let Shard { analyzer, sink } = &mut **shard;
                analyzer.finish(handle, last, sink);
                self.hand_over(&mut sink.collector)?;
            }
        }
        Ok(())
    }

    /// Sums up what was seen, and returns the collectors to the output.
    fn sum_up(self, shards: Vec<Mutex<Shard<O::Collector>>>) -> Summary {
        let last = self.preparer.last().time;
        let mut summary = self.preparer.summary;
        summary.times = summary.times.map(|(first, _)| (first, last));
        for shard in shards {
            let Shard { analyzer, sink } = unlock(shard.into_inner());
            summary.add_connections(&analyzer);
            summary.add(&sink.summary);
            self.output.collected(sink.collector);
        }
        summary.add(&self.no_connection.summary);
        self.output.collected(self.no_connection.collector);
        summary
    }
}

/// Delivers a range to the output, unless it has stopped.
fn take<O: Output>(
    output: &mut O,
    control: &mut Control,
    piece: &<O::Collector as Collector>::Piece,
    range: Range<usize>,
) -> Result<(), Error> {
    if *control == Control::Continue {
        *control = output.take(piece, range).map_err(Error::Write)?;
    }
    Ok(())
}

fn is_small(batch: &Batch) -> bool {
    batch.packets.bytes.len() < SMALL
}
