use std::borrow::Cow;
use std::ops::Range;

use super::connection::{Connection, Step};
use super::output::Output;
use super::search::Unit;
use crate::model::{Lost, Side};

impl Connection {
    /// Pushes bytes of one side.
    pub fn push<'b>(&mut self, side: Side, bytes: &'b [u8]) -> Delivery<'_, 'b> {
        Delivery::new(self, side, Cow::Borrowed(bytes), FollowUp::More)
    }

    /// Pushes bytes of one side that were one TLS record: the sender wrote them at once, usually as complete frames.
    pub fn push_record<'b>(&mut self, side: Side, bytes: &'b [u8]) -> Delivery<'_, 'b> {
        Delivery::new(self, side, Cow::Borrowed(bytes), FollowUp::More).of(Unit::Record)
    }

    /// Notes that bytes of one side are missing here.
    pub fn gap(&mut self, side: Side, lost: Lost) -> Delivery<'_, 'static> {
        if lost == Lost::Exact(0) {
            return Delivery::new(self, side, Cow::Borrowed(&[]), FollowUp::More);
        }
        let found = self.conclude(side);
        Delivery::new(self, side, Cow::Owned(found), FollowUp::Gap(lost))
    }

    /// Notes that one side has finished sending.
    pub fn end(&mut self, side: Side) -> Delivery<'_, 'static> {
        let found = self.conclude(side);
        Delivery::new(self, side, Cow::Owned(found), FollowUp::End)
    }
}

/// The output of one call, for bytes, a gap or an end; to be polled until it returns `None`.
#[derive(Debug)]
pub struct Delivery<'c, 'b> {
    connection: &'c mut Connection,
    side: Side,
    input: Cow<'b, [u8]>,
    used: usize,
    then: FollowUp,
    unit: Unit,
}

/// The event that follows the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FollowUp {
    More,
    Gap(Lost),
    End,
}

impl<'c, 'b> Delivery<'c, 'b> {
    fn new(connection: &'c mut Connection, side: Side, input: Cow<'b, [u8]>, then: FollowUp) -> Self {
        Delivery { connection, side, input, used: 0, then, unit: Unit::Piece }
    }

    /// Sets the unit of the bytes.
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
                match std::mem::replace(&mut self.then, FollowUp::More) {
                    FollowUp::More => return None,
                    FollowUp::Gap(lost) => self.connection.lose(self.side, lost),
                    FollowUp::End => self.connection.finish(self.side),
                }
                continue;
            }
            let step = self.connection.step(self.side, rest, self.unit);
            if self.connection.take_swapped() {
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

    /// Swaps the sides: the one taken for the client is the server.
    pub fn reverse(&mut self) {
        self.connection.reverse();
        self.connection.take_swapped();
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
