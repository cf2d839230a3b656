//! What is forwarded along with a matching row.

use std::sync::LazyLock;

use super::*;
use crate::view::samples;

#[derive(Default)]
struct Collected(Vec<String>);

impl Sink for Collected {
    fn event(&mut self, event: &Event<'_>) {
        let what = match &event.kind {
            Row::Opened(_) => "open".to_owned(),
            Row::Rejected(_) => "rejected".to_owned(),
            Row::Unshown(_) => "unshown".to_owned(),
            Row::Frame(_) => "frame".to_owned(),
            Row::Message(message) => String::from_utf8_lossy(message.payload).into_owned(),
            Row::Anomaly { anomaly, .. } => anomaly.code().to_owned(),
            Row::Closed(_) => "closed".to_owned(),
        };
        self.0.push(format!("{} {what}", event.at.packet));
    }
}

fn say(filter: &str, events: &[Event<'_>]) -> Vec<String> {
    let mut filtered = Filtered::new(Filter::parse(filter).unwrap(), Collected::default(), samples::NOON);
    for event in events {
        filtered.event(event);
    }
    std::mem::take(&mut filtered.sink_mut().0)
}

static CONVERSATION: LazyLock<Conversation> = LazyLock::new(|| Conversation::of(&samples::opened()));

fn of(conn: u64, packet: u64, kind: Row<'_>) -> Event<'_> {
    let event = samples::event(packet, packet * 1_000_000, kind);
    Event { conn: NonZeroU64::new(conn).map(ConnId::new), conversation: Some(&CONVERSATION), ..event }
}

fn text(payload: &str) -> Row<'_> {
    Row::Message(samples::message(Side::Server, Opcode::TEXT, payload.as_bytes()))
}

const fn anomaly(anomaly: &Anomaly) -> Row<'_> {
    Row::Anomaly { from: Some(Side::Server), anomaly }
}

#[test]
fn an_opening_stands_before_the_first_row_and_a_closing_after() {
    let (opened, closed) = (samples::opened(), samples::closed());
    let events = [
        of(4, 1, Row::Opened(&opened)),
        of(5, 2, Row::Opened(&opened)),
        of(4, 3, text("a")),
        of(5, 4, text("b")),
        of(4, 5, text("b")),
        of(4, 6, text("b")),
        of(5, 7, Row::Closed(&closed)),
        of(4, 8, Row::Closed(&closed)),
    ];
    assert_eq!(say("conn == 4 and text == \"b\"", &events), ["1 open", "5 b", "6 b", "8 closed"]);
    assert_eq!(say("text == \"c\"", &events), [""; 0]);
    assert_eq!(say("conn == 5", &events), ["2 open", "4 b", "7 closed"]);
    assert_eq!(say("close.code == 1000", &events), ["2 open", "7 closed", "1 open", "8 closed"]);
}

#[test]
fn the_anomalies_of_a_message_come_with_it() {
    let opened = samples::opened();
    let (rsv, utf8) = (Anomaly::UnfinishedMessage {}, Anomaly::BadUtf8 { offset: 1 });
    let events = [
        of(4, 1, Row::Opened(&opened)),
        of(4, 2, anomaly(&rsv)),
        of(4, 2, text("a")),
        of(4, 2, anomaly(&utf8)),
        of(4, 2, text("b")),
        of(4, 3, anomaly(&utf8)),
        of(4, 4, text("a")),
    ];
    let with_a = ["1 open", "2 unfinished-message", "2 a", "2 bad-utf8", "4 a"];
    assert_eq!(say("text == \"a\"", &events), with_a);
    assert_eq!(say("text == \"b\"", &events), ["1 open", "2 b"]);
    assert_eq!(say("anomaly == \"bad-utf8\"", &events), ["1 open", "2 bad-utf8", "3 bad-utf8"]);
    assert_eq!(say("severity == error and packet == 3", &events), ["1 open", "3 bad-utf8"]);
}

#[test]
fn a_refused_upgrade_passes_by_its_own_fields_and_leaves_nothing() {
    let refused = samples::refused();
    let events = [of(4, 1, Row::Rejected(&refused)), of(4, 1, anomaly(&Anomaly::RefusedWithoutVersion {}))];
    assert_eq!(say("host == \"host\"", &events), ["1 rejected", "1 refused-without-version"]);
    assert_eq!(say("anomaly", &events), ["1 rejected", "1 refused-without-version"]);
    assert_eq!(say("opcode", &events), [""; 0]);
}

#[test]
fn what_concerns_the_capture_always_passes() {
    let damaged = Anomaly::CaptureDamaged { file: "x".into(), offset: 1, problem: "y".into() };
    let event = Event::new(None, samples::at(7, 7), anomaly(&damaged));
    assert_eq!(say("len > 1", &[event]), ["7 capture-damaged"]);
}

#[test]
fn openings_that_wait_are_bounded() {
    let opened = samples::opened();
    let mut filtered = Filtered::new(Filter::parse("opcode").unwrap(), Collected::default(), samples::NOON);
    for conn in 1..20_000 {
        filtered.event(&of(conn, conn, Row::Opened(&opened)));
    }
    // Some were forwarded at once because there were too many.
    let passed = filtered.sink_mut().0.len();
    assert!((10_000..20_000).contains(&passed), "{passed}");
    let closed = samples::closed();
    for conn in 1..20_000 {
        filtered.event(&of(conn, conn, Row::Closed(&closed)));
    }
    assert_eq!(filtered.sink_mut().0.len(), 2 * passed);
    assert!(filtered.memory().is_empty());
}
