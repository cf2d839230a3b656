use super::*;
use crate::subprotocol::tests::{lines_of, said};
use crate::subprotocol::{Opening, Reader};

/// The versions, the choice of no authentication, and the initialisation of a 16 by 8 screen.
const BEGINNING: [(Side, &[u8]); 7] = [
    (Side::Server, b"RFB 003.008\n"),
    (Side::Client, b"RFB 003.008\n"),
    (Side::Server, &[1, 1]),
    (Side::Client, &[1]),
    (Side::Server, &[0; 4]),
    (Side::Client, &[1]),
    (Side::Server, b"\0\x10\0\x08 \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03lab"),
];

#[test]
fn a_session_begins() {
    let more: &[(Side, &[u8])] = &[
        (Side::Client, &[2, 0, 0, 1, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 97]),
        // A raw rectangle of one pixel, split into three parts; its pixel looks like an update.
        (Side::Server, &[0, 0, 0, 1, 0, 0]),
        (Side::Server, &[0, 0, 0, 1, 0, 1, 0, 0, 0, 0]),
        (Side::Server, &[0, 0, 0, 9]),
        (Side::Server, &[2]),
    ];
    let messages = [&BEGINNING, more].concat();
    assert_eq!(
        said(&mut Reader::new(Opening::default()), &messages),
        [
            "rfb ProtocolVersion version=003.008",
            "rfb ProtocolVersion version=003.008",
            "rfb Security number-of-security-types=1 security-types=[01]",
            "rfb SecurityType security-type=1",
            "rfb SecurityResult status=0",
            "rfb ClientInit shared-flag=true",
            "rfb ServerInit name=lab framebuffer-width=16 framebuffer-height=8",
            "rfb SetEncodings number-of-encodings=1",
            "rfb KeyEvent down-flag=true key=97",
            "rfb FramebufferUpdate number-of-rectangles=1",
            "rfb Bell",
        ]
    );
}

#[test]
fn a_cut_in_any_place_says_the_same_and_a_loss_nothing_more() {
    let server = [&b"RFB 003.008\n"[..], &[1, 2]].concat();
    let (one, two) = server.split_at(5);
    let messages: &[(Side, &[u8])] = &[
        (Side::Server, one),
        (Side::Server, &two[..7]),
        (Side::Client, b"RFB 003.008\n"),
        (Side::Server, &two[7..]),
        // The client's choice has not arrived yet: the meaning of a second message is unknown.
        (Side::Server, &[0; 4]),
        (Side::Server, &[0; 16]),
    ];
    assert_eq!(
        said(&mut Reader::new(Opening::default()), messages),
        [
            "rfb ProtocolVersion messages=2 version=003.008",
            "rfb ProtocolVersion version=003.008",
            "rfb Security number-of-security-types=1 security-types=[02]",
        ]
    );
}

#[test]
fn of_a_session_joined_late_the_clients_input_is_named() {
    let request: &[u8] = &[3, 1, 0, 0, 0, 0, 4, 0, 3, 0];
    let key: &[u8] = &[4, 1, 0, 0, 0, 0, 0, 97];
    let messages: &[(Side, &[u8])] = &[
        (Side::Server, &[7; 90]),
        (Side::Client, request),
        (Side::Client, &[5, 0, 0, 1, 0, 2]),
        (Side::Client, &[0, 9, 9, 9, 9, 9]),
    ];
    let names = |reader: &mut Reader, messages: &[(Side, &[u8])]| {
        let lines = (1..).zip(messages).flat_map(|(n, (from, bytes))| {
            lines_of(reader, *from, crate::websocket::Opcode::BINARY, bytes, n)
        });
        lines.map(|it| it.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut reader = Reader::new(Opening::default());
    assert_eq!(names(&mut reader, messages), [""; 0]);
    assert_eq!(reader.protocol(), None);
    let mut reader = Reader::new(Opening::default());
    let later =
        [&messages[..3], &[(Side::Client, request), (Side::Client, key), (Side::Server, &[2])]].concat();
    let names = names(&mut reader, &later);
    let (asks, key) = ("FramebufferUpdateRequest", "KeyEvent");
    assert_eq!(names, [key, asks, "PointerEvent", asks], "nothing of the server's");
}

#[test]
fn a_flood_of_bells_is_bounded() {
    let mut reader =
        Reader::named("rfb", &Opening { target: Some("/".into()), ..Opening::default() }).unwrap();
    said(&mut reader, &BEGINNING);
    let bells = vec![2; 1 << 20];
    let at = crate::subprotocol::tests::at(9);
    for _ in 0..4 {
        let (from, opcode) = (Side::Server, crate::websocket::Opcode::BINARY);
        let input = Input { from, opcode, bytes: &bells, missing: &[], length: 1 << 20, first: at, at };
        let meaning = reader.message(&input);
        let told = meaning.units().inspect(|it| assert_eq!(it.kind(), "Bell")).count() as u64;
        assert_eq!((told <= crate::subprotocol::MAX_UNITS as u64, told + meaning.more()), (true, 1 << 20));
        assert!(reader.allocated() < 1 << 20, "{}", reader.allocated());
    }
}
