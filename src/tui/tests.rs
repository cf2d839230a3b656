//! Screen tests that draw to a buffer: every state at both sizes.

mod asked;
mod clicked;
mod compared;
mod partly;
mod searched;
mod shown;
mod sub;

use std::io;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr as _;

use super::effect::Panel;
use super::*;
use crate::event::{Anomaly, ConnId, Event, Kind, Message, Opcode, Sink, Value, Wire};
use crate::model::{At, Side};
use crate::store::{Batch, Bounds, Entry, Phase};
use crate::view::samples;

struct Still;

impl Feed for Still {
    fn title(&self) -> String {
        "exchange.pcap".to_owned()
    }

    fn save(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn export(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn put(batch: &mut Batch, conn: u64, packet: u64, millis: u64, kind: Kind<'_>) {
    let at = At { packet, time: samples::NOON.plus(Duration::from_millis(millis)) };
    batch.event(&Event::new(NonZeroU64::new(conn).map(ConnId::new), at, kind));
}

/// Adds a message and the frames that carried it.
fn say(batch: &mut Batch, conn: u64, packet: u64, millis: u64, message: Message<'_>) {
    let at = At { packet, time: samples::NOON.plus(Duration::from_millis(millis)) };
    let length = if message.wire.compressed { message.wire.bytes - 2 } else { message.length };
    let mut frame = samples::frame(message.from, message.opcode, length, packet * 140);
    frame.header.header_length += if length > 125 { 2 } else { 0 };
    frame.header.rsv = if message.wire.compressed { 4 } else { 0 };
    put(batch, conn, packet, millis, Kind::Frame(frame));
    put(
        batch,
        conn,
        packet,
        millis,
        Kind::Message(Message { wire: Wire { first: at, ..message.wire }, ..message }),
    );
}

fn text(from: Side, body: &[u8]) -> Message<'_> {
    samples::message(from, Opcode::TEXT, body)
}

/// Two conversations with events of every kind.
fn story() -> Batch {
    let mut batch = Batch::default();
    let it = &mut batch;
    put(it, 4, 9, 0, Kind::Opened(&samples::opened()));
    put(it, 30, 31, 5, Kind::Opened(&samples::not_captured()));
    for n in 0..40_u64 {
        let body = format!(
            r#"{{"e":"trade","id":{n},"s":"BTCUSDT","p":"64123.{:02}","q":0.00{n},"tags":["a",{{"deep":[1,2.50,null]}}],"名":"我是阿宝哥 🎉"}}"#,
            n * 7 % 100
        );
        let at = 12 + n * 3;
        say(it, 4, at, 20 + n * 11, text(Side::Client, br#"{"op":"sub","id":17}"#));
        let mut answer = text(Side::Server, body.as_bytes());
        answer.wire.compressed = n % 4 == 1;
        answer.wire.inflated = n % 4 == 1;
        answer.wire.bytes = if n % 4 == 1 { 84 } else { answer.wire.bytes };
        say(it, 4, at + 1, 23 + n * 11, answer);
        if n % 10 == 9 {
            say(it, 30, at + 2, 25 + n * 11, samples::message(Side::Server, Opcode::PING, b"tick"));
            let mut pong = samples::message(Side::Client, Opcode::PONG, b"tick");
            pong.rtt = Some(Duration::from_micros(412 + n));
            say(it, 30, at + 2, 26 + n * 11, pong);
        }
    }
    say(it, 30, 140, 470, samples::message(Side::Server, Opcode::BINARY, &[0, 1, 2, 0xff, b'a', 0x1b]));
    let gap = Anomaly::Gap { offset: 700, length: Some(1448), least: None, cause: "lost" };
    put(it, 30, 141, 480, Kind::Anomaly { from: Some(Side::Server), anomaly: &gap });
    let holes = samples::HOLES;
    say(it, 30, 142, 490, Message { missing: holes, length: 905, ..text(Side::Server, b"he___rest") });
    let unmasked = Anomaly::UnmaskedClientFrame { offset: 7 };
    put(it, 4, 150, 6_490, Kind::Anomaly { from: Some(Side::Client), anomaly: &unmasked });
    say(it, 4, 150, 6_490, text(Side::Client, "\x1b[2J\u{202e}evil\r\n\u{9b}31m".as_bytes()));
    say(it, 4, 151, 6_500, samples::close(Side::Client, b"\x03\xe8bye"));
    say(it, 4, 152, 6_510, samples::close(Side::Server, b"\x03\xe8bye"));
    put(it, 4, 152, 6_510, Kind::Closed(&samples::closed()));
    batch
}

struct Desk {
    app: App,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    fn with(batch: &Batch, width: u16, height: u16) -> Desk {
        let store = Shared::new(Bounds::default());
        store.add(batch, 0..batch.mark());
        store.enter(Phase::Complete);
        Desk::over(store, width, height)
    }

    fn over(store: Shared, width: u16, height: u16) -> Desk {
        let options = Options { theme: Some("dark".to_owned()), ..Options::default() };
        let app = App::open(store, Box::new(Still), &options).unwrap();
        let mut desk = Desk { app, terminal: Terminal::new(TestBackend::new(width, height)).unwrap() };
        desk.draw();
        desk
    }

    fn draw(&mut self) {
        self.app.settle();
        self.app.draw(&mut self.terminal).unwrap();
    }

    fn key(&mut self, code: KeyCode) -> &mut Self {
        let modifiers =
            if matches!(code, KeyCode::BackTab) { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        self.app.handle(&Input::Key(KeyEvent::new(code, modifiers)));
        self.draw();
        self
    }

    /// Types `text`; a line feed is Enter, a tab is Shift-Tab.
    fn keys(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.key(match c {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::BackTab,
                '\x1b' => KeyCode::Esc,
                c => KeyCode::Char(c),
            });
        }
        self
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> &mut Self {
        self.app.handle(&Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        self.draw();
        self
    }

    fn click(&mut self, column: u16, row: u16) -> &mut Self {
        self.mouse(MouseEventKind::Down(MouseButton::Left), column, row)
    }

    /// The text of the screen, without the placeholder cells after wide characters.
    fn text(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += u16::try_from(symbol.width()).unwrap().max(1);
            }
            assert_eq!(line.width(), usize::from(buffer.area.width), "line {y}: {line:?}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character is on the screen");
        text
    }

    fn show_range(&mut self, range: Option<(crate::model::Timestamp, crate::model::Timestamp)>) {
        self.app.timeline.show_range(&self.app.store.lock(), range);
    }

    fn selected(&self) -> u32 {
        self.app.timeline.entry.unwrap()
    }

    /// The entry of the selected row.
    fn entry(&self) -> Entry {
        *self.app.store.lock().entry(self.selected()).unwrap()
    }

    /// Adds further events to the store.
    fn add(&mut self, put: impl FnOnce(&mut Batch)) {
        let mut more = Batch::default();
        put(&mut more);
        self.app.store.add(&more, 0..more.mark());
    }

    #[track_caller]
    fn shows(&self, words: &str) {
        assert!(self.text().contains(words), "{words:?} is not on the screen\n{}", self.text());
    }

    #[track_caller]
    fn lacks(&self, words: &str) {
        assert!(!self.text().contains(words), "{words:?} is on the screen\n{}", self.text());
    }
}

/// The states tested at both sizes, and the keys that lead to them.
const STATES: &[(&str, &str)] = &[
    ("opened", ""),
    ("tree", "jjj\njjjjjjjj"),
    ("hex", "jjjj4d\nll"),
    ("json", "jjj3d\njjjjjj\n"),
    ("text", "jjj2d"),
    ("handshake", "d\n"),
    ("lanes", "LGkkk"),
    ("lanes_to_scale", "Lzjjjjjjjjjjjjjjjjjjjjjj"),
    ("end", "G"),
    ("conversation", "\tsjss"),
    ("filter_typed", "fopcode == text and fr"),
    ("filter_mistake", "flen > many"),
    ("filtered", "ffrom == client and json.op == \"sub\"\n"),
    ("search", "/\"id\":17,\n"),
    ("zoomed", "jjjmjjjjb+++"),
    ("help", "?"),
];

#[test]
fn every_state_at_both_sizes() {
    for (name, keys) in STATES {
        for (width, height) in [(80, 24), (200, 60)] {
            let mut desk = Desk::with(&story(), width, height);
            desk.keys(keys);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), desk.text());
        }
    }
}

#[test]
fn nothing_in_the_capture() {
    Desk::with(&Batch::default(), 80, 24).shows("no TCP connection was found in this capture");
}

#[test]
fn a_small_window_says_so_and_any_size_is_drawn() {
    let batch = story();
    for (width, height) in (1..100).step_by(7).flat_map(|w| (1..40).step_by(3).map(move |h| (w, h))) {
        let mut desk = Desk::with(&batch, width, height);
        desk.keys("LL3?\x1bijj\x1b!\x1bf");
        desk.text();
    }
}

#[test]
fn a_byte_and_its_field_are_in_step() {
    let mut desk = Desk::with(&story(), 200, 60);
    desk.keys("jj4\n");
    let name = |desk: &Desk| desk.app.detail.document.fields[desk.app.detail.field].name.clone();
    assert_eq!(name(&desk), "text from client, 20 bytes");
    desk.app.detail.byte = 0;
    let mut seen = Vec::new();
    for _ in 0..7 {
        desk.key(KeyCode::Right);
        seen.push(name(&desk));
    }
    assert_eq!(
        seen,
        ["length", "masking key", "masking key", "masking key", "masking key", "payload", "payload"]
    );
    // Conversely, selecting a field moves the byte cursor to its start.
    desk.keys("1");
    for _ in 0..30 {
        desk.keys("k");
    }
    while name(&desk) != "masking key" {
        desk.keys("j");
    }
    assert_eq!(desk.app.detail.byte, 2);
}

#[test]
fn the_selection_stays_while_rows_come_before_it() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("jjjjjj");
    let entry = desk.selected();
    desk.keys("ffrom == server\n");
    desk.keys("F");
    assert_eq!(desk.selected(), entry);
}

#[test]
fn the_mouse_chooses_drags_and_zooms() {
    let mut desk = Desk::with(&story(), 120, 40);
    let layout = desk.app.layout;
    let up = MouseEventKind::Up(MouseButton::Left);
    desk.click(layout.timeline.x + 5, layout.timeline.y + 4).mouse(
        up,
        layout.timeline.x + 5,
        layout.timeline.y + 4,
    );
    assert_eq!((desk.selected(), desk.app.panel), (4, Panel::Timeline));
    desk.click(layout.conversations.x + 2, layout.conversations.y + 2);
    assert_eq!((desk.app.timeline.rows.chosen.scope, desk.app.panel), (Some(1), Panel::Conversations));
    desk.keys("c");
    desk.mouse(MouseEventKind::ScrollDown, layout.timeline.x, layout.timeline.y);
    let all = desk.app.timeline.rows.len();
    let strip = desk.app.overview.strip();
    desk.click(strip.x, strip.y + 1).mouse(up, strip.x + 3, strip.y + 1);
    assert!(desk.app.timeline.rows.chosen.range.is_some() && desk.app.timeline.rows.len() < all);
    desk.keys("0");
    assert_eq!(desk.app.timeline.rows.len(), all);
    desk.click(layout.conversations.right(), 10)
        .mouse(MouseEventKind::Drag(MouseButton::Left), 35, 10)
        .mouse(up, 35, 10);
    assert_eq!(desk.app.layout.conversations.width, 35);
}

#[test]
fn following_stops_when_the_user_scrolls_and_counts_what_is_new() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("o");
    let last = desk.selected();
    assert_eq!(last as usize + 1, desk.app.timeline.rows.len());
    desk.keys("k");
    desk.add(|more| put(more, 4, 200, 7000, Kind::Message(text(Side::Client, b"later"))));
    desk.draw();
    assert_eq!(desk.selected(), last - 1);
    desk.shows("1 new");
    desk.keys("o");
    assert_eq!(desk.selected(), last + 1);
}

#[test]
fn what_goes_wrong_is_said() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("e\n");
    desk.shows("▼ permission denied");
    desk.shows("export to › shown.ndjson");
    desk.key(KeyCode::Esc);
    desk.app.store.enter(Phase::Failed("a.pcap: \x1b[2J".to_owned()));
    desk.keys("j");
    desk.shows("✖ a.pcap: ␛[2J");
}

#[test]
fn only_escape_leaves_a_prompt_that_is_empty() {
    let mut desk = Desk::with(&story(), 80, 24);
    desk.keys("fab").key(KeyCode::Backspace).key(KeyCode::Backspace).key(KeyCode::Backspace);
    assert!(desk.app.prompt.is_some());
    desk.key(KeyCode::Esc);
    assert!(desk.app.prompt.is_none());
}

#[test]
fn the_keys_of_a_shell_work_in_the_help() {
    let mut desk = Desk::with(&story(), 80, 24);
    for (key, effect) in [('c', Effect::Quit), ('z', Effect::Suspend), ('l', Effect::Redraw)] {
        desk.app.help = Some(0);
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert_eq!(desk.app.handle(&Input::Key(key)), effect);
    }
    desk.app.help = Some(0);
    assert_eq!(desk.keys("q").app.help, None);
}

#[test]
fn every_theme_draws_and_none_has_no_colour() {
    use ratatui::style::Color;
    for name in super::theme::Theme::NAMES {
        let mut desk = Desk::with(&story(), 120, 40);
        desk.app.theme = super::theme::Theme::named(name).unwrap();
        desk.keys("jj");
        let coloured = |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
        assert_eq!(desk.terminal.backend().buffer().content.iter().any(coloured), *name != "none", "{name}");
    }
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn no_payload_leaves_its_cell(bodies in prop::collection::vec((any::<String>(), any::<Vec<u8>>()), 1..6), keys in "[jk1234lzdt]{0,12}") {
            let mut batch = Batch::default();
            for (n, (words, bytes)) in bodies.iter().enumerate() {
                let n = n as u64 + 1;
                put(&mut batch, n, n, n, Kind::Message(text(Side::Client, words.as_bytes())));
                put(&mut batch, n, n, n, Kind::Message(Message { text: true, ..text(Side::Server, bytes) }));
                let anomaly = Anomaly::BadMethod { method: words.as_str().into() };
                put(&mut batch, n, n, n, Kind::Anomaly { from: None, anomaly: &anomaly });
            }
            let mut desk = Desk::with(&batch, 90, 30);
            desk.keys(&keys);
            // `text` checks the width of every line and the absence of control characters.
            desk.text();
        }
    }
}
