//! Tests of partially known messages and dropped payloads.

use super::*;
use crate::event::Missing;

/// The gaps of a 50-byte payload of which eleven bytes are known: 10 to 15, 18 to 21 and 49.
const HOLES: [Missing; 3] = [
    Missing { offset: 0, length: Some(10) },
    Missing { offset: 16, length: Some(2) },
    Missing { offset: 22, length: Some(27) },
];

fn partly(opcode: Opcode) -> Batch {
    let mut batch = Batch::default();
    put(&mut batch, 4, 9, 0, Kind::Opened(&samples::opened()));
    let message = samples::message(Side::Server, opcode, b"{\"abc\":12}z");
    say(&mut batch, 4, 10, 1, Message { missing: &HOLES, length: 50, ..message });
    batch
}

/// Returns the characters highlighted as a hit.
fn lit(desk: &Desk) -> String {
    let buffer = desk.terminal.backend().buffer();
    let hit = desk.app.theme.hit;
    let is_lit = |cell: &&ratatui::buffer::Cell| Some(cell.bg) == hit.bg && Some(cell.fg) == hit.fg;
    buffer.content.iter().filter(is_lit).map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn what_is_missing_has_dots_in_list_lanes_and_text() {
    let dots = "··········{\"abc\"··:12}···27 bytes···z";
    for (width, height) in [(120, 40), (200, 60)] {
        let mut desk = Desk::with(&partly(Opcode::TEXT), width, height);
        desk.keys("j");
        assert!(desk.text().contains(dots), "list\n{}", desk.text());
        desk.keys("ddL");
        assert!(desk.text().contains(&dots[..30]), "lanes\n{}", desk.text());
        desk.keys("2Ld");
        assert!(desk.text().contains(&format!(" {dots}")), "text\n{}", desk.text());
    }
    let mut desk = Desk::with(&partly(Opcode::BINARY), 200, 60);
    desk.keys("dd");
    desk.shows("····················7b2261626322····3a31327d··");
}

#[test]
fn bytes_stand_at_their_offsets() {
    let mut desk = Desk::with(&partly(Opcode::TEXT), 80, 40);
    desk.keys("j4d\n");
    let text = desk.text();
    for line in [
        "000000  ·· ·· ·· ·· ·· ·· ·· ··  ·· ·· 7b 22 61 62 63 22  ··········{\"abc\"",
        "000010  ·· ·· 3a 31 32 7d ·· ··  ·· ·· ·· ·· ·· ·· ·· ··  ··:12}··········",
        "000030  ·· 7a                                             ·z",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    desk.keys("3");
    desk.shows("not parsed: 11 of 50 bytes, the others are missing");
    desk.keys("y");
    desk.shows("copied 11 of 50 bytes, the others are missing");
}

#[test]
fn long_stretches_of_which_nothing_is_known_are_one_line() {
    let mut batch = Batch::default();
    let holes =
        [Missing { offset: 5, length: Some(1 << 40) }, Missing { offset: (1 << 40) + 6, length: None }];
    let message = samples::message(Side::Server, Opcode::TEXT, b"helloXY");
    put(&mut batch, 4, 10, 1, Kind::Message(Message { missing: &holes, length: 1 << 41, ..message }));
    let mut desk = Desk::with(&batch, 80, 40);
    desk.keys("4d\n");
    let text = desk.text();
    for line in [
        "000000  68 65 6c 6c 6f ·· ··",
        "000010  ··· 1,099,511,627,760 bytes missing ···",
        "10000000000  ·· ·· ·· ·· ·· 58",
        "··· how many bytes are missing is not known ···",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_hit_is_lit_where_it_is_and_never_across_what_is_missing() {
    let mut desk = Desk::with(&partly(Opcode::TEXT), 80, 40);
    desk.keys("j2d/12}\n");
    // In the list and in the text.
    assert_eq!(lit(&desk), "12}12}", "{}", desk.text());
    desk.keys("4");
    assert!(lit(&desk).contains("31327d"), "{}", lit(&desk));
    desk.keys("/\"abc\":\n");
    desk.shows("not found");
}

#[test]
fn hits_are_seen_on_the_selected_row_in_every_theme() {
    for name in super::super::theme::Theme::NAMES {
        let mut desk = Desk::with(&story(), 120, 40);
        desk.app.theme = super::super::theme::Theme::named(name).unwrap();
        desk.keys("/\"id\":17,\n");
        let buffer = desk.terminal.backend().buffer();
        let y = (0..40)
            .find(|y| (0..120).map(|x| buffer[(x, *y)].symbol()).collect::<String>().contains("\"id\":17,"));
        let y = y.unwrap();
        let row: Vec<_> = (40..119).map(|x| (buffer[(x, y)].symbol(), buffer[(x, y)].style())).collect();
        let plain = row.iter().find(|(symbol, _)| *symbol == "B").unwrap().1;
        let hit = row.iter().find(|(symbol, _)| *symbol == "7").unwrap().1;
        assert_ne!((plain.bg, plain.add_modifier), (hit.bg, hit.add_modifier), "{name}");
    }
}

/// Creates a store that has dropped its oldest payloads.
fn dropped() -> Desk {
    let bounds = Bounds { memory: 16 << 20, spool: 0, ..Bounds::default() };
    let store = Shared::new(bounds);
    for n in 0..150_u64 {
        let mut batch = Batch::default();
        let mut body = vec![b'a'; 200_000];
        body.extend_from_slice(b" pattern");
        put(&mut batch, 4, n + 1, n, Kind::Message(text(Side::Client, &body)));
        store.add(&batch, 0..batch.mark());
    }
    store.enter(Phase::Complete);
    Desk::over(store, 120, 40)
}

#[test]
fn what_could_not_be_looked_at_is_said() {
    let mut desk = dropped();
    let gone = {
        let store = desk.app.store.clone();
        let store = store.lock();
        let is_gone =
            |n: &u32| store.kept(store.entry(*n).unwrap()) == crate::store::PayloadLocation::Dropped;
        (0..150).filter(is_gone).count()
    };
    assert!(gone > 0);
    desk.keys("ftext contains \"pattern\"\n");
    let words = format!("timeline {} ({gone} dropped, not looked at)", 150 - gone);
    assert!(desk.text().contains(&words), "{words}\n{}", desk.text());
    desk.keys("F/pattern\n");
    let words = format!("hit 1 of {0}, row 1 of {0}, {gone} payloads dropped", 150 - gone);
    assert!(desk.text().contains(&words), "{words}\n{}", desk.text());
    // The hits are far beyond the visible text of the rows, so they are indicated.
    desk.shows("200.0 kB  / aaaa");
    desk.keys("/nothing\n");
    desk.shows(&format!("not found; {gone} messages could not be looked at"));
}
