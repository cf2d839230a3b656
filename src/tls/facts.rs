use crate::hello::{suite, version_name};
use crate::model::KeyOrigin;

/// The facts about a TLS connection in its handshake, as far as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Facts {
    /// The version that was chosen, as `ServerHello` numbers it.
    pub version: Option<u16>,
    /// The cipher suite that was chosen.
    pub suite: Option<u16>,
    /// The server's name, as the client asked for it (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The application protocols that the client offered (RFC 7301).
    pub alpn_offered: Vec<Box<str>>,
    /// The application protocol that the server chose; TLS 1.3 encrypts the choice.
    pub alpn: Option<Box<str>>,
    /// The JA4 fingerprint of the client.
    pub ja4: Option<Box<str>>,
    /// The connection resumes an earlier one: by session id, ticket or pre-shared key; `None` where the server's hello was
    /// not seen.
    pub resumed: Option<bool>,
    /// What became of early data (RFC 8446 §4.2.10), where the client offered some.
    pub early_data: Option<EarlyData>,
    /// The server asked for a certificate of the client.
    pub certificate_requested: bool,
    /// The server asked for a second `ClientHello`.
    pub retried: bool,
    /// The client offered an encrypted `ClientHello`; the name seen is not the true one where that was accepted.
    pub encrypted_hello: bool,
    /// Where the keys came from with which records were opened; `None` where none were.
    pub keys: Option<KeyOrigin>,
}

/// The fate of early data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyData {
    /// The client offered some, and the answer is not known.
    Offered,
    /// The server took it.
    Accepted,
    /// The server ignored it.
    Rejected,
}

impl Facts {
    /// Returns the version as people write it.
    pub fn version_name(&self) -> Option<&'static str> {
        Some(version_name(self.version?).unwrap_or("unknown"))
    }

    /// Returns whether early data was sent and taken; `None` where that is not known.
    pub fn early_data_accepted(&self) -> Option<bool> {
        match self.early_data {
            None => self.resumed.map(|_| false),
            Some(EarlyData::Offered) => None,
            Some(outcome) => Some(outcome == EarlyData::Accepted),
        }
    }

    /// Returns the suite's name in the IANA registry, or its number where it is not one that can be decrypted.
    pub fn suite_name(&self) -> Option<Box<str>> {
        self.suite.map(suite::name)
    }
}
