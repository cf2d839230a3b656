//! What messages mean, on the screen.

use super::*;
use crate::capture::Files;
use crate::pipeline::{Options, run};
use crate::store::{Phase, Recorder};

impl Desk {
    /// Shows a capture of the corpus.
    fn of(name: &str, width: u16, height: u16) -> Desk {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
        let store = Shared::new(Bounds::default());
        let mut files = Files::open(&[path]).unwrap();
        run(&mut files, &Options::default(), &mut Recorder::new(store.clone())).unwrap();
        store.enter(Phase::Complete);
        Desk::over(store, width, height)
    }

    fn filter(&mut self, text: &str) -> usize {
        self.keys("f").key(KeyCode::Home);
        self.app.prompt.as_mut().unwrap().propose(String::new());
        self.keys(text).key(KeyCode::Enter);
        self.app.timeline.rows.len()
    }
}

#[test]
fn rows_and_the_detail_say_what_messages_mean() {
    let mut desk = Desk::of("subprotocols/socketio-4.pcap", 120, 40);
    assert!(desk.filter("sub.name == \"chat\"") > 0);
    insta::assert_snapshot!("sub_rows", desk.keys("d").text());
}

#[test]
fn a_filter_sees_units_latencies_and_heartbeats() {
    let mut desk = Desk::of("subprotocols/socketio-4.pcap", 120, 40);
    let all = desk.app.timeline.rows.len();
    let beats = desk.filter("heartbeat");
    assert!(beats > 0 && desk.filter("latency > 0s") > 0);
    desk.keys("F").keys("H");
    assert_eq!(desk.app.timeline.rows.len(), all - beats);
    assert!(desk.text().contains("without heartbeats"), "{}", desk.text());
    desk.keys("H");
    assert_eq!(desk.app.timeline.rows.len(), all);
}

#[test]
fn parts_of_packets_are_hidden_with_the_heartbeats() {
    let mut desk = Desk::of("subprotocols/mqtt-5.pcap", 120, 40);
    let all = desk.app.timeline.rows.len();
    let beats = desk.filter("heartbeat");
    desk.keys("F").keys("H");
    let packets = desk.app.timeline.rows.len();
    assert!(packets < all - beats - 20, "{packets} of {all}, {beats} heartbeats");
    assert!(desk.text().contains("CONNECT"), "{}", desk.text());
}

#[test]
fn an_answer_is_gone_to_and_its_question_again() {
    for name in ["subprotocols/socketio-4.pcap", "subprotocols/jsonrpc-lsp.pcap", "subprotocols/mqtt-5.pcap"]
    {
        let mut desk = Desk::of(name, 120, 40);
        assert!(desk.filter("latency") > 0, "{name}");
        desk.keys("gF");
        let answer = desk.selected();
        let question = desk.keys("%").selected();
        assert!(question < answer, "{name}: {question} {answer}");
        assert_eq!(desk.keys("%").selected(), answer, "{name}");
    }
    let mut desk = Desk::with(&story(), 120, 40);
    desk.filter("opcode == pong");
    desk.keys("gF");
    let pong = desk.selected();
    assert_eq!(desk.keys("%").selected(), pong - 1);
    assert_eq!(desk.keys("%").selected(), pong);
}

#[test]
fn a_search_looks_through_what_rows_say() {
    let mut desk = Desk::of("subprotocols/socketio-4-msgpack.pcap", 120, 40);
    desk.keys("/").keys("EVENT").key(KeyCode::Enter);
    assert!(!desk.text().contains("not found"), "{}", desk.text());
}
