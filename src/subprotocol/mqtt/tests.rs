use super::super::tests::{at, lines_of};
use super::super::{Input, Opening, Reader};
use crate::model::Side::{self, Client, Server};
use crate::websocket::{Missing, Opcode};
use proptest::prelude::*;

fn reader() -> Reader {
    let opening =
        Opening { subprotocol: Some("mqtt".into()), target: Some("/mqtt".into()), ..Opening::default() };
    Reader::new(opening)
}

fn said(reader: &mut Reader, messages: &[(Side, &[u8])]) -> Vec<String> {
    let numbered = messages.iter().enumerate();
    numbered.flat_map(|(n, (from, it))| lines_of(reader, *from, Opcode::BINARY, it, n as u64 + 1)).collect()
}

const CONNECT: &[u8] = b"\x10\x1a\x00\x04MQTT\x05\xc2\x00\x0a\x00\x00\x02c5\x00\x01u\x00\x06secret";
const CONNACK: &[u8] = b"\x20\x06\x00\x00\x03\x22\x00\x0a";

#[test]
fn a_session_of_version_5() {
    let messages: &[(Side, &[u8])] = &[
        (Client, CONNECT),
        (Server, CONNACK),
        (Client, b"\x82\x0b\x9a\x1e\x02\x0b\x07\x00\x03a/#\x02"),
        (Server, b"\x90\x04\x9a\x1e\x00\x02"),
        (Client, b"\x30\x0a\x00\x01t\x03\x23\x00\x01abc"),
        (Client, b"\x30\x07\x00\x00\x03\x23\x00\x01x"),
        (Client, b"\x32\x08\x00\x01q\x00\x05\x00hi"),
        (Server, b"\x40\x03\x00\x05\x10"),
        (Client, b"\x34\x07\x00\x01q\x00\x06\x00z"),
        (Server, b"\x50\x02\x00\x06"),
        (Client, b"\x62\x02\x00\x06"),
        (Server, b"\x70\x02\x00\x06"),
        (Client, b"\xc0\x00"),
        (Server, b"\xd0\x00"),
        (Client, b"\xe0\x00"),
    ];
    assert_eq!(
        said(&mut reader(), messages),
        [
            "mqtt CONNECT role=question protocol_version=5 clean_start=true keep_alive=10 client_id=c5 user_name=u password=(secret)",
            "mqtt CONNACK role=answer latency=1 session_present=false reason_code=0 topic_alias_maximum=10",
            "mqtt SUBSCRIBE name=a/# id=39454 role=question subscription_identifier=7 topic_filters=a/# requested_qos=2",
            "mqtt SUBACK id=39454 role=answer of=a/# latency=1 reason_codes=2",
            "mqtt PUBLISH name=t qos=0 retain=false dup=false topic_alias=1 body=abc",
            "mqtt PUBLISH name=t qos=0 retain=false dup=false topic_alias=1 body=x",
            "mqtt PUBLISH name=q id=5 role=question qos=1 retain=false dup=false body=hi",
            "mqtt PUBACK id=5 role=answer of=q latency=1 reason_code=16 reason_name=No matching subscribers",
            "mqtt PUBLISH name=q id=6 role=question qos=2 retain=false dup=false body=z",
            "mqtt PUBREC id=6 role=progress of=q latency=1",
            "mqtt PUBREL id=6 of=q",
            "mqtt PUBCOMP id=6 role=answer of=q latency=3",
            "mqtt PINGREQ role=question heartbeat=",
            "mqtt PINGRESP role=answer latency=1 heartbeat=",
            "mqtt DISCONNECT",
        ]
    );
}

#[test]
fn a_request_and_its_response() {
    let messages: &[(Side, &[u8])] = &[
        (Client, CONNECT),
        (Server, CONNACK),
        (Client, b"\x30\x0f\x00\x01q\x0a\x08\x00\x02re\x09\x00\x02id?"),
        (Server, b"\x30\x0b\x00\x02re\x05\x09\x00\x02id!"),
    ];
    let lines = said(&mut reader(), messages);
    assert_eq!(
        lines[2..],
        [
            "mqtt PUBLISH name=q role=question qos=0 retain=false dup=false response_topic=re correlation_data=id body=?",
            "mqtt PUBLISH name=re role=answer of=q latency=1 qos=0 retain=false dup=false correlation_data=id body=!",
        ]
    );
}

#[test]
fn what_the_specification_forbids() {
    let mut it = reader();
    assert_eq!(lines_of(&mut it, Client, Opcode::TEXT, b"\xc0\x00", 1), ["! mqtt-text-message"]);
    assert_eq!(said(&mut it, &[(Client, CONNECT)]).len(), 1);
    let codes = |it: &mut Reader, bytes: &[u8]| -> Vec<String> {
        said(it, &[(Client, bytes)]).into_iter().filter(|line| line.starts_with('!')).collect()
    };
    assert_eq!(codes(&mut it, b"\xc1\x00"), ["! mqtt-reserved-flags"]);
    assert_eq!(codes(&mut it, b"\x30\x06\x00\x00\x03\x23\x00\x07"), ["! mqtt-topic-alias"]);
    assert_eq!(codes(&mut it, b"\x40\x01\x00"), ["! mqtt-malformed-packet"]);
    assert_eq!(it.end(at(9), true, None).0.anomalies().len(), 1, "no DISCONNECT");
}

fn push(reader: &mut Reader, packet: u64, bytes: &[u8], missing: &[Missing]) -> Vec<String> {
    let at = at(packet);
    let length = bytes.len() as u64 + missing.iter().filter_map(|it| it.length).sum::<u64>();
    let input = Input { from: Client, opcode: Opcode::BINARY, bytes, missing, length, first: at, at };
    reader.message(&input).units().map(|unit| super::super::tests::line(&unit)).collect()
}

#[test]
fn lost_bytes_of_a_payload_are_counted_through() {
    let mut it = reader();
    push(&mut it, 1, CONNECT, &[]);
    // A PUBLISH of 12 bytes with 5 lost in its payload, and another one after it.
    let missing = [Missing { offset: 9, length: Some(5) }];
    let lines = push(&mut it, 2, b"\x30\x0c\x00\x01t\x00abc\x30\x05\x00\x01u\x00d", &missing);
    assert_eq!(
        lines,
        [
            "mqtt PUBLISH name=t incomplete= qos=0 retain=false dup=false body=abc",
            "mqtt PUBLISH name=u qos=0 retain=false dup=false body=d",
        ]
    );
}

#[test]
fn after_lost_packets_two_in_a_row_are_believed_and_aliases_are_not() {
    let mut it = reader();
    push(&mut it, 1, CONNECT, &[]);
    push(&mut it, 2, b"\x30\x0a\x00\x01t\x03\x23\x00\x01abc", &[]);
    it.lost(Client);
    // The rest of a packet, then only an alias, split into fields.
    assert_eq!(push(&mut it, 3, b"0 is the payload of something", &[]), [""; 0]);
    for (n, field) in [&b"\x30"[..], b"\x07", b"\x00\x00", b"\x03", b"\x23\x00\x01", b"x"].iter().enumerate()
    {
        assert_eq!(push(&mut it, 4 + n as u64, field, &[]), [""; 0]);
    }
    assert_eq!(
        push(&mut it, 20, b"\xc0\x00", &[]),
        [
            "mqtt PUBLISH messages=6 qos=0 retain=false dup=false topic_alias=1 body=x",
            "mqtt PINGREQ role=question heartbeat="
        ]
    );
    assert_eq!(it.end(at(30), true, None).0.anomalies(), [], "what is missing may have been lost");
}

#[test]
fn recognised_without_a_handshake_even_in_fields() {
    let mut it = Reader::new(Opening::default());
    let mut lines = Vec::new();
    for (n, field) in
        [&b"\x10"[..], b"\x10", b"\x00\x04", b"MQTT", b"\x04", b"\x02", b"\x00\x0a", b"\x00\x04", b"abcd"]
            .iter()
            .enumerate()
    {
        lines.extend(push(&mut it, n as u64, field, &[]));
    }
    lines.extend(push(&mut it, 20, b"\xe0\x00", &[]));
    assert_eq!(
        lines,
        [
            "mqtt CONNECT role=question messages=9 protocol_version=4 clean_start=true keep_alive=10 client_id=abcd",
            "mqtt DISCONNECT",
        ]
    );
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_units(cuts in prop::collection::vec(0_usize..20, 1..60)) {
        let stream: Vec<u8> = [
            CONNECT,
            b"\x82\x0b\x9a\x1e\x02\x0b\x07\x00\x03a/#\x02",
            b"\x30\x0a\x00\x01t\x03\x23\x00\x01abc",
            b"\x30\x07\x00\x00\x03\x23\x00\x01x",
            b"\x32\x08\x00\x01q\x00\x05\x00hi",
            b"\xe0\x00",
        ]
        .concat();
        let whole = push(&mut reader(), 1, &stream, &[]);
        prop_assert_eq!(whole.len(), 6);
        let (mut it, mut rest, mut lines) = (reader(), &stream[..], Vec::new());
        for cut in cuts.iter().chain(&[1000]) {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            lines.extend(push(&mut it, 1, now, &[]));
            rest = later;
        }
        let plain = |line: &String| {
            line.split(' ').filter(|word| !word.starts_with("messages=")).collect::<Vec<_>>().join(" ")
        };
        prop_assert_eq!(lines.iter().map(plain).collect::<Vec<_>>(), whole.iter().map(plain).collect::<Vec<_>>());
    }
}
