//! Tests of searches that continue, wrap and count.

use super::*;

#[test]
fn hits_are_counted_and_have_a_place() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("/\"id\":3\n");
    desk.shows("hit 1 of 11, row 1 of 11 ");
    desk.keys("nn");
    desk.shows("hit 3 of 11, row 3 of 11 ");
    desk.keys("nnnnnnnnn");
    desk.shows("hit 1 of 11, row 1 of 11, wrapped");
    desk.keys("N");
    desk.shows("hit 11 of 11, row 11 of 11, wrapped");
    desk.keys("k");
    desk.shows("11 hits in 11 rows");
    // Counts the rows shown only.
    desk.keys("fjson.id > 30\nn");
    desk.shows(" of 9, wrapped");
}

#[test]
fn a_hit_in_bytes_has_a_sign() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("/x\"ff61\"\n");
    desk.shows("6 B  / 000102ff611b");
}

#[test]
fn a_search_while_loading_goes_on_with_what_comes() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.app.store.enter(Phase::Filling);
    desk.draw();
    desk.keys("/later\n");
    desk.shows("not found so far, more is being loaded");
    desk.add(|more| put(more, 4, 200, 7000, Kind::Message(text(Side::Client, b"later"))));
    desk.draw();
    desk.draw();
    desk.shows("hit 1 of 1+, row 1 of 1+");
    desk.keys("/never\n");
    desk.app.store.enter(Phase::Complete);
    desk.draw();
    desk.shows("\n not found\n");
}

#[test]
fn hits_are_gone_through_within_a_message_and_brought_into_view() {
    let mut batch = Batch::default();
    let body =
        format!("{{\"list\":[{}{{\"deep\":\"pattern two\"}}],\"a\":\"pattern three\"}}", "0,".repeat(200));
    say(&mut batch, 4, 10, 0, text(Side::Client, b"one pattern"));
    say(&mut batch, 4, 11, 5, text(Side::Server, body.as_bytes()));
    let mut desk = Desk::with(&batch, 120, 40);
    desk.keys("3/pattern\n");
    for (words, line) in
        [("hit 2 of 3, row 2 of 2", "\"pattern two\""), ("hit 3 of 3, row 2 of 2", "\"pattern three\"")]
    {
        assert!(desk.text().contains(words) && desk.text().contains(line), "{words}\n{}", desk.text());
        desk.keys("n");
    }
    desk.keys("N");
    desk.shows("hit 3 of 3");
    desk.keys("2NN");
    desk.shows("hit 1 of 3");
}

#[test]
fn what_rows_say_is_searched_too() {
    let mut desk = Desk::with(&story(), 120, 40);
    for (typed, row) in
        [("unmasked-client", "✖ unmasked-client-frame"), ("handshake not", "handshake not captured")]
    {
        desk.keys("g/").keys(typed).key(KeyCode::Enter);
        let entry = desk.entry();
        let words = super::super::words::Words::of(&desk.app.store.lock(), &entry).bytes();
        assert!(String::from_utf8(words).unwrap().contains(row), "{typed}");
    }
}

#[test]
fn one_conversation_alone_and_back_to_the_same_place() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys(":m30\n");
    let (entry, top) = (desk.app.timeline.entry, desk.app.timeline.top);
    desk.keys("C");
    assert_eq!(desk.app.timeline.entry, entry);
    assert!(desk.app.timeline.rows.chosen.scope.is_some() && desk.app.conversations.selected > 0);
    desk.keys("jj\x1b");
    assert_eq!((desk.app.timeline.entry, desk.app.timeline.top), (entry, top));
    assert_eq!((desk.app.timeline.rows.chosen.scope, desk.app.conversations.selected), (None, 0));
}

#[test]
fn packets_times_and_conversations_are_gone_to() {
    let mut desk = Desk::with(&story(), 120, 40);
    for (typed, packet) in [("140", 140), ("+6.49", 150), ("12:00:00.470", 140), ("143", 150)] {
        desk.keys("g:").keys(typed).key(KeyCode::Enter);
        assert_eq!(desk.entry().packet(), packet, "{typed}");
    }
    desk.keys(":#30\n");
    assert!(desk.app.timeline.rows.chosen.scope.is_some());
    desk.keys(":9999\n");
    desk.shows("nothing that is shown comes at or after it");
}

#[test]
fn in_the_detail_what_it_shows_is_searched_first() {
    let mut desk = Desk::with(&story(), 120, 40);
    desk.keys("jjj");
    let row = desk.selected();
    desk.keys("\n/trade\n");
    assert_eq!(desk.selected(), row);
    desk.shows("hit 1 of 40, row 1 of 40");
    desk.keys("n");
    assert!(desk.selected() > row);
}

#[test]
fn left_of_the_detail_is_the_timeline() {
    let mut desk = Desk::with(&story(), 120, 40);
    for tab in ["1", "2", "3", "4"] {
        desk.keys("jj").keys(tab).keys("l");
        assert_eq!(desk.app.panel, Panel::Detail, "{tab}");
        let mut pressed = 0;
        while desk.app.panel == Panel::Detail && pressed < 60 {
            desk.keys("h");
            pressed += 1;
        }
        assert_eq!(desk.app.panel, Panel::Timeline, "{tab}");
    }
}
