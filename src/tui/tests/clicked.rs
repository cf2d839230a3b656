use unicode_width::UnicodeWidthStr as _;

use super::super::conversations::SortBy;
use super::super::effect::Panel;
use super::super::rows::RowOrder;
use super::{Desk, put, story};
use crate::event::{Kind, LowerLayers, Severity, Tls};
use crate::store::Batch;
use crate::view::samples;

#[test]
fn heads_counts_and_hints_are_clicked() {
    let mut desk = Desk::with(&story(), 120, 40);
    let column = |line: &str, words: &str| {
        let (before, _) = line.split_once(words).expect(words);
        u16::try_from(before.width()).unwrap()
    };
    let layout = desk.app.layout;
    let line = |desk: &Desk, y: u16| desk.text().lines().nth(usize::from(y)).unwrap().to_owned();
    let heads = layout.conversations.y - 1;
    let at = column(&line(&desk, heads), "bytes");
    desk.click(at, heads);
    assert_eq!((desk.app.conversations.sort, desk.app.conversations.backwards), (SortBy::Bytes, false));
    desk.click(at, heads);
    assert_eq!((desk.app.conversations.sort, desk.app.conversations.backwards), (SortBy::Bytes, true));
    let rows = layout.timeline.y - 1;
    for (head, order) in [(" size", RowOrder::Size), ("▾size", RowOrder::Time)] {
        let at = column(&line(&desk, rows), head) + 1;
        desk.click(at, rows);
        assert_eq!(desk.app.timeline.rows.chosen.order, order, "{}", line(&desk, rows));
    }
    let at = column(&line(&desk, 0), "✖");
    desk.click(at + 2, 0);
    let number = desk.app.timeline.entry.unwrap();
    assert!(desk.app.store.lock().entry(number).unwrap().anomaly().unwrap().1 >= Severity::Warning);
    let at = column(&line(&desk, layout.status.y), "lanes");
    desk.click(at, layout.status.y);
    assert!(desk.app.timeline.form.lanes);
    let at = column(&line(&desk, layout.status.y), "help");
    desk.click(at, layout.status.y);
    assert_eq!(desk.app.help, Some(0));
}

#[test]
fn a_conversation_over_tls_has_a_sign() {
    let mut batch = Batch::default();
    let mut opening = samples::opened();
    put(&mut batch, 4, 9, 0, Kind::Opened(&opening));
    let tls = Some(Tls { version: Some("1.3".into()), ..Tls::default() });
    opening.over = Some(Box::new(LowerLayers { tls, ..LowerLayers::default() }));
    put(&mut batch, 30, 31, 5, Kind::Opened(&opening));
    let shown = Desk::with(&batch, 120, 40).text();
    assert!(shown.contains("●⚿#30") && shown.contains("● #4"), "{shown}");
}

#[test]
fn a_double_click_opens() {
    let mut desk = Desk::with(&story(), 120, 40);
    let layout = desk.app.layout;
    let (x, y) = (layout.timeline.x + 5, layout.timeline.y + 4);
    desk.click(x, y);
    assert_eq!(desk.app.panel, Panel::Timeline);
    desk.click(x, y);
    assert_eq!(desk.app.panel, Panel::Detail);
}

#[test]
fn hints_of_a_page_are_clicked_and_nothing_below_it() {
    let mut desk = Desk::with(&story(), 120, 40);
    let y = desk.app.layout.status.y;
    desk.keys("!").click(60, y);
    assert!(desk.app.page.is_some());
    let text = desk.text();
    let at = text.lines().last().unwrap().split_once("back").unwrap().0.width();
    desk.click(u16::try_from(at).unwrap(), y);
    assert!(desk.app.page.is_none());
}
