mod memory;

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU64;

use hashbrown::HashTable;

use super::connection::Connection;
use super::context::Shared;
use super::counts::Counts;
use super::holdings::Holdings;
use super::keys::Keys;
use super::options::Options;
use super::paths::{Match, Paths};
use super::resync::FrameSearch;
use super::windows::RestingWindows;
use crate::event::{ConnId, Sink};
use crate::model::{At, Flags, FlowKey, Segment, Timestamp};

/// An analyzer that turns the segments of one shard's connections into events.
///
/// Segments must be pushed in capture order. Between them, at fixed ticks of capture time, [`Analyzer::advance`]
/// handles time-outs; [`Analyzer::next_due`] returns which connection is next, so that several shards can be advanced
/// in one common order.
#[derive(Debug)]
pub struct Analyzer {
    shared: Shared,
    flows: HashTable<usize>,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// Connections with a gap that will be given up, by the tick at which that is due.
    due: BTreeSet<(Timestamp, ConnId, usize)>,
    /// The memory of all connections.
    holdings: Holdings,
    /// Connections being searched for frames, oldest search first, each with the number of its search.
    searching: VecDeque<(usize, ConnId, u32)>,
    /// Connections that show nothing and are kept only until the other side's first bytes reveal their protocol.
    undescribed: VecDeque<(usize, ConnId)>,
    /// Conversations whose inflaters are in use, roughly least recently used first.
    inflating: VecDeque<(usize, ConnId)>,
    /// The windows of the conversations whose inflaters are idle.
    windows: RestingWindows,
    /// The slot at which the next sweep for idle connections starts.
    sweep_cursor: usize,
    /// Connections that wait for keys.
    awaiting_keys: BTreeSet<(ConnId, usize)>,
    /// Those of them that have not checked the newest keys.
    unchecked_keys: BTreeSet<(ConnId, usize)>,
    /// Connections with ciphertext kept until keys arrive.
    holding_ciphertext: BTreeSet<(ConnId, usize)>,
    /// The last packet before the current tick.
    packet: u64,
}

/// A connection in the flow table.
#[derive(Debug)]
struct Slot {
    id: ConnId,
    hash: u64,
    key: FlowKey,
    seen: Timestamp,
    /// The virtual networks that its packets came through.
    paths: Paths,
    /// `None` if the connection is not a WebSocket: only the slot is kept, so that later segments are not mistaken for
    /// a new connection.
    connection: Option<Box<Connection>>,
    interest: Interest,
    /// The values accounted for: its memory, and the tick in `due`, unless it is `MAX`.
    holdings: Holdings,
    due: Timestamp,
    /// Whether it waits for keys.
    wants_keys: bool,
    /// A counter of its searches, which distinguishes a restarted search from an earlier one.
    search: u32,
}

/// The reason that a slot's connection is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    /// It may carry a WebSocket.
    Frames,
    /// It shows nothing, and is kept only to identify its protocol.
    Description,
    /// None, because no frames were found; but they may still come.
    Unrecognised,
    /// None: nothing further can be found in it.
    None,
}

impl Interest {
    /// Returns the interest that remains after a connection is dropped.
    const fn behind(connection: &Connection) -> Self {
        if connection.is_unrecognised() { Interest::Unrecognised } else { Interest::None }
    }
}

/// The maximum number of connections kept only to identify their protocol.
const UNDESCRIBED: usize = 1024;

impl Analyzer {
    /// The length of a tick of capture time in nanoseconds; time-outs are handled at multiples of it.
    pub const TICK: i64 = 100_000_000;

    /// Creates an analyzer.
    pub fn new(options: impl Into<Options>) -> Self {
        Analyzer {
            shared: Shared::new(options.into()),
            flows: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BTreeSet::new(),
            holdings: Holdings::default(),
            searching: VecDeque::new(),
            undescribed: VecDeque::new(),
            inflating: VecDeque::new(),
            windows: RestingWindows::default(),
            sweep_cursor: 0,
            awaiting_keys: BTreeSet::new(),
            unchecked_keys: BTreeSet::new(),
            holding_ciphertext: BTreeSet::new(),
            packet: 0,
        }
    }

    /// Returns the tick that begins at or before `time`.
    pub const fn tick_before(time: Timestamp) -> Timestamp {
        Timestamp::from_nanos(time.as_nanos().saturating_sub(time.as_nanos().rem_euclid(Self::TICK)))
    }

    /// Returns the counts so far.
    pub const fn counts(&self) -> Counts {
        self.shared.counts
    }

    /// Returns the first TLS connections that could not be decrypted: port, server name and protocols.
    pub fn encrypted(&self) -> &[(ConnId, Box<str>)] {
        &self.shared.encrypted
    }

    /// Replaces the known keys; [`Analyzer::next_key_check`] returns the connections that have to check them.
    pub fn set_keys(&mut self, keys: Keys) {
        self.shared.keys = keys.after(&self.shared.keys);
        self.unchecked_keys.clone_from(&self.awaiting_keys);
    }

    /// Returns the next connection that waits for keys and has not checked the newest ones.
    pub fn next_key_check(&self) -> Option<ConnId> {
        self.unchecked_keys.first().map(|(id, _)| *id)
    }

    /// Makes the connection returned by [`Analyzer::next_key_check`] check the keys.
    pub fn learn(&mut self, at: At, sink: &mut dyn Sink) {
        let Some((_, n)) = self.unchecked_keys.pop_first() else { return };
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        let Some(connection) = &mut slot.connection else { return };
        connection.learn(at, &mut self.shared, sink);
        slot.release_if_over(&mut self.shared, sink);
        self.update_accounting(n, None);
    }

    /// Processes the next segment; `hash` is that of its flow's key.
    pub fn push(&mut self, hash: u64, segment: &Segment<'_>, at: At, sink: &mut dyn Sink) {
        let key = segment.flow.key();
        let from_high = segment.flow.source == key.high;
        let slots = &self.slots;
        let found = self.flows.find(hash, |n| {
            let slot = slots.get(*n).and_then(Option::as_ref);
            slot.is_some_and(|slot| slot.joins(&key) && slot.paths.has(from_high, key.tunnel))
        });
        let n = match found.copied().or_else(|| self.through_another(hash, &key, segment, at)) {
            Some(n) => n,
            None => match self.begin(hash, key, segment, at, sink) {
                Some(n) => n,
                None => return,
            },
        };
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        slot.seen = at.time;
        slot.paths.see(from_high, segment);
        if segment.flags.has(Flags::SYN) {
            self.renew(n, segment, at, sink);
        }
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        if slot.connection.is_none() && slot.interest == Interest::Unrecognised && is_frames(segment) {
            slot.interest = Interest::Frames;
            slot.connection = Some(Box::new(Connection::new(slot.id, segment, at, &self.shared)));
        }
        let Some(connection) = &mut slot.connection else { return };
        connection.push(segment, at, &mut self.shared, sink);
        slot.release_if_over(&mut self.shared, sink);
        self.bound_undescribed(n, sink);
        if self.update_accounting(n, None) || self.is_full() {
            self.shed_load(n, at, sink);
        }
    }

    /// Reports the oldest connection that shows nothing, as far as it is identified, if too many are kept only for
    /// that.
    fn bound_undescribed(&mut self, n: usize, sink: &mut dyn Sink) {
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        let shows_nothing = slot.connection.as_ref().is_some_and(|connection| connection.shows_nothing());
        if slot.interest != Interest::Frames || !shows_nothing {
            return;
        }
        slot.interest = Interest::Description;
        self.undescribed.push_back((n, slot.id));
        if self.undescribed.len() <= UNDESCRIBED {
            return;
        }
        let Some((n, id)) = self.undescribed.pop_front() else { return };
        let slot = self.slots.get_mut(n).and_then(Option::as_mut).filter(|slot| slot.id == id);
        if let Some(slot) = slot
            && let Some(connection) = slot.connection.take_if(|connection| connection.shows_nothing())
        {
            connection.report_unshown(None, &mut self.shared, sink);
            slot.interest = Interest::behind(&connection);
            self.update_accounting(n, None);
        }
    }

    /// Returns the next tick and connection for which [`Analyzer::advance`] must be called.
    pub fn next_due(&self) -> Option<(Timestamp, ConnId)> {
        self.due.first().map(|(time, id, _)| (*time, *id))
    }

    /// Sets the last packet before the next ticks.
    pub const fn pass(&mut self, packet: u64) {
        self.packet = packet;
    }

    /// Handles the time-outs of the connection returned by [`Analyzer::next_due`], at its tick.
    pub fn advance(&mut self, sink: &mut dyn Sink) {
        let Some((time, _, n)) = self.due.pop_first() else { return };
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        let Some(connection) = &mut slot.connection else { return };
        connection.advance(At { packet: self.packet, time }, &mut self.shared, sink);
        slot.release_if_over(&mut self.shared, sink);
        slot.due = Timestamp::MAX;
        self.update_accounting(n, Some(time));
    }

    /// Returns the connections that are not over, each with the handle for [`Analyzer::finish`].
    pub fn live(&self) -> impl Iterator<Item = (ConnId, usize)> {
        let live = |(n, slot): (usize, &Option<Slot>)| {
            slot.as_ref().and_then(|slot| slot.connection.is_some().then_some((slot.id, n)))
        };
        self.slots.iter().enumerate().filter_map(live)
    }

    /// Finishes a connection at the end of the capture, reporting what is left.
    pub fn finish(&mut self, handle: usize, at: At, sink: &mut dyn Sink) {
        let connection =
            self.slots.get_mut(handle).and_then(Option::as_mut).and_then(|slot| slot.connection.take());
        if let Some(connection) = connection {
            connection.finish(at, &mut self.shared, sink);
        }
        self.update_accounting(handle, None);
    }

    /// Finds the connection between the same endpoints that a segment belongs to although it came through another
    /// virtual network; the best match, then the oldest, is chosen.
    fn through_another(&self, hash: u64, key: &FlowKey, segment: &Segment<'_>, at: At) -> Option<usize> {
        let from_high = segment.flow.source == key.high;
        let candidates = self.flows.iter_hash(hash).filter_map(|n| {
            let slot = self.slots.get(*n)?.as_ref().filter(|slot| slot.joins(key))?;
            let fits = slot.paths.matches(from_high, segment, slot.seen, at.time);
            (fits > Match::Other).then_some((std::cmp::Reverse(fits), slot.id, *n))
        });
        candidates.min().map(|(_, _, n)| n)
    }

    /// Creates a slot for a connection's first segment; returns `None` if the segment starts no connection.
    fn begin(
        &mut self,
        hash: u64,
        key: FlowKey,
        segment: &Segment<'_>,
        at: At,
        sink: &mut dyn Sink,
    ) -> Option<usize> {
        if segment.payload.is_empty() && segment.cut == 0 && !segment.flags.has(Flags::SYN) {
            return None;
        }
        self.sweep(at, sink);
        let id = ConnId::new(NonZeroU64::new(at.packet)?);
        self.shared.counts.connections = self.shared.counts.connections.saturating_add(1);
        let connection = Some(Box::new(Connection::new(id, segment, at, &self.shared)));
        let slot = Some(Slot {
            id,
            hash,
            key,
            seen: at.time,
            paths: Paths::default(),
            connection,
            interest: Interest::Frames,
            holdings: Holdings::default(),
            due: Timestamp::MAX,
            wants_keys: false,
            search: 0,
        });
        let n = if let Some(n) = self.free.pop() {
            *self.slots.get_mut(n)? = slot;
            n
        } else {
            self.slots.push(slot);
            self.slots.len().checked_sub(1)?
        };
        let slots = &self.slots;
        self.flows
            .insert_unique(hash, n, |n| slots.get(*n).and_then(Option::as_ref).map_or(0, |slot| slot.hash));
        Some(n)
    }

    /// Starts a new connection if a SYN reuses a 4-tuple.
    fn renew(&mut self, n: usize, segment: &Segment<'_>, at: At, sink: &mut dyn Sink) {
        let Some(slot) = self.slots.get_mut(n).and_then(Option::as_mut) else { return };
        let again = match &slot.connection {
            Some(connection) => connection.is_reuse(segment),
            None => !segment.flags.has(Flags::ACK),
        };
        let (true, Some(id)) = (again, NonZeroU64::new(at.packet).map(ConnId::new)) else { return };
        slot.paths = Paths::default();
        slot.paths.see(segment.flow.source == slot.key.high, segment);
        slot.interest = Interest::Frames;
        let old_id = std::mem::replace(&mut slot.id, id);
        let old = slot.connection.replace(Box::new(Connection::new(id, segment, at, &self.shared)));
        self.shared.counts.connections = self.shared.counts.connections.saturating_add(1);
        if let Some(old) = old {
            slot.wants_keys = false;
            let due = std::mem::replace(&mut slot.due, Timestamp::MAX);
            let holdings = std::mem::take(&mut slot.holdings);
            self.remove_from_lists(old_id, n, due, holdings);
            old.finish(at, &mut self.shared, sink);
            self.shared.started_inflating = false;
        }
        self.update_accounting(n, None);
    }

    /// Removes a finished connection from every list, and its memory from the totals.
    fn remove_from_lists(&mut self, id: ConnId, n: usize, due: Timestamp, holdings: Holdings) {
        self.holdings.replace(holdings, Holdings::default());
        self.due.remove(&(due, id, n));
        self.awaiting_keys.remove(&(id, n));
        self.unchecked_keys.remove(&(id, n));
        self.holding_ciphertext.remove(&(id, n));
        self.windows.leave(n);
    }

    /// Removes a slot from the table.
    fn forget(&mut self, n: usize, at: At, sink: &mut dyn Sink) {
        let Some(slot) = self.slots.get_mut(n).and_then(Option::take) else { return };
        if let Ok(entry) = self.flows.find_entry(slot.hash, |other| *other == n) {
            entry.remove();
        }
        self.free.push(n);
        self.remove_from_lists(slot.id, n, slot.due, slot.holdings);
        if let Some(connection) = slot.connection {
            connection.finish(at, &mut self.shared, sink);
            self.shared.started_inflating = false;
        }
    }
}

impl Slot {
    /// Returns whether its connection is between the endpoints of `key`.
    fn joins(&self, key: &FlowKey) -> bool {
        (self.key.low, self.key.high) == (key.low, key.high)
    }

    /// Drops a connection in which nothing further can be found.
    fn release_if_over(&mut self, shared: &mut Shared, sink: &mut dyn Sink) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_over()) {
            connection.report_unshown(None, shared, sink);
            self.interest = Interest::behind(&connection);
        }
    }
}

/// Returns whether a segment consists entirely of complete frames.
fn is_frames(segment: &Segment<'_>) -> bool {
    segment.cut == 0 && !segment.flags.has(Flags::SYN) && FrameSearch::is_frames(segment.payload)
}

/// Returns the first tick at or after `time`.
fn tick_at_or_after(time: Timestamp) -> Timestamp {
    let floor = Analyzer::tick_before(time);
    if floor == time { time } else { Timestamp::from_nanos(floor.as_nanos().saturating_add(Analyzer::TICK)) }
}
