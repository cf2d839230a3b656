//! Damages captures as links and capture tools do: packets lost, swapped, repeated, truncated; and splits streams
//! differently.

use std::collections::{HashMap, HashSet};

use wirefin::model::{At, Checksum, Endpoint, Flags, Segment, Timestamp};
use wirefin::wire::{Decoded, Decoder};

use super::dice::Dice;
use super::packets::Packet;

/// Removes `per_mille` out of a thousand packets at random.
pub(crate) fn lose(packets: &[Packet], dice: &mut Dice, per_mille: usize) -> Vec<Packet> {
    packets.iter().filter(|_| !dice.per_mille(per_mille)).cloned().collect()
}

/// Removes one run of up to `longest` packets.
pub(crate) fn lose_burst(packets: &[Packet], dice: &mut Dice, longest: usize) -> Vec<Packet> {
    let start = dice.below(packets.len());
    let end = (start + 1 + dice.below(longest)).min(packets.len());
    [&packets[..start], &packets[end..]].concat()
}

/// Removes every packet before the `n`th.
pub(crate) fn lose_before(packets: &[Packet], n: usize) -> Vec<Packet> {
    packets[n.min(packets.len())..].to_vec()
}

/// Keeps only the packets from one end of their connection: that with the smaller address if `low`, else the other.
pub(crate) fn one_direction(packets: &[Packet], low: bool) -> Vec<Packet> {
    let mut decoder = Decoder::default();
    let keep = |packet: &&Packet| match decode(&mut decoder, packet) {
        Some(segment) => (segment.flow.source <= segment.flow.destination) == low,
        None => true,
    };
    packets.iter().filter(keep).cloned().collect()
}

/// Moves packets up to `window` places forward; times remain in order.
pub(crate) fn reorder(packets: &[Packet], dice: &mut Dice, per_mille: usize, window: usize) -> Vec<Packet> {
    let mut packets = packets.to_vec();
    for at in 0..packets.len() {
        if dice.per_mille(per_mille) {
            let to = (at + 1 + dice.below(window)).min(packets.len() - 1);
            packets[at..=to].rotate_left(1);
        }
    }
    in_order(packets)
}

/// Repeats packets up to `window` places later.
pub(crate) fn duplicate(packets: &[Packet], dice: &mut Dice, per_mille: usize, window: usize) -> Vec<Packet> {
    let mut out = packets.to_vec();
    for packet in packets {
        if dice.per_mille(per_mille) {
            let at = out.iter().position(|other| other == packet).unwrap_or(0);
            let to = (at + 1 + dice.below(window)).min(out.len());
            out.insert(to, packet.clone());
        }
    }
    in_order(out)
}

/// Truncates every packet as a snap length does.
pub(crate) fn snap(packets: &[Packet], length: usize) -> Vec<Packet> {
    let mut packets = packets.to_vec();
    packets.iter_mut().for_each(|packet| packet.snap(length));
    packets
}

/// Corrects the TCP checksums.
pub(crate) fn with_checksums(packets: &[Packet]) -> Vec<Packet> {
    let mut decoder = Decoder::default();
    let mut packets = packets.to_vec();
    for packet in &mut packets {
        if let Some((start, Checksum::Wrong { expected, .. })) = judged(&mut decoder, packet) {
            packet.data[start + 16..start + 18].copy_from_slice(&expected.to_be_bytes());
        }
    }
    packets
}

/// Flips a bit after the ports of segments with data, in `per_mille` out of a thousand, once something intact of their
/// sender was seen; `again` means that each is followed by an intact copy.
pub(crate) fn flip(packets: &[Packet], dice: &mut Dice, per_mille: usize, again: bool) -> Vec<Packet> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let mut known = HashSet::new();
    for packet in packets {
        let start = judged(&mut decoder, packet).map(|(start, _)| start);
        let sender = decode(&mut decoder, packet)
            .filter(|segment| !segment.payload.is_empty() && !segment.flags.has(Flags::SYN))
            .map(|segment| (segment.flow.source, segment.flow.destination));
        let is_known = sender.is_some_and(|sender| !known.insert(sender));
        if let Some(start) = start.filter(|_| is_known && dice.per_mille(per_mille)) {
            let mut damaged = packet.clone();
            let at = start + 4 + dice.below(packet.data.len() - start - 4);
            damaged.data[at] ^= 1 << dice.below(8);
            let is_damaged = matches!(judged(&mut decoder, &damaged), Some((_, Checksum::Wrong { .. })));
            out.extend(is_damaged.then_some(damaged));
            if !again && is_damaged {
                continue;
            }
        }
        out.push(packet.clone());
    }
    out
}

/// Returns the sender and the receiver of each packet with data.
pub(crate) fn senders(packets: &[Packet]) -> Vec<Option<(Endpoint, Endpoint)>> {
    let mut decoder = Decoder::default();
    let mut sender = |packet: &Packet| {
        let segment = decode(&mut decoder, packet).filter(|segment| !segment.payload.is_empty())?;
        Some((segment.flow.source, segment.flow.destination))
    };
    packets.iter().map(&mut sender).collect()
}

/// Returns the offset of a packet's TCP header, and the verdict on its checksum; `None` if it cannot be judged.
fn judged(decoder: &mut Decoder, packet: &Packet) -> Option<(usize, Checksum)> {
    let segment = decode(decoder, packet)?;
    let start = segment.header.as_ptr().addr().checked_sub(packet.data.as_ptr().addr())?;
    let checksum = segment.checksum();
    let is_inside = start + segment.header.len() + segment.payload.len() <= packet.data.len();
    (is_inside && checksum != Checksum::Unknown).then_some((start, checksum))
}

/// Reassigns the times to the packets, earliest first.
fn in_order(mut packets: Vec<Packet>) -> Vec<Packet> {
    let mut times: Vec<_> = packets.iter().map(|packet| packet.time).collect();
    times.sort_unstable();
    for (packet, time) in packets.iter_mut().zip(times) {
        packet.time = time;
    }
    packets
}

/// A TCP segment of a capture, owned.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    time: i64,
    from: Endpoint,
    to: Endpoint,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    payload: Vec<u8>,
}

/// The way in which a stream is split again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// The longest segment.
    pub(crate) longest: usize,
    /// The number of segments of one direction within which the order is random.
    pub(crate) window: usize,
    /// How many out of a thousand are repeated.
    pub(crate) repeated: usize,
}

/// Reads the TCP segments of a capture; returns `None` if a packet was truncated by the snap length.
pub(crate) fn pieces(packets: &[Packet]) -> Option<Vec<Piece>> {
    let mut decoder = Decoder::default();
    let mut pieces = Vec::new();
    for packet in packets {
        if let Some(segment) = decode(&mut decoder, packet) {
            if segment.cut > 0 {
                return None;
            }
            pieces.push(Piece {
                time: packet.time,
                from: segment.flow.source,
                to: segment.flow.destination,
                seq: segment.seq.0,
                ack: segment.ack.0,
                flags: segment.flags.0,
                window: segment.window,
                payload: segment.payload.to_vec(),
            });
        }
    }
    Some(pieces)
}

/// Returns whether every byte that was sent again is the same: if copies differ, the result depends on their order.
pub(crate) fn agrees(pieces: &[Piece]) -> bool {
    let mut sent = HashMap::new();
    pieces.iter().all(|piece| {
        let place = |n: usize| (piece.from, piece.to, piece.seq.wrapping_add(u32::try_from(n).unwrap()));
        piece.payload.iter().enumerate().all(|(n, byte)| *sent.entry(place(n)).or_insert(*byte) == *byte)
    })
}

/// Returns whether each side sent everything once, and it was captured in the order sent.
pub(crate) fn orderly(pieces: &[Piece]) -> bool {
    let mut next = HashMap::new();
    pieces.iter().all(|piece| {
        let length = u32::try_from(piece.payload.len()).unwrap() + u32::from(piece.flags & 3 != 0);
        let expected = next.insert((piece.from, piece.to), piece.seq.wrapping_add(length));
        length == 0 || expected.is_none_or(|expected| expected == piece.seq)
    })
}

/// Returns whether they contain the beginning of a connection.
pub(crate) fn begins(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| piece.flags & 2 != 0)
}

/// Writes segments as raw IP packets.
pub(crate) fn packets(pieces: &[Piece]) -> Vec<Packet> {
    pieces.iter().map(Piece::packet).collect()
}

/// Splits the payload of every segment differently. Adjacent segments of one direction are reordered and repeated;
/// those that begin or end a direction stay where they are.
pub(crate) fn recut(pieces: &[Piece], dice: &mut Dice, cut: Cut) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut run: Vec<Piece> = Vec::new();
    for piece in pieces {
        let fixed =
            piece.flags & (Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0) != 0 || piece.payload.is_empty();
        let goes_on = run.first().is_some_and(|first| (first.from, first.to) == (piece.from, piece.to));
        if fixed || !goes_on {
            stir(&mut run, dice, cut, &mut out);
        }
        if fixed {
            out.push(piece.clone());
        } else {
            piece.cut(dice, cut.longest, &mut run);
        }
    }
    stir(&mut run, dice, cut, &mut out);
    out
}

/// Reorders a run and empties it.
fn stir(run: &mut Vec<Piece>, dice: &mut Dice, cut: Cut, out: &mut Vec<Piece>) {
    let times: Vec<_> = run.iter().map(|piece| piece.time).collect();
    for window in run.chunks_mut(cut.window.max(1)) {
        dice.shuffle(window);
    }
    for (piece, time) in run.drain(..).zip(times) {
        let piece = Piece { time, ..piece };
        if dice.per_mille(cut.repeated) {
            out.push(piece.clone());
        }
        out.push(piece);
    }
}

impl Piece {
    fn cut(&self, dice: &mut Dice, longest: usize, into: &mut Vec<Piece>) {
        let mut done = 0;
        while done < self.payload.len() {
            let end = (done + 1 + dice.below(longest)).min(self.payload.len());
            let seq = self.seq.wrapping_add(u32::try_from(done).unwrap());
            into.push(Piece { seq, payload: self.payload[done..end].to_vec(), ..self.clone() });
            done = end;
        }
    }

    fn packet(&self) -> Packet {
        let mut data = Vec::with_capacity(60 + self.payload.len());
        let length = self.payload.len() + 20;
        match (self.from.ip, self.to.ip) {
            (std::net::IpAddr::V4(from), std::net::IpAddr::V4(to)) => {
                // A length of 0 means the rest of the packet, as in offloaded segments.
                let length = u16::try_from(length + 20).unwrap_or(0);
                data.extend([0x45, 0]);
                data.extend(length.to_be_bytes());
                data.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
                data.extend(from.octets());
                data.extend(to.octets());
            }
            (std::net::IpAddr::V6(from), std::net::IpAddr::V6(to)) => {
                data.extend([0x60, 0, 0, 0]);
                data.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
                data.extend([6, 64]);
                data.extend(from.octets());
                data.extend(to.octets());
            }
            _ => panic!("both ends speak one version"),
        }
        data.extend(self.from.port.to_be_bytes());
        data.extend(self.to.port.to_be_bytes());
        data.extend(self.seq.to_be_bytes());
        data.extend(self.ack.to_be_bytes());
        data.extend([0x50, self.flags]);
        data.extend(self.window.to_be_bytes());
        data.extend([0; 4]);
        data.extend_from_slice(&self.payload);
        Packet::raw(self.time, data)
    }
}

fn decode<'a>(decoder: &'a mut Decoder, packet: &'a Packet) -> Option<Segment<'a>> {
    let packet = wirefin::model::Packet {
        at: At { packet: 1, time: Timestamp::from_nanos(packet.time) },
        link: wirefin::model::LinkType(packet.link),
        original_length: packet.original,
        data: &packet.data,
    };
    match decoder.decode(&packet) {
        Decoded::Tcp(segment) => Some(segment),
        _ => None,
    }
}
