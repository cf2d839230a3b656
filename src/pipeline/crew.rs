use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::batch::{Batch, Item, Preparer};
use super::run::{Counting, Lane, aside, begin, finish, sum_up};
use super::{Analyzer, Control, Error, LANES, Output, Part, Summary};
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
/// Whoever has nothing to do takes the next lane of the round: one heavy lane keeps one thread busy, and the others
/// see to the rest. Behind a round that was little work, the next one is done by this thread alone.
pub(super) struct Crew<M> {
    preparer: Preparer,
    lanes: Vec<Lane<M>>,
    threads: NonZeroUsize,
}

/// Is one round's work. Two of them take turns: one is worked on while the other is made ready.
struct Job<P> {
    batch: Batch,
    /// The next lane that nobody has taken, and how many are done.
    next: AtomicUsize,
    done: AtomicUsize,
    /// How long all threads worked, in nanoseconds.
    spent: AtomicU64,
    /// What each thread makes of the lanes that it takes.
    filled: Vec<Mutex<Filled<P>>>,
}

/// Is what a thread made of the lanes that it took.
struct Filled<P> {
    sink: Counting<P>,
    /// How far the part is divided into pieces.
    end: usize,
    /// The pieces of items: of one lane after the other, each in the order of the round.
    items: Vec<(usize, Range<usize>)>,
    /// The lanes, and where the pieces of each end.
    lanes: Vec<(usize, usize)>,
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

/// How much work a round must have been for the next one to be handed out: to wake a thread and wait for it costs a good
/// part of that.
const WORTH: Duration = Duration::from_micros(300);

/// Rounds with fewer bytes than this are written before the next is read: their source is slow.
const SMALL: usize = 64 << 10;

impl<M: Send> Crew<M> {
    pub(super) const fn new(preparer: Preparer, lanes: Vec<Lane<M>>, threads: NonZeroUsize) -> Self {
        Crew { preparer, lanes, threads }
    }

    pub(super) fn run<O: Output<Part: Part<Memory = M>>>(
        self,
        source: &mut dyn Source,
        output: &mut O,
    ) -> Result<Summary, Error> {
        let jobs = [RwLock::new(Job::new()), RwLock::new(Job::new())];
        let lanes: Vec<_> = self.lanes.into_iter().map(Mutex::new).collect();
        let leader = thread::current();
        let Seen { preparer, coda, summary, control } = thread::scope(|scope| {
            let worker = |seat| {
                let (hand, turns) = sync_channel(1);
                let (jobs, lanes, leader) = (&jobs, &lanes, &leader);
                scope.spawn(move || work(&turns, seat, jobs, lanes, leader));
                hand
            };
            let workers = (LEADER + 1..self.threads.get()).map(worker).collect();
            let seen = Seen {
                preparer: self.preparer,
                coda: None,
                summary: Summary::default(),
                control: Control::Continue,
            };
            Lead { jobs: &jobs, lanes: &lanes, workers, seen, spent: Duration::ZERO }.run(source, output)
        })?;
        let mut lanes: Vec<_> = lanes.into_iter().map(|lane| unlock(lane.into_inner())).collect();
        let coda = coda.map(|filled| filled.sink);
        let mut coda = coda.unwrap_or_else(|| Counting { part: output.part(), summary: Summary::default() });
        finish(&mut lanes, preparer.last(), &mut coda, output, control)?;
        coda.summary.add(&summary);
        output.pause().map_err(Error::Write)?;
        Ok(sum_up(preparer, lanes, &mut coda, output))
    }
}

/// Is the part of the caller's thread: it reads, hands out, helps, and puts the pieces in order.
struct Lead<'r, P: Part> {
    jobs: &'r [RwLock<Job<P>>; 2],
    lanes: &'r [Mutex<Lane<P::Memory>>],
    workers: Vec<SyncSender<usize>>,
    seen: Seen<P>,
    /// How much work the last round was.
    spent: Duration,
}

/// Is what the lead has to show in the end.
struct Seen<P> {
    preparer: Preparer,
    /// Where what concerns no lane is put; `None` before there is anything.
    coda: Option<Filled<P>>,
    summary: Summary,
    control: Control,
}

impl<P: Part> Lead<'_, P> {
    fn run<O: Output<Part = P>>(mut self, source: &mut dyn Source, output: &mut O) -> Result<Seen<P>, Error> {
        let (mut turn, mut running) = (0, None);
        loop {
            let read = self.make_ready(turn, source, output);
            if let Some(other) = running {
                self.help(other);
            }
            let shared = self.spent >= WORTH;
            if shared && read.is_ok() {
                for worker in &self.workers {
                    // A worker that is gone has panicked, and the scope will tell.
                    let _ = worker.send(turn);
                }
            }
            if let Some(other) = running.take() {
                self.write(other, output)?;
            }
            let (next, slow) = read?;
            if slow || next != Next::Filled || self.seen.control == Control::Stop {
                self.help(turn);
                self.write(turn, output)?;
                if self.seen.control == Control::Continue {
                    self.seen.control = output.pause().map_err(Error::Write)?;
                }
                if next == Next::End || self.seen.control == Control::Stop {
                    return Ok(self.seen);
                }
            } else if shared {
                running = Some(turn);
            } else {
                self.help(turn);
                self.write(turn, output)?;
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
        if self.seen.coda.is_some() {
            let part = || Filled::new(Counting { part: output.part(), summary: Summary::default() });
            job.filled.resize_with(self.workers.len().saturating_add(1), || Mutex::new(part()));
        }
        // Before anything came, there is nothing to do either.
        let none = if job.filled.is_empty() { LANES } else { 0 };
        (*job.next.get_mut(), *job.done.get_mut()) = (none, none);
        Ok((next, slow))
    }

    /// Works on a job until all of it is done.
    fn help(&self, turn: usize) {
        let Some(job) = self.jobs.get(turn) else { return };
        let job = unlock(job.read());
        job.work(LEADER, self.lanes, None);
        while job.done.load(Ordering::Acquire) < LANES {
            thread::park();
        }
    }

    /// Gives a job's pieces to the output, in the order of the round, and the emptied parts back to the lanes.
    fn write<O: Output<Part = P>>(&mut self, turn: usize, output: &mut O) -> Result<(), Error> {
        let (Some(job), Some(coda)) = (self.jobs.get(turn), &mut self.seen.coda) else { return Ok(()) };
        let job = unlock(job.read());
        for (before, at, anomaly) in &job.batch.asides {
            aside(*at, anomaly, &mut coda.sink);
            coda.mark(*before, Some(What::Aside));
        }
        let mut filled: Vec<_> = job.filled.iter().map(|filled| unlock(filled.lock())).collect();
        // Who worked has let go of its part, and so has said how long it did.
        self.spent = Duration::from_nanos(job.spent.swap(0, Ordering::Relaxed));
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
    let mut lanes: [_; LANES] = std::array::from_fn(|_| None);
    let mut others = Vec::new();
    for Filled { sink, items, lanes: of_lanes, others: of_part, .. } in parts {
        let mut start = 0;
        for (lane, end) in of_lanes {
            if let Some(slot) = lanes.get_mut(*lane) {
                *slot = Some((&sink.part, items.get(start..*end).unwrap_or_default().iter().peekable()));
            }
            start = *end;
        }
        others.extend(of_part.iter().map(|(place, piece)| (*place, (&sink.part, piece))));
    }
    others.sort_by_key(|(place, _)| *place);
    let mut others = others.into_iter().peekable();
    let mut items = items.iter().map(|item| usize::from(item.lane)).chain([LANES]).enumerate().peekable();
    std::iter::from_fn(move || {
        while let Some((n, lane)) = items.peek() {
            if let Some((_, (part, piece))) = others.next_if(|((before, _), _)| before <= n) {
                return Some((part, piece.clone()));
            }
            let pieces = lanes.get_mut(*lane).and_then(Option::as_mut);
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
        Filled { sink, end: 0, items: Vec::new(), lanes: Vec::new(), others: Vec::new() }
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
        self.lanes.clear();
        self.others.clear();
    }
}

impl<P> Job<P> {
    fn new() -> Self {
        Job {
            batch: Batch::default(),
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            spent: AtomicU64::new(0),
            filled: Vec::new(),
        }
    }
}

impl<P: Part> Job<P> {
    /// Takes lanes until none is left; whoever finishes the last one wakes the `leader`.
    fn work(&self, seat: usize, lanes: &[Mutex<Lane<P::Memory>>], leader: Option<&Thread>) {
        let Some(filled) = self.filled.get(seat) else { return };
        let mut filled = unlock(filled.lock());
        let begun = Instant::now();
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(lane) = lanes.get(n) else { break };
            let done = Done { done: &self.done, leader };
            let mut lane = unlock(lane.lock());
            self.lane(n, &mut lane, &mut filled);
            drop(lane);
            drop(done);
        }
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(spent, Ordering::Relaxed);
    }

    /// Does one lane's work of this round.
    fn lane(&self, n: usize, lane: &mut Lane<P::Memory>, filled: &mut Filled<P>) {
        let Batch { items, ticks, lanes, .. } = &self.batch;
        let Some(mine) = lanes.get(n) else { return };
        let last_tick = ticks.last().map(|(_, tick)| *tick);
        let is_due = |analyzer: &Analyzer, tick| analyzer.next_due().filter(|(time, _)| *time <= tick);
        if mine.is_empty() && last_tick.and_then(|tick| is_due(&lane.analyzer, tick)).is_none() {
            return;
        }
        filled.sink.part.exchange(&mut lane.memory);
        let mut ticks = ticks.iter().peekable();
        for n in mine.iter().map(|n| *n as usize).chain([items.len()]) {
            while let Some((before, tick)) = ticks.next_if(|(before, _)| *before <= n) {
                while let Some((time, id)) = is_due(&lane.analyzer, *tick) {
                    lane.analyzer.advance(&mut filled.sink);
                    filled.mark(*before, Some(What::Tick(time, id)));
                }
            }
            if let Some(item) = items.get(n) {
                lane.analyzer.push(item.hash, &self.batch.segment(item), item.at, &mut filled.sink);
                filled.mark(n, None);
            }
        }
        filled.lanes.push((n, filled.items.len()));
        filled.sink.part.exchange(&mut lane.memory);
    }
}

/// Counts a lane as done when dropped, whatever became of it: were it not counted, the leader would wait for ever.
struct Done<'j> {
    done: &'j AtomicUsize,
    leader: Option<&'j Thread>,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let done = self.done.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let (LANES, Some(leader)) = (done, self.leader) {
            leader.unpark();
        }
    }
}

/// Works on the jobs it is told of until there are no more.
fn work<P: Part>(
    turns: &Receiver<usize>,
    seat: usize,
    jobs: &[RwLock<Job<P>>; 2],
    lanes: &[Mutex<Lane<P::Memory>>],
    leader: &Thread,
) {
    while let Ok(turn) = turns.recv() {
        if let Some(job) = jobs.get(turn) {
            unlock(job.read()).work(seat, lanes, Some(leader));
        }
    }
}

/// Goes on after a panic elsewhere: the thread scope will tell of it.
fn unlock<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
