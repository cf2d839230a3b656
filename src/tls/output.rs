use std::collections::VecDeque;
use std::ops::Range;

use super::negotiation::Negotiation;
use super::{Facts, KeyLog};
use crate::model::{Anomaly, At, Lost, Side};

/// The output of a [`Stream`](super::Stream).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The facts of the handshake, reported once, when it has ended or no more of it will be seen, before bytes, gaps
    /// and ends.
    Hello(Box<Facts>),
    /// The plaintext of one record.
    Bytes {
        /// The side that sent it.
        side: Side,
        /// The plaintext.
        bytes: &'o [u8],
        /// The packet of the record's first byte.
        first: At,
        /// The packet that completed the record.
        at: At,
        /// Whether the record was authenticated. Otherwise it is incomplete: the bytes were decrypted according to
        /// their position in it, and nothing proves that they were sent like this.
        verified: bool,
    },
    /// Plaintext is missing.
    Gap {
        /// The side that sent it.
        side: Side,
        /// How much is missing.
        lost: Lost,
        /// The packet that revealed the gap.
        at: At,
    },
    /// A side has finished sending application data.
    End {
        /// The side that ended.
        side: Side,
        /// How it ended.
        how: End,
        /// The packet that ended it.
        at: At,
    },
    /// An anomaly; it precedes the output to which it belongs.
    Anomaly {
        /// The side whose bytes are concerned, if known.
        side: Option<Side>,
        /// The anomaly.
        anomaly: Anomaly,
        /// The packet that revealed it.
        at: At,
    },
    /// The side taken for the client is the server: this applies to all outputs so far, and bytes must be pushed with
    /// the sides swapped from now on.
    Swapped,
    /// The connection will not be decrypted: no further bytes are taken.
    Opaque(Opaque),
}

/// The end of one side of a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The `close_notify` alert.
    CloseNotify,
    /// A fatal alert with this name.
    Alert(&'static str),
    /// The end of the underlying bytes, without an alert.
    Truncated,
}

/// The reason why a connection is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// No key is known.
    NoKeys,
    /// None of the known keys opens its records.
    KeysWrong,
    /// A part of the handshake that decryption requires was not captured.
    HandshakeMissing,
    /// Its cipher suite is not supported.
    SuiteUnsupported,
    /// It is not TLS.
    NotTls,
}

impl Opaque {
    /// Returns the anomaly to report for it, if keys were given.
    pub(super) fn anomaly(self, facts: &Facts, negotiation: &Negotiation, keys: &KeyLog) -> Option<Anomaly> {
        let server_name = facts.server_name.clone();
        Some(match self {
            Opaque::NotTls => return None,
            Opaque::NoKeys => {
                let prefix = negotiation.client_random.and_then(|random| random.first_chunk::<4>().copied());
                let client_random = prefix.map(|bytes| format!("{:08x}", u32::from_be_bytes(bytes)).into());
                Anomaly::TlsNoKeys { client_random, server_name, known: keys.secrets() as u64 }
            }
            Opaque::KeysWrong => Anomaly::TlsKeysWrong { tried: negotiation.secrets() as u64 },
            Opaque::HandshakeMissing => Anomaly::TlsHandshakeMissing { server_name },
            Opaque::SuiteUnsupported => Anomaly::TlsSuiteUnsupported { suite: facts.suite_name()? },
        })
    }
}

/// The queued outputs; their plaintext is in one common buffer.
#[derive(Default)]
pub(super) struct Outputs {
    queue: VecDeque<Queued>,
    plain: Vec<u8>,
}

enum Queued {
    Bytes { side: Side, range: Range<usize>, first: At, at: At, verified: bool },
    Other(Output<'static>),
}

impl Outputs {
    /// Returns the buffer to which plaintext is appended before [`Self::bytes`] queues it.
    pub(super) const fn plain(&mut self) -> &mut Vec<u8> {
        &mut self.plain
    }

    /// Queues plaintext that is in the buffer.
    pub(super) fn bytes(&mut self, side: Side, range: Range<usize>, (first, at): (At, At), verified: bool) {
        if !range.is_empty() {
            self.queue.push_back(Queued::Bytes { side, range, first, at, verified });
        }
    }

    pub(super) fn push(&mut self, output: Output<'static>) {
        self.queue.push_back(Queued::Other(output));
    }

    pub(super) fn anomaly(&mut self, side: impl Into<Option<Side>>, anomaly: Anomaly, at: At) {
        self.push(Output::Anomaly { side: side.into(), anomaly, at });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Frees the buffer: nothing borrows from it any more.
    pub(super) fn clear(&mut self) {
        self.plain = Vec::new();
    }

    pub(super) fn next(&mut self) -> Option<Output<'_>> {
        Some(match self.queue.pop_front()? {
            Queued::Bytes { side, range, first, at, verified } => {
                let bytes = self.plain.get(range).unwrap_or_default();
                Output::Bytes { side, bytes, first, at, verified }
            }
            Queued::Other(output) => output,
        })
    }
}
