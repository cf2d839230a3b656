//! Tests of sub-protocol meanings on the screen.

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
    desk.keys("FH");
    assert_eq!(desk.app.timeline.rows.len(), all - beats);
    desk.shows("without heartbeats");
    desk.keys("H");
    assert_eq!(desk.app.timeline.rows.len(), all);
}

#[test]
fn parts_of_packets_are_hidden_with_the_heartbeats() {
    let mut desk = Desk::of("subprotocols/mqtt-5.pcap", 120, 40);
    let all = desk.app.timeline.rows.len();
    let beats = desk.filter("heartbeat");
    desk.keys("FH");
    let packets = desk.app.timeline.rows.len();
    assert!(packets < all - beats - 20, "{packets} of {all}, {beats} heartbeats");
    desk.shows("CONNECT");
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
    desk.keys("/EVENT\n");
    desk.lacks("not found");
}

#[test]
fn streams_of_one_connection_hang_together() {
    let mut batch = Batch::default();
    for (packet, conn, stream) in [(9, 4, Some(1)), (10, 7, None), (11, 4, Some(3)), (12, 4, Some(5))] {
        let stream = stream.and_then(NonZeroU64::new);
        let id = ConnId { stream, ..ConnId::new(NonZeroU64::new(conn).unwrap()) };
        let at = At { packet, time: samples::NOON };
        batch.event(&Event::new(Some(id), at, Kind::Opened(&samples::opened())));
    }
    let desk = Desk::with(&batch, 120, 40);
    let text = desk.text();
    let at = ["#4.1 ", "├─.3 ", "└─.5 ", "● #7 "].map(|words| text.find(words).expect(words));
    assert!(at.is_sorted(), "{text}");
}

#[test]
fn chosen_columns_stand_before_payloads_and_are_sorted_by() {
    let mut desk = Desk::with(&story(), 200, 60);
    desk.keys("|json.id,rt").key(KeyCode::Tab).key(KeyCode::Enter);
    let text = desk.text();
    let heads = text.lines().find(|line| line.contains(" payload ")).unwrap();
    let at = ["size", "json.id", "rtt", "payload"].map(|head| heads.find(head).expect(head));
    assert!(at.is_sorted(), "{heads}");
    let row = text.lines().find(|line| line.contains("\"id\":17}")).unwrap();
    assert!(row.contains(" 17        "), "{row}");
    desk.keys("|\n");
    assert_eq!(desk.app.timeline.columns.text, "json.id,rtt");
    desk.keys("|len,many");
    desk.shows("expected a field");
}

#[test]
fn a_filter_is_called_by_its_name() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.app.typed.named = vec![("asked".to_owned(), "from == client and opcode == text".to_owned())];
    desk.keys("fas").key(KeyCode::Tab).key(KeyCode::Enter);
    assert_eq!(desk.app.typed.filter, "from == client and opcode == text");
    assert!(desk.app.timeline.rows.chosen.filter.is_some());
}
