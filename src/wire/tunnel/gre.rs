use super::super::trail::Id;
use super::super::view::View;
use super::super::walk::{Found, Next};
use super::super::Stop;
use super::erspan;

const LAYER: &str = "GRE";
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// In version 1, a number acknowledged (RFC 2637 §4.1).
const ACKNOWLEDGMENT: u16 = 0x0080;

const ETHERNET: u16 = 0x6558;

/// Reads a GRE header (RFC 2784, RFC 2890; version 1 by RFC 2637).
pub(super) fn read(view: View<'_>) -> Result<Found<'_>, Stop> {
    let (header, mut rest) = view.split::<4>(LAYER)?;
    let [f0, f1, p0, p1] = *header;
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    let version = flags & 0b111;
    if version > 1 {
        return Err(view.field(LAYER, "version", u64::from(version)));
    }
    if flags & ROUTING != 0 {
        return Err(view.field(LAYER, "source route flag", 1));
    }
    if flags & CHECKSUM != 0 {
        rest = rest.skip(LAYER, 4)?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        let (bytes, after) = rest.split::<4>(LAYER)?;
        key = Some(u32::from_be_bytes(*bytes));
        rest = after;
    }
    if flags & SEQUENCE != 0 {
        rest = rest.skip(LAYER, 4)?;
    }
    if version == 1 {
        // The key is the payload's length and a call's number, which differs by direction.
        if flags & ACKNOWLEDGMENT != 0 {
            rest = rest.skip(LAYER, 4)?;
        }
        let length = key.unwrap_or_default() >> 16;
        return Ok(Found::new(Next::Ppp, rest.limit(usize::try_from(length).unwrap_or(usize::MAX))));
    }
    let found = match protocol {
        erspan::TYPE_1_AND_2 => return erspan::v1_or_v2(rest, flags & SEQUENCE != 0),
        erspan::TYPE_3 => return erspan::v3(rest),
        _ => Found::new(Next::EtherType(protocol), rest),
    };
    Ok(key.map_or(found, |key| found.with(Id::Gre(network(protocol, key)))))
}

/// Returns the part of a key that both directions share.
///
/// NVGRE (RFC 7637 §3.2) puts a virtual subnet above 0xfff into the upper 24 bits and a hash of the flow below.
fn network(protocol: u16, key: u32) -> u32 {
    let subnet = key >> 8;
    if protocol == ETHERNET && subnet > 0xfff { subnet << 8 } else { key }
}
