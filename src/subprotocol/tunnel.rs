//! Tunnels: a TCP connection of another protocol through binary messages (websockify, wstunnel, chisel, k8s proxies).
//! The protocol inside is named once; its contents are not decoded.

use crate::model::{Anomaly, Side};

use super::decoder::{Decoder, Out};
use super::input::Input;
use super::protocol::{Evidence, Protocol};

pub(super) static TUNNEL: Protocol = Protocol {
    headers: &["tunnel-protocol", "chisel-v3", "wstunnel", "tcp-over-websocket", "SPDY/3.1*"],
    sign: |input, _| {
        if input.is_text() {
            return Evidence::Against;
        }
        if inside(input).is_some() { Evidence::Sure } else { Evidence::Against }
    },
    ..Protocol::new("tunnel", |_| Box::new(Tunnel { said: false }))
};

const NAME: &str = "tunnel";

/// A decoder for tunnels, which identifies the first bytes.
#[derive(Debug)]
struct Tunnel {
    said: bool,
}

/// Returns the protocol that begins here and its banner, if the first bytes are unambiguous.
fn inside<'a>(input: &Input<'a>) -> Option<(&'static str, Option<&'a [u8]>)> {
    let head = input.head();
    let line = || {
        let end = memchr::memchr2(b'\r', b'\n', head)?;
        head.get(..end)
    };
    match head {
        [b'S', b'S', b'H', b'-', b'1' | b'2', ..] => Some(("ssh", line())),
        // A record with a ClientHello or a ServerHello whose length matches that of the handshake message (RFC 8446
        // §5.1).
        [0x16, 3, 0..=4, high, low, hello @ (1 | 2), 0, a, b, ..]
            if (input.from == Side::Client) == (*hello == 1)
                && u16::from_be_bytes([*high, *low]) >= u16::from_be_bytes([*a, *b]).saturating_add(4) =>
        {
            Some(("tls", None))
        }
        // SYN_STREAM of SPDY/3.1, which kubectl uses for port forwarding.
        [0x80, 3, 0, 1, ..] if input.from == Side::Client => Some(("spdy", None)),
        [5, n @ 1..=8, methods @ ..]
            if input.from == Side::Client
                && methods.len() == usize::from(*n)
                && methods.iter().all(|it| matches!(it, 0..=9 | 0x80..=0xfe))
                && methods.contains(&0) =>
        {
            Some(("socks5", None))
        }
        _ if input.from == Side::Client => {
            let first = line()?;
            let verbs: [&[u8]; 6] = [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"CONNECT ", b"OPTIONS "];
            let is_http = first.ends_with(b" HTTP/1.1") || first.ends_with(b" HTTP/1.0");
            (is_http && verbs.iter().any(|verb| first.starts_with(verb))).then_some(("http", Some(first)))
        }
        _ => None,
    }
}

impl Decoder for Tunnel {
    fn message(&mut self, input: &Input<'_>, out: &mut Out<'_>) {
        let Some((what, banner)) = inside(input) else {
            if input.length > 0 {
                out.part();
            }
            return;
        };
        if !self.said {
            self.said = true;
            out.anomaly(Anomaly::TunnelInside { protocol: what });
        }
        let mut unit = out.unit(NAME, what);
        if let Some(banner) = banner {
            unit.text("banner", &String::from_utf8_lossy(banner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::lines_of;
    use super::super::{Opening, Reader};
    use super::*;
    use crate::websocket::Opcode;

    #[test]
    fn what_is_inside_is_named() {
        let tls = b"\x16\x03\x01\x00\x64\x01\x00\x00\x60\x03\x03rest";
        for (bytes, said) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "tunnel ssh banner=SSH-2.0-OpenSSH_9.2"),
            (&tls[..], "tunnel tls"),
            (b"\x05\x01\x00", "tunnel socks5"),
            (b"GET / HTTP/1.1\r\nHost: h\r\n", "tunnel http banner=GET / HTTP/1.1"),
        ] {
            let mut reader = Reader::new(Opening::default());
            let lines = lines_of(&mut reader, Side::Client, Opcode::BINARY, bytes, 1);
            assert_eq!(lines, [said, "! tunnel-inside"]);
        }
        let mut reader = Reader::new(Opening::default());
        assert_eq!(lines_of(&mut reader, Side::Client, Opcode::BINARY, b"\x05\x01\x01", 1), [""; 0]);
    }
}
