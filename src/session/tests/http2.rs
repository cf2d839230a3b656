//! WebSockets on the streams of HTTP/2 connections (RFC 8441).

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    [&[0, length[0], length[1], kind, flags, 0, 0, 0, stream], payload].concat()
}

fn data(stream: u8, payload: &[u8]) -> Vec<u8> {
    frame(0, 0, stream, payload)
}

/// Returns a HEADERS frame with literals that are not indexed.
fn headers(flags: u8, stream: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.extend([0, name.len() as u8]);
        block.extend(name.as_bytes());
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    }
    frame(1, 4 | flags, stream, &block)
}

fn request(stream: u8) -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat"),
        (":authority", "a"),
        ("sec-websocket-version", "13"),
    ];
    headers(0, stream, &fields)
}

fn accepted(stream: u8) -> Vec<u8> {
    headers(0, stream, &[(":status", "200")])
}

/// Returns the server's settings, which enable extended CONNECT.
fn settings() -> Vec<u8> {
    frame(4, 0, 0, &[0, 8, 0, 0, 0, 1])
}

impl Talk {
    /// Starts with the settings of both sides.
    fn http2() -> Self {
        let mut talk = Talk::begin();
        talk.send(Side::Client, [PREFACE, &frame(4, 0, 0, &[])].concat());
        talk.send(Side::Server, settings());
        talk
    }

    fn open(&mut self, stream: u8) {
        self.send(Side::Client, request(stream));
        self.send(Side::Server, accepted(stream));
    }
}

#[test]
fn two_sockets_on_one_connection() {
    let mut talk = Talk::http2();
    talk.open(1);
    talk.open(3);
    let hello = masked(0x81, "hello");
    talk.send(
        Side::Client,
        [data(1, &hello[..3]), data(3, &masked(0x81, "three")), data(1, &hello[3..])].concat(),
    );
    talk.send(Side::Server, data(3, &plain(0x82, "back")));
    talk.send(Side::Client, frame(0, 1, 1, &masked(0x88, "\u{3}\u{e8}")));
    talk.send(Side::Server, frame(0, 1, 1, &plain(0x88, "\u{3}")));
    talk.send(Side::Server, frame(3, 0, 3, &[0, 0, 0, 8]));
    let expected = [
        "1: open",
        "3: open",
        "3: Client text \"three\" from packet 10",
        "1: Client text \"hello\" from packet 10",
        "3: Server binary \"back\" from packet 11",
    ];
    let reported = talk.over();
    assert_eq!(reported[..5], expected);
    assert!(
        reported.contains(&"3: h2-no-close".to_owned())
            && reported.contains(&"3: closed Some(1006)".to_owned())
    );
    assert!(!reported.contains(&"1: h2-no-close".to_owned()), "{reported:?}");
}

#[test]
fn the_server_may_speak_first_and_refuse() {
    let mut talk = Talk::begin();
    talk.send(Side::Server, settings());
    talk.send(Side::Client, [PREFACE, &frame(4, 0, 0, &[]), &request(1), &request(3)].concat());
    talk.send(Side::Server, headers(0, 1, &[(":status", "403"), ("content-length", "2")]));
    talk.send(Side::Server, [frame(0, 1, 1, b"no"), frame(3, 0, 3, &[0, 0, 0, 7])].concat());
    assert_eq!(talk.over(), ["1: rejected: status 403", "3: rejected: no answer before TCP ended"]);
}

/// A sink that records whether connections without messages may contain a WebSocket.
#[derive(Default)]
struct MayBe(Vec<bool>);

impl Sink for MayBe {
    fn event(&mut self, event: &Event<'_>) {
        if let Kind::Unshown(unshown) = &event.kind {
            self.0.push(unshown.may_be_websocket());
        }
    }
}

#[test]
fn what_was_read_from_its_preface_on_contains_no_websocket_that_is_not_shown() {
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    for (is_lost, may_be) in [(false, false), (true, true)] {
        let mut talk = Talk::<MayBe>::begin();
        talk.send(Side::Client, [PREFACE, &frame(4, 0, 0, &[])].concat());
        talk.send(Side::Server, settings());
        let ping = frame(6, 0, 0, b"12345678");
        if is_lost {
            talk.lose(Side::Client, &ping);
        } else {
            talk.send(Side::Client, &ping);
        }
        talk.send(Side::Client, headers(1, 1, &get));
        talk.send(Side::Server, headers(1, 1, &[(":status", "200")]));
        assert_eq!(talk.end().0, [may_be], "{is_lost}");
    }
}

#[test]
fn other_protocols_and_requests_are_silent() {
    let mut talk = Talk::http2();
    talk.send(
        Side::Client,
        headers(1, 1, &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]),
    );
    talk.send(Side::Server, [accepted(1), frame(0, 1, 1, &plain(0x81, "body"))].concat());
    let connect = [(":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "http"), (":path", "/")];
    talk.send(Side::Client, headers(0, 3, &connect));
    talk.send(Side::Server, accepted(3));
    talk.send(Side::Client, data(3, &masked(0x81, "hello")));
    assert_eq!(talk.over(), [""; 0]);
}

#[test]
fn what_the_client_sends_before_the_answer_waits_for_it() {
    let mut talk = Talk::http2();
    talk.send(Side::Client, [request(1), data(1, &masked(0x81, "early"))].concat());
    talk.send(Side::Server, accepted(1));
    assert_eq!(talk.over()[..2], ["1: open", "1: Client text \"early\" from packet 6"]);
}

#[test]
fn a_gap_inside_data_costs_what_was_lost() {
    let mut talk = Talk::http2();
    talk.open(1);
    let long = "0123456789".repeat(10);
    let bytes = data(1, &plain(0x81, &long));
    talk.send(Side::Server, &bytes[..50]);
    talk.lose(Side::Server, &bytes[50..60]);
    talk.send(Side::Server, &bytes[60..]);
    talk.send(Side::Server, data(1, &plain(0x81, "next")));
    let reported = talk.over();
    let part = format!("{}{}", &long[..39], &long[49..]);
    assert!(reported.contains(&format!("1: Server text {part:?} incomplete from packet 8")), "{reported:?}");
    assert!(reported.contains(&"1: Server text \"next\" from packet 10".to_owned()), "{reported:?}");
}

/// "Hello", compressed, and again with the first one as history (RFC 7692 §7.2.3).
const HELLO: [&[u8]; 2] = [&[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 7, 0], &[0xc1, 5, 0xf2, 0, 0x11, 0, 0]];

/// Loses a server frame with a payload of `lost` bytes, between two messages of which the second refers to the first.
fn compressed_around(lost: usize) -> Vec<String> {
    let mut talk = Talk::http2();
    let offer = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat"),
        (":authority", "a"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-extensions", "permessage-deflate"),
    ];
    talk.send(Side::Client, headers(0, 1, &offer));
    let answer = [(":status", "200"), ("sec-websocket-extensions", "permessage-deflate")];
    talk.send(Side::Server, headers(0, 1, &answer));
    talk.send(Side::Server, data(1, HELLO[0]));
    talk.lose(Side::Server, frame(8, 0, 0, &vec![0; lost]));
    talk.send(Side::Server, data(1, HELLO[1]));
    talk.send(Side::Server, data(1, &plain(0x89, "ping")));
    talk.over()
}

#[test]
fn a_gap_too_small_for_a_compressed_message_leaves_the_history_known() {
    let whole = "1: Server text \"Hello\" from packet 10".to_owned();
    assert!(compressed_around(4).contains(&whole), "{:?}", compressed_around(4));
    for lost in [5, 100] {
        let reported = compressed_around(lost);
        let known = reported.iter().filter(|line| line.contains("\"Hello\"")).count();
        assert!(
            known == 1 && reported.contains(&"1: deflate-history-lost".to_owned()),
            "{lost}: {reported:?}"
        );
    }
}

/// Loses some of the first stream's bytes, or a frame of the second's, in the middle of a frame of the first.
fn long_around(payload: &[u8], lost: impl FnOnce(&mut Talk, &[u8]) -> usize) -> Vec<String> {
    let mut talk = Talk::http2();
    talk.open(1);
    talk.open(3);
    let length = (payload.len() as u16).to_be_bytes();
    let long = [&[0x81, 126, length[0], length[1]], payload].concat();
    talk.send(Side::Server, data(1, &long[..204]));
    let from = lost(&mut talk, &long);
    talk.send(Side::Server, data(1, &long[from..400]));
    talk.send(Side::Server, data(3, &plain(0x81, "other")));
    talk.send(Side::Server, data(1, &long[400..]));
    for n in 0..3 {
        talk.send(Side::Server, data(1, &plain(0x81, &format!("message number {n}"))));
        talk.send(Side::Server, data(3, &plain(0x81, &format!("other number {n}"))));
    }
    talk.over()
}

fn lose_of_the_other(talk: &mut Talk, _: &[u8]) -> usize {
    talk.lose(Side::Server, data(3, &plain(0x81, "lost")));
    204
}

#[test]
fn a_frame_under_way_goes_on_where_another_stream_lost_its_frame() {
    let text = "0123456789".repeat(60);
    let reported = long_around(text.as_bytes(), lose_of_the_other);
    assert!(reported.contains(&format!("1: Server text {text:?} from packet 10")), "{reported:?}");
    assert!(reported.iter().any(|line| line.contains("message number 0")), "{reported:?}");
}

#[test]
fn of_a_frame_under_way_what_is_missing_is_reported_exactly() {
    let text = "0123456789".repeat(60);
    let reported = long_around(text.as_bytes(), |talk, long| {
        talk.lose(Side::Server, data(1, &long[204..234]));
        234
    });
    let known = [&text[..200], &text[230..]].concat();
    assert!(
        reported.contains(&format!("1: Server text {known:?} incomplete from packet 10")),
        "{reported:?}"
    );
    assert!(reported.iter().any(|line| line.contains("message number 0")), "{reported:?}");
}

#[test]
fn frames_in_the_payload_of_a_frame_under_way_are_no_messages() {
    let inside: Vec<u8> = (10..40).flat_map(|n| plain(0x81, &format!("message number {n} within"))).collect();
    let reported = long_around(&inside, lose_of_the_other);
    let within =
        reported.iter().filter(|line| line.contains("text \"message number") && line.contains("within\""));
    assert!(within.count() <= 1, "{reported:?}");
    assert!(reported.iter().any(|line| line.contains("message number 0")), "{reported:?}");
}

/// A frame whose payload contains frames follows one that is partly lost: the end of the first one is unknown, and the
/// header of the second may be part of its payload.
#[test]
fn a_frame_that_holds_frames_is_no_payload_of_the_one_before() {
    let long = |first: u8, payload: &[u8]| {
        let length = (payload.len() as u16).to_be_bytes();
        [&[first, 126, length[0], length[1]], payload].concat()
    };
    let words: [&[usize]; 3] = [
        &[10, 12, 9, 7, 14, 11, 17],
        &[3, 10, 13, 18, 12, 16, 15, 3, 8, 14, 15, 15, 6, 18, 11, 7, 7, 7, 15, 7, 16, 8, 16, 14, 10],
        &[6, 10, 16, 18, 11, 13, 17, 14, 8, 6, 4, 18, 6, 13, 4, 5, 8, 9, 9, 3, 16, 17, 15, 7, 3, 7, 14, 7, 6],
    ];
    for (n, (length, begin, lost)) in
        [(13_513, 368, 4873), (6697, 401, 4006), (18_151, 453, 4410)].into_iter().enumerate()
    {
        let mut talk = Talk::http2();
        talk.open(1);
        let mut send = |bytes: &[u8]| bytes.chunks(1300).for_each(|it| talk.send(Side::Server, data(1, it)));
        let text = long(0x81, "L".repeat(length).as_bytes());
        send(&plain(0x81, "first"));
        send(&text[..begin]);
        talk.lose(Side::Server, data(1, &text[begin..begin + lost]));
        let mut send = |bytes: &[u8]| bytes.chunks(1300).for_each(|it| talk.send(Side::Server, data(1, it)));
        send(&text[begin + lost..]);
        let inner = words[n].iter().enumerate();
        let inner =
            inner.flat_map(|(n, times)| plain(0x81, &format!("inner {n}: {}", "words ".repeat(*times))));
        send(&[long(0x82, &inner.collect::<Vec<_>>()), plain(0x81, "behind")].concat());
        (0..8).for_each(|n| send(&plain(0x81, &format!("later {n}"))));
        for line in talk.over() {
            let mixed =
                line.contains("LLL") && ["inner", "behind", "later"].iter().any(|it| line.contains(it));
            assert!(!mixed && !line.contains("bad-utf8"), "{n}: {line}");
        }
    }
}

#[test]
fn frames_of_no_payload_are_missed_by_no_stream() {
    let mut talk = Talk::http2();
    talk.open(1);
    talk.send(Side::Server, data(1, &plain(0x81, "one")));
    talk.lose(Side::Server, frame(4, 1, 0, &[]));
    talk.send(Side::Server, data(1, &plain(0x81, "two")));
    talk.send(Side::Server, data(1, &plain(0x81, "three")));
    let reported = talk.over();
    assert!(reported.contains(&"1: Server text \"two\" from packet 10".to_owned()), "{reported:?}");
    assert!(!reported.contains(&"1: gap".to_owned()), "{reported:?}");
}

#[test]
fn an_upgrade_on_http_1_leads_to_frames() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
    talk.send(Side::Server, [&answer[..], &settings(), &headers(1, 1, &[(":status", "200")])].concat());
    talk.send(Side::Client, [PREFACE, &frame(4, 0, 0, &[])].concat());
    talk.open(3);
    talk.send(Side::Client, data(3, &masked(0x81, "hello")));
    assert_eq!(talk.over()[..2], ["3: open", "3: Client text \"hello\" from packet 9"]);
}

#[test]
fn within_a_tunnel_of_a_proxy() {
    let mut talk = Talk::begin();
    talk.send(Side::Client, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
    talk.send(Side::Server, "HTTP/1.1 200 OK\r\n\r\n");
    talk.send(Side::Client, [PREFACE, &frame(4, 0, 0, &[])].concat());
    talk.send(Side::Server, settings());
    talk.open(1);
    talk.send(Side::Server, data(1, &plain(0x81, "hello")));
    assert_eq!(talk.over()[..2], ["1: open", "1: Server text \"hello\" from packet 10"]);
}

#[test]
fn joined_late_frames_are_found_and_the_mask_tells_the_client() {
    // The first captured packet is the server's, so the sides seem reversed.
    let mut talk = Talk::join();
    for n in 0..12 {
        talk.send(Side::Server, data(5, &plain(0x81, &format!("tick number {n}"))));
        talk.send(Side::Client, data(5, &masked(0x81, &format!("tock number {n}"))));
    }
    let reported = talk.over();
    assert_eq!(reported[0], "5: joined late");
    for side in ["tick", "tock"] {
        let from = if side == "tick" { "Server" } else { "Client" };
        let found = reported.iter().filter(|line| line.contains(side)).collect::<Vec<_>>();
        assert!(found.len() >= 11, "{reported:?}");
        assert!(found.iter().all(|line| line.starts_with(&format!("5: {from}"))), "{reported:?}");
    }
}
