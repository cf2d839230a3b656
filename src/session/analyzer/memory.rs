//! Memory accounting for the connections of a shard, and what is dropped when a bound is exceeded.
//!
//! Each kind of memory has its bound, and there is one for their total
//! ([`Limits::memory`](crate::session::Limits::memory)). Unfinished messages and the state of sub-protocols are bounded
//! where they grow; everything else makes room for them, least valuable first: windows of inflaters, ciphertext without
//! keys, searches, data queued after gaps, and finally connections, where those that carry no conversation and have
//! been idle the longest go first. All decisions are made between two segments of one shard, and so are the same in
//! every run.

use super::{Analyzer, Slot, tick_at_or_after};
use crate::event::{Event, Kind, Sink};
use crate::model::{Anomaly, At, Timestamp};
use crate::session::connection::Connection;
use crate::session::holdings::Holdings;

/// The number of slots checked for idleness each time a connection starts.
const LOOK: usize = 3;

/// The number of slots considered when a connection is to be evicted.
const CANDIDATES: usize = 12;

/// The divisor of total memory that gives the minimum available to each kind, whatever the others use.
const KEPT: usize = 32;

/// The maximum number of searches remembered.
const MAX_SEARCHES: usize = 1024;

impl Analyzer {
    /// Returns the memory used by all connections, in bytes.
    const fn held(&self) -> usize {
        let messages = self.shared.held.saturating_add(self.shared.understood);
        self.holdings.sum().saturating_add(messages).saturating_add(self.windows.bytes())
    }

    /// Returns whether all connections together exceed the memory limit.
    pub(super) const fn is_full(&self) -> bool {
        self.held() > self.shared.limits.memory
    }

    /// Returns the bound on a kind of memory that currently uses `now` bytes and has its own limit `own`: the memory
    /// left by the other kinds, but no less than its guaranteed part, so that one long message does not cost other
    /// connections their data.
    fn bound(&self, now: usize, own: usize) -> usize {
        let memory = self.shared.limits.memory;
        let left = memory.saturating_sub(self.held().saturating_sub(now));
        own.min(left.max(memory / KEPT))
    }

    /// Updates the accounting of a connection's memory and deadline, and returns whether they changed.
    ///
    /// `passed` is the tick that was just handled: the connection is not due at it again.
    pub(super) fn update_accounting(&mut self, n: usize, passed: Option<Timestamp>) -> bool {
        self.note_inflating(n);
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return false };
        let connection = slot.connection.as_ref();
        let mut holdings = connection.map_or_else(Holdings::default, |connection| connection.holdings());
        holdings.state = holdings.state.saturating_add(size_of::<Slot>());
        let mut due = connection.and_then(|connection| connection.deadline()).unwrap_or(Timestamp::MAX);
        if due < Timestamp::MAX {
            due = tick_at_or_after(due);
            if let Some(passed) = passed {
                due = due.max(tick_at_or_after(Timestamp::from_nanos(passed.as_nanos().saturating_add(1))));
            }
        }
        let wants_keys = connection.is_some_and(|connection| connection.is_waiting_for_keys());
        if wants_keys != slot.wants_keys {
            slot.wants_keys = wants_keys;
            if wants_keys {
                self.awaiting_keys.insert((slot.id, n));
            } else {
                self.awaiting_keys.remove(&(slot.id, n));
                self.unchecked_keys.remove(&(slot.id, n));
            }
        }
        if holdings == slot.holdings && due == slot.due {
            return false;
        }
        self.holdings.replace(slot.holdings, holdings);
        if holdings.for_keys > 0 && slot.holdings.for_keys == 0 {
            self.holding_ciphertext.insert((slot.id, n));
        } else if holdings.for_keys == 0 && slot.holdings.for_keys > 0 {
            self.holding_ciphertext.remove(&(slot.id, n));
        }
        if slot.holdings.searched == 0 && holdings.searched > 0 {
            slot.search = slot.search.wrapping_add(1);
            self.searching.push_back((n, slot.id, slot.search));
        }
        slot.holdings = holdings;
        if due != slot.due {
            self.due.remove(&(slot.due, slot.id, n));
            slot.due = due;
            if due < Timestamp::MAX {
                self.due.insert((due, slot.id, n));
            }
        }
        true
    }

    /// Records that the current connection has started inflating, if it has and is not over.
    fn note_inflating(&mut self, n: usize) {
        if !std::mem::take(&mut self.shared.started_inflating) {
            return;
        }
        let slot = self.slots.get(n).and_then(Option::as_ref).filter(|slot| slot.connection.is_some());
        if let Some(slot) = slot {
            self.windows.leave(n);
            self.inflating.push_back((n, slot.id));
            self.release_idle();
        }
    }

    /// Releases memory of the least recently inflating conversations while too many use an inflater.
    fn release_idle(&mut self) {
        // Conversations in use are skipped once.
        let mut looks = self.inflating.len().saturating_mul(2);
        while self.inflating.len() > self.shared.limits.inflating && looks > 0 {
            looks = looks.saturating_sub(1);
            let Some((n, id)) = self.inflating.pop_front() else { return };
            let slot = self.slots.get_mut(n).and_then(Option::as_mut).filter(|slot| slot.id == id);
            let Some(connection) = slot.and_then(|slot| slot.connection.as_mut()) else { continue };
            match connection.release_idle() {
                None => self.inflating.push_back((n, id)),
                Some(0) => {}
                Some(bytes) => self.windows.enter(n, bytes),
            }
        }
        self.release_windows();
    }

    fn release_windows(&mut self) {
        let bound = self.bound(self.windows.bytes(), self.shared.limits.windows);
        while let Some(n) = self.windows.next_excess(bound) {
            if let Some(connection) = self.connection_mut(n) {
                connection.release_windows();
            }
        }
    }

    /// Makes connections release memory while bounds are exceeded; `n` is the one that grew.
    pub(super) fn shed_load(&mut self, n: usize, at: At, sink: &mut dyn Sink) {
        if self.is_full() {
            self.release_windows();
        }
        let limits = self.shared.limits;
        while self.holdings.for_keys > self.bound(self.holdings.for_keys, limits.held) {
            let Some((_, n)) = self.holding_ciphertext.pop_first() else { break };
            if let Some(connection) = self.connection_mut(n) {
                connection.release_held();
            }
            self.update_accounting(n, None);
        }
        while self.holdings.searched > self.bound(self.holdings.searched, limits.searched)
            || self.searching.len() > MAX_SEARCHES
        {
            let Some((n, id, search)) = self.searching.pop_front() else { break };
            let slot = self.slots.get_mut(n).and_then(Option::as_mut);
            let slot = slot.filter(|slot| slot.id == id && slot.search == search);
            if let Some(slot) = slot
                && let Some(connection) = &mut slot.connection
            {
                connection.stop_searching(&mut self.shared, sink);
                slot.release_if_over(&mut self.shared, sink);
                self.update_accounting(n, None);
            }
        }
        while self.holdings.waiting > self.bound(self.holdings.waiting, limits.waiting) {
            let Some(connection) =
                self.slots.get_mut(n).and_then(Option::as_mut).and_then(|slot| slot.connection.as_mut())
            else {
                break;
            };
            let helped = connection.shed_load(&mut self.shared, sink);
            self.update_accounting(n, None);
            if !helped {
                break;
            }
        }
        while self.holdings.state > self.bound(self.holdings.state, usize::MAX) {
            let Some(victim) = self.victim(n) else { break };
            self.evict(victim, ("memory of connections", limits.memory), at, sink);
        }
    }

    fn connection_mut(&mut self, n: usize) -> Option<&mut Connection> {
        self.slots.get_mut(n)?.as_mut()?.connection.as_deref_mut()
    }

    /// Drops a few idle connections, and one more if there are too many.
    pub(super) fn sweep(&mut self, at: At, sink: &mut dyn Sink) {
        for _ in 0..LOOK {
            let n = self.next_swept();
            let Some(slot) = self.slots.get(n).and_then(Option::as_ref) else { continue };
            if !slot.is_conversation() && at.time.since(slot.seen) > self.shared.limits.idle {
                self.forget(n, at, sink);
            }
        }
        let limit = self.shared.limits.connections;
        if self.flows.len() >= limit
            && let Some(victim) = self.victim(usize::MAX)
        {
            self.evict(victim, ("connections", limit), at, sink);
        }
    }

    /// Returns the least valuable of the next few connections, other than that in slot `but`.
    fn victim(&mut self, but: usize) -> Option<usize> {
        let mut victim: Option<(bool, Timestamp, usize)> = None;
        for _ in 0..CANDIDATES {
            let n = self.next_swept();
            let Some(slot) = self.slots.get(n).and_then(Option::as_ref).filter(|_| n != but) else {
                continue;
            };
            let candidate = (slot.is_conversation(), slot.seen, n);
            victim = Some(victim.map_or(candidate, |other| other.min(candidate)));
        }
        victim.map(|(_, _, n)| n)
    }

    fn next_swept(&mut self) -> usize {
        self.sweep_cursor = self.sweep_cursor.checked_add(1).filter(|n| *n < self.slots.len()).unwrap_or(0);
        self.sweep_cursor
    }

    /// Drops a connection because of a limit, and reports that if it is a conversation.
    fn evict(&mut self, n: usize, (limit, value): (&'static str, usize), at: At, sink: &mut dyn Sink) {
        self.shared.counts.evicted = self.shared.counts.evicted.saturating_add(1);
        if let Some(slot) = self.slots.get(n).and_then(Option::as_ref).filter(|slot| slot.is_conversation()) {
            let conversation = slot.connection.as_ref().and_then(|connection| connection.conversation());
            let anomaly = Anomaly::LimitReached { limit, value: value as u64 };
            let kind = Kind::Anomaly { from: None, anomaly: &anomaly };
            sink.event(&Event { conversation, ..Event::new(Some(slot.id), at, kind) });
        }
        self.forget(n, at, sink);
    }
}

impl Slot {
    fn is_conversation(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.is_conversation())
    }
}
