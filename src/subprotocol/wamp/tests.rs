use super::super::tests::{lines_of, said};
use super::super::{Opening, Reader};
use super::*;
use crate::websocket::Opcode;

fn reader(header: &str) -> Reader {
    Reader::new(Opening { subprotocol: Some(header.into()), ..Opening::default() })
}

#[test]
fn calls_registrations_and_errors() {
    let messages: &[(Side, &[u8])] = &[
        (Side::Client, br#"[1,"realm1",{"roles":{}}]"#),
        (Side::Server, br"[2,101,{}]"),
        (Side::Client, br#"[64,1,{},"com.ex.add"]"#),
        (Side::Server, br"[65,1,7]"),
        (Side::Client, br#"[48,2,{},"com.ex.add",[2,3],{"x":"y"}]"#),
        (Side::Server, br"[68,9,7,{},[2,3]]"),
        (Side::Client, br"[70,9,{},[5]]"),
        (Side::Server, br#"[8,48,2,{},"com.ex.bad"]"#),
        (Side::Server, br#"[6,{},"wamp.close.close_realm"]"#),
    ];
    assert_eq!(
        said(&mut reader("wamp.2.json"), messages),
        [
            "wamp HELLO name=realm1 role=question realm=realm1",
            "wamp WELCOME role=answer of=realm1 latency=1 session=101",
            "wamp REGISTER name=com.ex.add id=1 role=question",
            "wamp REGISTERED name=com.ex.add id=1 role=answer of=com.ex.add latency=1 registration=7",
            r#"wamp CALL name=com.ex.add id=2 role=question body=[2,3],{"x":"y"}"#,
            "wamp INVOCATION name=com.ex.add id=9 role=question registration=7 body=[2,3]",
            "wamp YIELD id=9 role=answer of=com.ex.add latency=1 body=[5]",
            "wamp ERROR id=2 role=answer of=com.ex.add latency=3 error=com.ex.bad request_type=CALL",
            "wamp GOODBYE name=wamp.close.close_realm",
        ]
    );
}

#[test]
fn progress_cancels_challenges_and_acknowledgements() {
    use Side::{Client, Server};
    let messages: &[(Side, &[u8])] = &[
        (Client, br#"[1,"realm1",{"authmethods":["ticket"],"roles":{}}]"#),
        (Server, br#"[4,"ticket",{}]"#),
        (Client, br#"[5,"made-up",{}]"#),
        (Server, br#"[2,9129137332,{"authid":"peter"}]"#),
        (Client, br#"[48,1,{"receive_progress":true},"com.ex.count",[3]]"#),
        (Server, br#"[50,1,{"progress":true},[0]]"#),
        (Server, br#"[50,1,{"progress":true},[1]]"#),
        (Client, br#"[49,1,{"mode":"kill"}]"#),
        (Server, br#"[8,48,1,{},"wamp.error.canceled"]"#),
        (Client, br#"[16,2,{"acknowledge":true},"com.ex.news"]"#),
        (Server, br"[17,2,4429313566]"),
        (Client, br#"[16,3,{"acknowledge":true},"com..bad"]"#),
        (Server, br#"[8,16,3,{},"wamp.error.invalid_uri"]"#),
        (Server, br#"[36,77,88,{"topic":"com.ex.news"},[1]]"#),
        (Server, br#"[68,5,66,{"procedure":"com.ex.add"},[1]]"#),
        (Server, br"[69,5,{}]"),
        (Client, br#"[6,{},"wamp.close.normal"]"#),
    ];
    assert_eq!(
        said(&mut reader("wamp.2.json"), messages),
        [
            "wamp HELLO name=realm1 role=question realm=realm1",
            "wamp CHALLENGE role=progress of=realm1 latency=1 signature=(ticket)",
            "wamp AUTHENTICATE of=realm1 signature=(made-up)",
            "wamp WELCOME role=answer of=realm1 latency=3 session=9129137332",
            "wamp CALL name=com.ex.count id=1 role=question body=[3]",
            "wamp RESULT id=1 role=progress of=com.ex.count latency=1 progress=true body=[0]",
            "wamp RESULT id=1 role=progress of=com.ex.count progress=true body=[1]",
            "wamp CANCEL id=1 of=com.ex.count",
            "wamp ERROR id=1 role=answer of=com.ex.count latency=4 error=wamp.error.canceled request_type=CALL",
            "wamp PUBLISH name=com.ex.news id=2 role=question",
            "wamp PUBLISHED id=2 role=answer of=com.ex.news latency=1 publication=4429313566",
            "wamp PUBLISH name=com..bad id=3 role=question",
            "wamp ERROR id=3 role=answer of=com..bad latency=1 error=wamp.error.invalid_uri request_type=PUBLISH",
            "wamp EVENT name=com.ex.news subscription=77 publication=88 body=[1]",
            "wamp INVOCATION name=com.ex.add id=5 role=question registration=66 body=[1]",
            "wamp INTERRUPT id=5 of=com.ex.add",
            "wamp GOODBYE name=wamp.close.normal",
        ]
    );
}

#[test]
fn a_stream_joined_late_is_recognised_by_three_messages() {
    let text: &[(Side, &[u8])] = &[
        (Side::Client, br#"[48,2,{},"com.ex.add",[2,3]]"#),
        (Side::Server, br"[50,2,{},[5]]"),
        (Side::Client, br#"[16,3,{},"com.ex.news"]"#),
        (Side::Server, br"[36,5512315355,4429313566,{},[1]]"),
    ];
    let lines = [
        "wamp EVENT subscription=5512315355 publication=4429313566 body=[1]",
        "wamp CALL name=com.ex.add id=2 role=question body=[2,3]",
        "wamp RESULT id=2 role=answer of=com.ex.add latency=1 body=[5]",
        "wamp PUBLISH name=com.ex.news id=3",
    ];
    assert_eq!(said(&mut Reader::new(Opening::default()), text), lines);
    let packed: &[(Side, &[u8])] = &[
        (Side::Client, b"\x95\x30\x02\x80\xaacom.ex.add\x92\x02\x03"),
        (Side::Server, b"\x94\x32\x02\x80\x91\x05"),
        (Side::Client, b"\x94\x10\x03\x80\xabcom.ex.news"),
        (Side::Server, b"\x95\x24\xcf\0\0\0\x01\x48\x8f\x2f\x5b\xcf\0\0\0\x01\x08\x02\x2f\x5e\x80\x91\x01"),
    ];
    let mut reader = Reader::new(Opening::default());
    let said: Vec<_> =
        (1..).zip(packed).flat_map(|(n, it)| lines_of(&mut reader, it.0, Opcode::BINARY, it.1, n)).collect();
    assert_eq!(said[1..], lines[1..]);
}

#[test]
fn the_packed_forms_say_the_same() {
    // [48, 3, {}, "a.b", [1]]
    let msgpack = b"\x95\x30\x03\x80\xa3a.b\x91\x01";
    let cbor = b"\x85\x18\x30\x03\xa0\x63a.b\x81\x01";
    let batched = [&b"\0\0\0\x0a"[..], &msgpack[..]].concat();
    for (header, bytes) in
        [("wamp.2.msgpack", &msgpack[..]), ("wamp.2.cbor", cbor), ("wamp.2.msgpack.batched", &batched)]
    {
        let lines = lines_of(&mut reader(header), Side::Client, Opcode::BINARY, bytes, 1);
        assert_eq!(lines, ["wamp CALL name=a.b id=3 role=question body=[1]"], "{header}");
    }
}
