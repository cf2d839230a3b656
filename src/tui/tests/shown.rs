//! What lanes, rules and lists say.

use super::*;

#[test]
fn lanes_tell_of_refusals_and_ends_as_the_list_does() {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    put(&mut batch, 7, 10, 1, Kind::Opened(&samples::refused()));
    put(&mut batch, 4, 12, 2, Kind::Closed(&samples::closed()));
    let mut desk = Desk::with(&batch, 149, 30);
    desk.keys("l");
    let text = desk.text();
    assert!(text.contains("✕ refused 426"), "{text}");
    assert!(text.contains("○ closed 1000 normal closure by client “bye”  after 1.204 s"), "{text}");
}

#[test]
fn what_a_filter_hides_is_not_called_silence() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("f").keys("json.id == 3 or opcode == close").key(KeyCode::Enter);
    assert!(desk.text().contains("6.444 s, 85 not shown"), "{}", desk.text());
    assert!(!desk.text().contains("of silence"), "{}", desk.text());
    desk.keys("F").key(KeyCode::BackTab).keys("j").keys("G").key(KeyCode::Tab).keys("G");
    assert!(!desk.text().contains("s of silence ┄"), "{}", desk.text());
}
