//! A small capture, written byte by byte: a conversation over IPv4 with a bit of everything.

use std::path::Path;

/// A sender; the number is the index of its sequence number.
#[derive(Clone, Copy)]
enum Peer {
    Client = 0,
    Server = 1,
}
use Peer::{Client, Server};

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// Writes the capture to `path`.
pub(crate) fn write(path: &Path) {
    std::fs::write(path, capture()).unwrap();
}

/// Returns a pcap file with a conversation: text both ways, one fragmented message, a ping, hostile text, bytes, a
/// frame that breaks a rule, and a clean end.
pub(crate) fn capture() -> Vec<u8> {
    let mut tape = Tape::new(101);
    tape.handshake(
        "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat",
    );
    tape.send(Client, ACK, &masked(0x81, b"hello"));
    tape.send(Server, ACK, &[&frame(0x01, b"Hel")[..], &frame(0x89, b"tick"), &frame(0x80, b"lo")].concat());
    tape.send(Client, ACK, &masked(0x8a, b"tick"));
    tape.send(Server, ACK, &frame(0x81, "\x1b[31mred\u{202e}\u{9b}\"\\".as_bytes()));
    tape.send(Server, ACK, &frame(0x82, &[0, 1, 2, 0xff]));
    tape.send(Client, ACK, &frame(0x81, b"bare"));
    tape.send(Client, ACK, &masked(0x88, b"\x03\xe8bye"));
    tape.send(Server, ACK, &frame(0x88, b"\x03\xe8bye"));
    tape.send(Server, ACK | FIN, b"");
    tape.send(Client, ACK | FIN, b"");
    tape.bytes
}

/// Returns a capture whose upgrade is refused.
pub(crate) fn refused() -> Vec<u8> {
    let mut tape = Tape::new(101);
    tape.handshake("426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0");
    tape.bytes
}

/// Returns a capture of only HTTP.
pub(crate) fn without_websocket() -> Vec<u8> {
    let mut tape = Tape::new(101);
    tape.send(Client, SYN, b"");
    tape.send(Server, SYN | ACK, b"");
    tape.send(Client, ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tape.send(Server, ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    tape.bytes
}

/// Returns a capture with an unknown link layer.
pub(crate) fn unknown_link() -> Vec<u8> {
    let mut tape = Tape::new(147);
    tape.send(Client, SYN, b"");
    tape.bytes
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()], payload].concat()
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let hidden: Vec<u8> = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    [&[first, 0x80 | u8::try_from(payload.len()).unwrap()], &key[..], &hidden].concat()
}

/// Writes packets one millisecond apart.
struct Tape {
    bytes: Vec<u8>,
    packets: u32,
    sent: [u32; 2],
}

impl Tape {
    fn new(link: u32) -> Tape {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, link] {
            bytes.extend_from_slice(&u32::to_le_bytes(word));
        }
        Tape { bytes, packets: 0, sent: [1000, 5000] }
    }

    fn handshake(&mut self, answer: &str) {
        self.send(Client, SYN, b"");
        self.send(Server, SYN | ACK, b"");
        self.send(
            Client,
            ACK,
            b"GET /chat?x=1 HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Protocol: chat\r\n\r\n",
        );
        self.send(Server, ACK, format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes());
    }

    fn send(&mut self, from: Peer, flags: u8, payload: &[u8]) {
        let (me, peer) = (from as usize, 1 - from as usize);
        let ends = [([10, 0, 0, 2], 51314_u16), ([10, 0, 0, 1], 80_u16)];
        let length = u16::try_from(40 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend_from_slice(&ends[me].0);
        packet.extend_from_slice(&ends[peer].0);
        packet.extend_from_slice(&ends[me].1.to_be_bytes());
        packet.extend_from_slice(&ends[peer].1.to_be_bytes());
        packet.extend_from_slice(&self.sent[me].to_be_bytes());
        packet.extend_from_slice(&self.sent[peer].to_be_bytes());
        packet.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend_from_slice(payload);
        self.sent[me] += u32::try_from(payload.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        for word in [1_709_208_000, self.packets * 1000, u32::from(length), u32::from(length)] {
            self.bytes.extend_from_slice(&word.to_le_bytes());
        }
        self.bytes.extend_from_slice(&packet);
        self.packets += 1;
    }
}
