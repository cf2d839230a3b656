use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::{self, Thread};

use super::batch::{Batch, Preparer};
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
/// see to the rest.
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
    /// What became of each lane; `None` where nothing did.
    filled: Vec<Mutex<Option<Filled<P>>>>,
}

/// Is what became of a lane in a round.
struct Filled<P> {
    sink: Counting<P>,
    /// Where in the round's order the pieces of the part stand.
    marks: Vec<Mark>,
}

/// Says that a piece ends at `end` of its part, and where it belongs.
struct Mark {
    place: (usize, What),
    end: usize,
}

/// Orders what stands before the same item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Tick(Timestamp, ConnId),
    Aside,
    Item,
}

/// Is a lane and the parts that it fills in turn.
struct Seat<P: Part> {
    lane: Lane<P::Memory>,
    /// Emptied parts, to be filled again.
    spare: Vec<Filled<P>>,
}

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
        let lane = |lane| Mutex::new(Seat { lane, spare: Vec::new() });
        let lanes: Vec<_> = self.lanes.into_iter().map(lane).collect();
        let leader = thread::current();
        let Seen { preparer, coda, summary, control } = thread::scope(|scope| {
            let worker = |_| {
                let (hand, turns) = sync_channel(1);
                let (jobs, lanes, leader) = (&jobs, &lanes, &leader);
                scope.spawn(move || work(&turns, jobs, lanes, leader));
                hand
            };
            let workers = (1..self.threads.get()).map(worker).collect();
            let seen = Seen {
                preparer: self.preparer,
                coda: None,
                summary: Summary::default(),
                control: Control::Continue,
            };
            Lead { jobs: &jobs, lanes: &lanes, workers, seen }.run(source, output)
        })?;
        let mut lanes: Vec<_> = lanes.into_iter().map(|seat| unlock(seat.into_inner()).lane).collect();
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
    lanes: &'r [Mutex<Seat<P>>],
    workers: Vec<SyncSender<usize>>,
    seen: Seen<P>,
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
            if read.is_ok() {
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
            } else {
                running = Some(turn);
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
        self.seen.preparer.prepare(&mut job.batch, true);
        if let Next::Idle(now) = next {
            let Batch { items, ticks, .. } = &mut job.batch;
            self.seen.preparer.pass(now, items.len(), ticks);
        }
        if self.seen.coda.is_none()
            && let Some(sink) = begin(&job.batch, output, next == Next::End)
        {
            for lane in self.lanes {
                let part = || Filled::new(Counting { part: output.part(), summary: Summary::default() });
                unlock(lane.lock()).spare.extend([part(), part()]);
            }
            self.seen.coda = Some(Filled::new(sink));
        }
        *job.next.get_mut() = 0;
        *job.done.get_mut() = 0;
        Ok((next, slow))
    }

    /// Works on a job until all of it is done.
    fn help(&self, turn: usize) {
        let Some(job) = self.jobs.get(turn) else { return };
        let job = unlock(job.read());
        job.work(self.lanes, None);
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
            coda.mark((*before, What::Aside));
        }
        let mut filled: Vec<_> = job.filled.iter().map(|lane| unlock(lane.lock()).take()).collect();
        let parts = || filled.iter().flatten().chain(Some(&*coda));
        for (part, range) in in_order(parts(), job.batch.items.len()) {
            if self.seen.control == Control::Stop {
                break;
            }
            self.seen.control = output.take(part, range).map_err(Error::Write)?;
        }
        for (lane, filled) in self.lanes.iter().zip(&mut filled) {
            if let Some(mut filled) = filled.take() {
                self.seen.summary.add(&filled.sink.summary);
                filled.clear();
                unlock(lane.lock()).spare.push(filled);
            }
        }
        self.seen.summary.add(&coda.sink.summary);
        coda.clear();
        Ok(())
    }
}

/// Puts the pieces of all parts in the order of the round; neighbours of one part become one.
fn in_order<'p, P: 'p>(
    parts: impl Iterator<Item = &'p Filled<P>> + Clone,
    items: usize,
) -> impl Iterator<Item = (&'p P, Range<usize>)> {
    // An item belongs to one lane alone; few pieces are made at ticks, and those are sorted.
    let mut by_item: Vec<Option<(&P, Range<usize>)>> = Vec::new();
    by_item.resize_with(items, || None);
    let mut others = Vec::new();
    for filled in parts {
        let mut start = 0;
        for Mark { place: (item, what), end } in &filled.marks {
            let piece = (&filled.sink.part, start..*end);
            match by_item.get_mut(*item) {
                Some(slot) if *what == What::Item => *slot = Some(piece),
                _ => others.push(((*item, *what), piece)),
            }
            start = *end;
        }
    }
    others.sort_by_key(|(place, _)| *place);
    let mut others = others.into_iter().peekable();
    let mut by_item = by_item.into_iter().enumerate();
    let mut waiting = None;
    std::iter::from_fn(move || {
        loop {
            if waiting.is_none() {
                waiting = by_item.next();
            }
            let now = waiting.as_ref().map_or(usize::MAX, |(item, _)| *item);
            if let Some((_, piece)) = others.next_if(|((item, _), _)| *item <= now) {
                return Some(piece);
            }
            match waiting.take()? {
                (_, Some(piece)) => return Some(piece),
                (_, None) => {}
            }
        }
    })
}

impl<P: Part> Filled<P> {
    const fn new(sink: Counting<P>) -> Self {
        Filled { sink, marks: Vec::new() }
    }

    /// Notes where what was said since the last mark belongs; nothing where nothing was.
    fn mark(&mut self, place: (usize, What)) {
        let end = self.sink.part.mark();
        if self.marks.last().map_or(0, |mark| mark.end) < end {
            self.marks.push(Mark { place, end });
        }
    }

    fn clear(&mut self) {
        self.sink.part.clear();
        self.sink.summary = Summary::default();
        self.marks.clear();
    }
}

impl<P> Job<P> {
    fn new() -> Self {
        Job {
            batch: Batch::default(),
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            filled: (0..LANES).map(|_| Mutex::new(None)).collect(),
        }
    }
}

impl<P: Part> Job<P> {
    /// Takes lanes until none is left; whoever finishes the last one wakes the `leader`.
    fn work(&self, lanes: &[Mutex<Seat<P>>], leader: Option<&Thread>) {
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some(lane), Some(slot)) = (lanes.get(n), self.filled.get(n)) else { return };
            let mut lane = unlock(lane.lock());
            *unlock(slot.lock()) = self.lane(n, &mut lane);
            let done = self.done.fetch_add(1, Ordering::AcqRel).saturating_add(1);
            if let (LANES, Some(leader)) = (done, leader) {
                leader.unpark();
            }
        }
    }

    /// Does one lane's work of this round.
    fn lane(&self, n: usize, Seat { lane, spare }: &mut Seat<P>) -> Option<Filled<P>> {
        let Batch { items, ticks, lanes, .. } = &self.batch;
        let mine = lanes.get(n)?;
        let last_tick = ticks.last().map(|(_, tick)| *tick);
        let is_due = |analyzer: &Analyzer, tick| analyzer.next_due().filter(|(time, _)| *time <= tick);
        if mine.is_empty() && last_tick.and_then(|tick| is_due(&lane.analyzer, tick)).is_none() {
            return None;
        }
        let mut filled = spare.pop()?;
        filled.sink.part.exchange(&mut lane.memory);
        let mut ticks = ticks.iter().peekable();
        for n in mine.iter().map(|n| *n as usize).chain([items.len()]) {
            while let Some((before, tick)) = ticks.next_if(|(before, _)| *before <= n) {
                while let Some((time, id)) = is_due(&lane.analyzer, *tick) {
                    lane.analyzer.advance(&mut filled.sink);
                    filled.mark((*before, What::Tick(time, id)));
                }
            }
            if let Some(item) = items.get(n) {
                lane.analyzer.push(item.hash, &self.batch.segment(item), item.at, &mut filled.sink);
                filled.mark((n, What::Item));
            }
        }
        filled.sink.part.exchange(&mut lane.memory);
        Some(filled)
    }
}

/// Works on the jobs it is told of until there are no more.
fn work<P: Part>(
    turns: &Receiver<usize>,
    jobs: &[RwLock<Job<P>>; 2],
    lanes: &[Mutex<Seat<P>>],
    leader: &Thread,
) {
    while let Ok(turn) = turns.recv() {
        if let Some(job) = jobs.get(turn) {
            unlock(job.read()).work(lanes, Some(leader));
        }
    }
}

/// Goes on after a panic elsewhere: the thread scope will tell of it.
fn unlock<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
