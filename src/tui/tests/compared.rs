//! Tests of comparing two messages or two conversations.

use crossterm::event::KeyCode;

use super::super::effect::Panel;
use super::{Desk, put, say, story, text};
use crate::event::{Kind, Opcode};
use crate::model::Side;
use crate::store::Batch;
use crate::view::samples;

/// Shows two messages side by side.
fn compared(one: &[u8], other: &[u8], opcode: Opcode) -> Desk {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    say(&mut batch, 4, 10, 1, samples::message(Side::Client, opcode, one));
    say(&mut batch, 4, 11, 2, samples::message(Side::Server, opcode, other));
    let mut desk = Desk::with(&batch, 80, 24);
    desk.keys("jDjD");
    desk
}

#[test]
fn two_messages_of_json_stand_side_by_side() {
    let one = br#"{"op":"sub","id":17,"args":["a","b"],"old":null}"#;
    let other = br#"{"id":18,"op":"sub","args":["a","c"],"new":{"x":1}}"#;
    let mut desk = compared(one, other, Opcode::TEXT);
    insta::assert_snapshot!(desk.text());
    // Moves to the next difference, then to the message.
    desk.keys("n\n");
    assert!(desk.app.page.is_none());
    assert_eq!(desk.app.timeline.entry, Some(2));
}

#[test]
fn two_texts_stand_side_by_side_and_what_is_equal_is_folded() {
    let lines = |n: usize, changed: &str| -> String {
        (0..50).map(|at| if at == n { changed.to_owned() } else { format!("line {at}\n") }).collect()
    };
    let long = format!("{} and the end\n", "the same beginning of a long line ".repeat(3));
    let (one, other) = (lines(25, "here\n"), lines(25, &long));
    let desk = compared(one.as_bytes(), other.as_bytes(), Opcode::TEXT);
    insta::assert_snapshot!(desk.text());
    let desk = compared(one.as_bytes(), one.as_bytes(), Opcode::TEXT);
    desk.shows("the payloads are equal: 51 lines");
}

#[test]
fn two_payloads_of_bytes_stand_side_by_side() {
    let one: Vec<u8> = (0..=255).collect();
    let mut other = one.clone();
    other[100] = b'\n';
    other.push(b'x');
    insta::assert_snapshot!(compared(&one, &other, Opcode::BINARY).text());
}

#[test]
fn bytes_that_are_missing_are_not_compared() {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    let holes = samples::HOLES;
    let partly = crate::event::Message { missing: holes, length: 905, ..text(Side::Server, b"{___}") };
    say(&mut batch, 4, 10, 1, partly);
    say(&mut batch, 4, 11, 2, text(Side::Server, b"{}"));
    let mut desk = Desk::with(&batch, 80, 24);
    desk.keys("jDjD");
    let shown = desk.text();
    assert!(shown.contains("left: only the bytes here are compared: 5 of 905 bytes"), "{shown}");
}

#[test]
fn two_conversations_stand_side_by_side_in_one_time() {
    let mut desk = Desk::with(&story(), 120, 24);
    desk.key(KeyCode::BackTab);
    assert_eq!(desk.app.panel, Panel::Conversations);
    desk.keys("jmD");
    desk.shows("choose another");
    desk.keys("jD");
    insta::assert_snapshot!(desk.text());
    desk.keys("G\n");
    assert!(desk.app.page.is_none());
}
