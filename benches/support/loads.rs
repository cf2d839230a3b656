use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress};
use wirefin::model::Side;

use super::seal::key_log;
use super::{Talk, Tape};

/// The loads: a name, and what its number counts.
pub(crate) const LOADS: &[(&str, &str)] = &[
    ("ticks", "text messages of 170 bytes from a server to 40 clients"),
    ("h2c", "the same over HTTP/2, each client on a stream of its own of 10 connections"),
    ("tls", "ticks over TLS 1.3, AES-128-GCM"),
    ("h2", "the load h2c over TLS 1.3"),
    ("tls-bulk", "binary messages of 1 MiB over TLS 1.3"),
    ("https", "MiB of application data over TLS 1.3"),
    ("keys", "connections: the key log of those over TLS"),
    ("deflate", "the load ticks, compressed with context takeover"),
    ("chat", "messages there and back on 40 connections"),
    ("bulk", "binary messages of 1 MiB"),
    ("mix", "packets: a tenth of the bytes are ticks, the others TLS and HTTP"),
    ("half-open", "SYNs without an answer"),
    ("upgrades", "upgrades that are asked for and not answered"),
    ("other", "connections of another protocol, left open"),
    ("joined", "connections of another protocol whose beginning was not captured"),
    ("idle", "WebSockets that sent one message and rest"),
    ("idle-deflate", "WebSockets that sent 40 KB each way, compressed, and rest"),
    ("connections", "WebSockets that open, send one message and close"),
    ("big", "MiB of one message, in fragments of 64 KiB"),
    ("big-text", "the same as masked text"),
];

/// Writes the load called `name`; returns `false` if there is none.
pub(crate) fn make<W: Write>(name: &str, count: u32, mut to: W) -> io::Result<bool> {
    if name == "keys" {
        (0..count).try_for_each(|n| to.write_all(key_log(n).as_bytes()))?;
        return Ok(true);
    }
    let mut tape = Tape::new(to)?;
    match name {
        "ticks" => ticks(&mut tape, count, "", Tape::upgrade)?,
        "tls" => ticks(&mut tape, count, "", upgrade_tls)?,
        "h2c" => h2c(&mut tape, count, |tape, n| tape.open(n, 80))?,
        "h2" => h2c(&mut tape, count, |tape, n| tape.open_tls(n, "h2"))?,
        "deflate" => ticks(&mut tape, count, DEFLATE, Tape::upgrade)?,
        "chat" => chat(&mut tape, count)?,
        "bulk" => bulk(&mut tape, count, Tape::upgrade)?,
        "tls-bulk" => bulk(&mut tape, count, upgrade_tls)?,
        "https" => https(&mut tape, count)?,
        "mix" => mix(&mut tape, count)?,
        "half-open" => (0..count).try_for_each(|n| tape.send_syn(n, 80).map(drop))?,
        "upgrades" => (0..count).try_for_each(|n| {
            let mut talk = tape.open(n, 80)?;
            tape.ask(&mut talk, "")
        })?,
        "other" => (0..count).try_for_each(|n| {
            let mut talk = tape.open(n, 443)?;
            tape.send(&mut talk, Side::Client, &hello(n))
        })?,
        "joined" => joined(&mut tape, count)?,
        "idle" => (0..count).try_for_each(|n| {
            let mut talk = tape.upgrade(n, "")?;
            tape.send(&mut talk, Side::Server, &frame(0x81, tick(n).as_bytes(), false))
        })?,
        "idle-deflate" => idle_deflate(&mut tape, count)?,
        "connections" => (0..count).try_for_each(|n| connection(&mut tape, n))?,
        "big" => big(&mut tape, count, false)?,
        "big-text" => big(&mut tape, count, true)?,
        _ => return Ok(false),
    }
    tape.finish()?;
    Ok(true)
}

/// Returns a market update, as JSON.
pub(crate) fn tick(n: u32) -> String {
    let x = n.wrapping_mul(0x9e37_79b9) >> 7;
    let symbol = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"][(x % 4) as usize];
    format!(
        r#"{{"e":"trade","E":{},"s":"{symbol}","t":{},"p":"{}.{:02}","q":"0.{:04}","b":{},"a":{},"m":{},"M":true}}"#,
        1_700_000_000_000_u64 + u64::from(n),
        30_000_000 + n,
        60_000 + x % 1000,
        x % 100,
        x % 10_000,
        x.wrapping_mul(31) % 1_000_000_000,
        x.wrapping_mul(37) % 1_000_000_000,
        x.is_multiple_of(2),
    )
}

/// Builds a frame; `first` is its first byte.
pub(crate) fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut out = vec![first];
    let mask = if masked { 0x80 } else { 0 };
    match payload.len() {
        short @ 0..126 => out.push(mask | short as u8),
        middle @ 126..0x1_0000 => {
            out.push(mask | 0x7e);
            out.extend((middle as u16).to_be_bytes());
        }
        long => {
            out.push(mask | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    if masked {
        let key = (payload.len() as u32 ^ u32::from(*payload.last().unwrap_or(&1)))
            .wrapping_mul(0x9e37_79b1)
            .to_be_bytes();
        out.extend(key);
        out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        out.extend(payload);
    }
    out
}

/// Compresses a message like a sender with context takeover (RFC 7692 §7.2.1).
pub(crate) fn deflate(sender: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    sender.compress_vec(text, &mut out, FlushCompress::Sync).expect("memory");
    out.truncate(out.len() - 4);
    out
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// Opens a connection with TLS and upgrades it.
fn upgrade_tls<W: Write>(tape: &mut Tape<W>, number: u32, extensions: &str) -> io::Result<Talk> {
    let talk = tape.open_tls(number, "http/1.1")?;
    tape.upgrade_on(talk, extensions)
}

type Open<W> = fn(&mut Tape<W>, u32, &str) -> io::Result<Talk>;

fn ticks<W: Write>(tape: &mut Tape<W>, count: u32, extensions: &str, open: Open<W>) -> io::Result<()> {
    const CLIENTS: u32 = 40;
    let compressed = !extensions.is_empty();
    let talks = (0..CLIENTS).map(|n| open(tape, n, extensions));
    let mut talks: Vec<(Talk, Compress)> = talks
        .map(|talk| talk.map(|talk| (talk, Compress::new(Compression::default(), false))))
        .collect::<io::Result<_>>()?;
    for n in 0..count {
        let (talk, sender) = &mut talks[(n % CLIENTS) as usize];
        let text = tick(n);
        let frame = if compressed {
            frame(0xc1, &deflate(sender, text.as_bytes()), false)
        } else {
            frame(0x81, text.as_bytes(), false)
        };
        tape.send(talk, Side::Server, &frame)?;
    }
    talks.iter_mut().try_for_each(|(talk, _)| tape.close(talk))
}

fn h2c<W: Write>(
    tape: &mut Tape<W>,
    count: u32,
    open: fn(&mut Tape<W>, u32) -> io::Result<Talk>,
) -> io::Result<()> {
    const CONNECTIONS: u32 = 10;
    const STREAMS: u32 = 4;
    let mut talks = Vec::new();
    for n in 0..CONNECTIONS {
        let mut talk = open(tape, n)?;
        let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &h2_frame(4, 0, 0, &[])].concat();
        tape.send(&mut talk, Side::Client, &preface)?;
        tape.send(
            &mut talk,
            Side::Server,
            &h2_frame(4, 0, 0, &[0, 8, 0, 0, 0, 1, 0, 4, 0x7f, 0xff, 0xff, 0xff]),
        )?;
        for stream in 0..STREAMS {
            let request = fields(&[
                (":method", "CONNECT"),
                (":protocol", "websocket"),
                (":scheme", "http"),
                (":path", "/ticks"),
                (":authority", "example.org"),
                ("sec-websocket-version", "13"),
            ]);
            tape.send(&mut talk, Side::Client, &h2_frame(1, 4, 2 * stream + 1, &request))?;
            tape.send(
                &mut talk,
                Side::Server,
                &h2_frame(1, 4, 2 * stream + 1, &fields(&[(":status", "200")])),
            )?;
        }
        // The largest possible windows, so that none is exceeded within 2 GiB.
        tape.send(&mut talk, Side::Client, &h2_frame(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]))?;
        tape.send(&mut talk, Side::Client, &h2_frame(8, 0, 0, &0x7ffe_0000_u32.to_be_bytes()))?;
        talks.push(talk);
    }
    for n in 0..count {
        let stream = 2 * (n / CONNECTIONS % STREAMS) + 1;
        let bytes = h2_frame(0, 0, stream, &frame(0x81, tick(n).as_bytes(), false));
        tape.send(&mut talks[(n % CONNECTIONS) as usize], Side::Server, &bytes)?;
    }
    talks.iter_mut().try_for_each(|talk| tape.close(talk))
}

/// Builds an HTTP/2 frame (RFC 9113 §4.1).
fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// Builds a header block of literals without indexing (RFC 7541 §6.2.2).
fn fields(all: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in all {
        out.extend([0, name.len() as u8]);
        out.extend(name.as_bytes());
        out.push(value.len() as u8);
        out.extend(value.as_bytes());
    }
    out
}

fn chat<W: Write>(tape: &mut Tape<W>, count: u32) -> io::Result<()> {
    const CLIENTS: u32 = 40;
    let mut talks: Vec<Talk> = (0..CLIENTS).map(|n| tape.upgrade(n, "")).collect::<io::Result<_>>()?;
    for n in 0..count {
        let (talk, text) = (&mut talks[(n / 2 % CLIENTS) as usize], tick(n / 2));
        let (side, masked) = if n % 2 == 0 { (Side::Client, true) } else { (Side::Server, false) };
        tape.send(talk, side, &frame(0x81, text.as_bytes(), masked))?;
    }
    talks.iter_mut().try_for_each(|talk| tape.close(talk))
}

/// Sends traffic other than WebSocket, in records of 16 KiB on 16 connections.
fn https<W: Write>(tape: &mut Tape<W>, mebibytes: u32) -> io::Result<()> {
    const CONNECTIONS: u32 = 16;
    let talks = (0..CONNECTIONS).map(|n| tape.open_tls(n, "h2"));
    let mut talks: Vec<Talk> = talks.collect::<io::Result<_>>()?;
    let body = noise(1 << 20, 5);
    (0..mebibytes).try_for_each(|n| tape.send(&mut talks[(n % CONNECTIONS) as usize], Side::Server, &body))
}

fn bulk<W: Write>(tape: &mut Tape<W>, count: u32, open: Open<W>) -> io::Result<()> {
    let mut talk = open(tape, 0, "")?;
    let message = frame(0x82, &noise(1 << 20, 1), false);
    (0..count).try_for_each(|_| tape.send(&mut talk, Side::Server, &message))?;
    tape.close(&mut talk)
}

/// Of the bytes of ten batches, nine are TLS records and HTTP bodies in full segments, and one is ticks.
fn mix<W: Write>(tape: &mut Tape<W>, packets: u32) -> io::Result<()> {
    const ROUND: u32 = 24;
    let mut ticks: Vec<Talk> = (0..8).map(|n| tape.upgrade(n, "")).collect::<io::Result<_>>()?;
    let mut others = Vec::new();
    for n in 100..164 {
        let mut talk = tape.open(n, if n % 8 == 0 { 80 } else { 443 })?;
        if n % 8 == 0 {
            tape.send(&mut talk, Side::Client, b"GET /file HTTP/1.1\r\nHost: example.org\r\n\r\n")?;
            tape.send(&mut talk, Side::Server, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")?;
        } else {
            tape.send(&mut talk, Side::Client, &hello(n))?;
        }
        others.push(talk);
    }
    let body = noise(11 * super::SEGMENT, 2);
    for n in 0..packets / ROUND {
        let other = &mut others[(n % 64) as usize];
        tape.send(other, Side::Server, &body)?;
        for i in 0..8 {
            tape.send(&mut ticks[i as usize], Side::Server, &frame(0x81, tick(n * 8 + i).as_bytes(), false))?;
        }
    }
    Ok(())
}

fn joined<W: Write>(tape: &mut Tape<W>, count: u32) -> io::Result<()> {
    let bytes = noise(2000, 3);
    for n in 0..count {
        let mut talk = Talk::joined(n, 443);
        tape.send(&mut talk, Side::Server, &bytes)?;
    }
    Ok(())
}

fn idle_deflate<W: Write>(tape: &mut Tape<W>, count: u32) -> io::Result<()> {
    let mut sender = Compress::new(Compression::default(), false);
    let texts = (0..240).map(|n| deflate(&mut sender, tick(n * 7919).as_bytes()));
    let frames = texts.map(|text| (frame(0xc1, &text, true), frame(0xc1, &text, false)));
    let (client, server): (Vec<_>, Vec<_>) = frames.unzip();
    let (client, server) = (client.concat(), server.concat());
    for n in 0..count {
        let mut talk = tape.upgrade(n, DEFLATE)?;
        tape.send(&mut talk, Side::Client, &client)?;
        tape.send(&mut talk, Side::Server, &server)?;
    }
    Ok(())
}

fn connection<W: Write>(tape: &mut Tape<W>, n: u32) -> io::Result<()> {
    let mut talk = tape.upgrade(n, "")?;
    tape.send(&mut talk, Side::Server, &frame(0x81, b"hello", false))?;
    tape.send(&mut talk, Side::Server, &frame(0x88, b"\x03\xe8", false))?;
    tape.send(&mut talk, Side::Client, &frame(0x88, b"\x03\xe8", true))?;
    tape.close(&mut talk)
}

fn big<W: Write>(tape: &mut Tape<W>, mebibytes: u32, text: bool) -> io::Result<()> {
    let mut talk = tape.upgrade(0, "")?;
    let (side, opcode) = if text { (Side::Client, 1) } else { (Side::Server, 2) };
    let part =
        if text { b"text ".repeat((64 << 10) / 5 + 1)[..64 << 10].to_vec() } else { noise(64 << 10, 4) };
    let fragments = mebibytes * 16;
    for n in 0..fragments {
        let first = if n == 0 { opcode } else { 0 } | if n + 1 == fragments { 0x80 } else { 0 };
        tape.send(&mut talk, side, &frame(first, &part, text))?;
    }
    tape.close(&mut talk)
}

/// Returns the first bytes of a TLS client, as far as they are visible from outside.
fn hello(n: u32) -> Vec<u8> {
    let mut bytes = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    bytes.extend(noise(506, n));
    bytes
}

/// Returns bytes without a pattern.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) << 1 | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}
