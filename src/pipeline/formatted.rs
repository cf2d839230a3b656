use std::io::{self, Write};
use std::ops::Range;

use super::{Control, Output, Part};
use crate::event::{Event, Kind, Sink};
use crate::export::Format;
use crate::model::Timestamp;

/// Writes events in a format to a file or pipe.
#[derive(Debug)]
pub struct Formatted<F, W> {
    format: F,
    to: W,
    /// How many messages are still wanted; `None` for all.
    wanted: Option<u64>,
    begun: bool,
}

impl<F: Format, W: Write> Formatted<F, W> {
    /// Writes to `to`; stops after `wanted` messages.
    pub const fn new(format: F, to: W, wanted: Option<u64>) -> Self {
        Formatted { format, to, wanted, begun: false }
    }

    /// Writes what stands behind the last record and returns what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.begun {
            self.to.write_all(self.format.begin())?;
        }
        self.to.write_all(self.format.end())?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Is formatted text of some events.
#[derive(Debug)]
pub struct Text<F> {
    format: F,
    bytes: Vec<u8>,
    /// Where each message ends, if they are counted.
    messages: Option<Vec<usize>>,
}

impl<F: Format> Sink for Text<F> {
    fn event(&mut self, event: &Event<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(self.format.separator());
        let record = self.bytes.len();
        self.format.write(event, &mut self.bytes);
        if self.bytes.len() == record {
            self.bytes.truncate(start);
        }
        if let (Some(messages), Kind::Message(_)) = (&mut self.messages, &event.kind) {
            messages.push(self.bytes.len());
        }
    }

    fn wants_frames(&self) -> bool {
        self.format.wants_frames()
    }
}

/// Bounds the memory that a part keeps from one round to the next, in bytes.
const KEPT: usize = 4 << 20;

impl<F: Format> Part for Text<F> {
    type Memory = ();

    fn exchange(&mut self, (): &mut ()) {}

    fn mark(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        if let Some(messages) = &mut self.messages {
            messages.clear();
        }
    }
}

impl<F: Format, W: Write> Output for Formatted<F, W> {
    type Part = Text<F>;

    fn start(&mut self, first: Timestamp) {
        self.format.start(first);
    }

    fn part(&self) -> Text<F> {
        Text { format: self.format.clone(), bytes: Vec::new(), messages: self.wanted.map(|_| Vec::new()) }
    }

    fn memory(&self) {}

    fn take(&mut self, part: &Text<F>, range: Range<usize>) -> io::Result<Control> {
        let (mut start, mut end) = (range.start, range.end);
        let mut control = Control::Continue;
        if let (Some(wanted), Some(messages)) = (&mut self.wanted, &part.messages) {
            let first = messages.partition_point(|at| *at <= start);
            let inside = messages.get(first..).unwrap_or_default();
            let inside = inside.get(..inside.partition_point(|at| *at <= end)).unwrap_or_default();
            let last =
                usize::try_from(*wanted).ok().and_then(|n| n.checked_sub(1)).and_then(|n| inside.get(n));
            if let Some(last) = last {
                (end, control) = (*last, Control::Stop);
            } else if *wanted == 0 {
                return Ok(Control::Stop);
            }
            *wanted = wanted.saturating_sub(inside.len() as u64);
        }
        if start >= end {
            return Ok(control);
        }
        if !self.begun {
            self.begun = true;
            self.to.write_all(self.format.begin())?;
            start = start.saturating_add(self.format.separator().len());
        }
        self.to.write_all(part.bytes.get(start..end).unwrap_or_default())?;
        Ok(control)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.to.flush()?;
        Ok(Control::Continue)
    }
}
