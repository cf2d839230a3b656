mod handshakes;
mod lost;

use super::*;
use crate::http::{Accept, BodyPart, Wanted};
use proptest::prelude::*;

const REQUEST: &str = "GET /chat?x=1 HTTP/1.1\r\nHost: server.example.com:9001\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Version: 13\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
const MASKED: &[u8] = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
const PLAIN: &[u8] = b"\x81\x05Hello";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A step performed on a tracker.
#[derive(Clone, Debug)]
enum Do<'a> {
    C(&'a [u8]),
    S(&'a [u8]),
    Gap(Side, u64),
    End(Side),
}
use Do::{C, End, Gap, S};

/// Performs all steps in order; returns all outputs, and for each push the number of bytes consumed.
fn run(steps: &[Do<'_>]) -> (HttpTracker, Vec<Output>, Vec<usize>) {
    run_in(HttpTracker::new(Limits::default()), steps)
}

fn run_in(mut machine: HttpTracker, steps: &[Do<'_>]) -> (HttpTracker, Vec<Output>, Vec<usize>) {
    let (mut outputs, mut used) = (Vec::new(), Vec::new());
    for step in steps {
        match *step {
            C(bytes) => used.push(machine.push(Side::Client, bytes)),
            S(bytes) => used.push(machine.push(Side::Server, bytes)),
            Gap(side, length) => machine.gap(side, Lost::Exact(length)),
            End(side) => machine.end(side),
        }
        outputs.extend(std::iter::from_fn(|| machine.next()));
    }
    (machine, outputs, used)
}

fn c(text: &str) -> Do<'_> {
    C(text.as_bytes())
}

fn s(text: &str) -> Do<'_> {
    S(text.as_bytes())
}

/// Describes the outputs in order: anomalies by code, the others by type.
fn names(outputs: &[Output]) -> Vec<String> {
    outputs
        .iter()
        .map(|output| match output {
            Output::NotHttp => "not-http".to_owned(),
            Output::Tunnel => "tunnel".to_owned(),
            Output::Upgraded(_) => "upgraded".to_owned(),
            Output::Http2 => "http2".to_owned(),
            Output::Refused(_) => "refused".to_owned(),
            Output::Unanswered(_) => "unanswered".to_owned(),
            Output::Found(carrier) => format!("found {carrier:?}"),
            Output::Body { side, part } => match part {
                BodyPart::Begins(exchange) => format!("{} begins {:?}", side.name(), exchange.heads.url),
                BodyPart::Bytes(bytes, _) => format!("{} {}", side.name(), bytes.escape_ascii()),
                BodyPart::Gap(lost) => format!("{} {lost:?}", side.name()),
                BodyPart::Ends { whole } => format!("{} ends {whole}", side.name()),
            },
            Output::Anomaly { side, anomaly } => format!("{} {}", side.name(), anomaly.code()),
        })
        .collect()
}

fn reported(steps: &[Do<'_>]) -> Vec<String> {
    names(&run(steps).1)
}

fn handshake(outputs: &[Output]) -> &Handshake {
    outputs
        .iter()
        .find_map(|output| match output {
            Output::Upgraded(found) | Output::Refused(found) | Output::Unanswered(found) => Some(&**found),
            _ => None,
        })
        .unwrap()
}

// Refusals.

#[test]
fn a_refusal_and_then_another_attempt() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";
    let (_, outputs, _) = run(&[c(REQUEST), s(refusal), c(REQUEST), s(RESPONSE)]);
    assert_eq!(names(&outputs), ["refused", "upgraded"]);
    assert_eq!(handshake(&outputs).response.as_ref().unwrap().status, 401);
    assert_eq!(handshake(&outputs).deflate, None);
}

#[test]
fn a_request_sent_on_while_the_upgrade_waits_is_read_after_the_refusal() {
    let both = format!("{REQUEST}GET /next HTTP/1.1\r\n\r\n{REQUEST}");
    let answers = format!("{OK}{OK}");
    assert_eq!(reported(&[c(&both), s(&answers), s(RESPONSE)]), ["refused", "upgraded"]);
}

#[test]
fn a_426_has_to_name_versions() {
    let with = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8\r\nContent-Length: 0\r\n\r\n";
    let without = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(reported(&[c(REQUEST), s(with)]), ["refused"]);
    assert_eq!(reported(&[c(REQUEST), s(without)]), ["server refused-without-version", "refused"]);
}

#[test]
fn a_redirection_and_an_ordinary_answer_are_refusals() {
    let redirection = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(reported(&[c(REQUEST), s(redirection)]), ["refused"]);
    assert_eq!(reported(&[c(REQUEST), s(OK)]), ["refused"]);
}

#[test]
fn an_answer_to_the_key_of_an_earlier_request_is_recognised() {
    let again = REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "Zx8rNEkBE4xnwifpuh8DHQ==");
    let (_, outputs, _) = run(&[c(REQUEST), s(OK), c(&again), s(RESPONSE)]);
    assert_eq!(names(&outputs), ["refused", "server accept-mismatch", "upgraded"]);
    let Output::Anomaly { anomaly: Anomaly::AcceptMismatch { cause, .. }, .. } = &outputs[1] else {
        panic!()
    };
    assert_eq!(cause.as_deref(), Some("it answers the key of an earlier request"));
}

#[test]
fn an_upgrade_never_answered() {
    assert_eq!(reported(&[c(REQUEST), End(Side::Client)]), [""; 0]);
    assert_eq!(reported(&[c(REQUEST), End(Side::Client), End(Side::Server)]), ["unanswered"]);
    assert_eq!(reported(&[c(REQUEST), s("HTTP/1.1 40"), End(Side::Server)]), ["unanswered"]);
    assert_eq!(reported(&[End(Side::Server), c(REQUEST)]), ["unanswered"]);
}

#[test]
fn an_upgrade_answered_by_something_that_is_not_http() {
    assert_eq!(reported(&[c(REQUEST), s("SSH-2.0-x\r\n")]), ["unanswered", "not-http"]);
}

#[test]
fn a_101_to_another_protocol() {
    let request = REQUEST.replace("Upgrade: websocket", "Upgrade: h2c, websocket");
    let response = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let found = reported(&[c(&request), s(response), s("PRI")]);
    assert_eq!(found[found.len() - 2..], ["refused", "not-http"]);
    assert!(!found.contains(&"upgraded".to_owned()));
}

#[test]
fn a_101_that_nobody_asked_for_is_no_upgrade() {
    assert_eq!(reported(&[c("GET / HTTP/1.1\r\n\r\n"), s(RESPONSE)]), ["not-http"]);
}

// Ordinary exchanges before the upgrade.

#[test]
fn exchanges_of_every_kind_come_first() {
    let steps = [
        c("GET /1 HTTP/1.1\r\n\r\n"),
        s(OK),
        c("\r\nPOST /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
        s("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 BufferedBytes Hints\r\nLink: x\r\n\r\n"),
        s("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n"),
        c("PUT /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
        s("HTTP/1.1 204 No Content\r\n\r\n"),
        c("HEAD /4 HTTP/1.1\r\n\r\n"),
        s("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        c("GET /5 HTTP/1.1\r\n\r\n"),
        s("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"),
        c(REQUEST),
        s(RESPONSE),
    ];
    let (machine, outputs, _) = run(&steps);
    assert_eq!(names(&outputs), ["upgraded"]);
    assert_eq!(machine.take_early_allocated(), 0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let requests = format!("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n{REQUEST}");
    let answers = format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{OK}{RESPONSE}");
    assert_eq!(reported(&[c(&requests), s(&answers)]), ["upgraded"]);
}

#[test]
fn an_upgrade_request_with_a_body() {
    let request = REQUEST.replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(reported(&[c(&request), s(RESPONSE)]), ["upgraded"]);
}

#[test]
fn a_body_up_to_the_end_hides_what_looks_like_an_answer() {
    let found =
        reported(&[c("GET / HTTP/1.0\r\n\r\n"), s("HTTP/1.0 200 OK\r\n\r\n"), c(REQUEST), s(RESPONSE)]);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_body_is_never_read_as_a_head() {
    let body = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{RESPONSE}", RESPONSE.len());
    assert_eq!(reported(&[c("GET / HTTP/1.1\r\n\r\n"), s(&body)]), [""; 0]);
}

#[test]
fn a_tunnel_through_a_proxy() {
    let connect = "CONNECT h.example:8080 HTTP/1.1\r\nHost: h.example:8080\r\n\r\n";
    let granted = "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\nmore";
    let (mut machine, outputs, used) = run(&[c(connect), c("early"), s(granted)]);
    assert_eq!(names(&outputs), ["tunnel"]);
    assert_eq!(used, [connect.len(), 5, granted.len() - 4]);
    assert_eq!(machine.take_early(Side::Client), [BufferedBytes::Bytes(b"early".to_vec(), At::default())]);

    let request = REQUEST.replace("Host: server.example.com:9001\r\n", "");
    let inside = HttpTracker::new(Limits::default()).with_authority(machine.take_authority());
    let (_, outputs, _) = run_in(inside, &[c(&request), s(RESPONSE)]);
    assert_eq!(handshake(&outputs).url.as_deref(), Some("ws://h.example:8080/chat?x=1"));
}

#[test]
fn a_tunnel_refused() {
    let connect = "CONNECT h:1 HTTP/1.1\r\n\r\n";
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(reported(&[c(connect), s(refused), c(connect), s("HTTP/1.1 200 OK\r\n\r\n")]), ["tunnel"]);
}

// Other protocols.

#[test]
fn other_protocols_are_known_from_their_first_bytes() {
    for bytes in [
        &b"\x16"[..],
        b"SSH-2",
        b"PRI * HTTP/2.0",
        b"\x00",
        b"EHLO x\r\n",
        b"{\"a\":1}",
        b"GET / SIP/2.0\r\n",
    ] {
        assert_eq!(reported(&[C(bytes)]), ["not-http"], "{bytes:?}");
    }
    for bytes in [&b"\x16"[..], b"SSH-", b"220 x", b"HTTP/2", b"HTTP/1.1 x\r\n", b"GET / HTTP/1.1\r\n"] {
        assert_eq!(reported(&[S(bytes)]), ["not-http"], "{bytes:?}");
    }
}

#[test]
fn a_head_that_never_ends() {
    let mut machine = HttpTracker::new(Limits::default());
    let (mut most, mut used) = (0, 0);
    machine.push(Side::Client, b"GET / HTTP/1.1\r\n");
    for _ in 0..100_000 {
        used += machine.push(Side::Client, b"X: y\r\n");
        most = most.max(machine.allocated());
    }
    assert!(used <= 65_537 && most < 160 << 10, "{used} {most}");
    let outputs: Vec<_> = std::iter::from_fn(|| machine.next()).collect();
    assert_eq!(names(&outputs), ["client limit-reached", "not-http"]);
    assert!(machine.allocated() < 1024);
}

#[test]
fn a_head_of_just_the_limit() {
    let head = |more: usize| {
        let length = Limits::default().head - REQUEST.len() - 5 + more;
        REQUEST.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "y".repeat(length)))
    };
    assert_eq!(head(0).len(), Limits::default().head);
    assert_eq!(reported(&[c(&head(0)), s(RESPONSE)]), ["upgraded"]);
    assert_eq!(reported(&[c(&head(1)), s(RESPONSE)]), ["client limit-reached", "not-http"]);
}

// Bounds.

impl HttpTracker {
    fn take_early_allocated(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.held.client.allocated() + rare.held.server.allocated())
    }
}

#[test]
fn a_connection_at_rest_is_small() {
    let machine = HttpTracker::new(Limits::default());
    assert!(size_of::<HttpTracker>() <= 216, "{}", size_of::<HttpTracker>());
    assert_eq!(machine.allocated(), 0);
}

#[test]
fn ordinary_exchanges_leave_nothing_behind() {
    let mut machine = HttpTracker::new(Limits::default());
    for _ in 0..1000 {
        machine.push(Side::Client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        machine.push(Side::Server, OK.as_bytes());
        assert_eq!(machine.allocated(), 0);
    }
}

#[test]
fn a_hundred_thousand_upgrading_connections_fit_in_128_mib() {
    let cookie = REQUEST.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "c".repeat(400)));
    let (machine, _, _) = run(&[c(&cookie)]);
    assert!((machine.allocated() + size_of::<HttpTracker>()) * 100_000 < 128 << 20);
    let (machine, _, _) = run(&[c(&cookie[..200])]);
    assert!((machine.allocated() + size_of::<HttpTracker>()) * 100_000 < 128 << 20);
}

#[test]
fn a_long_head_in_single_bytes() {
    let head = REQUEST.replace("/chat", &format!("/{}", "x".repeat(60_000)));
    let mut machine = HttpTracker::new(Limits::default());
    let used = head.as_bytes().iter().map(|byte| machine.push(Side::Client, std::slice::from_ref(byte)));
    assert_eq!(used.sum::<usize>(), head.len());
    machine.push(Side::Server, RESPONSE.as_bytes());
    let Some(Output::Upgraded(found)) = machine.next() else { panic!() };
    assert_eq!(found.request.unwrap().target.len(), 60_005);
}

// Properties.

/// Generates dialogues whose outputs must not depend on how they are split.
fn dialogue() -> impl Strategy<Value = Vec<(Side, Vec<u8>)>> {
    let client = |text: &str| (Side::Client, text.as_bytes().to_vec());
    let server = |text: &str| (Side::Server, text.as_bytes().to_vec());
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb;x=y\r\nhello\r\nworl\r\n0\r\nA: b\r\n\r\n";
    let plain = vec![client("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"), server(OK)];
    let post = vec![client("POST /2 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"), server(chunked)];
    let head = vec![client("HEAD /3 HTTP/1.1\nHost: h\n\n"), server("HTTP/1.1 200\nContent-Length: 9\n\n")];
    let refused = vec![client(REQUEST), server("HTTP/1.1 426 x\r\nContent-Length: 0\r\n\r\n")];
    let pipelined = vec![client(&format!("{REQUEST}GET / HTTP/1.1\r\n\r\n")), server(OK), server(OK)];
    let upgraded = vec![client(REQUEST), server(RESPONSE)];
    let folded = vec![client(REQUEST), server("HTTP/1.1 101 x\r\n Upgrade: WebSocket\r\n\r\n")];
    let other = vec![client("EHLO example.org\r\nMAIL\r\n")];
    let broken = vec![client("GET / HTTP/1.1\r\n\r\n"), server("HTTP/1.1 20\r\nA: b\r\n\r\n")];
    let ordinary = prop::sample::select(vec![plain, post, head, refused, pipelined]);
    let last = prop::sample::select(vec![upgraded, folded, other, broken]);
    (prop::collection::vec(ordinary, 0..4), last)
        .prop_map(|(all, last)| all.into_iter().chain([last]).flatten().collect())
}

proptest! {
    #[test]
    fn any_cut_of_a_dialogue_gives_the_same_outputs(
        dialogue in dialogue(), cuts in prop::collection::vec(1_usize..60, 1..8)
    ) {
        let whole: Vec<_> = dialogue.iter().map(|(side, bytes)| match side {
            Side::Client => C(bytes),
            Side::Server => S(bytes),
        }).collect();
        let (_, expected, used_whole) = run(&whole);
        let (mut pieces, mut cut) = (Vec::new(), cuts.iter().cycle());
        for (side, bytes) in &dialogue {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((*cut.next().unwrap()).min(rest.len()));
                pieces.push(if *side == Side::Client { C(piece) } else { S(piece) });
                rest = more;
            }
        }
        let (_, found, used) = run(&pieces);
        prop_assert_eq!(&found, &expected);
        if !found.contains(&Output::NotHttp) {
            prop_assert_eq!(used.iter().sum::<usize>(), used_whole.iter().sum::<usize>());
        }
    }

    #[test]
    fn random_bytes_never_panic_and_stay_within_bounds(
        steps in prop::collection::vec((any::<bool>(), 0_u8..8, prop::collection::vec(any::<u8>(), 0..40)), 0..40)
    ) {
        let mut machine = HttpTracker::new(Limits { head: 512, early: 256, ..Limits::default() });
        for (client, kind, bytes) in steps {
            let side = if client { Side::Client } else { Side::Server };
            match kind {
                0 => machine.gap(side, Lost::Exact(bytes.len() as u64)),
                1 => machine.end(side),
                2 => { machine.push(side, &REQUEST.as_bytes()[..200]); }
                3 => { machine.push(side, &REQUEST.as_bytes()[200..]); }
                4 => { machine.push(side, RESPONSE.as_bytes()); }
                5 => { machine.push(side, OK.as_bytes()); }
                _ => { prop_assert!(machine.push(side, &bytes) <= bytes.len()); }
            }
            while machine.next().is_some() {}
            prop_assert!(machine.allocated() < 8 << 10, "{}", machine.allocated());
        }
    }

    #[test]
    fn nothing_is_held_back_but_by_a_pending_output(bytes: Vec<u8>, client: bool) {
        let mut machine = HttpTracker::new(Limits::default());
        let side = if client { Side::Client } else { Side::Server };
        let used = machine.push(side, &bytes);
        prop_assert!(used == bytes.len() || machine.next().is_some());
    }
}

// Bodies that carry messages.

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
const POLL: &str = "GET /x/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n";

fn delivered(steps: &[Do<'_>]) -> Vec<String> {
    let wanted = Wanted { sse: true, polling: true };
    names(&run_in(HttpTracker::new(Limits { wanted, ..Limits::default() }), steps).1)
}

#[test]
fn bodies_are_delivered_where_they_are_wanted() {
    let get = "GET /events HTTP/1.1\r\nHost: h:1\r\n\r\n";
    let chunks = "5\r\ndata:\r\n2\r\n\n\n\r\n0\r\n\r\n";
    let steps = [c(get), s(EVENTS), s(chunks), c(get), s(OK)];
    let expected = [
        "found Sse",
        r#"server begins Some("http://h:1/events")"#,
        "server data:",
        r"server \n\n",
        "server ends true",
    ];
    assert_eq!(delivered(&steps), expected);
    assert_eq!(reported(&steps), ["found Sse"]);
}

#[test]
fn long_polling_is_delivered_of_both_sides() {
    let post = "POST /x/?EIO=4&transport=polling&sid=a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n40";
    let acknowledged = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let steps = [
        c(POLL),
        s(acknowledged),
        c(post),
        s(acknowledged),
        c(POLL),
        s(&OK[..OK.len() - 5]),
        Gap(Side::Server, 5),
    ];
    let expected = [
        "found Polling",
        r#"server begins Some("http://h/x/?EIO=4&transport=polling")"#,
        "server ok",
        "server ends true",
        "found Polling",
        r#"client begins Some("http://h/x/?EIO=4&transport=polling&sid=a")"#,
        "client 40",
        "client ends true",
        "found Polling",
        r#"server begins Some("http://h/x/?EIO=4&transport=polling")"#,
        "server Exact(5)",
        "server ends true",
    ];
    assert_eq!(delivered(&steps), expected);
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(delivered(&[c(POLL), s(refused)]), ["found Polling"]);
}

#[test]
fn a_stream_goes_on_behind_lost_chunks() {
    let steps = [
        c("GET / HTTP/1.1\r\n\r\n"),
        s(EVENTS),
        s("3\r\nab"),
        Gap(Side::Server, 20),
        s("rest of it"),
        s("4\r\nnext\r\n"),
        End(Side::Server),
    ];
    let expected =
        ["found Sse", "server begins None", "server ab", "server Unknown { least: 0 }", "server next"];
    assert_eq!(delivered(&steps)[..5], expected);
    assert_eq!(delivered(&steps)[5..], ["server ends false"]);
}
