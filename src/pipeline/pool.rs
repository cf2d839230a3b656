use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::{self, Thread};
use std::time::Instant;

use super::SHARDS;
use super::batch::Batch;
use super::shard::{Progress, Shard};
use super::turns::{Ticket, Waker, WorkQueue, wait};
use crate::event::{Collector, Piece};

/// The threads of a run.
///
/// ```text
///   this thread    read 2, prepare 2 │ help with 1 │ hand 2 out, deliver 1 │ read 3, prepare 3 │ …
///   the others     ──────── 1 ───────────────────► │ ───────────── 2 ─────────────────────────► …
/// ```
///
/// Each thread begins with its own share of the shards, which are still in its core's cache, and then takes shards from
/// the others: a heavy shard keeps one thread busy while the others process the rest. After a batch that required
/// little work, the next one is processed by this thread alone; with a single thread, all are.
pub(super) struct Pool<'p, C: Collector> {
    jobs: &'p [RwLock<Job<C::Piece>>; 2],
    shards: &'p [Mutex<Shard<C>>],
    waker: Waker<'p>,
    /// How many other threads the last batch was worth.
    worth: usize,
}

/// The work on one batch. There are two: one is processed while the other is prepared.
pub(super) struct Job<P> {
    pub(super) batch: Batch,
    /// The output of each shard.
    pub(super) progress: Vec<Mutex<Progress<P>>>,
    /// The shards not yet taken, by seat.
    shares: Vec<WorkQueue>,
    /// How many shards are finished.
    done: AtomicUsize,
    /// How many of those stopped early because there was too much output.
    stopped: AtomicUsize,
    /// The total working time of all threads, in nanoseconds.
    spent: AtomicU64,
    /// How many bytes of output are waiting to be delivered.
    made: AtomicUsize,
}

/// The seat of the caller's thread; the others follow.
const LEADER: usize = 0;

/// After a batch with less work than this, in nanoseconds, the next one is not shared: sharing costs a considerable
/// part of that.
const ALONE: u64 = 10_000;
/// The amount of work, in nanoseconds, that is worth one more thread: waking it costs a considerable part of that.
const WORTH: u64 = 50_000;

/// The maximum output of a batch waiting to be delivered, in bytes; beyond it, no shard begins another packet.
const OUTPUT: usize = 8 << 20;

impl<P: Piece> Job<P> {
    fn new(batch: Batch, seats: usize) -> Self {
        Job {
            batch,
            progress: (0..SHARDS).map(|_| Mutex::default()).collect(),
            shares: WorkQueue::of(SHARDS, seats),
            done: AtomicUsize::new(0),
            stopped: AtomicUsize::new(0),
            spent: AtomicU64::new(0),
            made: AtomicUsize::new(0),
        }
    }

    /// Clears the results of the batch before.
    pub(super) fn reset(&mut self) {
        self.progress.iter_mut().for_each(|progress| unlocked(progress).reset());
        *self.done.get_mut() = 0;
        *self.stopped.get_mut() = 0;
        *self.made.get_mut() = 0;
    }

    /// Takes shards until none is left; the thread that finishes the last one wakes the `leader`.
    fn work<C: Collector<Piece = P>>(
        &self,
        seat: usize,
        shards: &[Mutex<Shard<C>>],
        leader: Option<&Thread>,
    ) {
        let begun = Instant::now();
        let mut done = Done { shards: 0, of_all: &self.done, leader };
        let (behind, mine) = self.shares.split_at_checked(seat).unwrap_or_default();
        for share in mine.iter().chain(behind) {
            while let Some(n) = share.take() {
                done.shards = done.shards.saturating_add(1);
                if let (Some(shard), Some(progress)) = (shards.get(n), self.progress.get(n)) {
                    let (mut shard, mut progress) = (unlock(shard.lock()), unlock(progress.lock()));
                    if !shard.work((n, &self.batch), &mut progress, (&self.made, OUTPUT)) {
                        self.stopped.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        }
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(spent, Ordering::Relaxed);
        drop(done);
    }
}

/// Runs `lead` on this thread, with up to `threads` in total; `first` is the first batch.
pub(super) fn with_pool<C: Collector, R>(
    threads: NonZeroUsize,
    shards: &[Mutex<Shard<C>>],
    first: Batch,
    lead: impl FnOnce(&mut Pool<'_, C>) -> R,
) -> R {
    // More threads than shards would be idle.
    let seats = threads.get().min(SHARDS);
    let jobs = [RwLock::new(Job::new(first, seats)), RwLock::new(Job::new(Batch::default(), seats))];
    let (leader, turns) = (thread::current(), Ticket::default());
    thread::scope(|scope| {
        // The order matters: the waker releases the workers added so far, whatever happens.
        let mut waker = Waker::new(&turns);
        for seat in LEADER + 1..seats {
            let (turns, jobs, leader) = (&turns, &jobs, &leader);
            let worker = thread::Builder::new();
            match worker.spawn_scoped(scope, move || work(turns, seat, jobs, shards, leader)) {
                Ok(worker) => waker.add(worker.thread().clone()),
                // If the system provides no more threads, the work is done by fewer.
                Err(_) => break,
            }
        }
        lead(&mut Pool { jobs: &jobs, shards, waker, worth: 0 })
    })
}

impl<'p, C: Collector> Pool<'p, C> {
    /// Returns whether the next batch is worth sharing.
    pub(super) const fn is_shared(&self) -> bool {
        self.worth > 0
    }

    /// Returns a job that is not being processed; `None` for numbers other than 0 and 1.
    pub(super) fn job(&self, turn: usize) -> Option<RwLockWriteGuard<'p, Job<C::Piece>>> {
        Some(unlock(self.jobs.get(turn)?.write()))
    }

    /// Returns all shards, while no thread is working.
    pub(super) fn shards(&self) -> Vec<MutexGuard<'p, Shard<C>>> {
        self.shards.iter().map(|shard| unlock(shard.lock())).collect()
    }

    /// Releases a job to the workers, now that the one before it is done, and wakes as many as it is worth.
    pub(super) fn open(&self, turn: usize) {
        if let Some(job) = self.jobs.get(turn) {
            unlock(job.read()).shares.iter().for_each(WorkQueue::open);
        }
        self.waker.ring(turn, self.worth);
    }

    /// Works on a job until no shard is left, and waits for the others; returns whether all of it is done.
    pub(super) fn help(&mut self, turn: usize) -> bool {
        let Some(job) = self.jobs.get(turn) else { return true };
        let job = unlock(job.read());
        job.work(LEADER, self.shards, None);
        wait(|| job.done.load(Ordering::Acquire) >= SHARDS);
        // Each thread adds its time before it counts its shards as done.
        self.learn(job.spent.swap(0, Ordering::Relaxed));
        job.stopped.load(Ordering::Relaxed) == 0
    }

    /// Does work on this thread alone, and measures whether the next batch is worth sharing.
    pub(super) fn alone<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        if self.waker.workers() == 0 {
            return work(self);
        }
        let begun = Instant::now();
        let result = work(self);
        self.learn(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        result
    }

    fn learn(&mut self, spent: u64) {
        let worth = if spent < ALONE { 0 } else { (spent / WORTH).saturating_add(1) };
        self.worth = usize::try_from(worth).unwrap_or(usize::MAX).min(self.waker.workers());
    }
}

/// A guard that counts a thread's shards as done when dropped, even during a panic: otherwise, the leader would wait
/// forever.
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

/// Works on jobs until there are no more.
fn work<C: Collector>(
    turns: &Ticket,
    seat: usize,
    jobs: &[RwLock<Job<C::Piece>>; 2],
    shards: &[Mutex<Shard<C>>],
    leader: &Thread,
) {
    let mut seen = 0;
    while let Some(turn) = turns.next(&mut seen) {
        if let Some(job) = jobs.get(turn) {
            unlock(job.read()).work(seat, shards, Some(leader));
        }
    }
}

/// Continues after a panic on another thread: the thread scope will report it.
pub(super) fn unlock<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

/// Returns the content of a mutex to which there is exclusive access.
pub(super) fn unlocked<T>(mutex: &mut Mutex<T>) -> &mut T {
    unlock(mutex.get_mut())
}
