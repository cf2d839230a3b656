mod floods;
mod losses;
mod script;

use super::frame::PREFACE;
use super::hpack::encoder::{Encoder, Instruction};
use super::{Connection, End, ErrorCode, Fields, Limits, Output};
use crate::model::{Lost, Side};

/// Builds a frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(0, 0, stream, payload)
}

fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(4, 0, 0, &payload)
}

const WEBSOCKET: [(&str, &str); 6] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "https"),
    (":path", "/chat"),
    (":authority", "example.com"),
    ("sec-websocket-version", "13"),
];
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.com")];

/// An owned output; adjacent bytes of a stream are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Opened(u32, Vec<(String, String)>),
    Answered(u32, Vec<(String, String)>),
    Head(u32, Side),
    Data(u32, Side, Vec<u8>),
    Gap(u32, Side, Lost),
    Ended(u32, Side, End),
    Anomaly(&'static str),
    Reversed,
    NotHttp2,
}

fn texts(fields: &Fields) -> Vec<(String, String)> {
    let text =
        |part: Option<&[u8]>| part.map_or("?".into(), |part| String::from_utf8_lossy(part).into_owned());
    fields.iter().map(|field| (text(field.name), text(field.value))).collect()
}

fn seen(output: Output<'_>, all: &mut Vec<Seen>) {
    let next = match output {
        Output::Opened { stream, request } => Seen::Opened(stream, texts(&request)),
        Output::Answered { stream, response } => Seen::Answered(stream, texts(&response)),
        Output::Data { stream, side, bytes } => {
            if let Some(Seen::Data(known, from, before)) = all.last_mut()
                && (*known, *from) == (stream, side)
            {
                return before.extend(bytes);
            }
            Seen::Data(stream, side, bytes.to_vec())
        }
        Output::Head { stream, side, .. } => Seen::Head(stream, side),
        Output::DataGap { stream, side, lost } => Seen::Gap(stream, side, lost),
        Output::Ended { stream, side, how } => Seen::Ended(stream, side, how),
        Output::Anomaly { anomaly, .. } => Seen::Anomaly(anomaly.code()),
        Output::Reversed => Seen::Reversed,
        Output::NotHttp2 => Seen::NotHttp2,
    };
    all.push(next);
}

fn push(connection: &mut Connection, side: Side, bytes: &[u8]) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut delivery = connection.push(side, bytes);
    while let Some(output) = delivery.next() {
        seen(output, &mut all);
    }
    all
}

fn gap(connection: &mut Connection, side: Side, lost: Lost) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut delivery = connection.gap(side, lost);
    while let Some(output) = delivery.next() {
        seen(output, &mut all);
    }
    all
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Returns a connection whose settings were exchanged, and the encoder of each side.
fn started() -> (Connection, Encoder, Encoder) {
    let mut connection = Connection::new(Limits::default());
    assert_eq!(push(&mut connection, Side::Client, &[PREFACE, &settings(&[(2, 0)])].concat()), []);
    assert_eq!(push(&mut connection, Side::Server, &settings(&[(3, 100), (8, 1)])), []);
    (connection, Encoder::default(), Encoder::default())
}

/// Opens a WebSocket on a stream.
fn open(connection: &mut Connection, stream: u32, client: &mut Encoder, server: &mut Encoder) {
    let opened = push(connection, Side::Client, &frame(1, 4, stream, &client.block(&WEBSOCKET)));
    assert_eq!(opened, [Seen::Opened(stream, owned(&WEBSOCKET))]);
    let answer = [(":status", "200"), ("server", "test")];
    let answered = push(connection, Side::Server, &frame(1, 4, stream, &server.block(&answer)));
    assert_eq!(answered, [Seen::Answered(stream, owned(&answer))]);
}

#[test]
fn a_websocket_from_start_to_end() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    let seen = push(&mut connection, Side::Client, &[data(1, b"hello"), frame(0, 1, 1, b"bye")].concat());
    let ended = Seen::Ended(1, Side::Client, End::EndStream);
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"hellobye".to_vec()), ended]);
    let seen = push(&mut connection, Side::Server, &[data(1, b"answer"), frame(0, 1, 1, b"")].concat());
    let ended = Seen::Ended(1, Side::Server, End::EndStream);
    assert_eq!(seen, [Seen::Data(1, Side::Server, b"answer".to_vec()), ended]);
}

#[test]
fn ordinary_requests_report_nothing_and_keep_the_table_in_step() {
    let (mut connection, mut client, mut server) = started();
    for stream in [1, 3, 5] {
        let request = frame(1, if stream == 5 { 4 } else { 5 }, stream, &client.block(&GET));
        assert_eq!(push(&mut connection, Side::Client, &request), []);
        let response =
            frame(1, 4, stream, &server.block(&[(":status", "200"), ("content-type", "text/html")]));
        let body = [response, data(stream, &[b'x'; 5000]), frame(0, 1, stream, b"y")].concat();
        assert_eq!(push(&mut connection, Side::Server, &body), []);
    }
    assert_eq!(push(&mut connection, Side::Client, &data(5, b"body of a request")), []);
    open(&mut connection, 7, &mut client, &mut server);
}

#[test]
fn a_body_that_is_asked_for_is_delivered_and_no_other() {
    for heads in [false, true] {
        let mut connection = Connection::new(Limits { heads, ..Limits::default() });
        push(&mut connection, Side::Client, &[PREFACE, &settings(&[(2, 0)])].concat());
        push(&mut connection, Side::Server, &settings(&[(3, 100)]));
        let (mut client, mut server) = (Encoder::default(), Encoder::default());
        let mut asked = Vec::new();
        for stream in [1, 3] {
            let request = frame(1, 5, stream, &client.block(&GET));
            asked.extend(push(&mut connection, Side::Client, &request));
        }
        let requests = [Seen::Head(1, Side::Client), Seen::Head(3, Side::Client)];
        assert_eq!(asked, if heads { &requests[..] } else { &[] });
        let events = [(":status", "200"), ("content-type", "text/event-stream;charset=utf-8")];
        let answers = [
            frame(1, 4, 1, &server.block(&events)),
            data(1, b"data: one"),
            frame(1, 4, 3, &server.block(&events)),
            data(3, b"not asked for"),
            frame(0, 1, 1, b"\n\n"),
        ];
        let mut all = Vec::new();
        let answers = answers.concat();
        let mut delivery = connection.push(Side::Server, &answers);
        while let Some(output) = delivery.next() {
            let asks = matches!(output, Output::Head { stream: 1, .. });
            seen(output, &mut all);
            if asks {
                delivery.deliver(1);
            }
        }
        let expected = [
            Seen::Head(1, Side::Server),
            Seen::Data(1, Side::Server, b"data: one".to_vec()),
            Seen::Head(3, Side::Server),
            Seen::Data(1, Side::Server, b"\n\n".to_vec()),
            Seen::Ended(1, Side::Server, End::EndStream),
        ];
        assert_eq!(all, expected);
    }
}

#[test]
fn padding_priority_and_continuation() {
    let (mut connection, mut client, _) = started();
    let block = client.block(&WEBSOCKET);
    let mut headers = vec![3, 0, 0, 0, 0, 16];
    headers.extend(&block[..5]);
    headers.extend([0; 3]);
    let pieces = [
        frame(1, 0x28, 1, &headers),
        frame(9, 0, 1, b""),
        frame(9, 0, 1, &block[5..9]),
        frame(9, 4, 1, &block[9..]),
    ];
    assert_eq!(push(&mut connection, Side::Client, &pieces.concat()), [Seen::Opened(1, owned(&WEBSOCKET))]);
    let mut padded = vec![4];
    padded.extend(b"inside");
    padded.extend([0; 4]);
    let seen = push(
        &mut connection,
        Side::Client,
        &[frame(0, 8, 1, &padded), frame(0, 8, 1, &[0]), data(1, b"!")].concat(),
    );
    assert_eq!(seen, [Seen::Data(1, Side::Client, b"inside!".to_vec())]);
}

#[test]
fn a_promised_stream_keeps_the_table_in_step() {
    let (mut connection, mut client, mut server) = started();
    let mut promise = vec![0, 0, 0, 2];
    promise.extend(server.block(&[(":method", "GET"), ("x-pushed", "yes")]));
    assert_eq!(push(&mut connection, Side::Server, &frame(5, 4, 1, &promise)), []);
    let pushed =
        [frame(1, 4, 2, &server.block(&[(":status", "200"), ("x-pushed", "yes")])), data(2, b"pushed")];
    assert_eq!(push(&mut connection, Side::Server, &pushed.concat()), []);
    open(&mut connection, 3, &mut client, &mut server);
}

#[test]
fn a_refusal_is_answered_and_its_body_is_not_reported() {
    let (mut connection, mut client, mut server) = started();
    push(&mut connection, Side::Client, &frame(1, 4, 1, &client.block(&WEBSOCKET)));
    let interim = frame(1, 4, 1, &server.block(&[(":status", "103")]));
    assert_eq!(push(&mut connection, Side::Server, &interim), []);
    let refusal = [(":status", "403"), ("content-length", "6")];
    let all = [frame(1, 4, 1, &server.block(&refusal)), frame(0, 1, 1, b"go off")].concat();
    assert_eq!(push(&mut connection, Side::Server, &all), [Seen::Answered(1, owned(&refusal))]);
}

#[test]
fn a_reset_and_goaway_end_streams() {
    let (mut connection, mut client, mut server) = started();
    for stream in [1, 3, 5] {
        open(&mut connection, stream, &mut client, &mut server);
    }
    let reset = push(&mut connection, Side::Client, &frame(3, 0, 3, &[0, 0, 0, 8]));
    assert_eq!(reset, [Seen::Ended(3, Side::Client, End::Reset(Some(ErrorCode(8))))]);
    assert_eq!(push(&mut connection, Side::Server, &data(3, b"in flight")), []);
    let mut last = vec![0, 0, 0, 3, 0, 0, 0, 11];
    last.extend(b"calm down");
    let seen = push(&mut connection, Side::Server, &[frame(7, 0, 0, &last), data(1, b"still")].concat());
    let expected = [
        Seen::Anomaly("h2-goaway"),
        Seen::Ended(5, Side::Server, End::GoAway(ErrorCode(11))),
        Seen::Data(1, Side::Server, b"still".to_vec()),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_upgrade_on_http_1_leaves_stream_1_half_closed() {
    let mut connection = Connection::upgraded(Limits::default());
    let (mut client, mut server) = (Encoder::default(), Encoder::default());
    let response = frame(1, 4, 1, &server.block(&[(":status", "200")]));
    let all = [settings(&[(8, 1)]), response, frame(0, 1, 1, b"body")].concat();
    assert_eq!(push(&mut connection, Side::Server, &all), []);
    assert_eq!(push(&mut connection, Side::Client, &[PREFACE, &settings(&[])].concat()), []);
    open(&mut connection, 3, &mut client, &mut server);
}

#[test]
fn what_is_not_http_2_is_said() {
    let mut connection = Connection::new(Limits::default());
    let seen = push(&mut connection, Side::Client, b"PRI * HTTP/2.0\r\n\r\nS\n");
    assert_eq!(seen, [Seen::Anomaly("h2-preface"), Seen::NotHttp2]);
    assert_eq!(push(&mut connection, Side::Server, &settings(&[])), []);
    // Nor does it claim to be.
    let mut connection = Connection::new(Limits::default());
    assert_eq!(push(&mut connection, Side::Client, b"PRI * HTTP/1.1\r\n\r\n"), [Seen::NotHttp2]);
}

#[test]
fn broken_rules_are_named_once() {
    let block = Encoder::default().block(&WEBSOCKET);
    let longer = vec![0; 16_385];
    for (side, bytes, code) in [
        (Side::Client, frame(4, 0, 1, &[]), "h2-stream-id"),
        (Side::Client, frame(1, 5, 2, &block), "h2-stream-id"),
        (Side::Client, frame(4, 0, 0, &[0; 5]), "h2-frame-size"),
        (Side::Server, frame(6, 0, 0, &[0; 7]), "h2-frame-size"),
        (Side::Client, frame(77, 0, 1, &longer), "h2-frame-size"),
        (Side::Client, frame(9, 4, 1, &[]), "h2-continuation"),
        (Side::Client, [frame(1, 1, 1, &block), frame(6, 0, 0, &[0; 8])].concat(), "h2-continuation"),
        (Side::Client, frame(1, 0xd, 1, &[200, 1, 2]), "h2-padding"),
        (Side::Client, frame(1, 5, 1, &[0xbe]), "h2-compression"),
        (Side::Client, settings(&[(2, 2)]), "h2-setting-value"),
        (Side::Server, settings(&[(5, 16_383)]), "h2-setting-value"),
        (Side::Server, settings(&[(8, 0)]), "h2-setting-value"),
        (Side::Client, settings(&[(8, 2)]), "h2-setting-value"),
        (Side::Client, frame(8, 0, 0, &[0; 4]), "h2-window-update"),
        (Side::Client, data(1, b"x"), "h2-stream-state"),
        (Side::Client, [frame(1, 5, 1, &block), frame(0, 1, 1, b"")].concat(), "h2-stream-state"),
        (
            Side::Client,
            [frame(1, 5, 1, &block), frame(3, 0, 1, &[0; 4]), frame(1, 5, 1, &block)].concat(),
            "h2-stream-state",
        ),
    ] {
        let (mut connection, ..) = started();
        let seen = push(&mut connection, side, &bytes);
        assert_eq!(seen.first(), Some(&Seen::Anomaly(code)), "{code}: {seen:?}");
        let again = push(&mut connection, side, &bytes);
        assert!(!again.contains(&Seen::Anomaly(code)), "{code}: {again:?}");
    }
}

#[test]
fn the_first_frame_is_settings_and_connect_is_allowed_first() {
    let mut connection = Connection::new(Limits::default());
    let mut client = Encoder::default();
    let first = [PREFACE, &frame(6, 0, 0, &[0; 8])].concat();
    assert_eq!(push(&mut connection, Side::Client, &first), [Seen::Anomaly("h2-settings-first")]);
    assert_eq!(push(&mut connection, Side::Server, &frame(4, 0, 0, b"")), []);
    let seen = push(&mut connection, Side::Client, &frame(1, 4, 1, &client.block(&WEBSOCKET)));
    assert_eq!(seen, [Seen::Opened(1, owned(&WEBSOCKET)), Seen::Anomaly("h2-connect-not-enabled")]);
}

#[test]
fn whether_connect_is_allowed_is_judged_once_the_server_says_so() {
    for (settings, faults) in [(&[][..], 1), (&[0, 8, 0, 0, 0, 1], 0)] {
        let mut connection = Connection::new(Limits::default());
        let mut client = Encoder::default();
        let first = [PREFACE, &frame(4, 0, 0, b""), &frame(1, 4, 1, &client.block(&WEBSOCKET))].concat();
        assert_eq!(push(&mut connection, Side::Client, &first), [Seen::Opened(1, owned(&WEBSOCKET))]);
        let seen = push(&mut connection, Side::Server, &frame(4, 0, 0, settings));
        assert_eq!(seen, vec![Seen::Anomaly("h2-connect-not-enabled"); faults]);
    }
}

#[test]
fn more_than_the_window_allows_is_said() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    for _ in 0..4 {
        assert_eq!(push(&mut connection, Side::Server, &data(1, &[0; 16_000])).len(), 1);
    }
    let seen = push(&mut connection, Side::Server, &data(1, &[0; 16_000]));
    assert_eq!(seen[0], Seen::Anomaly("h2-flow-control"));
}

#[test]
fn a_window_that_is_updated_is_not_exceeded() {
    let (mut connection, mut client, mut server) = started();
    open(&mut connection, 1, &mut client, &mut server);
    for _ in 0..50 {
        for stream in [0, 1] {
            push(&mut connection, Side::Client, &frame(8, 0, stream, &16_000_u32.to_be_bytes()));
        }
        let seen = push(&mut connection, Side::Server, &data(1, &[0; 16_000]));
        assert!(matches!(seen[..], [Seen::Data(..)]), "{seen:?}");
    }
}

#[test]
fn a_request_may_come_after_its_answer() {
    let (mut connection, mut client, mut server) = started();
    let answer = [(":status", "200")];
    let seen = push(&mut connection, Side::Server, &frame(1, 4, 1, &server.block(&answer)));
    assert_eq!(seen, [Seen::Answered(1, owned(&answer))]);
    let seen = push(&mut connection, Side::Client, &frame(1, 4, 1, &client.block(&WEBSOCKET)));
    assert_eq!(seen, [Seen::Opened(1, owned(&WEBSOCKET))]);
}

#[test]
fn a_literal_protocol_is_known_where_the_method_is_not() {
    let mut connection = Connection::mid_stream(Limits::default());
    let mut client = Encoder::default();
    client.block(&[(":method", "CONNECT")]);
    let mut block = client.block(&[(":method", "CONNECT")]);
    let mut literal = Instruction::new(":protocol", "websocket");
    literal.name_index = false;
    client.encode(&literal, &mut block);
    let all = [frame(4, 1, 0, &[]), frame(6, 0, 0, &[0; 8]), frame(1, 4, 7, &block)].concat();
    let seen = push(&mut connection, Side::Client, &all);
    let known = [("?", "?"), (":protocol", "websocket")];
    assert_eq!(seen, [Seen::Opened(7, owned(&known)), Seen::Anomaly("h2-header-unknown")]);
}

#[test]
fn joined_late_requests_and_responses_tell_who_is_who() {
    for wrong in [false, true] {
        let (client, server) =
            if wrong { (Side::Server, Side::Client) } else { (Side::Client, Side::Server) };
        let mut connection = Connection::mid_stream(Limits::default());
        let pings = [frame(6, 0, 0, &[1; 8]), frame(6, 0, 0, &[2; 8]), data(1, b"abc")].concat();
        assert_eq!(push(&mut connection, server, &pings).len(), 2);
        let mut encoder = Encoder::default();
        let request = [&pings[..34], &frame(1, 4, 7, &encoder.block(&WEBSOCKET))].concat();
        let mut seen = push(&mut connection, client, &request);
        if wrong {
            assert_eq!(seen.remove(0), Seen::Reversed);
        }
        assert_eq!(seen, [Seen::Opened(7, owned(&WEBSOCKET))]);
        assert!(connection.is_oriented());
        // The sides are named correctly from here on.
        let seen = push(&mut connection, Side::Client, &data(7, b"x"));
        assert_eq!(seen, [Seen::Data(7, Side::Client, b"x".to_vec())]);
        let seen = push(&mut connection, Side::Server, &data(1, b"def"));
        assert_eq!(seen, [Seen::Data(1, Side::Server, b"def".to_vec())]);
    }
}
