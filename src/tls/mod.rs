//! Decryption of TLS records for which the keys are known, also after lost bytes (RFC 8446, RFC 5246, RFC 9850).
//!
//! [`Stream`] follows one connection. It takes the bytes and gaps of both sides and returns the facts of the handshake
//! ([`Facts`]) and the plaintext of each record in one piece. [`KeyLog`] holds the secrets, which can be neither
//! displayed nor serialised and are wiped when dropped.
//!
//! ```
//! use wirefin::model::KeyOrigin;
//! use wirefin::tls::KeyLog;
//!
//! let mut keys = KeyLog::default();
//! let line = format!("CLIENT_RANDOM {} {}\n", "0a".repeat(32), "0b".repeat(48));
//! assert_eq!(keys.add(KeyOrigin::KeyLog, line.as_bytes()).secrets, 1);
//! assert_eq!(keys.add(KeyOrigin::KeyLog, b"CLIENT_RANDOM 0a 0b\n").broken, Some(1));
//! ```

mod aes;
mod alert;
mod cbc;
mod ccm;
mod chacha;
mod cipher;
mod contents;
mod direction;
mod facts;
mod gcm;
mod handshake;
mod held;
mod identify;
mod ja4;
mod keylog;
mod keys;
mod negotiation;
mod nonce;
mod opening;
mod output;
mod private_key;
mod protection;
mod record;
mod record_reader;
mod resync;
mod schedule;
mod search;
mod secret;
mod sessions;
mod stream;
#[cfg(test)]
mod tests;
mod transcript;

pub use facts::{EarlyData, Facts};
pub use keylog::{Added, KeyLog};
pub use output::{End, Opaque, Output};
pub use sessions::Session;
pub use stream::Stream;

use record::Header;
use record::content::{self, HANDSHAKE};

/// Bounds on the memory and the work of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes queued while waiting for keys.
    pub held: usize,
    /// The number of trials, over all secrets of a key log, to identify a connection whose handshake was not captured;
    /// a trial of a cipher other than AES-GCM counts as several.
    pub trials: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { held: 256 * 1024, trials: 1 << 24 }
    }
}

/// Returns whether bytes from the middle of a connection begin with a record of application data that is followed by
/// the end or by another record; if `may_be_long`, the record may extend beyond the bytes.
pub fn is_records(bytes: &[u8], may_be_long: bool) -> bool {
    let Some(header) = Header::parse(bytes) else { return false };
    if header.kind != content::APPLICATION_DATA || header.version != 0x0303 {
        return false;
    }
    match bytes.get(record::HEADER.saturating_add(header.length)..) {
        None => may_be_long,
        Some([]) => true,
        Some(behind) => behind.len() < record::HEADER || Header::parse(behind).is_some(),
    }
}

/// Returns whether a side's first bytes begin a handshake; `None` if they are too few.
pub fn looks_like(bytes: &[u8]) -> Option<bool> {
    let start: &[u8] = &[HANDSHAKE, 3];
    if !bytes.starts_with(bytes.get(..start.len()).map_or(bytes, |_| start)) {
        return Some(false);
    }
    if bytes.len() < start.len() {
        return start.starts_with(bytes).then_some(()).map_or(Some(false), |()| None);
    }
    let (header, first) = (bytes.get(..record::HEADER)?, bytes.get(record::HEADER)?);
    Some(Header::parse(header).is_some() && [1, 2].contains(first))
}
