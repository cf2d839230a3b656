use crate::hello::{suite, version_name};
use crate::model::KeyOrigin;

/// The facts about a TLS connection that its handshake shows, as far as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Facts {
    /// The negotiated version, as numbered in `ServerHello`.
    pub version: Option<u16>,
    /// The negotiated cipher suite.
    pub suite: Option<u16>,
    /// The server name that the client requested (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The application protocols that the client offered (RFC 7301).
    pub alpn_offered: Vec<Box<str>>,
    /// The application protocol that the server selected; TLS 1.3 encrypts it.
    pub alpn: Option<Box<str>>,
    /// The JA4 fingerprint of the client.
    pub ja4: Option<Box<str>>,
    /// Whether the connection resumes an earlier one, by session ID, ticket or pre-shared key; `None` if the server's
    /// hello was not seen.
    pub resumed: Option<bool>,
    /// The outcome of early data (RFC 8446 §4.2.10), if the client offered any.
    pub early_data: Option<EarlyData>,
    /// Whether the server requested a client certificate.
    pub certificate_requested: bool,
    /// Whether the server asked for a second `ClientHello`.
    pub retried: bool,
    /// Whether the client offered an encrypted `ClientHello`; if it was accepted, the visible name is not the true one.
    pub encrypted_hello: bool,
    /// The origin of the keys that opened records; `None` if no record was opened.
    pub keys: Option<KeyOrigin>,
}

/// The outcome of early data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyData {
    /// The client offered early data; the server's answer is unknown.
    Offered,
    /// The server accepted it.
    Accepted,
    /// The server ignored it.
    Rejected,
}

impl Facts {
    /// Returns the version in its usual notation.
    pub fn version_name(&self) -> Option<&'static str> {
        Some(version_name(self.version?).unwrap_or("unknown"))
    }

    /// Returns whether early data was sent and accepted; `None` if unknown.
    pub fn early_data_accepted(&self) -> Option<bool> {
        match self.early_data {
            None => self.resumed.map(|_| false),
            Some(EarlyData::Offered) => None,
            Some(outcome) => Some(outcome == EarlyData::Accepted),
        }
    }

    /// Returns the suite's name in the IANA registry, or its number if it is not a supported suite.
    pub fn suite_name(&self) -> Option<Box<str>> {
        self.suite.map(suite::name)
    }
}
