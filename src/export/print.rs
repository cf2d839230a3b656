use super::Format;
use crate::event::Event;
use crate::model::Timestamp;
use crate::view::Printer;

/// A writer of one line an event for human eyes.
#[derive(Clone, Debug)]
pub struct Print(pub Printer);

impl Format for Print {
    fn wants_frames(&self) -> bool {
        self.0.wants_frames()
    }

    fn start(&mut self, first: Timestamp) {
        self.0.start(first);
    }

    fn write(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.0.write(event, out);
    }
}
