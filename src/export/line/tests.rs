use super::*;
use crate::event::{CloseBody, Framing, Missing};
use crate::model::{Endpoint, Pair};
use crate::view::samples;
use crate::websocket::{Header, Opcode};
use proptest::option;
use proptest::prelude::*;
use std::num::NonZeroU64;
use std::time::Duration;

fn check(event: &Event<'_>) {
    let (mut quick, mut slow) = (Vec::new(), Vec::new());
    Lines::default().write(event, &mut quick);
    Record::of(event).write(&mut slow);
    assert_eq!(String::from_utf8(quick).unwrap(), String::from_utf8(slow).unwrap());
}

fn line(event: &Event<'_>) -> String {
    let mut out = Vec::new();
    Lines::default().write(event, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_message_line_stands_as_promised() {
    let hello = samples::message(Side::Client, Opcode::TEXT, b"hello");
    assert_eq!(
        line(&samples::event(12, 400, Kind::Message(hello))),
        concat!(
            r#"{"type":"message","time":"2024-02-29T12:00:00.000400000Z","conn":4,"packet":12,"from":"client","#,
            r#""opcode":"text","length":5,"text":"hello","wire":{"frames":1,"bytes":11,"compressed":false,"#,
            r#""masked":true,"first_packet":12,"first_time":"2024-02-29T12:00:00.000400000Z"}}"#
        )
    );
}

#[test]
fn a_pong_line_has_its_round_trip() {
    let mut pong = samples::message(Side::Server, Opcode::PONG, b"tick");
    pong.rtt = Some(Duration::from_micros(412));
    assert!(
        line(&samples::event(14, 900, Kind::Message(pong)))
            .contains(r#""text":"tick","rtt":0.000412,"wire":"#)
    );
}

#[test]
fn a_close_frame_tells_code_name_and_reason() {
    let close = samples::close(Side::Client, b"\x03\xe8bye");
    assert!(line(&samples::event(15, 900, Kind::Message(close))).contains(
        r#""opcode":"close","length":5,"close":{"code":1000,"name":"normal closure","reason":"bye"},"wire":"#
    ));
    let empty = samples::close(Side::Client, b"");
    assert!(
        line(&samples::event(15, 900, Kind::Message(empty)))
            .contains(r#""length":0,"close":{"code":1005,"name":"no status received"},"wire":"#)
    );
}

#[test]
fn a_close_reason_that_is_not_text_is_not_lost() {
    let mut close = samples::close(Side::Client, b"\x03\xe8b");
    close.payload = b"\x03\xe8b\xff";
    close.length = 4;
    assert!(
        line(&samples::event(15, 900, Kind::Message(close)))
            .contains(r#""base64":"A+hi/w==","close":{"code":1000,"name":"normal closure","reason":"b"}"#)
    );
}

#[test]
fn a_message_with_holes_names_them() {
    let mut holes = samples::message(Side::Client, Opcode::TEXT, b"hello");
    holes.missing = samples::HOLES;
    holes.truncated_to = Some(5);
    assert!(
        line(&samples::event(12, 400, Kind::Message(holes)))
            .contains(r#""complete":false,"missing":[[2,3],[900,null]],"truncated_to":5,"wire":"#)
    );
}

#[test]
fn bytes_called_text_that_are_not_are_shown_as_bytes() {
    let mut bad = samples::message(Side::Client, Opcode::TEXT, b"a\xff");
    bad.text = true;
    assert!(line(&samples::event(12, 400, Kind::Message(bad))).contains(r#""length":2,"base64":"Yf8=","#));
}

#[test]
fn an_open_line_stands_as_promised() {
    let opened = samples::opened();
    assert_eq!(
        line(&samples::event(9, 0, Kind::Opened(&opened))),
        concat!(
            r#"{"type":"open","v":1,"time":"2024-02-29T12:00:00.000000000Z","conn":4,"packet":9,"#,
            r#""client":{"ip":"10.77.0.2","port":51314},"server":{"ip":"10.77.0.1","port":9001},"#,
            r#""community_id":"1:H5WoiduBUcBZk58VDCsbrrcpPNE=","url":"ws://host:9001/path?x=1","#,
            r#""request":{"method":"GET","target":"/path?x=1","version":"1.1","headers":[["Host","host:9001"],"#,
            r#"["Sec-WebSocket-Key","dGhlIHNhbXBsZSBub25jZQ=="],["User-Agent","evil\u001b]0;title\u0007\u202e"]]},"#,
            r#""response":{"status":101,"reason":"Switching Protocols","#,
            r#""headers":[["Sec-WebSocket-Accept","s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]]},"#,
            r#""accept":{"key":"dGhlIHNhbXBsZSBub25jZQ==","found":"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=","#,
            r#""expected":"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=","valid":true},"subprotocol":"chat","#,
            r#""deflate":{"client_no_context_takeover":false,"server_no_context_takeover":true,"#,
            r#""client_max_window_bits":15,"server_max_window_bits":9}}"#
        )
    );
}

#[test]
fn an_open_line_without_a_handshake_says_null() {
    let opened = samples::not_captured();
    let line = line(&samples::event(9, 0, Kind::Opened(&opened)));
    assert!(line.ends_with(r#","handshake":null}"#), "{line}");
}

#[test]
fn a_refused_upgrade_is_an_open_line_with_the_status() {
    let opened = samples::refused();
    let line = line(&samples::event(9, 0, Kind::Rejected(&opened)));
    assert!(line.contains(r#""response":{"status":426,"reason":"Upgrade Required","#), "{line}");
    assert!(!line.contains("accept\":") && !line.contains("handshake"), "{line}");
}

#[test]
fn a_close_line_stands_as_promised() {
    let closed = samples::closed();
    assert_eq!(
        line(&samples::event(18, 1_204_000, Kind::Closed(&closed))),
        concat!(
            r#"{"type":"close","time":"2024-02-29T12:00:01.204000000Z","conn":4,"packet":18,"code":1000,"#,
            r#""reason":"bye","by":"client","clean":true,"duration":1.204,"#,
            r#""client_totals":{"messages":3,"frames":4,"bytes":120,"wire_bytes":98},"#,
            r#""server_totals":{"messages":1,"frames":1,"bytes":70000,"wire_bytes":70010}}"#
        )
    );
}

#[test]
fn a_frame_line_stands_as_promised() {
    let frame = samples::frame(Side::Client, Opcode::TEXT, 5, 0);
    assert_eq!(
        line(&samples::event(12, 400, Kind::Frame(frame))),
        concat!(
            r#"{"type":"frame","time":"2024-02-29T12:00:00.000400000Z","conn":4,"packet":12,"from":"client","#,
            r#""fin":true,"rsv":0,"opcode":"text","masked":true,"mask":"07fa213d","length":5,"header_length":6,"#,
            r#""offset":0}"#
        )
    );
}

#[test]
fn an_anomaly_line_has_its_evidence_in_order() {
    let anomaly = Anomaly::RepeatedMaskKey { offset: 7, mask: "\u{1b}\"".into() };
    let kind = Kind::Anomaly { from: Some(Side::Client), anomaly: &anomaly };
    assert_eq!(
        line(&samples::event(15, 400, kind)),
        concat!(
            r#"{"type":"anomaly","time":"2024-02-29T12:00:00.000400000Z","conn":4,"packet":15,"from":"client","#,
            r#""code":"repeated-mask-key","severity":"warning","text":"a masking key is used again","#,
            r#""spec":"RFC 6455 §5.3","evidence":{"offset":7,"mask":"\u001b\""}}"#
        )
    );
}

#[test]
fn anomalies_of_the_capture_have_no_connection_and_perhaps_no_packet() {
    let anomaly = Anomaly::CaptureDamaged { file: "a.pcap".into(), offset: 24, problem: "cut".into() };
    for packet in [0, 9] {
        let kind = Kind::Anomaly { from: None, anomaly: &anomaly };
        let event = Event { conn: None, ..samples::event(packet, 0, kind) };
        check(&event);
        assert_eq!(line(&event).contains("\"time\""), packet != 0);
    }
}

prop_compose! {
    fn any_at()(packet in 1..u64::MAX, nanos: i64) -> At {
        At { packet, time: Timestamp::from_nanos(nanos) }
    }
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn any_conn() -> impl Strategy<Value = Option<ConnId>> {
    let name = |(packet, stream)| ConnId { packet, stream };
    any::<Option<(NonZeroU64, Option<NonZeroU64>)>>().prop_map(move |conn| conn.map(name))
}

/// Spans up to 92 days; from 97 on the oracle's floating point loses nanoseconds.
fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![0_u64..2_000_000_000, 0_u64..8_000_000_000_000_000].prop_map(Duration::from_nanos)
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn message_lines_equal_the_record(
        (conn, at, first) in (any_conn(), any_at(), any_at()),
        (from, opcode, payload, text) in (any_side(), 0_u8..16, any_payload(), any::<bool>()),
        (compressed, inflated, masked, frames, bytes) in any::<(bool, bool, bool, u64, u64)>(),
        (length, holes, truncated_to) in any::<(u64, Vec<(u64, Option<u64>)>, Option<u64>)>(),
        (close, rtt) in (option::of(any::<(u16, String)>()), option::of(any_duration())),
    ) {
        let missing: Vec<_> =
            holes.into_iter().map(|(offset, length)| Missing { offset, length }).collect();
        let close = close.as_ref().map(|(code, reason)| CloseBody { code: *code, reason });
        let wire = Wire { frames, bytes, compressed, inflated, masked, first };
        let (payload, missing, opcode) = (&payload[..], &missing[..], Opcode(opcode));
        let (number, delta, framing, verified) = (1, Duration::ZERO, Framing::Counted, true);
        let message = Message {
            from, opcode, number, delta, payload, length, text, missing, truncated_to, close, rtt, framing, verified, wire,
        };
        check(&Event::new(conn, at, Kind::Message(message)));
    }

    #[test]
    fn frame_lines_equal_the_record(
        (conn, at, from) in (any_conn(), any_at(), any_side()),
        (fin, rsv, opcode, mask) in (any::<bool>(), 0_u8..8, 0_u8..16, any::<Option<[u8; 4]>>()),
        (length, header_length, offset) in any::<(u64, u8, u64)>(),
    ) {
        let header = Header { fin, rsv, opcode: Opcode(opcode), mask, length, header_length };
        check(&Event::new(conn, at, Kind::Frame(Frame { from, header, offset })));
    }

    #[test]
    fn anomaly_lines_equal_the_record(
        (conn, at, from) in (any_conn(), any_at(), option::of(any_side())),
        (text, number, perhaps) in any::<(String, u64, Option<u64>)>(),
    ) {
        for anomaly in [
            Anomaly::BareLineFeed {},
            Anomaly::BadKey { key: text.as_str().into(), decoded_length: perhaps },
            Anomaly::MissingHeader { name: "Upgrade" },
            Anomaly::CaptureDamaged { file: text.as_str().into(), offset: number, problem: text.as_str().into() },
        ] {
            check(&Event::new(conn, at, Kind::Anomaly { from, anomaly: &anomaly }));
        }
    }

    #[test]
    fn close_lines_equal_the_record(
        (conn, at, by) in (any_conn(), any_at(), option::of(any_side())),
        (code, reason, clean) in any::<(Option<u16>, String, bool)>(),
        (duration, sums) in (any_duration(), any::<[u64; 8]>()),
    ) {
        let [a, b, c, d, e, f, g, h] = sums;
        let totals = Pair {
            client: DirectionTotals { messages: a, frames: b, bytes: c, wire_bytes: d },
            server: DirectionTotals { messages: e, frames: f, bytes: g, wire_bytes: h },
        };
        let closed = Closed { code, reason: reason.into(), by, clean, duration, totals };
        check(&Event::new(conn, at, Kind::Closed(&closed)));
    }

    #[test]
    fn open_lines_are_one_line_and_parse(ip: [u8; 16], port: u16, name: String, value: String) {
        let mut opened = samples::opened();
        opened.client = Endpoint::new(ip.into(), port);
        if let Some(request) = opened.handshake.as_mut().and_then(|it| it.request.as_mut()) {
            request.target = value.as_str().into();
            request.headers.push(crate::http::Field { name: name.as_str().into(), value: value.as_str().into() });
        }
        let line = line(&samples::event(9, 0, Kind::Opened(&opened)));
        prop_assert!(!line.contains('\n'));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(json["request"]["target"].as_str().unwrap(), &value);
        prop_assert_eq!(json["request"]["headers"][3][0].as_str().unwrap(), &name);
        prop_assert_eq!(json["request"]["headers"][3][1].as_str().unwrap(), &value);
    }
}
