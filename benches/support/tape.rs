use std::io::{self, Write};

use wirefin::model::Side;

use super::seal::{Handshake, Sealer, handshake};

/// A writer of a pcap file, packet by packet: TCP in IPv4 in Ethernet, as seen by a tap.
pub(crate) struct Tape<W> {
    to: W,
    /// The capture's clock, in microseconds.
    now: u64,
    packet: Vec<u8>,
}

/// A TCP connection on a tape.
pub(crate) struct Talk {
    number: u32,
    port: u16,
    next: [u32; 2],
    /// The protection of each side's bytes, once there is TLS.
    sealers: Option<Box<[Sealer; 2]>>,
}

impl Talk {
    /// Creates a connection that is already open.
    pub(crate) fn joined(number: u32, port: u16) -> Self {
        Talk { number, port, next: [number.wrapping_mul(0x9e37_79b9), number], sealers: None }
    }
}

/// The payload length of a full segment on Ethernet.
pub(crate) const SEGMENT: usize = 1448;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

impl<W: Write> Tape<W> {
    /// Starts a capture.
    pub(crate) fn new(mut to: W) -> io::Result<Self> {
        for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] {
            to.write_all(&u32::to_le_bytes(word))?;
        }
        Ok(Tape { to, now: 1_700_000_000_000_000, packet: Vec::new() })
    }

    /// Finishes the capture.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }

    /// Sends a client's SYN, which is not answered.
    pub(crate) fn send_syn(&mut self, number: u32, port: u16) -> io::Result<Talk> {
        let mut talk = Talk::joined(number, port);
        self.segment(&talk, Side::Client, SYN, &[])?;
        talk.next[0] = talk.next[0].wrapping_add(1);
        Ok(talk)
    }

    /// Opens a connection; the client's address is derived from `number`.
    pub(crate) fn open(&mut self, number: u32, port: u16) -> io::Result<Talk> {
        let mut talk = self.send_syn(number, port)?;
        self.segment(&talk, Side::Server, SYN | ACK, &[])?;
        talk.next[1] = talk.next[1].wrapping_add(1);
        self.segment(&talk, Side::Client, ACK, &[])?;
        Ok(talk)
    }

    /// Opens a connection with TLS that negotiates a protocol.
    pub(crate) fn open_tls(&mut self, number: u32, alpn: &str) -> io::Result<Talk> {
        let mut talk = self.open(number, 443)?;
        let Handshake { flights, sealers } = handshake(number, alpn);
        for (side, bytes) in flights {
            self.send(&mut talk, side, &bytes)?;
        }
        talk.sealers = Some(Box::new(sealers));
        Ok(talk)
    }

    /// Opens a connection and upgrades it; `extensions` is a header line or nothing.
    pub(crate) fn upgrade(&mut self, number: u32, extensions: &str) -> io::Result<Talk> {
        let talk = self.open(number, 80)?;
        self.upgrade_on(talk, extensions)
    }

    /// Upgrades a connection.
    pub(crate) fn upgrade_on(&mut self, mut talk: Talk, extensions: &str) -> io::Result<Talk> {
        self.ask(&mut talk, extensions)?;
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{extensions}\r\n"
        );
        self.send(&mut talk, Side::Server, answer.as_bytes())?;
        Ok(talk)
    }

    /// Sends an upgrade request.
    pub(crate) fn ask(&mut self, talk: &mut Talk, extensions: &str) -> io::Result<()> {
        let request = format!(
            "GET /ticks HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        );
        self.send(talk, Side::Client, request.as_bytes())
    }

    /// Sends bytes in full segments; every second one is acknowledged.
    pub(crate) fn send(&mut self, talk: &mut Talk, side: Side, bytes: &[u8]) -> io::Result<()> {
        let sealed = talk.sealers.as_mut().map(|sealers| sealers[side as usize].seal(bytes));
        let bytes = sealed.as_deref().unwrap_or(bytes);
        for (n, piece) in bytes.chunks(SEGMENT).enumerate() {
            self.segment(talk, side, PSH | ACK, piece)?;
            let next = &mut talk.next[side as usize];
            *next = next.wrapping_add(u32::try_from(piece.len()).unwrap_or(0));
            if n % 2 == 1 {
                self.segment(talk, !side, ACK, &[])?;
            }
        }
        Ok(())
    }

    /// Closes both directions.
    pub(crate) fn close(&mut self, talk: &mut Talk) -> io::Result<()> {
        for side in [Side::Client, Side::Server] {
            self.segment(talk, side, FIN | ACK, &[])?;
            talk.next[side as usize] = talk.next[side as usize].wrapping_add(1);
        }
        self.segment(talk, Side::Client, ACK, &[])
    }

    fn segment(&mut self, talk: &Talk, from: Side, flags: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(54 + payload.len()).unwrap_or(u32::MAX);
        let client = (0x0a00_0000 + talk.number / 50_000, 10_000 + (talk.number % 50_000) as u16);
        let server = (0xc0a8_0001, talk.port);
        let (source, destination) = if from == Side::Client { (client, server) } else { (server, client) };
        let out = &mut self.packet;
        out.clear();
        for word in [(self.now / 1_000_000) as u32, (self.now % 1_000_000) as u32, length, length] {
            out.extend(word.to_le_bytes());
        }
        out.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0]);
        out.extend(((length - 14) as u16).to_be_bytes());
        out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        out.extend(source.0.to_be_bytes());
        out.extend(destination.0.to_be_bytes());
        out.extend(source.1.to_be_bytes());
        out.extend(destination.1.to_be_bytes());
        out.extend(talk.next[from as usize].to_be_bytes());
        out.extend(talk.next[!from as usize].to_be_bytes());
        out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend(payload);
        self.now += 2;
        self.to.write_all(out)
    }
}
