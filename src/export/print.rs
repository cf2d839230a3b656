use super::Format;
use crate::event::Event;
use crate::model::Timestamp;
use crate::text::Day;
use crate::view::Printer;

/// A writer of one line per event for human eyes.
#[derive(Clone, Debug)]
pub struct Print(pub Printer);

impl Format for Print {
    fn wants_frames(&self) -> bool {
        self.0.wants_frames()
    }

    fn start(&mut self, first: Timestamp) {
        self.0.start(first);
    }

    fn preface(&self, out: &mut Vec<u8>) {
        self.0.preface(out);
    }

    fn day(&self, time: Timestamp) -> Option<Day> {
        self.0.day(time)
    }

    fn name_day(&self, day: Day, out: &mut Vec<u8>) {
        self.0.name_day(day, out);
    }

    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.0.write(event, out);
    }
}
