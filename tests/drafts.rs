//! draft-hixie-thewebsocketprotocol-76: eight bytes after the request, and a response of sixteen before the server's
//! frames.

use wirefin::model::Side;

use crate::support::damage;
use crate::support::dice::Dice;
use crate::support::packets::Talk;
use crate::support::run::{codes, export, texts};

const REQUEST: &[u8] = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n";
const CHALLENGE: &[u8] = b"^n:ds[4U";
const RESPONSE: &[u8] =
    b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Origin: http://example.com\r\nSec-WebSocket-Location: ws://example.com/demo\r\n\r\n";
/// The response in the draft's own example (§1.3).
const ANSWER: &[u8] = b"8jKS'y:G*Co,Wxa-";

/// The way in which bytes are split into segments.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// What is sent at once is one segment.
    AtOnce,
    /// Heads, challenge, response and frames are separate segments.
    Apart,
    /// Every byte is a segment.
    Bytes,
}

fn put(talk: &mut Talk, cut: Cut, side: Side, parts: &[&[u8]]) {
    match cut {
        Cut::AtOnce => talk.send(side, &parts.concat()),
        Cut::Apart => parts.iter().for_each(|part| talk.send(side, part)),
        Cut::Bytes => parts.concat().iter().for_each(|byte| talk.send(side, &[*byte])),
    }
}

/// Builds a conversation whose challenge or its response look like frames.
fn talk(cut: Cut, challenge: &[u8], answer: &[u8]) -> Talk {
    let mut talk = Talk::new(1);
    put(&mut talk, cut, Side::Client, &[REQUEST, challenge]);
    put(&mut talk, cut, Side::Server, &[RESPONSE, answer, b"\x00first\xff"]);
    put(&mut talk, cut, Side::Client, &[b"\x00hello\xff", b"\x00and more\xff"]);
    put(&mut talk, cut, Side::Server, &[b"\x00world\xff", b"\xff\x00"]);
    put(&mut talk, cut, Side::Client, &[b"\xff\x00"]);
    talk.end();
    talk
}

const SENT: [&str; 4] = ["first", "hello", "and more", "world"];

#[test]
fn the_challenge_and_its_answer_do_not_shift_the_frames() {
    for cut in [Cut::AtOnce, Cut::Apart, Cut::Bytes] {
        let plain = [CHALLENGE, b"\x00text\xff\xff\x00", b"\x81\x05hello\xff"];
        for challenge in plain {
            for answer in [ANSWER, b"\x00answer\xff\x00more\xff\xff\x00", &[0x81; 16][..]] {
                let lines = export(&talk(cut, challenge, answer).packets, false);
                assert_eq!(texts(&lines), SENT, "{cut:?} {challenge:?} {answer:?}");
                assert_eq!(codes(&lines), ["old-protocol"], "{cut:?} {challenge:?} {answer:?}");
                assert_eq!(lines.matches(r#""opcode":"close""#).count(), 2, "{lines}");
            }
        }
    }
}

#[test]
fn the_frames_of_a_draft_are_the_same_in_another_order() {
    let whole = talk(Cut::Apart, CHALLENGE, ANSWER).packets;
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let packets = damage::duplicate(&damage::reorder(&whole, &mut dice, 200, 4), &mut dice, 100, 4);
        let mut shown = texts(&export(&packets, false));
        // Who was first may be captured second.
        shown.sort_unstable();
        let mut sent = SENT;
        sent.sort_unstable();
        assert_eq!(shown, sent, "{seed}");
    }
}
