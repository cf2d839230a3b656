use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::{self, Thread};
use std::time::Instant;

use super::batch::{Batch, Item, Preparer};
use super::run::{Counting, Shard, aside, begin, finish, sum_up};
use super::turns::{Ticket, Waker, WorkQueue, wait};
use super::{Analyzer, Control, Error, Output, Part, SHARDS, Summary};
use crate::capture::{Next, Source};
use crate::event::ConnId;
use crate::model::Timestamp;

/// Does the work of a run with several threads.
///
/// ```text
///   this thread    read 2, prepare 2 │ help with 1 │ hand 2 out, write 1 │ read 3, prepare 3 │ …
///   the others     ──────── 1 ───────────────────► │ ───────────── 2 ───────────────────────► …
/// ```
///
/// Each thread begins with the shards of its share, which its core's cache still holds, and then takes from those of
/// others: one heavy shard keeps one thread busy, and the others see to the rest. Behind a round that was little work, the
/// next one is done by this thread alone.
pub(super) struct WorkerPool<M> {
    preparer: Preparer,
    shards: Vec<Shard<M>>,
    threads: NonZeroUsize,
}

/// One round's work. Two of them take turns: one is worked on while the other is made ready.
struct Job<P> {
    batch: Batch,
    /// The shards that nobody has taken, by seat.
    shares: Vec<WorkQueue>,
    /// How many shards are done.
    done: AtomicUsize,
    /// How long all threads worked, in nanoseconds.
    spent: AtomicU64,
    /// What each thread makes of the shards that it takes.
    filled: Vec<Mutex<Filled<P>>>,
}

/// What a thread made of the shards that it took.
struct Filled<P> {
    sink: Counting<P>,
    /// How far the part is divided into pieces.
    end: usize,
    /// The pieces of items: of one shard after the other, each in the order of the round.
    items: Vec<(usize, Range<usize>)>,
    /// The shards, and where the pieces of each end.
    shards: Vec<(usize, usize)>,
    /// The few other pieces: which item they stand before.
    others: Vec<((usize, What), Range<usize>)>,
}

/// Orders what stands before the same item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Tick(Timestamp, ConnId),
    Aside,
}

/// The seat of the caller's thread; the others have those behind it.
const LEADER: usize = 0;

/// Behind a round that was less work than this, in nanoseconds, the next one is not shared: to share it costs a good part of
/// that.
const ALONE: u64 = 10_000;
/// How much work, in nanoseconds, is worth one more thread: to wake it costs a good part of that.
const WORTH: u64 = 50_000;

/// Rounds with fewer bytes than this are written before the next is read: their source is slow.
const SMALL: usize = 64 << 10;

impl<M: Send> WorkerPool<M> {
    pub(super) const fn new(preparer: Preparer, shards: Vec<Shard<M>>, threads: NonZeroUsize) -> Self {
        WorkerPool { preparer, shards, threads }
    }

    pub(super) fn run<O: Output<Part: Part<Memory = M>>>(
        self,
        source: &mut dyn Source,
        output: &mut O,
    ) -> Result<Summary, Error> {
        let jobs = [RwLock::new(Job::new()), RwLock::new(Job::new())];
        let shards: Vec<_> = self.shards.into_iter().map(Mutex::new).collect();
        let (leader, turns) = (thread::current(), Ticket::default());
        let Seen { preparer, coda, summary, control } = thread::scope(|scope| {
            // In this order: the bell sends home those that are there, whatever happens.
            let mut bell = Waker::new(&turns);
            // Nobody has anything to do beyond a shard each.
            for seat in LEADER + 1..self.threads.get().min(SHARDS) {
                let (turns, jobs, shards, leader) = (&turns, &jobs, &shards, &leader);
                let worker = thread::Builder::new();
                match worker.spawn_scoped(scope, move || work(turns, seat, jobs, shards, leader)) {
                    Ok(worker) => bell.add(worker.thread().clone()),
                    // Where the system gives no more threads, fewer do it.
                    Err(_) => break,
                }
            }
            let seen = Seen {
                preparer: self.preparer,
                coda: None,
                summary: Summary::default(),
                control: Control::Continue,
            };
            Coordinator { jobs: &jobs, shards: &shards, bell, seen, worth: 0 }.run(source, output)
        })?;
        let mut shards: Vec<_> = shards.into_iter().map(|shard| unlock(shard.into_inner())).collect();
        let coda = coda.map(|filled| filled.sink);
        let mut coda = coda.unwrap_or_else(|| Counting { part: output.part(), summary: Summary::default() });
        finish(&mut shards, preparer.last(), &mut coda, output, control)?;
        coda.summary.add(&summary);
        output.pause().map_err(Error::Write)?;
        Ok(sum_up(preparer, shards, &mut coda, output))
    }
}

/// The part of the caller's thread: it reads, hands out, helps, and puts the pieces in order.
struct Coordinator<'r, P: Part> {
    jobs: &'r [RwLock<Job<P>>; 2],
    shards: &'r [Mutex<Shard<P::Memory>>],
    bell: Waker<'r>,
    seen: Seen<P>,
    /// How many other threads the last round was worth.
    worth: usize,
}

/// What the lead has to show in the end.
struct Seen<P> {
    preparer: Preparer,
    /// Where what concerns no shard is put; `None` before there is anything.
    coda: Option<Filled<P>>,
    summary: Summary,
    control: Control,
}

impl<P: Part> Coordinator<'_, P> {
    fn run<O: Output<Part = P>>(mut self, source: &mut dyn Source, output: &mut O) -> Result<Seen<P>, Error> {
        let (mut turn, mut running) = (0, None);
        loop {
            let read = self.make_ready(turn, source, output);
            if let Some(other) = running {
                self.help(other);
            }
            let shared = self.worth > 0;
            if read.is_ok() {
                self.open(turn);
            }
            if let Some(other) = running.take() {
                self.write(other, output)?;
            }
            let (next, slow) = read?;
            let pauses = slow || next != Next::Filled || self.seen.control == Control::Stop;
            if shared && !pauses {
                running = Some(turn);
            } else {
                self.help(turn);
                self.write(turn, output)?;
            }
            if pauses {
                if self.seen.control == Control::Continue {
                    self.seen.control = output.pause().map_err(Error::Write)?;
                }
                if next == Next::End || self.seen.control == Control::Stop {
                    return Ok(self.seen);
                }
            }
            turn = 1_usize.saturating_sub(turn);
        }
    }

    /// Reads the next round into a job that nobody works on; tells whether its source is slow.
    fn make_ready<O: Output<Part = P>>(
        &mut self,
        turn: usize,
        source: &mut dyn Source,
        output: &mut O,
    ) -> Result<(Next, bool), Error> {
        let Some(job) = self.jobs.get(turn) else { return Ok((Next::End, true)) };
        let mut job = unlock(job.write());
        let next = source.next(&mut job.batch.round)?;
        let slow = job.batch.round.bytes.len() < SMALL;
        self.seen.preparer.prepare(&mut job.batch, true, next);
        if let Next::Idle(now) = next {
            let Batch { items, ticks, .. } = &mut job.batch;
            self.seen.preparer.pass(now, items.len(), ticks);
        }
        if self.seen.coda.is_none() {
            self.seen.coda = begin(&job.batch, output, next == Next::End).map(Filled::new);
        }
        if self.seen.coda.is_some() && job.filled.is_empty() {
            let part = || Filled::new(Counting { part: output.part(), summary: Summary::default() });
            let seats = self.bell.workers().saturating_add(1);
            job.filled.resize_with(seats, || Mutex::new(part()));
            job.shares = WorkQueue::of(SHARDS, seats);
        }
        // Before anything came, there is nothing to do either.
        *job.done.get_mut() = if job.filled.is_empty() { SHARDS } else { 0 };
        Ok((next, slow))
    }

    /// Lets a job be worked on, now that the one before it is done, and calls those who are worth it.
    fn open(&self, turn: usize) {
        if let Some(job) = self.jobs.get(turn) {
            unlock(job.read()).shares.iter().for_each(WorkQueue::open);
        }
        if self.worth > 0 {
            self.bell.ring(turn, self.worth);
        }
    }

    /// Works on a job until all of it is done.
    fn help(&self, turn: usize) {
        let Some(job) = self.jobs.get(turn) else { return };
        let job = unlock(job.read());
        job.work(LEADER, self.shards, None);
        wait(|| job.done.load(Ordering::Acquire) >= SHARDS);
    }

    /// Gives a job's pieces to the output, in the order of the round, and the emptied parts back to the shards.
    fn write<O: Output<Part = P>>(&mut self, turn: usize, output: &mut O) -> Result<(), Error> {
        let (Some(job), Some(coda)) = (self.jobs.get(turn), &mut self.seen.coda) else { return Ok(()) };
        let job = unlock(job.read());
        for (before, at, anomaly) in &job.batch.asides {
            aside(*at, anomaly, &mut coda.sink);
            coda.mark(*before, Some(What::Aside));
        }
        let mut filled: Vec<_> = job.filled.iter().map(|filled| unlock(filled.lock())).collect();
        // Who worked has let go of its part, and so has said how long it did.
        let spent = job.spent.swap(0, Ordering::Relaxed);
        self.worth = if spent < ALONE { 0 } else { (spent / WORTH).saturating_add(1) as usize };
        let parts: Vec<_> = filled.iter().map(|filled| &**filled).chain([&*coda]).collect();
        for (part, range) in in_order(&parts, &job.batch.items) {
            if self.seen.control == Control::Stop {
                break;
            }
            self.seen.control = output.take(part, range).map_err(Error::Write)?;
        }
        for filled in filled.iter_mut().map(|filled| &mut **filled).chain([coda]) {
            self.seen.summary.add(&filled.sink.summary);
            filled.clear();
        }
        Ok(())
    }
}

/// Puts the pieces of all parts in the order of the round.
fn in_order<'p, P>(parts: &[&'p Filled<P>], items: &[Item]) -> impl Iterator<Item = (&'p P, Range<usize>)> {
    let mut shards: [_; SHARDS] = std::array::from_fn(|_| None);
    let mut others = Vec::new();
    for Filled { sink, items, shards: of_lanes, others: of_part, .. } in parts {
        let mut start = 0;
        for (shard, end) in of_lanes {
            if let Some(slot) = shards.get_mut(*shard) {
                *slot = Some((&sink.part, items.get(start..*end).unwrap_or_default().iter().peekable()));
            }
            start = *end;
        }
        others.extend(of_part.iter().map(|(place, piece)| (*place, (&sink.part, piece))));
    }
    others.sort_by_key(|(place, _)| *place);
    let mut others = others.into_iter().peekable();
    let mut items = items.iter().map(|item| usize::from(item.shard)).chain([SHARDS]).enumerate().peekable();
    std::iter::from_fn(move || {
        while let Some((n, shard)) = items.peek() {
            if let Some((_, (part, piece))) = others.next_if(|((before, _), _)| before <= n) {
                return Some((part, piece.clone()));
            }
            let pieces = shards.get_mut(*shard).and_then(Option::as_mut);
            let piece =
                pieces.and_then(|(part, pieces)| Some((*part, pieces.next_if(|(item, _)| item == n)?)));
            items.next();
            if let Some((part, (_, piece))) = piece {
                return Some((part, piece.clone()));
            }
        }
        None
    })
}

impl<P: Part> Filled<P> {
    const fn new(sink: Counting<P>) -> Self {
        Filled { sink, end: 0, items: Vec::new(), shards: Vec::new(), others: Vec::new() }
    }

    /// Notes where what was said since the last mark belongs, if anything was: to an item, or before it.
    fn mark(&mut self, item: usize, before: Option<What>) {
        let end = self.sink.part.mark();
        let piece = std::mem::replace(&mut self.end, end)..end;
        match before {
            _ if piece.is_empty() => {}
            None => self.items.push((item, piece)),
            Some(what) => self.others.push(((item, what), piece)),
        }
    }

    fn clear(&mut self) {
        self.sink.part.clear();
        self.sink.summary = Summary::default();
        self.end = 0;
        self.items.clear();
        self.shards.clear();
        self.others.clear();
    }
}

impl<P> Job<P> {
    fn new() -> Self {
        Job {
            batch: Batch::default(),
            shares: Vec::new(),
            done: AtomicUsize::new(0),
            spent: AtomicU64::new(0),
            filled: Vec::new(),
        }
    }
}

impl<P: Part> Job<P> {
    /// Takes shards until none is left; whoever finishes the last one wakes the `leader`.
    fn work(&self, seat: usize, shards: &[Mutex<Shard<P::Memory>>], leader: Option<&Thread>) {
        let Some(filled) = self.filled.get(seat) else { return };
        let mut filled = unlock(filled.lock());
        let begun = Instant::now();
        let mut done = Done { shards: 0, of_all: &self.done, leader };
        let (behind, mine) = self.shares.split_at_checked(seat).unwrap_or_default();
        for share in mine.iter().chain(behind) {
            while let Some(n) = share.take() {
                done.shards = done.shards.saturating_add(1);
                if let Some(shard) = shards.get(n)
                    && self.may_concern(n)
                {
                    let mut shard = unlock(shard.lock());
                    self.shard(n, &mut shard, &mut filled);
                }
            }
        }
        drop(done);
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(spent, Ordering::Relaxed);
    }

    /// Tells whether this round may have work for a shard.
    fn may_concern(&self, shard: usize) -> bool {
        let Batch { ticks, shards, .. } = &self.batch;
        !ticks.is_empty() || shards.get(shard).is_some_and(|items| !items.is_empty())
    }

    /// Does one shard's work of this round.
    fn shard(&self, n: usize, shard: &mut Shard<P::Memory>, filled: &mut Filled<P>) {
        let Batch { items, ticks, shards, .. } = &self.batch;
        let Some(mine) = shards.get(n) else { return };
        let last_tick = ticks.last().map(|(_, tick)| *tick);
        let is_due = |analyzer: &Analyzer, tick| analyzer.next_due().filter(|(time, _)| *time <= tick);
        if mine.is_empty() && last_tick.and_then(|tick| is_due(&shard.analyzer, tick)).is_none() {
            return;
        }
        filled.sink.part.exchange(&mut shard.memory);
        let mut ticks = ticks.iter().peekable();
        for n in mine.iter().map(|n| *n as usize).chain([items.len()]) {
            while let Some((before, tick)) = ticks.next_if(|(before, _)| *before <= n) {
                while let Some((time, id)) = is_due(&shard.analyzer, *tick) {
                    shard.analyzer.advance(&mut filled.sink);
                    filled.mark(*before, Some(What::Tick(time, id)));
                }
            }
            if let Some(item) = items.get(n) {
                shard.analyzer.push(item.hash, &self.batch.segment(item), item.at, &mut filled.sink);
                filled.mark(n, None);
            }
        }
        filled.shards.push((n, filled.items.len()));
        filled.sink.part.exchange(&mut shard.memory);
    }
}

/// Counts a thread's shards as done when dropped, whatever became of them: were one not counted, the leader would wait for
/// ever.
struct Done<'j> {
    shards: usize,
    of_all: &'j AtomicUsize,
    leader: Option<&'j Thread>,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let before = self.of_all.fetch_add(self.shards, Ordering::AcqRel);
        if let (SHARDS, Some(leader)) = (before.saturating_add(self.shards), self.leader) {
            leader.unpark();
        }
    }
}

/// Works on the jobs that are handed out until there are no more.
fn work<P: Part>(
    turns: &Ticket,
    seat: usize,
    jobs: &[RwLock<Job<P>>; 2],
    shards: &[Mutex<Shard<P::Memory>>],
    leader: &Thread,
) {
    let mut seen = 0;
    while let Some(turn) = turns.next(&mut seen) {
        if let Some(job) = jobs.get(turn) {
            unlock(job.read()).work(seat, shards, Some(leader));
        }
    }
}

/// Goes on after a panic elsewhere: the thread scope will tell of it.
fn unlock<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
