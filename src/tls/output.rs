use std::collections::VecDeque;
use std::ops::Range;

use super::negotiation::Negotiation;
use super::{Facts, KeyLog};
use crate::model::{Anomaly, At, Lost, Side};

/// The output of a [`Stream`](super::Stream).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'o> {
    /// The handshake is over, or as much of it as will be seen; it comes once, before bytes, gaps and ends.
    Hello(Box<Facts>),
    /// Plaintext of one record.
    Bytes {
        /// Who sent it.
        side: Side,
        /// The plaintext.
        bytes: &'o [u8],
        /// The packet of the record's first byte.
        first: At,
        /// The packet that completed the record.
        at: At,
        /// The record was authentic. Otherwise it is not whole: the bytes were decrypted by their place in it, and
        /// nothing proves that they were sent so.
        verified: bool,
    },
    /// Plaintext is missing.
    Gap {
        /// Who sent it.
        side: Side,
        /// How much.
        lost: Lost,
        /// The packet that showed it.
        at: At,
    },
    /// A side sends no more application data.
    End {
        /// Which.
        side: Side,
        /// How it ended.
        how: End,
        /// The packet that said so.
        at: At,
    },
    /// Something was wrong; it comes before the output it belongs to.
    Anomaly {
        /// Whose bytes were wrong, where that can be said.
        side: Option<Side>,
        /// What was wrong.
        anomaly: Anomaly,
        /// The packet that showed it.
        at: At,
    },
    /// What was taken for the client is the server: everything said so far and from now on is meant so, and bytes are to
    /// be pushed the other way round.
    Swapped,
    /// The connection will not be decrypted: nothing more will be taken.
    Opaque(Opaque),
}

/// The end of one side of a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the alert `close_notify`.
    CloseNotify,
    /// With a fatal alert of this name.
    Alert(&'static str),
    /// With the end of the bytes below.
    Truncated,
}

/// The reason why a connection is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// No key is known.
    NoKeys,
    /// None of the keys known opens its records.
    KeysWrong,
    /// The part of the handshake was not captured that decryption needs.
    HandshakeMissing,
    /// Its cipher suite is not supported.
    SuiteUnsupported,
    /// It is not TLS.
    NotTls,
}

impl Opaque {
    /// Returns what is reported of it, where keys were given.
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

/// Outputs that wait to be asked for; the plaintext of all of them lies in one buffer.
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
    /// Returns the buffer to which plaintext is appended that [`Self::bytes`] then queues.
    pub(super) const fn plain(&mut self) -> &mut Vec<u8> {
        &mut self.plain
    }

    /// Queues plaintext that lies in the buffer.
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

    /// Frees the buffer: nothing is lent from it any more.
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
