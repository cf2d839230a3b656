//! Properties of all decoders.

use proptest::prelude::*;

use super::*;
use crate::model::{Anomaly, Timestamp};
use crate::websocket::{Missing, Opcode};

pub(super) fn at(packet: u64) -> At {
    At { packet, time: Timestamp::from_nanos(packet as i64 * 1_000_000) }
}

/// Passes messages to a reader and formats each unit as a line: side, protocol, kind, name, ID, role and the rest.
pub(super) fn said(reader: &mut Reader, messages: &[(Side, &[u8])]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, (from, bytes)) in messages.iter().enumerate() {
        let opcode = if std::str::from_utf8(bytes).is_ok() { Opcode::TEXT } else { Opcode::BINARY };
        lines.extend(lines_of(reader, *from, opcode, bytes, index as u64 + 1));
    }
    lines
}

/// The single-message counterpart of [`said`].
pub(super) fn lines_of(
    reader: &mut Reader,
    from: Side,
    opcode: Opcode,
    bytes: &[u8],
    packet: u64,
) -> Vec<String> {
    let at = at(packet);
    let input = Input { from, opcode, bytes, missing: &[], length: bytes.len() as u64, first: at, at };
    let meaning = reader.message(&input);
    let mut lines: Vec<_> = meaning.units().map(|unit| line(&unit)).collect();
    lines.extend(meaning.anomalies().iter().map(|it| format!("! {}", it.code())));
    lines
}

pub(super) fn line(unit: &Unit<'_>) -> String {
    let mut line = format!("{} {}", unit.protocol(), unit.kind());
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.push_str(&format!(" {name}={value}"));
        }
    };
    add("inside", unit.inside().map(Into::into));
    add("name", unit.name().map(Into::into));
    add("id", unit.id().map(Into::into));
    add("role", (unit.role() != Role::Event).then(|| unit.role().name().into()));
    add("of", unit.of().map(Into::into));
    add("latency", unit.latency().map(|it| it.as_millis().to_string()));
    add("error", unit.error().map(Into::into));
    add("heartbeat", unit.heartbeat().then(String::new));
    add("incomplete", (!unit.is_complete()).then(String::new));
    add("messages", (unit.messages() != 1).then(|| unit.messages().to_string()));
    for field in unit.fields() {
        let value = match field.value {
            Value::Text(text) | Value::Json(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Negative(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Bytes(bytes) => format!("{bytes:02x?}"),
        };
        add(field.name, Some(if field.secret { format!("({value})") } else { value }));
    }
    add("body", unit.body().map(|it| String::from_utf8_lossy(it.bytes).into_owned()));
    line
}

proptest! {
    /// No decoder panics or exceeds its bounds on random messages, complete or with gaps.
    #[test]
    fn random_messages_do_no_harm(
        messages in prop::collection::vec(
            (any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..60), 0_u64..80, 0_u64..9, 0_u8..12),
            0..40,
        ),
        start in 0_usize..SEEDS.len(),
    ) {
        for name in names() {
            let mut reader = Reader::named(name, &Opening::default()).unwrap();
            for (index, (client, text, bytes, offset, length, what)) in messages.iter().enumerate() {
                let from = if *client { Side::Client } else { Side::Server };
                let mut bytes = bytes.clone();
                // The start of a valid message leads further into a decoder than chance does.
                if what % 3 == 0 {
                    bytes.splice(0..0, SEEDS[(start + index) % SEEDS.len()].iter().copied());
                }
                let missing = [Missing { offset: (*offset).min(bytes.len() as u64), length: (*what != 5).then_some(*length) }];
                let missing = if *what >= 10 { &missing[..] } else { &[] };
                let lost = missing.iter().filter_map(|it| it.length).sum::<u64>();
                let at = at(index as u64);
                let input = Input {
                    from,
                    opcode: if *text { Opcode::TEXT } else { Opcode::BINARY },
                    bytes: &bytes,
                    missing,
                    length: bytes.len() as u64 + lost,
                    first: at,
                    at,
                };
                let meaning = reader.message(&input);
                let told = meaning.units().map(|unit| line(&unit)).count();
                prop_assert!(told <= MAX_UNITS);
                if *what == 9 {
                    reader.lost(from);
                }
                prop_assert!(reader.allocated() < 1 << 20, "{name}: {}", reader.allocated());
            }
            reader.end(at(1000), true, None);
        }
    }

    /// Random messages are not recognised as a sub-protocol.
    #[test]
    fn chance_is_no_sub_protocol(
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..64)), 0..40),
    ) {
        let mut reader = Reader::new(Opening::default());
        for (index, (client, bytes)) in messages.iter().enumerate() {
            let from = if *client { Side::Client } else { Side::Server };
            let lines = lines_of(&mut reader, from, Opcode::BINARY, bytes, index as u64);
            prop_assert_eq!(lines, Vec::<String>::new());
        }
        prop_assert_eq!(reader.protocol(), None);
    }
}

/// Words used by sub-protocols, and others: names of members and values.
const WORDS: [&str; 24] = [
    "id", "type", "event", "data", "method", "params", "op", "d", "t", "s", "name", "payload", "topic",
    "ref", "channel", "action", "status", "error", "result", "message", "command", "ping", "update", "2",
];

/// JSON as sent by services that use none of the sub-protocols: words, numbers, objects and arrays of them.
fn some_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        (0..WORDS.len()).prop_map(|word| WORDS[word].into()),
        (0_u32..50).prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let members =
            prop::collection::vec(((0..WORDS.len()).prop_map(|word| WORDS[word]), inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Into::into),
            members.prop_map(|all| all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Encodes a value as MessagePack, only with the shortest forms of the specification.
fn packed(value: &serde_json::Value, out: &mut Vec<u8>) {
    use serde_json::Value as V;
    match value {
        V::Null => out.push(0xc0),
        V::Bool(flag) => out.push(0xc2 + u8::from(*flag)),
        V::Number(number) => out.push(number.as_u64().unwrap() as u8),
        V::String(text) => {
            out.push(0xa0 + text.len() as u8);
            out.extend(text.as_bytes());
        }
        V::Array(items) => {
            out.push(0x90 + items.len() as u8);
            items.iter().for_each(|item| packed(item, out));
        }
        V::Object(members) => {
            out.push(0x80 + members.len() as u8);
            for (name, value) in members {
                packed(&name.as_str().into(), out);
                packed(value, out);
            }
        }
    }
}

proptest! {
    /// JSON or MessagePack alone does not identify a sub-protocol.
    #[test]
    fn a_format_is_no_sub_protocol(
        messages in prop::collection::vec((any::<bool>(), some_json()), 0..40),
        binary in any::<bool>(),
        late in any::<bool>(),
    ) {
        let target = (!late).then(|| "/feed".into());
        let mut reader = Reader::new(Opening { target, ..Opening::default() });
        for (index, (client, value)) in messages.iter().enumerate() {
            let from = if *client { Side::Client } else { Side::Server };
            let (mut bytes, mut opcode) = (Vec::new(), Opcode::BINARY);
            if binary {
                packed(value, &mut bytes);
            } else {
                (bytes, opcode) = (value.to_string().into_bytes(), Opcode::TEXT);
            }
            let lines = lines_of(&mut reader, from, opcode, &bytes, index as u64);
            prop_assert_eq!(lines, Vec::<String>::new(), "{}", value);
        }
        prop_assert_eq!(reader.protocol(), None);
    }
}

/// The starts of messages of the sub-protocols.
const SEEDS: &[&[u8]] = &[
    b"42[\"chat\",",
    b"451-1[\"upload\",{\"_placeholder\":true,\"num\":0}]",
    b"0{\"sid\":\"a\",\"pingInterval\":25000}",
    b"\x85\xa4type\x02\xa4data\x92\xa4chat\x01\xa2id\x00\xa3nsp\xa1/",
    b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":{",
    b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":",
    b"\x10\x10\x00\x04MQTT\x05\x02\x00\x01\x00\x00\x03abc",
    b"\x32\x0a\x00\x03a/b\x00\x01\x00hi\x40\x02\x00\x01",
    b"{\"type\":1,\"target\":\"Add\",\"arguments\":[]}\x1e",
    b"\x0c\x95\x01\x80\xa1\x30\xa3Add\x92\x02\x03",
    b"{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"query\":\"query H{h}\"}}",
    b"{\"id\":1,\"method\":\"query\",\"params\":{\"path\":\"a\"}}",
    b"SEND\ndestination:/t\ncontent-length:9\n\nbo",
    b"MESSAGE\nmessage-id:1\n\n\0\n",
    b"a[\"CONNECT\\n\\n\\u0000\",\"",
    b"[8,48,2,{},\"com.ex\",[1],{\"a\":",
    b"\x95\x30\x03\x80\xa3a.b\x91\x01",
    b"\x00\x01\x02\x0a\x06410room:lobbyupload",
    b"[\"4\",\"9\",\"room\",\"phx_reply\",{\"status\":\"error\"",
    b"{\"identifier\":\"{\\\"channel\\\":\\\"C\\\"}\",\"type\":\"",
    b"[4,\"b1\",\"InternalError\",\"no\",",
    b"{\"event\":\"pusher:subscribe\",\"data\":\"{\\\"auth\\\":",
    b"\x78\x9c\x4a\x05\x00\x00\x00\xff\xff",
    b"\x28\xb5\x2f\xfd\x00\x58",
    b"\x06\0\0\0\0\0\0\0\x38\0\0\0\0\0\0\0",
    b"\x03{\"status\":\"Failure\",\"details\":{\"causes\":[",
    b"RFB 003.008\n",
    b"<iq type='error' id='b'><error",
    b"SIP/2.0 401 Unauthorized\r\nCSeq: 1 A\r\n",
    b"\x80\0\0\0\x0agrpc-status:",
    b"{\"msg\":\"result\",\"id\":\"3\",\"error\":{",
    b"[\"EVENT\",\"s\",{\"id\":\"",
    b"\x04doc1\x02\x00\x02",
    b"SSH-2.0-a\r\n",
];

#[test]
fn json_without_a_protocol_is_none() {
    let mut reader = Reader::new(Opening::default());
    let ticks: Vec<_> = (0..40).map(|n| format!(r#"{{"id":{n},"type":"tick","price":1.{n}}}"#)).collect();
    let messages: Vec<_> = ticks.iter().map(|it| (Side::Server, it.as_bytes())).collect();
    assert_eq!(said(&mut reader, &messages), [""; 0]);
    assert!(reader.is_plain());
}

#[test]
fn what_was_sent_before_the_choice_is_told_with_it() {
    let mut reader = Reader::new(Opening { target: Some("/room".into()), ..Opening::default() });
    let messages: [(Side, &[u8]); 4] = [
        (Side::Client, &[0, 0, 1, 0]),
        (Side::Server, &[0, 0, 1, 0]),
        (Side::Client, &[0, 1, 2, 0, 0]),
        (Side::Server, &[0, 1, 2, 0, 0]),
    ];
    let mut told = Vec::new();
    for (n, (from, bytes)) in (1..).zip(messages) {
        let at = at(n);
        let input = Input {
            from,
            opcode: Opcode::BINARY,
            bytes,
            missing: &[],
            length: bytes.len() as u64,
            first: at,
            at,
        };
        let meaning = reader.message(&input);
        let stored = {
            let mut bytes = Vec::new();
            meaning.write(&mut bytes);
            StoredMeaning::read(&bytes).unwrap()
        };
        for (unit, kept) in meaning.units().zip(stored.of(bytes).units()) {
            assert_eq!(line(&unit), line(&kept));
            assert_eq!(unit.earlier(), kept.earlier());
            told.push((n, unit.earlier().map(|it| (it.from, it.at.packet)), line(&unit)));
        }
    }
    assert_eq!(
        told,
        [
            (3, None, "yjs sync step 2 role=answer latency=1 body=\0\0".to_owned()),
            (3, Some((Side::Client, 1)), "yjs sync step 1 role=question body=\0".to_owned()),
            (3, Some((Side::Server, 2)), "yjs sync step 1 role=question body=\0".to_owned()),
            (4, None, "yjs sync step 2 role=answer latency=3 body=\0\0".to_owned()),
        ]
    );
}

#[test]
fn packets_of_mqtt_are_found_where_every_field_is_a_message() {
    let mut reader = Reader::new(Opening::default());
    let publish =
        |id: u8| [&b"\x32"[..], b"\x09", b"\0\x03", b"a/b", b"", &[0, id], b"hi"].map(<[u8]>::to_vec);
    // The rest of a packet whose beginning was not captured.
    let mut messages = vec![b"/b".to_vec(), vec![0, 9]];
    (10..16).for_each(|id| messages.extend(publish(id)));
    let told: Vec<_> = (1..)
        .zip(&messages)
        .flat_map(|(n, bytes)| lines_of(&mut reader, Side::Client, Opcode::BINARY, bytes, n))
        .map(|line| line.split(" qos").next().unwrap().to_owned())
        .collect();
    // The message that decides comes first: 12, then the earlier ones.
    let ids =
        [12, 10, 11, 13, 14, 15].map(|id| format!("mqtt PUBLISH name=a/b id={id} role=question messages="));
    assert_eq!(told.len(), ids.len(), "{told:?}");
    for (line, id) in told.iter().zip(ids) {
        assert!(line.starts_with(&id), "{line}");
    }
}

#[test]
fn the_end_of_a_conversation_is_judged() {
    let codes = |reader: &mut Reader, close| {
        reader.end(at(99), true, close).0.anomalies().iter().map(Anomaly::code).collect::<Vec<_>>()
    };
    let opening = Opening { target: Some("/".into()), ..Opening::default() };
    let answers: [(Side, &[u8]); 3] = [
        (Side::Client, br#"{"jsonrpc":"2.0","id":1,"method":"a"}"#),
        (Side::Server, br#"{"jsonrpc":"2.0","id":1,"result":0}"#),
        (Side::Server, br#"{"jsonrpc":"2.0","id":1,"result":0}"#),
    ];
    let mut reader = Reader::new(opening.clone());
    said(&mut reader, &answers[..2]);
    assert_eq!(codes(&mut reader, None), [""; 0]);
    let mut reader = Reader::new(opening.clone());
    said(&mut reader, &answers);
    assert_eq!(codes(&mut reader, None), ["jsonrpc-unasked"], "answered twice");
    let mut reader = Reader::new(Opening::default());
    said(&mut reader, &answers);
    assert_eq!(codes(&mut reader, None), [""; 0], "the question may have been sent before the capture");
    for (close, expected) in [(Some(4401), 1), (Some(1000), 0), (Some(4500), 0), (None, 0)] {
        let mut reader = Reader::named("graphql-transport-ws", &opening).unwrap();
        assert_eq!(codes(&mut reader, close), vec!["graphql-closed"; expected], "{close:?}");
    }
}

#[test]
fn a_silent_side_of_signalr_is_told() {
    let opening = Opening { target: Some("/hub".into()), ..Opening::default() };
    let mut reader = Reader::named("signalr", &opening).unwrap();
    let ping = b"{\"type\":6}\x1e";
    let mut told = Vec::new();
    for packet in [1, 30_001, 60_002] {
        told.extend(lines_of(&mut reader, Side::Server, Opcode::TEXT, ping, packet));
    }
    assert_eq!(told.iter().filter(|line| *line == "! signalr-silence").count(), 1, "{told:?}");
}

#[test]
fn a_wrong_choice_is_given_up_and_said() {
    let target = Some("/socket.io/?EIO=4&transport=websocket".into());
    let mut reader = Reader::new(Opening { target, ..Opening::default() });
    let messages = [(Side::Server, &b"hello"[..]); 6];
    assert_eq!(said(&mut reader, &messages), ["! subprotocol-mistaken"]);
    assert!(reader.is_plain());
}
