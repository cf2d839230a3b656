use std::io::{self, Write};
use std::ops::Range;

use super::{Control, Output, Part, RunStats};
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
    /// What was written, where messages are counted.
    tally: RunStats,
    begun: bool,
}

impl<F: Format, W: Write> Formatted<F, W> {
    /// Writes to `to`; stops after `wanted` messages.
    pub fn new(format: F, to: W, wanted: Option<u64>) -> Self {
        Formatted { format, to, wanted, tally: RunStats::default(), begun: false }
    }

    /// Returns what was written, where an end was set: what was seen behind the end is not among it.
    pub fn tally(&self) -> Option<RunStats> {
        self.wanted.map(|_| self.tally)
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

/// Formatted text of some events.
#[derive(Debug)]
pub struct Text<F> {
    format: F,
    bytes: Vec<u8>,
    /// Where each record of what a tally counts ends, if messages are counted.
    counted: Option<Vec<(usize, Counted)>>,
}

/// Name of what a tally counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Conversation,
    Message,
    Anomaly,
}

impl Counted {
    fn of(kind: &Kind<'_>) -> Option<Counted> {
        match kind {
            Kind::Opened(_) => Some(Counted::Conversation),
            Kind::Message(_) => Some(Counted::Message),
            Kind::Anomaly { .. } => Some(Counted::Anomaly),
            Kind::Rejected(_) | Kind::Frame(_) | Kind::Closed(_) => None,
        }
    }
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
        if let (Some(counted), Some(what)) = (&mut self.counted, Counted::of(&event.kind)) {
            counted.push((self.bytes.len(), what));
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
        if let Some(counted) = &mut self.counted {
            counted.clear();
        }
    }
}

impl<F: Format, W: Write> Output for Formatted<F, W> {
    type Part = Text<F>;

    fn start(&mut self, first: Timestamp) {
        self.format.start(first);
    }

    fn part(&self) -> Text<F> {
        Text { format: self.format.clone(), bytes: Vec::new(), counted: self.wanted.map(|_| Vec::new()) }
    }

    fn memory(&self) {}

    fn take(&mut self, part: &Text<F>, range: Range<usize>) -> io::Result<Control> {
        let (mut start, mut end) = (range.start, range.end);
        let mut control = Control::Continue;
        if let (Some(wanted), Some(counted)) = (&mut self.wanted, &part.counted) {
            if *wanted == 0 {
                return Ok(Control::Stop);
            }
            let first = counted.partition_point(|(at, _)| *at <= start);
            for (at, what) in counted.iter().skip(first).take_while(|(at, _)| *at <= range.end) {
                let counter = match what {
                    Counted::Conversation => &mut self.tally.conversations,
                    Counted::Message => &mut self.tally.messages,
                    Counted::Anomaly => &mut self.tally.anomalies,
                };
                *counter = counter.saturating_add(1);
                if *what == Counted::Message {
                    *wanted = wanted.saturating_sub(1);
                    if *wanted == 0 {
                        (end, control) = (*at, Control::Stop);
                        break;
                    }
                }
            }
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
