use super::line::Lines;
use super::{Format, Settings};
use crate::event::Event;

/// A writer of one JSON array of the objects that [`super::Ndjson`] writes.
#[derive(Clone, Debug)]
pub struct Json {
    lines: Lines,
    frames: bool,
}

impl Json {
    /// Creates the format.
    pub fn new(settings: &Settings) -> Self {
        Json { lines: Lines::new(settings), frames: settings.frames }
    }
}

impl Format for Json {
    fn begin(&self) -> &'static [u8] {
        b"[\n"
    }

    fn separator(&self) -> &'static [u8] {
        b",\n"
    }

    fn end(&self) -> &'static [u8] {
        b"\n]\n"
    }

    fn wants_frames(&self) -> bool {
        self.frames
    }

    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.lines.write(event, out);
    }
}
