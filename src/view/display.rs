use std::fmt;

use super::{Clock, Printer, Settings};
use crate::event::{Event, Kind};
use crate::text::Rfc3339;

/// How wide a displayed event may be, in columns.
const WIDTH: usize = 160;

/// Writes the event in one line, as `wirefin print` does, with the time as RFC 3339.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Vec::new();
        Rfc3339::default().write(self.at.time, &mut line);
        let settings = Settings {
            colour: false,
            verbose: matches!(self.kind, Kind::Frame(_)),
            hex: false,
            width: WIDTH,
            clock: Clock::Relative,
            pretty: false,
            dated: false,
        };
        let mut row = Vec::new();
        Printer::new(settings).write(self, &mut row);
        // The seconds since the first packet, which nobody here knows.
        let row = String::from_utf8_lossy(&row);
        let row = row.trim().split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        write!(f, "{}  {row}", String::from_utf8_lossy(&line))
    }
}
