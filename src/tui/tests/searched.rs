//! Searches that go on, wrap, and count.

use super::*;

#[test]
fn hits_are_counted_and_have_a_place() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("/").keys("\"id\":3").key(KeyCode::Enter);
    assert!(desk.text().contains("match 1 of 11 "), "{}", desk.text());
    desk.keys("nn");
    assert!(desk.text().contains("match 3 of 11 "), "{}", desk.text());
    desk.keys("nnnnnnnnn");
    assert!(desk.text().contains("match 1 of 11, wrapped"), "{}", desk.text());
    desk.keys("N");
    assert!(desk.text().contains("match 11 of 11, wrapped"), "{}", desk.text());
    desk.keys("k");
    assert!(desk.text().contains("11 matches"), "{}", desk.text());
    // Of what is shown, not of all.
    desk.keys("f").keys("json.id > 30").key(KeyCode::Enter).keys("n");
    assert!(desk.text().contains(" of 9, wrapped"), "{}", desk.text());
}

#[test]
fn a_hit_in_bytes_has_a_sign() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("/").keys("x\"ff61\"").key(KeyCode::Enter);
    assert!(desk.text().contains("6 B  / 000102ff611b"), "{}", desk.text());
}

#[test]
fn a_search_while_loading_goes_on_with_what_comes() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.app.store.enter(Phase::Filling);
    desk.draw();
    desk.keys("/").keys("later").key(KeyCode::Enter);
    assert!(desk.text().contains("not found so far, more is being loaded"), "{}", desk.text());
    let mut more = Batch::default();
    put(&mut more, 4, 200, 7000, Kind::Message(text(Side::Client, b"later")));
    desk.app.store.add(&more, 0..more.mark());
    desk.draw();
    desk.draw();
    assert!(desk.text().contains("match 1 of 1+"), "{}", desk.text());
    desk.keys("/").keys("never").key(KeyCode::Enter);
    desk.app.store.enter(Phase::Complete);
    desk.draw();
    assert!(desk.text().contains("\n not found\n"), "{}", desk.text());
}
