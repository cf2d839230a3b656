use std::borrow::Cow;
use std::ops::Range;

use super::connection::{Connection, Step};
use super::frame::ErrorCode;
use super::hpack::Fields;
use super::search::Unit;
use crate::model::{Anomaly, Lost, Side};

/// The output of a [`Delivery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The client sent a request by extended CONNECT, or one that may be: its method or protocol is unknown.
    Opened {
        /// The stream.
        stream: u32,
        /// The request's fields.
        request: Box<Fields>,
    },
    /// The server answered such a request.
    Answered {
        /// The stream.
        stream: u32,
        /// The response's fields.
        response: Box<Fields>,
    },
    /// The head of an ordinary request or response: its body may be asked for by [`Delivery::deliver`].
    Head {
        /// The stream.
        stream: u32,
        /// Who sent it.
        side: Side,
        /// The fields.
        fields: Box<Fields>,
    },
    /// Bytes of a stream, in order.
    Data {
        /// The stream.
        stream: u32,
        /// Who sent them.
        side: Side,
        /// The bytes.
        bytes: &'o [u8],
    },
    /// Bytes of a stream are missing here.
    DataGap {
        /// The stream.
        stream: u32,
        /// Whose bytes.
        side: Side,
        /// How many.
        lost: Lost,
    },
    /// A side sends no more on a stream; unless by `END_STREAM`, neither does.
    Ended {
        /// The stream.
        stream: u32,
        /// Who ended it.
        side: Side,
        /// How.
        how: End,
    },
    /// Something is wrong.
    Anomaly {
        /// Whose frames.
        side: Side,
        /// The stream whose bytes are delivered, if it concerns one.
        stream: Option<u32>,
        /// What is wrong.
        anomaly: Anomaly,
    },
    /// Who was taken for the client is the server, and the other way round: a request or a response tells. What is
    /// reported from here on names the sides anew.
    Reversed,
    /// The client's first bytes are not those of HTTP/2: nothing more will be taken.
    NotHttp2,
}

/// The way a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The `END_STREAM` flag: this side sends no more.
    EndStream,
    /// `RST_STREAM`; its code, unless that was lost.
    Reset(Option<ErrorCode>),
    /// GOAWAY, which says that the stream was not processed.
    GoAway(ErrorCode),
    /// There are more streams than the limit.
    Forgotten,
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
pub(super) enum Then {
    More,
    Gap(Lost),
    End,
}

impl<'c, 'b> Delivery<'c, 'b> {
    pub(super) fn new(connection: &'c mut Connection, side: Side, input: Cow<'b, [u8]>, then: Then) -> Self {
        Delivery { connection, side, input, used: 0, then, unit: Unit::Piece }
    }

    /// Says what the bytes are.
    pub(super) fn of(self, unit: Unit) -> Self {
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
