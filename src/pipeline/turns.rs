//! How the threads of a pool wait for each other.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long a thread spins before it sleeps: waking it takes about as long, and batches follow each other faster than
/// that.
const PATIENCE: Duration = Duration::from_micros(50);

/// How often a thread checks the condition before it checks the time.
const LOOKS: u32 = 64;

/// Waits until `is_so` returns true; the thread that makes it true unparks the waiting one.
pub(super) fn wait(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        for _ in 0..LOOKS {
            if is_so() {
                return;
            }
            spin_loop();
        }
    }
    while !is_so() {
        thread::park();
    }
}

/// The number of the job, of two, that the workers are to process.
///
/// A slow worker may miss a turn: it was done without it.
#[derive(Debug, Default)]
pub(super) struct Ticket(AtomicUsize);

/// The value of a [`Ticket`] when there are no more jobs, which no count reaches.
const OVER: usize = usize::MAX;

impl Ticket {
    /// Waits for a turn other than the last one `seen`; returns its job, or `None` when there are no more.
    pub(super) fn next(&self, seen: &mut usize) -> Option<usize> {
        wait(|| self.0.load(Ordering::Acquire) != *seen);
        *seen = self.0.load(Ordering::Acquire);
        (*seen != OVER).then_some(*seen & 1)
    }
}

/// The handle that wakes the workers of a pool, and ends them when dropped.
#[derive(Debug)]
pub(super) struct Waker<'t> {
    turns: &'t Ticket,
    workers: Vec<Thread>,
}

impl<'t> Waker<'t> {
    pub(super) const fn new(turns: &'t Ticket) -> Self {
        Waker { turns, workers: Vec::new() }
    }

    /// Adds a worker.
    pub(super) fn add(&mut self, worker: Thread) {
        self.workers.push(worker);
    }

    /// Returns how many workers there are.
    pub(super) const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Publishes `job`, 0 or 1, and wakes up to `wanted` sleeping workers; those that are awake notice it on their own.
    pub(super) fn ring(&self, job: usize, wanted: usize) {
        // The lowest bit is the job; the bits above change each time.
        let Ticket(turns) = self.turns;
        let turn = turns.load(Ordering::Relaxed) | 1;
        turns.store(turn.wrapping_add(1) | (job & 1), Ordering::Release);
        self.workers.iter().take(wanted).for_each(Thread::unpark);
    }
}

impl Drop for Waker<'_> {
    fn drop(&mut self) {
        self.turns.0.store(OVER, Ordering::Release);
        self.workers.iter().for_each(Thread::unpark);
    }
}

/// The shards that one thread begins with; when none is left, it takes shards from the other queues.
///
/// A shard that stays with one thread from batch to batch stays in that core's cache.
#[derive(Debug)]
// Each on its own cache lines, because each is used mostly by one thread.
#[repr(align(128))]
pub(super) struct WorkQueue {
    next: AtomicUsize,
    shards: std::ops::Range<usize>,
}

impl WorkQueue {
    /// Divides `shards` evenly; none can be taken yet.
    pub(super) fn of(shards: usize, seats: usize) -> Vec<Self> {
        let start = |seat: usize| seat.saturating_mul(shards).checked_div(seats).unwrap_or(shards);
        let share = |seat: usize| start(seat)..start(seat.saturating_add(1));
        (0..seats).map(share).map(|shards| WorkQueue { next: AtomicUsize::new(shards.end), shards }).collect()
    }

    /// Makes all its shards available, after all have been taken.
    ///
    /// Until then, a slow thread that still works on the batch before the last finds nothing here: otherwise, a shard
    /// could process this batch before the last one.
    pub(super) fn open(&self) {
        self.next.store(self.shards.start, Ordering::Release);
    }

    /// Takes the next available shard.
    pub(super) fn take(&self) -> Option<usize> {
        let n = self.next.fetch_add(1, Ordering::AcqRel);
        self.shards.contains(&n).then_some(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_divided_whole_and_taken_once() {
        for seats in [1, 2, 3, 7, 64, 100] {
            let shares = WorkQueue::of(64, seats);
            // Before the batch is open, nothing is available, however often a thread tries.
            assert!(shares.iter().all(|share| share.take().is_none() && share.take().is_none()));
            for _ in 0..2 {
                shares.iter().for_each(WorkQueue::open);
                let taken: Vec<_> =
                    shares.iter().flat_map(|share| std::iter::from_fn(|| share.take())).collect();
                assert_eq!(taken, (0..64).collect::<Vec<_>>(), "{seats} seats");
                assert!(shares.iter().all(|share| share.take().is_none()));
            }
        }
    }

    #[test]
    fn a_worker_hears_the_last_turn_that_it_missed_and_the_end() {
        let turns = Ticket::default();
        let bell = Waker::new(&turns);
        let mut seen = 0;
        for jobs in [&[0][..], &[1], &[0, 1, 0], &[0], &[1, 1]] {
            jobs.iter().for_each(|job| bell.ring(*job, 0));
            assert_eq!(turns.next(&mut seen), jobs.last().copied());
        }
        drop(bell);
        assert_eq!(turns.next(&mut seen), None);
    }

    #[test]
    fn a_thread_that_sleeps_is_woken() {
        let turns = Ticket::default();
        let heard = thread::scope(|scope| {
            let worker = scope.spawn(|| turns.next(&mut 0));
            thread::sleep(PATIENCE.saturating_mul(100));
            let mut bell = Waker::new(&turns);
            bell.add(worker.thread().clone());
            bell.ring(1, 1);
            // The waker, which also wakes the workers when it is dropped, still exists.
            worker.join().expect("no panic")
        });
        assert_eq!(heard, Some(1));
    }
}
