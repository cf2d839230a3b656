use std::borrow::Cow;
use std::ops::Range;

use super::connection::{Connection, Step};
use super::output::Output;
use super::search::Unit;
use crate::model::{Lost, Side};

impl Connection {
    /// Takes bytes of one side.
    pub fn push<'b>(&mut self, side: Side, bytes: &'b [u8]) -> Delivery<'_, 'b> {
        Delivery::new(self, side, Cow::Borrowed(bytes), Then::More)
    }

    /// Takes bytes of one side that were one record of TLS: its sender wrote them at once, mostly whole frames.
    pub fn push_record<'b>(&mut self, side: Side, bytes: &'b [u8]) -> Delivery<'_, 'b> {
        Delivery::new(self, side, Cow::Borrowed(bytes), Then::More).of(Unit::Record)
    }

    /// Hears that bytes of one side are missing here.
    pub fn gap(&mut self, side: Side, lost: Lost) -> Delivery<'_, 'static> {
        if lost == Lost::Exact(0) {
            return Delivery::new(self, side, Cow::Borrowed(&[]), Then::More);
        }
        let found = self.conclude(side);
        Delivery::new(self, side, Cow::Owned(found), Then::Gap(lost))
    }

    /// Hears that one side sends no more.
    pub fn end(&mut self, side: Side) -> Delivery<'_, 'static> {
        let found = self.conclude(side);
        Delivery::new(self, side, Cow::Owned(found), Then::End)
    }
}

/// The output of one call, for bytes, a gap or an end; to be asked until it answers `None`.
#[derive(Debug)]
pub struct Delivery<'c, 'b> {
    connection: &'c mut Connection,
    side: Side,
    input: Cow<'b, [u8]>,
    used: usize,
    then: Then,
    unit: Unit,
}

/// The event behind the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    More,
    Gap(Lost),
    End,
}

impl<'c, 'b> Delivery<'c, 'b> {
    fn new(connection: &'c mut Connection, side: Side, input: Cow<'b, [u8]>, then: Then) -> Self {
        Delivery { connection, side, input, used: 0, then, unit: Unit::Piece }
    }

    /// Says what the bytes are.
    fn of(self, unit: Unit) -> Self {
        Delivery { unit, ..self }
    }

    /// Returns the next output.
    #[expect(clippy::should_implement_trait, reason = "what it returns is borrowed from it")]
    pub fn next(&mut self) -> Option<Output<'_>> {
        loop {
            if let Some(output) = self.connection.report() {
                return Some(output);
            }
            let rest = self.input.get(self.used..).unwrap_or_default();
            if rest.is_empty() {
                match std::mem::replace(&mut self.then, Then::More) {
                    Then::More => return None,
                    Then::Gap(lost) => self.connection.lose(self.side, lost),
                    Then::End => self.connection.finish(self.side),
                }
                continue;
            }
            let step = self.connection.step(self.side, rest, self.unit);
            if self.connection.was_reversed() {
                self.side = !self.side;
            }
            match step {
                Step::Used(used) => self.used = self.used.saturating_add(used),
                Step::Data { stream, bytes } => return Some(self.data(stream, bytes)),
                Step::Found(bytes) => {
                    self.input = Cow::Owned(bytes);
                    self.used = 0;
                    self.unit = Unit::Piece;
                }
            }
        }
    }

    /// Learns that who was taken for the client is the server, and the other way round.
    pub fn reverse(&mut self) {
        self.connection.reverse();
        self.connection.was_reversed();
        self.side = !self.side;
    }

    /// Delivers the bodies of an ordinary exchange from here on.
    pub fn deliver(&mut self, stream: u32) {
        if let Some(stream) = self.connection.reports.streams.find(stream) {
            stream.deliver();
        }
    }

    fn data(&mut self, stream: u32, range: Range<usize>) -> Output<'_> {
        let start = self.used.saturating_add(range.start);
        let end = self.used.saturating_add(range.end);
        self.used = end;
        Output::Data { stream, side: self.side, bytes: self.input.get(start..end).unwrap_or_default() }
    }
}
