use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::time::Duration;

use super::{Out, block};
use crate::model::{Endpoint, FlowKey, Packet, Timestamp};

/// A sorter of packets by the connection that they are of.
///
/// Nobody here reads packets; those who do lend this.
pub trait Sorter: Send {
    /// Looks at the next packet.
    fn belongs(&mut self, packet: &Packet<'_>) -> Belongs;
}

/// The connection that a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// Of this one.
    To {
        /// Its name.
        key: FlowKey,
        /// Whether the packet begins it: a SYN without ACK.
        begins: bool,
    },
    /// It is an IP fragment, and may be of any.
    Fragment,
    /// It is no TCP.
    Nothing,
}

/// How long packets wait in line for what becomes of their connection. Within this time, the file is in order.
const IN_LINE: Duration = Duration::from_secs(2);
/// How many batches they wait at least: what a batch holds is decided while the next ones are read.
const BATCHES: u64 = 3;
/// How many bytes wait in line at most.
const LINE: usize = 64 << 20;
/// How many bytes of a connection are kept beside the line, the newest.
const BESIDE: usize = 256 << 10;
/// How many connections are known at most; the one that was silent longest goes first.
const FLOWS: usize = 65_536;
/// How many bytes are kept beside the line at most, in all connections.
const ALL_BESIDE: usize = 64 << 20;

/// A buffer that lets the packets of connections through that became WebSockets.
///
/// ```text
///   packet ─► the line ──┬─ its connection is a WebSocket ─────────► the file
///             (2 s)      └─ not known yet ─► beside the line ─┬────► the file, late, once it is
///                                            (newest 256 KiB) └─ forgotten
/// ```
///
/// Every place has a bound. IP fragments are kept, for nobody knows whose they are; what is no TCP is not.
pub(super) struct Chosen {
    sorter: Box<dyn Sorter>,
    flows: HashMap<FlowKey, Flow>,
    /// The endpoints of the connections that are WebSockets.
    kept: HashSet<(Endpoint, Endpoint)>,
    line: VecDeque<PendingConnection>,
    /// Bytes in the line, and beside it.
    in_line: usize,
    beside: usize,
    now: Timestamp,
    batch: u64,
}

#[derive(Default)]
struct Flow {
    keep: bool,
    /// Packets that have waited long enough, oldest first.
    beside: VecDeque<PendingConnection>,
    bytes: usize,
    seen: Timestamp,
}

/// A packet whose block is made and not written.
struct PendingConnection {
    key: Option<FlowKey>,
    time: Timestamp,
    batch: u64,
    block: Box<[u8]>,
}

impl Chosen {
    pub(super) fn new(sorter: Box<dyn Sorter>) -> Chosen {
        Chosen {
            sorter,
            flows: HashMap::new(),
            kept: HashSet::new(),
            line: VecDeque::new(),
            in_line: 0,
            beside: 0,
            now: Timestamp::from_nanos(i64::MIN),
            batch: 0,
        }
    }

    /// Hears that a batch begins.
    pub(super) fn batch(&mut self) {
        self.batch = self.batch.saturating_add(1);
    }

    /// Takes the next packet.
    pub(super) fn take(&mut self, packet: &Packet<'_>, interface: u32, out: &mut Out) -> io::Result<()> {
        self.now = packet.at.time;
        let key = match self.sorter.belongs(packet) {
            Belongs::To { key, begins } => {
                self.make_room();
                // A connection's other direction may come through another tunnel, or all of it from now on.
                let kept = self.kept.contains(&(key.low, key.high));
                let flow = self.flows.entry(key).or_insert_with(|| Flow { keep: kept, ..Flow::default() });
                flow.seen = self.now;
                // The same addresses again are another connection, and what that will be is open.
                flow.keep &= !begins;
                Some(key)
            }
            Belongs::Fragment => None,
            Belongs::Nothing => return self.advance(out),
        };
        let mut block = Vec::with_capacity(packet.data.len().saturating_add(36));
        block::packet(&mut block, interface, packet);
        self.in_line = self.in_line.saturating_add(block.len());
        self.line.push_back(PendingConnection {
            key,
            time: self.now,
            batch: self.batch,
            block: block.into(),
        });
        self.advance(out)
    }

    /// Hears that the connection between these two is a WebSocket.
    pub(super) fn keep(&mut self, client: Endpoint, server: Endpoint, out: &mut Out) -> io::Result<()> {
        let ends = (client.min(server), client.max(server));
        // Tunnels are not told apart here: a few packets too many are better than one too few.
        self.kept.insert(ends);
        let keys: Vec<_> = self.flows.keys().filter(|key| (key.low, key.high) == ends).copied().collect();
        for key in keys {
            let Some(flow) = self.flows.get_mut(&key) else { continue };
            flow.keep = true;
            self.beside = self.beside.saturating_sub(std::mem::take(&mut flow.bytes));
            for waiting in std::mem::take(&mut flow.beside) {
                write(&waiting, out)?;
            }
        }
        self.advance(out)?;
        out.flush()
    }

    /// Writes what is decided, for nothing more will be.
    pub(super) fn finish(&mut self, out: &mut Out) -> io::Result<()> {
        self.in_line = 0;
        for waiting in std::mem::take(&mut self.line) {
            if self.is_kept(&waiting) {
                write(&waiting, out)?;
            }
        }
        out.flush()
    }

    /// Returns the bytes of packets that wait.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let beside: usize =
            self.flows.values().flat_map(|flow| &flow.beside).map(|waiting| waiting.block.len()).sum();
        assert_eq!(beside, self.beside, "what is beside the line is counted");
        let line: usize = self.line.iter().map(|waiting| waiting.block.len()).sum();
        assert_eq!(line, self.in_line, "what is in line is counted");
        line.saturating_add(beside)
    }

    fn is_kept(&self, waiting: &PendingConnection) -> bool {
        waiting.key.is_none_or(|key| self.flows.get(&key).is_some_and(|flow| flow.keep))
    }

    /// Lets those at the head of the line go whose time has come.
    fn advance(&mut self, out: &mut Out) -> io::Result<()> {
        while let Some(waiting) = self.line.front() {
            let kept = self.is_kept(waiting);
            let young =
                self.now.since(waiting.time) < IN_LINE || self.batch.saturating_sub(waiting.batch) < BATCHES;
            let patient = young && self.in_line <= LINE;
            if !kept && patient {
                break;
            }
            let Some(waiting) = self.line.pop_front() else { break };
            self.in_line = self.in_line.saturating_sub(waiting.block.len());
            if kept {
                write(&waiting, out)?;
            } else {
                self.put_beside(waiting);
            }
        }
        Ok(())
    }

    fn put_beside(&mut self, waiting: PendingConnection) {
        let Some(flow) = waiting.key.and_then(|key| self.flows.get_mut(&key)) else { return };
        let before = flow.bytes;
        flow.bytes = flow.bytes.saturating_add(waiting.block.len());
        flow.beside.push_back(waiting);
        let full = self.beside > ALL_BESIDE;
        while flow.bytes > if full { before } else { BESIDE }
            && let Some(oldest) = flow.beside.pop_front()
        {
            flow.bytes = flow.bytes.saturating_sub(oldest.block.len());
        }
        self.beside = self.beside.saturating_sub(before).saturating_add(flow.bytes);
    }

    /// Forgets connections that have been silent longest where there are too many: half of them, so that it is rare.
    fn make_room(&mut self) {
        if self.flows.len() < FLOWS {
            return;
        }
        let mut seen: Vec<_> = self.flows.values().map(|flow| flow.seen).collect();
        let middle = seen.len() / 2;
        let (_, median, _) = seen.select_nth_unstable(middle);
        let median = *median;
        self.flows.retain(|_, flow| flow.keep || flow.seen > median);
        self.beside = self.flows.values().map(|flow| flow.bytes).sum();
        let flows = &self.flows;
        let still: HashSet<_> =
            flows.iter().filter(|(_, flow)| flow.keep).map(|(key, _)| (key.low, key.high)).collect();
        self.kept = still;
        if self.flows.len() >= FLOWS {
            // All of them are WebSockets.
            self.flows.retain(|_, flow| flow.seen > median);
        }
    }
}

fn write(waiting: &PendingConnection, out: &mut Out) -> io::Result<()> {
    out.turn(waiting.time)?;
    out.pending.extend_from_slice(&waiting.block);
    out.count();
    if out.pending.len() > super::PENDING { out.flush() } else { Ok(()) }
}
