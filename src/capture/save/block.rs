//! The blocks of a pcapng file, little-endian, with timestamps in nanoseconds.

use super::super::{Count, Description};
use crate::model::{Packet, Timestamp};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;
/// "TLSK": secrets that are an NSS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Appends the section header, with which a file begins.
pub(super) fn section(to: &mut Vec<u8>) {
    block(to, SECTION, |body| {
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // The section's length is not known yet.
        body.extend(u64::MAX.to_le_bytes());
        option(body, 4, concat!("wirefin ", env!("CARGO_PKG_VERSION")).as_bytes());
        option(body, 0, &[]);
    });
}

/// Appends an interface description.
pub(super) fn interface(to: &mut Vec<u8>, interface: &Description) {
    block(to, INTERFACE, |body| {
        body.extend(u16::try_from(interface.link.0).unwrap_or(u16::MAX).to_le_bytes());
        body.extend([0, 0]);
        body.extend(interface.snap_length.to_le_bytes());
        if !interface.name.is_empty() {
            option(body, 2, interface.name.as_bytes());
        }
        // Timestamps count nanoseconds.
        option(body, 9, &[9]);
        if let Some(filter) = &interface.filter {
            // 0: a pcap-filter(7) expression.
            let mut value = vec![0];
            value.extend_from_slice(filter.as_bytes());
            option(body, 11, &value);
        }
        option(body, 0, &[]);
    });
}

/// Appends a packet.
pub(super) fn packet(to: &mut Vec<u8>, interface: u32, packet: &Packet<'_>) {
    block(to, PACKET, |body| {
        body.extend(interface.to_le_bytes());
        stamp(body, packet.at.time);
        body.extend(u32::try_from(packet.data.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend(packet.original_length.to_le_bytes());
        padded(body, packet.data);
    });
}

/// Appends the text of a TLS key log.
pub(super) fn secrets(to: &mut Vec<u8>, text: &[u8]) {
    block(to, SECRETS, |body| {
        body.extend(TLS_KEY_LOG.to_le_bytes());
        body.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        padded(body, text);
    });
}

/// Appends interface statistics.
pub(super) fn statistics(to: &mut Vec<u8>, n: u32, first: Option<Timestamp>, last: Timestamp, count: &Count) {
    block(to, STATISTICS, |body| {
        body.extend(n.to_le_bytes());
        stamp(body, last);
        let mut value = Vec::with_capacity(8);
        if let Some(first) = first {
            for (code, time) in [(2, first), (3, last)] {
                value.clear();
                stamp(&mut value, time);
                option(body, code, &value);
            }
        }
        let dropped = count.dropped.saturating_add(count.device_dropped);
        let received = count.packets.saturating_add(dropped);
        for (code, number) in
            [(4, received), (5, count.device_dropped), (7, count.dropped), (8, count.packets)]
        {
            option(body, code, &number.to_le_bytes());
        }
        option(body, 0, &[]);
    });
}

/// Appends a block: its type, its length, what `fill` appends, and the length again.
fn block(to: &mut Vec<u8>, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    to.extend(kind.to_le_bytes());
    to.extend([0; 4]);
    fill(to);
    let length = to.len().saturating_sub(start).saturating_add(4);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(place) = to.get_mut(start.saturating_add(4)..start.saturating_add(8)) {
        place.copy_from_slice(&length);
    }
    to.extend(length);
}

fn option(to: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    to.extend(code.to_le_bytes());
    to.extend(length.to_le_bytes());
    padded(to, value.get(..usize::from(length)).unwrap_or_default());
}

fn padded(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(bytes);
    let padding = bytes.len().next_multiple_of(4).saturating_sub(bytes.len());
    to.extend([0; 3].iter().take(padding));
}

/// Appends a timestamp, its upper half first.
fn stamp(to: &mut Vec<u8>, time: Timestamp) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(0);
    to.extend(((nanos >> 32) as u32).to_le_bytes());
    to.extend((nanos as u32).to_le_bytes());
}
