use super::cipher::Cipher;
use super::protection::{Form, KeyMaterial};
use super::schedule::{expand_label, prf};
use super::secret::Secret;
use crate::hello::suite::{Bulk, Hash, Suite};
use crate::model::Side;

/// The period during which one set of keys protects a side's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epoch {
    /// No keys: hellos, and up to TLS 1.2 the entire handshake before `ChangeCipherSpec`.
    Clear,
    /// The keys of early data.
    Early,
    /// The handshake keys of TLS 1.3.
    Handshake,
    /// The application data keys of TLS 1.3, after this many key updates.
    Traffic(u32),
    /// The keys of TLS up to 1.2, after this many handshakes.
    Session(u32),
}

/// The material from which the keys of a session up to TLS 1.2 are derived (RFC 5246 §6.3).
#[derive(Clone, Copy)]
pub(super) struct SessionKeys<'a> {
    pub(super) master: &'a [u8],
    pub(super) client_random: &'a [u8; 32],
    pub(super) server_random: &'a [u8; 32],
    pub(super) form: Form,
}

/// The keys of one side in one epoch.
pub(super) struct Keys {
    pub(super) cipher: Cipher,
    pub(super) suite: &'static Suite,
    /// The traffic secret, from which a key update derives the next.
    secret: Option<Secret>,
}

impl Keys {
    /// Derives the keys from a traffic secret (RFC 8446 §7.3).
    pub(super) fn from_traffic_secret(suite: &'static Suite, secret: &Secret) -> Option<Self> {
        let key = expand_label(suite.hash, secret.bytes(), "key", suite.bulk.key_length());
        let iv = expand_label(suite.hash, secret.bytes(), "iv", 12);
        let form = Form { version: 0x0304, encrypt_then_mac: false };
        let cipher = Cipher::new(suite.bulk, form, &KeyMaterial { key: &key, mac: &[], iv: &iv })?;
        Some(Keys { cipher, suite, secret: Some(secret.clone()) })
    }

    /// Derives the keys after a key update (RFC 8446 §7.2).
    pub(super) fn updated(&self) -> Option<Self> {
        let secret = self.secret.as_ref()?;
        let next = expand_label(self.suite.hash, secret.bytes(), "traffic upd", secret.bytes().len());
        Keys::from_traffic_secret(self.suite, &Secret::new(&next)?)
    }

    /// Extracts one side's keys from the key block (RFC 5246 §6.3).
    pub(super) fn from_session(suite: &'static Suite, session: SessionKeys<'_>, side: Side) -> Option<Self> {
        let mac = match suite.bulk {
            Bulk::Cbc(_, Hash::Sha1) => 20,
            Bulk::Cbc(_, Hash::Sha256) => 32,
            Bulk::Cbc(_, _) => 48,
            _ => 0,
        };
        let iv = match suite.bulk {
            Bulk::Gcm(_) | Bulk::Ccm(..) => 4,
            Bulk::Chacha => 12,
            Bulk::Cbc(..) => 16,
        };
        let key = suite.bulk.key_length();
        let seed: &[&[u8]] = &[session.server_random, session.client_random];
        let length = [mac, key, iv].iter().sum::<usize>().saturating_mul(2);
        let block = prf(session_hash(suite, session.form), session.master, "key expansion", seed, length);
        let mut rest = &block[..];
        let mut take = |length| {
            let (client, behind) = rest.split_at_checked(length)?;
            let (server, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some(if side == Side::Client { client } else { server })
        };
        let (mac, key, iv) = (take(mac)?, take(key)?, take(iv)?);
        let cipher = Cipher::new(suite.bulk, session.form, &KeyMaterial { key, mac, iv })?;
        Some(Keys { cipher, suite, secret: None })
    }
}

/// Returns the hash of the PRF, which up to TLS 1.1 is not the suite's.
pub(super) fn session_hash(suite: &Suite, form: Form) -> Hash {
    if form.version < 0x0303 { Hash::Md5AndSha1 } else { suite.hash }
}
