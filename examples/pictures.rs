//! Draws the pictures of the README: the real screen, as SVG, with a capture of the corpus.
//!
//! `cargo run --example pictures` writes them to `docs/pictures/`; `cargo run --example pictures -- CAPTURE 100x30
//! KEY…` writes one of any capture to standard output, after pressing the keys.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use wirefin::capture::Files;
use wirefin::pipeline;
use wirefin::store::{Bounds, Phase, Recorder, Shared};
use wirefin::tui::{App, Choice, Feed, Options, keys};

/// A picture: its name, the capture, its size in columns and rows, and the keys that lead to its contents.
type Picture = (&'static str, &'static str, (u16, u16), &'static str);

const HARBOUR: &str = "captures/screen/harbour.pcap.gz";
const PICTURES: &[Picture] = &[
    ("timeline", HARBOUR, (150, 40), "j*11 Enter j*12"),
    ("lanes", HARBOUR, (112, 34), "L d d j*124 k*4"),
    ("filter", HARBOUR, (112, 30), "j*6 3 f type:json.s·==·\"BTCUSDT\"·and·compressed"),
    ("socketio", "captures/subprotocols/socketio-4.pcap", (130, 30), "j*6 Enter"),
    ("mqtt", "captures/subprotocols/mqtt-5.pcap", (130, 30), "H j*9 Enter"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [capture, size, keys @ ..] = arguments.as_slice() {
        let (width, height) = size.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
        let drawn = screen(Path::new(capture), (width.parse()?, height.parse()?), &keys.join(" "))?;
        print!("{}", svg(&drawn));
        return Ok(());
    }
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = home.join("docs/pictures");
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in pictures(&home)? {
        std::fs::write(folder.join(format!("{name}.svg")), svg)?;
    }
    Ok(())
}

/// Draws all pictures, with their names.
pub fn pictures(home: &Path) -> Result<Vec<(&'static str, String)>, Box<dyn std::error::Error>> {
    let draw = |(name, capture, size, keys): &Picture| {
        screen(&home.join(capture), *size, keys).map(|drawn| (*name, svg(&drawn)))
    };
    PICTURES.iter().map(draw).collect()
}

/// A backend for a screen on which nothing is saved.
struct Still(String);

impl Feed for Still {
    fn title(&self) -> String {
        self.0.clone()
    }

    fn save(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn export(&mut self, _: &Path, _: Choice) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Returns the screen after `keys`, which are names in the key table; `j*3` is `j` three times, and `type:a·b` is typed
/// text.
fn screen(
    capture: &Path,
    (width, height): (u16, u16),
    keys: &str,
) -> Result<Buffer, Box<dyn std::error::Error>> {
    let store = Shared::new(Bounds::default());
    let mut source = Files::open(&[capture.to_owned()])?;
    pipeline::run(&mut source, &pipeline::Options::default(), &mut Recorder::new(store.clone()))?;
    store.enter(Phase::Complete);
    let title = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let options = Options { theme: Some("dark".to_owned()), ..Options::default() };
    let mut app = App::open(store, Box::new(Still(title)), &options)?;
    let mut terminal = Terminal::new(TestBackend::new(width, height))?;
    app.settle();
    app.draw(&mut terminal)?;
    for key in keys.split_whitespace() {
        if let Some(text) = key.strip_prefix("type:") {
            app.enter_text(&text.replace('·', " "));
            app.settle();
            app.draw(&mut terminal)?;
            continue;
        }
        let (name, times) = key.split_once('*').unwrap_or((key, "1"));
        let action = keys::named(name).ok_or_else(|| format!("there is no key {name}"))?;
        for _ in 0..times.parse()? {
            app.press(action);
            app.settle();
            app.draw(&mut terminal)?;
        }
    }
    Ok(terminal.backend().buffer().clone())
}

/// The size of a cell, and the position of its text.
const CELL: (f64, f64) = (8.4, 18.0);
const BASELINE: f64 = 13.5;
const MARGIN: f64 = 10.0;
const INK: &str = "#d4d7dd";
const PAPER: &str = "#14171c";

/// Draws a screen as SVG: backgrounds, then blocks and lines as shapes so that they join, then text.
fn svg(buffer: &Buffer) -> String {
    let (width, height) = (f64::from(buffer.area.width) * CELL.0, f64::from(buffer.area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.1} {1:.1}\" width=\"{0:.0}\" height=\"{1:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace\" font-size=\"13.95\" style=\"white-space:pre\">\n",
        width + 2.0 * MARGIN,
        height + 2.0 * MARGIN
    );
    for y in 0..buffer.area.height {
        backgrounds(buffer, y, &mut out);
        inks(buffer, y, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Returns the foreground and background of a cell; `None` for the background of the page.
fn colours(cell: &Cell) -> (String, Option<String>) {
    let ink = colour(cell.fg).unwrap_or_else(|| INK.to_owned());
    let paper = colour(cell.bg);
    if cell.modifier.contains(Modifier::REVERSED) {
        (paper.unwrap_or_else(|| PAPER.to_owned()), Some(ink))
    } else {
        (ink, paper)
    }
}

/// Returns one of the 256 colours of terminals.
fn colour(colour: Color) -> Option<String> {
    let Color::Indexed(n) = colour else { return None };
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    let (r, g, b) = match n {
        0..16 => (200, 200, 200),
        16..232 => (level((n - 16) / 36), level((n - 16) / 6 % 6), level((n - 16) % 6)),
        232.. => (8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232)),
    };
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

fn left(x: u16) -> f64 {
    MARGIN + f64::from(x) * CELL.0
}

fn top(y: u16) -> f64 {
    MARGIN + f64::from(y) * CELL.1
}

fn rectangle(out: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
    );
}

fn backgrounds(buffer: &Buffer, y: u16, out: &mut String) {
    let mut x = 0;
    while x < buffer.area.width {
        let paper = colours(&buffer[(x, y)]).1;
        let end = (x..buffer.area.width)
            .find(|at| colours(&buffer[(*at, y)]).1 != paper)
            .unwrap_or(buffer.area.width);
        if let Some(paper) = paper {
            rectangle(out, (left(x), top(y)), (f64::from(end - x) * CELL.0 + 0.2, CELL.1 + 0.2), &paper);
        }
        x = end;
    }
}

fn inks(buffer: &Buffer, y: u16, out: &mut String) {
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let (ink, _) = colours(cell);
        if shape(cell.symbol(), (left(x), top(y)), &ink, out) || cell.symbol().trim().is_empty() {
            x += 1;
            continue;
        }
        // ASCII of one style is grouped; anything else is drawn separately, in its own column.
        let plain = |cell: &Cell| cell.symbol().is_ascii() && !cell.symbol().is_empty();
        let same = |at: &u16| {
            let other = &buffer[(*at, y)];
            plain(other) && colours(other).0 == ink && other.modifier == cell.modifier
        };
        let end = if plain(cell) {
            (x..buffer.area.width).take_while(same).last().map_or(x + 1, |last| last + 1)
        } else {
            x + 1
        };
        let text: String = (x..end).map(|at| buffer[(at, y)].symbol()).collect();
        let text = text.trim_end();
        let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
        let length = f64::from(u16::try_from(text.len()).unwrap_or(1)) * CELL.0;
        let length = if plain(cell) { format!(" textLength=\"{length:.1}\"") } else { String::new() };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // Consecutive ordinary spaces would be drawn as one.
        let text = text.replace(' ', "\u{a0}");
        let (at, base) = (left(x), top(y) + BASELINE);
        let _ =
            writeln!(out, "<text x=\"{at:.1}\" y=\"{base:.1}\" fill=\"{ink}\"{bold}{length}>{text}</text>");
        x = end;
    }
}

/// Draws blocks and lines as shapes; returns whether the symbol is one.
fn shape(symbol: &str, (x, y): (f64, f64), ink: &str, out: &mut String) -> bool {
    let (w, h) = CELL;
    let (middle, line) = (y + h / 2.0, 1.2);
    let mut flat = |from: f64, to: f64, thick: f64| {
        rectangle(out, (x + from * w, middle - thick / 2.0), ((to - from) * w, thick), ink);
    };
    match symbol {
        "─" | "┄" | "╌" | "━" | "═" => match symbol {
            "━" => flat(0.0, 1.02, 2.4),
            "─" => flat(0.0, 1.02, line),
            "═" => {
                flat(0.0, 1.02, line);
            }
            _ => flat(0.2, 0.75, line),
        },
        "│" | "┬" | "├" | "▎" => {
            let (from, to) = if symbol == "┬" { (h / 2.0, h) } else { (0.0, h) };
            let (at, thick) = if symbol == "▎" { (x, w / 4.0) } else { (x + w / 2.0 - line / 2.0, line) };
            rectangle(out, (at, y + from), (thick, to - from + 0.3), ink);
            match symbol {
                "┬" => rectangle(out, (x, middle - line / 2.0), (w, line), ink),
                "├" => rectangle(out, (x + w / 2.0, middle - line / 2.0), (w / 2.0, line), ink),
                _ => {}
            }
        }
        _ => {
            let block = symbol.chars().next().map_or(0, u32::from);
            if !(0x2581..=0x2588).contains(&block) {
                return false;
            }
            let height = h * f64::from(block - 0x2580) / 8.0;
            // Slightly wider than its cell: an inverted cell must cover its background completely.
            rectangle(out, (x - 0.3, y + h - height), (w + 0.6, height + 0.5), ink);
        }
    }
    true
}
