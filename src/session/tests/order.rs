//! A conversation's events are in wire order, and state when they were sent and when that became known.

use super::*;
use crate::event::Message;

/// Everything sent in a conversation, one line each, with the packets at which it was complete and became known.
#[derive(Default)]
struct Wire(Vec<(u64, u64, String)>);

impl Sink for Wire {
    fn event(&mut self, event: &Event<'_>) {
        let what = match &event.kind {
            Kind::Opened(_) => "open".to_owned(),
            Kind::Message(Message { from, opcode, payload, rtt, .. }) => {
                let rtt = rtt.map_or_else(String::new, |rtt| format!(" {} ms", rtt.as_millis()));
                format!("{} {opcode} {}{rtt}", from.name(), String::from_utf8_lossy(payload))
            }
            Kind::Anomaly { anomaly, .. } => anomaly.code().to_owned(),
            Kind::Closed(closed) => {
                let by = closed.by.map_or("nobody", Side::name);
                format!("closed by {by}: {}", closed.reason)
            }
            _ => return,
        };
        self.0.push((event.at.packet, event.known, what));
    }
}

impl Talk<Wire> {
    fn lines(self) -> Vec<(u64, u64, String)> {
        self.end().0
    }
}

fn upgraded() -> Talk<Wire> {
    let mut talk = Talk::begin();
    talk.send(Side::Client, format!("{REQUEST}\r\n"));
    talk.send(Side::Server, format!("{RESPONSE}\r\n"));
    talk
}

fn in_order(lines: &[(u64, u64, String)]) -> bool {
    lines.is_sorted_by_key(|(at, ..)| *at) && lines.is_sorted_by_key(|(_, known, _)| *known)
}

fn words(lines: &[(u64, u64, String)]) -> Vec<(u64, u64, &str)> {
    lines.iter().map(|(at, known, what)| (*at, *known, what.as_str())).collect()
}

#[test]
fn behind_a_lost_packet_both_sides_keep_their_packets_and_their_order() {
    let mut talk = upgraded();
    talk.lose(Side::Server, plain(0x8a, ""));
    for n in 0..3 {
        talk.send(Side::Client, masked(0x89, &format!("ping{n}")));
        talk.send(Side::Server, plain(0x8a, &format!("ping{n}")));
    }
    let lines = talk.lines();
    assert!(in_order(&lines), "{lines:?}");
    let pongs: Vec<_> = words(&lines).into_iter().filter(|(.., what)| what.contains("pong")).collect();
    let pong = |n: u64| (7 + 2 * n, 11, format!("server pong ping{n} 1 ms"));
    let expected = [pong(0), pong(1), pong(2)];
    assert_eq!(
        pongs,
        expected.iter().map(|(at, known, what)| (*at, *known, what.as_str())).collect::<Vec<_>>()
    );
}

#[test]
fn pings_of_a_stream_joined_late_are_paired_with_their_pongs() {
    let mut talk = Talk::join();
    for n in 0..8 {
        talk.send(Side::Client, masked_with([n + 1, 2, 3, 4], 0x89, ""));
        talk.send(Side::Server, plain(0x8a, ""));
    }
    let lines = talk.lines();
    assert!(in_order(&lines), "{lines:?}");
    let pongs: Vec<_> = words(&lines).into_iter().filter(|(.., what)| what.contains("pong")).collect();
    assert_eq!(pongs.len(), 8, "{lines:?}");
    assert!(pongs.iter().all(|(.., what)| *what == "server pong  1 ms"), "{pongs:?}");
}

#[test]
fn two_answered_pings_and_nothing_else_are_a_conversation() {
    let mut talk = Talk::join();
    for n in 0..2 {
        talk.send(Side::Server, plain(0x89, ""));
        talk.send(Side::Client, masked_with([n + 1, 2, 3, 4], 0x8a, ""));
    }
    let lines = talk.lines();
    let expected = [
        (1, 4, "open"),
        (1, 4, "missing-handshake"),
        (1, 4, "server ping "),
        (2, 4, "client pong  1 ms"),
        (3, 4, "server ping "),
        (4, 4, "client pong  1 ms"),
    ];
    assert_eq!(words(&lines)[..6], expected);
    // One pair is not sufficient, and neither are pongs that answer nothing.
    let mut talk = Talk::<Wire>::join();
    talk.send(Side::Server, plain(0x89, ""));
    talk.send(Side::Client, masked_with([1, 2, 3, 4], 0x8a, ""));
    talk.send(Side::Client, masked_with([2, 2, 3, 4], 0x8a, ""));
    assert_eq!(words(&talk.lines()), []);
}

#[test]
fn who_closed_first_is_known_of_a_stream_joined_late() {
    let mut talk = Talk::join();
    let close = [&[0x88, 30, 3, 0xe8][..], b"Idle for 600685ms > 600000ms"].concat();
    talk.send(Side::Server, close);
    talk.segment(Side::Client, Flags::ACK, &[]);
    talk.send(Side::Client, [0x88, 0x82, 1, 2, 3, 4, 3 ^ 1, 0xe8 ^ 2]);
    for side in Side::BOTH {
        talk.segment(side, Flags::FIN.with(Flags::ACK), &[]);
        talk.next[usize::from(side == Side::Server)] += 1;
    }
    let lines = talk.lines();
    assert!(in_order(&lines), "{lines:?}");
    assert!(
        lines.iter().any(|(.., what)| what == "closed by server: Idle for 600685ms > 600000ms"),
        "{lines:?}"
    );
}

#[test]
fn bytes_of_the_good_side_are_never_given_up_for_those_that_are_missing() {
    let mut talk = upgraded();
    let text = "x".repeat(100);
    talk.lose(Side::Client, masked(0x81, "lost"));
    talk.send(Side::Client, masked(0x81, "behind the gap, and long enough to be found again"));
    let count = 100_000;
    for _ in 0..count {
        talk.send(Side::Server, plain(0x81, &text));
    }
    let lines = talk.lines();
    assert!(in_order(&lines));
    assert_eq!(lines.iter().filter(|(.., what)| what.starts_with("server text")).count(), count);
    assert!(lines.iter().any(|(.., what)| what == "limit-reached"));
}

#[test]
fn pings_that_are_never_answered_are_reported() {
    for answered in [false, true] {
        let mut talk = upgraded();
        talk.send(Side::Server, plain(0x89, "hb0"));
        talk.wait(20_000);
        if answered {
            talk.send(Side::Client, masked(0x8a, "hb0"));
        }
        talk.send(Side::Client, masked(0x81, "still there"));
        talk.send(Side::Server, plain(0x88, ""));
        let found = talk.lines().iter().any(|(.., what)| what == "ping-not-answered");
        assert_eq!(found, !answered);
    }
}

#[test]
fn requests_that_look_like_frames_are_none_where_the_answers_do_not() {
    let mut talk = Talk::join();
    for n in 0..6 {
        let topic = format!("home/kitchen/{n}/temperature");
        let length = topic.len() as u8;
        let subscribe = [&[0x82, length + 5, 0x25, n, 0, length], topic.as_bytes(), &[0]].concat();
        talk.send(Side::Client, subscribe);
        talk.send(Side::Server, [0x90, 3, 0x25, n, 0]);
    }
    assert_eq!(words(&talk.lines()), []);
}
