mod http2;
mod order;

use super::*;
use crate::event::{ConnId, Event, Kind, Sink};
use crate::model::{Anomaly, At, Endpoint, Flags, Flow, Segment, Seq, Side, Timestamp, Tunnel};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/// The two ends of a connection whose segments are captured or lost.
struct Talk<S = Reported> {
    analyzer: Analyzer,
    packet: u64,
    /// The time without traffic, in milliseconds.
    waited: u64,
    /// The sequence numbers of the client's and the server's next bytes.
    next: [u32; 2],
    reported: S,
}

/// All events, one line each.
#[derive(Default)]
struct Reported(Vec<String>);

impl Sink for Reported {
    fn event(&mut self, event: &Event<'_>) {
        let stream = event.conn.and_then(ConnId::stream);
        let line = match &event.kind {
            Kind::Opened(opened) if opened.handshake.is_none() => "joined late".to_owned(),
            Kind::Opened(_) => "open".to_owned(),
            Kind::Message(message) => format!(
                "{:?} {} {:?}{} from packet {}",
                message.from,
                message.opcode,
                String::from_utf8_lossy(message.payload),
                if message.is_complete() { "" } else { " incomplete" },
                message.wire.first.packet,
            ),
            Kind::Anomaly { from: Some(from), anomaly: Anomaly::OverlapDiffers { offset, length } } => {
                format!("{from:?} differs {offset} {length}")
            }
            Kind::Anomaly { from: Some(from), anomaly: Anomaly::TextInStream { offset, found } } => {
                format!("{from:?} TextInStream {found:?} at {offset}")
            }
            Kind::Anomaly { from: Some(from), anomaly: Anomaly::HttpInStream { offset, found } } => {
                format!("{from:?} HttpInStream {found:?} at {offset}")
            }
            Kind::Anomaly { from: Some(from), anomaly: Anomaly::Gap { offset, .. } }
                if self.0.iter().any(|line| line.contains("InStream")) =>
            {
                format!("{from:?} gap at {offset}")
            }
            Kind::Rejected(rejected) => format!("rejected: {}", rejected.why()),
            Kind::Anomaly {
                anomaly: Anomaly::ZeroMaskKey { .. } | Anomaly::RepeatedMaskKey { .. }, ..
            } => return,
            Kind::Anomaly { anomaly, .. } if stream.is_some() => anomaly.code().to_owned(),
            Kind::Closed(closed) if stream.is_some() => format!("closed {:?}", closed.code),
            _ => return,
        };
        self.0.push(stream.map_or(line.clone(), |stream| format!("{stream}: {line}")));
    }
}

impl<S: Sink + Default> Talk<S> {
    fn begin() -> Self {
        let mut talk = Talk {
            analyzer: Analyzer::new(Limits::default()),
            packet: 0,
            waited: 0,
            next: [1000, 5000],
            reported: S::default(),
        };
        talk.segment(Side::Client, Flags::SYN, &[]);
        talk.next[0] += 1;
        talk.segment(Side::Server, Flags::SYN.with(Flags::ACK), &[]);
        talk.next[1] += 1;
        talk.segment(Side::Client, Flags::ACK, &[]);
        talk
    }

    /// Starts a mid-stream capture.
    fn join() -> Self {
        let next = [1000, 5000];
        Talk {
            analyzer: Analyzer::new(Limits::default()),
            packet: 0,
            waited: 0,
            next,
            reported: S::default(),
        }
    }

    fn segment(&mut self, side: Side, flags: Flags, payload: &[u8]) {
        let end = |host, port| Endpoint::new(std::net::IpAddr::from([10, 0, 0, host]), port);
        let (client, server) = (end(2, 50_000), end(1, 80));
        let (source, destination) = if side == Side::Client { (client, server) } else { (server, client) };
        let flow = Flow { source, destination, tunnel: Tunnel::NONE };
        let (seq, ack) =
            if side == Side::Client { (self.next[0], self.next[1]) } else { (self.next[1], self.next[0]) };
        let stamp = crate::model::SenderClock::default();
        let segment = Segment {
            flow,
            seq: Seq(seq),
            ack: Seq(ack),
            flags,
            window: 65535,
            header: &[],
            payload,
            offset: None,
            cut: 0,
            packet_length: 0,
            stamp,
        };
        self.packet += 1;
        let at = self.now();
        self.analyzer.push(7, &segment, at, &mut self.reported);
    }

    fn send(&mut self, side: Side, bytes: impl AsRef<[u8]>) {
        self.segment(side, Flags::ACK, bytes.as_ref());
        self.lose(side, bytes);
    }

    /// Sends bytes that are not captured.
    fn lose(&mut self, side: Side, bytes: impl AsRef<[u8]>) {
        self.next[usize::from(side == Side::Server)] += bytes.as_ref().len() as u32;
    }

    /// Lets time pass, in milliseconds.
    fn wait(&mut self, millis: u64) {
        self.waited += millis;
    }

    fn now(&self) -> At {
        let millis = self.packet + self.waited;
        At { packet: self.packet, time: Timestamp::from_nanos(millis as i64 * 1_000_000) }
    }

    /// Ends the capture.
    fn end(mut self) -> S {
        let at = self.now();
        let live: Vec<_> = self.analyzer.live().collect();
        for (_, handle) in live {
            self.analyzer.finish(handle, at, &mut self.reported);
        }
        self.reported
    }
}

impl Talk {
    /// Ends the capture and returns everything reported.
    fn over(self) -> Vec<String> {
        self.end().0
    }
}

/// Returns a client's frame with a key and a payload of at most 125 bytes.
fn masked_with(key: [u8; 4], first: u8, payload: &str) -> Vec<u8> {
    let masked = payload.bytes().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key);
    [first, 0x80 | payload.len() as u8].into_iter().chain(key).chain(masked).collect()
}

/// Returns a client's frame with a zero key.
fn masked(first: u8, payload: &str) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload.as_bytes()].concat()
}

fn plain(first: u8, payload: &str) -> Vec<u8> {
    [&[first, payload.len() as u8], payload.as_bytes()].concat()
}

#[test]
fn a_request_captured_after_its_answer_is_not_read_as_frames() {
    let mut talk = Talk::begin();
    talk.lose(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    // The request is sent again.
    talk.next[0] -= format!("{REQUEST}\r\n").len() as u32;
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, plain(0x81, "hello"));
    talk.send(Side::Client, masked(0x81, "price 60123.45, quantity 0.5, of the one thing"));
    talk.send(Side::Client, masked(0x82, "abc"));
    let reported = [
        "open",
        "Server text \"hello\" from packet 6",
        "Client text \"price 60123.45, quantity 0.5, of the one thing\" from packet 7",
        "Client binary \"abc\" from packet 8",
    ];
    assert_eq!(talk.over(), reported);
}

#[test]
fn frames_held_until_the_lost_answer_is_given_up_keep_their_packets() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.lose(Side::Server, format!("{RESPONSE}\r\n"));
    talk.send(Side::Client, masked(0x81, "one"));
    talk.send(Side::Client, masked(0x82, "two"));
    let reported = ["open", "Client text \"one\" from packet 5", "Client binary \"two\" from packet 6"];
    assert_eq!(talk.over(), reported);
}

#[test]
fn a_request_whose_answer_is_lost_is_reported_where_the_server_speaks_first() {
    for size in [1, 2, 7, 1000] {
        let mut talk = Talk::begin();
        talk.send(Side::Client, format!("{REQUEST}\r\n"));
        talk.lose(Side::Server, format!("{RESPONSE}\r\n"));
        let greeting = plain(0x81, "price 60123.45, quantity 0.5, of the one thing");
        greeting.chunks(size).for_each(|piece| talk.send(Side::Server, piece));
        talk.send(Side::Server, plain(0x82, "abc"));
        let reported: Vec<_> = talk.over();
        let shown: Vec<_> = reported.iter().map(|line| line.split(" from").next().unwrap()).collect();
        let price = "Server text \"price 60123.45, quantity 0.5, of the one thing\"";
        assert_eq!(shown, ["open", price, "Server binary \"abc\""], "{size}");
    }
}

#[test]
fn a_continuation_whose_beginning_is_lost_shows_bytes_only_where_nothing_can_be_compressed() {
    for (extension, shown) in [("", "rest of it"), (DEFLATE, "")] {
        let mut talk = Talk::begin();
        talk.send(Side::Client, format!("{REQUEST}{extension}\r\n"));
        talk.send(Side::Server, format!("{RESPONSE}{extension}\r\n"));
        talk.lose(Side::Client, masked(0x01, "the beginning"));
        talk.send(Side::Client, masked(0x89, "tick"));
        talk.send(Side::Client, masked(0x80, "rest of it"));
        talk.send(Side::Client, masked(0x81, "price 60123.45, quantity 0.5, of the one thing"));
        let reported = [
            "open".to_owned(),
            "Client ping \"tick\" from packet 6".to_owned(),
            format!("Client continuation {shown:?} incomplete from packet 7"),
            "Client text \"price 60123.45, quantity 0.5, of the one thing\" from packet 8".to_owned(),
        ];
        assert_eq!(talk.over(), reported, "{extension}");
    }
}

/// They are not the first bytes, although earlier ones are still queued.
#[test]
fn payload_that_looks_like_a_chunk_is_none_while_the_other_side_is_searched() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    let partial = masked(0x81, "lost in the middle of this message");
    talk.lose(Side::Client, &partial[..10]);
    talk.send(Side::Client, &partial[10..]);
    let text = "ten digits:\na\n0123456789\n";
    let (header_and_line, rest) = (2 + "ten digits:\n".len(), plain(0x81, text));
    talk.send(Side::Server, &rest[..header_and_line]);
    talk.send(Side::Server, &rest[header_and_line..]);
    talk.send(Side::Client, masked(0x81, "price 60123.45, quantity 0.5, of the one thing"));
    let reported = talk.over();
    assert!(reported.contains(&format!("Server text {text:?} from packet 7")), "{reported:?}");
}

#[test]
fn frames_that_lead_to_an_impossible_header_behind_a_gap_are_doubted() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    talk.lose(Side::Server, plain(0x81, "lost"));
    talk.send(Side::Server, plain(0x81, "price 60123.45, quantity 0.5, of the one thing"));
    talk.send(Side::Server, plain(0x81, "price 60123.46, quantity 0.5, of the one thing"));
    talk.send(Side::Client, masked(0x81, "x"));
    talk.send(Side::Server, [0xfb, 3, 1, 2, 3]);
    talk.send(Side::Server, plain(0x81, "price 60123.47, quantity 0.5, of the one thing"));
    talk.send(Side::Server, plain(0x81, "price 60123.48, quantity 0.5, of the one thing"));
    let prices: Vec<_> = talk.over().into_iter().filter(|line| line.starts_with("Server")).collect();
    let reported = [45, 46, 47, 48].iter().zip([6, 7, 10, 11]).map(|(price, packet)| {
        format!("Server text \"price 60123.{price}, quantity 0.5, of the one thing\" from packet {packet}")
    });
    assert_eq!(prices, reported.collect::<Vec<_>>());
}

#[test]
fn text_without_a_frame_is_reported_and_frames_after_it_are_found_however_they_are_cut() {
    let warning = "PHP Warning:  Undefined variable in /srv/chat.php\r\n";
    let prices = [47, 48].map(|n| plain(0x81, &format!("price 60123.{n}, quantity 0.5, of the one thing")));
    let sent = [&plain(0x81, "hello"), warning.as_bytes(), &prices[0], &prices[1]].concat();
    for size in [1, 2, 3, 9, 1000] {
        let mut talk = Talk::begin();
        talk.send(Side::Client, format!("{REQUEST}\r\n"));
        talk.send(Side::Server, format!("{RESPONSE}\r\n"));
        sent.chunks(size).for_each(|piece| talk.send(Side::Server, piece));
        let reported = talk.over();
        let shown: Vec<_> = reported.iter().map(|line| line.split(" from packet").next().unwrap()).collect();
        let reported = [
            "open",
            "Server text \"hello\"",
            "Server TextInStream \"PHP Warning:  Undefined variable in /srv/chat.php\" at 7",
            "Server text \"price 60123.47, quantity 0.5, of the one thing\"",
            "Server text \"price 60123.48, quantity 0.5, of the one thing\"",
        ];
        assert_eq!(shown, reported, "{size}");
    }
}

/// Whatever the sizes of segments, the verdict on bytes in place of a frame is the same.
#[test]
fn bytes_in_place_of_a_frame_are_judged_alike_however_they_are_cut() {
    let hello = [&b"hello world"[..], &masked(0x81, "one"), &masked(0x81, "two")].concat();
    let words = [b"word ".repeat(40), masked(0x81, "one"), masked(0x81, "two")].concat();
    let request = [&b"GET /"[..], &b"x".repeat(150), b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
    for (side, sent, found) in [
        // A ping in fragments, RSV2 alone, and text that is too short.
        (Side::Server, [&b"\x09\x0d"[..], &plain(0x81, "hello")].concat(), "None"),
        (Side::Server, [&b"\x21\x2a"[..], &plain(0x81, "hello")].concat(), "None"),
        (Side::Server, [&b"ab\x81"[..], &plain(0x81, "hello")].concat(), "None"),
        (Side::Server, b"gh\nPHP Warning: no\n".to_vec(), "None"),
        (Side::Client, masked(0x21, "hello"), "None"),
        (Side::Server, "Warnung f\u{fc}r alle\n".into(), "TextInStream \"Warnung f\""),
        (Side::Server, b"HTTP/1.1 400 No\r\n\r\n".to_vec(), "HttpInStream \"HTTP/1.1 400 No\""),
        (Side::Server, b"HTTP".to_vec(), "TextInStream \"HTTP\""),
        (Side::Client, hello, "TextInStream \"hello world\""),
        (Side::Client, words, &format!("TextInStream {:?}", "word ".repeat(26).get(..128).unwrap())),
        (Side::Client, request, &format!("HttpInStream \"GET /{}\"", "x".repeat(123))),
    ] {
        for size in [1, 2, 7, 1000] {
            let mut talk = Talk::begin();
            talk.send(Side::Client, format!("{REQUEST}\r\n"));
            talk.send(Side::Server, format!("{RESPONSE}\r\n"));
            sent.chunks(size).for_each(|piece| talk.send(side, piece));
            let reported = talk.over();
            let verdict = reported.iter().find(|line| line.contains("InStream"));
            let verdict =
                verdict.and_then(|line| line.split_once(' ')).and_then(|(_, rest)| rest.rsplit_once(" at "));
            assert_eq!(verdict.map_or("None", |(verdict, _)| verdict), found, "{size}: {reported:?}");
        }
    }
}

#[test]
fn a_gap_in_text_without_a_frame_stands_behind_it() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    talk.send(Side::Server, "PHP Warning");
    talk.lose(Side::Server, " of something");
    for n in [46, 47, 48] {
        talk.send(Side::Server, plain(0x81, &format!("price 60123.{n}, quantity 0.5, of the one thing")));
    }
    let reported = talk.over();
    assert_eq!(reported[1..3], ["Server TextInStream \"PHP Warning\" at 0", "Server gap at 11"]);
    assert_eq!(reported.iter().filter(|line| line.contains("price")).count(), 3, "{reported:?}");
}

#[test]
fn a_stream_joined_in_the_middle_of_a_long_message_is_found_when_it_is_over() {
    let mut talk = Talk::join();
    for n in 0..100_u32 {
        let noise: Vec<u8> =
            (0..1448_u32).map(|k| ((n * 1448 + k).wrapping_mul(0x9e37_79b1) >> 13) as u8).collect();
        talk.send(Side::Server, noise);
    }
    for n in 0..6 {
        talk.send(Side::Server, plain(0x81, &format!("price 60123.4{n}, quantity 0.5, of the one thing")));
        talk.send(Side::Client, masked(0x81, &format!("seen number {n}, and thank you for it")));
    }
    let reported = talk.over();
    assert_eq!(
        reported.iter().filter(|line| line.starts_with("Server text \"price")).count(),
        6,
        "{reported:?}"
    );
    assert_eq!(
        reported.iter().filter(|line| line.starts_with("Client text \"seen")).count(),
        6,
        "{reported:?}"
    );
}

#[test]
fn a_conversation_that_is_over_does_not_begin_again() {
    let mut talk = Talk::join();
    let text = |n| plain(0x81, &format!("price 60123.4{n}, quantity 0.5, of the one thing"));
    for n in 0..6 {
        talk.send(Side::Server, text(n));
    }
    for side in Side::BOTH {
        talk.segment(side, Flags::FIN.with(Flags::ACK), &[]);
        talk.next[usize::from(side == Side::Server)] += 1;
    }
    for n in 0..6 {
        talk.send(Side::Server, text(n));
    }
    assert_eq!(talk.over().iter().filter(|line| line.starts_with("Server")).count(), 6);
}

#[test]
fn other_bytes_sent_again_in_place_of_those_handed_on_are_reported() {
    let mut talk = Talk::begin();
    let request = format!("{REQUEST}\r\n");
    talk.send(Side::Client, &request);
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    let hello = masked(0x81, "hello");
    let before = talk.next;
    talk.send(Side::Client, &hello);
    let after = std::mem::replace(&mut talk.next, before);
    talk.segment(Side::Client, Flags::ACK, &hello);
    talk.segment(Side::Client, Flags::ACK, &masked(0x81, "HELLo"));
    talk.next = after;
    talk.next[0] -= 1;
    talk.segment(Side::Client, Flags::ACK, &[0]);
    talk.next = after;
    talk.send(Side::Client, masked(0x81, "bye"));
    let offset = request.len() + 6;
    assert_eq!(
        talk.over(),
        [
            "open".to_owned(),
            "Client text \"hello\" from packet 6".to_owned(),
            format!("Client differs {offset} 4"),
            "Client text \"bye\" from packet 10".to_owned()
        ]
    );
}

#[test]
fn what_was_wrong_before_frames_were_found_is_told_of_who_sent_it() {
    // The server is seen first, and presumed to be the client until its frames are found.
    let mut talk = Talk::join();
    let text = |n| plain(0x81, &format!("price 60123.4{n}, quantity 0.5, of the one thing"));
    let before = talk.next;
    talk.send(Side::Server, text(0));
    talk.next = before;
    talk.send(Side::Server, text(1));
    for n in 2..6 {
        talk.send(Side::Server, text(n));
    }
    let reported = talk.over();
    assert_eq!(
        reported[..2],
        ["joined late", "Server text \"price 60123.40, quantity 0.5, of the one thing\" from packet 1"]
    );
    let differs: Vec<_> = reported.iter().filter(|line| line.contains("differs")).collect();
    assert_eq!(differs, ["Server differs 15 1"]);
}
