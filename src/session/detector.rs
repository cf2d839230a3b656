//! Identification of the protocol of connections without a WebSocket, by the first bytes of both sides.

mod hello;
mod midway;
mod mqtt;
mod protocol;

pub(super) use mqtt::is_mqtt;

use super::transport::TcpFacts;
use crate::event::{Http, Reason, Transport as Carrier, Unshown};
use crate::http::{Sniff, is_event_stream, looks_like};
use crate::model::{At, Lost, Pair, Side};
use crate::proxy::{self, Output, Preamble};

/// The maximum number of first bytes kept per side.
const HEAD: usize = 2048;

/// The number of further segments of a finished connection to wait for the other side's first bytes.
const PATIENCE: u8 = 32;

/// The first bytes of both sides, kept until their protocol is known.
///
/// Sides are TCP's.
#[derive(Debug)]
pub(super) struct ProtocolDetector {
    heads: Pair<Vec<u8>>,
    /// Whether the beginning was captured.
    from_start: bool,
    lost: u64,
    snap_length: Option<u32>,
    segments: u8,
}

impl ProtocolDetector {
    pub(super) fn new(from_start: bool) -> Self {
        ProtocolDetector { heads: Pair::default(), from_start, lost: 0, snap_length: None, segments: 0 }
    }

    /// Records bytes of a side, in order.
    pub(super) fn bytes(&mut self, side: Side, bytes: &[u8]) {
        let head = &mut self.heads[side];
        let room = HEAD.saturating_sub(head.len());
        if room > 0 {
            head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Notes that bytes are lost.
    pub(super) fn gap(&mut self, side: Side, lost: Lost) {
        let length = lost.least();
        self.lost = self.lost.saturating_add(length);
        if self.heads[side].is_empty() {
            self.from_start = false;
        }
    }

    /// Notes that a packet was truncated by the snap length.
    pub(super) fn cut(&mut self, packet_length: u32) {
        self.snap_length = self.snap_length.max(Some(packet_length));
    }

    /// Releases the memory, because a conversation was found and nothing remains to be reported.
    pub(super) fn release(&mut self) {
        self.heads = Pair::default();
    }

    /// Returns the allocated memory, in bytes.
    pub(super) fn allocated(&self) -> usize {
        self.heads.client.capacity().saturating_add(self.heads.server.capacity())
    }

    /// Returns whether a finished connection needs no more bytes to be identified.
    pub(super) fn has_enough(&mut self) -> bool {
        self.segments = self.segments.saturating_add(1);
        let Pair { client, server } = &self.heads;
        let inside = inside(client, server).or_else(|| inside(server, client));
        let [one, other] = match &inside {
            Some([one, other]) => [one.as_slice(), other],
            None => [client.as_slice(), server],
        };
        hello::is_whole(one, HEAD) && hello::is_whole(other, HEAD) || self.segments > PATIENCE
    }

    /// Returns the description of the connection.
    pub(super) fn describe(&self, transport: &TcpFacts) -> Unshown {
        let [client, server] = self.heads_by_role(transport);
        let inside = inside(client, server);
        let [client, server] = inside.as_ref().map_or([client, server], |[client, server]| [client, server]);
        let reason = self.reason([client, server], transport);
        let of_tls = hello::client_of(Pair { client, server });
        let asked = of_tls.unwrap_or(Side::Client);
        Unshown {
            client: transport.end_of(asked),
            server: transport.end_of(!asked),
            directed: transport.is_directed() || of_tls.is_some() || matches!(reason, Reason::Http(_)),
            reason,
            lost: self.lost,
            snap_length: self.snap_length,
        }
    }

    /// Returns the first bytes of the client and of the server.
    fn heads_by_role(&self, transport: &TcpFacts) -> [&[u8]; 2] {
        Side::BOTH.map(|role| self.heads[transport.role(role)].as_slice())
    }

    fn reason(&self, [client, server]: [&[u8]; 2], transport: &TcpFacts) -> Reason {
        if client.is_empty() && server.is_empty() {
            return match Side::BOTH.map(|role| transport.saw(role)) {
                [true, false] if self.lost > 0 => Reason::OneSide(Side::Client),
                [false, true] if self.lost > 0 => Reason::OneSide(Side::Server),
                _ if self.lost > 0 => Reason::Unknown,
                _ => Reason::Silent,
            };
        }
        // The roles may be unknown.
        if let Some(tls) = hello::tls(client, server).or_else(|| hello::tls(server, client)) {
            let over = transport.over.as_ref().and_then(|over| over.tls.as_ref());
            return match over.filter(|tls| tls.keys.is_some()) {
                Some(tls) => Reason::Decrypted(Box::new(tls.clone())),
                None => Reason::Tls(Box::new(tls)),
            };
        }
        if client.starts_with(protocol::HTTP2) || server.starts_with(protocol::HTTP2) {
            return Reason::Http2 { read: self.from_start && self.lost == 0 };
        }
        if looks_like(client) == Sniff::Request || looks_like(server) == Sniff::Response {
            if !transport.saw(Side::Server) || !transport.saw(Side::Client) {
                let seen = if transport.saw(Side::Client) { Side::Client } else { Side::Server };
                return Reason::OneSide(seen);
            }
            return Reason::Http(Box::new(http(client, server)));
        }
        let name = |client, server, of: Side| {
            protocol::name(client, server, transport.end_of(of).port).or_else(|| midway::name(client, server))
        };
        let reversed = || name(server, client, Side::Client).filter(|_| !transport.is_directed());
        match name(client, server, Side::Server).or_else(reversed) {
            Some(midway::HTTP2) => return Reason::Http2 { read: false },
            Some(name) => return Reason::Protocol(name),
            None => {}
        }
        if is_mqtt(client, server) {
            return Reason::Protocol("MQTT");
        }
        match Side::BOTH.map(|role| transport.saw(role)) {
            [true, false] => Reason::OneSide(Side::Client),
            [false, true] => Reason::OneSide(Side::Server),
            _ if !self.from_start => Reason::MidStream,
            _ => Reason::Unknown,
        }
    }
}

/// Returns the first bytes after what was said to a proxy, if a connection begins with that: a CONNECT (RFC 9110
/// §9.3.6), SOCKS, or a PROXY header.
fn inside(client: &[u8], server: &[u8]) -> Option<[Vec<u8>; 2]> {
    let [mut asked, mut answered] = [client, server];
    let mut is_granted = false;
    while asked.starts_with(b"CONNECT ") {
        is_granted = answered.get(9) == Some(&b'2');
        [asked, answered] = [asked, answered].map(behind_head);
    }
    if asked.len() < client.len() {
        let has_begun = !asked.is_empty() || is_granted && !answered.is_empty();
        return has_begun.then(|| [asked, answered].map(<[u8]>::to_vec));
    }
    if proxy::looks_like(client) != proxy::Sniff::Yes {
        return None;
    }
    let mut preamble = Preamble::new();
    let mut push = |side, bytes| preamble.push(side, bytes, At::default());
    let output = push(Side::Client, client);
    let output = output.or(push(Side::Server, server));
    matches!(output, Some(Output::Through(_))).then(|| {
        Side::BOTH.map(|side| preamble.take(side).into_iter().flat_map(|(bytes, _)| bytes).collect())
    })
}

/// Returns the bytes after the head that `bytes` begin with.
fn behind_head(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at.saturating_add(4));
    end.and_then(|end| bytes.get(end..)).unwrap_or_default()
}

/// Extracts the facts from the first request and the first response.
fn http(request: &[u8], response: &[u8]) -> Http {
    let line = |head: &[u8]| {
        let end = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
        String::from_utf8_lossy(head.get(..end).unwrap_or_default()).trim().to_owned()
    };
    let (asked, answered) = (line(request), line(response));
    let mut words = asked.split_ascii_whitespace();
    let target = words.nth(1).map(Box::from);
    let status = answered.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
    let upgrade = if status == Some(101) { field(response, "upgrade") } else { None };
    let offered = if upgrade.is_none() { field(request, "upgrade") } else { None };
    let is_polling = target.as_deref().is_some_and(is_polling_target);
    let is_sse = field(response, "content-type").is_some_and(|it| is_event_stream(&it));
    let transport = match (is_sse, is_polling) {
        (true, _) => Some(Carrier::Sse),
        (false, true) => Some(Carrier::Polling),
        (false, false) => None,
    };
    Http {
        host: field(request, "host").map(Into::into),
        target,
        status,
        upgrade: upgrade.map(Into::into),
        offered: offered.map(Into::into),
        transport,
    }
}

/// Returns whether a target is typical of long polling.
fn is_polling_target(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let is_poll = |part: &str| {
        // SockJS, CometD and BOSH (XEP-0124), and common names.
        matches!(part, "xhr" | "xhr_streaming" | "cometd" | "bayeux" | "http-bind")
            || part
                .split(['-', '_', '.'])
                .any(|word| matches!(word, "poll" | "polling" | "longpoll" | "longpolling"))
    };
    path.split('/').any(is_poll)
        || query.split('&').any(|it| matches!(it, "transport=polling" | "transport=longpolling"))
}

/// Returns the value of the first field of that name in a head.
fn field(head: &[u8], name: &str) -> Option<String> {
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (key, value) = line.split_at_checked(colon)?;
        if key.eq_ignore_ascii_case(name.as_bytes()) {
            let value = value.get(1..)?.trim_ascii();
            return Some(String::from_utf8_lossy(value).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_was_asked_is_passed_over() {
        let connect = b"CONNECT h:443 HTTP/1.1\r\n\r\n";
        let twice = [&connect[..], connect, b"hello"].concat();
        let answers = b"HTTP/1.1 407 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\nworld";
        assert_eq!(inside(&twice, answers), Some([b"hello".to_vec(), b"world".to_vec()]));
        assert_eq!(inside(connect, b"HTTP/1.1 407 No\r\n\r\n"), None);
        let socks = inside(
            b"\x05\x01\0\x05\x01\0\x01\x0a\0\0\x01\x01\xbbhello",
            b"\x05\0\x05\0\0\x01\0\0\0\0\0\0world",
        );
        assert_eq!(socks, Some([b"hello".to_vec(), b"world".to_vec()]));
        let header = inside(b"PROXY TCP4 192.0.2.1 198.51.100.7 40000 443\r\nhello", b"world");
        assert_eq!(header, Some([b"hello".to_vec(), b"world".to_vec()]));
        assert_eq!(inside(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn targets_of_long_polling_are_known() {
        for target in [
            "/poll",
            "/a/long-polling?x=1",
            "/engine.io/?EIO=3&transport=polling",
            "/echo/000/abc/xhr",
            "/LongPoll",
        ] {
            assert!(is_polling_target(target), "{target}");
        }
        for target in ["/", "/polls/3", "/pollution", "/?q=transport=polling", "/xhr.js"] {
            assert!(!is_polling_target(target), "{target}");
        }
    }

    #[test]
    fn a_tunnel_has_begun_once_either_side_speaks_in_it() {
        let asked = b"CONNECT h:22 HTTP/1.1\r\n\r\n";
        let granted = b"HTTP/1.1 200 OK\r\n\r\n";
        let refused = b"HTTP/1.1 407 No\r\n\r\nname and password";
        assert_eq!(inside(asked, granted), None);
        assert_eq!(inside(asked, refused), None);
        assert_eq!(inside(asked, &[granted, &b"SSH-2.0"[..]].concat()), Some([vec![], b"SSH-2.0".to_vec()]));
        assert_eq!(inside(&[asked, &b"SSH"[..]].concat(), granted), Some([b"SSH".to_vec(), vec![]]));
    }

    #[test]
    fn an_exchange_says_what_it_was() {
        let request = b"GET /events HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n";
        let response = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\nUpgrade: x";
        let it = http(request, response);
        assert_eq!(
            (it.host.as_deref(), it.target.as_deref(), it.status),
            (Some("h:1"), Some("/events"), Some(200))
        );
        assert_eq!((it.transport, it.upgrade), (Some(Carrier::Sse), None));
        let offer = b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(http(offer, b"HTTP/1.1 400 No\r\n\r\n").offered.as_deref(), Some("h2c"));
        let it = http(b"POST /exec HTTP/1.1\r\n\r\n", b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n");
        assert_eq!((it.upgrade.as_deref(), it.host), (Some("tcp"), None));
        assert_eq!(http(b"", b""), Http::default());
    }
}
