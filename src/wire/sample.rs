//! Packets built byte by byte, and their results, for the tests of this module.

use std::net::IpAddr;

use super::{DecodeError, Decoded, Decoder, Unread};
use crate::model::{At, Flow, LinkType, Packet, Segment, SenderClock, Timestamp, Tunnel};

pub(super) const ETHERNET: u32 = 1;
pub(super) const RAW: u32 = 101;

pub(super) const CLIENT: [u8; 4] = [10, 0, 0, 1];
pub(super) const SERVER: [u8; 4] = [10, 0, 0, 2];

/// Joins byte strings.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn number(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

/// A segment from port 40000 to port 80: sequence number 1000, acknowledgment 2000, PSH and ACK, window 512.
pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    join(&[&[0x9c, 0x40, 0, 80, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 0x50, 0x18, 2, 0, 0, 0, 0, 0], payload])
}

pub(super) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0xd0, 0x01], &port.to_be_bytes(), &number(payload.len() + 8), &[0, 0], payload])
}

pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_piece(protocol, 7, 0, payload)
}

/// A fragment; `offset` is the field including its flags.
pub(super) fn ipv4_piece(protocol: u8, id: u16, offset: u16, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[0x45, 0],
        &number(payload.len() + 20),
        &id.to_be_bytes(),
        &offset.to_be_bytes(),
        &[64, protocol, 0, 0],
        &CLIENT,
        &SERVER,
        payload,
    ])
}

pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [mut source, mut destination] = [[0_u8; 16]; 2];
    (source[0], source[15], destination[0], destination[15]) = (0xfd, 1, 0xfd, 2);
    join(&[&[0x60, 0, 0, 0], &number(payload.len()), &[next, 64], &source, &destination, payload])
}

pub(super) fn ipv6_piece(next: u8, id: u32, offset: u16, payload: &[u8]) -> Vec<u8> {
    ipv6(44, &join(&[&[next, 0], &offset.to_be_bytes(), &id.to_be_bytes(), payload]))
}

pub(super) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &kind.to_be_bytes(), payload])
}

/// The contents of a VLAN tag and its payload, to follow a type of 0x8100.
pub(super) fn vlan(id: u16, kind: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&id.to_be_bytes(), &kind.to_be_bytes(), payload])
}

/// The owned result of decoding a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Tcp(Tcp),
    Other,
    Fragment,
    Unreadable(DecodeError),
}

/// An owned segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tcp {
    pub(super) flow: Flow,
    pub(super) numbers: (u32, u32),
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) payload: Vec<u8>,
    pub(super) cut: u32,
    pub(super) offset: Option<u32>,
    pub(super) stamp: SenderClock,
}

impl From<Segment<'_>> for Tcp {
    fn from(segment: Segment<'_>) -> Self {
        Tcp {
            flow: segment.flow,
            numbers: (segment.seq.0, segment.ack.0),
            flags: segment.flags.0,
            window: segment.window,
            payload: segment.payload.to_vec(),
            offset: segment.offset,
            cut: segment.cut,
            stamp: segment.stamp,
        }
    }
}

impl From<Decoded<'_>> for Seen {
    fn from(decoded: Decoded<'_>) -> Self {
        match decoded {
            Decoded::Tcp(segment) => Seen::Tcp(segment.into()),
            Decoded::Other(_) => Seen::Other,
            Decoded::Fragment => Seen::Fragment,
            Decoded::Unreadable(stop) => Seen::Unreadable(stop),
        }
    }
}

impl Seen {
    pub(super) fn tcp(self) -> Tcp {
        match self {
            Seen::Tcp(segment) => segment,
            other => panic!("no segment but {other:?}"),
        }
    }
}

impl Tcp {
    /// Checks that it is the complete segment of [`tcp`], from [`CLIENT`] to [`SERVER`] or their IPv6 equivalents.
    pub(super) fn is_sample(&self, payload: &[u8]) -> bool {
        let host = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        (host(self.flow.source.ip), self.flow.source.port) == (1, 40000)
            && (host(self.flow.destination.ip), self.flow.destination.port) == (2, 80)
            && self.numbers == (1000, 2000)
            && (self.flags, self.window, self.cut) == (0x18, 512, 0)
            && self.payload == payload
    }
}

pub(super) fn packet(link: u32, data: &[u8]) -> Packet<'_> {
    Packet {
        at: At::default(),
        link: LinkType(link),
        original_length: u32::try_from(data.len()).unwrap(),
        data,
    }
}

/// Decodes a packet that was captured in full.
pub(super) fn decode(link: u32, data: &[u8]) -> Seen {
    Decoder::default().decode(&packet(link, data)).into()
}

/// Returns the unread content of a packet.
pub(super) fn unread(link: u32, data: &[u8]) -> Unread {
    match Decoder::default().decode(&packet(link, data)) {
        Decoded::Other(unread) => unread,
        other => panic!("{other:?}"),
    }
}

/// Decodes a packet truncated to `kept` bytes by the snap length.
pub(super) fn decode_cut(link: u32, data: &[u8], kept: usize) -> Seen {
    Decoder::default().decode(&Packet { data: &data[..kept], ..packet(link, data) }).into()
}

/// Decodes a packet at the given second of the capture with an existing decoder.
pub(super) fn decode_at(decoder: &mut Decoder, seconds: i64, link: u32, data: &[u8]) -> Seen {
    let at = At { packet: 1, time: Timestamp::new(seconds, 0) };
    decoder.decode(&Packet { at, ..packet(link, data) }).into()
}

/// Returns the tunnel of a packet that must contain the sample segment with `hello`.
pub(super) fn tunnel_of(link: u32, data: &[u8]) -> Tunnel {
    let segment = decode(link, data).tcp();
    assert!(segment.is_sample(b"hello"), "{segment:?}");
    segment.flow.tunnel
}

/// Checks that a packet contains the sample segment with `hello` and leaves no trace of a tunnel.
pub(super) fn is_plain(link: u32, data: &[u8]) {
    assert_eq!(tunnel_of(link, data), Tunnel::NONE);
}

/// The sample segment with `hello` in IPv4.
pub(super) fn hello() -> Vec<u8> {
    ipv4(6, &tcp(b"hello"))
}

/// The sample segment with `hello` in IPv6.
pub(super) fn hello6() -> Vec<u8> {
    ipv6(6, &tcp(b"hello"))
}
