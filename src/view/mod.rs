//! Events as text for people.
//!
//! [`Printer`] writes one line per event. [`StyledWriter`] writes it plain or coloured and is the only way for text
//! from the wire into a line: [`printable()`](crate::text::printable) replaces what a terminal would interpret.
//!
//! ```
//! use wirefin::event::{Anomaly, Event, Kind};
//! use wirefin::model::{At, Side};
//! use wirefin::view::{Clock, DEFAULT_WIDTH, Printer, Settings};
//!
//! let (clock, width) = (Clock::Relative, DEFAULT_WIDTH);
//! let settings =
//!     Settings { colour: false, verbose: false, hex: false, width, clock, pretty: false, dated: false };
//! let anomaly = Anomaly::UnmaskedClientFrame { offset: 7 };
//! let kind = Kind::Anomaly { from: Some(Side::Client), anomaly: &anomaly };
//! let mut line = Vec::new();
//! Printer::new(settings).write(&Event::new(None, At::default(), kind), &mut line);
//! assert!(String::from_utf8_lossy(&line).contains("a client frame is not masked"));
//! ```

mod detail;
mod hex;
pub mod layout;
mod origin;
mod pieces;
mod pretty;
mod row;
#[cfg(test)]
pub(crate) mod samples;
mod style;
mod units_row;

pub use hex::hex_dump;
pub use origin::{Clock, Origin, TimeText};
pub use pieces::{Piece, dots, pieces};
pub use style::{Style, StyledOutput, StyledWriter};
pub use units_row::{body_text, field_text, unit_style, units};

use std::fmt;

use self::row::Row;
use crate::event::{Event, Kind, Meaning, Message, Opening};
use crate::model::Timestamp;
use crate::text::{Day, Rfc3339, Zone};

/// The settings of a [`Printer`].
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Use colour.
    pub colour: bool,
    /// Show handshakes in full, and frames.
    pub verbose: bool,
    /// Show payloads as hex dumps as well.
    pub hex: bool,
    /// The maximum width of a row, in columns.
    pub width: usize,
    /// The format of times.
    pub clock: Clock,
    /// Show JSON payloads below their row, indented.
    pub pretty: bool,
    /// Begin with the start time of the capture, and show the date where times are times of day.
    pub dated: bool,
}

/// The width of lines where no terminal determines it.
pub const DEFAULT_WIDTH: usize = 160;

/// A writer of one line per event, plus any details that were requested.
#[derive(Clone, Debug)]
pub struct Printer {
    settings: Settings,
    origin: Option<Timestamp>,
}

impl Printer {
    /// Creates a printer.
    pub const fn new(settings: Settings) -> Self {
        Printer { settings, origin: None }
    }

    /// Sets the origin of relative times; by default, the time of the first event.
    pub const fn start(&mut self, origin: Timestamp) {
        self.origin = Some(origin);
    }

    /// Returns whether frames are shown.
    pub const fn wants_frames(&self) -> bool {
        self.settings.verbose
    }

    /// Appends the lines for `event`.
    pub fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let Settings { colour, verbose, hex, width, clock, .. } = self.settings;
        let began = *self.origin.get_or_insert(event.at.time);
        let origin = origin::Origin { clock, began };
        // Events about the capture as a whole name a file and its error, and are shown in full.
        let columns = if event.conn.is_some() { width } else { usize::MAX };
        let writer = &mut StyledWriter::new(out, colour).within(columns);
        let mut row = Row { writer, event, origin, width };
        match &event.kind {
            Kind::Opened(opening) => {
                row.opened(opening);
                self.handshake(opening, out);
            }
            Kind::Rejected(rejected) => {
                row.rejected(rejected);
                self.handshake(&rejected.opening, out);
            }
            Kind::Unshown(_) => {}
            Kind::Frame(frame) => {
                if verbose {
                    row.frame(frame);
                }
            }
            // Skip a part: a later row shows the complete message.
            Kind::Message(message)
                if !verbose && !hex && message.meaning.is_some_and(Meaning::is_only_part) => {}
            Kind::Message(message) => {
                let json = self.laid_out(message);
                row.width = if json.is_some() { 0 } else { width };
                row.message(message);
                let below = &mut StyledWriter::new(out, colour);
                if let Some(lines) = json {
                    pretty::write(below, &lines, message.payload);
                }
                if hex {
                    hex_dump(below, message.payload, message.missing);
                }
            }
            Kind::Anomaly { from, anomaly } => row.anomaly(*from, anomaly),
            Kind::Closed(closed) => row.closed(closed),
        }
    }

    /// Appends the first line: the start time of the capture.
    pub fn preface(&self, out: &mut Vec<u8>) {
        let Some(began) = self.origin.filter(|_| self.settings.dated) else { return };
        let zone = if let Clock::OfDay(zone) = self.settings.clock { zone } else { Zone::UTC };
        let mut text = Vec::new();
        Rfc3339::default().write(zone.shifted(began), &mut text);
        let text = String::from_utf8_lossy(text.get(..26).unwrap_or_default()).replace('T', " ");
        let writer = &mut StyledWriter::new(out, self.settings.colour).within(self.settings.width);
        writer.put(Style::Dim, &format!("capture begins {text} {}", zone.day(began).zone()));
        writer.end();
    }

    /// Returns the day of `time` if dates are to be shown.
    pub fn day(&self, time: Timestamp) -> Option<Day> {
        match self.settings.clock {
            Clock::OfDay(zone) if self.settings.dated => Some(zone.day(time)),
            _ => None,
        }
    }

    /// Appends a line with a date.
    pub fn name_day(&self, day: Day, out: &mut Vec<u8>) {
        let writer = &mut StyledWriter::new(out, self.settings.colour);
        writer.put(Style::Dim, &format!("── {} ──", day.name()));
        writer.end();
    }

    /// Lays a message out in lines if that was requested and it is complete JSON.
    fn laid_out(&self, message: &Message<'_>) -> Option<Vec<layout::Line>> {
        let whole = message.text && message.is_complete() && message.truncated_to.is_none();
        let nested = |payload: &[u8]| payload.iter().any(|byte| matches!(byte, b'{' | b'['));
        if !self.settings.pretty || !whole || !nested(message.payload) {
            return None;
        }
        layout::lay_out(message.payload)
    }

    /// Appends the handshake in full if that was requested.
    fn handshake(&self, opening: &Opening, out: &mut Vec<u8>) {
        if self.settings.verbose
            && let Some(handshake) = &opening.handshake
        {
            detail::handshake(&mut StyledWriter::new(out, self.settings.colour), handshake);
        }
    }
}

/// The maximum width of a displayed event, in columns.
const DISPLAYED: usize = 160;

/// Writes the event as a single line, like `wirefin print`, with its time in RFC 3339 format.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Vec::new();
        Rfc3339::default().write(self.at.time, &mut line);
        let settings = Settings {
            colour: false,
            verbose: matches!(self.kind, Kind::Frame(_)),
            hex: false,
            width: DISPLAYED,
            clock: Clock::Relative,
            pretty: false,
            dated: false,
        };
        let mut row = Vec::new();
        Printer::new(settings).write(self, &mut row);
        // Drop the seconds since the first packet, which is unknown here.
        let row = String::from_utf8_lossy(&row);
        let row = row.trim().split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        write!(f, "{}  {row}", String::from_utf8_lossy(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Anomaly, ConnId, Missing};
    use crate::model::Side;
    use crate::websocket::Opcode;
    use proptest::prelude::*;
    use std::num::NonZeroU64;
    use std::time::Duration;

    fn put(tape: &mut (Printer, Vec<u8>), packet: u64, micros: u64, kind: Kind<'_>) {
        tape.0.write(&samples::event(packet, micros, kind), &mut tape.1);
    }

    fn print(settings: Settings) -> String {
        let mut tape = (Printer::new(settings), Vec::new());
        tape.0.start(samples::NOON);
        put(&mut tape, 9, 0, Kind::Opened(&samples::opened()));
        put(&mut tape, 9, 0, Kind::Rejected(&samples::refused()));
        put(&mut tape, 9, 0, Kind::Opened(&samples::not_captured()));
        put(&mut tape, 12, 412, Kind::Frame(samples::frame(Side::Client, Opcode::TEXT, 5, 0)));
        put(&mut tape, 12, 412, Kind::Message(samples::message(Side::Client, Opcode::TEXT, b"hello")));
        let mut long = samples::message(
            Side::Server,
            Opcode::TEXT,
            "{\"price\":\"64123.12\",\"名\":\"我是阿宝哥\"}".as_bytes(),
        );
        long.wire.compressed = true;
        long.wire.inflated = true;
        long.wire.frames = 3;
        put(&mut tape, 13, 700, Kind::Message(long));
        put(
            &mut tape,
            14,
            800,
            Kind::Message(samples::message(Side::Server, Opcode::BINARY, &[0, 1, 2, 0xff])),
        );
        let mut pong = samples::message(Side::Client, Opcode::PONG, b"tick");
        pong.rtt = Some(Duration::from_micros(412));
        put(&mut tape, 15, 900, Kind::Message(pong));
        let mut holes = samples::message(Side::Server, Opcode::TEXT, b"hello");
        holes.missing = &[Missing { offset: 2, length: Some(3) }];
        holes.length = 8;
        put(&mut tape, 16, 1000, Kind::Message(holes));
        let hostile = samples::message(Side::Server, Opcode::TEXT, "\x1b[2J\u{202e}evil\r\n".as_bytes());
        put(&mut tape, 17, 1100, Kind::Message(hostile));
        let anomaly = Anomaly::UnmaskedClientFrame { offset: 7 };
        put(&mut tape, 18, 1200, Kind::Anomaly { from: Some(Side::Client), anomaly: &anomaly });
        let anomaly =
            Anomaly::CaptureDamaged { file: "a.pcap".into(), offset: 24, problem: "cut\x1b".into() };
        put(&mut tape, 18, 1200, Kind::Anomaly { from: None, anomaly: &anomaly });
        put(&mut tape, 19, 1_204_000, Kind::Message(samples::close(Side::Client, b"\x03\xe8bye")));
        put(&mut tape, 20, 1_204_100, Kind::Closed(&samples::closed()));
        String::from_utf8(tape.1).unwrap()
    }

    const PLAIN: Settings = Settings {
        colour: false,
        verbose: false,
        hex: false,
        width: 100,
        clock: Clock::Relative,
        pretty: false,
        dated: false,
    };

    #[test]
    fn plain_rows() {
        insta::assert_snapshot!(print(PLAIN));
    }

    #[test]
    fn verbose_rows_with_hex_dumps() {
        insta::assert_snapshot!(print(Settings { verbose: true, hex: true, ..PLAIN }));
    }

    #[test]
    fn coloured_rows_say_the_same() {
        let coloured = print(Settings { colour: true, ..PLAIN });
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, print(PLAIN));
        for line in coloured.lines() {
            let last = line.rsplit_once('\x1b').map(|(_, after)| after.split_once('m').unwrap().0);
            assert_eq!(last, Some("[0"), "{line:?} does not end with a style reset");
        }
    }

    proptest! {
        #[test]
        fn a_message_is_one_line_of_the_given_width(payload: Vec<u8>, text: String, width in 10_usize..200) {
            for payload in [&payload[..], text.as_bytes()] {
                let message = samples::message(Side::Server, Opcode::TEXT, payload);
                let event = Event {
                    conn: NonZeroU64::new(7).map(ConnId::new),
                    ..samples::event(1, 0, Kind::Message(message))
                };
                let mut out = Vec::new();
                Printer::new(Settings { width, ..PLAIN }).write(&event, &mut out);
                let line = String::from_utf8(out).unwrap();
                prop_assert_eq!(line.matches('\n').count(), 1);
                prop_assert!(!line.trim_end_matches('\n').chars().any(char::is_control));
                let columns: usize =
                    line.chars().map(|c| unicode_width::UnicodeWidthChar::width(c).unwrap_or(0)).sum();
                prop_assert!(columns <= width, "{columns} of {width}: {line}");
            }
        }

        #[test]
        fn no_row_is_wider_than_it_may_be(width in 10_usize..200) {
            let text = print(Settings { width, ..PLAIN });
            for line in text.lines().filter(|line| !line.contains("capture-damaged")) {
                let columns: usize =
                    line.chars().map(|c| unicode_width::UnicodeWidthChar::width(c).unwrap_or(0)).sum();
                prop_assert!(columns <= width, "{columns} of {width}: {line}");
            }
        }
    }
}
