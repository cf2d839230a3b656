//! Captures with missing packets: what is shown as complete was sent exactly like this, and nothing is shown that was
//! not sent.
//!
//! What was sent is known from the messages of the undamaged capture, which the endpoints' own record confirms.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::corpus;
use crate::support::damage;
use crate::support::dice::Dice;
use crate::support::judge::Truth;
use crate::support::packets::{Packet, read};
use crate::support::run::{export, records, timeless};
use crate::support::sent::{Message, Sent, faults, sent};

/// Returns the codes of the rules that the peers are reported to have broken.
///
/// If the response to the upgrade was lost, so was the negotiated compression; and which side sent early is unknown if
/// packets were reordered.
fn blamed(records: &[Value]) -> BTreeSet<String> {
    let unanswered = records.iter().any(|record| record["type"] == "open" && record["response"].is_null());
    let errors = records.iter().filter(|record| record["severity"] == "error");
    let mut codes: BTreeSet<_> = errors.map(|record| record["rule"].as_str().unwrap().to_owned()).collect();
    codes.remove("data-before-handshake");
    if unanswered {
        codes.retain(|code| !["rsv1-on-continuation", "deflate-damaged"].contains(&code.as_str()));
    }
    codes
}

/// Captures of which a part is indistinguishable from another capture: payloads that consist of frames, and compression
/// that was never negotiated.
const AMBIGUOUS: [&str; 2] = ["payload-looks-like-frames", "rsv1-though-refused"];

/// Exported PDUs have no sequence numbers: a copy of one, or one at another position, counts as sent there.
const UNNUMBERED: &str = "exported-pdus";

/// Captures that cannot be damaged in transit: exported PDUs have no checksums, each of two copies of a packet may be
/// damaged, and HTTP/2 cannot detect the loss of one-byte frames.
const OTHERWISE: [&str; 3] = ["exported-pdus", "link/any-", "h2/one-byte-data-frames"];

/// Creates the damaged captures for a seed, with their names.
fn damaged(packets: &[Packet], seed: u64) -> Vec<(String, Vec<Packet>)> {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let mut all = vec![
        ("1 % lost".to_owned(), damage::lose(packets, dice, 10)),
        ("5 % lost".to_owned(), damage::lose(packets, dice, 50)),
        ("25 % lost".to_owned(), damage::lose(packets, dice, 250)),
        ("a burst lost".to_owned(), damage::lose_burst(packets, dice, 8)),
        ("reordered".to_owned(), damage::reorder(packets, dice, 200, 6)),
        ("repeated".to_owned(), damage::duplicate(packets, dice, 200, 9)),
    ];
    let right = damage::with_checksums(packets);
    // A damaged packet counts as lost, and each of two copies of a packet may be damaged.
    all.push(("5 % damaged".to_owned(), damage::flip(&right, dice, 50, false)));
    let again = damage::flip(&right, dice, 200, true);
    all.push(("20 % damaged and sent again".to_owned(), damage::reorder(&again, dice, 100, 6)));
    let n = 1 + dice.below(packets.len());
    all.push((format!("the first {n} lost"), damage::lose_before(packets, n)));
    let low = dice.per_mille(500);
    all.push((format!("one direction, {low}"), damage::one_direction(packets, low)));
    let length = 54 + dice.below(160);
    all.push((format!("cut at {length}"), damage::snap(packets, length)));
    let lost = damage::lose(packets, dice, 30);
    let both = damage::duplicate(&damage::reorder(&lost, dice, 150, 5), dice, 100, 5);
    all.push(("3 % lost, reordered and repeated".to_owned(), both));
    all
}

#[test]
fn what_is_shown_was_sent() {
    let (mut used, mut faulty) = (0, String::new());
    for path in corpus::captures().into_iter().chain(corpus::extra()) {
        if Truth::beside(&path).is_none()
            || AMBIGUOUS.iter().any(|name| path.to_str().unwrap().contains(name))
        {
            continue;
        }
        let packets = read(&path).unwrap();
        if !damage::pieces(&packets).is_some_and(|pieces| damage::agrees(&pieces)) {
            // Which of two copies counts depends on the first, if that is not lost.
            continue;
        }
        let whole = records(&export(&packets, false));
        let (sent_whole, blamed_whole) = (sent(&whole), blamed(&whole));
        if sent_whole
            .values()
            .flatten()
            .any(|message| !message.complete || message.truncated || !message.inflated)
        {
            // The capture itself does not contain everything that was sent.
            continue;
        }
        used += 1;
        'seeds: for seed in 0..(40_000 / (packets.len() as u64 + 1)).clamp(1, 12) {
            for (name, packets) in damaged(&packets, seed) {
                let moves = name.contains("reordered") || name.contains("repeated");
                if path.to_str().unwrap().contains(UNNUMBERED) && moves {
                    continue;
                }
                if name.contains("damaged") && OTHERWISE.iter().any(|it| path.to_str().unwrap().contains(it))
                {
                    continue;
                }
                let shown = records(&export(&packets, false));
                let mut found = faults(&sent_whole, &sent(&shown));
                found.extend(
                    blamed(&shown).difference(&blamed_whole).map(|code| format!("blamed for {code}")),
                );
                if !found.is_empty() {
                    writeln!(faulty, "{} seed {seed}, {name}: {}", path.display(), found.join("; ")).unwrap();
                    break 'seeds;
                }
            }
        }
    }
    assert!(faulty.is_empty(), "{} captures\n{faulty}", faulty.lines().count());
    assert!(used > 100, "only {used} captures could be used");
}

#[test]
fn what_is_damaged_and_sent_again_loses_nothing() {
    let (mut used, mut damaged) = (0, 0);
    for path in corpus::captures().into_iter().chain(corpus::extra()) {
        if Truth::beside(&path).is_none()
            || OTHERWISE.iter().any(|name| path.to_str().unwrap().contains(name))
        {
            continue;
        }
        let packets = read(&path).unwrap();
        if !damage::pieces(&packets).is_some_and(|pieces| damage::orderly(&pieces)) {
            continue;
        }
        let right = damage::with_checksums(&packets);
        let lines = |packets: &[Packet]| {
            let mut lines = timeless(&export(packets, false));
            lines.retain(|line| line["rule"] != "checksum-wrong");
            lines
        };
        let expected = lines(&right);
        used += 1;
        for seed in 0..3 {
            let flipped = damage::flip(&right, &mut Dice::new(seed), 200, true);
            damaged += flipped.len() - right.len();
            assert!(lines(&flipped) == expected, "{} seed {seed}", path.display());
        }
    }
    assert!(used > 80 && damaged > 500, "only {used} captures, {damaged} segments");
}

fn message(known: &[u8], missing: &[(usize, Option<usize>)]) -> Message {
    Message {
        opcode: "binary".to_owned(),
        code: None,
        known: known.to_vec(),
        missing: missing.to_vec(),
        complete: missing.is_empty(),
        truncated: false,
        inflated: true,
    }
}

#[test]
fn a_wrong_byte_is_a_fault() {
    let way = || ("a".to_owned(), "b".to_owned());
    let whole = Sent::from([(way(), vec![message(b"hello world", &[]), message(b"second", &[])])]);
    let faulty = |shown: Vec<Message>| !faults(&whole, &Sent::from([(way(), shown)])).is_empty();
    assert!(!faulty(vec![message(b"hello world", &[]), message(b"second", &[])]));
    assert!(!faulty(vec![message(b"second", &[])]));
    assert!(!faulty(vec![message(b"hello ld", &[(6, Some(3))])]));
    assert!(!faulty(vec![message(b"hello ld", &[(6, None)])]));
    assert!(!faulty(vec![message(b"ond", &[(0, Some(3))])]));
    assert!(!faulty(vec![message(b"hello ", &[(6, None)])]));
    assert!(faulty(vec![message(b"hello worle", &[])]));
    assert!(faulty(vec![message(b"second", &[]), message(b"hello world", &[])]), "the order matters");
    assert!(faulty(vec![message(b"second", &[]), message(b"second", &[])]), "the number matters too");
    assert!(faulty(vec![message(b"hello ld", &[(6, Some(2))])]));
    assert!(faulty(vec![message(b"hello dl", &[(6, None)])]));
    assert!(faulty(vec![message(b"xond", &[(0, Some(2))])]));
    let elsewhere = Sent::from([(("b".to_owned(), "a".to_owned()), vec![message(b"second", &[])])]);
    assert!(!faults(&whole, &elsewhere).is_empty());
}
