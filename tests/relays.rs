//! Messages whose payloads contain WebSocket frames, as sent by a relay, a recording or an attacker: if the header of
//! such a message was not captured, whatever is shown of its payload is marked as found by a search, or it was sent.

use serde_json::Value;
use wirefin::model::Side;

use crate::support::damage;
use crate::support::dialogue::{
    BINARY, CLOSE, CONTINUATION, DEFLATE, Deflater, FIN, PING, PONG, RSV1, TEXT, frame, goodbye, header,
    upgraded, upgraded_with,
};
use crate::support::dice::Dice;
use crate::support::packets::{ACK, PSH, Packet, Talk, pcap};
use crate::support::run::{export, records};
use crate::support::sent::{Sent, faults, sent};

/// What a relay does with the frames that it forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relay {
    /// They are the payload of one frame, split into arbitrary TCP segments.
    Plain,
    /// The same, but each of them begins a segment.
    Aligned,
    /// The same, in frames of several fragments.
    Fragmented,
    Compressed,
    /// A client chooses keys so that its masked payload looks like frames, and sends it at once.
    Chosen,
}

const RELAYS: [Relay; 5] =
    [Relay::Plain, Relay::Aligned, Relay::Fragmented, Relay::Compressed, Relay::Chosen];

/// A generated conversation.
struct Made {
    relay: Relay,
    packets: Vec<Packet>,
    /// The packets that contain the headers of relaying frames.
    headers: Vec<usize>,
}

/// Builds a frame masked with `key`, if there is one.
fn masked(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let Some(key) = key else { return frame(Side::Server, first, payload) };
    let mut bytes = header(Side::Client, first, payload.len() as u64);
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

fn key(dice: &mut Dice) -> [u8; 4] {
    (dice.throw() as u32 | 1).to_le_bytes()
}

/// Generates random words.
fn words(dice: &mut Dice, longest: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = ["order", "price", "42", "room", "left", "the", "ü", "{\"id\":7}"];
    let mut text = format!("{} ", dice.below(1 << 30));
    let length = dice.below(longest);
    while text.len() < length {
        text.push_str(WORDS[dice.below(WORDS.len())]);
        text.push(' ');
    }
    text.into_bytes()
}

/// Generates the relayed frames, as one side of another conversation sent them.
fn relayed(dice: &mut Dice, is_masked: bool) -> Vec<Vec<u8>> {
    let several = dice.per_mille(500);
    let mut frames: Vec<_> = (0..3 + dice.below(30))
        .map(|n| {
            let key = is_masked.then(|| key(dice));
            match dice.below(8) {
                0 => masked(FIN | PING, b"keep-alive", key),
                1 => masked(FIN | PONG, b"keep-alive", key),
                2 => masked(FIN | PING, format!("ping {n}").as_bytes(), key),
                3 => masked(FIN | BINARY, &dice.throw().to_le_bytes(), key),
                4 if several => {
                    [masked(TEXT, &words(dice, 90), key), masked(FIN | CONTINUATION, b"end", key)].concat()
                }
                _ => masked(FIN | TEXT, &words(dice, 300), key),
            }
        })
        .collect();
    if dice.per_mille(300) {
        frames.push(masked(FIN | CLOSE, &1000_u16.to_be_bytes(), is_masked.then(|| key(dice))));
    }
    frames
}

/// A builder of a conversation.
struct Maker {
    dice: Dice,
    talk: Talk,
    headers: Vec<usize>,
    deflaters: Option<[Deflater; 2]>,
    /// Whether all pings have the same payload.
    is_constant: bool,
}

impl Maker {
    /// Builds a frame as a side sends it.
    fn frame(&mut self, side: Side, first: u8, payload: &[u8]) -> Vec<u8> {
        let key = (side == Side::Client).then(|| key(&mut self.dice));
        masked(first, payload, key)
    }

    fn message(&mut self, side: Side, opcode: u8, payload: &[u8]) -> Vec<u8> {
        match &mut self.deflaters {
            Some(deflaters) if opcode < CLOSE => {
                let deflated = deflaters[usize::from(side == Side::Server)].message(payload);
                self.frame(side, FIN | RSV1 | opcode, &deflated)
            }
            _ => self.frame(side, FIN | opcode, payload),
        }
    }

    /// Adds unrelated messages of both sides, and pings that are answered.
    fn chat(&mut self, times: usize) {
        for n in 0..self.dice.below(times) {
            let side = if self.dice.per_mille(500) { Side::Client } else { Side::Server };
            let (opcode, payload) = match self.dice.below(5) {
                0 | 1 if self.is_constant => (PING, b"keep-alive".to_vec()),
                0 | 1 => (PING, format!("{n:06}").into_bytes()),
                _ => (TEXT, words(&mut self.dice, 200)),
            };
            let bytes = self.message(side, opcode, &payload);
            self.talk.send(side, &bytes);
            if opcode == PING {
                let pong = self.message(!side, PONG, &payload);
                self.talk.send(!side, &pong);
            }
        }
    }

    /// Sends bytes in segments that end at `ends`, or are as large as possible; the other side occasionally sends
    /// something.
    fn segments(&mut self, side: Side, bytes: &[u8], ends: &[usize], chatty: bool) {
        let mut at = 0;
        for end in ends.iter().copied().chain([bytes.len()]) {
            for piece in bytes[at..end].chunks(1400) {
                self.talk.put(side, ACK | PSH, piece);
            }
            at = end;
            if chatty && self.dice.per_mille(150) {
                let text = words(&mut self.dice, 50);
                let bytes = self.message(!side, TEXT, &text);
                self.talk.send(!side, &bytes);
            }
        }
    }

    fn relay(&mut self, relay: Relay, side: Side) {
        let is_masked = relay == Relay::Chosen || self.dice.per_mille(500);
        let frames = relayed(&mut self.dice, is_masked);
        let payload = frames.concat();
        self.headers.push(self.talk.packets.len());
        let ends = |behind: usize| -> Vec<usize> {
            let lengths = frames.iter().map(Vec::len);
            lengths.scan(behind, |at, length| Some(std::mem::replace(at, *at + length))).collect()
        };
        match relay {
            Relay::Plain | Relay::Compressed => {
                let bytes = self.message(side, BINARY, &payload);
                self.segments(side, &bytes, &[], true);
            }
            Relay::Aligned => {
                let bytes = self.message(side, BINARY, &payload);
                let ends = ends(bytes.len() - payload.len());
                self.segments(side, &bytes, &ends, true);
            }
            Relay::Chosen => {
                let key = key(&mut self.dice);
                let chosen: Vec<_> =
                    payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
                let bytes = masked(FIN | BINARY, &chosen, Some(key));
                let ends = ends(bytes.len() - payload.len());
                self.segments(side, &bytes, &ends, false);
            }
            Relay::Fragmented => {
                let pieces = payload.chunks(1 + payload.len() / (2 + self.dice.below(4)));
                let last = pieces.len() - 1;
                for (n, piece) in pieces.enumerate() {
                    let opcode = if n == 0 { BINARY } else { CONTINUATION };
                    let bytes = self.frame(side, opcode | if n == last { FIN } else { 0 }, piece);
                    self.talk.send(side, &bytes);
                }
            }
        }
    }
}

fn make(seed: u64) -> Made {
    let mut dice = Dice::new(seed);
    let relay = RELAYS[dice.below(RELAYS.len())];
    let is_compressed = relay == Relay::Compressed;
    let talk = if is_compressed { upgraded_with(1, DEFLATE) } else { upgraded(1) };
    let deflaters = is_compressed.then(|| [Deflater::new(), Deflater::new()]);
    let is_constant = dice.per_mille(500);
    let mut maker = Maker { dice, talk, headers: Vec::new(), deflaters, is_constant };
    maker.chat(8);
    for _ in 0..=maker.dice.below(3) {
        let side =
            if relay == Relay::Chosen || maker.dice.per_mille(400) { Side::Client } else { Side::Server };
        maker.relay(relay, side);
        maker.chat(6);
    }
    goodbye(&mut maker.talk);
    Made { relay, packets: maker.talk.packets, headers: maker.headers }
}

/// Creates captures with missing packets, with their names.
fn damaged(made: &Made, seed: u64) -> Vec<(String, Vec<Packet>)> {
    let mut dice = Dice::new(seed);
    let packets = &made.packets;
    let without = |lost: &[usize]| {
        let left = packets.iter().enumerate().filter(|(n, _)| !lost.contains(n));
        left.map(|(_, packet)| packet.clone()).collect::<Vec<_>>()
    };
    let mut all = vec![("the headers lost".to_owned(), without(&made.headers))];
    for header in &made.headers {
        all.push((format!("{header} lost"), without(&[*header])));
        all.push((format!("late by {}", header + 1), damage::lose_before(packets, header + 1)));
    }
    for per_mille in [10, 50, 150, 300, 500] {
        all.push((format!("{per_mille} ‰ lost"), damage::lose(packets, &mut dice, per_mille)));
    }
    for _ in 0..4 {
        let n = 1 + dice.below(packets.len());
        all.push((format!("late by {n}"), damage::lose_before(packets, n)));
    }
    all
}

/// Returns everything that is not marked as found by a search, and the number of marked records.
fn unmarked(records: &[Value]) -> (Vec<Value>, usize) {
    let is_marked = |record: &&Value| !record["framing"].is_null();
    let marked = records.iter().filter(is_marked).count();
    (records.iter().filter(|record| !is_marked(record)).cloned().collect(), marked)
}

/// Runs on `WIREFIN_RELAYS` of them, or a few.
#[test]
fn what_is_not_marked_was_sent() {
    let relays = std::env::var("WIREFIN_RELAYS").map_or(400, |n| n.parse().unwrap());
    let only = std::env::var("WIREFIN_RELAY").ok().map(|seed| seed.parse::<u64>().unwrap());
    let (mut faulty, mut marked_wrong, mut runs, mut shown_unmarked) = (Vec::new(), 0, 0, 0);
    for seed in only.map_or(0..relays, |seed| seed..seed + 1) {
        let made = make(seed);
        let whole: Sent = sent(&records(&export(&made.packets, false)));
        for (name, packets) in damaged(&made, seed) {
            let shown = records(&export(&packets, false));
            runs += 1;
            marked_wrong += usize::from(!faults(&whole, &sent(&shown)).is_empty());
            let (unmarked, _) = unmarked(&shown);
            shown_unmarked += unmarked.iter().filter(|record| record["type"] == "message").count();
            if let Some(fault) = faults(&whole, &sent(&unmarked)).first() {
                if only.is_some() {
                    let file = std::env::temp_dir().join("relay.pcap");
                    std::fs::write(&file, pcap(&packets)).unwrap();
                    println!("{name}\n{}", export(&packets, true));
                }
                faulty.push(format!("seed {seed} {:?} {name}: {fault}", made.relay));
            }
        }
    }
    println!(
        "{runs} captures: in {marked_wrong} something marked was never sent, {shown_unmarked} messages without a mark"
    );
    let few = faulty.len().min(12);
    assert!(faulty.is_empty(), "{} of {runs} captures\n{}", faulty.len(), faulty[..few].join("\n"));
    assert!(marked_wrong > 0, "no relay is misleading");
}

/// A message whose header is lost, one whose payload contains frames, and `behind` more.
fn covered(behind: usize) -> Talk {
    let mut talk = upgraded(1);
    talk.send(Side::Server, &frame(Side::Server, FIN | TEXT, b"first"));
    talk.lose(Side::Server, &frame(Side::Server, FIN | TEXT, b"not captured"));
    let inner: Vec<_> = (0..16)
        .flat_map(|n| {
            frame(Side::Server, FIN | TEXT, format!("inner {n}: {}", "words ".repeat(12)).as_bytes())
        })
        .collect();
    for piece in frame(Side::Server, FIN | BINARY, &inner).chunks(500) {
        talk.put(Side::Server, ACK | PSH, piece);
    }
    for n in 0..behind {
        talk.send(Side::Server, &frame(Side::Server, FIN | TEXT, format!("behind {n}").as_bytes()));
    }
    talk.end();
    talk
}

/// Returns the texts shown, and the rules reported.
fn shown(talk: &Talk) -> (Vec<String>, Vec<String>) {
    let records = records(&export(&talk.packets, false));
    let all = |kind: &str, field: &str| {
        let of_kind = records.iter().filter(|record| record["type"] == kind);
        of_kind.filter_map(|record| Some(record[field].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    (all("message", "text"), all("anomaly", "rule"))
}

#[test]
fn frames_that_a_payload_may_cover_are_not_shown() {
    let (texts, rules) = shown(&covered(6));
    assert!(texts.iter().all(|text| !text.starts_with("inner")), "{texts:?}");
    assert_eq!(texts.last().map(String::as_str), Some("behind 5"));
    assert!(
        !rules.contains(&"ambiguous-framing".to_owned()),
        "what follows shows which reading is right: {rules:?}"
    );
    let (texts, rules) = shown(&covered(0));
    assert_eq!(texts, ["first"]);
    assert!(rules.contains(&"ambiguous-framing".to_owned()), "{rules:?}");
}
