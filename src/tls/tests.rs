mod ciphers;

use proptest::prelude::*;

use self::ciphers::seal;
use super::aes::Encrypt;
use super::cipher::Cipher;
use super::keys::Keys;
use super::protection::{Form, KeyMaterial, Pieces, Record, Tail};
use super::record::{HEADER, Header};
use super::search::find;
use super::secret::Secret;
use super::*;
use crate::hello::suite::{Bulk, Hash, Suite};
use crate::model::{At, KeyOrigin, Lost, Pair, Side};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|two| (two[0] * 16 + two[1]) as u8).collect()
}

fn at(packet: u64) -> At {
    At { packet, ..At::default() }
}

fn drain(stream: &mut Stream, keys: &KeyLog, out: &mut Vec<String>) {
    while let Some(output) = stream.next(keys) {
        out.push(match output {
            Output::Hello(facts) => format!("hello {:?} {:?}", facts.version_name(), facts.suite_name()),
            Output::Bytes { side, bytes, verified, .. } => {
                format!(
                    "{} {} {}",
                    side.name(),
                    String::from_utf8_lossy(bytes),
                    if verified { "" } else { "?" }
                )
            }
            Output::Gap { side, lost, .. } => format!("{} {lost:?}", side.name()),
            Output::End { side, how, .. } => format!("{} {how:?}", side.name()),
            Output::Anomaly { anomaly, .. } => anomaly.code().to_owned(),
            Output::Swapped => "swapped".to_owned(),
            Output::Opaque(why) => format!("{why:?}"),
        });
    }
}

/// RFC 8448 §3: what follows the handshake, joined there with only the traffic secrets.
#[test]
fn the_records_of_the_rfc_open_in_mid_stream() {
    let client = [
        "17030300 43a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a\
         6292a2977014bd1e3deae63aeebb21694915e4",
        "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3",
    ];
    let server = [
        "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db289a015940252f55\
         713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f75e09c30ba1e62972ac46f75f7b9\
         81be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db2f0a77f81b5ab05b94c01346755f69232c86519d86\
         cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b\
         3b6c6779b37bf15985684f",
        "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2e5\
         f0a21c0047c2abf332540dd032e167c2955d",
        "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9",
    ];
    let mut keys = KeyLog::default();
    let random = "cb".repeat(32);
    let lines = format!(
        "CLIENT_TRAFFIC_SECRET_0 {random} 9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5\n\
         SERVER_TRAFFIC_SECRET_0 {random} a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643\n"
    );
    assert_eq!(keys.add(KeyOrigin::KeyLog, lines.as_bytes()), Added { secrets: 2, broken: None });
    // The sides may have been mistaken for each other.
    for mistaken in [false, true] {
        let mut stream = Stream::mid_stream(Limits::default());
        let (mut out, mut swapped) = (Vec::new(), mistaken);
        let records = [(Side::Client, client[0]), (Side::Server, server[0]), (Side::Server, server[1])];
        for (side, record) in
            records.into_iter().chain([(Side::Client, client[1]), (Side::Server, server[2])])
        {
            stream.push(if swapped { !side } else { side }, &hex(record), at(1), &keys);
            drain(&mut stream, &keys, &mut out);
            swapped = false;
        }
        if mistaken {
            assert_eq!(out.remove(0), "swapped");
        }
        let payload: String = (0..50).map(char::from).collect();
        let expected = [
            "tls-mid-stream",
            "hello Some(\"1.3\") Some(\"TLS_AES_128_GCM_SHA256\")",
            "client Unknown { least: 0 }",
            &format!("client {payload} "),
            "server Unknown { least: 0 }",
            &format!("server {payload} "),
            "client CloseNotify",
            "server CloseNotify",
        ];
        assert_eq!(out, expected);
    }
}

/// The records of one side, protected with the keys of a traffic secret.
struct Writer {
    keys: Keys,
    number: u64,
}

impl Writer {
    fn new(secret: &[u8]) -> Self {
        let suite = Suite::by_id(0x1301).unwrap();
        let keys = Keys::from_traffic_secret(suite, &Secret::new(secret).unwrap()).unwrap();
        Writer { keys, number: 0 }
    }

    fn record(&mut self, kind: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let mut plain = [content, &[kind]].concat();
        plain.extend(vec![0; padding]);
        let header = Header { kind: 23, version: 0x0303, length: plain.len() + 16 };
        let fragment = seal(&self.keys.cipher, Bulk::Gcm(16), header, self.number, &plain);
        self.number += 1;
        [&header.to_bytes()[..], &fragment].concat()
    }

    fn update(&mut self) {
        self.keys = self.keys.updated().unwrap();
        self.number = 0;
    }
}

/// A TLS 1.3 connection: what each side sends, in order, with its plaintext.
struct Conversation {
    sent: Vec<(Side, Vec<u8>)>,
    plain: Pair<Vec<u8>>,
    log: Vec<u8>,
}

/// Returns a byte that depends strongly on its position.
fn mixed(place: usize, side: Side) -> u8 {
    let mixed = (place as u64 * 2 + side as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u8
}

const RANDOM: [u8; 32] = [0xaa; 32];

fn conversation(updates: bool) -> Conversation {
    let mut sent = Vec::new();
    let hello = |kind: u8, body: &[u8]| {
        let message = [&[kind, 0, 0, body.len() as u8], body].concat();
        let header = Header { kind: 22, version: 0x0303, length: message.len() };
        [&header.to_bytes()[..], &message].concat()
    };
    let client = [b"\x03\x03", &RANDOM[..], b"\0\0\x02\x13\x01\x01\0\0\x07\0\x2b\0\x03\x02\x03\x04"].concat();
    let server = [b"\x03\x03", &[0xbb; 32][..], b"\0\x13\x01\0\0\x06\0\x2b\0\x02\x03\x04"].concat();
    sent.push((Side::Client, hello(1, &client)));
    sent.push((Side::Server, hello(2, &server)));
    sent.push((Side::Server, b"\x14\x03\x03\0\x01\x01".to_vec()));
    let mut log = String::new();
    let labels = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"];
    let labels = [labels, ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]].concat();
    for (byte, label) in labels.into_iter().enumerate() {
        let digits = |byte: u8| format!("{byte:02x}").repeat(32);
        log += &format!("{label} {} {}\n", digits(RANDOM[0]), digits(byte as u8 + 1));
    }
    let [mut client_handshake, mut server_handshake] = [1, 2].map(|byte| Writer::new(&[byte; 32]));
    let mut traffic = Pair { client: Writer::new(&[3; 32]), server: Writer::new(&[4; 32]) };
    // EncryptedExtensions with ALPN, then Finished in a separate record.
    let extensions = b"\x08\0\0\x0b\0\x09\0\x10\0\x05\0\x03\x02h2";
    sent.push((Side::Server, server_handshake.record(22, extensions, 0)));
    sent.push((Side::Server, server_handshake.record(22, b"\x14\0\0\x04done", 0)));
    sent.push((Side::Client, client_handshake.record(22, b"\x14\0\0\x04done", 0)));
    sent.push((Side::Server, traffic.server.record(22, &[&b"\x04\0\0\x64"[..], &[0; 100]].concat(), 0)));
    let mut plain = Pair::<Vec<u8>>::default();
    for n in 0..40_usize {
        for side in Side::BOTH {
            let length = (n * 37 + usize::from(side == Side::Server) * 11) % 200 + 1;
            let content: Vec<u8> = (0..length).map(|at| mixed(n * 1_000 + at, side)).collect();
            sent.push((side, traffic[side].record(23, &content, 0)));
            plain[side].extend(content);
            if updates && n % 15 == 14 {
                sent.push((side, traffic[side].record(22, b"\x18\0\0\x01\0", 0)));
                traffic[side].update();
            }
        }
    }
    for side in Side::BOTH {
        sent.push((side, traffic[side].record(21, b"\x01\0", 0)));
    }
    Conversation { sent, plain, log: log.into_bytes() }
}

/// The output of a stream for one side: bytes, or how many are missing.
#[derive(Default)]
struct Heard {
    pieces: Pair<Vec<Result<Vec<u8>, Lost>>>,
    ends: usize,
    codes: Vec<&'static str>,
}

impl Heard {
    fn take(&mut self, stream: &mut Stream, keys: &KeyLog) {
        while let Some(output) = stream.next(keys) {
            match output {
                Output::Bytes { side, bytes, .. } => self.pieces[side].push(Ok(bytes.to_vec())),
                Output::Gap { side, lost, .. } => self.pieces[side].push(Err(lost)),
                Output::End { how: End::CloseNotify, .. } => self.ends += 1,
                Output::Anomaly { anomaly, .. } => self.codes.push(anomaly.code()),
                _ => {}
            }
        }
    }

    /// Checks that every byte is at the position where it was sent, as far as the gaps define it; returns how many are.
    fn check(&self, side: Side, sent: &[u8]) -> usize {
        let (mut position, mut right) = (0, 0);
        let pieces = &self.pieces[side];
        for (n, piece) in pieces.iter().enumerate() {
            match piece {
                Ok(bytes) => {
                    assert!(sent[position..].starts_with(bytes), "{side:?} at {position}");
                    position += bytes.len();
                    right += bytes.len();
                }
                Err(Lost::Exact(bytes)) => position += *bytes as usize,
                Err(Lost::AtMost(_)) => panic!("TLS knows no such gap"),
                Err(Lost::Unknown { least }) => {
                    let next: Vec<_> = pieces[n + 1..].iter().map_while(|it| it.as_deref().ok()).collect();
                    let (next, from) = (next.concat(), position + *least as usize);
                    let found = (from..=sent.len()).find(|at| sent[*at..].starts_with(&next));
                    position = found.expect("what comes behind the gap was sent");
                }
            }
        }
        right
    }
}

fn log(conversation: &Conversation) -> KeyLog {
    let mut keys = KeyLog::default();
    keys.add(KeyOrigin::KeyLog, &conversation.log);
    keys.complete();
    keys
}

/// Pushes everything, split into pieces, some of which are lost; `cuts` has the length of each piece and whether it is
/// lost.
fn follow(conversation: &Conversation, cuts: &[(usize, bool)], limits: Limits) -> (Heard, usize) {
    let keys = log(conversation);
    let (mut stream, mut heard, mut most) = (Stream::new(limits), Heard::default(), 0);
    let mut cuts = cuts.iter().cycle();
    for (side, bytes) in &conversation.sent {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (length, lost) = *cuts.next().unwrap();
            let (now, later) = rest.split_at(length.min(rest.len()));
            rest = later;
            match lost {
                true => stream.gap(*side, Lost::Exact(now.len() as u64), at(1)),
                false => stream.push(*side, now, at(1), &keys),
            }
            heard.take(&mut stream, &keys);
            most = most.max(stream.held() + stream.gathered());
        }
    }
    for side in Side::BOTH {
        stream.end(side, at(2));
    }
    stream.finish(at(2), &keys);
    heard.take(&mut stream, &keys);
    (heard, most)
}

#[test]
fn any_cutting_gives_the_same_plaintext() {
    for updates in [false, true] {
        let conversation = conversation(updates);
        for size in [1, 2, 3, 5, 64, 100_000] {
            let (heard, _) = follow(&conversation, &[(size, false)], Limits::default());
            for side in Side::BOTH {
                assert!(heard.pieces[side].iter().all(Result::is_ok), "{size}");
                assert_eq!(
                    heard.check(side, &conversation.plain[side]),
                    conversation.plain[side].len(),
                    "{size}"
                );
            }
            assert_eq!(heard.ends, 2);
        }
    }
}

/// Each record in turn is lost: exactly its plaintext is missing, and only key updates cost exactness.
#[test]
fn a_lost_record_costs_what_it_carried() {
    for updates in [false, true] {
        let conversation = conversation(updates);
        let keys = log(&conversation);
        for lost in 3..conversation.sent.len() - 2 {
            let (mut stream, mut heard) = (Stream::new(Limits::default()), Heard::default());
            for (n, (side, bytes)) in conversation.sent.iter().enumerate() {
                match n == lost {
                    true => stream.gap(*side, Lost::Exact(bytes.len() as u64), at(1)),
                    false => stream.push(*side, bytes, at(1), &keys),
                }
                heard.take(&mut stream, &keys);
            }
            let right: usize =
                Side::BOTH.map(|side| heard.check(side, &conversation.plain[side])).iter().sum();
            let all = conversation.plain.client.len() + conversation.plain.server.len();
            assert!(all - right <= conversation.sent[lost].1.len(), "{lost}: {right} of {all}");
            assert_eq!(heard.ends, 2, "{lost}");
        }
    }
}

/// Keys that arrive at any moment give the same plaintext; beyond the bound, records are only counted.
#[test]
fn late_keys_open_what_was_held() {
    let conversation = conversation(true);
    let (empty, keys) = (KeyLog::default(), log(&conversation));
    let (moments, mut late) = (0..conversation.sent.len(), 0);
    for (held, from) in
        [1 << 20, 2_000, 0].into_iter().flat_map(|held| moments.clone().map(move |from| (held, from)))
    {
        let mut stream = Stream::new(Limits { held, ..Limits::default() });
        let mut heard = Heard::default();
        for (n, (side, bytes)) in conversation.sent.iter().enumerate() {
            let known = if n >= from { &keys } else { &empty };
            if n == from {
                stream.learn(known);
                heard.take(&mut stream, known);
            }
            stream.push(*side, bytes, at(1), known);
            heard.take(&mut stream, known);
            assert!(stream.held() <= held);
        }
        stream.finish(at(1), &keys);
        heard.take(&mut stream, &keys);
        // Nothing is missing from the capture.
        assert!(heard.codes.iter().all(|code| *code == "tls-keys-late"), "{:?}", heard.codes);
        late += heard.codes.len();
        for side in Side::BOTH {
            let right = heard.check(side, &conversation.plain[side]);
            if held > 100_000 {
                assert_eq!(right, conversation.plain[side].len(), "{from}");
            } else {
                let behind: usize = conversation.sent[from..].iter().map(|(_, bytes)| bytes.len()).sum();
                assert!(right > 0 || behind < 1_000, "{held} {from} {side:?}");
            }
        }
    }
    assert!(late > 10, "{late}");
}

/// From any record on, with nothing but the key log.
#[test]
fn a_connection_is_joined_at_every_record() {
    let conversation = conversation(false);
    let keys = log(&conversation);
    for from in (3..conversation.sent.len() - 4).step_by(6) {
        let (mut stream, mut heard) = (Stream::mid_stream(Limits::default()), Heard::default());
        let mut expected = 0;
        for (side, bytes) in &conversation.sent[from..] {
            stream.push(*side, bytes, at(1), &keys);
            heard.take(&mut stream, &keys);
            expected += bytes.len().saturating_sub(HEADER + 17);
        }
        let right: usize = Side::BOTH.map(|side| heard.check(side, &conversation.plain[side])).iter().sum();
        assert!(right + 250 >= expected, "{from}: {right} of {expected}");
        assert_eq!(heard.ends, 2);
    }
}

#[test]
fn without_keys_nothing_is_held_and_the_reason_is_given() {
    let conversation = conversation(false);
    let mut keys = KeyLog::default();
    keys.give();
    keys.complete();
    let (mut stream, mut out) = (Stream::new(Limits::default()), Vec::new());
    for (side, bytes) in &conversation.sent {
        stream.push(*side, bytes, at(1), &keys);
        drain(&mut stream, &keys, &mut out);
        assert_eq!(stream.held(), 0);
    }
    assert_eq!(out, ["hello Some(\"1.3\") Some(\"TLS_AES_128_GCM_SHA256\")", "tls-no-keys", "NoKeys"]);
    // Wrong keys are reported as wrong.
    let wrong =
        String::from_utf8(conversation.log.clone()).unwrap().replace("0202", "0909").replace("0101", "0909");
    keys.add(KeyOrigin::KeyLog, wrong.replace("0404", "0909").replace("0303", "0909").as_bytes());
    let (mut stream, mut out) = (Stream::new(Limits::default()), Vec::new());
    for (side, bytes) in &conversation.sent {
        stream.push(*side, bytes, at(1), &keys);
        drain(&mut stream, &keys, &mut out);
    }
    assert_eq!(out[1..], ["tls-keys-wrong", "KeysWrong"]);
}

#[test]
fn wrong_values_beside_the_right_one_do_no_harm() {
    let conversation = conversation(true);
    let right = String::from_utf8(conversation.log.clone()).unwrap();
    let mut keys = KeyLog::default();
    let wrong =
        right.replace("0101", "9191").replace("0202", "9292").replace("0303", "9393").replace("0404", "9494");
    for lines in [&wrong, &right, &wrong] {
        keys.add(KeyOrigin::KeyLog, lines.as_bytes());
    }
    keys.complete();
    let (mut stream, mut heard) = (Stream::new(Limits::default()), Heard::default());
    for (side, bytes) in &conversation.sent {
        stream.push(*side, bytes, at(1), &keys);
        heard.take(&mut stream, &keys);
    }
    for side in Side::BOTH {
        assert_eq!(heard.check(side, &conversation.plain[side]), conversation.plain[side].len());
    }
}

#[test]
fn a_damaged_record_costs_itself() {
    let conversation = conversation(false);
    let keys = log(&conversation);
    let (mut stream, mut out) = (Stream::new(Limits::default()), Vec::new());
    for (n, (side, bytes)) in conversation.sent.iter().enumerate() {
        let mut bytes = bytes.clone();
        if n == 20 {
            bytes[HEADER + 3] ^= 1;
        }
        stream.push(*side, &bytes, at(1), &keys);
        drain(&mut stream, &keys, &mut out);
    }
    assert_eq!(out.iter().filter(|it| *it == "tls-bad-record").count(), 1);
    assert_eq!(out.iter().filter(|it| it.contains("Exact")).count(), 1);
    assert_eq!(out.iter().filter(|it| it.ends_with("CloseNotify")).count(), 2);
}

#[test]
fn what_begins_a_handshake_is_told_by_six_bytes() {
    assert_eq!(looks_like(b"\x16\x03\x01\x02\0\x01"), Some(true));
    assert_eq!(looks_like(b"\x16\x03\x01\x02\0"), None);
    assert_eq!(looks_like(b"\x16"), None);
    assert_eq!(looks_like(b""), None);
    assert_eq!(looks_like(b"GET"), Some(false));
    assert_eq!(looks_like(b"\x16\x04"), Some(false));
    assert_eq!(looks_like(b"\x16\x03\x01\x02\0\x09"), Some(false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is lost, no byte is reported at a position where it was not sent.
    #[test]
    fn no_loss_makes_a_wrong_byte(
        cuts in prop::collection::vec((1_usize..300, prop::bool::weighted(0.1)), 1..200),
        updates: bool,
    ) {
        let conversation = conversation(updates);
        let (heard, _) = follow(&conversation, &cuts, Limits::default());
        for side in Side::BOTH {
            heard.check(side, &conversation.plain[side]);
        }
    }

    #[test]
    fn random_bytes_do_not_panic_and_stay_within_bounds(
        pushes in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..600), any::<u8>()), 1..60),
        kind in 0_u8..4,
    ) {
        let limits = Limits { held: 4_000, trials: 1 << 16 };
        let conversation = conversation(false);
        let keys = if kind & 1 == 0 { log(&conversation) } else { KeyLog::default() };
        let mut stream = if kind & 2 == 0 { Stream::new(limits) } else { Stream::mid_stream(limits) };
        let mut out = Vec::new();
        if kind & 2 == 0 {
            stream.push(Side::Client, &conversation.sent[0].1, at(1), &keys);
            stream.push(Side::Server, &conversation.sent[1].1, at(1), &keys);
        }
        for (is_client, bytes, what) in pushes {
            let side = if is_client { Side::Client } else { Side::Server };
            let header = Header { kind: 20 + what % 5, version: 0x0303, length: bytes.len().max(1) };
            match what % 8 {
                0 => stream.gap(side, Lost::Exact(bytes.len() as u64), at(1)),
                1 if what > 200 => stream.gap(side, Lost::Unknown { least: bytes.len() as u64 }, at(1)),
                2 => stream.push(side, &bytes, at(1), &keys),
                _ => stream.push(side, &[&header.to_bytes()[..], &bytes].concat(), at(1), &keys),
            }
            drain(&mut stream, &keys, &mut out);
            prop_assert!(stream.held() <= limits.held);
            prop_assert!(stream.gathered() <= 200_000);
        }
        stream.end(Side::Client, at(2));
        stream.end(Side::Server, at(2));
        stream.finish(at(2), &keys);
        drain(&mut stream, &keys, &mut out);
    }

    #[test]
    fn lines_of_any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        KeyLog::default().add(KeyOrigin::KeyLog, &bytes);
        KeyLog::default().add(KeyOrigin::KeyLog, &[&b"CLIENT_RANDOM "[..], &bytes].concat());
    }
}
