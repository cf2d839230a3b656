//! Parsing of HTTP bodies that carry messages (HTML Standard §9.2, the Engine.IO protocol, RFC 9110 §8.4).
//!
//! [`BodyReader`] takes the bytes of one body as they arrive, decodes their content coding, and returns the messages in
//! them: `events` parses a stream of server-sent events, `payload` the payloads of Engine.IO's long polling. After a
//! gap nothing is invented: both continue where their own grammar is unambiguous.
//!
//! ```
//! use wirefin::model::At;
//! use wirefin::streams::{BodyReader, Format, Output};
//!
//! let mut body = BodyReader::new(Format::Events, None, 1 << 20);
//! body.push(b"event: price\ndata: 42\n\n", At::default());
//! let Some(Output::Message(message)) = body.next() else { panic!("the event is whole") };
//! assert_eq!((&message.bytes[..], message.facts.event.as_deref()), (&b"42"[..], Some("price")));
//! ```

mod brotli;
mod coding;
mod events;
mod jsonp;
mod output;
mod payload;
mod zstd;

use std::collections::VecDeque;

use crate::model::{At, Lost};

use coding::Coding;
use events::EventStream;
use payload::Payload;

pub use output::{BodyMessage, EventFacts, Output};
pub use zstd::{UnreadableZstd, ZstdStream};

/// The format of the messages in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Server-sent events.
    Events,
    /// A payload of the Engine.IO protocol.
    EngineIo {
        /// The revision of the protocol: 3 or 4.
        revision: u8,
    },
}

/// A reader of the messages in one body.
#[derive(Debug)]
pub struct BodyReader {
    coding: Coding,
    format: Reader,
    /// The number of bytes of the body processed so far.
    offset: u64,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum Reader {
    Events(EventStream),
    Payload(Payload),
    /// Nothing can be read, which has been reported.
    Nothing,
}

impl BodyReader {
    /// Creates the reader for a body with this `Content-Encoding`; at most `limit` bytes of a message are kept.
    pub fn new(format: Format, content_encoding: Option<&str>, limit: usize) -> Self {
        let format = match format {
            Format::Events => Reader::Events(EventStream::new(limit)),
            Format::EngineIo { revision } => Reader::Payload(Payload::new(revision, limit)),
        };
        let coding = Coding::named(content_encoding.unwrap_or("identity"));
        let mut it = BodyReader { coding, format, offset: 0, outputs: VecDeque::new() };
        if let Some(cause) = it.coding.fault() {
            it.give_up(cause);
        }
        it
    }

    /// Returns whether the body is compressed.
    pub fn is_encoded(&self) -> bool {
        !matches!(self.coding, Coding::Identity)
    }

    /// Returns how many bytes of the body were received or are known to be lost.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Pushes the next bytes of the body and the packet that contained them; then poll [`next`](Self::next).
    pub fn push(&mut self, bytes: &[u8], carried: At) {
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        let BodyReader { coding, format, outputs, .. } = self;
        if let Reader::Nothing = format {
            return;
        }
        let mut unreadable = None;
        let fault = coding.decode(bytes, |piece| match format {
            Reader::Events(events) => events.push(piece, carried, outputs),
            Reader::Payload(payload) => {
                unreadable = unreadable.or(payload.push(piece, carried, outputs));
            }
            Reader::Nothing => {}
        });
        let fault = fault.or(unreadable);
        if let Some(cause) = fault {
            self.give_up(cause);
        }
    }

    /// Notes that bytes of the body are missing here.
    pub fn gap(&mut self, lost: Lost) {
        self.offset = self.offset.saturating_add(lost.least());
        if self.is_encoded() {
            self.give_up("bytes of compressed data are missing");
            return;
        }
        match &mut self.format {
            Reader::Events(events) => events.gap(&mut self.outputs),
            Reader::Payload(payload) => payload.gap(lost, &mut self.outputs),
            Reader::Nothing => {}
        }
    }

    /// Notes that the body has ended; `whole` means that it ended according to its framing.
    pub fn end(&mut self, whole: bool) {
        match std::mem::replace(&mut self.format, Reader::Nothing) {
            Reader::Events(events) => events.end(whole, &mut self.outputs),
            Reader::Payload(payload) => payload.end(whole, &mut self.outputs),
            Reader::Nothing => {}
        }
    }

    /// Returns the next output.
    #[allow(clippy::should_implement_trait)] // named as in every other module
    pub fn next(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns the allocated memory, in bytes.
    pub fn allocated(&self) -> usize {
        let format = match &self.format {
            Reader::Events(events) => events.allocated(),
            Reader::Payload(payload) => payload.allocated(),
            Reader::Nothing => 0,
        };
        format.saturating_add(self.coding.allocated())
    }

    /// Stops reading because of `cause`.
    pub fn give_up(&mut self, cause: &'static str) {
        match std::mem::replace(&mut self.format, Reader::Nothing) {
            Reader::Events(mut events) => events.gap(&mut self.outputs),
            Reader::Payload(mut payload) => payload.gap(Lost::Unknown { least: 0 }, &mut self.outputs),
            Reader::Nothing => return,
        }
        self.outputs.push_back(Output::Unreadable { cause });
    }
}

#[cfg(test)]
mod tests;
