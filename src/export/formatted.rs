use std::io::{self, Write};
use std::ops::Range;

use super::Format;
use crate::event::{Collector, Control, Event, Kind, Output, Piece, RunStats, Sink};
use crate::model::Timestamp;
use crate::text::Day;

/// A writer of events in a format to a file or pipe.
#[derive(Debug)]
pub struct Formatted<F, W> {
    format: F,
    to: W,
    /// How many more messages to write; `None` for all.
    wanted: Option<u64>,
    /// What was written, if messages are counted.
    tally: RunStats,
    begun: bool,
    /// The day of the last record written, if days are named.
    day: Option<Day>,
}

impl<F: Format, W: Write> Formatted<F, W> {
    /// Writes to `to`; stops after `wanted` messages.
    pub fn new(format: F, to: W, wanted: Option<u64>) -> Self {
        Formatted { format, to, wanted, tally: RunStats::default(), begun: false, day: None }
    }

    /// Returns what was written, if the number of messages is limited; what was seen after the limit is not included.
    pub fn tally(&self) -> Option<RunStats> {
        self.wanted.map(|_| self.tally)
    }

    /// Writes a range of records, preceded by the name of each day that begins in it.
    fn write_by_days(&mut self, text: &Text, range: Range<usize>) -> io::Result<()> {
        let mut start = range.start;
        // The day of the first record is that of the last change before it.
        let first = text.days.partition_point(|(at, _)| *at <= start).saturating_sub(1);
        for (at, day) in text.days.iter().skip(first).take_while(|(at, _)| *at < range.end) {
            let at = (*at).max(start);
            self.to.write_all(text.bytes.get(start..at).unwrap_or_default())?;
            start = at;
            if self.day != Some(*day) {
                let mut line = Vec::new();
                self.format.name_day(*day, &mut line);
                self.to.write_all(&line)?;
                self.day = Some(*day);
            }
        }
        self.to.write_all(text.bytes.get(start..range.end).unwrap_or_default())
    }

    /// Writes the format's end and returns the writer.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.begun {
            self.to.write_all(self.format.begin())?;
        }
        self.to.write_all(self.format.end())?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// A collector that formats the events of a shard.
#[derive(Debug)]
pub struct Formatter<F> {
    format: F,
    text: Text,
    /// Whether messages are counted.
    counts: bool,
}

/// Formatted text of some events.
#[derive(Debug, Default)]
pub struct Text {
    bytes: Vec<u8>,
    /// The end of each record that counts toward the limit, if messages are counted.
    counted: Vec<(usize, CountedKind)>,
    /// The start of each record whose day differs from that of the record before, if days are named.
    days: Vec<(usize, Day)>,
}

/// The kind of a counted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedKind {
    Conversation,
    Message,
    Anomaly,
}

impl CountedKind {
    fn of(kind: &Kind<'_>) -> Option<CountedKind> {
        match kind {
            Kind::Opened(_) => Some(CountedKind::Conversation),
            Kind::Message(_) => Some(CountedKind::Message),
            Kind::Anomaly { .. } => Some(CountedKind::Anomaly),
            Kind::Rejected(_) | Kind::Unshown(_) | Kind::Frame(_) | Kind::Closed(_) => None,
        }
    }
}

impl<F: Format> Sink for Formatter<F> {
    fn event(&mut self, event: &Event<'_>) {
        let Text { bytes, counted, days } = &mut self.text;
        let start = bytes.len();
        bytes.extend_from_slice(self.format.separator());
        let record = bytes.len();
        self.format.write(event, bytes);
        if bytes.len() == record {
            bytes.truncate(start);
        } else if let Some(day) = self.format.day(event.at.time)
            && days.last().is_none_or(|(_, last)| *last != day)
        {
            days.push((start, day));
        }
        if self.counts
            && let Some(what) = CountedKind::of(&event.kind)
        {
            counted.push((bytes.len(), what));
        }
    }

    fn wants_frames(&self) -> bool {
        self.format.wants_frames()
    }
}

/// The maximum memory that a shard's text keeps from one batch to the next, in bytes.
const KEPT: usize = 512 << 10;

impl<F: Format> Collector for Formatter<F> {
    type Piece = Text;

    fn piece(&mut self) -> &mut Text {
        &mut self.text
    }
}

impl Piece for Text {
    fn mark(&self) -> usize {
        self.bytes.len()
    }

    fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.counted.clear();
        self.counted.shrink_to(KEPT / 64);
        self.days.clear();
    }
}

impl<F: Format, W: Write> Output for Formatted<F, W> {
    type Collector = Formatter<F>;

    fn start(&mut self, first: Timestamp) {
        self.format.start(first);
        // The preface names it.
        self.day = self.format.day(first);
    }

    fn collector(&self) -> Formatter<F> {
        Formatter { format: self.format.clone(), text: Text::default(), counts: self.wanted.is_some() }
    }

    fn take(&mut self, text: &Text, range: Range<usize>) -> io::Result<Control> {
        let (mut start, mut end) = (range.start, range.end);
        let mut control = Control::Continue;
        if let Some(wanted) = &mut self.wanted {
            if *wanted == 0 {
                return Ok(Control::Stop);
            }
            let first = text.counted.partition_point(|(at, _)| *at <= start);
            for (at, what) in text.counted.iter().skip(first).take_while(|(at, _)| *at <= range.end) {
                let counter = match what {
                    CountedKind::Conversation => &mut self.tally.conversations,
                    CountedKind::Message => &mut self.tally.messages,
                    CountedKind::Anomaly => &mut self.tally.anomalies,
                };
                *counter = counter.saturating_add(1);
                if *what == CountedKind::Message {
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
            let mut preface = Vec::new();
            self.format.preface(&mut preface);
            self.to.write_all(&preface)?;
            start = start.saturating_add(self.format.separator().len());
        }
        if text.days.is_empty() {
            self.to.write_all(text.bytes.get(start..end).unwrap_or_default())?;
        } else {
            self.write_by_days(text, start..end)?;
        }
        Ok(control)
    }

    fn pause(&mut self) -> io::Result<Control> {
        self.to.flush()?;
        Ok(Control::Continue)
    }
}
