use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::time::Duration;

use super::block;
use super::files::{PENDING, RotatingFile};
use super::secrets::{Needed, Secrets};
use crate::model::{Endpoint, FlowKey, Packet, Timestamp};

/// A function from packets to the connections that they belong to.
///
/// This module does not parse packets; the caller provides the implementation.
pub trait Sorter: Send {
    /// Classifies the next packet.
    fn belongs(&mut self, packet: &Packet<'_>) -> Belongs;
}

/// The connection that a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// This connection.
    To {
        /// Its endpoints.
        key: FlowKey,
        /// Whether the packet begins it: a SYN without ACK.
        begins: bool,
    },
    /// An IP fragment, which may belong to any connection.
    Fragment,
    /// Not TCP.
    Nothing,
}

/// How long packets are queued until the fate of their connection is known. Within this time, the file is in order.
const IN_LINE: Duration = Duration::from_secs(2);
/// The minimum number of batches they are queued for: a batch is analyzed while the next ones are read.
const BATCHES: u64 = 3;
/// The maximum number of bytes in the queue.
const LINE: usize = 64 << 20;
/// The maximum number of bytes of a connection that are kept beside the queue; the newest are kept.
const BESIDE: usize = 256 << 10;
/// The maximum number of connections tracked; those silent longest are forgotten first.
const FLOWS: usize = 65_536;
/// The maximum number of bytes kept beside the queue, across all connections.
const ALL_BESIDE: usize = 64 << 20;

/// The packets that are held until it is known whether their connections became WebSockets, if only those are saved,
/// and which secrets they need, if those are saved too.
///
/// ```text
///   packet ─► the queue ─┬─ its connection is a WebSocket ─────────► the file
///             (2 s)      └─ not known yet ─► beside the queue ┬────► the file, late, once it is
///                                            (newest 256 KiB) └─ forgotten
/// ```
///
/// Everything is bounded. IP fragments are kept, because their connections are not known; packets other than TCP are
/// not. Secrets precede the packet at which they were found to belong to a saved connection.
pub(super) struct PendingPackets {
    /// `None` if all packets are kept.
    sorter: Option<Box<dyn Sorter>>,
    /// `None` if no secrets are saved.
    secrets: Option<Secrets>,
    flows: HashMap<FlowKey, Flow>,
    /// The endpoints of the connections that are WebSockets.
    kept: HashSet<(Endpoint, Endpoint)>,
    line: VecDeque<PendingBlock>,
    /// Bytes in the queue, and beside it.
    in_line: usize,
    beside: usize,
    now: Timestamp,
    batch: u64,
}

#[derive(Default)]
struct Flow {
    keep: bool,
    /// Packets that have left the queue undecided, oldest first.
    beside: VecDeque<PendingBlock>,
    bytes: usize,
    seen: Timestamp,
}

/// A block that is encoded but not yet written.
struct PendingBlock {
    /// Its connection; `None` if it is kept in any case.
    key: Option<FlowKey>,
    /// The number of the packet.
    packet: u64,
    time: Timestamp,
    batch: u64,
    block: Box<[u8]>,
    /// Whether it contains key log lines rather than a packet.
    is_secret: bool,
}

impl PendingPackets {
    pub(super) fn new(sorter: Option<Box<dyn Sorter>>, secrets: Option<Secrets>) -> PendingPackets {
        PendingPackets {
            sorter,
            secrets,
            flows: HashMap::new(),
            kept: HashSet::new(),
            line: VecDeque::new(),
            in_line: 0,
            beside: 0,
            now: Timestamp::from_nanos(i64::MIN),
            batch: 0,
        }
    }

    /// Notes that a batch begins.
    pub(super) fn batch(&mut self) {
        self.batch = self.batch.saturating_add(1);
    }

    /// Adds the next packet.
    pub(super) fn take(
        &mut self,
        packet: &Packet<'_>,
        interface: u32,
        out: &mut RotatingFile,
    ) -> io::Result<()> {
        self.now = packet.at.time;
        if let Some(secrets) = &mut self.secrets {
            secrets.pass(packet.at.packet);
        }
        let key = match self.sorter.as_mut().map_or(Belongs::Fragment, |sorter| sorter.belongs(packet)) {
            Belongs::To { key, begins } => {
                self.make_room();
                // A connection's other direction, or from now on all of it, may pass through another tunnel.
                let kept = self.kept.contains(&(key.low, key.high));
                let flow = self.flows.entry(key).or_insert_with(|| Flow { keep: kept, ..Flow::default() });
                flow.seen = self.now;
                // The same addresses reused are another connection, whose fate is open.
                flow.keep &= !begins;
                Some(key)
            }
            Belongs::Fragment => None,
            Belongs::Nothing => return self.advance(out),
        };
        let mut block = Vec::with_capacity(packet.data.len().saturating_add(36));
        block::packet(&mut block, interface, packet);
        self.in_line = self.in_line.saturating_add(block.len());
        self.line.push_back(PendingBlock {
            key,
            packet: packet.at.packet,
            time: self.now,
            batch: self.batch,
            block: block.into(),
            is_secret: false,
        });
        self.advance(out)
    }

    /// Adds key log lines that precede the next packet.
    pub(super) fn take_secrets(&mut self, text: &[u8]) {
        let Some(secrets) = &mut self.secrets else { return };
        if let Some(needed) = secrets.take(text) {
            self.put_in_line(needed);
        }
    }

    /// Notes that secrets of the connection between these two were found at a packet.
    pub(super) fn needs(&mut self, client_random: [u8; 32], ends: (Endpoint, Endpoint), packet: u64) {
        let ends = (ends.0.min(ends.1), ends.0.max(ends.1));
        let kept = self.sorter.is_none() || self.kept.contains(&ends);
        let Some(secrets) = &mut self.secrets else { return };
        if !kept {
            secrets.remember(client_random, ends, packet);
        } else if let Some(needed) = secrets.need(client_random, packet) {
            self.put_in_line(needed);
        }
    }

    /// Returns the bound on kept secrets that was reached, once for each.
    pub(super) fn secrets_dropped(&mut self) -> Option<usize> {
        self.secrets.as_mut()?.dropped()
    }

    /// Inserts secrets before the packet with a number, or before everything not yet written.
    fn put_in_line(&mut self, needed: Needed) {
        let at = self.line.partition_point(|waiting| waiting.packet < needed.before);
        self.in_line = self.in_line.saturating_add(needed.text.len());
        // Secrets at the same place stay together, so that all connections receive them at once.
        if let Some(other) = self.line.get_mut(at).filter(|behind| behind.is_secret) {
            other.block = [&other.block[..], &needed.text].concat().into();
            return;
        }
        let (packet, time) = (needed.before, self.line.get(at).map_or(self.now, |behind| behind.time));
        let block = needed.text.into();
        let batch = self.line.get(at).map_or(self.batch, |behind| behind.batch);
        self.line.insert(at, PendingBlock { key: None, packet, time, batch, block, is_secret: true });
    }

    /// Notes that the connection between these two is a WebSocket.
    pub(super) fn keep(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        out: &mut RotatingFile,
    ) -> io::Result<()> {
        let ends = (client.min(server), client.max(server));
        // Tunnels are not distinguished here: a few packets too many are better than one too few.
        self.kept.insert(ends);
        for (client_random, packet) in self.secrets.as_mut().map(|it| it.remembered(ends)).unwrap_or_default()
        {
            self.needs(client_random, ends, packet);
        }
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

    /// Writes what is decided, because nothing more will be.
    pub(super) fn finish(&mut self, out: &mut RotatingFile) -> io::Result<()> {
        self.in_line = 0;
        for waiting in std::mem::take(&mut self.line) {
            if self.is_kept(&waiting) {
                write(&waiting, out)?;
            }
        }
        out.flush()
    }

    /// Returns the number of bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let beside: usize =
            self.flows.values().flat_map(|flow| &flow.beside).map(|waiting| waiting.block.len()).sum();
        assert_eq!(beside, self.beside, "bytes beside the queue");
        let line: usize = self.line.iter().map(|waiting| waiting.block.len()).sum();
        assert_eq!(line, self.in_line, "bytes in the queue");
        line.saturating_add(beside)
    }

    fn is_kept(&self, waiting: &PendingBlock) -> bool {
        waiting.key.is_none_or(|key| self.flows.get(&key).is_some_and(|flow| flow.keep))
    }

    /// Releases the packets at the head of the queue whose time has come.
    pub(super) fn advance(&mut self, out: &mut RotatingFile) -> io::Result<()> {
        while let Some(waiting) = self.line.front() {
            let kept = self.is_kept(waiting);
            // Until the batch has been analyzed, secrets may still have to be inserted before it.
            let fresh = self.batch.saturating_sub(waiting.batch) < BATCHES;
            let young = fresh || self.now.since(waiting.time) < IN_LINE;
            let waits = if kept { fresh && self.secrets.is_some() } else { young };
            if waits && self.in_line <= LINE {
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

    fn put_beside(&mut self, waiting: PendingBlock) {
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

    /// Forgets half of the connections, those silent longest, if there are too many; half of them, so that this is
    /// rare.
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

fn write(waiting: &PendingBlock, out: &mut RotatingFile) -> io::Result<()> {
    if waiting.is_secret {
        out.secrets(&waiting.block);
        return Ok(());
    }
    out.turn(waiting.time)?;
    out.pending.extend_from_slice(&waiting.block);
    out.count();
    if out.pending.len() > PENDING { out.flush() } else { Ok(()) }
}
