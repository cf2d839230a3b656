//! Connections of other protocols, joined mid-stream, in which no WebSocket may be found.

use wirefin::model::Side;

use crate::support::damage;
use crate::support::dialogue::{BINARY, FIN, PING, PONG, TEXT, frame, goodbye, upgraded};
use crate::support::dice::Dice;
use crate::support::packets::{ACK, PSH, Packet, Talk};
use crate::support::run::export;

/// First bytes of frames that other protocols also use.
const FIRST: [u8; 9] = [0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0xc2, 0x01, 0x80];

/// Generates a message of a protocol of some kind.
fn message(kind: usize, side: Side, n: usize, dice: &mut Dice) -> Vec<u8> {
    let length = match dice.below(4) {
        0 => dice.below(8),
        1 | 2 => dice.below(60),
        _ => dice.below(1400),
    };
    let mut noise = |length: usize| (0..length).map(|_| dice.below(256) as u8).collect::<Vec<u8>>();
    match kind {
        // Noise, like encrypted data.
        0 => noise(length + 1),
        // Short messages that begin like frames.
        1 => {
            let body = noise(length % 40);
            [vec![FIRST[body.len() % FIRST.len()], body.first().copied().unwrap_or(0)], body].concat()
        }
        // A type and a length of one byte each; the other side responds with another type.
        2 => {
            let body = noise(length % 120);
            let first = if side == Side::Client { 0x82 } else { 0x90 };
            [vec![first, body.len() as u8], body].concat()
        }
        // A four-byte length before each.
        3 => [&u32::try_from(length).unwrap().to_be_bytes()[..], &noise(length)].concat(),
        4 => format!("{n} the quick brown fox {length} jumps\r\n").into_bytes(),
        5 => vec![(length % 3) as u8 * 0x40 + 1; length + 1],
        // A type, a two-byte length, JSON.
        6 => {
            let body = format!(r#"{{"seq":{n},"value":{length}}}"#).into_bytes();
            [&[0x81, 0, body.len() as u8][..], &body].concat()
        }
        // MQTT: a subscription, and its acknowledgement.
        _ => {
            let topic = format!("home/{n}/{length}");
            let number = [(n >> 8) as u8 | 1, n as u8];
            match side {
                Side::Client => {
                    let head = [0x82, topic.len() as u8 + 5, number[0], number[1], 0, topic.len() as u8];
                    [&head[..], topic.as_bytes(), &[0]].concat()
                }
                Side::Server => vec![0x90, 3, number[0], number[1], 0],
            }
        }
    }
}

/// Generates a connection whose beginning was not captured.
fn connection(seed: u64) -> Vec<Packet> {
    let mut dice = Dice::new(seed);
    let mut talk = Talk::silent(u32::try_from(seed % 1_000_000).unwrap());
    let kind = dice.below(8);
    for n in 0..4 + dice.below(12) {
        // Some respond to each message, some push.
        let sides = if dice.per_mille(600) { &Side::BOTH[..] } else { &[Side::Server] };
        for side in sides {
            let bytes = message(kind, *side, n, &mut dice);
            talk.put(*side, ACK | PSH, &bytes);
        }
    }
    talk.end();
    talk.packets
}

/// Runs on `WIREFIN_CONNECTIONS` of them, or a few.
#[test]
fn no_websocket_is_found_in_connections_joined_in_mid_stream() {
    let connections = std::env::var("WIREFIN_CONNECTIONS").map_or(20_000, |n| n.parse().unwrap());
    let mut found = Vec::new();
    for batch in 0..connections / 500_u64 {
        let seeds = batch * 500..(batch + 1) * 500;
        let packets: Vec<_> = seeds.clone().flat_map(connection).collect();
        if export(&packets, false).contains(r#""type":"open""#) {
            let is_found = |seed: &u64| export(&connection(*seed), false).contains(r#""type":"open""#);
            found.extend(seeds.filter(is_found));
        }
    }
    println!("{} of {connections} connections taken for WebSocket", found.len());
    let kinds: Vec<_> = found.iter().map(|seed| Dice::new(*seed).below(8)).collect();
    let few = found.len().min(10);
    assert!(
        found.is_empty(),
        "{} of {connections}, the seeds {:?}, kinds {kinds:?}",
        found.len(),
        &found[..few]
    );
}

/// Generates a conversation of ten messages or more, without its handshake and some of what follows.
fn conversation(seed: u64) -> Vec<Packet> {
    let mut dice = Dice::new(seed);
    let mut talk = upgraded(u32::try_from(seed % 1_000_000).unwrap());
    let first = talk.packets.len();
    let is_echo = dice.per_mille(500);
    for n in 0..10 + dice.below(20) {
        let opcode = [TEXT, TEXT, BINARY, PING][dice.below(4)];
        let length = dice.below(if opcode == PING { 20 } else { 300 });
        let payload = match opcode {
            BINARY => (0..length).map(|_| dice.below(256) as u8).collect(),
            _ => format!("{{\"n\":{n},\"text\":\"{}\"}}", "word ".repeat(length / 5)).into_bytes(),
        };
        let payload = &payload[..payload.len().min(if opcode == PING { 125 } else { 1000 })];
        talk.send(Side::Client, &frame(Side::Client, FIN | opcode, payload));
        if is_echo || opcode == PING {
            let answer = if opcode == PING { PONG } else { opcode };
            talk.send(Side::Server, &frame(Side::Server, FIN | answer, payload));
        }
    }
    goodbye(&mut talk);
    damage::lose_before(&talk.packets, first + dice.below(4))
}

/// Runs on `WIREFIN_CONNECTIONS` of them, or a few.
#[test]
fn conversations_joined_in_mid_stream_are_found() {
    let connections = std::env::var("WIREFIN_CONNECTIONS").map_or(2_000, |n| n.parse().unwrap());
    let mut found = 0;
    for batch in 0..connections / 500_u64 {
        let packets: Vec<_> = (batch * 500..(batch + 1) * 500).flat_map(conversation).collect();
        found += export(&packets, false).matches(r#""type":"open""#).count() as u64;
    }
    println!("{found} of {connections} conversations found");
    assert!(found * 1000 >= connections * 999 && found <= connections, "{found} of {connections}");
}
