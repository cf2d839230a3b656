use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::record::Record;
use super::*;
use crate::event::{LowerLayers, Missing, Opening, Proxy, Reason, Rejected, Tls, Unanswered, Unshown};
use crate::model::{Endpoint, Pair};
use crate::view::samples;
use crate::websocket::{Header, Opcode};
use proptest::option;
use proptest::prelude::*;
use std::num::NonZeroU64;
use std::time::Duration;

/// Parses a line into the promised types and checks that nothing was lost on the way.
fn check(event: &Event<'_>) -> (Record, Value) {
    let records = [false, true].map(|wide| {
        let mut out = Vec::new();
        Lines::new(&Settings { wide, tls: true, ..Settings::default() }).write(event, &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.starts_with(r#"{"type":""#) && !line.contains('\n'), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let record: Record = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(serde_json::to_value(&record).unwrap(), value, "{line}");
        (record, value)
    });
    let [narrow, _] = records;
    narrow
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
            r#"{"type":"message","time":"2024-02-29T12:00:00.000400000Z","ts":1709208000.000400,"conn":4,"packet":12,"from":"client","#,
            r#""opcode":"text","n":1,"delta":0.0004,"length":5,"text":"hello","wire":{"frames":1,"bytes":11,"compressed":false,"#,
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
        r#""opcode":"close","n":1,"delta":0.0004,"length":5,"close":{"code":1000,"name":"normal closure","reason":"bye"},"wire":"#
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
            r#"{"type":"open","v":2,"time":"2024-02-29T12:00:00.000000000Z","ts":1709208000.000000,"conn":4,"packet":9,"#,
            r#""client":{"ip":"10.77.0.2","port":51314},"server":{"ip":"10.77.0.1","port":9001},"#,
            r#""community_id":"1:H5WoiduBUcBZk58VDCsbrrcpPNE=","http":"1.1","url":"ws://host:9001/path?x=1","#,
            r#""request":{"method":"GET","target":"/path?x=1","version":"1.1","headers":[["Host","host:9001"],"#,
            r#"["Sec-WebSocket-Key","dGhlIHNhbXBsZSBub25jZQ=="],["User-Agent","evil\u001b]0;title\u0007\u202e"]]},"#,
            r#""response":{"status":101,"reason":"Switching Protocols","#,
            r#""headers":[["Sec-WebSocket-Accept","s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]]},"#,
            r#""accept":{"key":"dGhlIHNhbXBsZSBub25jZQ==","found":"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=","#,
            r#""expected":"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=","valid":true},"subprotocol":"chat","#,
            r#""deflate":{"client_no_context_takeover":false,"server_no_context_takeover":true,"#,
            r#""client_max_window_bits":15,"server_max_window_bits":9},"transport":"websocket"}"#
        )
    );
}

#[test]
fn an_open_line_without_a_handshake_says_null() {
    let opened = samples::not_captured();
    let line = line(&samples::event(9, 0, Kind::Opened(&opened)));
    assert!(line.ends_with(r#","handshake":null,"transport":"websocket"}"#), "{line}");
}

#[test]
fn a_refused_upgrade_is_a_line_of_its_own() {
    let opened = samples::refused();
    let line = line(&samples::event(9, 0, Kind::Rejected(&opened)));
    assert!(line.contains(r#""response":{"status":426,"reason":"Upgrade Required","#), "{line}");
    assert!(line.starts_with(r#"{"type":"rejected","v":2,"#), "{line}");
    assert!(line.ends_with(r#","why":"status 426"}"#) && line.contains(r#""answered":true,"#), "{line}");
}

#[test]
fn a_close_line_stands_as_promised() {
    let closed = samples::closed();
    assert_eq!(
        line(&samples::event(18, 1_204_000, Kind::Closed(&closed))),
        concat!(
            r#"{"type":"close","time":"2024-02-29T12:00:01.204000000Z","ts":1709208001.204000,"conn":4,"packet":18,"code":1000,"#,
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
            r#"{"type":"frame","time":"2024-02-29T12:00:00.000400000Z","ts":1709208000.000400,"conn":4,"packet":12,"from":"client","#,
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
            r#"{"type":"anomaly","time":"2024-02-29T12:00:00.000400000Z","ts":1709208000.000400,"conn":4,"packet":15,"from":"client","#,
            r#""rule":"repeated-mask-key","severity":"warning","explanation":"a masking key is used again","#,
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

/// Spans up to 92 days; from 97 on, the oracle's floating-point numbers lose nanoseconds.
fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![0_u64..2_000_000_000, 0_u64..8_000_000_000_000_000].prop_map(Duration::from_nanos)
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)]
}

fn time(time: Timestamp) -> String {
    let mut out = Vec::new();
    Rfc3339::default().write(time, &mut out);
    String::from_utf8(out).unwrap()
}

/// Checks the members that give the place of a line.
fn is_at(value: &Value, event: &Event<'_>) {
    assert_eq!(value["time"], time(event.at.time));
    let ts = value["ts"].as_f64().unwrap();
    #[allow(clippy::cast_precision_loss, reason = "good to a microsecond is enough")]
    let want = event.at.time.as_nanos() as f64 / 1e9;
    assert!((ts - want).abs() < 1e-5, "{ts} {want}");
    assert_eq!(value.get("conn").and_then(Value::as_u64), event.conn.map(|conn| conn.packet.get()));
    assert_eq!(value.get("stream").and_then(Value::as_u64), event.conn.and_then(ConnId::stream));
    assert_eq!(value["packet"], event.at.packet);
    let known = value.get("known").and_then(Value::as_u64);
    assert_eq!(known, (event.known != event.at.packet).then_some(event.known));
}

proptest! {
    #[test]
    fn message_lines_hold_what_was_said(
        (conn, at, first, known) in (any_conn(), any_at(), any_at(), any::<u64>()),
        (from, opcode, payload, text) in (any_side(), (0_usize..16), any_payload(), any::<bool>()),
        (compressed, inflated, masked, frames, bytes) in any::<(bool, bool, bool, u64, u64)>(),
        (length, holes, truncated_to) in any::<(u64, Vec<(u64, Option<u64>)>, Option<u64>)>(),
        (close, rtt, delta) in (option::of(any::<(u16, String)>()), option::of(any_duration()), any_duration()),
        (number, searched, verified) in any::<(u64, bool, bool)>(),
    ) {
        let missing: Vec<_> =
            holes.iter().map(|&(offset, length)| Missing { offset, length }).collect();
        let close = close.as_ref().map(|(code, reason)| CloseBody { code: *code, reason });
        let wire = Wire { frames, bytes, compressed, inflated, masked, first };
        let (payload, missing, opcode) = (&payload[..], &missing[..], Opcode(u8::try_from(opcode).unwrap()));
        let framing = if searched { Framing::Searched } else { Framing::Counted };
        let message = Message {
            from, opcode, number, delta, payload, length, text, missing, truncated_to, close, rtt, framing, verified, wire,
            meaning: None,
            fields: &[],
        };
        let event = Event { known, ..Event::new(conn.or(ConnId::new(NonZeroU64::MIN).into()), at, Kind::Message(message)) };
        let (record, value) = check(&event);
        is_at(&value, &event);
        let Record::Message(it) = record else { panic!("{value}") };
        prop_assert_eq!((it.n, it.length, it.truncated_to), (number, length, truncated_to));
        prop_assert!((it.delta - delta.as_secs_f64()).abs() < 1e-9);
        prop_assert_eq!(it.rtt.is_some(), rtt.is_some());
        prop_assert_eq!(it.missing, holes);
        prop_assert_eq!(it.complete == Some(false), !missing.is_empty());
        prop_assert_eq!((it.framing.is_some(), it.verified.is_none()), (searched, verified));
        prop_assert_eq!(&value["opcode"], opcode.name());
        let shown = it.base64.map(|it| STANDARD.decode(it).unwrap());
        match (shown, it.text, it.close) {
            (Some(bytes), None, _) => prop_assert_eq!(bytes, payload),
            (None, Some(shown), None) => prop_assert!(text && shown.as_bytes() == payload),
            (None, None, Some(shown)) => {
                let whole = [&shown.code.to_be_bytes()[..], shown.reason.unwrap_or_default().as_bytes()].concat();
                prop_assert!(payload.is_empty() || whole == payload);
            }
            other => panic!("{other:?}"),
        }
        prop_assert_eq!((it.wire.frames, it.wire.bytes, it.wire.first_packet), (frames, bytes, first.packet));
        prop_assert_eq!(it.wire.first_time.0, time(first.time));
        prop_assert_eq!(it.wire.inflated == Some(false), compressed && !inflated);
    }

    #[test]
    fn frame_lines_hold_what_was_said(
        (conn, at, from) in (any_conn(), any_at(), any_side()),
        (fin, rsv, opcode, mask) in (any::<bool>(), 0_u8..8, 0_u8..16, any::<Option<[u8; 4]>>()),
        (length, header_length, offset) in any::<(u64, u8, u64)>(),
    ) {
        let header = Header { fin, rsv, opcode: Opcode(opcode), mask, length, header_length };
        let conn = conn.or(ConnId::new(NonZeroU64::MIN).into());
        let event = Event::new(conn, at, Kind::Frame(Frame { from, header, offset }));
        let (record, value) = check(&event);
        is_at(&value, &event);
        let Record::Frame(it) = record else { panic!("{value}") };
        prop_assert_eq!((it.fin, it.rsv, it.length, it.header_length, it.offset), (fin, rsv, length, header_length, offset));
        prop_assert_eq!(it.mask, mask.map(|key| format!("{:08x}", u32::from_be_bytes(key))));
    }

    #[test]
    fn anomaly_lines_hold_what_was_said(
        (conn, at, from) in (any_conn(), any_at(), option::of(any_side())),
        (text, number, perhaps) in any::<(String, u64, Option<u64>)>(),
    ) {
        for anomaly in [
            Anomaly::BareLineFeed {},
            Anomaly::BadKey { key: text.as_str().into(), decoded_length: perhaps },
            Anomaly::MissingHeader { name: "Upgrade" },
            Anomaly::CaptureDamaged { file: text.as_str().into(), offset: number, problem: text.as_str().into() },
        ] {
            let event = Event::new(conn, at, Kind::Anomaly { from, anomaly: &anomaly });
            let (record, value) = check(&event);
            is_at(&value, &event);
            let Record::Anomaly(it) = record else { panic!("{value}") };
            prop_assert_eq!((it.rule.as_str(), it.explanation), (anomaly.code(), anomaly.to_string()));
            let mut evidence = 0;
            anomaly.evidence(|name, found| {
                evidence += 1;
                match found {
                    Evidence::Number(number) => assert_eq!(value["evidence"][name], number),
                    Evidence::Text(text) => assert_eq!(value["evidence"][name], *text),
                }
            });
            prop_assert_eq!(it.evidence.len(), evidence);
        }
    }

    #[test]
    fn close_lines_hold_what_was_said(
        (conn, at, by) in (any_conn(), any_at(), option::of(any_side())),
        (code, reason, clean) in any::<(Option<u16>, String, bool)>(),
        half_closed in option::of(any_side()),
        (duration, sums) in (any_duration(), any::<[u64; 8]>()),
    ) {
        let [a, b, c, d, e, f, g, h] = sums;
        let totals = Pair {
            client: DirectionTotals { messages: a, frames: b, bytes: c, wire_bytes: d },
            server: DirectionTotals { messages: e, frames: f, bytes: g, wire_bytes: h },
        };
        let unanswered = Unanswered::default();
        let closed = Closed { code, reason: reason.as_str().into(), by, lost: false, clean, half_closed, duration, totals, unanswered };
        let event = Event::new(conn.or(ConnId::new(NonZeroU64::MIN).into()), at, Kind::Closed(&closed));
        let (record, value) = check(&event);
        is_at(&value, &event);
        let Record::Close(it) = record else { panic!("{value}") };
        prop_assert_eq!((it.code, it.reason.unwrap_or_default(), it.clean), (code, reason, clean));
        prop_assert_eq!(it.half_closed.is_some(), half_closed.is_some());
        prop_assert!((it.duration - duration.as_secs_f64()).abs() < 1e-9);
        let (client, server) = (it.client_totals, it.server_totals);
        prop_assert_eq!([client.messages, client.frames, client.bytes, client.wire_bytes], [a, b, c, d]);
        prop_assert_eq!([server.messages, server.frames, server.bytes, server.wire_bytes], [e, f, g, h]);
    }

    #[test]
    fn open_lines_hold_what_was_said(ip: [u8; 16], port: u16, name: String, value: String, secret: Option<String>) {
        let mut opened = samples::opened();
        opened.client = Endpoint::new(ip.into(), port);
        if let Some(request) = opened.handshake.as_mut().and_then(|it| it.request.as_mut()) {
            request.target = value.as_str().into();
            request.headers.push(crate::http::Field { name: name.as_str().into(), value: value.as_str().into() });
        }
        let tls = Tls { sni: secret.clone().map(Into::into), alpn: Some("h2".into()), ..Tls::default() };
        let proxy = Proxy { protocol: "connect", client: None, server: secret.map(Into::into) };
        opened.over = Some(Box::new(LowerLayers { http2: true, tls: Some(tls), proxy: Some(proxy) }));
        let rejected = Rejected { opening: opened.clone(), ended: true, tcp: None };
        for kind in [Kind::Opened(&opened), Kind::Rejected(&rejected)] {
            let (_, json) = check(&samples::event(9, 0, kind));
            prop_assert_eq!(json["request"]["target"].as_str().unwrap(), &value);
            prop_assert_eq!(json["request"]["headers"][3][0].as_str().unwrap(), &name);
            prop_assert_eq!(json["request"]["headers"][3][1].as_str().unwrap(), &value);
            prop_assert_eq!((&json["http"], &json["tls"]["alpn"], &json["tls"]["keys"]), (&"2".into(), &"h2".into(), &Value::Null));
        }
    }
}

#[test]
fn wide_lines_name_their_conversation_and_give_fields_by_name() {
    let opened = samples::opened();
    let conversation = Conversation::of(&opened);
    let wide = |event: &Event<'_>| -> Value {
        let mut out = Vec::new();
        Lines::new(&Settings { wide: true, ..Settings::default() }).write(event, &mut out);
        serde_json::from_slice(&out).unwrap()
    };
    let hello = samples::message(Side::Client, Opcode::TEXT, b"hello");
    let event = samples::event(12, 400, Kind::Message(hello));
    let line = wide(&Event { conversation: Some(&conversation), ..event });
    assert_eq!((&line["host"], &line["url"]), (&"host".into(), &"ws://host:9001/path?x=1".into()));
    assert_eq!((&line["client"]["port"], &line["subprotocol"]), (&51314.into(), &"chat".into()));
    let mut repeated = opened.clone();
    if let Some(request) = repeated.handshake.as_mut().and_then(|it| it.request.as_mut()) {
        request.headers.push(crate::http::Field { name: "HOST".into(), value: "other".into() });
    }
    let line = wide(&samples::event(9, 0, Kind::Opened(&repeated)));
    assert_eq!(line["request"]["headers"]["host"], serde_json::json!(["host:9001", "other"]));
    assert_eq!((&line["host"], line.get("subprotocol")), (&"host".into(), Some(&"chat".into())));
}

#[test]
fn a_tls_connection_is_told_of_where_that_is_asked_for() {
    let Opening { client, server, .. } = samples::opened();
    let tls = Tls { version: Some("1.3".into()), sni: Some("h".into()), ..Tls::default() };
    let reason = Reason::Tls(Box::new(tls));
    let unshown = Unshown { client, server, directed: true, reason, lost: 0, snap_length: None };
    let event = samples::event(80, 0, Kind::Unshown(&unshown));
    let (record, value) = check(&event);
    assert!(matches!(record, Record::Tls(_)));
    assert_eq!(value["tls"], serde_json::json!({"version": "1.3", "sni": "h", "keys": null}));
    assert_eq!(line(&event), "");
}

#[test]
fn nobody_can_tell_whether_the_key_was_answered_where_there_is_no_answer() {
    let mut opened = samples::opened();
    let accept = opened.handshake.as_ref().and_then(|it| it.accept.clone());
    if let Some(handshake) = &mut opened.handshake {
        handshake.response = None;
        handshake.accept = accept.map(|it| crate::http::Accept { found: None, valid: false, ..it });
    }
    let (_, value) = check(&samples::event(9, 0, Kind::Opened(&opened)));
    assert!(value["accept"]["expected"].is_string() && value["accept"].get("valid").is_none(), "{value}");
}
