#[cfg(test)]
mod tests;

use super::found::{Fault, Found, RECORD_BOUND, Read, StopReason};
use super::interface::{Interface, each_option};
use super::joined;
use super::order::Order;
use super::{Item, Record};
use crate::model::{At, KeyOrigin, Timestamp};

const LAYER: &str = "pcapng section header";
/// The minimum length of a block: its type, its length, and the length again.
const LEAST: usize = 12;
/// The length of a section header without options.
const LEAST_SECTION: usize = 28;
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
const JOURNAL_ENTRY: u32 = 9;
const CUSTOM: u32 = 0xbad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;
const SYSTEM_CALL: [u32; 3] = [0x204, 0x216, 0x221];
/// "TLSK": secrets that are an NSS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;
/// How many interfaces of one section are remembered.
const INTERFACES: usize = 65_536;

/// A reader of the blocks of a pcapng file (draft-ietf-opsawg-pcapng).
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    /// The interfaces of this section, by their number.
    interfaces: Vec<Interface>,
    /// The timestamp of the packet before, used for those that have none.
    time: Timestamp,
    /// How many blocks that Wireshark numbers like packets there were since the last packet.
    numbered: u64,
}

impl Pcapng {
    /// Checks the first section header, which [`Pcapng::records`] then parses like any other.
    pub(super) fn open(bytes: &[u8]) -> Result<Pcapng, Fault> {
        if bytes.first_chunk::<4>().is_none_or(|kind| *kind != SECTION.to_be_bytes()) {
            return Err(Fault::Unknown);
        }
        let damaged = |offset, problem| Fault::Damaged { layer: LAYER, offset, problem };
        if bytes.len() < LEAST_SECTION {
            return Err(Fault::More { layer: LAYER, needed: LEAST_SECTION });
        }
        let mut pcapng =
            Pcapng { order: Order::Little, interfaces: Vec::new(), time: Timestamp::default(), numbered: 0 };
        match next_block(pcapng.order, bytes, true) {
            Next::More(needed) => Err(Fault::More { layer: LAYER, needed }),
            Next::Lost(problem) => Err(damaged(0, problem)),
            Next::Skip { .. } => Err(damaged(4, "its two lengths differ".to_owned())),
            Next::Block { body, .. } => match pcapng.section(body) {
                Ok(()) => Ok(pcapng),
                Err(problem) => Err(damaged(8, problem)),
            },
        }
    }

    /// Parses every complete block of `bytes` from `start` on; `last` means that nothing will follow.
    pub(super) fn records(&mut self, bytes: &[u8], start: usize, last: bool, found: &mut Found<'_>) -> Read {
        let mut at = start;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if let Some(stop) = joined::pcap(rest) {
                return Read { consumed: at, stop };
            }
            match next_block(self.order, rest, last) {
                Next::More(needed) => return Read { consumed: at, stop: StopReason::More(needed) },
                Next::Lost(problem) => {
                    found.problems.lost(at, format_args!("{problem}"));
                    return Read { consumed: at, stop: StopReason::Lost };
                }
                Next::Skip { length, tail } => {
                    let problem = format_args!(
                        "a block says {length} bytes at its start and {tail} at its end: skipped"
                    );
                    let reported = found.problems.note(at, problem);
                    at = at.saturating_add(length);
                    if reported {
                        return Read { consumed: at, stop: StopReason::Fault };
                    }
                }
                Next::Block { kind, body, length } => {
                    let body_at = at.saturating_add(8);
                    let fault = match kind {
                        ENHANCED_PACKET | OBSOLETE_PACKET => self.packet(kind, body, body_at, found),
                        SECTION => {
                            if let Err(problem) = self.section(body) {
                                found.problems.lost(at, format_args!("a section header has {problem}"));
                                return Read { consumed: at, stop: StopReason::Lost };
                            }
                            None
                        }
                        INTERFACE => self.interface(body),
                        STATISTICS => self.statistics(body, found),
                        SIMPLE_PACKET => self.simple_packet(body, body_at, found),
                        DECRYPTION_SECRETS => self.secrets(body, found),
                        JOURNAL_ENTRY | CUSTOM | CUSTOM_NOT_COPIED => self.number(),
                        kind if SYSTEM_CALL.contains(&kind) => self.number(),
                        _ => None,
                    };
                    let reported =
                        fault.is_some_and(|fault| found.problems.note(at, format_args!("{fault}")));
                    at = at.saturating_add(length);
                    if reported {
                        return Read { consumed: at, stop: StopReason::Fault };
                    }
                }
            }
        }
    }

    fn section(&mut self, body: &[u8]) -> Result<(), String> {
        let Some((magic, rest)) = body.split_first_chunk::<4>() else {
            return Err("too few bytes".to_owned());
        };
        let Some(order) = byte_order(*magic) else { return Err("no byte-order magic".to_owned()) };
        match order.first_u16(rest) {
            Some(1) => {
                self.order = order;
                self.interfaces.clear();
                Ok(())
            }
            Some(major) => Err(format!("version {major}, and only 1 is known")),
            None => Err("too few bytes".to_owned()),
        }
    }

    fn interface(&mut self, body: &[u8]) -> Option<&'static str> {
        if self.interfaces.len() >= INTERFACES {
            return Some("more than 65536 interfaces: their packets are skipped");
        }
        // Even an invalid one takes its number, or the packets of all that follow would be assigned to the wrong
        // interface.
        let (interface, fault) = Interface::read(self.order, body);
        self.interfaces.push(interface);
        fault
    }

    /// Parses an enhanced packet, or an obsolete one, whose first word consists of an interface and a drop count of 16
    /// bits each.
    fn packet(&mut self, kind: u32, body: &[u8], at: usize, found: &mut Found<'_>) -> Option<&'static str> {
        const HEADER: usize = 20;
        let order = self.order;
        let Some((header, data)) = body.split_first_chunk::<HEADER>() else { return Some(SHORT) };
        let (words, _) = header.as_chunks::<4>();
        let &[interface, high, low, kept, original] = words else { return Some(SHORT) };
        let interface = match (kind, interface) {
            (OBSOLETE_PACKET, [i0, i1, _, _]) => u32::from(order.u16([i0, i1])),
            (_, word) => order.u32(word),
        };
        let Some(interface) = self.interfaces.get(interface as usize) else { return Some(NO_INTERFACE) };
        let kept = order.u32(kept);
        if data.len() < kept as usize {
            return Some("a packet is longer than its block: skipped");
        }
        let units = (u64::from(order.u32(high)) << 32) | u64::from(order.u32(low));
        let link = interface.link;
        let nanos = interface.nanos(units);
        if let Some(nanos) = nanos {
            self.time = Timestamp::from_nanos(nanos);
        }
        found.packet(Record {
            at: self.next_at(),
            link,
            original_length: order.u32(original).max(kept),
            offset: u32::try_from(at.saturating_add(HEADER)).unwrap_or(u32::MAX),
            length: kept,
            interface: Record::UNKNOWN,
        });
        nanos.is_none().then_some("a packet's stamp lies beyond the year 2262: the one before is used")
    }

    /// Parses a simple packet, which has neither a timestamp nor a captured length: it belongs to the first interface,
    /// whose snap length limits it.
    fn simple_packet(&mut self, body: &[u8], at: usize, found: &mut Found<'_>) -> Option<&'static str> {
        const HEADER: usize = 4;
        let Some(original) = self.order.first_u32(body) else { return Some(SHORT) };
        let Some(interface) = self.interfaces.first() else { return Some(NO_INTERFACE) };
        let snap_length = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
        let room = u32::try_from(body.len().saturating_sub(HEADER)).unwrap_or(u32::MAX);
        let link = interface.link;
        let length = original.min(snap_length).min(room);
        found.packet(Record {
            at: self.next_at(),
            link,
            original_length: original,
            offset: u32::try_from(at.saturating_add(HEADER)).unwrap_or(u32::MAX),
            length,
            interface: Record::UNKNOWN,
        });
        None
    }

    /// Parses interface statistics, and reports an increase of dropped packets.
    fn statistics(&mut self, body: &[u8], found: &mut Found<'_>) -> Option<&'static str> {
        let order = self.order;
        let Some((head, options)) = body.split_first_chunk::<12>() else { return Some(SHORT) };
        let number = order.first_u32(head).unwrap_or(u32::MAX);
        // Without a known interface, the statistics are of no use.
        let interface = self.interfaces.get_mut(number as usize)?;
        let (mut device, mut system) = (0, 0);
        let whole = each_option(order, options, |code, value| {
            let value = value.first_chunk().map_or(0, |value| order.u64(*value));
            match code {
                DEVICE_DROPPED => device = value,
                SYSTEM_DROPPED => system = value,
                _ => {}
            }
        });
        if let Some(anomaly) = interface.dropped(number, system, device) {
            found.items.push(Item::Diagnostic(Box::new(anomaly)));
        }
        (!whole).then_some("an interface's statistics run past their block")
    }

    fn number(&mut self) -> Option<&'static str> {
        self.numbered = self.numbered.saturating_add(1);
        None
    }

    fn next_at(&mut self) -> At {
        At { packet: std::mem::take(&mut self.numbered).saturating_add(1), time: self.time }
    }

    fn secrets(&self, body: &[u8], found: &mut Found<'_>) -> Option<&'static str> {
        let Some((head, text)) = body.split_first_chunk::<8>() else { return Some(SHORT) };
        let [k0, k1, k2, k3, n0, n1, n2, n3] = *head;
        if self.order.u32([k0, k1, k2, k3]) != TLS_KEY_LOG {
            return None;
        }
        let Some(text) = text.get(..self.order.u32([n0, n1, n2, n3]) as usize) else {
            return Some("decryption secrets are longer than their block: skipped");
        };
        found.items.push(Item::Secrets(KeyOrigin::SecretsBlock, text.into()));
        None
    }
}

/// Options of interface statistics: packets dropped by the interface, and by the system for lack of room.
const DEVICE_DROPPED: u16 = 5;
const SYSTEM_DROPPED: u16 = 7;

const SHORT: &str = "a block is too short for what it should hold: skipped";
const NO_INTERFACE: &str = "a packet names an interface that is not described: skipped";

/// The kind of data at the start of some bytes.
enum Next<'a> {
    /// The start of a block of this many bytes.
    More(usize),
    /// A block.
    Block { kind: u32, body: &'a [u8], length: usize },
    /// A block whose end is known but whose content is not trusted: its trailing length differs.
    Skip { length: usize, tail: u32 },
    /// Nothing that shows where the next block begins.
    Lost(String),
}

fn next_block(order: Order, bytes: &[u8], last: bool) -> Next<'_> {
    let Some(([k0, k1, k2, k3, n0, n1, n2, n3], rest)) = bytes.split_first_chunk::<8>() else {
        return Next::More(LEAST);
    };
    let kind = order.u32([*k0, *k1, *k2, *k3]);
    // The section header's own byte order applies; its type reads the same in both.
    let order = if kind == SECTION {
        match rest.first_chunk() {
            None => return Next::More(LEAST_SECTION),
            Some(magic) => match byte_order(*magic) {
                Some(order) => order,
                None => return Next::Lost("a section header has no byte-order magic".to_owned()),
            },
        }
    } else {
        order
    };
    let length = order.u32([*n0, *n1, *n2, *n3]) as usize;
    let Some(body_length) = length.checked_sub(LEAST) else {
        return Next::Lost(format!("a block says it has {length} bytes, and none has less than {LEAST}"));
    };
    if length > RECORD_BOUND {
        return Next::Lost(format!(
            "a block says it has {length} bytes, more than the {RECORD_BOUND} allowed"
        ));
    }
    let Some((body, rest)) = rest.split_at_checked(body_length) else { return Next::More(length) };
    let Some(([t0, t1, t2, t3], rest)) = rest.split_first_chunk::<4>() else { return Next::More(length) };
    let tail = order.u32([*t0, *t1, *t2, *t3]);
    if tail as usize == length {
        return Next::Block { kind, body, length };
    }
    // Which of the two lengths is right? The first, if another block or the end of the file follows it.
    match rest.split_first_chunk::<8>() {
        Some((start, _)) if begins_block(order, *start) => Next::Skip { length, tail },
        None if last && rest.is_empty() => Next::Skip { length, tail },
        None if !last => Next::More(length.saturating_add(8)),
        _ => Next::Lost(format!("a block says {length} bytes at its start and {tail} at its end")),
    }
}

/// Returns whether `start` looks like the first eight bytes of a block.
fn begins_block(order: Order, start: [u8; 8]) -> bool {
    let [k0, k1, k2, k3, n0, n1, n2, n3] = start;
    let length = order.u32([n0, n1, n2, n3]) as usize;
    match order.u32([k0, k1, k2, k3]) {
        SECTION => true,
        INTERFACE..=DECRYPTION_SECRETS => {
            (LEAST..=RECORD_BOUND).contains(&length) && length.is_multiple_of(4)
        }
        _ => false,
    }
}

/// Parses a section's byte-order magic.
fn byte_order(magic: [u8; 4]) -> Option<Order> {
    match magic {
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        _ => None,
    }
}
