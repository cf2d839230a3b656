//! Owned packets of a capture: built byte by byte, read from a file, written to one.

use std::path::Path;

use wirefin::capture::{Error, Files, Next, PacketBatch, Source};
use wirefin::model::{At, LinkType, Side, Timestamp};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// A packet. Its number is its position in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    pub(crate) link: u32,
    pub(crate) original: u32,
    pub(crate) data: Vec<u8>,
}

impl Packet {
    /// A raw IP packet that was captured completely.
    pub(crate) fn raw(time: i64, data: Vec<u8>) -> Packet {
        Packet { time, link: LinkType::RAW.0, original: u32::try_from(data.len()).unwrap(), data }
    }

    /// Truncates it to `length` bytes, as a snap length does.
    pub(crate) fn snap(&mut self, length: usize) {
        self.data.truncate(length);
    }
}

/// Reads all packets of a capture file.
pub(crate) fn read(path: &Path) -> Result<Vec<Packet>, Error> {
    let mut files = Files::open(&[path.to_owned()])?;
    let (mut batch, mut packets) = (PacketBatch::default(), Vec::new());
    loop {
        let next = files.next(&mut batch)?;
        packets.extend(batch.packets().map(|packet| Packet {
            time: packet.at.time.as_nanos(),
            link: packet.link.0,
            original: packet.original_length,
            data: packet.data.to_vec(),
        }));
        if next == Next::End {
            return Ok(packets);
        }
    }
}

/// Writes a pcap file with nanosecond timestamps; all packets have the link type of the first one.
pub(crate) fn pcap(packets: &[Packet]) -> Vec<u8> {
    let link = packets.first().map_or(LinkType::RAW.0, |packet| packet.link);
    let mut file = Vec::new();
    file.extend(0xa1b2_3c4d_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(link.to_le_bytes());
    for packet in packets {
        let number = |n: i64| u32::try_from(n).unwrap().to_le_bytes();
        file.extend(number(packet.time / 1_000_000_000));
        file.extend(number(packet.time % 1_000_000_000));
        file.extend(u32::try_from(packet.data.len()).unwrap().to_le_bytes());
        file.extend(packet.original.to_le_bytes());
        file.extend_from_slice(&packet.data);
    }
    file
}

/// A source of packets from an iterator.
pub(crate) struct Held<I> {
    packets: I,
    given: u64,
    a_round: usize,
}

impl<I: Iterator<Item = Packet>> Held<I> {
    /// Creates a source that returns `a_round` packets at a time.
    pub(crate) fn new(packets: impl IntoIterator<IntoIter = I>, a_round: usize) -> Self {
        Held { packets: packets.into_iter(), given: 0, a_round }
    }
}

impl<I: Iterator<Item = Packet> + Send> Source for Held<I> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Next, Error> {
        batch.clear();
        for packet in self.packets.by_ref().take(self.a_round) {
            self.given += 1;
            let at = At { packet: self.given, time: Timestamp::from_nanos(packet.time) };
            batch.push_packet(at, LinkType(packet.link), packet.original, &packet.data);
        }
        Ok(if batch.is_empty() { Next::End } else { Next::Filled })
    }
}

/// Builds an IPv4 packet that contains a TCP segment.
pub(crate) fn segment(from: End, to: End, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(40 + payload.len());
    data.extend([0x45, 0]);
    data.extend(u16::try_from(40 + payload.len()).unwrap().to_be_bytes());
    data.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    data.extend(from.ip);
    data.extend(to.ip);
    data.extend(from.port.to_be_bytes());
    data.extend(to.port.to_be_bytes());
    data.extend(seq.to_be_bytes());
    data.extend(ack.to_be_bytes());
    data.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    data.extend_from_slice(payload);
    data
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) ip: [u8; 4],
    pub(crate) port: u16,
}

/// A recorder of one TCP connection, packet by packet.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    ends: [End; 2],
    /// The next sequence number of the client and the server.
    next: [u32; 2],
    time: i64,
    pub(crate) packets: Vec<Packet>,
}

/// The time between two packets of a [`Talk`], in nanoseconds.
pub(crate) const STEP: i64 = 1_000_000;
/// When a [`Talk`] begins: a round number, so that times are easy to read.
pub(crate) const BEGIN: i64 = 1_700_000_000_000_000_000;

impl Talk {
    /// A connection from port 40,000 + `n`, including its handshake.
    pub(crate) fn new(n: u32) -> Talk {
        let mut talk = Talk::silent(n);
        talk.open();
        talk
    }

    /// A connection without any packets yet.
    pub(crate) fn silent(n: u32) -> Talk {
        let [_, a, b, c] = (n / 20_000).to_be_bytes();
        let client = End { ip: [10, a, b, c + 1], port: u16::try_from(40_000 + n % 20_000).unwrap() };
        let server = End { ip: [10, 255, 0, 1], port: 80 };
        Talk { ends: [client, server], next: [1000, 0xffff_ff00], time: BEGIN, packets: Vec::new() }
    }

    fn open(&mut self) {
        self.put(Side::Client, SYN, &[]);
        self.put(Side::Server, SYN | ACK, &[]);
        self.put(Side::Client, ACK, &[]);
    }

    /// Adds the next segment of `side`.
    pub(crate) fn put(&mut self, side: Side, flags: u8, payload: &[u8]) {
        let (me, other) = if side == Side::Client { (0, 1) } else { (1, 0) };
        let ack = if flags & ACK == 0 { 0 } else { self.next[other] };
        let data = segment(self.ends[me], self.ends[other], self.next[me], ack, flags, payload);
        self.packets.push(Packet::raw(self.time, data));
        let takes = u32::try_from(payload.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        self.next[me] = self.next[me].wrapping_add(takes);
        self.time += STEP;
    }

    /// Sends bytes from `side`, in segments as large as Ethernet permits.
    pub(crate) fn send(&mut self, side: Side, bytes: &[u8]) {
        for piece in bytes.chunks(1400) {
            self.put(side, ACK | PSH, piece);
        }
    }

    /// Sends bytes from `side` that are not captured.
    pub(crate) fn lose(&mut self, side: Side, bytes: &[u8]) {
        let kept = self.packets.len();
        self.send(side, bytes);
        self.packets.truncate(kept);
    }

    /// Advances time.
    pub(crate) fn wait(&mut self, nanos: i64) {
        self.time += nanos;
    }

    /// Ends both directions.
    pub(crate) fn end(&mut self) {
        self.put(Side::Client, FIN | ACK, &[]);
        self.put(Side::Server, FIN | ACK, &[]);
        self.put(Side::Client, ACK, &[]);
    }
}
