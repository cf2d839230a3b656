//! A WebSocket server and client that send reproducible messages at a given rate, so that only their number has to be
//! recorded. They implement just enough of RFC 6455 for that.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// The sending plan of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The number of payload bytes per message.
    pub(crate) size: usize,
    /// The number of messages sent per second.
    pub(crate) rate: u64,
    /// The total number of messages.
    pub(crate) count: u64,
}

/// The number of messages after which the client responds with one of its own.
pub(crate) const ANSWER_EVERY: u64 = 100;

/// Generates the payload of a message: its number, followed by text unique to it.
pub(crate) fn payload(number: u64, size: usize, into: &mut Vec<u8>) {
    into.clear();
    let _ = write!(into, "{number:010}");
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while into.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Eight characters from '0' to 'o' at once: only '\' needs escaping in JSON.
        let text = (state & 0x3f3f_3f3f_3f3f_3f3f).wrapping_add(0x3030_3030_3030_3030).to_le_bytes();
        into.extend(text.map(|byte| if byte == b'\\' { b'p' } else { byte }));
    }
    into.truncate(size.max(10));
}

/// Responds to a client's handshake and sends as planned; returns how many messages were sent.
pub(crate) fn serve(mut stream: TcpStream, plan: &Plan) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let head = read_head(&mut stream)?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )?;
    let answers = stream.try_clone()?;
    let reader = std::thread::spawn(move || io::copy(&mut &answers, &mut io::sink()));
    let (begun, mut number) = (Instant::now(), 0);
    let (mut text, mut frames) = (Vec::new(), Vec::new());
    while number < plan.count {
        // Everything due by now is sent at once, so that a late wake-up makes no difference.
        let due = (begun.elapsed().as_micros() as u64).saturating_mul(plan.rate) / 1_000_000 + 1;
        frames.clear();
        while number < due.min(plan.count) && frames.len() < 1 << 20 {
            payload(number, plan.size, &mut text);
            frame(&text, None, &mut frames);
            number += 1;
        }
        if frames.is_empty() {
            std::thread::sleep(Duration::from_micros(500));
        } else {
            stream.write_all(&frames)?;
        }
    }
    stream.write_all(&[0x88, 2, 3, 0xe8])?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let _ = reader.join();
    Ok(number)
}

/// Performs the handshake and reads until the server closes, responding at intervals; returns how many messages were
/// sent.
pub(crate) fn receive(mut stream: TcpStream) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /load HTTP/1.1\r\nHost: load\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )?;
    read_head(&mut stream)?;
    let mut reader = BufReader::with_capacity(1 << 18, stream.try_clone()?);
    let (mut received, mut sent) = (0_u64, 0_u64);
    let (mut text, mut answer, mut body) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head)?;
        let length = match head[1] & 0x7f {
            126 => {
                let mut more = [0; 2];
                reader.read_exact(&mut more)?;
                usize::from(u16::from_be_bytes(more))
            }
            127 => {
                let mut more = [0; 8];
                reader.read_exact(&mut more)?;
                u64::from_be_bytes(more) as usize
            }
            short => usize::from(short),
        };
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        let mask = (received as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
        answer.clear();
        if head[0] & 0x0f == 8 {
            answer.extend([0x88, 0x82]);
            answer.extend(mask);
            answer.extend([3 ^ mask[0], 0xe8 ^ mask[1]]);
            stream.write_all(&answer)?;
            return Ok(sent);
        }
        received += 1;
        if received.is_multiple_of(ANSWER_EVERY) {
            payload(sent, 40, &mut text);
            frame(&text, Some(mask), &mut answer);
            stream.write_all(&answer)?;
            sent += 1;
        }
    }
}

/// Appends one text frame.
fn frame(text: &[u8], mask: Option<[u8; 4]>, into: &mut Vec<u8>) {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    into.push(0x81);
    match text.len() {
        short @ ..126 => into.push(bit | short as u8),
        middle @ ..0x1_0000 => {
            into.push(bit | 0x7e);
            into.extend((middle as u16).to_be_bytes());
        }
        long => {
            into.push(bit | 127);
            into.extend((long as u64).to_be_bytes());
        }
    }
    match mask {
        None => into.extend_from_slice(text),
        Some(mask) => {
            into.extend(mask);
            into.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
