use super::line::Lines;
use super::{Format, Settings};
use crate::event::Event;

/// A writer of one JSON object per line: the promise of `docs/ndjson.md`.
#[derive(Clone, Debug)]
pub struct Ndjson {
    lines: Lines,
    frames: bool,
}

impl Ndjson {
    /// Creates the format.
    pub fn new(settings: &Settings) -> Self {
        Ndjson { lines: Lines::new(settings), frames: settings.frames }
    }
}

impl Format for Ndjson {
    fn wants_frames(&self) -> bool {
        self.frames
    }

    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        self.lines.write(event, out);
        if out.len() > start {
            out.push(b'\n');
        }
    }
}
