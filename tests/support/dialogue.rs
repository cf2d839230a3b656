//! WebSocket dialogues byte by byte: heads, frames, complete, fragmented and compressed messages.

use flate2::{Compress, Compression, FlushCompress, Status};
use wirefin::model::Side;

use super::packets::Talk;

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;

/// An upgrade request that ends with `fields`, each including its line end.
pub(crate) fn request(fields: &str) -> Vec<u8> {
    format!(
        "GET /chat HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n"
    )
    .into_bytes()
}

/// The response to [`request`].
pub(crate) fn answer(fields: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{fields}\r\n"
    )
    .into_bytes()
}

/// The extension, both sides with context takeover.
pub(crate) const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// A frame as sent by `side`: a client's is masked with a key derived from the payload. `first` is FIN, RSV and opcode.
pub(crate) fn frame(side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(side, first, payload.len() as u64);
    if side == Side::Client {
        let sum = payload.iter().fold(0x5eed_1234_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        let key = sum.to_be_bytes();
        bytes.extend(key);
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// The header of a frame up to the length, in its shortest form; a client's key has yet to follow.
pub(crate) fn header(side: Side, first: u8, length: u64) -> Vec<u8> {
    let mask = if side == Side::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => bytes.push(mask | short),
        (_, Ok(medium)) => {
            bytes.push(mask | 0x7e);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes
}

/// A close frame.
pub(crate) fn close(side: Side, code: u16, reason: &[u8]) -> Vec<u8> {
    frame(side, FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Creates a conversation with the TCP handshake and the upgrade.
pub(crate) fn upgraded(n: u32) -> Talk {
    upgraded_with(n, "")
}

/// Creates a conversation whose heads both end with `fields`.
pub(crate) fn upgraded_with(n: u32, fields: &str) -> Talk {
    let mut talk = Talk::new(n);
    talk.send(Side::Client, &request(fields));
    talk.send(Side::Server, &answer(fields));
    talk
}

/// Adds the closing handshake and the end of TCP.
pub(crate) fn goodbye(talk: &mut Talk) {
    talk.send(Side::Client, &close(Side::Client, 1000, b"bye"));
    talk.send(Side::Server, &close(Side::Server, 1000, b"bye"));
    talk.end();
}

/// A compressor for one side's messages (RFC 7692 §7.2.1), with context takeover.
pub(crate) struct Deflater(Compress);

impl Deflater {
    pub(crate) fn new() -> Deflater {
        Deflater(Compress::new(Compression::default(), false))
    }

    pub(crate) fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len() + 1024);
        let start = self.0.total_in();
        loop {
            let done = usize::try_from(self.0.total_in() - start).unwrap();
            let status = self.0.compress_vec(&payload[done..], &mut out, FlushCompress::Sync).unwrap();
            assert_ne!(status, Status::StreamEnd);
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(1024);
        }
        if out.is_empty() {
            // There was nothing to flush: an empty block means the same (RFC 7692 §7.2.3.6).
            return vec![0];
        }
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]), "a flush ends in an empty block");
        out.truncate(out.len() - 4);
        out
    }
}
