//! Hostile input: each fault is named in the output, and nothing good around it is lost.

use std::io::Cursor;

use serde_json::Value;
use wirefin::model::Side::{self, Client, Server};

use crate::support::dialogue::{
    self, BINARY, CLOSE, CONTINUATION, DEFLATE, Deflater, FIN, PING, PONG, RSV1, TEXT, answer, close, frame,
    header, request,
};
use crate::support::packets::{ACK, Packet, RST, Talk, pcap};
use crate::support::run::{codes, export, export_bytes, print, records, texts};

/// Exports a conversation in which `evil` happens between two good messages of each side.
fn around(evil: impl FnOnce(&mut Talk)) -> String {
    export(&talk_around("", evil).packets, true)
}

fn talk_around(fields: &str, evil: impl FnOnce(&mut Talk)) -> Talk {
    let mut talk = dialogue::upgraded_with(1, fields);
    for side in [Client, Server] {
        talk.send(side, &frame(side, FIN | TEXT, format!("before, {}", side.name()).as_bytes()));
    }
    evil(&mut talk);
    for side in [Client, Server] {
        talk.send(side, &frame(side, FIN | TEXT, format!("after, {}", side.name()).as_bytes()));
    }
    talk
}

/// Checks that the good messages are present and that `code` is reported.
fn named(lines: &str, code: &str) {
    let texts = texts(lines);
    for good in ["before, client", "before, server", "after, client", "after, server"] {
        assert!(texts.iter().any(|text| text == good), "{good} is lost:\n{lines}");
    }
    told(lines, code);
}

fn told(lines: &str, code: &str) {
    assert!(codes(lines).iter().any(|told| told == code), "{code} is not reported:\n{lines}");
}

/// Returns the evidence of the anomaly with this code.
fn evidence(lines: &str, code: &str) -> Value {
    let found = records(lines).into_iter().find(|record| record["rule"] == code);
    found.unwrap_or_else(|| panic!("{code} is not told:\n{lines}"))["evidence"].clone()
}

fn messages(lines: &str) -> Vec<Value> {
    records(lines).into_iter().filter(|record| record["type"] == "message").collect()
}

#[test]
fn a_good_conversation_is_blamed_for_nothing() {
    let mut talk = talk_around("", |_| {});
    dialogue::goodbye(&mut talk);
    let lines = export(&talk.packets, true);
    assert_eq!((texts(&lines).len(), codes(&lines)), (4, vec![]), "{lines}");
}

#[test]
fn a_capture_cut_anywhere_gives_what_it_holds() {
    let talk = talk_around("", |_| {});
    let whole = pcap(&talk.packets);
    let all = texts(&export_bytes(Cursor::new(whole.clone()), false).unwrap());
    for end in (24..whole.len()).rev().step_by(7) {
        let lines = export_bytes(Cursor::new(whole[..end].to_vec()), false).unwrap();
        let texts = texts(&lines);
        assert_eq!(texts, all[..texts.len()], "cut at {end}");
        let is_whole = (0..=talk.packets.len()).any(|n| pcap(&talk.packets[..n]).len() == end);
        assert_eq!(
            codes(&lines).contains(&"capture-damaged".to_owned()),
            !is_whole,
            "cut at {end}:\n{lines}"
        );
    }
}

#[test]
fn a_record_of_4_gib_ends_the_file_and_is_named() {
    let talk = talk_around("", |_| {});
    let mut file = pcap(&talk.packets);
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    let mut lines = String::new();
    let memory = allocation_counter::measure(|| lines = export_bytes(Cursor::new(file), false).unwrap());
    named(&lines, "capture-damaged");
    assert!(memory.bytes_max < 32 << 20, "{memory:?}");
}

/// Writes packets as pcapng, followed by raw blocks.
fn pcapng(packets: &[Packet], behind: &[u8]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap().to_le_bytes();
        let mut block = [&kind.to_le_bytes()[..], &length, body].concat();
        block.resize(body.len().next_multiple_of(4) + 8, 0);
        block.extend(length);
        block
    };
    let mut file =
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    file.extend(block(1, &[101, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
    for packet in packets {
        let time = u64::try_from(packet.time).unwrap().to_le_bytes();
        let length = u32::try_from(packet.data.len()).unwrap().to_le_bytes();
        file.extend(block(
            6,
            &[&[0; 4][..], &time[4..], &time[..4], &length, &length, &packet.data].concat(),
        ));
    }
    file.extend_from_slice(behind);
    file
}

#[test]
fn a_pcapng_block_of_4_gib_is_named_and_costs_no_memory() {
    let talk = talk_around("", |_| {});
    let clean = export_bytes(Cursor::new(pcapng(&talk.packets, b"")), false).unwrap();
    assert_eq!((texts(&clean).len(), codes(&clean).len()), (4, 0), "{clean}");
    let behind = [&6_u32.to_le_bytes()[..], &0xffff_fffc_u32.to_le_bytes(), &[7; 5000]].concat();
    let mut lines = String::new();
    let file = pcapng(&talk.packets, &behind);
    let memory = allocation_counter::measure(|| lines = export_bytes(Cursor::new(file), false).unwrap());
    named(&lines, "capture-damaged");
    assert!(memory.bytes_max < 32 << 20, "{memory:?}");
    // A block of length 0 would be read forever.
    let lines = export_bytes(Cursor::new(pcapng(&talk.packets, &[0; 64])), false).unwrap();
    named(&lines, "capture-damaged");
}

#[test]
fn a_head_that_never_ends_is_named_and_costs_no_memory() {
    let mut talk = Talk::new(1);
    let mut head =
        b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            .to_vec();
    while head.len() < 300_000 {
        head.extend(b"X-Filler: and so on and so on and so on\r\n");
    }
    talk.send(Client, &head);
    let good = talk_around("", |_| {});
    let packets: Vec<_> = [&talk.packets[..], &dialogue_at(&good, 2)].concat();
    let mut lines = String::new();
    let memory = allocation_counter::measure(|| lines = export(&packets, true));
    assert!(memory.bytes_max < 32 << 20, "{memory:?}");
    named(&lines, "limit-reached");
    assert_eq!(evidence(&lines, "limit-reached")["limit"], "HTTP head");
}

/// Gives a conversation another address, so that it is separate from the first.
fn dialogue_at(talk: &Talk, host: u8) -> Vec<Packet> {
    let mut packets = talk.packets.clone();
    for packet in &mut packets {
        for at in [12, 16] {
            if packet.data[at..at + 2] == [10, 0] {
                packet.data[at + 3] = 100 + host;
            }
        }
    }
    packets
}

#[test]
fn a_frame_of_2_to_the_63_bytes_costs_nothing_and_takes_nothing_from_others() {
    for (length, code) in [((1 << 63) - 1, "unfinished-frame"), (u64::MAX, "length-top-bit")] {
        let mut talk = talk_around("", |_| {});
        talk.send(
            Client,
            &[&header(Client, FIN | BINARY, length)[..], &[1, 2, 3, 4], b"a few bytes"].concat(),
        );
        talk.send(Client, &[7; 5000]);
        talk.send(Server, &frame(Server, FIN | TEXT, b"still here"));
        talk.end();
        let mut lines = String::new();
        let memory = allocation_counter::measure(|| lines = export(&talk.packets, true));
        named(&lines, code);
        assert!(texts(&lines).contains(&"still here".to_owned()));
        assert!(memory.bytes_max < 32 << 20, "{memory:?}");
        let frames =
            records(&lines).iter().filter(|record| record["length"].as_u64() == Some(length)).count();
        assert!(frames >= 1, "the length is reported as sent:\n{lines}");
    }
}

#[test]
fn a_message_of_20_000_fragments_is_one() {
    let lines = around(|talk| {
        talk.send(Server, &frame(Server, TEXT, b"x"));
        let mut rest = frame(Server, CONTINUATION, b"x").repeat(19_998);
        rest.extend(frame(Server, FIN | CONTINUATION, b"!"));
        talk.send(Server, &rest);
    });
    let texts = texts(&lines);
    assert_eq!(texts.iter().map(String::len).max(), Some(20_000));
    let long = messages(&lines).into_iter().find(|message| message["length"] == 20_000).unwrap();
    assert_eq!(long["wire"]["frames"], 20_000);
    assert!(texts.contains(&"after, server".to_owned()) && codes(&lines).is_empty());
}

#[test]
fn a_ping_of_126_bytes() {
    let lines = around(|talk| talk.send(Client, &frame(Client, FIN | PING, &[b'p'; 126])));
    named(&lines, "control-too-long");
    assert!(messages(&lines).iter().any(|message| message["opcode"] == "ping" && message["length"] == 126));
}

#[test]
fn a_fragmented_ping() {
    let lines = around(|talk| {
        talk.send(Client, &frame(Client, PING, b"half"));
        talk.send(Client, &frame(Client, FIN | CONTINUATION, b"and half"));
    });
    named(&lines, "fragmented-control");
}

#[test]
fn a_close_body_of_one_byte() {
    let mut talk = talk_around("", |_| {});
    talk.send(Client, &frame(Client, FIN | CLOSE, &[3]));
    named(&export(&talk.packets, false), "close-body-one-byte");
}

#[test]
fn an_orphan_continuation() {
    let lines = around(|talk| talk.send(Server, &frame(Server, FIN | CONTINUATION, b"whose?")));
    named(&lines, "orphan-continuation");
    assert!(
        messages(&lines).iter().any(|message| message["opcode"] == "continuation" && message["length"] == 6)
    );
}

#[test]
fn a_message_inside_a_message_and_reserved_opcodes_and_bits() {
    let lines = around(|talk| {
        talk.send(Client, &frame(Client, TEXT, b"unfinished"));
        talk.send(Client, &frame(Client, FIN | TEXT, b"another"));
    });
    named(&lines, "message-inside-message");
    assert!(texts(&lines).contains(&"another".to_owned()));
    let lines = around(|talk| talk.send(Server, &frame(Server, FIN | 3, b"what is this")));
    named(&lines, "reserved-opcode");
    assert!(
        messages(&lines)
            .iter()
            .any(|message| message["opcode"] == "reserved-3" && message["base64"].is_string())
    );
    named(
        &around(|talk| talk.send(Server, &frame(Server, FIN | 0x30 | TEXT, b"bits"))),
        "rsv-without-extension",
    );
}

#[test]
fn lengths_that_are_not_minimal() {
    let lines = around(|talk| talk.send(Server, b"\x81\x7e\x00\x05hello"));
    named(&lines, "length-not-minimal");
    assert!(texts(&lines).contains(&"hello".to_owned()));
    named(&around(|talk| talk.send(Server, b"\x81\x7f\0\0\0\0\0\0\x00\x05hello")), "length-not-minimal");
}

#[test]
fn masks_the_wrong_way_round() {
    named(&around(|talk| talk.send(Client, &frame(Server, FIN | TEXT, b"bare"))), "unmasked-client-frame");
    named(&around(|talk| talk.send(Server, &frame(Client, FIN | TEXT, b"veiled"))), "masked-server-frame");
}

#[test]
fn text_that_is_not_utf8_with_the_offset_across_fragments() {
    // "né" split inside its second character, then a byte that cannot follow.
    let lines = around(|talk| {
        talk.send(Server, &frame(Server, TEXT, b"ab\xc3"));
        talk.send(Server, &frame(Server, CONTINUATION, b"\xa9cd\xf0\x9f"));
        talk.send(Server, &frame(Server, FIN | CONTINUATION, b"\x90\xffz"));
    });
    named(&lines, "bad-utf8");
    assert_eq!(evidence(&lines, "bad-utf8")["offset"], 6);
    let bad = messages(&lines).into_iter().find(|message| message["length"] == 11).unwrap();
    assert!(bad["text"].is_null() && bad["base64"] == "YWLDqWNk8J+Q/3o=", "{bad}");
    let lines = around(|talk| talk.send(Client, &frame(Client, FIN | TEXT, b"cut short \xe2\x82")));
    assert_eq!(evidence(&lines, "bad-utf8")["offset"], 10);
    named(&lines, "bad-utf8");
}

#[test]
fn compressed_garbage_and_what_follows_it() {
    let talk = talk_around(DEFLATE, |talk| {
        talk.send(Server, &frame(Server, FIN | RSV1 | TEXT, &[0xff; 20]));
        let good = Deflater::new().message(b"of the other side");
        talk.send(Client, &frame(Client, FIN | RSV1 | TEXT, &good));
    });
    let lines = export(&talk.packets, true);
    named(&lines, "deflate-damaged");
    assert!(texts(&lines).contains(&"of the other side".to_owned()));
}

#[test]
fn a_bomb_is_told_by_its_true_length_and_bounded() {
    let bomb = Deflater::new().message(&vec![b'0'; 64 << 20]);
    let talk = talk_around(DEFLATE, |talk| talk.send(Server, &frame(Server, FIN | RSV1 | BINARY, &bomb)));
    let mut lines = String::new();
    let memory = allocation_counter::measure(|| lines = export(&talk.packets, false));
    named(&lines, "message-truncated");
    assert!(memory.bytes_max < 192 << 20, "{memory:?}");
    assert!(messages(&lines).iter().any(|message| message["length"] == 64 << 20));
}

#[test]
fn noise_after_the_upgrade_and_a_reset() {
    let mut talk = talk_around("", |_| {});
    let noise: Vec<u8> = (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    talk.send(Client, &noise);
    talk.put(Server, RST | ACK, &[]);
    let lines = export(&talk.packets, true);
    assert!(texts(&lines).contains(&"after, server".to_owned()));
    assert_eq!(records(&lines).last().unwrap()["type"], "close");
}

/// Everything that a terminal may interpret or that reorders its display.
const OBEYED: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{8}\r\u{0}\u{b}\u{7f}\u{85}\u{9b}31m\u{9d}0;x\u{9c}\u{202e}drow\u{202c}\u{2066}\u{2069}\u{200f}\u{61c}";

#[test]
fn nothing_from_the_wire_is_obeyed_by_a_terminal() {
    let evil = OBEYED.replace(['\r', '\0'], "");
    let mut talk = Talk::new(1);
    let target = format!("GET /{evil} HTTP/1.1\r\n");
    let head =
        String::from_utf8(request(&format!("X-{evil}: a{evil}b\r\nSec-WebSocket-Protocol: p{evil}\r\n")))
            .unwrap();
    talk.send(Client, head.replacen("GET /chat HTTP/1.1\r\n", &target, 1).as_bytes());
    let head =
        String::from_utf8(answer(&format!("Sec-WebSocket-Protocol: q{evil}\r\nServer: {evil}\r\n"))).unwrap();
    talk.send(Server, head.replacen("Switching Protocols", &evil, 1).as_bytes());
    for side in [Client, Server] {
        talk.send(side, &frame(side, FIN | TEXT, format!("see{OBEYED}this").as_bytes()));
        talk.send(side, &frame(side, FIN | BINARY, OBEYED.as_bytes()));
        talk.send(side, &frame(side, FIN | PING, OBEYED.as_bytes()));
        talk.send(side, &frame(side, FIN | PONG, OBEYED.as_bytes()));
        talk.send(side, &close(side, 4000, format!("why{OBEYED}").as_bytes()));
    }
    talk.end();
    refused(&mut talk, &evil);
    let (lines, print) = (export(&talk.packets, true), print(&talk.packets));
    assert!(texts(&lines).contains(&format!("see{OBEYED}this")), "a JSON parser returns the text:\n{lines}");
    for (what, output) in [("NDJSON", &lines), ("print", &print)] {
        assert!(output.contains("see") && output.contains("why"), "{what} shows the rest");
        for (n, line) in output.lines().enumerate() {
            let obeyed = line.chars().find(|c| is_obeyed(*c));
            assert_eq!(obeyed, None, "{what}, line {n}: {line:?}");
        }
    }
}

/// Adds a connection whose upgrade is refused with text.
fn refused(talk: &mut Talk, evil: &str) {
    let mut other = Talk::new(2);
    other.send(Client, &request(""));
    other.send(Server, format!("HTTP/1.1 403 {evil}\r\nX: {evil}\r\nContent-Length: 0\r\n\r\n").as_bytes());
    other.end();
    talk.packets.extend(other.packets);
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn the_check_for_what_is_obeyed_can_fail() {
    assert!(OBEYED.chars().filter(|c| is_obeyed(*c)).count() >= 18);
    assert!(!"plain text, ·␛[2J é 🦀".chars().any(is_obeyed));
}

#[test]
fn two_sides_of_a_conversation_do_not_disturb_each_other() {
    for side in Side::BOTH {
        let lines = around(|talk| talk.send(side, &frame(side, FIN | 0x0b, &[0; 300])));
        named(&lines, "reserved-opcode");
        told(&lines, "control-too-long");
    }
}
